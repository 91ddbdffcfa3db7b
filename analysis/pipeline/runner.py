"""The pass runner: a capture is decoded as often as hindsight asks for, and what decoding gives is handed to sinks.

Strategy: `run_passes` makes passes (`analysis.pipeline.passes`; mostly two, the first of them given up early) until
one knew from its start all that would open more, and feeds sinks with it: tables, statistics, rules, a report, a file. A
sink is told when a pass begins anew, gets each decoded block, and is told of the end; docs/architecture.md says how to
write one. A live source is the same thing with no end (`analysis.pipeline.live`).
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext

from analysis.pipeline.passes import CapturePass, DecodePass, Progress
from analysis.pipeline.session import Hindsight
from analysis.pipeline.sinks import Sink, abandoning, tables_of
from analysis.pipeline.source import ReopenableSource, Source
from dissectors import Keyring

__all__ = ["run_passes"]

PASSES = 6
"""Passes over a capture at most, two of which are given up early: every further one needs a key that the one before
taught."""


def run_passes(
    source: Source | ReopenableSource,
    keyring: Keyring | None = None,
    *sinks: Sink,
    limit: int | None = None,
    progress: Progress | None = None,
    tables: Iterable[str] | None = None,
    block_frames: int | None = None,
    prefetch: bool = True,
) -> DecodePass:
    """Decode `source` into `sinks`, which are fed in their order; the pass that counts, with its session and facts.

    Args:
        source: path, ``-`` for stdin, open binary file, or a `ReopenableSource` (which stays open).
        keyring: keys to try; what the capture teaches is learnt besides, also for frames before it.
        sinks: fed with each block of the pass that counts, and of earlier ones up to where it shows that they do not.
        limit: stop after so many records.
        progress: called after each block.
        tables: the tables wanted; those that the sinks read by default.
        block_frames: records decoded at a time, at most.
        prefetch: another process may read ahead (`analysis.pipeline.prefetch`); not where a second processor is busy.

    Raises:
        CaptureError: the capture cannot be read at all.
    """
    wanted = tables_of(sinks) if tables is None else tuple(tables)
    hindsight: Hindsight | None = None
    with (
        nullcontext(source) if isinstance(source, ReopenableSource) else ReopenableSource(source) as replay,
        abandoning(sinks),
    ):
        for number in range(1, PASSES + 1):
            one = CapturePass(
                replay, keyring, limit=limit, progress=progress, tables=wanted, hindsight=hindsight,
                block_frames=block_frames, final=number == PASSES, prefetch=prefetch,
            )  # fmt: skip
            for sink in sinks:
                sink.restart(one)
            for block in one:
                if not one.superseded:
                    for sink in sinks:
                        sink.take(block)
            if not one.needs_another_pass:
                break
            hindsight = one.session.hindsight()
        for sink in sinks:
            sink.end(one)
    return one
