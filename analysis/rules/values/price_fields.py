"""What stands beside a price: its currency, its tier, and how often the price changes."""

from collections.abc import Iterator

import numpy as np

from analysis.features.judging import mask, plural
from analysis.rules.declare import Evidence, Frame, Subject, View, broken, kept, rule
from analysis.rules.values.demand import SHARED
from analysis.rules.values.prices import BEGINS, CLOCK, LASTS, PRICES, TIER, TIERS, TOLD, in_force

POUND = 826  # ISO 4217
EXTENDED = 15  # a tier that stands in a field of its own (ZSE 1.2 D.4.2.4.1)
HOUR = 3600.0


@rule(
    "price-fields",
    "A price in another currency, or of a tier that is not there",
    finds="""Publish Price whose currency is not the pound, whose trailing digit is another than before, or whose tier is
    above the number of tiers that it names itself.""",
    matters="The display shows another sign, a cost that is ten times off, or no price.",
    example="""Electricity meter (90b3d5fffe0000a0): 4 of 12 prices to In-home display (90b3d5fffe0000a5) in currency
    978 and not 826 (GBP) (from frame 812 on)""",
    source="ZSE 1.2 D.4.2.4.1 (Publish Price); ISO 4217 (826: pound sterling); GBCS use-case annex GCS01a",
    advice="""Compare the tariff that the supplier sent (ECS01a, GCS01a), and send it again; else the meter's software
    is wrong""",
    cause="values", requires="Publish Price commands", reads=[TOLD],
    broken_by="home: a price in another currency", kept_by="ordinary-day --seconds 3000", **SHARED,
)  # fmt: skip
def price_fields(view: View, told: Frame) -> Iterator[Evidence]:
    """Each publisher: each of the three, with the first that is wrong. Smart meters of Great Britain know no other
    currency."""
    for source, part in told.groupby("source", sort=False):
        currency, tier, tiers = (
            part[name].to_numpy(dtype=float, na_value=np.nan) for name in ("currency", TIER, TIERS)
        )
        digit, number = np.floor(tier / 16), np.mod(tier, 16)
        most = np.floor(tiers / 16)
        subject, wrong = Subject.device(source), []
        there = (most > 0) & (most < EXTENDED) & (number < EXTENDED)
        for bad, values, says in (
            (~np.isnan(currency) & (currency != POUND), currency, "in currency {:.0f} and not 826 (GBP)"),
            (_changed(digit), digit, "with trailing digit {:.0f} where it was another before"),
            (there & (number > most), number, "of tier {:.0f}, which is above the number of tiers"),
        ):
            if bad.any():
                text = f"{int(bad.sum())} of {plural(len(part), 'price')} {says.format(values[bad][0])}"
                wrong.append((part["frame"].to_numpy()[bad], text))
        if not wrong:
            yield kept(subject, f"{plural(len(part), 'price')} in pounds, of tiers that are there")
        for frames, text in wrong:
            display = view.label(part["destination"].iloc[0])
            yield broken(subject, f"{text} (from frame {frames[0]} on), to {display}", frames)


def _changed(values: np.ndarray) -> np.ndarray:
    """Which of the values that are known are others than the one before."""
    known = np.flatnonzero(~np.isnan(values))
    out = np.zeros(len(values), bool)
    out[known[1:]] = np.diff(values[known]) != 0
    return out


@rule(
    "price-restless",
    "A price changes to and fro",
    finds="""Prices of one publisher that change more often within an hour than half-hourly prices do; or that differ
    between displays which ask at the same time.""",
    matters="Displays show now one cost, now another; two displays in one home do not agree, and the customer rings.",
    example="""Electricity meter (90b3d5fffe0000a0): its price goes back to an earlier one 14 times within an hour,
    between 0.241 and 0.41 GBP (from frame 812 to 2012)""",
    source="half-hourly tariffs change twice an hour at most (SMETS2 5.7.5, switching table of half hours)",
    advice="""See whether two tariffs are in force (ECS01a sent twice, a meter that was exchanged), and which of the
    displays is right""",
    cause="values", requires="prices in Publish Price", reads=[PRICES, BEGINS, CLOCK, LASTS],
    broken_by="home: a price that goes to and fro", kept_by="ordinary-day --seconds 3000", **SHARED,
)  # fmt: skip
def price_restless(
    view: View,
    prices: Frame,
    begins: Frame,
    clock: Frame,
    lasts: Frame,
    *,
    hourly: int = 4,
    seconds: float = 120.0,
) -> Iterator[Evidence]:
    """Each publisher, field and unit: the most changes within an hour that lead back to a price which was there
    before. Prices that are told for later, or of what is over, are none of now."""
    told = in_force(view, begins, clock, lasts)
    other = told["frame"][
        mask(told["begins"] > told["clock"] + seconds) | mask(told["ends"] < told["clock"] - seconds)
    ]
    prices = prices[~mask(prices["frame"].isin(other))]
    for (source, name, _), part in prices.groupby(
        ["source", "field", "unit"], sort=False, dropna=False, observed=True
    ):
        if str(name) != "price":
            continue
        part = part[part["number"].notna()]
        values, subject = part["number"].to_numpy(dtype=float), Subject.device(source)
        when, frames = part["seconds"].to_numpy(dtype=float), part["frame"].to_numpy()
        changed = np.flatnonzero(np.diff(values) != 0) + 1
        back = [at for at in changed if values[at] in set(values[:at].tolist())]
        times = when[back]
        most = int((np.searchsorted(times, times + HOUR) - np.arange(len(times))).max(initial=0))
        if most >= hourly:
            scaled = part["scaled"].to_numpy(dtype=float, na_value=np.nan)[back]
            shown = values[back] * 1e-5 if np.isnan(scaled).any() else scaled
            first, last = frames[back][0], frames[back][-1]
            text = (
                f"its price goes back to an earlier one {most} times within an hour, between {shown.min():.4g} and "
                f"{max(shown.max(), shown.min()):.4g} GBP (from frame {first} to {last})"
            )
            yield broken(subject, text, frames[back])
        else:
            yield kept(subject, f"{plural(len(part), 'price')}, {plural(len(changed), 'change')}")
