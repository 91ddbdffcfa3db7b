"""Fuzz every target, or those that are named, and say what came of it.

    python -m tests.fuzz [TARGET ...] --seconds 300        # each; failures go to .fuzz/<target>/failures
    python -m tests.fuzz --keep --seconds 300              # and keep what reaches new code in tests/fuzz/corpus
    python -m tests.fuzz --replay TARGET FILE              # play one input again, with its traceback

Coverage-guided with atheris where this Python has it, with hypothesis otherwise. Exit code 1 when an input failed.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.fuzz import corpus
from tests.fuzz.growth import grown
from tests.fuzz.target import NAMES, target
from tests.fuzz.unguided import fuzz

WORK = Path(".fuzz")
_STATE = re.compile(r"cov: (\d+) ft: (\d+) corp: (\d+)")
HEAD = f"{'target':<12}{'inputs':>10}{'failures':>10}{'corpus':>8}{'edges':>8}{'features':>10}  engine"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser("tests.fuzz", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="TARGET", help=", ".join(NAMES))
    parser.add_argument("--seconds", type=float, default=300, help="for each target")
    parser.add_argument("--keep", action="store_true", help="grow the corpus of the repository")
    parser.add_argument(
        "--only-keep", action="store_true", help="keep what an earlier run found, try nothing"
    )
    parser.add_argument("--engine", choices=("atheris", "hypothesis"), help="by default atheris where it is")
    parser.add_argument("--replay", action="store_true", help="TARGET FILE: play one input again")
    chosen = parser.parse_args(arguments)
    if chosen.replay:
        name, file = chosen.names
        target(name).check(Path(file).read_bytes())
        print(f"{name}: nothing fails")
        return 0
    if chosen.only_keep:
        for name in chosen.names or NAMES:
            _keep(name, WORK / name / "found")
            print(f"{name:<12}{len(corpus.load(name)):>8,} entries", flush=True)
        return 0
    engine = chosen.engine or ("atheris" if find_spec("atheris") else "hypothesis")
    print(HEAD, flush=True)
    failed = [name for name in chosen.names or NAMES if _one(name, chosen.seconds, engine, chosen.keep)]
    return 1 if failed else 0


def _one(name: str, seconds: float, engine: str, keep: bool) -> bool:
    """Fuzz one target and print its line; whether an input failed."""
    folder = WORK / name
    folder.mkdir(parents=True, exist_ok=True)
    run = _guided if engine == "atheris" else _unguided
    numbers = run(name, seconds, folder)
    if keep:
        _keep(name, folder / "found")
    held = len(corpus.load(name))
    line = f"{name:<12}{numbers['tried']:>10,}{len(numbers['failures']):>10}{held:>8,}"
    print(f"{line}{numbers.get('cov', '-'):>8}{numbers.get('ft', '-'):>10}  {engine}", flush=True)
    for failure in numbers["failures"]:
        print(f"  {failure}")
    for path in sorted((folder / "failures").glob("*.txt")) if numbers["failures"] else ():
        print(f"  python -m tests.fuzz --replay {name} {path.with_suffix('')}")
    return bool(numbers["failures"])


def _guided(name: str, seconds: float, folder: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.fuzz.guided", name, str(seconds), str(folder)]
    (folder / "numbers.json").unlink(missing_ok=True)
    done = subprocess.run(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace"
    )
    (folder / "log.txt").write_text(done.stderr, "utf-8")
    path = folder / "numbers.json"
    if not path.exists():
        return {"tried": 0, "failures": [f"the run ended at once: {done.stderr[-300:]}"]}
    numbers: dict[str, Any] = json.loads(path.read_text())
    if done.returncode:
        numbers["failures"].append(f"the run ended with code {done.returncode}, see {folder / 'log.txt'}")
    states = _STATE.findall(done.stderr)
    if states:
        numbers["cov"], numbers["ft"], _ = states[-1]
    return numbers


def _unguided(name: str, seconds: float, folder: Path) -> dict[str, Any]:
    attempts = fuzz(target(name), seconds, folder / "failures")
    return {"tried": attempts.tried, "failures": sorted(attempts.failures)}


def _keep(name: str, found: Path) -> None:
    chosen = target(name)
    fresh = [path.read_bytes() for path in sorted(found.glob("*"))] if found.is_dir() else []
    corpus.save(name, grown(chosen, [*chosen.seeds(), *corpus.load(name), *fresh]))


if __name__ == "__main__":
    sys.exit(main())
