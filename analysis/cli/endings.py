"""Signals that end a run: it leaves as an interrupted one does, and removes what it has begun.

Strategy: the handlers raise. Where Python cannot pass an exception on (in a finalizer, say) it would be lost, and the run
would go on as if it had not been told: so the signal is sent once more from the hook that hears of such exceptions.
"""

from __future__ import annotations

import signal
import sys
from contextlib import suppress
from typing import Any, NoReturn

__all__ = ["ENDING", "end_on_signals"]

ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""What a run is asked to end by, besides an interruption: SIGHUP comes when a terminal is closed."""


LATER = 0.01
"""Seconds until a signal is tried again: the finalizer in which it came is over by then."""


class Ended(SystemExit):
    """The run was asked to end by a signal: its code is 128 and the signal's number."""


def end_on_signals() -> None:
    """Leave with exit code 128 and the signal's number when one of `ENDING` comes; what is ignored (nohup) stays so."""
    with suppress(ValueError):  # not in the main thread
        for number in ENDING:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, _ended)
        sys.unraisablehook = _heard_of


def _ended(number: int, _frame: object) -> NoReturn:
    raise Ended(128 + number)


def _heard_of(unraisable: Any) -> None:
    """An exception that nobody could be given: what was to end the run is raised again in a moment."""
    error = unraisable.exc_value
    if not isinstance(error, Ended | KeyboardInterrupt) or not hasattr(signal, "setitimer"):
        sys.__unraisablehook__(unraisable)
        return
    again = Ended(error.code) if isinstance(error, Ended) else KeyboardInterrupt()

    def once_more(_number: int, _frame: object) -> NoReturn:
        raise again

    signal.signal(signal.SIGALRM, once_more)
    signal.setitimer(signal.ITIMER_REAL, LATER)
