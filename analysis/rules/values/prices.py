"""Prices and credit on their way to displays."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.features.judging import mask, plural
from analysis.features.names import said
from analysis.features.quantities import places_of
from analysis.features.readings import EPOCH, elapsed, home_clock, series
from analysis.rules.declare import (
    TO_CLIENT,
    TO_SERVER,
    Command,
    Evidence,
    FieldQuantity,
    Frame,
    Quantity,
    Subject,
    View,
    broken,
    c,
    field,
    kept,
    rule,
)  # fmt: skip
from analysis.rules.values.demand import OF_SERIES, SHARED

OF_FIELD = (c.frame, c.seconds, c.source, c.destination, c.command_name, c.field, c.number, c.scaled, c.unit)
PRICES = FieldQuantity("price").where(c.number.known)[OF_FIELD]
BEGINS = FieldQuantity("begins").where(c.number > 0)[OF_FIELD]
LASTS = FieldQuantity("lasts").where(c.number.known)[c.frame, c.number]
CLOCK = FieldQuantity("clock").where(c.number.known)[c.frame, c.number]
ASKED = Command("Price", TO_SERVER, "Get Current Price")[c.frame, c.seconds, c.source, c.destination]
CREDIT = Quantity("credit").where(c.number.known)[OF_SERIES]
OF_MONEY = "(?!Read).*(Top Up|Balance|Debt|Tariff|Price|Payment Mode|Emergency Credit).*"
TIER, TIERS = "price_trailing_digit_and_price_tier", "number_of_price_tiers_and_register_tier"
TOLD = Command("Price", TO_CLIENT, "Publish Price", "currency", TIER, TIERS)[
    c.frame, c.seconds, c.source, c.destination, field("currency"), field(TIER), field(TIERS)
]
FOR_EVER = (1 << 16) - 1  # minutes: until it is changed
OF_A_POUND = 1e-5  # GBCS use-case annex GCS01a: price trailing digit 0x50


@rule(
    "price-implausible",
    "A price that cannot be",
    finds="""A price of zero (of one rate of several, it informs); one that is ten, a hundred or a thousand times (or a
    part of) what the same meter said before; one above or below what a supplier in Great Britain asks.""",
    matters="The display's cost is wrong from then on, and the customer rings, or believes it.",
    example="""Electricity meter (90b3d5fffe0000a0): Publish Price to Prepayment display (90b3d5fffe0000a4): price = 2.835
    GBP/kWh after 0.2835, 10 times as much""",
    source="price caps of Ofgem (2023: 0.34 GBP/kWh, 1 GBP/kWh on tariffs that follow the market)",
    advice="Compare the tariff that the supplier sent (ECS01a, GCS01a): value, trailing digit, currency",
    cause="values", requires="prices in Publish Price", reads=[PRICES], besides=[TOLD],
    broken_by="ordinary-day --fault price-wrong --seconds 3000", kept_by="ordinary-day --seconds 3000", **SHARED,
)  # fmt: skip
def price_implausible(
    view: View, prices: Frame, beside: Frame, *, most: float = 2.0, least: float = 0.005, factor: float = 20.0
) -> Iterator[Evidence]:
    """Each price against the one before it of the same publisher and unit, and against bounds, in pounds."""
    for (source, name), part in prices.groupby(
        ["source", "command_name"], sort=False, dropna=False, observed=True
    ):
        name = said(name, "a command")
        scaled = part["scaled"].to_numpy(dtype=float, na_value=np.nan)
        told = not np.isnan(scaled).any()
        values = scaled if told else part["number"].to_numpy(dtype=float) * OF_A_POUND
        pounds = not told or part["unit"].iloc[0] in ("GBP/kWh", "GBP/m3")
        before = np.r_[np.nan, values[:-1]]
        with np.errstate(divide="ignore", invalid="ignore"):
            steps = np.abs(np.log10(values / before))
        steps = np.where(np.isfinite(steps), steps, 0.0)
        tens = (steps > 0.5) & (np.abs(steps - np.round(steps)) < 0.01)
        free = (values == 0) & _of_a_free_rate(part, beside, values)
        wrong = (values == 0) & ~free | tens | (steps >= np.log10(factor))
        wrong |= pounds & ((values > most) | ((values > 0) & (values < least)))
        subject = Subject.device(source)
        if wrong.any():
            at = int(np.flatnonzero(wrong)[0])
            row, unit = (
                part.iloc[at],
                said(part["unit"].iloc[0], "GBP") if told else "GBP (as GBCS scales it)",
            )
            after = "" if at == 0 or values[at] == before[at] else f" after {before[at]:.5g}"
            text = (
                f"{name} to {view.label(row['destination'])}: {row['field']} = {values[at]:.5g} {unit}{after}"
            )
            if after and values[at] > before[at] > 0:
                text += f", {values[at] / before[at]:,.3g} times as much"
            yield broken(
                subject, f"{text} ({plural(int(wrong.sum()), 'time')})", part["frame"].to_numpy()[wrong]
            )
        else:
            yield _free_or_well(subject, part, f"{plural(len(part), 'price')} in {name}", free)


def _free_or_well(subject: Subject, part: Frame, text: str, free: npt.NDArray[np.bool_]) -> Evidence:
    """What is said of prices among which none is wrong: that some are nothing, if so."""
    if not free.any():
        return kept(subject, text)
    text += (
        f": one rate of several costs nothing ({plural(int(free.sum()), 'time')}); free hours, or a rate that"
    )
    return broken(subject, f"{text} was never loaded", part["frame"].to_numpy()[free], "info")


def _of_a_free_rate(part: Frame, beside: Frame, values: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Which prices are of a rate of which all prices are nothing, where another rate of the publisher costs something
    and, as it says with that one, is not its only one."""
    tier, tiers = (
        part["frame"].map(beside.set_index("frame")[name]).to_numpy(dtype=float, na_value=np.nan)
        for name in (TIER, TIERS)
    )
    rates, several = tier % 16, tiers // 16 != 1
    cost = {rate for rate in np.unique(rates[(values > 0) & several]) if rate == rate}
    return np.array([bool(cost) and rate == rate and rate not in cost for rate in rates], np.bool_)


@rule(
    "price-not-current",
    "A display that asks for its price gets one of another time",
    finds="""Answers to Get Current Price whose price has not begun, or is over already, and no other with a price of
    now.""",
    matters="The display has no price: it shows no cost, or that of the old tariff.",
    example="""Electricity meter (90b3d5fffe0000a0): 4 answers to Get Current Price with a price of another time; the
    first begins 86,400 s later""",
    source="ZSE 1.2 D.4.2.3.1, D.4.2.4.1",
    advice="See the start of the tariff that the supplier sent, and whether the meter's clock is right",
    cause="values", requires="answers to Get Current Price", reads=[BEGINS, CLOCK, ASKED, LASTS],
    broken_by="ordinary-day --fault price-not-begun --seconds 3000", kept_by="ordinary-day --seconds 3000", **SHARED,
)  # fmt: skip
def price_not_current(
    view: View,
    begins: Frame,
    clock: Frame,
    asked: Frame,
    lasts: Frame,
    *,
    seconds: float = 120.0,
    answer: float = 10.0,
) -> Iterator[Evidence]:
    """The prices that came within ten seconds of each request, by the home's clock or else the publisher's."""
    told = in_force(view, begins, clock, lasts)
    given = told.groupby(["source", "destination"], sort=False).indices
    for pair, part in asked.groupby(["destination", "source"], sort=False):
        if pair not in given:
            continue
        mine = told.iloc[given[pair]].sort_values("seconds", kind="stable")
        at, frames = mine["seconds"].to_numpy(dtype=float), mine["frame"].to_numpy()
        now = mine["clock"].to_numpy(dtype=float)
        off, over = mine["begins"].to_numpy(dtype=float) - now, now - mine["ends"].to_numpy(dtype=float)
        current = (off <= seconds) & ~(over > seconds)
        when = part["seconds"].to_numpy(dtype=float)
        begin, end = np.searchsorted(at, when), np.searchsorted(at, when + answer, side="right")
        wrong, good, first, meter = [], 0, 0.0, pair[0]
        for low, high in zip(begin.tolist(), end.tolist(), strict=True):
            if low == high:
                continue
            if current[low:high].any():
                good += 1
            else:
                first = first or float(
                    off[low:high].min() if (off[low:high] > seconds).any() else -over[low:high].min()
                )
                wrong += frames[low:high].tolist()
        if wrong:
            text = f"{plural(len(wrong), 'answer')} to Get Current Price with a price of another time"
            how = f"begins {first:,.0f} s later" if first > 0 else f"ended {-first:,.0f} s before"
            yield broken(Subject.device(meter), f"{text}; the first {how}", wrong)
        elif good:
            yield kept(
                Subject.device(meter), f"{plural(good, 'answer')} to Get Current Price with a price of now"
            )


def in_force(view: View, begins: Frame, clock: Frame, lasts: Frame) -> pd.DataFrame:
    """One row a price: when it begins and ends, and what time it is then."""
    now = clock.drop_duplicates("frame").set_index("frame")["number"]
    out = pd.DataFrame(begins[["frame", "seconds", "source", "destination"]])
    out["begins"] = begins["number"].to_numpy(dtype=float)
    out["clock"] = begins["frame"].map(now).to_numpy(dtype=float)
    minutes = (
        begins["frame"].map(lasts.drop_duplicates("frame").set_index("frame")["number"]).to_numpy(dtype=float)
    )
    out["ends"] = np.where(minutes < FOR_EVER, out["begins"] + 60 * minutes, np.inf)
    ahead = home_clock(view)
    if ahead is not None:
        out["clock"] = (
            elapsed(view, out["seconds"].to_numpy(dtype=float)) + view.start_ns / 1e9 + ahead - EPOCH
        )
    return out


@rule(
    "credit-jumps",
    "Credit changes by more than use and top-ups explain",
    finds="""A remaining credit that falls by pounds within minutes, or rises by more than a top-up can be, with no top-up
    on its way.""",
    matters="A customer in credit is cut off, or one without goes on: both ring.",
    example="""Electricity meter (90b3d5fffe0000a0): CreditRemaining fell by 62 GBP within 900 s (from frame 40 to
    90), no command for it was heard""",
    source="SMETS2 5.6 (meter balance); largest top-up of a UTRN: 250 GBP (GBCS 14)",
    advice="Compare the meter's own screen and its billing data log: tariff, debt settings, scale of what it tells",
    cause="values", requires="two readings of the credit of one meter", reads=[CREDIT],
    broken_by="prepayment --fault credit-jumps --seconds 4800", kept_by="prepayment --seconds 4800", **SHARED,
)  # fmt: skip
def credit_jumps(
    view: View, credit: Frame, *, pounds: float = 10.0, hourly: float = 5.0,
    top_up: float = 250.0, before: float = 600.0,
) -> Iterator[Evidence]:  # fmt: skip
    """Changes between two readings. A rise that a top-up could be only informs: the supplier's comes in a message that
    may not be readable here."""
    for one in series(credit):
        subject, values = Subject.device(one.source), one.values if one.told else one.numbers * OF_A_POUND
        changes, gaps = np.diff(values), np.diff(one.seconds)
        added, ordered = _reasons(view, one.source, one.seconds, before)
        fell = (changes < -(pounds + hourly * gaps / 3600)) & ~ordered
        rose = changes - added > pounds + ordered * top_up
        if not (fell | rose).any():
            yield kept(subject, f"{plural(len(values), 'reading')} of {one.name}")
            continue
        grave = fell | (rose & (changes - added > top_up))
        at = int(np.flatnonzero(grave if grave.any() else rose)[0])
        way = "fell" if changes[at] < 0 else "rose"
        text = (
            f"{one.name} {way} by {abs(changes[at]):,.2f} GBP within {gaps[at]:,.0f} s (from frame {one.frames[at]} to "
            f"{one.frames[at + 1]}), no command for it was heard"
        )
        yield broken(subject, text, one.frames[1:][fell | rose], None if grave.any() else "info")


def _reasons(view: View, meter: int, seconds: Frame, before: float) -> tuple[Frame, Frame]:
    """What top-ups added between one of `seconds` and the next, or a little before, in pounds; and whether the meter was
    sent a message about its credit, tariff or debt."""
    orders = view.tables["messages"]
    mine = mask(orders["cra"] == "command") & mask(orders["name"].astype(str).str.fullmatch(OF_MONEY))
    mine &= mask(orders["recipient"].astype(str) == f"{meter:016x}")
    top_ups = view.commands.only(field=[place.field for place in places_of("top-up") if place.field])
    top_ups = top_ups[mask(top_ups["source"].isin([meter])) & mask(top_ups["number"].notna())]
    amounts = top_ups["scaled"].to_numpy(dtype=float, na_value=np.nan)
    amounts = np.where(np.isnan(amounts), top_ups["number"].to_numpy(dtype=float) * OF_A_POUND, amounts)
    sums = np.r_[0.0, np.cumsum(amounts)]
    edges = (seconds[:-1] - before, seconds[1:])
    since, upto = np.searchsorted(top_ups["seconds"].to_numpy(dtype=float), edges, side="right")
    first, last = np.searchsorted(np.sort(orders["seconds"].to_numpy(dtype=float)[mine]), edges, side="right")
    return sums[upto] - sums[since], last > first
