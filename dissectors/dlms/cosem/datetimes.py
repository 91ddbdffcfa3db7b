"""COSEM date-time, date and time: 12, 5 and 4 octets with wild cards, deviation and clock status.

Source: IEC 62056-6-2 clause 5 (Blue Book), date and time formats. Octet FF (year FFFF) is unspecified; month
FD/FE and day FD/FE are daylight-saving and last-day marks; deviation is in minutes from local time to
UTC, 8000 unspecified; clock status FF unspecified.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

__all__ = [
    "DateTime",
    "build_date_time",
    "describe_octets",
    "is_date_time",
    "parse_date_time",
    "read_date_time",
]

_MONTHS = {0xFD: "DST end", 0xFE: "DST begin", 0xFF: "*"}
_DAYS = {0xFD: "second last", 0xFE: "last", 0xFF: "*"}
_WEEKDAYS = ("", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_STATUS_BITS = (
    (0x01, "invalid value"),
    (0x02, "doubtful value"),
    (0x04, "different clock base"),
    (0x08, "invalid clock status"),
    (0x80, "daylight saving active"),
)
UNSPECIFIED_DEVIATION = -0x8000
_WRITTEN = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)(?: [A-Z][a-z]{2})?[ T](?P<time>\d\d:\d\d:\d\d)(?:\.(?P<hundredths>\d\d))?"
    r"(?:Z| ?UTC(?P<hours>[+-]\d+(?:\.\d+)?)h)?(?: \(.*\))?"
)


class DateTime(NamedTuple):
    """The parts as they stand in the octets, wild cards included.

    `deviation` is in minutes (UTC = local + deviation) or -32768 for unspecified; hundredths of a second.
    """

    year: int
    month: int
    day: int
    weekday: int
    hour: int
    minute: int
    second: int
    hundredths: int
    deviation: int
    status: int

    @property
    def utc(self) -> datetime | None:
        """The moment in UTC; None while a part is a wild card or out of range.

        An unspecified deviation is taken as UTC (GBCS section 9.1 uses 8000 so); see `confidence`.
        """
        shift = 0 if self.deviation == UNSPECIFIED_DEVIATION else self.deviation
        try:
            hundredths = 0 if self.hundredths == 0xFF else self.hundredths
            local = datetime(
                self.year, self.month, self.day, self.hour, self.minute,
                0 if self.second == 0xFF else self.second, hundredths * 10_000, UTC,
            )  # fmt: skip
            return local + timedelta(minutes=shift)
        except (ValueError, OverflowError):
            return None

    @property
    def confidence(self) -> str:
        """How far `utc` can be trusted: ``certain``, ``assumed UTC``, ``doubtful`` or ``none``.

        Some meters reverse the sign of the deviation, which nothing in the octets reveals.
        """
        if self.utc is None:
            return "none"
        if self.deviation == UNSPECIFIED_DEVIATION:
            return "assumed UTC"
        if not -720 <= self.deviation <= 840 or (self.status != 0xFF and self.status & 0x0F):
            return "doubtful"
        return "certain"

    @property
    def clock_status(self) -> list[str]:
        """The clock status bits in words; empty when unspecified (FF) or all clear."""
        return [] if self.status == 0xFF else [text for bit, text in _STATUS_BITS if self.status & bit]

    def __str__(self) -> str:
        if self[:8] == (0, 0, 0, 0, 0, 0, 0, 0):
            return "now (all zero)"
        if self[:8] == (0xFFFF,) + (0xFF,) * 7:
            return "never or not specified (all FF)"
        offset = "" if self.deviation == UNSPECIFIED_DEVIATION else f" UTC{-self.deviation / 60:+g}h"
        status = ", ".join(self.clock_status)
        return f"{_date(*self[:4])} {_time(*self[4:8])}{offset}{f' ({status})' if status else ''}"


def read_date_time(octets: bytes) -> DateTime:
    """The 12 octets of a date-time; ValueError when there are not 12.

    >>> str(read_date_time(bytes.fromhex("07e40a1907141e0000ffc480")))
    '2020-10-25 Sun 20:30:00 UTC+1h (daylight saving active)'
    """
    if len(octets) != 12:
        raise ValueError(f"a date-time has 12 octets, not {len(octets)}")
    deviation = int.from_bytes(octets[9:11], "big", signed=True)
    return DateTime._make((int.from_bytes(octets[:2], "big"), *octets[2:9], deviation, octets[11]))


def build_date_time(value: DateTime) -> bytes:
    """The 12 octets of `value`."""
    head = value.year.to_bytes(2, "big") + bytes(value[1:8])
    return head + value.deviation.to_bytes(2, "big", signed=True) + bytes((value.status,))


def parse_date_time(text: str, like: DateTime) -> DateTime:
    """The moment that a text names, as `DateTime` writes itself; what it does not say is as in another one.

    >>> like = read_date_time(bytes.fromhex("07e40a1907141e0000ffc480"))
    >>> str(parse_date_time("2026-01-05 08:00:00", like))
    '2026-01-05 Mon 08:00:00 UTC+1h (daylight saving active)'

    Raises:
        ValueError: it names none.
    """
    found = _WRITTEN.fullmatch(text)
    if found is None:
        raise ValueError("a moment is wanted, such as 2026-01-05 08:00:00")
    day = datetime.strptime(f"{found['day']} {found['time']}", "%Y-%m-%d %H:%M:%S")
    unset = 0xFF if like.hundredths == 0xFF else 0
    return like._replace(
        year=day.year, month=day.month, day=day.day, hour=day.hour, minute=day.minute, second=day.second,
        weekday=0xFF if like.weekday == 0xFF else day.isoweekday(),
        hundredths=int(found["hundredths"]) if found["hundredths"] else unset,
        deviation=like.deviation if found["hours"] is None else round(-60 * float(found["hours"])),
    )  # fmt: skip


def _date(year: int, month: int, day: int, weekday: int) -> str:
    text = [
        "*" if year == 0xFFFF else f"{year:04d}",
        _MONTHS.get(month) or f"{month:02d}",
        _DAYS.get(day) or f"{day:02d}",
    ]
    name = _WEEKDAYS[weekday] if weekday < len(_WEEKDAYS) else "" if weekday == 0xFF else f"day {weekday}"
    return f"{'-'.join(text)}{f' {name}' if name else ''}"


def _time(hour: int, minute: int, second: int, hundredths: int) -> str:
    text = ":".join("*" if part == 0xFF else f"{part:02d}" for part in (hour, minute, second))
    return text if hundredths in (0, 0xFF) else f"{text}.{hundredths:02d}"


def is_date_time(value: bytes) -> bool:
    """Whether 12 octets of unknown purpose can be a date-time (a serial number seldom can)."""
    year, month, day, weekday = int.from_bytes(value[:2], "big"), *value[2:5]
    deviation = int.from_bytes(value[9:11], "big", signed=True)
    return (
        (year == 0xFFFF or 1970 <= year <= 2199 or value[:8] == bytes(8))
        and (month <= 12 or month >= 0xFD)
        and (day <= 31 or day >= 0xFD)
        and (weekday <= 7 or weekday == 0xFF)
        and (value[5] <= 24 or value[5] == 0xFF)
        and (deviation == UNSPECIFIED_DEVIATION or -840 <= deviation <= 840)
    )


def describe_octets(value: bytes, tag: int = 9) -> str:
    """What an octet string or a date or time type says, as far as its form alone can tell; else ``""``."""
    if tag == 26:
        return _date(int.from_bytes(value[:2], "big"), *value[2:5])
    if tag == 27:
        return _time(*value)
    if tag == 25 or (tag == 9 and len(value) == 12 and is_date_time(value)):
        return str(read_date_time(value))
    if tag == 9 and len(value) == 6 and value[5] == 0xFF:
        return f"{value[0]}-{value[1]}:{value[2]}.{value[3]}.{value[4]}.{value[5]}"
    if tag == 9 and len(value) > 2 and all(0x20 <= octet < 0x7F for octet in value):
        return f'"{value.decode("ascii")}"'
    return ""
