"""Orphans, realignments, rejoins: who forges them, who cannot get back in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from analysis.features.judging import judge, mask, plural
from analysis.features.repeats import repeats
from analysis.features.view import Frame, View
from analysis.findings.model import Evidence, broken, kept
from analysis.findings.subject import Subject
from analysis.rules.anomalies.mac_commands import ANSWER, ORPHAN, REALIGNMENT, mac_commands
from analysis.rules.anomalies.membership import REJOIN_REQUEST
from analysis.rules.registry import rules_of

rule = rules_of("anomaly", "rejoining")


@rule(
    "orphan-forged",
    "An orphan notification of a device that is not orphaned",
    severity="error",
    source="KillerBee zborphannotify",
    confidence="secondary",
    merges=("attacks:A08",),
    cause="join attack",
    absent=1,
    unseen="MAC orphan notifications",
    advice="Compare signal strengths: the forger's differs from the device's",
)
def orphan_forged(
    view: View, *, seconds: float = 5.0, decibels: float = 10.0, alive: float = 120.0
) -> Iterator[Evidence]:
    """An orphan has lost its parent and is silent otherwise. A notification between ordinary data frames of
    the same device, at another signal strength, comes from somebody else."""
    data = view.good[mask(view.good["mac_type"] == "data")]
    for row in mac_commands(view, ORPHAN).itertuples():
        subject = Subject.device(row.sender)
        mine = data[mask(data["sender"] == row.sender)]
        gap = (mine["seconds"] - row.seconds).to_numpy(dtype=float)
        around = bool((gap < 0).any()) and bool((gap > 0).any())
        near = (
            around and bool((np.abs(gap[gap < 0]) < seconds).any()) and bool((gap[gap > 0] < seconds).any())
        )
        levels = mine["rssi"].dropna()
        usual = float(levels.median()) if len(levels) >= 10 else float("nan")
        apart = 0.0 if pd.isna(row.rssi) or usual != usual else abs(float(row.rssi) - usual)
        awake = around and float(gap[gap < 0].max()) > -alive and float(gap[gap > 0].min()) < alive
        if _restarted(mine, gap) or _unheard(view, row):
            yield kept(subject, f"orphan notification at frame {row.frame}, and it had lost its parent")
        elif awake and apart > decibels:
            text = f"orphan notification at frame {row.frame}, {apart:.0f} dB off all that it sends"
            yield broken(subject, text, [row.frame])
        elif near:
            text = f"orphan notification at frame {row.frame} between ordinary data frames"
            yield broken(subject, text, [row.frame], "warning")
        elif _goes_on(view, mine, row):
            text = f"orphan notification at frame {row.frame}, not answered, yet it goes on without a rejoin"
            yield broken(subject, text, [row.frame], "warning")
        else:
            yield kept(subject, f"orphan notification at frame {row.frame} from a silent device")


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
    packets = view.good
    until = float(later["seconds"].iloc[0])
    between = packets[mask((packets["seconds"] > orphan.seconds) & (packets["seconds"] <= until))]
    helped = mask(between["mac_command"].isin([REALIGNMENT, ANSWER])) & mask(
        between["receiver"] == orphan.sender
    )
    rejoined = mask(between["nwk_command"] == REJOIN_REQUEST) & mask(between["origin"] == orphan.sender)
    return not (helped | rejoined).any()


@rule(
    "realignment-forged",
    "A coordinator realignment that nobody asked for",
    severity="error",
    source="KillerBee zbrealign",
    confidence="secondary",
    merges=("attacks:A09",),
    cause="forged command",
    absent=1,
    unseen="MAC coordinator realignments",
    advice="Devices that obeyed have moved to the PAN or channel it names: look for them there",
)
def realignment_forged(view: View, *, seconds: float = 1.0) -> Iterator[Evidence]:
    """A coordinator realigns a device that reported to be an orphan. Without such a report just before, the
    command tries to drag devices away."""
    orphans = mac_commands(view, ORPHAN)["seconds"].to_numpy(dtype=float)
    rows = mac_commands(view, REALIGNMENT)
    asked = np.array(
        [bool(((s - orphans >= 0) & (s - orphans <= seconds)).any()) for s in rows["seconds"]], bool
    )
    yield from judge(view, rows, ~asked, "{bad} without an orphan notification before")


@rule(
    "rejoin-loop",
    "A device asks to rejoin again and again",
    severity="warning",
    source="atusb-attacks 05, 06, 09",
    confidence="secondary",
    merges=("attacks:A14",),
    cause="silence",
    unseen="NWK Rejoin Requests",
    advice="See whether it gets answers: weak link, lost key, or answers that are jammed",
)
def rejoin_loop(
    view: View, *, requests: int = 3, window: float = 300.0, hourly: int = 5
) -> Iterator[Evidence]:
    """A device that rejoins several times within minutes does not get an answer, or does not get it
    whole. One that rejoins every few minutes for an hour cannot stay in the network."""
    packets = view.good
    rows = packets.only(nwk_command=REJOIN_REQUEST).drop_duplicates(["mac_src", "mac_dst", "mac_seq"])
    for sender, part in rows.groupby("origin", sort=False):
        seconds = part["seconds"].to_numpy(dtype=float)
        most, in_hour = (
            int((np.searchsorted(seconds, seconds + span) - np.arange(len(seconds))).max())
            for span in (window, 3600.0)
        )
        if most >= requests or in_hour >= hourly:
            number, span = (most, window) if most >= requests else (in_hour, 3600.0)
            yield broken(
                Subject.device(sender), f"{plural(number, 'request')} within {span:.0f} s", part["frame"]
            )
        else:
            yield kept(
                Subject.device(sender), f"{plural(len(part), 'rejoin request')}, {most} within {window:.0f} s"
            )
