"""What the script costs tshark: ``python -m tests.benchmarks.wireshark [--seconds N] [--rounds N]``.

A simulated day is read by tshark alone, and its copy with comments by tshark with ``hanscope.lua``, in turn: processor time of
both and the median ratio.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import tempfile
from pathlib import Path

import hanscope as hs
from analysis.wireshark.annotating import annotate
from analysis.wireshark.script import script


def spent(*words: str) -> float:
    """Processor time of a command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=10_800)
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        plain, copy, lua = (f"{folder}/{name}" for name in ("plain.pcapng", "copy.pcapng", "hanscope.lua"))
        home = hs.simulate("ordinary-day", seconds=given.seconds)
        frames = home.write(plain)
        annotate(plain, home.given.ring, copy)
        Path(lua).write_text(script(), "utf-8")
        pairs = [
            (
                spent("tshark", "-r", plain, "-T", "fields", "-e", "frame.number", "-e", "zbee_nwk.src"),
                spent(
                    "tshark",
                    "-r",
                    copy,
                    "-X",
                    f"lua_script:{lua}",
                    "-T",
                    "fields",
                    "-e",
                    "hanscope.gbcs.use_case",
                ),
            )
            for _ in range(given.rounds)
        ]
    alone, ours = (statistics.median(times) for times in zip(*pairs, strict=True))
    ratio = statistics.median(mine / theirs for theirs, mine in pairs)
    print(f"{frames:,} frames: tshark alone {alone:.2f} s, with the script {ours:.2f} s: {ratio:.2f} times")


if __name__ == "__main__":
    main()
