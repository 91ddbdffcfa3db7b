"""What begins again and again and never ends."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from analysis.features.judging import plural, spread
from analysis.features.names import missing
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
)

ASKED = Command("OTA Upgrade", TO_SERVER, "Image Block Request", "file_offset", "file_version")[
    c.frame, c.seconds, c.source, field("file_offset"), field("file_version")
]


@rule(
    "ota-restarts",
    "A firmware download begins again and again",
    finds="A device that asks for the first block of an image that it had half or whole before.",
    matters="The image never takes: each round costs hours of air time, on sub-GHz the hub's duty cycle too.",
    example="""Gas meter (90b3d5fffe0000a1): began image version 0x00020000 4 times, after up to 5,796 octets (from frame
    90 to 4012)""",
    source="ZCL 07-5123 11.11 (OTA upgrade process)",
    advice="See why each round ends: upgrade end with an error, a restart of the device, or an image that is wrong",
    family="anomaly", area="presence", severity="warning", confidence="derived", cause="ota",
    requires="image block requests", reads=[ASKED],
    broken_by="ordinary-day --fault ota-restarts --seconds 3000", kept_by="firmware-update",
)  # fmt: skip
def ota_restarts(view: View, asked: Frame, *, times: int = 3) -> Iterator[Evidence]:
    """Each device and image: requests of offset zero behind others, and how far the device had come."""
    for (source, version), part in asked.groupby(["source", "file_version"], sort=False, dropna=False):
        offsets = part["file_offset"].to_numpy(dtype=float, na_value=np.nan)
        before = np.maximum.accumulate(np.nan_to_num(np.r_[0.0, offsets[:-1]]))
        again = (offsets == 0) & (np.r_[0.0, offsets[:-1]] > 0)
        begun, subject = int(again.sum()) + 1, Subject.device(source)
        if begun >= times:
            text = (
                f"began image version {_hex(version)} {begun} times, after up to {before.max():,.0f} octets"
            )
            yield broken(subject, f"{text} ({spread(part)})", part["frame"])
        else:
            yield kept(
                subject, f"{plural(len(part), 'block')} of image version {_hex(version)}, begun {begun} times"
            )


def _hex(version: float) -> str:
    return "unknown" if missing(version) else f"0x{int(version):08x}"
