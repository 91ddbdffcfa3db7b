"""How late findings are told where a processor is free, measured on a machine where none is: ``python -m
tests.benchmarks.live_turns CAPTURE [--keys KEYS] [--speed N]``.

The capture comes at `speed` times its pace into the tables of a live source, and its rules are judged in rounds, by a clock
that is this process's own processor time (and leaps where it waits). Decoding, which another processor does, counts as
`DECODED`. Printed: seconds from the frame that completes a finding (`tests.benchmarks.live`) to when it was raised, by
rule, and what of a processor judging took."""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np

from analysis.engine import rounds
from analysis.engine.checking import Checking
from analysis.engine.rounds import Rounds, Told
from analysis.keys.keyfile import read_keys
from analysis.pipeline.heard_tables import Heard, HeardTables
from analysis.pipeline.passes import DecodedBlock, DecodePass
from analysis.pipeline.runner import run_passes
from analysis.pipeline.sinks import Sink
from analysis.pipeline.source import ReopenableSource
from captures.block import joined
from tests.benchmarks.live import SOON, Name, Raised, completing, single_threaded, spread

DECODED = 0.15
"""Seconds after which a frame has been decoded: a block is closed after a tenth."""


class Blocks(Sink):
    """What decoding gives, a few frames at a time."""

    def restart(self, decode_pass: DecodePass) -> None:
        self.given: list[tuple[dict[str, Any], int]] = []

    def take(self, block: DecodedBlock) -> None:
        if not block.last:
            self.given.append((block.batches | block.decode_pass.snapshot_tables(), block.frames))


class OwnTime:
    """Stands for the module `time`: processor time, and what was waited."""

    waited = 0.0
    thread_time = staticmethod(time.process_time)

    def monotonic(self) -> float:
        """Seconds."""
        return time.process_time() + self.waited


class Paced(HeardTables):
    """Tables into which blocks come when their time has come."""

    def __init__(self, clock: OwnTime, given: list[tuple[dict[str, Any], int]], due: Any) -> None:
        super().__init__()
        self.clock, self.given, self.due, self.came = clock, given, due, 0

    def come(self) -> None:
        """Take in what is due."""
        while self.came < len(self.given) and self.due[self.came] <= self.clock.monotonic():
            self.take(*self.given[self.came])
            self.came += 1
        if self.came == len(self.given):
            self.end()

    @property
    def changed(self) -> bool:
        """As it is, with what is due."""
        self.come()
        return super().changed

    def wait(self, seconds: float | None = None) -> None:
        """Let the clock leap to what comes next."""
        while not self.changed and not self.ended:
            left = max(self.due[self.came] - self.clock.monotonic(), 0.001)
            self.clock.waited += left if seconds is None else min(left, seconds)
            if seconds is not None and left > seconds:
                return

    def rest(self, seconds: float) -> None:
        """Let the clock leap."""
        self.clock.waited += seconds

    def heard(self) -> Heard:
        """As it is, with what is due."""
        self.come()
        return super().heard()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.live_turns", description=__doc__)
    parser.add_argument("capture")
    parser.add_argument("--keys", help="key file of the capture")
    parser.add_argument("--speed", type=float, default=10)
    single_threaded("tests.benchmarks.live_turns")
    chosen = parser.parse_args()
    ring, blocks, clock = read_keys(chosen.keys), Blocks(), OwnTime()
    run_passes(chosen.capture, ring, blocks, block_frames=4)
    with ReopenableSource(chosen.capture) as source, source.open() as capture:
        whole = joined(list(capture))
    seconds = np.maximum.accumulate((whole.time_ns - whole.time_ns[0]) / 1e9 / chosen.speed).tolist()
    began, used = clock.monotonic(), time.process_time()
    due = [began + DECODED + seconds[frames - 1] for _, frames in blocks.given]
    heard, raised = Paced(clock, blocks.given, due), dict[Name, Raised]()

    def tell(told: Told) -> None:
        for one in () if told.last else told.changes:
            key = (one.finding.rule, one.finding.device)
            frames = blocks.given[heard.came - 1][1]
            raised.setdefault(
                key, Raised(clock.monotonic() - began, frames, max(one.finding.frames, default=0))
            )

    rounds.time = clock  # type: ignore[assignment]
    Rounds(heard, Checking(), tell).run()
    share = (time.process_time() - used) / (clock.monotonic() - began)
    late = {}
    for (rule, device), one in raised.items():
        late[rule, device] = one.time - seconds[max(one.last, 1) - 1]
        if late[rule, device] > SOON:
            late[rule, device] = one.time - seconds[completing(whole, ring, rule, device, one) - 1]
    print(f"{spread([*late.values()])}, {len(late)} findings, {share:.2f} of a processor")
    for (rule, device), delay in sorted(late.items(), key=lambda one: -one[1]):
        print(f"{delay:6.2f} s  {rule}: {device}")


if __name__ == "__main__":
    main()
