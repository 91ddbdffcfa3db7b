"""Which rules cost what, and `check` against tshark and against another checkout:
``python -m tests.benchmarks.check_rules CAPTURE [--keys KEYS] [--rounds N] [--most N] [--wireshark FOLDER] [--before FOLDER]``.

Whole commands in turn: `hanscope check` of this checkout, ``tshark -T fields`` (whose keys are those of `--wireshark`),
and `check` of the checkout `--before` with the Python of its own `.venv`. Then the rules, one after the other in one
process, over one view of the capture, so that the first one that asks for a column or a feature pays for it; of several
rounds the median, in milliseconds of processor time."""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections import defaultdict
from pathlib import Path

from tests.benchmarks.rivals import Command, paired, tshark

ROOT = Path(__file__).parent.parent.parent


def rule_times(capture: str, keys: str | None, rounds: int) -> dict[str, float]:
    """Seconds of processor time by rule; what decoding took as ``decode``."""
    from analysis.engine.checking import Checking
    from analysis.features.view import View
    from analysis.keys.keyfile import read_keys
    from analysis.pipeline.decode import decode
    from analysis.rules.registry import rules

    took: dict[str, list[float]] = defaultdict(list)
    checks = {rule.id: Checking(None, [rule.id]) for rule in rules()}
    for _ in range(rounds):
        started = time.process_time()
        decoded = decode(capture, read_keys(keys))
        took["decode"].append(time.process_time() - started)
        view = View.of(decoded)
        for name, checking in checks.items():
            started = time.process_time()
            checking.take(view, None)
            took[name].append(time.process_time() - started)
    return {name: statistics.median(times) for name, times in took.items()}


def check(folder: Path, python: str, capture: str, keys: str | None) -> Command:
    """`hanscope check` of a checkout (and not of the folder in which this runs: -P)."""
    words = ("-P", "-m", "analysis.cli", "check", capture, "--quiet", *(("--keys", keys) if keys else ()))
    return Command(f"check of {folder.name}", (python, *words), (("PYTHONPATH", str(folder)),))


def ratio(ours: Command, rival: Command, rounds: int) -> str:
    """How many times faster than `rival` ours is, on the wall and by processor time."""
    found = paired(ours, rival, rounds)
    return (
        f"{rival.name} / {ours.name}: {found.ratio:.2f} ({found.low:.2f} to {found.high:.2f}), processor time "
        f"{found.work:.2f}; s, CPU s, MiB: {found.a.wall:.2f}, {found.a.cpu:.2f}, {found.a.peak:.0f} against "
        f"{found.b.wall:.2f}, {found.b.cpu:.2f}, {found.b.peak:.0f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.check_rules", description=__doc__)
    parser.add_argument("capture")
    parser.add_argument("--keys", help="key file of the capture")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--most", type=int, default=20, help="rules that are shown")
    parser.add_argument("--wireshark", type=Path, help="configuration folder of tshark with the keys")
    parser.add_argument("--before", type=Path, help="another checkout, with its .venv")
    chosen = parser.parse_args()
    ours = check(ROOT, sys.executable, chosen.capture, chosen.keys)
    if chosen.wireshark and (rival := tshark(Path(chosen.capture), chosen.wireshark)) is not None:
        print(ratio(ours, rival, chosen.rounds), flush=True)
    if chosen.before:
        python = str(chosen.before / ".venv" / "bin" / "python")
        print(ratio(ours, check(chosen.before, python, chosen.capture, chosen.keys), chosen.rounds))
    # Last: what this process holds would be counted as the memory of those that it starts.
    times = rule_times(chosen.capture, chosen.keys, chosen.rounds)
    decoding = times.pop("decode")
    print(f"decode {decoding * 1000:,.0f} ms, {len(times)} rules {sum(times.values()) * 1000:,.0f} ms")
    for name in sorted(times, key=lambda one: -times[one])[: chosen.most]:
        print(f"{times[name] * 1000:9,.1f} ms  {name}")


if __name__ == "__main__":
    main()
