"""A copy of this process that judges a live source: what decoding gives goes there, and what is new comes back.

Strategy: batches go through a pipe as one Arrow stream a table, so that words are sent once. A thread here sends, and a
thread there takes in at once, so that neither end waits while rules are judged; what waits to be sent is bounded. The
copy ends when this process does, however that ends: it reads the end of the pipe.
"""

from __future__ import annotations

import gc
import io
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from queue import Full, Queue
from threading import Thread
from typing import Any

import pyarrow as pa

from analysis.engine.rounds import Told
from analysis.pipeline.heard_tables import HeardTables
from analysis.pipeline.parallel import ForkedProcess
from analysis.tables.arrow import arrow_schema

__all__ = ["JudgedApart"]

WAITING = 64
"""Blocks that wait to be sent, at most."""
GONE = Told([], None, True, "the process that judges is gone: there are no more findings")


class BatchWriter:
    """Batches of some tables as octets, to be read in the same order."""

    def __init__(self) -> None:
        self._streams: dict[str, tuple[io.BytesIO, Any]] = {}

    def octets(self, table: str, batch: Any) -> bytes:
        """The octets of a batch, and of the words in it that were not sent yet."""
        if table not in self._streams:
            sink = io.BytesIO()
            options = pa.ipc.IpcWriteOptions(emit_dictionary_deltas=True)
            self._streams[table] = sink, pa.ipc.new_stream(sink, arrow_schema(table), options=options)
        sink, writer = self._streams[table]
        writer.write_batch(batch)
        out = sink.getvalue()
        sink.seek(0)
        sink.truncate()
        return out


class BatchReader:
    """The batches again."""

    def __init__(self) -> None:
        self._streams: dict[str, tuple[_Octets, Any]] = {}

    def batch(self, table: str, octets: bytes) -> Any:
        """The batch that has these octets."""
        if table not in self._streams:
            source = _Octets(octets)
            self._streams[table] = source, pa.ipc.open_stream(source)
        else:
            self._streams[table][0].fill(octets)
        return self._streams[table][1].read_next_batch()


class _Octets(io.RawIOBase):
    """A file that gives what it was filled with last."""

    def __init__(self, octets: bytes) -> None:
        self.fill(octets)

    def fill(self, octets: bytes) -> None:
        self._octets, self._at = octets, 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        begin, self._at = self._at, len(self._octets) if size < 0 else self._at + size
        return self._octets[begin : self._at]


class JudgedApart:
    """Another process judges.

    Args:
        judge: given the tables, and whom to tell what is new; returns at their end.
        most: frames whose tables are kept there.

    Raises OSError where there is no more room for a process.
    """

    def __init__(self, judge: Callable[[HeardTables, Callable[[Told], None]], None], most: int) -> None:
        self._copy = ForkedProcess("judge", lambda link: _judge(judge, most, link))
        self._waiting: Queue[tuple[Any, ...] | None] = Queue(WAITING)
        self._gone = False
        self._sender = Thread(target=self._send, name="send to the judge", daemon=True)
        self._sender.start()

    def take(self, batches: Mapping[str, Any], frames: int) -> None:
        """Batches by table, and how many frames were decoded with them."""
        self._put(("take", dict(batches), frames))

    def mark(self, number: int) -> None:
        """A moment to which `back` may come back."""
        self._put(("mark", number))

    def back(self, number: int) -> None:
        """Everything as it was at a moment."""
        self._put(("back", number))

    def end(self) -> None:
        """Nothing more will come."""
        self._put(("end",))

    def told(self, *, wait: bool) -> Told | None:
        """The next that is new; None where nothing is yet."""
        if self._gone:
            return None
        try:
            return self._copy.link.recv() if wait or self._copy.link.poll() else None
        except (EOFError, OSError):
            self._gone = True
            return GONE

    def close(self) -> None:
        """Judge no more."""
        if not self._gone:
            self._gone = True
            self._copy.end()
        with suppress(Full):
            self._waiting.put_nowait(None)

    def _put(self, what: tuple[Any, ...]) -> None:
        while not self._gone and self._sender.is_alive():
            with suppress(Full):
                self._waiting.put(what, timeout=0.1)
                return

    def _send(self) -> None:
        writer = BatchWriter()
        with suppress(OSError):  # it is gone, which whoever asks for what is new is told
            while (what := self._waiting.get()) is not None:
                if what[0] == "take":
                    octets = [(table, writer.octets(table, batch)) for table, batch in what[1].items()]
                    what = ("take", octets, what[2])
                self._copy.link.send(what)


def _judge(judge: Callable[[HeardTables, Callable[[Told], None]], None], most: int, link: Any) -> None:
    """What the copy does."""
    gc.freeze()  # what was imported stays
    heard = HeardTables(most)
    Thread(target=_take_in, args=(heard, link), name="take in", daemon=True).start()
    judge(heard, link.send)


def _take_in(heard: HeardTables, link: Any) -> None:
    """Take in what comes until the pipe ends, and then end this process."""
    reader = BatchReader()
    with suppress(EOFError, OSError):
        while True:
            what, *given = link.recv()
            if what == "take":
                heard.take({table: reader.batch(table, octets) for table, octets in given[0]}, given[1])
            elif what == "mark":
                heard.mark(given[0])
            elif what == "back":
                heard.back(given[0])
            else:
                heard.end()
    os._exit(0)  # nobody listens any more
