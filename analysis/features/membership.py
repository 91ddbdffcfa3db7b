"""When devices came, went and came again by the rules of the network: what window rules must look at before they speak
of forgery."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.features.identifiers import MAC_COMMANDS, NWK_COMMANDS, ZDP_COMMANDS
from analysis.features.judging import mask
from analysis.features.view import Frame, View
from analysis.tables.addresses import address_number
from analysis.tables.lazy import numbers_of

__all__ = [
    "DEVICE_ANNCE", "Announcement", "announcements", "came_between", "left_before", "members", "membership_times",
    "secured_frames",
]  # fmt: skip

ASSOCIATION, ANSWER = MAC_COMMANDS.some("Association Request", "Association Response")
DEVICE_ANNCE = ZDP_COMMANDS["Device_annce"]
SHORT, EUI64 = (ZDP_COMMANDS.field("Device_annce", name) for name in ("nwk_address", "ieee_address"))
LEAVE, REJOIN_REQUEST, REJOIN_RESPONSE = NWK_COMMANDS.some("Leave", "Rejoin Request", "Rejoin Response")
COPIES_SECONDS = 9.0  # routers repeat a broadcast within nwkBroadcastDeliveryTime (ZigBee PRO 05-3474 3.5.2)


def secured_frames(view: View) -> Frame:
    """Frames under NWK security, whether or not a held key opens them."""
    return view.good.only(nwk_security=["ok", "no_key"])


def members(view: View) -> frozenset[int]:
    """Devices that were heard under NWK security: they are in, or were."""
    return view.once(_members)


def _members(view: View) -> frozenset[int]:
    return frozenset(int(eui) for eui in secured_frames(view)["nwk_sender"].dropna().unique())


@dataclass(frozen=True, slots=True)
class Announcement:
    """A Device_annce, however many routers repeated it: EUI-64 and short address, when it was heard first, and all frames
    that carry it."""

    eui64: int
    short: int
    seconds: float
    frames: list[int]

    @property
    def frame(self) -> int:
        return self.frames[0]


def announcements(view: View) -> list[Announcement]:
    """The readable announcements, one for each that was made and not for each copy that was heard."""
    return view.once(_announcements)


def _announcements(view: View) -> list[Announcement]:
    fields = view.command_rows("zdp")
    fields = fields[mask(fields["cluster"] == DEVICE_ANNCE)]
    short = fields[mask(fields["field"] == SHORT)].drop_duplicates("frame")
    eui = fields[mask(fields["field"] == EUI64)].drop_duplicates("frame")
    pairs = short[["frame", "seconds", "number"]].merge(eui[["frame", "value", "meaning"]], on="frame")
    out: list[Announcement] = []
    last: dict[tuple[int, int], Announcement] = {}
    heard: dict[tuple[int, int], float] = {}
    for row in pairs.sort_values("seconds").itertuples():
        # sixteen decimal digits of `value` could be an EUI-64 in hexadecimal: not asked where `meaning` stands
        who = address_number(str(row.meaning if isinstance(row.meaning, str) else row.value))
        if who is None or pd.isna(row.number):
            continue
        key = who, int(row.number)
        if key not in last or row.seconds - heard[key] > COPIES_SECONDS:
            last[key] = Announcement(*key, float(row.seconds), [])
            out.append(last[key])
        last[key].frames.append(int(row.frame))
        heard[key] = float(row.seconds)
    return out


def membership_times(view: View, eui64: int, short: int | None = None) -> list[float]:
    """When `eui64` associated, rejoined, or announced an address that it had not had before and then used, in seconds.

    Announcements of `short` are left out: those are what is asked about."""
    times: list[float] = []
    for command, column in ((ASSOCIATION, "mac_src"), (ANSWER, "mac_dst")):
        rows = view.good.only(mac_command=command)
        times += rows["seconds"][mask(rows[column] == eui64)].tolist()
    rejoins = view.good.only(nwk_command=[REJOIN_REQUEST, REJOIN_RESPONSE])
    mine = mask(rejoins["origin"] == eui64) | mask(rejoins["target"] == eui64)
    mine |= mask(rejoins["nwk_src_eui64"] == eui64) | mask(rejoins["nwk_dst_eui64"] == eui64)
    times += rejoins["seconds"][mine].tolist()
    others = [one for one in announcements(view) if one.eui64 == eui64 and one.short != short]
    addresses, heard = _addresses(view, eui64) if others else (np.zeros(0), np.zeros(0))
    for one in others:
        before, after = addresses[heard < one.seconds - COPIES_SECONDS], addresses[heard > one.seconds]
        if one.short not in before and one.short in after:
            times.append(one.seconds)
    return sorted(float(t) for t in times)


def _addresses(view: View, eui64: int) -> tuple[npt.NDArray[Any], npt.NDArray[np.float64]]:
    """The short addresses that a device sent under, other than to announce them, and when."""
    rows = view.good.only(nwk_src_eui64=eui64)
    rows = rows[mask(rows["nwk_src"].notna()) & ~mask(rows["aps_cluster"] == DEVICE_ANNCE)]
    return numbers_of(rows["nwk_src"])[0], rows["seconds"].to_numpy(dtype=float)


def came_between(view: View, eui64: int, start: float, end: float, short: int | None = None) -> float | None:
    """When `eui64` first came into the network again between two times; None where it did not."""
    return next((t for t in membership_times(view, eui64, short) if start < t <= end), None)


def left_before(view: View, eui64: int, seconds: float, within: float) -> bool:
    """Whether the device left, or was told to, in the time before: then it has reason to join again."""
    rows = view.good.only(nwk_command=LEAVE)
    if rows.empty:
        return False
    about = mask(rows["origin"] == eui64) | mask(rows["target"] == eui64)
    gap = seconds - rows["seconds"].to_numpy(dtype=float)
    return bool((about & (gap >= 0) & (gap <= within)).any())
