from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from analysis.features.identifiers import MAC_COMMANDS, NWK_COMMANDS
from analysis.features.judging import mask
from analysis.features.repeats import repeats
from analysis.rules.declare import Evidence, Frame, Subject, View, broken, c, kept, packets, rule

REALIGNMENT, ANSWER, ORPHAN = MAC_COMMANDS.some(
    "Coordinator Realignment", "Association Response", "Orphan Notification"
)
REJOIN_REQUEST = NWK_COMMANDS["Rejoin Request"]
ENOUGH_LEVELS = 10  # frames, before a median says how a device is usually heard


@rule(
    "orphan-forged",
    "An orphan notification of a device that is not orphaned",
    finds="""Orphan notifications between ordinary data frames of the same device, at another signal strength than its
    own, or numbered otherwise than its frames; of a device that goes on though no answer was heard, they only inform.""",
    matters="An orphan has lost its parent and is silent otherwise, so the notification comes from somebody else.",
    example="""Electricity meter (90b3d5fffe0000a0): orphan notification at frame 602, 24 dB off all that it sends""",
    source="KillerBee zborphannotify",
    advice="Compare signal strengths: the forger's differs from the device's",
    family="anomaly", area="rejoining", severity="error", confidence="secondary", cause="join attack", absent=1,
    covers=("attacks:A08",), requires="MAC orphan notifications",
    reads=[packets.where(c.mac_command == "Orphan Notification")[
        c.frame, c.seconds, c.sender, c.rssi, c.mac_seq]],
    broken_by="ordinary-day --fault orphan-spoof --seconds 1500",
)  # fmt: skip
def orphan_forged(
    view: View, orphans: Frame, *, seconds: float = 5.0, decibels: float = 10.0, alive: float = 120.0
) -> Iterator[Evidence]:
    """Each notification beside the data of its device."""
    if orphans.empty:
        return
    data = view.good.only(mac_type="data")
    for row in orphans.dropna(subset=["sender", "seconds"]).itertuples():
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
        elif strange := _strange_number(view, row):
            yield broken(subject, f"{what}, yet {strange}", [row.frame], "warning")
        elif _goes_on(view, mine, row):
            text = f"{what}, no answer to it was heard, yet it goes on without a rejoin: it found its parent again, or"
            text += " another sent it in its name; nothing that was heard tells which" + _level(mine, row)
            yield broken(subject, text, [row.frame], "info")
        else:
            yield kept(subject, f"{what} from a silent device")


def _apart(mine: Frame, orphan: Any) -> float:
    """Decibels between a notification and how its device is usually heard; 0 where that is not known."""
    levels = mine["rssi"].dropna()
    if len(levels) < ENOUGH_LEVELS or pd.isna(orphan.rssi):
        return 0.0
    return abs(float(orphan.rssi) - float(levels.median()))


def _strange_number(view: View, orphan: Any, least: int = 4, step: int = 32) -> str:
    """That a notification is not numbered as its device numbers its frames, in words: a device has one counter for
    data and commands (IEEE 802.15.4-2011 5.2.1.2), so what lies between two of its frames has a number between theirs.
    Empty where it is, or where the device was too seldom heard or counts in no order."""
    rows = view.good.only(sender=orphan.sender)
    own = rows[mask(rows["mac_type"].isin(["data", "command"])) & ~mask(rows["mac_command"] == ORPHAN)]
    numbers = own["mac_seq"].to_numpy(dtype=float, na_value=np.nan)
    place = int((own["seconds"] < orphan.seconds).sum())
    around = numbers[max(0, place - least) : place + least]
    if place < least or pd.isna(orphan.mac_seq) or np.isnan(around).any():
        return ""
    if len(numbers) <= place or (np.diff(around) % 256 > step).any():
        return ""
    last, following, number = int(numbers[place - 1]), int(numbers[place]), int(orphan.mac_seq)
    if 0 < (number - last) % 256 < (following - last) % 256:
        return ""
    return f"its number {number} is none between {last} and {following}, those of the frames of its device around it"


def _level(mine: Frame, orphan: Any) -> str:
    """How loud a notification was beside what its device sends; no words where that is not known."""
    usual = mine["rssi"].dropna()
    if pd.isna(orphan.rssi) or usual.empty:
        return ""
    return f" (heard at {float(orphan.rssi):.0f} dBm, its frames at {float(usual.median()):.0f} dBm)"


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
    nobody was heard to realign it and it neither associated nor rejoined. It proves no forger: a parent that answers
    again takes it back without a word."""
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
