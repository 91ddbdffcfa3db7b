"""What became of seldom exchanges, when they are closed without a last word."""

from __future__ import annotations

from collections.abc import Callable

from analysis.exchanges.desk import Entry
from analysis.exchanges.kinds import KINDS, SECOND, kind_number

__all__ = ["settle"]


def settle(one: Entry, now: int, ended: bool, heard: Callable[[Entry], bool]) -> None:
    """Say what is known of an exchange.

    Args:
        now: time of the last frame so far.
        heard: whether all was heard that the responder of an exchange sent while its answer was due.
        ended: the capture is over.
    """
    if one.outcome is not None:
        return
    kind = KINDS[kind_number(one.kind)]
    early = ended and now - one.touched <= int(kind.limit * SECOND)
    status = one.status
    if one.kind == "tunnel" and (one.answered or one.missing) and ended:
        one.outcome, one.status = "running", "still open when the capture ended"
    elif early:
        one.outcome, one.status = "running", status or "the capture ended before it was over"
    elif one.kind == "gbcs" and not one.answered and one.delivered:
        late = f"no response in {int(kind.limit / 60)} min"
        one.outcome, one.status = "unanswered", f"{status}; {late}" if status else late
    elif one.kind == "rejoin" and one.delivered and one.secured and not one.answered and heard(one):
        one.outcome, one.status = "unanswered", f"no response in {int(kind.limit)} s"
    elif one.kind == "tunnel" and one.answered:
        one.outcome, one.status = "ok", "not used any more"
    else:
        one.outcome, one.status = "incomplete", status or "not heard to its end"
        if not one.missing and not one.answered:
            one.missing.append("answer")
        elif not one.missing:
            one.missing.append("end")
