"""Writing beside decoding, in a copy of this process: text is made in so many short calls that a thread would mostly
wait for the interpreter's lock.

Strategy: the copy (fork) gets batches whose arrays lie in memory that both see (`analysis.pipeline.shared_slots`), and
writes into the files that this process opened. This one completes, moves or removes them; so no more is left of a run
that fails than if a thread had written."""

from __future__ import annotations

import errno
import gc
import pickle
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, NoReturn

from analysis.pipeline.parallel import ForkedProcess, processors
from analysis.pipeline.passes import CapturePass, DecodePass
from analysis.pipeline.shared_slots import SLOTS, SharedSlots
from analysis.tables.writer_thread import Beside, WriterThread, Writing

__all__ = ["WriterProcess", "text_beside"]

WORTH = 2 * 1024 * 1024
"""Octets of a capture from which on another process is worth while."""


def text_beside(decode_pass: DecodePass) -> Callable[[Writing], Beside]:
    """Who writes the text of a pass: another process where the capture is long, and one can be made; else a thread."""
    path = decode_pass.replay.path if isinstance(decode_pass, CapturePass) else None
    with suppress(OSError):
        if path is not None and path.stat().st_size >= WORTH and processors() > 1:
            return _process_or_thread
    return WriterThread


def _process_or_thread(writing: Writing) -> Beside:
    try:
        return WriterProcess(writing)
    except OSError:  # no more memory, or processes
        return WriterThread(writing)


class WriterProcess:
    """A copy of this process writes. For the calls see `analysis.tables.writer_thread.Beside`.

    Raises OSError where there is no more room for a process.
    """

    def __init__(self, writing: Writing) -> None:
        self._slots = SharedSlots()
        self._free = list(range(SLOTS))
        self._copy = ForkedProcess("writer", partial(_write, writing, self._slots))

    def do(self, *what: Any) -> None:
        while not self._free or self._copy.link.poll():
            self._hear()
        self._send(self._slots.dumps(self._free, what))

    def finish(self) -> None:
        self._send(None)
        while self._hear():
            pass
        self._copy.end()

    def drop(self) -> None:
        self._copy.end()

    def _send(self, what: object) -> None:
        try:
            self._copy.link.send(what)
        except OSError:
            _gone()

    def _hear(self) -> bool:
        """Take in what the copy says next; whether it goes on. Raises what went wrong there."""
        try:
            said = self._copy.link.recv()
        except (EOFError, OSError):
            _gone()
        if isinstance(said, BaseException):
            raise said
        if said is not None:
            self._free.append(said)
        return said is not None


def _gone() -> NoReturn:
    raise ChildProcessError(errno.ECHILD, "the process that writes is gone")


def _write(writing: Writing, slots: SharedSlots, link: Any) -> None:
    """What the copy does: say which slots are free again; at last None, or what went wrong."""
    gc.freeze()  # what was imported stays
    with suppress(EOFError, OSError):  # nobody is left who wants it
        try:
            _write_all(writing, slots, link)
            link.send(None)
        except _NobodyLeft:
            return
        except BaseException as error:
            link.send(_sent(error))
            while True:  # whoever sends must not wait for ever
                link.recv()


class _NobodyLeft(Exception):
    """The process that gave the work is gone."""


def _write_all(writing: Writing, slots: SharedSlots, link: Any) -> None:
    writing.open()
    while True:
        try:
            given = link.recv()
        except (EOFError, OSError):
            raise _NobodyLeft from None
        if given is None:
            break
        writing.write(*slots.loads(*given))
        for free in slots.left():
            link.send(free)
    writing.close()


def _sent(error: BaseException) -> BaseException:
    """An exception as it can be sent."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
