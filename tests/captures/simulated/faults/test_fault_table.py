"""docs/faults.md says of every fault what it is and what it leaves in a capture; this test writes it.

Run ``HANSCOPE_WRITE_DOCS=1 pytest tests/captures/simulated/faults/test_fault_table.py`` after a change.
"""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from captures.simulated.faults import known
from captures.simulated.scenarios import SCENARIOS, simulate
from captures.simulated.scenarios.recording import truth_rows

TABLE = Path(__file__).parents[4] / "docs" / "faults.md"
SEED, SECONDS = 11, 6000
# Attacks of the table that leave no trace of their own (or are made of the others).
WITHOUT_TRACE = {"A40"}
WORDS = {
    "data": "data",
    "command": "MAC command",
    "ack": "acknowledgement",
    "beacon": "beacon",
    "forged": "forged",
}


def what_it_changes(rows: list[dict[str, Any]], name: str) -> tuple[int, str]:
    """Number of marked frames, and the kinds of them that are commonest."""
    marked = [row for row in rows if row["kind"] == "frame" and name in row["faults"]]
    kinds = Counter(kind_of(row) for row in marked)
    bad = sum(not row["fcs_good"] for row in marked)
    words = [kind for kind, _ in kinds.most_common(2)]
    return len(marked), "; ".join(words) + ("; wrong FCS" if bad * 2 > len(marked) else "")


def kind_of(row: dict[str, Any]) -> str:
    if row.get("use_case"):
        return f"GBCS {row['use_case']}"
    if row.get("aps_cluster") is not None:
        return f"cluster 0x{row['aps_cluster']:04x}"
    if row.get("nwk_command") is not None:
        return f"NWK command 0x{row['nwk_command']:02x}"
    if row.get("mac_command") is not None:
        return f"MAC command 0x{row['mac_command']:02x}"
    return WORDS.get(row.get("mac", ""), "frame")


def lines() -> Iterator[str]:
    faults = sorted(known().values(), key=lambda f: (f.kind, f.name))
    yield "# Faults, attacks and scenarios of the simulated HAN"
    yield ""
    yield "Written by `tests/captures/simulated/faults/test_fault_table.py` from the simulation itself: each fault was"
    yield f"planted in an ordinary day of {SECONDS} s (seed {SEED}). `hanscope simulate SCENARIO -o out.pcapng --fault"
    yield "NAME`. The truth lists the marked frames of each; what honest devices then do because of it is theirs."
    yield ""
    for kind in ("fault", "attack"):
        yield f"## {kind.capitalize()}s"
        yield ""
        yield "| name | attack | what happens | marked frames | mostly |"
        yield "|---|---|---|---|---|"
        for one in (f for f in faults if f.kind == kind):
            rows = list(truth_rows(simulate("ordinary-day", seed=SEED, seconds=SECONDS, faults=[one.name])))
            count, mostly = what_it_changes(rows, one.name)
            yield f"| `{one.name}` | {one.attack or '-'} | {one.summary} | {count} | {mostly} |"
        yield ""
    yield "## Scenarios"
    yield ""
    yield "| name | what happens | simulated |"
    yield "|---|---|---|"
    for story in SCENARIOS.values():
        yield f"| `{story.name}` | {story.summary} | {story.seconds / 3600:g} h |"


def names_in(text: str) -> dict[str, str]:
    """First column to the columns that do not depend on chance."""
    cells = [
        [c.strip() for c in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| `")
    ]
    return {row[0]: "|".join(row[1:3]) for row in cells}


def test_table_is_that_of_the_simulation() -> None:
    if os.environ.get("HANSCOPE_WRITE_DOCS"):
        TABLE.write_text("\n".join(lines()) + "\n", encoding="utf-8")
    wanted = {f"`{f.name}`": f"{f.attack or '-'}|{f.summary}" for f in known().values()}
    wanted |= {f"`{s.name}`": f"{s.summary}|{s.seconds / 3600:g} h" for s in SCENARIOS.values()}
    assert names_in(TABLE.read_text("utf-8")) == wanted


def test_counts_of_the_table() -> None:
    """Three rows, made anew, say the same."""
    text = TABLE.read_text("utf-8")
    for name in ("gbcs-tamper", "association-flood", "lost-mirror"):
        rows = list(truth_rows(simulate("ordinary-day", seed=SEED, seconds=SECONDS, faults=[name])))
        count, mostly = what_it_changes(rows, name)
        assert f"| {count} | {mostly} |" in next(
            x for x in text.splitlines() if x.startswith(f"| `{name}` |")
        )


def test_every_attack_is_there(shared: Path) -> None:
    import csv

    with (shared / "facts" / "captures" / "attacks.csv").open(encoding="utf-8") as file:
        wanted = {row["id"] for row in csv.DictReader(file)} - WITHOUT_TRACE
    assert wanted <= {f.attack for f in known().values()}
