"""Everything that hanscope says of known inputs, written to files, so that two versions can be compared.

    python -m tests.golden write OUT [--only captures,scenarios,messages,trees,faults] [--captures-from OUT]
    python -m tests.golden compare BEFORE AFTER [--most 5]

Strategy: what is compared is what the command prints (tables as JSON lines, findings, messages, trees as JSON), not
objects of the program, so that rooms and names may change between the two. To write what another version says, run
this file with that version's folder first on the path: ``PYTHONPATH=../before python tests/golden.py write OUT``.
Simulated captures are made once (by the version that writes first) and copied, so that both read the same octets.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import json
import os
import re
import shutil
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("HANSCOPE_SHARED", ROOT.parent / "shared"))
CAPTURES = {".pcap", ".pcapng", ".dcf", ".cubx"}
PARTS = ("captures", "scenarios", "messages", "trees", "faults")
SIMULATED = ("scenarios", "faults")
SCENARIOS = (
    ("install-day", ()),
    ("ordinary-day", ("--seconds", "7200")),
    ("proving-exercise", ("--use-cases", "all")),
    ("install-day", ("--fault", "replay", "--fault", "weak-link", "--seed", "7")),
)
TREES_OF_A_CAPTURE = 40
SECONDS_OF_A_FAULT = "1500"
SECONDS_OF_A_DAY = 7200  # longer scenarios are cut to it
WINDOW = 2000
"""Frames of a window, where captures are also judged window by window."""
IN_WINDOWS = (
    "fault-replay",
    "fault-cloned-join",
    "fault-weak-link",
    "fault-rejoin-loop",
    "scenario-install-day",
)


def run(*words: str) -> tuple[int, str]:
    """Exit code and standard output of a command line, in this process."""
    from analysis.cli import main

    out, talk = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(talk):
        code = main(list(words))
    out.flush()
    return code, out.buffer.getvalue().decode("utf-8", "replace")  # type: ignore[attr-defined]


def write_capture(capture: Path, keys: Path | None, out: Path) -> None:
    """Tables and findings of one capture below `out`."""
    keyed = ("--keys", str(keys)) if keys else ()
    folder = out / capture.name
    code, _ = run("decode", str(capture), *keyed, "--out", str(folder), "--format", "jsonl", "-q")
    folder.mkdir(parents=True, exist_ok=True)
    found, text = run("check", str(capture), *keyed, "--json", "-q")
    (folder / "findings.json").write_text(text)
    opened, text = run("keys", str(capture), *keyed)
    (folder / "keys.txt").write_text(text)
    (folder / "exit_codes.txt").write_text(f"decode {code}\ncheck {found}\nkeys {opened}\n")


def captures(out: Path) -> None:
    """The shared captures with the keys known for them, and the samples of the repository."""
    keys = SHARED / "captures" / "keys.toml"
    for path in sorted((SHARED / "captures").glob("*")):
        if path.suffix in CAPTURES:
            write_capture(path, keys, out)
    for path in sorted((ROOT / "captures" / "samples").glob("*.pcapng")):
        write_capture(path, path.with_suffix("").with_suffix(".keys.toml"), out)


def simulated(out: Path) -> Iterator[tuple[Path, Path]]:
    """Each simulated capture with its keys; made where they do not lie in `out` yet."""
    for number, (scenario, more) in enumerate(SCENARIOS):
        capture, keys = out / f"{number}-{scenario}.pcapng", out / f"{number}-{scenario}.toml"
        if not capture.exists():
            run(
                "simulate", scenario, *more, "-o", str(capture), "--keys-out", str(keys), "--reveal", "-q",
                "--truth", str(capture.with_suffix(".truth.jsonl")),
            )  # fmt: skip
        yield capture, keys


def scenarios(out: Path) -> None:
    for capture, keys in simulated(out):
        write_capture(capture, keys, out / "tables")


def recipes() -> Iterator[tuple[str, tuple[str, ...]]]:
    """A name and a command line for each fault of the simulated home and each of its scenarios, small."""
    _, text = run("simulate", "--list", "--json")
    known = json.loads(text)
    with (ROOT / "tests" / "analysis" / "meant_for.csv").open(encoding="utf-8") as file:
        played = {row["fault"]: row for row in csv.DictReader(line for line in file if line[0] != "#")}
    for fault in known["faults"]:
        row = played.get(fault["name"], {})
        scenario, seconds = row.get("scenario") or "ordinary-day", row.get("seconds") or SECONDS_OF_A_FAULT
        yield (
            f"fault-{fault['name']}",
            (scenario, "--fault", fault["name"], "--seconds", seconds, "--seed", "700"),
        )
    for scenario in known["scenarios"]:
        seconds = str(min(float(scenario["seconds"]), SECONDS_OF_A_DAY))
        yield f"scenario-{scenario['name']}", (scenario["name"], "--seconds", seconds, "--seed", "701")


def faults(out: Path) -> None:
    """What the rules say of every fault and every scenario."""
    for name, words in recipes():
        capture, keys = out / f"{name}.pcapng", out / f"{name}.toml"
        if not capture.exists():
            run("simulate", *words, "-o", str(capture), "--keys-out", str(keys), "--reveal", "-q")
        _, text = run("check", str(capture), "--keys", str(keys), "--json", "-q")
        (out / f"{name}.json").write_text(text)
        if name in IN_WINDOWS:
            (out / f"{name}-in-windows.json").write_text(json.dumps(in_windows(capture, keys), indent=1))


def in_windows(capture: Path, keys: Path) -> Any:
    """Findings of a capture that is judged in small windows, as the command has them for long captures."""
    from analysis.engine.checking import check_capture
    from analysis.findings.findings_output import to_json
    from analysis.keys.keyfile import read_keys

    return to_json(check_capture(str(capture), read_keys(keys), window=WINDOW).result, capture.name)


def messages(out: Path) -> None:
    """Every message of the repository's and the shared vectors, as `message --jsonl` gives it."""
    sources = [("own", str(ROOT / "tests" / "vectors"), ())]
    rtds = SHARED / "vectors" / "rtds"
    if rtds.is_dir():
        keys = out / "rtds.toml"
        store = rtds / "keystore"
        keys.write_text(
            f'[gbcs]\naccess_control_broker = "90b3d51f30000002"\ncertificates = ["{store}"]\n'
            f'scalars = "{store / "test_scalars.csv"}"\n'
        )
        sources.append(("rtds", str(rtds / "messages"), ("--keys", str(keys))))
        sources.append(("rtds-no-keys", str(rtds / "messages"), ()))
        sources.append(("dlms", str(SHARED / "vectors" / "dlms" / "vectors.jsonl"), ()))
    for name, source, more in sources:
        code, text = run("message", source, "--jsonl", *more)
        (out / f"{name}.jsonl").write_text(text)
        (out / f"{name}.exit_code.txt").write_text(f"{code}\n")


def trees(out: Path) -> None:
    """Trees of some frames of each capture, spread evenly."""
    keys = SHARED / "captures" / "keys.toml"
    for path in sorted((SHARED / "captures").glob("*")):
        if path.suffix in CAPTURES:
            write_trees(path, keys, out)
    for path in sorted((ROOT / "captures" / "samples").glob("*.pcapng")):
        write_trees(path, path.with_suffix("").with_suffix(".keys.toml"), out)


def write_trees(capture: Path, keys: Path, out: Path) -> None:
    _, text = run("decode", str(capture), "--table", "packets", "--format", "jsonl", "-q")
    frames = text.count("\n")
    step = max(1, frames // TREES_OF_A_CAPTURE)
    chosen = ",".join(str(n) for n in range(1, frames + 1, step))
    _, text = run("show", str(capture), chosen, "--keys", str(keys), "--json")
    (out / f"{capture.name}.json").write_text(text)


def write(out: Path, only: Iterable[str]) -> None:
    for part in only:
        folder = out / part
        folder.mkdir(parents=True, exist_ok=True)
        globals()[part](folder)
        print(part, "written")


def rows_of(path: Path) -> list[Any]:
    """What a file holds, a row a member: lines, objects, or findings."""
    text = path.read_text("utf-8")
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in text.splitlines()]
    if path.suffix == ".json" and text.strip():
        try:
            read = json.loads(text)
        except ValueError:
            return [json.loads(line) for line in text.splitlines()]
        if "verdicts" in read:  # rules stand in order of their chapter, which may be another now
            read["verdicts"].sort(key=lambda verdict: verdict["rule"])
        return [{**read, "findings": None}, *read["findings"]] if "findings" in read else [read]
    return text.splitlines()


def differences(before: Any, after: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Each place at which two values differ, as path, value before, value after."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in before | after:
            yield from differences(before.get(key), after.get(key), f"{path}.{key}")
    elif isinstance(before, list) and isinstance(after, list):
        for one, other in zip_longest(before, after):
            yield from differences(one, other, f"{path}[]")
    elif before != after and not _same_file(before, after) and not _same_address(before, after):
        yield path, before, after


def _same_file(before: Any, after: Any) -> bool:
    """Whether two texts name one file in two checkouts."""
    both = isinstance(before, str) and isinstance(after, str)
    return both and "/" in before and before.rsplit("/", 1)[1] == after.rsplit("/", 1)[-1]


def _same_address(before: Any, after: Any) -> bool:
    """Whether a text is the hex digits of the number that an address was before it left the program as text."""
    digits = (
        isinstance(before, int) and isinstance(after, str) and re.fullmatch("[0-9a-f]{4}|[0-9a-f]{16}", after)
    )
    return bool(digits) and int(after, 16) == before


def compare(before: Path, after: Path, most: int, ignored: frozenset[str]) -> int:
    """Print what differs, a line a kind of place; returns how many files differ. Keys that are `ignored` may be new."""
    names = {
        p.relative_to(f)
        for f in (before, after)
        for p in f.rglob("*")
        if p.suffix in {".json", ".jsonl", ".txt"}
    }
    kinds: Counter[str] = Counter()
    shown: dict[str, list[str]] = {}
    unequal = 0
    for name in sorted(names):
        if not (before / name).exists() or not (after / name).exists():
            print("only", "after" if (after / name).exists() else "before", name)
            unequal += 1
            continue
        if (before / name).read_bytes() == (after / name).read_bytes():
            continue
        counted = kinds.total()
        for path, one, other in differences(rows_of(before / name), rows_of(after / name), name.name + ":"):
            if path.rpartition(".")[2] in ignored:
                continue
            kinds[path] += 1
            examples = shown.setdefault(path, [])
            if len(examples) < most:
                examples.append(f"{name}: {json.dumps(one)[:200]} -> {json.dumps(other)[:200]}")
        unequal += kinds.total() > counted
    for path, count in kinds.most_common():
        print(f"{count:>8,} {path}")
        for line in shown[path]:
            print(f"             {line}")
    print(f"{unequal} of {len(names)} files differ")
    return unequal


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    writing = verbs.add_parser("write")
    writing.add_argument("out", type=Path)
    writing.add_argument("--only", default=",".join(PARTS))
    writing.add_argument(
        "--captures-from",
        "--scenarios-from",
        type=Path,
        help="an OUT whose simulated captures are read again",
    )
    comparing = verbs.add_parser("compare")
    comparing.add_argument("before", type=Path)
    comparing.add_argument("after", type=Path)
    comparing.add_argument("--most", type=int, default=3)
    comparing.add_argument("--ignore", default="", help="keys that may be new or another, by commas")
    arguments = parser.parse_args()
    if arguments.verb == "compare":
        ignored = frozenset(arguments.ignore.split(","))
        return 1 if compare(arguments.before, arguments.after, arguments.most, ignored) else 0
    os.environ.pop("HANSCOPE_KEYS", None)
    only = arguments.only.split(",")
    for part in SIMULATED:
        if arguments.captures_from and part in only:
            shutil.copytree(
                arguments.captures_from / part, arguments.out / part,
                ignore=shutil.ignore_patterns("tables", "*.json"), dirs_exist_ok=True,
            )  # fmt: skip
    write(arguments.out, only)
    return 0


if __name__ == "__main__":
    sys.exit(main())
