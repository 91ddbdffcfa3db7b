"""Where the marks of an axis stand: round numbers and round times, and an end near the data."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime

from analysis.tables.row_form import RowForm

__all__ = ["Clock", "round_top", "time_marks"]

STEPS = (
    1,
    2,
    5,
    10,
    15,
    30,
    60,
    120,
    300,
    600,
    900,
    1800,
    3600,
    7200,
    10800,
    21600,
    43200,
    86400,
    172800,
    604800,
)
"""Seconds between two marks that people count in."""
PARTS = (1, 2, 2.5, 5, 10)


def round_top(most: float, wanted: int = 5) -> tuple[int, int]:
    """The end of an axis that begins at 0, and the step between its marks, about `wanted` of them.

    >>> round_top(83), round_top(3), round_top(1010)
    ((100, 20), (3, 1), (1250, 250))
    """
    least = max(most / wanted, 1)
    power = 10 ** math.floor(math.log10(least))
    step = next(int(part * power) for part in PARTS if part * power >= least and part * power % 1 == 0)
    return max(math.ceil(most / step), 1) * step, step


@dataclass(frozen=True, slots=True)
class Clock:
    """How seconds of a capture are told: as the time of day, or as seconds after its first frame.

    Attributes:
        start: the first frame in seconds since 1970, in the zone that is shown; None where times are relative.
    """

    start: float | None

    @classmethod
    def of(cls, start_ns: int, form: RowForm | None) -> Clock:
        """That of a capture whose times are written as `form` has it."""
        if form is not None and form.times in ("relative", "delta"):
            return cls(None)
        if form is None or form.times != "local":
            return cls(start_ns / 1e9)
        offset = datetime.fromtimestamp(start_ns / 1e9, UTC).astimezone(form.zone).utcoffset()
        return cls(start_ns / 1e9 + (offset.total_seconds() if offset else 0))

    def text(self, seconds: float, step: float) -> str:
        """A mark, `step` seconds from the next one.

        >>> Clock(1783080000.0).text(90, 30), Clock(None).text(90, 30), Clock(0.0).text(0.25, 0.05)
        ('12:01:30', '+1:30', '00:00:00.25')
        """
        whole = round(seconds + (self.start or 0), 3)
        rest = whole % 86400
        hours, minutes = int(rest // 3600), int(rest % 3600 // 60)
        part = "" if step >= 1 else f"{rest % 1:.3f}"[1:].rstrip("0").rstrip(".")
        if self.start is None:
            long = f"{int(whole // 3600)}:{minutes:02}" if whole >= 3600 else f"{minutes}"
            return f"+{long}:{int(rest % 60):02}{part}"
        if step >= 86400:
            return f"{datetime.fromtimestamp(whole, UTC):%d %b}"
        return f"{hours:02}:{minutes:02}" + (f":{int(rest % 60):02}{part}" if step < 60 else "")


def time_marks(clock: Clock, begin: float, end: float, wanted: int = 7) -> list[tuple[float, str]]:
    """Marks at round times between `begin` and `end`, at most `wanted`: seconds of the capture, and what stands there.

    >>> time_marks(Clock(1783080000.0 + 50), 0, 200, 4)
    [(10.0, '12:01'), (70.0, '12:02'), (130.0, '12:03'), (190.0, '12:04')]
    """
    span = max(end - begin, 1e-3)
    fine = (part * 10.0**power for power in range(-3, 0) for part in (1, 2, 5))
    step = next((one for one in (*fine, *STEPS) if span / one <= wanted), STEPS[-1])
    start = clock.start or 0.0
    first = math.ceil((start + begin) / step)
    places = [(first + n) * step - start for n in range(wanted + 1)]
    return [(round(at, 6), clock.text(at, step)) for at in places if at <= end + 1e-9]
