"""What `check` costs beside decoding: ``python -m tests.benchmarks.check_million [FRAMES]`` prints the ratio."""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.traffic import CASES, key, write_pcap


def main(frames: int = 1_000_000) -> None:
    """Decodes the plain mix with its key, runs all rules, and prints seconds of processor time and memory."""
    from analysis.decode import decode
    from analysis.findings import check
    from dissectors.keyring import Key, Keyring

    ring = Keyring()
    ring.add(Key("network", key(0)))
    with tempfile.TemporaryDirectory() as folder:
        capture = Path(folder) / "plain.pcap"
        write_pcap(capture, frames, CASES[0])
        started = time.process_time()
        decoded = decode(str(capture), ring)
        done = time.process_time()
        check(decoded)
        judged = time.process_time()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    ratio = (judged - done) / (done - started)
    print(f"{frames:,} frames: decode {done - started:.1f} s, check {judged - done:.1f} s")
    print(f"ratio {ratio:.2f}, peak {peak:,.0f} MiB")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:2]))
