"""The price that is in force against the calendar that its meter publishes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from analysis.features.identifiers import CLUSTERS, to_client
from analysis.features.judging import mask, plural
from analysis.features.readings import EPOCH, home_clock
from analysis.rules.declare import (
    TO_CLIENT,
    Command,
    Evidence,
    Frame,
    Subject,
    View,
    broken,
    c,
    commands,
    field,
    kept,
    rule,
)
from analysis.rules.values.clocks import summer_shift
from analysis.rules.values.demand import SHARED

TIERS = 16  # a tier is the low half of an octet
LAST_TIER = 48  # tiers of prices (ZSE 1.2 D.9.2.4.2); more stands for friendly credit or switches
DAY, LOCAL = 1440, 2
"""Minutes of a day; the time reference that is local time (ZSE 1.2 table D-186)."""
CALENDAR = CLUSTERS["Calendar"]
OF_CALENDAR, OF_DAY, OF_WEEK = (
    to_client(CALENDAR, name) for name in ("Publish Calendar", "Publish Day Profile", "Publish Week Profile")
)
REFERENCE, KIND = OF_CALENDAR.field("calendar_time_reference"), OF_CALENDAR.field("calendar_type")
DAY_ID, ENTRIES = OF_DAY.field("day_id"), OF_DAY.field("day_schedule_entries")
WEEK = tuple(
    OF_WEEK.field(f"day_id_ref_{day}")
    for day in ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
)
DELIVERED = (0, 2)  # kinds of calendars: of what is delivered, and of what is delivered and received
TIER_SAID, CLOCK = "price_trailing_digit_and_price_tier", "current_time"
PRICES = Command("Price", TO_CLIENT, "Publish Price", TIER_SAID, CLOCK)[
    c.frame, c.seconds, c.source, field(TIER_SAID), field(CLOCK)
]  # fmt: skip
CALENDARS = commands.where(c.cluster == CALENDAR, c.direction == TO_CLIENT)[
    c.frame, c.seconds, c.source, c.field, c.number
]


class Switch(NamedTuple):
    """From which minute of the day on a tier is in force."""

    minute: int
    tier: int


class Told(NamedTuple):
    """What a meter told of its calendar: the switches of each kind of day, the kind of each day of the week (Monday
    first) where it told one week, which time it keeps, and from which second of the capture on that was known."""

    days: dict[int, list[Switch]]
    week: tuple[int, ...]
    reference: int
    since: float


@rule(
    "tariff-switch-time",
    "A price changes at another time than the calendar says",
    finds="""A price tier in force that the calendar of the same meter does not have at that time of that day.""",
    matters="The customer pays the day's price at night, or the display says so: complaints about bills.",
    example="""Electricity meter (90b3d5fffe0000a0): tier 1 in 6 answers when its calendar has tier 2 since 00:30 (first
    at 01:12); the next switch is at 07:30""",
    source="ZSE 1.2 D.9.2.4 (calendar), D.4.2.4.1 (price tier); GBCS use-case annex ECS01a (switching table)",
    advice="""Compare switching table and clock of the meter with the tariff that the supplier sent (ECS01a, ECS70); as
    many hours off as summer time or the time zone: the calendar was made for the other time""",
    cause="values", requires="a calendar with its day profiles, and prices with their tier", reads=[CALENDARS, PRICES],
    broken_by="ordinary-day --fault tariff-switches-late --seconds 9000",
    kept_by="planted: a price of nothing under a calendar that is kept", **SHARED,
)  # fmt: skip
def tariff_switch_time(
    view: View, calendars: Frame, prices: Frame, *, minutes: float = 5.0, times: int = 2
) -> Iterator[Evidence]:
    """Each price against the tiers that its time of day may have, with some minutes around each switch."""
    if calendars.empty or prices.empty:
        return
    ahead = home_clock(view)
    for source, part in prices.groupby("source", sort=False, dropna=False):
        told = _told(calendars[mask(calendars["source"] == source)])
        if told is None:
            continue
        frames, words = [], ""
        good = 0
        for row in part.itertuples():
            now = _now(view, row, ahead)
            tier = int(row.price_trailing_digit_and_price_tier) % TIERS if _known(row) else 0
            if now is None or not tier or row.seconds < told.since:
                continue
            wanted, text = _wanted(told, now, minutes)
            if tier in wanted or not wanted:
                good += 1
            else:
                frames.append(int(row.frame))
                words = (
                    words or f"tier {tier} in {{}} when its calendar has {text} (first at {now:%H:%M} UTC)"
                )
        subject = Subject.device(source)
        if len(frames) >= times:
            yield broken(subject, words.format(plural(len(frames), "price")), frames)
        elif good:
            yield kept(subject, f"{plural(good, 'price')} as its calendar has them")


def _known(row: Any) -> bool:
    return bool(np.isfinite(float(row.price_trailing_digit_and_price_tier or np.nan)))


def _now(view: View, row: Any, ahead: float | None) -> datetime | None:
    """When a price was told, by the home's clock, or else by the publisher's."""
    if ahead is not None:
        return datetime.fromtimestamp(row.seconds + view.start_ns / 1e9 + ahead, UTC)
    told = float(row.current_time or 0)
    return datetime.fromtimestamp(told + EPOCH, UTC) if 0 < told < 2**32 - 1 else None


def _told(rows: Frame) -> Told | None:
    """The one calendar of prices that a meter published; None where there is none, or more than one."""
    days: dict[int, list[Switch]] = {}
    week: tuple[int, ...] = ()
    reference = 0
    for _, part in rows.groupby("frame", sort=False):
        fields = dict(zip(part["field"].astype(str), part["number"], strict=True))
        if fields.get(KIND, 0) not in DELIVERED:
            continue
        if DAY_ID in fields:
            days.setdefault(int(fields[DAY_ID]), []).extend(_switches(fields))
        elif WEEK[0] in fields:
            again = tuple(int(fields[name]) for name in WEEK)
            week = again if week in ((), again) else (0,) * 7
        elif REFERENCE in fields:
            reference = int(fields[REFERENCE])
    days = {day: sorted(set(switches)) for day, switches in days.items()}
    if not days or any(len({one.minute for one in own}) < len(own) for own in days.values()):
        return None
    return Told(days, week, reference, float(rows["seconds"].max()))


def _switches(fields: dict[str, Any]) -> list[Switch]:
    """The entries of one Publish Day Profile."""
    out, number = [], 0
    while (at := f"{ENTRIES}[{number}]") + ".start_time" in fields:
        tier = next((v for name, v in fields.items() if name.startswith(f"{at}.active_price_tier")), 0)
        minute = float(fields[f"{at}.start_time"])
        if 0 < tier <= LAST_TIER and minute < DAY:
            out.append(Switch(int(minute), int(tier)))
        number += 1
    return out


def _wanted(told: Told, now: datetime, minutes: float) -> tuple[set[int], str]:
    """The tiers that may be in force at a time, and which it is in words."""
    local = now + summer_shift(now) if told.reference == LOCAL else now
    minute = local.hour * 60 + local.minute + local.second / 60
    today = told.week[local.weekday()] if told.week else 0
    profiles = [told.days[today]] if today in told.days else list(told.days.values())
    tiers: set[int] = set()
    words = ""
    for switches in profiles:
        for one, following in pairwise([*switches, Switch(DAY, 0)]):
            if one.minute - minutes <= minute < following.minute + minutes:
                tiers.add(one.tier)
                words = f"tier {one.tier} since {one.minute // 60:02d}:{one.minute % 60:02d}"
        if not switches or minute < switches[0].minute + minutes or minute >= DAY - minutes:
            return set(), ""  # what holds around midnight, the day before says
    return tiers, words
