"""What `check` costs beside decoding, and how much memory it takes:
``python -m tests.benchmarks.check_million [FRAMES | CAPTURE --keys KEYS] ... [--rounds N]``.

For each capture one process reads it and one checks it, in turn; both print seconds that pass, processor time
(with that of the processes which share out the rules) and peak memory. The ratio is the time of all rules over the
time of decoding, of each pair: the median, and its range; the peak must not grow with the length. Then the same of
the whole commands: `hanscope decode --out`, which writes the tables, and `hanscope check`."""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.benchmarks.rivals import Command, paired
from tests.benchmarks.traffic import CASES, key, write_pcap

STEPS = ("decode", "check")
HEAD = """| frames | decode | check | rules / decode | processor time: decode | check | rules / decode | peak: decode | check |
|---|---|---|---|---|---|---|---|---|"""


def measure(step: str, capture: str, keys: str | None) -> dict[str, Any]:
    """Does one step in this process: seconds that pass and of processor time, MiB at the peak of all processes
    together (what they share counted twice), frames."""
    from analysis.engine.checking import check_capture
    from analysis.keys.keyfile import read_keys
    from analysis.pipeline.passes import DECODED_TABLES
    from analysis.pipeline.runner import run_passes
    from analysis.rules.registry import rules

    ring = read_keys(keys)
    rules()
    before, started = os.times(), time.perf_counter()
    if step == "check":
        reading = check_capture(capture, ring).reading
    else:
        reading = run_passes(capture, ring, tables=DECODED_TABLES)
    passed, after = time.perf_counter() - started, os.times()
    peaks = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return {
        "passed": passed,
        "processor": sum(after[:4]) - sum(before[:4]),
        "peak": sum(peaks) / 1024,
        "frames": reading.session.frames,
    }


def row(capture: str, keys: str | None, rounds: int) -> str:
    """One line of the table: both steps in turn, each in a process of its own, `rounds` times."""
    pairs = [[_apart(step, capture, keys) for step in STEPS] for _ in range(rounds)]

    def cells(what: str) -> str:
        one, both = (statistics.median(pair[n][what] for pair in pairs) for n in range(len(STEPS)))
        ratios = [pair[1][what] / pair[0][what] - 1 for pair in pairs]
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
        return f"{one:.1f} s | {both:.1f} s | **{statistics.median(ratios):.2f}** ({spread})"

    peaks = " | ".join(f"{max(pair[n]['peak'] for pair in pairs):,.0f} MiB" for n in range(len(STEPS)))
    return f"| {pairs[0][0]['frames']:,} | {cells('passed')} | {cells('processor')} | {peaks} |"


def commands(capture: str, keys: str, rounds: int) -> str:
    """Both whole commands in turn, `rounds` times: how much longer `check` takes than `decode`."""
    hanscope = (sys.executable, "-m", "analysis.cli")
    with tempfile.TemporaryDirectory() as folder:
        decode = Command("decode", (*hanscope, "decode", capture, "--keys", keys, "--out", folder))
        check = Command("check", (*hanscope, "check", capture, "--keys", keys))
        result = paired(decode, check, rounds)
    return (
        f"whole commands: decode --out {result.a.wall:.1f} s, check {result.b.wall:.1f} s; rules / decode "
        f"**{result.ratio - 1:.2f}** ({result.low - 1:.2f} to {result.high - 1:.2f})"
    )


def _apart(step: str, capture: str, keys: str | None) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.benchmarks.check_million", "--step", step, capture]
    command += ["--keys", keys] if keys else []
    found: dict[str, Any] = json.loads(
        subprocess.run(command, check=True, capture_output=True, text=True).stdout
    )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("captures", nargs="*", default=["1000000"], help="frames to make, or captures")
    parser.add_argument("--keys", help="key file of the captures")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.step:
        print(json.dumps(measure(chosen.step, chosen.captures[0], chosen.keys)))
        return
    with tempfile.TemporaryDirectory() as folder:
        for source in chosen.captures:
            capture, keys = source, chosen.keys
            if source.isdigit():
                made, held = Path(folder) / "plain.pcap", Path(folder) / "keys.toml"
                write_pcap(made, int(source), CASES[0])
                held.write_text(f'[[network_key]]\nkey = "{key(0).hex()}"\n')
                capture, keys = str(made), str(held)
            print(HEAD)
            print(row(capture, keys, chosen.rounds), flush=True)
            if keys is not None:
                print(f"\n{commands(capture, keys, chosen.rounds)}\n", flush=True)


if __name__ == "__main__":
    main()
