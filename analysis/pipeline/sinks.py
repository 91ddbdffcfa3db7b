"""Who takes what decoding gives: tables, statistics, rules, files, views of a live source.

Strategy: a sink is fed by `analysis.pipeline.runner.run_passes` or `analysis.pipeline.live.run_live`, in the thread of
the caller. docs/architecture.md says how to write one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from analysis.pipeline.passes import DECODED_TABLES, DecodedBlock, DecodePass

__all__ = ["Sink", "StartSink", "abandoning", "tables_of"]


class Sink:
    """Takes what decoding gives. To be subclassed; what a sink does not care for it leaves out.

    Attributes:
        tables: the tables that it reads; None for all.
    """

    tables: tuple[str, ...] | None = None

    def restart(self, decode_pass: DecodePass) -> None:
        """A pass begins: what an earlier one gave does not count any more."""

    def take(self, block: DecodedBlock) -> None:
        """The next block of the pass."""

    def end(self, decode_pass: DecodePass) -> None:
        """The last pass was this one, and it has given everything."""

    def abandon(self) -> None:
        """The run broke off, with an error or an interruption: let go of what is not finished."""

    def quiet(self) -> None:
        """A live source has given nothing for a moment: time to look at the clock."""

    def snapshot(self) -> Any:
        """A live source may have to come back to this moment: what `rewind` then needs. It may be asked to come back more
        than once, so it is given something that does not change."""

    def rewind(self, decode_pass: DecodePass, saved: Any) -> None:
        """A live source comes back to the moment at which `snapshot` gave `saved`, because keys or addresses that were
        learnt since would open frames behind it: those frames are given again. Unless told otherwise, a sink begins
        anew with them."""
        self.restart(decode_pass)


class Starting(Protocol):
    """Wants to know when a capture begins."""

    def restart(self) -> None:
        """It is given from its first frame again."""

    def see_start(self, packets: Any) -> None:
        """The next of its frames, as a record batch."""


class StartSink(Sink):
    """Tells somebody when the capture begins, also where its first frames are not wanted."""

    tables = ("packets",)

    def __init__(self, told: Starting) -> None:
        self.told = told

    def restart(self, decode_pass: DecodePass) -> None:
        self.told.restart()

    def take(self, block: DecodedBlock) -> None:
        if "packets" in block.batches:
            self.told.see_start(block.batches["packets"])


@contextmanager
def abandoning(sinks: Iterable[Sink]) -> Iterator[None]:
    """Tell the sinks when what is done within breaks off."""
    try:
        yield
    except BaseException:
        for sink in sinks:
            sink.abandon()
        raise


def tables_of(sinks: Iterable[Sink]) -> tuple[str, ...]:
    """The tables that any of the sinks reads."""
    read: set[str] = set()
    for sink in sinks:
        read |= set(DECODED_TABLES if sink.tables is None else sink.tables)
    return tuple(name for name in DECODED_TABLES if name in read)
