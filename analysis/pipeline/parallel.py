"""Work that is shared out among processes which all see what this one has in memory.

Strategy: the others are copies of this process (fork), so nothing is sent to them; each takes the next piece
when it has done one, and sends back what came of it. Some take pieces from the front and some from the back, so
that neighbours, which make the same things of what is in memory, mostly meet in one process. Where there is one
processor, or a system that cannot copy a process safely, the work is done here, one piece after the other. A process
with several threads is not copied either: the copy would have one of them, and for ever locked what the others held.
(The command sees to it that it has one: `analysis.cli`. A program that uses this as a library may have more.)"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

__all__ = ["ForkedProcess", "can_copy", "map_forked", "processors"]

Result = TypeVar("Result")
MOST = 4  # processes, so that what each of them makes stays bounded


def processors() -> int:
    """How many processes are worth while here; a worker of a pool may have none of its own."""
    if sys.platform != "linux" or not can_copy() or _in_a_pool() or _threads() > 1:
        return 1
    return min(len(os.sched_getaffinity(0)), MOST)


def can_copy() -> bool:
    """Whether this system copies processes, and its own libraries bear it (those of macOS do not)."""
    return hasattr(os, "fork") and sys.platform != "darwin"


def _in_a_pool() -> bool:
    running = sys.modules.get("multiprocessing")  # which a worker of one has imported
    return running is not None and running.current_process().daemon


def _threads() -> int:
    """Threads of this process, also those of libraries, of which Python knows nothing."""
    try:
        return len(os.listdir("/proc/self/task"))  # noqa: PTH208 - names only
    except OSError:
        return threading.active_count()


def map_forked(work: Callable[[int], Result], pieces: int, processes: int) -> list[Result]:
    """What `work` makes of 0, 1, ... `pieces` - 1, in this order.

    Args:
        work: must not raise; what it returns can be pickled. What else it changes is lost in other processes.
        pieces: how many there are; neighbours should be alike.
        processes: how many share them, this one among them.
    """
    done = _by_several(work, pieces, processes) if processes > 1 and pieces > 1 else {}
    return [done[piece] if piece in done else work(piece) for piece in range(pieces)]


def _by_several(work: Callable[[int], Result], pieces: int, processes: int) -> dict[int, Result]:
    """What several processes made; nothing where the system has no memory that they can share."""
    import multiprocessing  # 10 ms that small captures do not pay

    try:
        left = multiprocessing.get_context("fork").Array("i", [0, pieces])
    except OSError:
        return {}
    others: list[ForkedProcess] = []
    try:
        with suppress(OSError):  # no more processes: those that there are do it all
            others.extend(
                ForkedProcess("share", partial(_share, work, left, number)) for number in range(1, processes)
            )
        done = dict(_taken(work, left, 0))
        for other in others:
            with suppress(EOFError):  # it was killed, for want of memory say
                done |= other.link.recv()
    finally:
        for other in others:
            other.end()
    return done


class ForkedProcess:
    """A copy of this process that does one thing, with a pipe between the two.

    Args:
        name: of the process, for people.
        deed: gets its end of the pipe. Everything else it finds as it was when it was copied.

    Raises OSError where there is no more room for a process.
    """

    def __init__(self, name: str, deed: Callable[[Any], None]) -> None:
        import multiprocessing

        context = multiprocessing.get_context("fork")
        self.link, other = context.Pipe()
        self._process = context.Process(
            target=_carry_out, args=(deed, other, self.link), name=f"hanscope {name}", daemon=True
        )
        try:
            self._process.start()
        except OSError:
            self.link.close()
            raise
        finally:
            other.close()

    def end(self) -> None:
        """Stop it."""
        self.link.close()
        self._process.terminate()
        self._process.join()


def _carry_out(deed: Callable[[Any], None], link: Any, others: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is this one's parent that tells of an interruption
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
    others.close()
    with suppress(BrokenPipeError):  # nobody is left who wants it
        deed(link)


def _share(work: Callable[[int], Any], left: Any, number: int, link: Any) -> None:
    link.send(dict(_taken(work, left, number)))


def _taken(work: Callable[[int], Result], left: Any, number: int) -> Iterator[tuple[int, Result]]:
    """What process `number` made: `left` holds the first piece that nobody has taken, and the one behind the last."""
    while True:
        with left.get_lock():
            first, end = left
            if first >= end:
                return
            piece = first if number % 2 == 0 else end - 1
            left[number % 2] = first + 1 if number % 2 == 0 else end - 1
        yield piece, work(piece)
