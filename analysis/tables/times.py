"""Times as people write them and as they want to read them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta, tzinfo

__all__ = ["Moment", "time_ns"]

SECOND = 1_000_000_000
FRACTION = re.compile(r"(:\d\d)[.,](\d{1,18})")
SPAN = re.compile(r"\+?(\d{1,15}(?:\.\d{1,15})?)\s*(ms|s|min|m|h|d)?")
SECONDS = {"ms": 0.001, "": 1, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def time_ns(text: str, zone: tzinfo = UTC) -> int:
    """Nanoseconds since 1970 of a time as ISO 8601 writes it; without its own zone it is one of `zone`.

    Raises:
        ValueError: it is none.

    >>> time_ns("1970-01-01T00:00:00.000000025"), time_ns("1970-01-01T01:00+01:00"), time_ns("1970-01-02")
    (25, 0, 86400000000000)
    """
    fraction = FRACTION.search(text)
    plain = text if fraction is None else FRACTION.sub(r"\1", text, count=1)
    try:
        found = datetime.fromisoformat(plain.strip())
        found = found.replace(tzinfo=zone) if found.tzinfo is None else found
        whole = (found - EPOCH) // timedelta(microseconds=1) * 1000
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is not a time: written 2026-01-05 or 2026-01-05T12:00:00Z") from None
    return whole + (0 if fraction is None else int(fraction[2][:9].ljust(9, "0")))


class Moment:
    """A moment of a capture: ``2026-01-05T12:00``, ``12:30`` (of its first day), ``90``, ``+90s``, ``5m``, ``2h`` (after
    its first frame).

    Args:
        zone: of times that do not say theirs.

    Attributes:
        after_ns: nanoseconds after the first frame; None where it is no such moment.
        of_day: time of the day of the first frame; None likewise.

    >>> start = time_ns("2026-01-05T10:00:00Z")
    >>> [(Moment(text).at(start) - start) // 10**9 for text in ("90", "+1.5h", "10:01", "2026-01-05T10:02")]
    [90, 5400, 60, 120]
    """

    def __init__(self, text: str, zone: tzinfo = UTC) -> None:
        """Raises ValueError: it is none of these."""
        self.text, self.zone = text, zone
        self.after_ns: int | None = None
        self.of_day: time | None = None
        self._at: int | None = None
        span = SPAN.fullmatch(text.strip())
        if span is not None:
            self.after_ns = round(float(span[1]) * SECONDS[span[2] or ""] * SECOND)
            return
        try:
            self.of_day = time.fromisoformat(text.strip()) if ":" in text[:6] else None
        except ValueError:
            self.of_day = None
        if self.of_day is None:
            self._at = time_ns(text, zone)

    @property
    def needs_start(self) -> bool:
        """Whether it hangs on the time of the first frame."""
        return self._at is None

    def at(self, start_ns: int) -> int:
        """Nanoseconds since 1970, of a capture whose first frame came at `start_ns`."""
        if self._at is not None:
            return self._at
        if self.after_ns is not None:
            return start_ns + self.after_ns
        first = (EPOCH + timedelta(seconds=start_ns // SECOND)).astimezone(self.zone)
        assert self.of_day is not None
        when = self.of_day if self.of_day.tzinfo is not None else self.of_day.replace(tzinfo=self.zone)
        return time_ns(datetime.combine(first.date(), when).isoformat(), self.zone)
