"""Spoofing: one address with two voices, commands from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from analysis.features.identifiers import MAC_COMMANDS, NWK_COMMANDS, ZDP_COMMANDS
from analysis.features.judging import count, mask
from analysis.features.view import DEVICE_PROFILE, Frame, View
from analysis.findings.model import Evidence, broken, kept
from analysis.findings.subject import Subject
from analysis.rules.registry import rules_of

rule = rules_of("anomaly", "spoofing")

NWK_MANAGEMENT = NWK_COMMANDS.some("Leave", "Rejoin Request", "End Device Timeout Request")
MAC_MANAGEMENT = MAC_COMMANDS.some(
    "Association Request", "Disassociation Notification", "Orphan Notification"
)
ZDP_MANAGEMENT = ZDP_COMMANDS.some("Device_annce", "Match_Desc_req")


@rule(
    "cloned-address",
    "One address, two transmitters",
    severity="warning",
    source="RSSI clone literature",
    confidence="recalled",
    merges=("attacks:A39", "attacks:A24", "attacks:A38"),
    cause="imitation",
    unseen="frames with a signal strength, thirty or more of one sender",
    advice="Two places send under one address: walk with the sniffer and see where the weaker one is",
)
def cloned_address(
    view: View, *, decibels: float = 12.0, least: int = 30, share: float = 0.05
) -> Iterator[Evidence]:
    """The frames of one address come at two signal strengths, far apart and mixed in time, and the counters
    or sequence numbers of the two do not make one sequence."""
    packets = view.good
    rows = packets[mask(packets["rssi"].notna()) & mask(packets["mac_src"].notna())]
    for sender, part in rows.groupby("sender", sort=False):
        if len(part) < least:
            continue
        levels = part["rssi"].to_numpy(dtype=float)
        cut = _valley(levels, decibels, share)
        if cut is None or not _two_sequences(part, levels > cut):
            yield kept(Subject.device(sender), f"{count(part)} from one place")
            continue
        weak, strong = np.median(levels[levels <= cut]), np.median(levels[levels > cut])
        minor = levels > cut if (levels > cut).mean() < 0.5 else levels <= cut
        text = f"frames at {weak:.0f} dBm and at {strong:.0f} dBm, with two sequences of numbers"
        yield broken(Subject.device(sender), text, part["frame"][minor])


def _valley(levels: Frame, decibels: float, share: float) -> float | None:
    """A level between two clusters that lie `decibels` apart with almost nothing between them; else None."""
    ordered = np.sort(levels)
    gaps = np.diff(ordered)
    at = int(gaps.argmax())
    few = share * len(levels)
    low, high = ordered[: at + 1], ordered[at + 1 :]
    if gaps[at] < decibels / 2 or min(len(low), len(high)) < max(few, 3):
        return None
    return float(ordered[at]) if np.median(high) - np.median(low) >= decibels else None


def _two_sequences(part: Frame, strong: Frame) -> bool:
    """Whether MAC sequence numbers make one sequence within each cluster, but not over both."""
    sequence = part["mac_seq"].to_numpy(dtype=np.int64, na_value=0)

    def steps(values: Frame) -> float:
        step = np.diff(values) % 256
        return float(np.mean(step > 64)) if len(step) else 0.0

    apart = max(steps(sequence[strong]), steps(sequence[~strong]))
    return steps(sequence) > apart + 0.1


@rule(
    "command-from-elsewhere",
    "A device's commands come from another place than its data",
    severity="warning",
    source="Zigator injection set (childupdatereq); RSSI clone literature",
    confidence="secondary",
    merges=("attacks:A24", "attacks:A23", "attacks:A39"),
    cause="forged command",
    unseen="thirty frames of one device with their signal strength, and commands of it",
    advice="Compare the signal strengths: somebody else uses the device's name",
)
def command_from_elsewhere(
    view: View, *, decibels: float = 15.0, least: int = 30, times: int = 2
) -> Iterator[Evidence]:
    """The management frames of a device (NWK commands, announcements, MAC commands) arrive at quite another
    strength than all else that it sends, while what it sends otherwise hardly scatters."""
    packets = view.good
    rows = packets[
        mask(packets["rssi"].notna()) & packets.known("sender") & ~mask(packets["mac_type"] == "ack")
    ]
    special = mask(rows["nwk_command"].isin(NWK_MANAGEMENT)) | mask(rows["mac_command"].isin(MAC_MANAGEMENT))
    special |= mask((rows["aps_profile"] == DEVICE_PROFILE) & rows["aps_cluster"].isin(ZDP_MANAGEMENT))
    suspects = set(rows["sender"][special].tolist())
    for sender in suspects:
        own = mask(rows["sender"] == sender)
        plain = rows["rssi"][own & ~special].to_numpy(dtype=float)
        if len(plain) < least:
            continue
        usual = float(np.median(plain))
        scatter = float(np.median(np.abs(plain - usual)))
        mine = rows[own & special]
        off = np.abs(mine["rssi"].to_numpy(dtype=float) - usual)
        limit = max(decibels, 4 * scatter)
        far = mine[(off > limit) & _unlike_its_neighbours(rows[own & ~special], mine, limit)]
        subject = Subject.device(sender)
        if len(far) >= times:
            level = float(far["rssi"].median())
            yield broken(
                subject,
                f"{count(far)} of commands at {level:.0f} dBm, its data at {usual:.0f} dBm",
                far["frame"],
            )
        else:
            yield kept(subject, f"commands and data at {usual:.0f} dBm")


def _unlike_its_neighbours(data: Frame, commands: Frame, decibels: float) -> Frame:
    """Which commands are at another strength than the two frames of data before and behind them: a device that is
    carried about sends both from one place."""
    times, levels = data["seconds"].to_numpy(dtype=float), data["rssi"].to_numpy(dtype=float)
    at = np.searchsorted(times, commands["seconds"].to_numpy(dtype=float))
    near = np.clip(at[:, None] + np.arange(-2, 2), 0, len(times) - 1)
    off = np.abs(levels[near] - commands["rssi"].to_numpy(dtype=float)[:, None])
    return (off > decibels).all(axis=1)
