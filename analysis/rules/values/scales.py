"""Values that are no values, and what others are scaled by."""

from collections.abc import Iterator

import numpy as np

from analysis.features.judging import mask, plural, runs, spread
from analysis.features.names import missing, said
from analysis.features.quantities import kind_of
from analysis.rules.declare import Evidence, Frame, Quantity, Subject, View, broken, c, kept, rule
from analysis.rules.values.demand import SHARED

OF_VALUE = (
    c.frame, c.seconds, c.source, c.destination, c.endpoint, c.cluster, c.attribute, c.attribute_name, c.number,
    c.meaning,
)  # fmt: skip
VALUES = Quantity("total", "demand", "credit", "snapshot", "clock")[OF_VALUE]
SCALES = Quantity("scale", "divisor").where(c.number.known)[
    c.frame, c.seconds, c.source, c.endpoint, c.cluster, c.attribute, c.attribute_name, c.number
]
REGISTERS = Quantity("total", "given", "register").where(c.number.known)[c.seconds, c.source]
ONE_ATTRIBUTE = ["source", "endpoint", "cluster", "attribute"]


@rule(
    "invalid-value",
    "A meter says that it has no value",
    finds="""Registers, demands, credit, snapshot times or the time that are sent as invalid (0x800000, all bits set):
    how often, and for how long until a value came again.""",
    matters="Displays show dashes, nothing, or a number that is the marker itself.",
    example="""Electricity meter (90b3d5fffe0000a0): InstantaneousDemand invalid 12 times (from frame 40 to 90), for 330 s
    to In-home display (90b3d5fffe0000a5): displays show no value meanwhile""",
    source="ZCL 07-5123 table 2-10 (invalid values)",
    advice="""Once after a restart is well. Else see whether the meter measures (its screen), or whether the proxy has
    lost what the meter told it""",
    cause="values", requires="registers, demands, credit, snapshot times or the time", reads=[VALUES],
    broken_by="ordinary-day --fault invalid-values --seconds 3000", kept_by="ordinary-day --seconds 3000", **SHARED,
)  # fmt: skip
def invalid_value(view: View, values: Frame, *, seconds: float = 60.0, times: int = 2) -> Iterator[Evidence]:
    """Each attribute of each endpoint. One that never has a value only informs, but for the electricity meter's."""
    rows = values[mask(values["number"].notna()) | mask(values["meaning"] == "invalid")]
    meters = view.with_role("ESME")
    for (source, _, cluster, code), part in rows.groupby(ONE_ATTRIBUTE, sort=False, dropna=False):
        invalid = mask(part["meaning"] == "invalid")
        name, subject = said(part["attribute_name"].iloc[0], "a value"), Subject.device(source)
        if not invalid.any():
            yield kept(subject, f"{plural(len(part), 'value')} of {name}")
            continue
        number, (lasts, display) = int(invalid.sum()), _longest(part)
        place = kind_of(int(cluster), int(code))
        needed = source in meters and place is not None and place.kind in ("total", "demand")
        grave = (lasts >= seconds or number >= times) and (needed or not invalid.all())
        always = " of all that were heard" if invalid.all() else ""
        text = (
            f"{name} invalid {plural(number, 'time')}{always} ({spread(part[invalid])}), for {lasts:,.0f} s to "
            f"{view.label(display)}: displays show no value meanwhile"
        )
        yield broken(subject, text, part["frame"].to_numpy()[invalid], None if grave else "info")


def _longest(values: Frame) -> tuple[float, int | None]:
    """For how many seconds one display had no good value (until the last that was heard), at most; and which display."""
    out: tuple[float, int | None] = (0.0, None)
    for display, part in values.groupby("destination", sort=False, dropna=False):
        invalid = mask(part["meaning"] == "invalid")
        (starts, ends), seconds = runs(invalid), part["seconds"].to_numpy(dtype=float)
        ends = np.minimum(ends, len(seconds) - 1)
        longest = float((seconds[ends] - seconds[starts]).max(initial=0.0))
        if len(starts) and (out[1] is None or longest > out[0]):
            out = (longest, None if missing(display) else int(display))
    return out


@rule(
    "scale-changed",
    "What values are scaled by changes, or is zero",
    finds="""Unit of measure, multiplier, divisor, formatting, currency or trailing digits of one endpoint that become
    others; a divisor or multiplier of zero.""",
    matters="From then on a display shows a tenth or a thousand times the true value, or stops.",
    example="""Electricity meter (90b3d5fffe0000a0): Divisor became 1 after 1,000 (at frame 812): displays show 1,000
    times as much""",
    source="ZSE 1.2 D.3.2.2.4; SMETS2 5.7 (units)",
    advice="Meters do not change their units: look for firmware or a configuration at that time",
    cause="values", requires="unit, multiplier, divisor or formatting of a meter", reads=[SCALES, REGISTERS],
    broken_by="ordinary-day --fault scale-changes --seconds 3000", kept_by="ordinary-day --seconds 3000", **SHARED,
)  # fmt: skip
def scale_changed(view: View, scales: Frame, registers: Frame) -> Iterator[Evidence]:
    """Each attribute of each endpoint. A hub's mirror is filled after its meter joined: what changes before it served
    any reading only informs."""
    hubs = view.hub_addresses()
    served = registers.groupby("source")["seconds"].min().to_dict()
    for (source, _, cluster, code), part in scales.groupby(ONE_ATTRIBUTE, sort=False, dropna=False):
        values, place = part["number"].to_numpy(dtype=float), kind_of(int(cluster), int(code))
        changed = np.r_[False, np.diff(values) != 0]
        nought = (values == 0) & (place is not None and place.kind == "divisor")
        name, subject = said(part["attribute_name"].iloc[0], "a scale"), Subject.device(source)
        wrong = changed | nought
        if not wrong.any():
            yield kept(subject, f"{name} is {values[0]:,.0f} in {plural(len(part), 'answer')}")
            continue
        at = int(np.flatnonzero(wrong)[0])
        early = source in hubs and float(part["seconds"].iloc[at]) < served.get(source, np.inf)
        became = f" after {values[at - 1]:,.0f}" if changed[at] else ""
        frame = int(part["frame"].iloc[at])
        text = f"{name} became {values[at]:,.0f}{became} (at frame {frame}){_shown(name, values, at)}"
        level = "info" if early else "error" if nought.any() else None
        yield broken(subject, text, part["frame"].to_numpy()[wrong], level)


def _shown(name: str, values: Frame, at: int) -> str:
    """What a display makes of it."""
    if not values[at]:
        return ": displays cannot show values" if "ivisor" in name else ""
    if not at or not values[at - 1] or not name.endswith(("Divisor", "Multiplier")):
        return ""
    factor = values[at - 1] / values[at] if name.endswith("Divisor") else values[at] / values[at - 1]
    return f": displays show {factor:,.4g} times as much"
