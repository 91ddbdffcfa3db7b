"""Registers: they only rise, no faster than fuse and demand permit, and not without end the same."""

from collections.abc import Iterator

import numpy as np

from analysis.features.judging import plural
from analysis.features.readings import Series, series
from analysis.rules.declare import Evidence, Frame, Quantity, Subject, View, broken, c, kept, rule
from analysis.rules.values.demand import DEMAND, OF_SERIES, SHARED, Demands, demands_of

REGISTERS = Quantity("total", "given", "register").where(c.number.known)[OF_SERIES]
FLOWS = Quantity("total", "given").where(c.number.known)[OF_SERIES]
BURST = 4.0  # kW that go on and off between two readings of the demand: a kettle, a shower


def without_lost_mirror(view: View, one: Series) -> Series:
    """A register without the zeros that a hub gives before the meter has told its mirror anything."""
    keep = one.numbers != 0
    if one.source not in view.hub_addresses() or keep.all() or not keep.any():
        return one
    return Series(
        one.source, one.endpoint, one.cluster, one.attribute, one.name, one.frames[keep], one.seconds[keep],
        one.numbers[keep], one.scale, one.unit, one.told,
    )  # fmt: skip


@rule(
    "consumption-sample",
    "A summation goes back",
    finds="A register that gives less than before: all that was delivered, a tier, a block, what was received.",
    matters="""Registers only rise. Displays show wrong costs of the day, and a bill made of such readings is wrong.""",
    example="Electricity meter (90b3d5fffe0000a0): CurrentSummationDelivered fell from 4,711 to 4,010 (at frame 300)",
    source="ZSE 1.2 D.3.2.2.1, D.3.2.2.2 (registers)",
    advice="The meter was exchanged or lost its memory, or readings were forged: compare with the meter's screen",
    cause="values", covers=("rules:A05",), requires="two readings of a register of one meter", reads=[REGISTERS],
    broken_by="ordinary-day --fault reading-falls --seconds 3000", kept_by="ordinary-day --seconds 3000",
    **{**SHARED, "severity": "error"},
)  # fmt: skip
def consumption_sample(view: View, readings: Frame, *, overtaken: float = 10.0) -> Iterator[Evidence]:
    """Each register of each endpoint against the most that it gave before. Answers to several askers may overtake each
    other within `overtaken` seconds (retries, routers): what falls by as little as is used meanwhile, and only against
    those, is well."""
    for one in series(readings):
        given = without_lost_mirror(view, one)
        if len(given.numbers) < 2:
            continue
        most = np.maximum.accumulate(given.numbers)
        back = np.r_[False, given.numbers[1:] < most[:-1]]
        settled = np.searchsorted(given.seconds, given.seconds - overtaken) - 1
        back &= (settled >= 0) & (given.numbers < most[np.maximum(settled, 0)])
        subject = Subject.device(one.source)
        if back.any():
            at = int(np.flatnonzero(back)[0])
            text = f"{one.name} fell from {most[at - 1]:,.0f} to {given.numbers[at]:,.0f} (at frame {given.frames[at]})"
            yield broken(subject, text, given.frames[back])
        else:
            yield kept(subject, f"{plural(len(given.numbers), 'reading')} of {one.name}, never falling")


@rule(
    "register-leaps",
    "A register rises faster than can be used",
    finds="""A register that rises between two readings by more than a fuse or a gas meter of a home lets through in that
    time; or by several times what the demand that the meter tells meanwhile would make.""",
    matters="""The reading is wrong: the display's cost of the day, and the next bill, will be so too.""",
    example="""Electricity meter (90b3d5fffe0000a0): CurrentSummationDelivered rose by 812 kWh within 60 s (from frame 12
    to 18); its demand meanwhile makes at most 0.14 kWh""",
    source="100 A fuse of a domestic supply (ENA EREC G87: 100 A, BS EN 50160: 253 V); gas meters up to U16 (16 m3/h)",
    advice="""Compare the meter's own screen: if that is right, whoever answers in between (proxy, mirror) or the scale is
    wrong; if not, the meter must be exchanged""",
    cause="values", requires="two different readings of a register", reads=[REGISTERS, DEMAND],
    broken_by="ordinary-day --fault reading-jumps --seconds 3000", kept_by="ordinary-day --seconds 3000", **SHARED,
)  # fmt: skip
def register_leaps(
    view: View, readings: Frame, demand: Frame, *, kilowatts: float = 25.3, cubic_metres: float = 16.0,
    times: float = 3.0, stale: float = 1800.0,
) -> Iterator[Evidence]:  # fmt: skip
    """Rises against the longest time that may have passed between the two states of the register: a mirror or a busy
    meter gives for a while what was before. What a home gives away is held against its demand below nothing."""
    demands = demands_of(demand)
    for one in series(readings):
        given, mine = without_lost_mirror(view, one), demands.get(one.source)
        one = given if given.told or given.unit else _assumed(view, given, mine)
        limit = {"kWh": kilowatts, "m3": cubic_metres}.get(one.unit)
        if limit is None or len(one.numbers) < 2:
            continue
        yield _leaps(one, _flow(one, mine), limit, times, 60.0 if mine is not None else stale)


def _flow(one: Series, demand: Demands | None) -> Demands | None:
    """What a register counts of a demand: of one of energy that was received, by its name, what goes out."""
    return demand.received() if demand is not None and "Received" in one.name else demand


def _flow_name(one: Series) -> str:
    return "its demand below nothing" if "Received" in one.name else "its demand"


def _assumed(view: View, one: Series, demand: Demands | None) -> Series:
    """A register whose unit was not said: electricity, where its device tells a demand or is known for a meter of it."""
    unit = "kWh" if demand is not None or one.source in view.with_role("ESME") else "m3"
    return Series(
        one.source, one.endpoint, one.cluster, one.attribute, one.name, one.frames, one.seconds, one.numbers, one.scale,
        unit, one.told,
    )  # fmt: skip


def _leaps(one: Series, demand: Demands | None, limit: float, times: float, stale: float) -> Evidence:
    runs, values, subject = one.runs(), one.values, Subject.device(one.source)
    changes = np.diff(one.seconds[runs.starts])
    usual = float(np.median(changes[1:])) if len(changes) > 1 else stale
    frames, worst = [], (0.0, "")
    for k in range(1, len(runs)):
        before, at = int(runs.ends[k - 1]), int(runs.starts[k])
        since = one.seconds[runs.ends[k - 2]] if k > 1 else one.seconds[runs.starts[0]] - max(usual, stale)
        rise, elapsed = float(values[at] - values[before]), float(one.seconds[at] - since)
        allowed = 1.2 * limit * elapsed / 3600 + 2 * one.scale
        used = None if demand is None or one.unit != "kWh" else demand.peak(since - 30, one.seconds[at] + 30)
        if used is not None:
            allowed = min(allowed, (times * max(used, 0.0) * elapsed + BURST * 120) / 3600 + 5 * one.scale)
        if rise > allowed:
            frames.append(int(one.frames[at]))
            if rise > worst[0]:
                told = one.seconds[at] - one.seconds[before]
                meant = f"{_flow_name(one)} meanwhile makes" if used is not None else "a home can use"
                worst = (rise, f"{one.name} rose by {one.amount(rise)} within {told:,.0f} s (from frame "
                         f"{one.frames[before]} to {one.frames[at]}); {meant} at most {one.amount(allowed)}")  # fmt: skip
    if not frames:
        return kept(subject, f"{plural(len(runs), 'state')} of {one.name}, no leap")
    guess = "" if one.told else " (with the usual divisor of 1000)"
    return broken(subject, worst[1] + guess + (f"; {len(frames)} times" if len(frames) > 1 else ""), frames)


@rule(
    "register-frozen",
    "A register stands still while energy is used",
    finds="""A register of all that was delivered, or given away, that gives the same reading again and again, while
    the demand that the same meter tells adds up to many times its smallest step.""",
    matters="The customer sees a cost that does not rise, and pays for it later; half-hourly data will be estimated.",
    example="""Electricity meter (90b3d5fffe0000a0): CurrentSummationDelivered stays at 4,711 kWh for 3,600 s (19
    readings), while its demand made 0.84 kWh""",
    source="ZSE 1.2 D.3.2.2.1 (register), D.3.2.2.5.1 (demand)",
    advice="""Compare the meter's own screen: if that moves, what answers on the HAN has hung and a restart of the meter's
    communication helps; if not, exchange the meter""",
    cause="values", requires="a register and the demand of the same meter", reads=[FLOWS, DEMAND],
    broken_by="ordinary-day --fault reading-frozen --seconds 6000", kept_by="ordinary-day --seconds 6000", **SHARED,
)  # fmt: skip
def register_frozen(
    view: View,
    readings: Frame,
    demand: Frame,
    *,
    seconds: float = 900.0,
    steps: float = 20.0,
    share: float = 0.5,
) -> Iterator[Evidence]:
    """The longest stretch of equal readings, and what the demand made meanwhile where at least half of it is known."""
    demands = demands_of(demand)
    for one in series(readings):
        mine = _flow(one, demands.get(one.source))
        if mine is None or len(one.numbers) < 2:
            continue
        runs, worst = one.runs(), (0.0, 0, 0)
        for begin, end in zip(runs.starts, runs.ends, strict=True):
            used, known = mine.energy(one.seconds[begin], one.seconds[end])
            lasts = one.seconds[end] - one.seconds[begin]
            if lasts >= seconds and known >= share * lasts and used > max(steps * one.scale, worst[0]):
                worst = (used, int(begin), int(end))
        used, begin, end = worst
        subject = Subject.device(one.source)
        if used:
            lasts = one.seconds[end] - one.seconds[begin]
            text = (
                f"{one.name} stays at {one.amount(one.values[begin])} for {lasts:,.0f} s "
                f"({plural(end - begin + 1, 'reading')}), while {_flow_name(one)} made {used:,.3g} kWh"
            )
            yield broken(subject, text, one.frames[begin : end + 1])
        else:
            yield kept(subject, f"{one.name} moves with the demand")


@rule(
    "register-and-demand",
    "A register does not rise as the demand says",
    finds="""A register of all that was delivered, or given away, that rises, over half an hour or more, by far more or
    far less than the demand which the same meter tells in that time adds up to.""",
    matters="One of the two is wrong: the cost of the day, or the use of now that the display shows.",
    example="""Electricity meter (90b3d5fffe0000a0): CurrentSummationDelivered rose by 0.31 kWh within 1,812 s (from
    frame 40 to 212), while its demand made 0.02 to 0.05 kWh; 4 times""",
    source="ZSE 1.2 D.3.2.2.1 (register), D.3.2.2.5.1 (demand)",
    advice="""Compare both with the meter's own screen; a demand that is negative or ten times off points at sign or
    scale, a register that lags at the part of the meter that answers on the HAN""",
    cause="values", requires="a register and the demand of the same meter over half an hour", reads=[FLOWS, DEMAND],
    broken_by="home: the register rises at half its pace", kept_by="ordinary-day --seconds 6000", **SHARED,
)  # fmt: skip
def register_and_demand(
    view: View, readings: Frame, demand: Frame, *, seconds: float = 1800.0, share: float = 0.8, factor: float = 1.5,
    least: float = 0.1,
) -> Iterator[Evidence]:  # fmt: skip
    """Stretches of half an hour, one behind the other, in which the demand is known nearly all the time: the rise against
    the least and the most that the demand may have made. A fall is told by another rule."""
    demands = demands_of(demand)
    for one in series(readings):
        mine = _flow(one, demands.get(one.source))
        if mine is None or len(one.numbers) < 2 or one.unit not in ("kWh", ""):
            continue
        told, at, judged = [], 0, 0
        while (to := int(np.searchsorted(one.seconds, one.seconds[at] + seconds))) < len(one.seconds):
            start, end, begin = float(one.seconds[at]), float(one.seconds[to]), at
            at, rise = to, float(one.values[to] - one.values[begin])
            low, high, known = mine.bounds(start, end)
            if known < share * (end - start) or rise < 0:
                continue
            judged += 1
            room = max(least, 20 * one.scale)
            if rise > factor * high + room or rise < low / factor - room:
                told.append((begin, to, rise, low, high))
        subject = Subject.device(one.source)
        if told:
            begin, to, rise, low, high = max(told, key=lambda each: abs(each[2] - (each[3] + each[4]) / 2))
            text = (
                f"{one.name} rose by {rise:,.3g} kWh within {one.seconds[to] - one.seconds[begin]:,.0f} s (from frame "
                f"{one.frames[begin]} to {one.frames[to]}), while {_flow_name(one)} made {low:,.3g} to {high:,.3g} kWh"
            )
            frames = [int(f) for first, last, *_ in told for f in (one.frames[first], one.frames[last])]
            yield broken(subject, text + (f"; {len(told)} times" if len(told) > 1 else ""), frames)
        elif judged:
            yield kept(subject, f"{one.name} rises with the demand in {plural(judged, 'half hour')}")
