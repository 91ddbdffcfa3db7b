"""One contender in a process of its own: ``python -m tests.benchmarks.task FORM CAPTURE KEYS FRAMES``."""

from __future__ import annotations

import itertools
import os
import statistics
import sys
import time
from pathlib import Path

TABLES = ("packets", "attributes")
WARM = 5


def pandas(capture: str, keys: str, _: int) -> None:
    """Capture to the `packets` and `attributes` frames."""
    from analysis.keys.keyfile import read_keys
    from analysis.pipeline.decode import decode

    decoded = decode(capture, read_keys(Path(keys)), tables=TABLES)
    print(len(decoded.packets), len(decoded.attributes))


def warm(capture: str, keys: str, _: int) -> None:
    """Further decodes in one process, as in a notebook: the median of the seconds that pass, and of processor time
    (with that of the process that reads ahead); printed."""
    from analysis.keys.keyfile import read_keys
    from analysis.pipeline.decode import decode

    ring = read_keys(Path(keys))
    decode(capture, ring, tables=TABLES)
    passed, worked = [], []
    for _ in range(WARM):
        started, before = time.perf_counter(), sum(os.times()[:4])
        decoded = decode(capture, ring, tables=TABLES)
        passed.append(time.perf_counter() - started)
        worked.append(sum(os.times()[:4]) - before)
    print(len(decoded.packets), statistics.median(passed), statistics.median(worked))


def scapy(capture: str, _: str, frames: int) -> None:
    """Scapy's layers over the first frames; it decrypts nothing."""
    from scapy.config import conf

    conf.dot15d4_protocol = "zigbee"
    from scapy.layers import dot15d4, zigbee  # noqa: F401
    from scapy.utils import PcapReader

    with PcapReader(capture) as reader:
        print(sum(1 for _ in itertools.islice(reader, frames)))


def pyshark(capture: str, _: str, frames: int) -> None:
    """pyshark over the first frames."""
    import pyshark as shark

    reader = shark.FileCapture(capture, keep_packets=False)
    print(sum(1 for _ in itertools.islice(reader, frames)))
    reader.close()


def main(form: str, capture: str, keys: str, frames: str) -> None:
    {"pandas": pandas, "warm": warm, "scapy": scapy, "pyshark": pyshark}[form](capture, keys, int(frames))


if __name__ == "__main__":
    main(*sys.argv[1:])
