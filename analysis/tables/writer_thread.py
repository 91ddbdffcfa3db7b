"""Writing beside decoding, in a thread: Arrow lets go of the interpreter while it encodes and compresses."""

from __future__ import annotations

from collections.abc import Callable
from queue import Queue
from threading import Thread
from typing import Any, Protocol

__all__ = ["Beside", "WriterThread", "Writing"]

WAITING = 3
"""Batches that wait to be written, at most: a decoder that is faster waits, so that memory stays bounded."""


class Writing(Protocol):
    """What is to be done beside decoding."""

    def open(self) -> None:
        """Before the first."""

    def write(self, *what: Any) -> None:
        """Each in turn."""

    def close(self) -> None:
        """Behind the last, if all went well."""


class Beside(Protocol):
    """Who does it. What goes wrong is raised by the next `do` or by `finish`; nothing is done after it."""

    def do(self, *what: Any) -> None:
        """Write this after what came before; waits while too much does. Raises what went wrong."""

    def finish(self) -> None:
        """Wait until all is written and closed. Raises what went wrong."""

    def drop(self) -> None:
        """Write no more; returns when nothing is being written."""


class WriterThread:
    """A thread of this process writes."""

    def __init__(self, writing: Writing) -> None:
        self._waiting: Queue[tuple[Any, ...] | None] = Queue(WAITING)
        self._error: BaseException | None = None
        self._dropped = False
        self._thread = Thread(target=self._work, args=(writing,), name="hanscope writer", daemon=True)
        self._thread.start()

    def do(self, *what: Any) -> None:
        if self._error is not None:
            raise self._error
        self._waiting.put(what)

    def finish(self) -> None:
        self._end()
        if self._error is not None:
            raise self._error

    def drop(self) -> None:
        self._dropped = True
        self._end()

    def _end(self) -> None:
        if self._thread.is_alive():
            self._waiting.put(None)
            self._thread.join()

    def _work(self, writing: Writing) -> None:
        self._try(writing.open)
        while (what := self._waiting.get()) is not None:
            self._try(writing.write, *what)
        self._try(writing.close)

    def _try(self, deed: Callable[..., None], *what: Any) -> None:
        if self._error is None and not self._dropped:
            try:
                deed(*what)
            except BaseException as error:  # handed on to whoever asks next
                self._error = error
