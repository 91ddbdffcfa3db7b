"""Writing in a thread beside decoding: Arrow lets go of the interpreter while it encodes and compresses."""

from __future__ import annotations

from collections.abc import Callable
from queue import Queue
from threading import Thread

__all__ = ["WriterThread"]

WAITING = 3
"""Batches that wait to be written, at most: a decoder that is faster waits, so that memory stays bounded."""


class WriterThread:
    """Carries out what it is told, in order, in a thread of its own.

    What goes wrong there is raised by the next `do` or by `finish`; nothing is carried out after it.
    """

    def __init__(self) -> None:
        self._tasks: Queue[Callable[[], None] | None] = Queue(WAITING)
        self._error: BaseException | None = None
        self._dropped = False
        self._thread = Thread(target=self._work, name="hanscope writer", daemon=True)
        self._thread.start()

    def do(self, task: Callable[[], None]) -> None:
        """Carry out `task` after those before it; waits while too many do. Raises what one of them raised."""
        if self._error is not None:
            raise self._error
        self._tasks.put(task)

    def finish(self) -> None:
        """Wait until all is done. Raises what a task raised."""
        self._end()
        if self._error is not None:
            raise self._error

    def drop(self) -> None:
        """Carry out no more; returns when the task at hand is done."""
        self._dropped = True
        self._end()

    def _end(self) -> None:
        if self._thread.is_alive():
            self._tasks.put(None)
            self._thread.join()

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            if self._error is not None or self._dropped:
                continue
            try:
                task()
            except BaseException as error:  # handed on to whoever asks next
                self._error = error
