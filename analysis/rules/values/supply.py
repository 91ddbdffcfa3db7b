"""What devices say of their supply and battery, and bits that say that something is wrong."""

from collections.abc import Iterator

import numpy as np

from analysis.features.judging import plural, spread
from analysis.features.names import said
from analysis.features.quantities import kind_of
from analysis.features.readings import series
from analysis.rules.declare import Evidence, Frame, Quantity, Subject, View, broken, c, kept, rule
from analysis.rules.values.demand import OF_SERIES, SHARED

MAINS = Quantity("mains").where(c.number.known)[OF_SERIES]
BATTERY = Quantity("battery", "battery-share").where(c.number.known)[OF_SERIES]
LOWEST = Quantity("battery-low").where(c.number.known)[OF_SERIES]
ALARMS = Quantity("alarms").where(c.number.known)[
    c.frame, c.source, c.cluster, c.attribute, c.attribute_name, c.number, c.meaning
]
SHUT_OFF = 50.0  # volts; a phase that is not connected


@rule(
    "mains-voltage",
    "The supply voltage is out of bounds",
    finds="Readings of the supply voltage outside of 230 V + 10 % - 6 %.",
    matters="Appliances fail, and it is the network operator who must act.",
    example="Electricity meter (90b3d5fffe0000a0): RmsVoltage was 201.0 V (3 of 12 readings, allowed 216.2 to 253.0 V)",
    source="Electricity Safety, Quality and Continuity Regulations 2002, 27 (230 V + 10 % - 6 %)",
    advice="Tell the network operator; compare the average voltage alerts of the meter (ECS24)",
    cause="values", requires="readings of the supply voltage", reads=[MAINS],
    broken_by="ordinary-day --fault supply-trouble --seconds 3000", **SHARED,
)  # fmt: skip
def mains_voltage(view: View, mains: Frame, *, low: float = 216.2, high: float = 253.0) -> Iterator[Evidence]:
    """Each voltage of each device; what is near zero is not connected."""
    for one in series(mains, "V"):
        values = one.values if one.told else one.numbers
        wrong = (values > high) | ((values < low) & (values > SHUT_OFF))
        if wrong.any():
            first = values[wrong][0]
            share = f"{int(wrong.sum())} of {plural(len(values), 'reading')}"
            text = f"{one.name} was {first:.1f} V ({share}, allowed {low} to {high} V)"
            yield broken(Subject.device(one.source), text, one.frames[wrong])
        else:
            yield kept(
                Subject.device(one.source), f"{plural(len(values), 'reading')} of {one.name} in bounds"
            )


@rule(
    "battery-weak",
    "A battery runs out",
    finds="""A battery below the threshold that its device names, one whose voltage falls by a sixth within the capture,
    or one of which less than a tenth is left.""",
    matters="A gas meter whose battery is empty closes nothing and tells nothing: readings stop.",
    example="Gas meter (90b3d5fffe0000a1): BatteryVoltage fell from 3.6 V to 2.8 V (from frame 40 to 900)",
    source="ZCL 07-5123 3.3.2.2.3, 3.3.2.2.4; ZSE 1.2 D.3.2.2.3.2; robust comparison with the battery's own level",
    advice="Exchange the battery or the meter soon; see what keeps it awake",
    cause="battery drain", requires="voltage or remaining share of a battery", reads=[BATTERY, LOWEST],
    broken_by="ordinary-day --fault supply-trouble --seconds 3000", **SHARED,
)  # fmt: skip
def battery_weak(
    view: View, battery: Frame, lowest: Frame, *, share: float = 10.0, fall: float = 1 / 6
) -> Iterator[Evidence]:
    """Each battery of each device."""
    bounds = {(one.source, one.cluster): float(np.median(one.values)) for one in series(lowest, "V")}
    for one in series(battery, "V"):
        values, place = one.values if one.told else one.numbers * 0.1, kind_of(one.cluster, one.attribute)
        subject = Subject.device(one.source)
        if place is not None and place.kind == "battery-share":
            wrong, says = one.values < share, f"{one.values.min():.0f} % left"
        else:
            bound = bounds.get((one.source, one.cluster), 0.0)
            wrong = (values < bound) | (values < (1 - fall) * np.maximum.accumulate(values))
            says = f"{one.name} {'fell from' if values.max() > values.min() else 'is'} " + _levels(
                values, bound
            )
        if wrong.any():
            yield broken(
                subject, f"{says} (from frame {one.frames[0]} to {one.frames[wrong][-1]})", one.frames[wrong]
            )
        else:
            yield kept(subject, f"{plural(len(values), 'reading')} of {one.name}")


def _levels(values: Frame, bound: float) -> str:
    levels = (
        f"{values.max():.1f} V to {values.min():.1f} V"
        if values.max() > values.min()
        else f"{values[0]:.1f} V"
    )
    return levels + (f", its threshold is {bound:.1f} V" if bound else "")


@rule(
    "alarm-bits",
    "A device says that something is wrong with it",
    finds="Bits of a status that stand for a fault: check meter, low battery, tamper, power failure, leak, cover ...",
    matters="The device itself names what an engineer must look at.",
    example="Gas meter (90b3d5fffe0000a1): Status says lowBattery (12 of 20 values, from frame 40 to 900)",
    source="ZSE 1.2 D.3.2.2.3.1, D.3.2.2.3.5; ZCL 07-5123 3.3.2.2.4.7",
    advice="Visit the device for what the bits name; tamper and cover bits may be those of the installation",
    cause="values", requires="a status of a meter or battery", reads=[ALARMS],
    broken_by="ordinary-day --fault supply-trouble --seconds 3000", kept_by="ordinary-day --seconds 3000", **SHARED,
)  # fmt: skip
def alarm_bits(view: View, alarms: Frame) -> Iterator[Evidence]:
    """Each status of each device; bits that only say how it works are left away."""
    for (source, cluster, code), part in alarms.groupby(
        ["source", "cluster", "attribute"], sort=False, dropna=False
    ):
        place = kind_of(int(cluster), int(code))
        bits = place.bits if place is not None else -1
        numbers = part["number"].to_numpy(dtype=float)
        wrong = np.array([int(n) & bits != 0 for n in numbers], dtype=bool)
        name, subject = said(part["attribute_name"].iloc[0], "a status"), Subject.device(source)
        if wrong.any():
            bad = part[wrong]
            words = " and ".join(dict.fromkeys(said(m, "bits without a name") for m in bad["meaning"][:50]))
            yield broken(
                subject,
                f"{name} says {words} ({len(bad)} of {plural(len(part), 'value')}, {spread(bad)})",
                bad["frame"],
            )
        else:
            yield kept(subject, f"{plural(len(part), 'value')} of {name} without an alarm")
