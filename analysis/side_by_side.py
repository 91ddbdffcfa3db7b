"""Work that is shared out among processes which all see what this one has in memory.

Strategy: the others are copies of this process (fork), so nothing is sent to them; each takes the next piece
when it has done one, and sends back what came of it. Some take pieces from the front and some from the back, so
that neighbours, which make the same things of what is in memory, mostly meet in one process. Where there is one
processor, or a system that cannot copy a process safely, the work is done here, one piece after the other."""

from __future__ import annotations

import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, TypeVar

__all__ = ["processors", "shared_out"]

Result = TypeVar("Result")
MOST = 4  # processes, so that what each of them makes stays bounded


def processors() -> int:
    """How many processes are worth while here; a worker of a pool may have none of its own."""
    if sys.platform != "linux" or _in_a_pool():
        return 1
    return min(len(os.sched_getaffinity(0)), MOST)


def _in_a_pool() -> bool:
    running = sys.modules.get("multiprocessing")  # which a worker of one has imported
    return running is not None and running.current_process().daemon


def shared_out(work: Callable[[int], Result], pieces: int, processes: int) -> list[Result]:
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

    context = multiprocessing.get_context("fork")
    try:
        left = context.Array("i", [0, pieces])
    except OSError:
        return {}
    others: list[_Other] = []
    try:
        with suppress(OSError):  # no more processes: those that there are do it all
            others.extend(_Other(context, work, left, number) for number in range(1, processes))
        done = dict(_taken(work, left, 0))
        for other in others:
            done |= other.results()
    finally:
        for other in others:
            other.end()
    return done


class _Other:
    """A copy of this process that takes its share of the work."""

    def __init__(self, context: Any, work: Callable[[int], Any], left: Any, number: int) -> None:
        self.receiver, sender = context.Pipe(duplex=False)
        self.process = context.Process(
            target=_share, args=(work, left, number, sender), name="hanscope share", daemon=True
        )
        with warnings.catch_warnings():  # of threads, which Arrow and numpy set up anew in a copy
            warnings.simplefilter("ignore", DeprecationWarning)
            self.process.start()
        sender.close()

    def results(self) -> dict[int, Any]:
        """What it made; nothing when it was killed, for want of memory say."""
        try:
            found: dict[int, Any] = self.receiver.recv()
        except EOFError:
            return {}
        return found

    def end(self) -> None:
        self.receiver.close()
        self.process.terminate()
        self.process.join()


def _share(work: Callable[[int], Any], left: Any, number: int, sender: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is this one's parent that tells of an interruption
    with suppress(BrokenPipeError):  # nobody is left who wants it
        sender.send(dict(_taken(work, left, number)))
    sender.close()


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
