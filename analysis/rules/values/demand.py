"""The demand: what a fuse permits, what stays the same for too long, and what it adds up to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.features.judging import plural
from analysis.features.readings import Series, series
from analysis.rules.declare import Evidence, Frame, Quantity, Subject, View, broken, c, kept, rule

OF_SERIES = (
    c.frame, c.seconds, c.source, c.endpoint, c.cluster, c.attribute, c.attribute_name, c.number, c.scaled, c.unit,
)  # fmt: skip
DEMAND = Quantity("demand").where(c.number.known)[OF_SERIES]
TOTALS = Quantity("total").where(c.number.known)[OF_SERIES]
SHARED: dict[str, Any] = {
    "family": "compliance",
    "area": "values",
    "severity": "warning",
    "confidence": "derived",
    "smart_energy": True,
}
GAP = 300.0  # seconds between two readings of the demand over which one says something of the other


@dataclass(frozen=True, slots=True)
class Demands:
    """The demand of one device, in kW."""

    seconds: npt.NDArray[np.float64]
    kilowatts: npt.NDArray[np.float64]

    def peak(self, start: float, end: float) -> float | None:
        """The most between two times; None where it is known more rarely than every two minutes."""
        first, last = np.searchsorted(self.seconds, (start, end))
        if last - first < max(3.0, (end - start) / 120):
            return None
        return float(self.kilowatts[first:last].max())

    def received(self) -> Demands:
        """What goes out of the home, which is its demand below nothing (ZSE 1.2 D.3.2.2.5.1)."""
        return Demands(self.seconds, -self.kilowatts)

    def energy(self, start: float, end: float) -> tuple[float, float]:
        """What it adds up to between two times, in kWh, and the seconds for which it is known."""
        least, _, known = self.bounds(start, end)
        return least, known

    def bounds(self, start: float, end: float) -> tuple[float, float, float]:
        """The least and the most that it adds up to between two times, in kWh, and the seconds for which it is known."""
        first, last = np.searchsorted(self.seconds, (start, end))
        steps = np.diff(self.seconds[first:last])
        near, used = steps <= GAP, np.maximum(self.kilowatts[first:last], 0.0)
        low, high = np.minimum(used[1:], used[:-1]), np.maximum(used[1:], used[:-1])
        least, most = (float((one * steps)[near].sum()) / 3600 for one in (low, high))
        return least, most, float(steps[near].sum())


def demands_of(rows: Frame) -> dict[int, Demands]:
    """By device: its demand, where it is one of electricity."""
    out: dict[int, Demands] = {}
    for one in series(rows, "kW"):
        if one.unit == "kW" and one.source not in out and bool((np.diff(one.seconds) >= 0).all()):
            out[one.source] = Demands(one.seconds, one.values)
    return out


@rule(
    "demand-beyond-fuse",
    "A demand that no supply of a home permits",
    finds="Readings of the demand above what a fuse of 100 A, or a gas meter of a home, lets through.",
    matters="Displays show a cost of pounds an hour, and customers ring; a demand limit may cut the supply.",
    example="Electricity meter (90b3d5fffe0000a0): 3 readings of InstantaneousDemand of up to 81.9 kW, more than 25.3 kW",
    source="100 A fuse of a domestic supply (ENA EREC G87: 100 A, BS EN 50160: 253 V); gas meters up to U16 (16 m3/h)",
    advice="""Compare the meter's own screen, then multiplier and divisor; for a supply of three phases a profile
    sets `kilowatts` to 76""",
    cause="values", requires="readings of the demand", reads=[DEMAND],
    broken_by="ordinary-day --fault demand-beyond-fuse --seconds 3000", kept_by="ordinary-day --seconds 3000", **SHARED,
)  # fmt: skip
def demand_beyond_fuse(
    view: View, demand: Frame, *, kilowatts: float = 25.3, cubic_metres: float = 16.0
) -> Iterator[Evidence]:
    """Both ways: what is received is negative."""
    for one in series(demand, "kW"):
        limit = {"kW": kilowatts, "m3/h": cubic_metres}.get(one.unit)
        if limit is None:
            continue
        sizes, subject = np.abs(one.values), Subject.device(one.source)
        over = sizes > limit
        if over.any():
            guess = "" if one.told else " (with the usual divisor of 1000)"
            text = (
                f"{plural(int(over.sum()), 'reading')} of {one.name} of up to {one.amount(float(sizes.max()))}, "
                f"more than {one.amount(limit)}{guess}"
            )
            yield broken(subject, text, one.frames[over])
        else:
            yield kept(
                subject,
                f"{plural(len(sizes), 'reading')} of {one.name} up to {one.amount(float(sizes.max()))}",
            )


@rule(
    "demand-frozen",
    "A demand stays the same to the last digit",
    finds="""The same demand in reading after reading for half an hour, of a meter whose demand otherwise changes nearly
    every time, or whose register says that another amount is used meanwhile.""",
    matters="Displays show a present use that is not, and demand control works with it.",
    example="Electricity meter (90b3d5fffe0000a0): InstantaneousDemand is 0.412 kW in 182 readings for 1,810 s",
    source="SMETS2 5.7.5 (active power, every ten seconds)",
    advice="Compare the meter's own screen: the part of the meter that answers on the HAN has hung, restart it",
    cause="values", requires="thirty readings of the demand over half an hour", reads=[DEMAND, TOTALS],
    broken_by="ordinary-day --fault demand-frozen --seconds 6000", kept_by="ordinary-day --seconds 6000", **SHARED,
)  # fmt: skip
def demand_frozen(
    view: View,
    demand: Frame,
    totals: Frame,
    *,
    seconds: float = 1800.0,
    readings: int = 30,
    share: float = 0.3,
) -> Iterator[Evidence]:
    """The longest stretch of one number but zero, against how often the number stays the same otherwise."""
    registers = {one.source: one for one in series(totals, "kWh")}
    for one in series(demand, "kW"):
        if len(one.numbers) < readings or one.seconds[-1] - one.seconds[0] < seconds:
            continue
        runs, subject = one.runs(), Subject.device(one.source)
        lasts = one.seconds[runs.ends] - one.seconds[runs.starts]
        lasts[one.numbers[runs.starts] == 0] = 0.0
        at = int(lasts.argmax())
        begin, end = int(runs.starts[at]), int(runs.ends[at])
        rest = np.delete(np.diff(one.numbers), np.arange(begin, end))
        moves = len(rest) >= readings and float((rest == 0).mean()) < share
        wrong = moves or _otherwise(registers.get(one.source), one, begin, end)
        if lasts[at] >= seconds and end - begin + 1 >= readings and wrong:
            text = f"{one.name} is {one.amount(one.values[begin])} in {end - begin + 1} readings for {lasts[at]:,.0f} s"
            yield broken(subject, text, one.frames[begin : end + 1])
        else:
            yield kept(subject, f"{one.name} is the same for {lasts[at]:,.0f} s at most")


def _otherwise(register: Series | None, one: Series, begin: int, end: int) -> bool:
    """Whether a register says that another amount was used while the demand stayed the same."""
    if register is None or register.unit != "kWh" or one.unit != "kW":
        return False
    inside = (register.seconds >= one.seconds[begin]) & (register.seconds <= one.seconds[end])
    if inside.sum() < 2:
        return False
    at, values = register.seconds[inside], register.values[inside]
    meant = float(one.values[begin]) * (at[-1] - at[0]) / 3600
    off = abs(float(values[-1] - values[0]) - meant)
    return bool(off > max(0.3 * abs(meant), 0.05, 5 * register.scale))
