"""Firmware versions that fall, and top-up codes that are used twice."""

from collections.abc import Iterator

import numpy as np

from analysis.features.judging import mask, plural
from analysis.rules.declare import (
    TO_SERVER,
    Command,
    Evidence,
    Frame,
    Subject,
    View,
    broken,
    c,
    field,
    kept,
    rule,
)  # fmt: skip

HELD = Command(
    "OTA Upgrade",
    TO_SERVER,
    "Query Next Image Request",
    "manufacturer_id",
    "image_type",
    "current_file_version",
)[c.frame, c.seconds, c.source, field("manufacturer_id"), field("image_type"), field("current_file_version")]
CODES = Command("Prepayment", TO_SERVER, "Consumer Top Up", "top_up_code:text")[
    c.frame, c.seconds, c.source, c.destination, field("top_up_code:text")
]


@rule(
    "firmware-went-back",
    "A device runs older firmware than before",
    finds="A device that names a lower version of the same image when it asks for firmware than it named before.",
    matters="An upgrade did not hold: the device fell back after a fault, or somebody put older firmware in.",
    example="Electricity meter (90b3d5fffe0000a0): runs 0x00010000 since frame 812, before 0x00020000",
    source="ZCL 07-5123 11.13.3 (current file version)",
    advice="See the device's firmware alerts and log (verification failed, activation failed), and send the image again",
    family="anomaly", area="identity", severity="warning", confidence="derived", cause="ota", smart_energy=True,
    requires="two Query Next Image Requests of one device and image", reads=[HELD],
    broken_by="ordinary-day --fault firmware-went-back --seconds 3000",
)  # fmt: skip
def firmware_went_back(view: View, held: Frame) -> Iterator[Evidence]:
    """The versions of each device and image, in order."""
    of = ["source", "manufacturer_id", "image_type"]
    for (source, _, _), part in held.groupby(of, sort=False, dropna=False):
        versions = part["current_file_version"].to_numpy(dtype=float, na_value=np.nan)
        if len(versions) < 2:
            continue
        fell, subject = np.r_[False, np.diff(versions) < 0], Subject.device(source)
        if fell.any():
            at = int(np.flatnonzero(fell)[0])
            frame = int(part["frame"].iloc[at])
            text = f"runs 0x{int(versions[at]):08x} since frame {frame}, before 0x{int(versions[at - 1]):08x}"
            yield broken(subject, text, part["frame"].iloc[at - 1 : at + 1])
        else:
            yield kept(
                subject, f"runs 0x{int(np.nan_to_num(versions[-1])):08x}, no lower version than before"
            )


@rule(
    "top-up-code-twice",
    "One top-up code is entered twice",
    finds="""The same code (UTRN) sent again by a display, to the same meter long after the first time, or to another
    meter.""",
    matters="A code is good for one meter and once: the customer typed an old one, or was given another's.",
    example="Electricity meter (90b3d5fffe0000a0): one code 2 times, 900 s apart (frames 90 and 812)",
    source="GBCS 14 (UTRN: meter and counter are part of the code)",
    advice="Compare the date of the purchase; a code that the meter took twice is told by `top-up-code-again`",
    family="anomaly", area="identity", severity="info", confidence="derived", cause="prepayment", smart_energy=True,
    requires="codes that displays send to meters", reads=[CODES],
    broken_by="planted: one top-up code is accepted twice", kept_by="prepayment --seconds 4800",
)  # fmt: skip
def top_up_code_twice(view: View, codes: Frame, *, seconds: float = 60.0) -> Iterator[Evidence]:
    """Each code: entered again within a minute it is a retry. To two meters it warns."""
    for _, part in codes[mask(codes["top_up_code:text"].notna())].groupby("top_up_code:text", sort=False):
        times, meters = part["seconds"].to_numpy(dtype=float), part["destination"].nunique()
        later = part[np.r_[True, np.diff(times) > seconds]]
        subject = Subject.device(part["destination"].iloc[0])
        if meters > 1:
            yield broken(subject, f"one code sent to {meters} meters", part["frame"], "warning")
        elif len(later) > 1:
            text = f"one code {len(later)} times, {times[-1] - times[0]:,.0f} s apart"
            yield broken(subject, text, later["frame"])
        else:
            yield kept(subject, f"a code, entered once ({plural(len(part), 'frame')})")
