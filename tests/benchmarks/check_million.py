"""What `check` costs beside decoding, and how much memory it takes:
``python -m tests.benchmarks.check_million [FRAMES | CAPTURE --keys KEYS] ...``.

For each capture one process reads it and one checks it; both print processor time and peak memory. The ratio
is the time of all rules over the time of decoding; the peak must not grow with the length."""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.benchmarks.traffic import CASES, key, write_pcap

STEPS = ("decode", "check")


def measure(step: str, capture: str, keys: str | None) -> dict[str, Any]:
    """Does one step in this process: seconds of processor time, MiB at the peak, frames."""
    from analysis.checking import check_capture
    from analysis.decode import readings
    from analysis.findings import rules
    from analysis.keyfile import read_keys
    from dissectors.keyring import Key

    ring = read_keys(keys)
    if keys is None:
        ring.add(Key("network", key(0)))
    rules()
    started = time.process_time()
    if step == "check":
        reading = check_capture(capture, ring).reading
    else:
        for reading in readings(capture, ring):
            for _ in reading:
                pass
    seconds = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "peak": peak, "frames": reading.session.frames}


def row(capture: str, keys: str | None) -> str:
    """One line of the table: both steps in turn, each in a process of its own."""
    found = {}
    for step in STEPS:
        command = [sys.executable, "-m", "tests.benchmarks.check_million", "--step", step, capture]
        command += ["--keys", keys] if keys else []
        found[step] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    one, both = found["decode"], found["check"]
    rules = both["seconds"] - one["seconds"]
    frames = both["frames"]
    return (
        f"| {frames:,} | {one['seconds']:.1f} s, {one['peak']:,.0f} MiB | {both['seconds']:.1f} s, "
        f"{both['peak']:,.0f} MiB | {rules / frames * 1e6:.2f} µs | **{rules / one['seconds']:.2f}** |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("captures", nargs="*", default=["1000000"], help="frames to make, or captures")
    parser.add_argument("--keys", help="key file of the captures")
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.step:
        print(json.dumps(measure(chosen.step, chosen.captures[0], chosen.keys)))
        return
    print("| frames | decode | decode and check | rules a frame | rules / decode |\n|---|---|---|---|---|")
    for source in chosen.captures:
        with tempfile.TemporaryDirectory() as folder:
            if source.isdigit():
                capture = Path(folder) / "plain.pcap"
                write_pcap(capture, int(source), CASES[0])
                print(row(str(capture), None), flush=True)
            else:
                print(row(source, chosen.keys), flush=True)


if __name__ == "__main__":
    main()
