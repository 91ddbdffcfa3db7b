"""Lengths of time for people."""

from __future__ import annotations

__all__ = ["time_span"]


def time_span(seconds: float) -> str:
    """A length of time for people.

    >>> time_span(90), time_span(5400), time_span(200000)
    ('90 s', '1.5 h', '2.3 days')
    """
    for size, unit in ((172800.0, "days"), (7200.0, "h"), (3600.0, "h"), (180.0, "min")):
        if seconds >= size:
            part = {"days": 86400.0, "h": 3600.0, "min": 60.0}[unit]
            return f"{seconds / part:.1f}".rstrip("0").rstrip(".") + f" {unit}"
    return f"{seconds:.0f} s"
