"""What begins again and again and never ends."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from analysis.features.judging import mask, plural, spread
from analysis.features.names import missing
from analysis.features.presence import heard_rows
from analysis.rules.declare import (
    TO_CLIENT,
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

OFFERED = Command("OTA Upgrade", TO_CLIENT, "Query Next Image Response", "image_size", "file_version")[
    c.frame, c.seconds, c.destination, field("image_size"), field("file_version")
]
ENDED = Command("OTA Upgrade", TO_SERVER, "Upgrade End Request")[c.seconds, c.source]
BLOCKS = 10  # that may have been asked for unheard


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


@rule(
    "ota-stalls",
    "A firmware download stands still",
    finds="""A device that asked for blocks of an image and comes no further, for half an hour and longer than it ever
    paused before, though much of the image is missing, it did not say that it ended, and it is heard on.""",
    matters="The device keeps its old firmware, and everybody believes that the new one is on its way.",
    example="""Prepayment display (90b3d5fffe0000a4): stands at 3,000 of 9,000 octets of image version 0x00010300 for
    4,012 s (from frame 812), though 164 other frames of it were heard""",
    source="ZCL 07-5123 11.11, 11.13.8 (the client asks for the next block, or ends with a status)",
    advice="""See whether the hub tells it to wait (it is short of the image itself), whether the device restarted, or its
    link; offer the image again""",
    family="anomaly", area="presence", severity="warning", confidence="derived", cause="ota",
    requires="image block requests of an image whose size was told", reads=[ASKED, OFFERED, ENDED],
    broken_by="home: firmware stops half way", kept_by="firmware-update",
)  # fmt: skip
def ota_stalls(
    view: View, asked: Frame, offered: Frame, ended: Frame, *, seconds: float = 1800.0, pauses: float = 3.0
) -> Iterator[Evidence]:
    """The image that each device asked for last: when it asked for the furthest block first, and what came behind."""
    heard = heard_rows(view)
    for source, rows in asked.groupby("source", sort=False):
        version = rows["file_version"].iloc[-1]
        part = rows[mask(rows["file_version"] == version)]
        part = part[mask(part["file_offset"].notna()) & mask(part["seconds"].notna())]
        size = _size(offered, source, version)
        if len(part) < BLOCKS or size is None:
            continue
        offsets, times = (part[name].to_numpy(dtype=float) for name in ("file_offset", "seconds"))
        further = np.flatnonzero(offsets > np.maximum.accumulate(np.r_[-1.0, offsets[:-1]]))
        at, subject = int(further[-1]), Subject.device(source)
        step = float(np.median(np.diff(offsets[further]))) if len(further) > 1 else 0.0
        stands, far = view.duration - times[at], float(offsets[at]) + step
        longest = float(np.diff(times[further]).max()) if len(further) > 1 else 0.0
        over = ended[mask(ended["source"] == source) & mask(ended["seconds"] >= times[at])]
        own = heard[mask(heard["sender"] == source) & mask(heard["seconds"] > times[at] + seconds / 2)]
        name = f"image version {_hex(version)}"
        if (
            len(over)
            or far + BLOCKS * step >= size
            or stands < max(seconds, pauses * longest)
            or len(own) < BLOCKS
        ):
            yield kept(
                subject, f"{plural(len(part), 'block')} of {name}, up to {far:,.0f} of {size:,.0f} octets"
            )
            continue
        text = f"stands at {offsets[at]:,.0f} of {size:,.0f} octets of {name} for {stands:,.0f} s "
        text += f"(from frame {part['frame'].iloc[at]})"
        again = len(part) - at - 1
        text += f", and asked for that block {plural(again, 'time')} more" if again else ""
        yield broken(
            subject,
            f"{text}, though {plural(len(own), 'other frame')} of it were heard",
            part["frame"].iloc[at:],
        )


def _size(offered: Frame, device: int, version: float) -> float | None:
    """The size of an image as it was offered to a device, in octets."""
    mine = offered[mask(offered["destination"] == device) & mask(offered["file_version"] == version)]
    sizes = mine["image_size"].dropna()
    return float(sizes.iloc[-1]) if len(sizes) else None


def _hex(version: float) -> str:
    return "unknown" if missing(version) else f"0x{int(version):08x}"
