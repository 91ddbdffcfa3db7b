"""The fault matrix: every fault of the simulated HAN, played with several seeds and strengths, and what the
rules say of it.

    python -m tests.analysis.fault_matrix                    # writes docs/fault_matrix.md
    python -m tests.analysis.fault_matrix --faults replay    # one fault: its line
    python -m tests.analysis.fault_matrix --missing          # those that the page does not have yet: added to it
    python -m tests.analysis.fault_matrix --other 5000       # other seeds (each 5000 higher): printed, not written

A fault counts as found when a rule meant for it (`tests/analysis/meant_for.csv`) speaks, at the severity
that is written there, and names frames that the fault made or changed; of a device that falls silent, when
it names the device."""

from __future__ import annotations

import argparse
import csv
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from analysis.engine.checking import check
from analysis.findings.model import SEVERITIES, Finding
from analysis.keys.keyfile import read_keys
from analysis.pipeline.decode import decode
from captures.simulated.scenarios import SCENARIOS, simulate
from captures.simulated.scenarios.keyfile import keys_text
from captures.simulated.scenarios.recording import truth_rows, write_han

__all__ = [
    "MEANT_FOR",
    "RUNS",
    "Outcome",
    "Row",
    "clean_findings",
    "extended",
    "missing",
    "page",
    "play",
    "rows_meant",
]

MEANT_FOR = Path(__file__).with_name("meant_for.csv")
NOT_TOLD = Path(__file__).with_name("not_told.md")
RUNS = ((700, 1.0), (713, 0.5), (726, 2.0), (739, 0.5), (752, 2.0))
"""Seed and strength of each run."""
DAYS = tuple(
    (name, 800 + 20 * round_ + number) for round_ in range(2) for number, name in enumerate(SCENARIOS)
)
"""Clean days, each at its full length: scenario and seed."""


@dataclass(frozen=True, slots=True)
class Row:
    """What is expected of one fault: the rules meant for it, and the least severity."""

    fault: str
    rules: tuple[str, ...]
    severity: str = "warning"
    scenario: str = "ordinary-day"
    seconds: float = 2400
    by_device: bool = False


@dataclass(slots=True)
class Outcome:
    """One run: the truth's frames and device, and the findings that belong to it."""

    row: Row
    seed: int
    strength: float
    truth: set[int]
    device: str
    findings: list[Finding] = field(default_factory=list)

    def hits(self, finding: Finding) -> int:
        """How many of the truth's frames a finding names; a silence counts by its device."""
        overlap = len(self.truth.intersection(finding.frames))
        if not overlap and self.row.by_device and self.device:
            return int(self.device in finding.device)
        return overlap

    def found_by(self) -> dict[str, int]:
        """The rules that found it, at the severity wanted, with the frames that they share with the truth."""
        out: dict[str, int] = {}
        for f in self._telling():
            out[f.rule] = out.get(f.rule, 0) + self.hits(f)
        return out

    def _telling(self) -> Iterator[Finding]:
        floor = SEVERITIES.index(self.row.severity)
        return (f for f in self.findings if SEVERITIES.index(f.severity) >= floor and self.hits(f))

    @property
    def found(self) -> bool:
        """Whether one of the rules meant for it found it."""
        return any(name in self.row.rules for name in self.found_by())

    def overlap(self) -> tuple[float, float] | None:
        """Precision and recall of the frames that the rules meant for it name; None where there are none."""
        named = {frame for f in self._telling() if f.rule in self.row.rules for frame in f.frames}
        shared = len(named & self.truth)
        return (shared / len(named), shared / len(self.truth)) if shared else None


def rows_meant() -> dict[str, Row]:
    """The table of what is expected, by fault."""
    with MEANT_FOR.open(newline="", encoding="utf-8") as lines:
        out = {}
        for r in csv.DictReader(line for line in lines if not line.startswith("#")):
            out[r["fault"]] = Row(
                r["fault"],
                tuple(r["rules"].split()),
                r["severity"] or "warning",
                r["scenario"] or "ordinary-day",
                float(r["seconds"] or 2400),
                r["by"] == "device",
            )
    return out


def play(row: Row, seed: int, strength: float = 1.0) -> Outcome:
    """Plays one fault, decodes the capture with the home's keys, and runs all rules over it."""
    han = simulate(row.scenario, seed=seed, seconds=row.seconds, faults=[row.fault], strength=strength)
    truth: dict[str, Any] = next(r for r in truth_rows(han) if r["kind"] == "fault")
    device = str(truth.get("device") or "")
    return Outcome(row, seed, strength, set(truth["frames"]), device, _findings(han))


def clean_findings(scenario: str, seed: int, seconds: float | None = None) -> list[Finding]:
    """The findings of a day on which nothing is wrong."""
    return _findings(simulate(scenario, seed=seed, seconds=seconds))


def page(
    faults: Iterable[str],
    days: Iterable[tuple[str, int]],
    played: Callable[[Row, int, float], Outcome] = play,
    clean: Callable[[str, int], list[Finding]] = clean_findings,
    runs: Sequence[tuple[int, float]] = RUNS,
) -> str:
    """The page: each fault with the rules that found it, and the healthy days with their alarms."""
    told = ", ".join(f"{seed} ({strength:g})" for seed, strength in runs)
    lines = [
        "# Fault matrix", "", f"Each fault of the simulated HAN, {len(runs)} times: seed (strength) {told}. Written by", "",
        "```sh", "python -m tests.analysis.fault_matrix", "```", "",
        "*Found* counts the runs in which a rule meant for the fault (in bold) names frames of it, at the severity that",
        "`tests/analysis/meant_for.csv` asks for. Precision and recall are of those frames, in the mean: a rule that names a",
        "request but not its answer, or frames of which the attacker made only the first, has less than 100 %; a silence has",
        "none. Other rules that speak of the same frames follow, with the number of runs.", "",
        "| fault | found | rules (runs) | precision | recall |", "|---|---|---|---|---|",
    ]  # fmt: skip
    meant = rows_meant()
    lines += [_line(meant[name], [played(meant[name], *run) for run in runs]) for name in faults]
    lines += ["", "## Healthy days", "", "Each scenario at its full length, without a fault.", ""]
    lines += ["| scenario | seed | warnings and above |", "|---|---|---|"]
    for scenario, seed in days:
        grave = sorted({f.rule for f in clean(scenario, seed) if f.severity != "info"})
        lines.append(f"| {scenario} | {seed} | {', '.join(grave) or 'none'} |")
    return "\n".join([*lines, *_not_told()])


def _name(line: str) -> str:
    """The fault of a line of the page; empty where it is none."""
    cells = line.split(" | ")
    return cells[0].removeprefix("| ") if len(cells) == 5 and cells[1].partition(" of ")[2].isdigit() else ""


def missing(written: str) -> list[str]:
    """The faults that a page does not have yet."""
    return sorted(set(rows_meant()) - set(map(_name, written.splitlines())))


def extended(written: str, lines: Iterable[str]) -> str:
    """A page with lines of faults added in their places, and what cannot be told as it is now."""
    begins = NOT_TOLD.read_text("utf-8").partition("\n")[0]
    old = written.partition(f"\n{begins}\n")[0].splitlines()
    here = [place for place, line in enumerate(old) if _name(line)]
    rows = sorted({_name(line): line for line in [*(old[place] for place in here), *lines]}.items())
    head, tail = old[: here[0]], old[here[-1] + 1 :]
    return "\n".join([*head, *(line for _, line in rows), *tail, *_not_told()])


def _add(out: Path, row: Row, runs: Sequence[Outcome]) -> None:
    out.write_text(extended(out.read_text("utf-8"), [_line(row, runs)]), encoding="utf-8")


def _not_told() -> list[str]:
    return ["", NOT_TOLD.read_text("utf-8").strip(), ""]


def _line(row: Row, runs: Sequence[Outcome]) -> str:
    by = Counter(rule for run in runs for rule in run.found_by())
    own = [f"**{rule}** ({by[rule]})" for rule in row.rules if by[rule]]
    others = [f"{rule} ({n})" for rule, n in by.most_common() if rule not in row.rules]
    shares = [share for run in runs if (share := run.overlap()) is not None]
    means = [f"{sum(part) / len(part):.0%}" for part in zip(*shares, strict=True)] or ["", ""]
    found = sum(run.found for run in runs)
    return f"| {row.fault} | {found} of {len(runs)} | {', '.join(own + others)} | {' | '.join(means)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faults", nargs="*", default=sorted(rows_meant()))
    parser.add_argument("--out", type=Path, default=Path("docs/fault_matrix.md"))
    parser.add_argument("--other", type=int, default=0, help="what is added to every seed")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--missing", action="store_true", help="those that the page does not have yet")
    chosen = parser.parse_args()
    if chosen.missing:
        chosen.faults = missing(chosen.out.read_text("utf-8"))
    whole = set(chosen.faults) == set(rows_meant())
    runs = tuple((seed + chosen.other, strength) for seed, strength in RUNS)
    days = tuple((name, seed + chosen.other) for name, seed in DAYS) if whole else ()
    with ProcessPoolExecutor(chosen.processes) as pool:
        clean = {day: pool.submit(clean_findings, *day) for day in days}
        rows = [rows_meant()[name] for name in chosen.faults]
        played = {(row.fault, *run): pool.submit(play, row, *run) for row in rows for run in runs}
        left = Counter(fault for fault, _, _ in played)
        whose = {future: name for (name, _, _), future in played.items()}
        for done, future in enumerate(as_completed([*clean.values(), *played.values()]), 1):
            future.result()
            if chosen.missing and not chosen.other:
                left[whose[future]] -= 1
                if not left[whose[future]]:  # a run that is broken off keeps what it has
                    _add(
                        chosen.out,
                        rows_meant()[whose[future]],
                        [played[whose[future], *run].result() for run in runs],
                    )
            print(f"\r{done} of {len(clean) + len(played)}", end="", file=sys.stderr, flush=True)
    text = page(
        chosen.faults,
        days,
        lambda row, seed, strength: played[row.fault, seed, strength].result(),
        lambda scenario, seed: clean[scenario, seed].result(),
        runs,
    )
    if chosen.missing and not chosen.other:
        chosen.out.write_text(extended(chosen.out.read_text("utf-8"), []), encoding="utf-8")
    elif whole and not chosen.other:
        chosen.out.write_text(text, encoding="utf-8")
    else:
        print(text)


def _findings(han: Any) -> list[Finding]:
    with tempfile.TemporaryDirectory() as folder:
        capture, keys = Path(folder) / "han.pcapng", Path(folder) / "keys.toml"
        write_han(han, capture)
        keys.write_text(keys_text(han), encoding="utf-8")
        result = check(decode(str(capture), read_keys(keys)))
    if result.failures:
        raise AssertionError(f"rules broke down: {result.failures}")
    return result.findings


if __name__ == "__main__":
    main()
