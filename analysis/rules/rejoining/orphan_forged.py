from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from analysis.features.identifiers import MAC_COMMANDS, NWK_COMMANDS
from analysis.features.judging import mask
from analysis.features.repeats import repeats
from analysis.rules.declare import Evidence, Frame, Subject, View, broken, c, kept, packets, rule

REALIGNMENT, ANSWER = MAC_COMMANDS.some("Coordinator Realignment", "Association Response")
REJOIN_REQUEST = NWK_COMMANDS["Rejoin Request"]
ENOUGH_LEVELS = 10  # frames, before a median says how a device is usually heard


@rule(
    "orphan-forged",
    "An orphan notification of a device that is not orphaned",
    finds="""Orphan notifications between ordinary data frames of the same device, at another signal strength than its
    own, or not answered although the device goes on.""",
    matters="An orphan has lost its parent and is silent otherwise, so the notification comes from somebody else.",
    example="""Gas meter (90b3d5fffe0000a1): orphan notification at frame 602, not answered, yet it goes on without a
    rejoin""",
    source="KillerBee zborphannotify",
    advice="Compare signal strengths: the forger's differs from the device's",
    family="anomaly", area="rejoining", severity="error", confidence="secondary", cause="join attack", absent=1,
    covers=("attacks:A08",), requires="MAC orphan notifications",
    reads=[packets.where(c.mac_command == "Orphan Notification")[c.frame, c.seconds, c.sender, c.rssi]],
    broken_by="ordinary-day --fault orphan-spoof --seconds 1500",
)  # fmt: skip
def orphan_forged(
    view: View, orphans: Frame, *, seconds: float = 5.0, decibels: float = 10.0, alive: float = 120.0
) -> Iterator[Evidence]:
    """Each notification beside the data of its device."""
    if orphans.empty:
        return
    data = view.good.only(mac_type="data")
    for row in orphans.itertuples():
        subject, what = Subject.device(row.sender), f"orphan notification at frame {row.frame}"
        mine = data[mask(data["sender"] == row.sender)]
        gap = (mine["seconds"] - row.seconds).to_numpy(dtype=float)
        since, until = -gap[gap < 0], gap[gap > 0]
        around = bool(len(since) and len(until))
        apart = _apart(mine, row)
        if _restarted(mine, gap) or _unheard(view, row):
            yield kept(subject, f"{what}, and it had lost its parent")
        elif around and since.min() < alive and until.min() < alive and apart > decibels:
            yield broken(subject, f"{what}, {apart:.0f} dB off all that it sends", [row.frame])
        elif around and since.min() < seconds and until.min() < seconds:
            yield broken(subject, f"{what} between ordinary data frames", [row.frame], "warning")
        elif _goes_on(view, mine, row):
            text = f"{what}, not answered, yet it goes on without a rejoin"
            yield broken(subject, text, [row.frame], "warning")
        else:
            yield kept(subject, f"{what} from a silent device")


def _apart(mine: Frame, orphan: Any) -> float:
    """Decibels between a notification and how its device is usually heard; 0 where that is not known."""
    levels = mine["rssi"].dropna()
    if len(levels) < ENOUGH_LEVELS or pd.isna(orphan.rssi):
        return 0.0
    return abs(float(orphan.rssi) - float(levels.median()))


def _restarted(mine: Frame, gap: Frame, leap: int = 256) -> bool:
    """Whether the device's frame counter leaps over its notification: it lost power, and goes on from the
    next counter that it had stored."""
    counter = mine["nwk_counter"].astype("float64").to_numpy(na_value=np.nan)
    before, later = counter[(gap < 0) & ~np.isnan(counter)], counter[(gap > 0) & ~np.isnan(counter)]
    return bool(len(before) and len(later) and not 0 <= later[0] - before[-1] < leap)


def _unheard(view: View, orphan: Any, seconds: float = 5.0) -> bool:
    """Whether the device repeated frames just before that nobody acknowledged."""
    sent = repeats(view)
    sent = sent[mask(sent["sender"] == orphan.sender)]
    gap = orphan.seconds - sent["seconds"]
    return bool((mask((gap > 0) & (gap < seconds)) & mask(sent["retry"]) & ~mask(sent["acked"])).any())


def _goes_on(view: View, mine: Frame, orphan: Any, seconds: float = 600.0) -> bool:
    """Whether a device sends secured data before and after its notification with rising counters, though
    nobody realigned it and it neither associated nor rejoined: it never lost its parent."""
    gap = mine["seconds"] - orphan.seconds
    secured = mask(mine["nwk_security"].isin(["ok", "no_key"]))
    before, later = mine[secured & mask(gap < 0)], mine[secured & mask((gap > 0) & (gap < seconds))]
    counters = pd.concat([before["nwk_counter"][-3:], later["nwk_counter"][:3]]).dropna()
    if not (len(before) and len(later) and counters.is_monotonic_increasing):
        return False
    good = view.good
    until = float(later["seconds"].iloc[0])
    between = good[mask((good["seconds"] > orphan.seconds) & (good["seconds"] <= until))]
    helped = mask(between["mac_command"].isin([REALIGNMENT, ANSWER])) & mask(
        between["receiver"] == orphan.sender
    )
    rejoined = mask(between["nwk_command"] == REJOIN_REQUEST) & mask(between["origin"] == orphan.sender)
    return not (helped | rejoined).any()
