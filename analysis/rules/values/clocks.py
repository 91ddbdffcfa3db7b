"""Times that values carry: whose clock they are of, how old they are, and what local time displays make of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np

from analysis.features.judging import plural, spread
from analysis.features.names import said
from analysis.features.quantities import kind_of
from analysis.features.readings import EPOCH, elapsed, home_clock, series, undated
from analysis.rules.declare import (
    Evidence,
    FieldQuantity,
    Frame,
    Quantity,
    Subject,
    View,
    broken,
    c,
    kept,
    rule,
)
from analysis.rules.values.demand import OF_SERIES, SHARED
from analysis.rules.values.mirrors import TOTALS, mirrored

CLOCKS = FieldQuantity("clock").where(c.number.known)[c.frame, c.seconds, c.source, c.command_name, c.number]
SNAPSHOTS = Quantity("snapshot").where(c.number.known)[OF_SERIES]
LOCAL = Quantity("zone", "summer-begins", "summer-ends", "summer-shift", "local").where(c.number.known)[
    OF_SERIES
]
HOUR = 3600


def _ahead(view: View, seconds: Frame, numbers: Frame) -> tuple[Frame, bool]:
    """How far times (ZigBee's UTC) are ahead of the home's clock, or of the capture's where the hub serves none; of
    their own median where that has no date either."""
    clock = home_clock(view)
    if clock is None and undated(view):
        off = numbers - elapsed(view, seconds)
        return off - np.median(off), False
    now = elapsed(view, seconds) + view.start_ns / 1e9 + (clock or 0.0) - EPOCH
    return numbers - now, clock is not None


@rule(
    "publisher-clock",
    "A publisher's clock differs from the home's",
    finds="""A time of now in a command (Publish Price, the end of a firmware upgrade) that is not the time which the hub
    serves; where the hub serves none here, that of the capture.""",
    matters="Prices begin and end, and firmware is activated, at the wrong time.",
    example="""Electricity meter (90b3d5fffe0000a0): its clock is +7,200 s off the hub's in 4 Publish Price (from frame 12
    to 80)""",
    source="ZSE 1.2 D.4.2.4.1 (Current Time); SMETS2 5.5.1 (clock within 10 s)",
    advice="Set the meter's clock (ECS70), and see when it read the hub's time last",
    cause="clock", requires="commands with the time of now (Publish Price)", reads=[CLOCKS],
    broken_by="ordinary-day --fault publisher-clock-wrong --seconds 3000", kept_by="ordinary-day --seconds 3000",
    **SHARED,
)  # fmt: skip
def publisher_clock(
    view: View, clocks: Frame, *, seconds: float = 120.0, far: float = 3600.0
) -> Iterator[Evidence]:
    """Each command of each publisher, by the median of what is off."""
    for (source, name), part in clocks.groupby(
        ["source", "command_name"], sort=False, dropna=False, observed=True
    ):
        name = said(name, "a command")
        off, of_hub = _ahead(
            view, part["seconds"].to_numpy(dtype=float), part["number"].to_numpy(dtype=float)
        )
        wrong, subject = np.abs(off) > seconds, Subject.device(source)
        if not wrong.any():
            yield kept(subject, f"{plural(len(part), 'time')} of now in {name}")
            continue
        bad = part[wrong]
        whose, grave = "the hub's" if of_hub else "the capture's", of_hub or bool((np.abs(off) > far).any())
        text = f"its clock is {float(np.median(off[wrong])):+,.0f} s off {whose} in {len(bad)} {name} ({spread(bad)})"
        yield broken(subject, text, bad["frame"], None if grave else "info")


@rule(
    "reading-stale",
    "Old readings are served as if they were new",
    finds="""A snapshot time that lies hours behind the time of the home while readings are asked for; a mirror that gives
    a reading which is older than the one that its meter reported before.""",
    matters="Displays show the gas of yesterday, and half-hourly data has holes.",
    example="Communications hub (90b3d5fffe0000a2): ReadingSnapshotTime is 21,600 s old and stays so for 18,000 s",
    source="GBCS v0.8 10.4.2.8 (half-hourly readings); ZSE 1.2 D.3.2.2.1.8",
    advice="""See whether the gas meter still reports (battery, reach), and whether the proxy takes its reports; restart
    the hub if it does not""",
    cause="values", requires="snapshot times, or readings of a mirror and of its meter",
    reads=[SNAPSHOTS, TOTALS],
    broken_by="ordinary-day --fault stale-readings --seconds 6000", **SHARED,
)  # fmt: skip
def reading_stale(
    view: View, snapshots: Frame, totals: Frame, *, seconds: float = 7200.0, late: float = 120.0
) -> Iterator[Evidence]:
    """Snapshot times against the clock; readings of a hub against those that other devices reported to it."""
    for one in series(snapshots):
        off, of_hub = _ahead(view, one.seconds, one.numbers)
        old, subject = (off < -seconds) & (one.numbers > 0), Subject.device(one.source)
        if old.any():
            lasts = one.seconds[old][-1] - one.seconds[old][0]
            text = f"{one.name} is {-float(np.median(off[old])):,.0f} s old in {plural(int(old.sum()), 'answer')}"
            yield broken(
                subject,
                f"{text} over {lasts:,.0f} s",
                one.frames[old],
                None if of_hub or lasts > seconds else "info",
            )
        else:
            yield kept(subject, f"{one.name} at most {max(-float(off.min()), 0):,.0f} s old")
    yield from _mirrors(view, totals, late)


def _mirrors(view: View, totals: Frame, late: float) -> Iterator[Evidence]:
    """What a hub serves of a register, against the last report of it that the hub got."""
    for pair in mirrored(view, totals, late):
        one, report, at = pair.served, pair.report, pair.at
        older = (at >= 0) & (one.numbers < report.numbers[np.maximum(at, 0)])
        subject = Subject.device(one.source)
        if older.any():
            first = int(np.flatnonzero(older)[0])
            newer = int(at[first])
            text = (
                f"{one.name} is served {plural(int(older.sum()), 'time')} as {one.numbers[first]:,.0f} although "
                f"{view.label(report.source)} had reported {report.numbers[newer]:,.0f} (frame {report.frames[newer]})"
            )
            yield broken(subject, text, one.frames[older])
        else:
            yield kept(subject, f"{one.name} as it was reported")


@rule(
    "local-time-wrong",
    "Displays are told a wrong local time",
    finds="""A time zone, beginning, end or shift of summer time, or a local time, that is not that of Great Britain on
    this date.""",
    matters="Displays are an hour off, and so are the hours of a tariff that a customer sees on them.",
    example="""Communications hub (90b3d5fffe00000f): DstEnd is 2026-09-27 01:00 UTC, and not the last Sunday of October
    01:00 UTC of 2026""",
    source="ZCL 07-5123 3.12.2.2.3 to 3.12.2.2.8; Summer Time Act 1972 as amended 2002 (01:00 GMT on last Sundays)",
    advice="The hub's time service holds wrong rules: report its firmware version",
    cause="clock", requires="time zone, summer time or local time of the Time cluster", reads=[LOCAL],
    broken_by="ordinary-day --fault local-time-wrong --seconds 3000", **SHARED,
)  # fmt: skip
def local_time_wrong(
    view: View, local: Frame, *, zone: int = 0, shift: int = HOUR, seconds: float = 120.0
) -> Iterator[Evidence]:
    """Each of the attributes by itself, then whether what they say together fits the date."""
    for one in series(local):
        place = kind_of(one.cluster, one.attribute)
        kind = place.kind if place else ""
        wrong = [_wrong(view, kind, number, when, zone, shift, seconds)
                for number, when in zip(one.numbers, one.seconds, strict=True)]  # fmt: skip
        bad = [n for n, words in enumerate(wrong) if words]
        subject = Subject.device(one.source)
        if bad:
            text = f"{one.name} {wrong[bad[0]]} ({plural(len(bad), 'answer')})"
            yield broken(subject, text, one.frames[bad])
        else:
            yield kept(subject, f"{one.name} as Great Britain has it")


def _wrong(view: View, kind: str, number: float, when: float, zone: int, shift: int, seconds: float) -> str:
    """What is wrong with one value; empty where nothing is. 0 and all bits set of a time: it is not used."""
    off, of_hub = _ahead(view, when, 0.0)
    if not of_hub and undated(view):  # no season is known
        return "" if kind != "zone" or number == zone else f"is {number:+,.0f} s, and not {zone:+} s"
    now = _utc(-off)
    summer = shift if summer_shift(now) else 0
    if kind == "zone":
        return "" if number == zone else f"is {number:+,.0f} s, and not {zone:+} s"
    if kind == "summer-shift":
        return "" if number in (0, shift) else f"is {number:+,.0f} s, and not {shift:+} s"
    if number in (0, 2**32 - 1):
        return ""
    if kind == "local":
        ahead = number + off
        return (
            ""
            if abs(ahead - zone - summer) <= seconds
            else f"is {ahead:+,.0f} s from UTC, and not {zone + summer:+} s"
        )
    month = 3 if kind == "summer-begins" else 10
    told = _utc(number)
    if told == _last_sunday(told.year, month) and abs(told.year - now.year) <= 1:
        return ""
    name = "March" if month == 3 else "October"
    return f"is {told:%Y-%m-%d %H:%M} UTC, and not the last Sunday of {name} 01:00 UTC of {now.year}"


def _utc(number: float) -> datetime:
    """A ZigBee time as a date."""
    return datetime.fromtimestamp(min(max(number, 0), 2**32) + EPOCH, UTC).replace(microsecond=0)


def summer_shift(now: datetime) -> timedelta:
    """How far clocks in Great Britain are ahead of UTC at a time."""
    begins, ends = (_last_sunday(now.year, month) for month in (3, 10))
    return timedelta(seconds=HOUR if begins <= now < ends else 0)


def _last_sunday(year: int, month: int) -> datetime:
    """01:00 UTC of the last Sunday of March or October: both have 31 days."""
    last = datetime(year, month, 31, 1, tzinfo=UTC)
    return last - timedelta(days=(last.weekday() + 1) % 7)
