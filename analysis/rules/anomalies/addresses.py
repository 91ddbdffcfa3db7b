"""Addresses: two devices under one, one device under two."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from analysis.features.judging import mask
from analysis.features.membership import announcements, came_between
from analysis.features.view import Frame, View
from analysis.findings.model import Evidence, broken, kept
from analysis.findings.subject import Subject
from analysis.rules.registry import rules_of
from analysis.tables.lazy import joint_codes

rule = rules_of("anomaly", "addresses")


@rule(
    "announce-forged",
    "A device is announced under a new address without having joined",
    severity="error",
    source="Zigator injection set (deviceannce, updatedevice)",
    confidence="secondary",
    merges=("attacks:A23",),
    needs=("packets", "commands"),
    cause="imitation",
    unseen="a readable Device_annce",
    advice="Compare with the device's own frames: does it still use its old address?",
)
def announce_forged(view: View, *, seconds: float = 1900.0) -> Iterator[Evidence]:
    """Device_annce tells the network the short address of an EUI-64. An announcement that moves a device to
    a new address while it goes on under the old one diverts its traffic. What it sends after it associated or
    rejoined once more is no sign of that: it may have another address by then."""
    packets = view.good
    for one in announcements(view):
        mine = packets.only(nwk_src_eui64=one.eui64)
        # A forged counter makes replays of what the device itself sends from then on.
        own = mask(mine["nwk_security"] == "replay") & mask(mine["mac_src"] == mine["nwk_src"])
        mine = mine[mask(mine["nwk_security"] == "ok") | own]
        until = one.seconds + seconds
        again = came_between(view, one.eui64, one.seconds, until, one.short)
        until = until if again is None else again
        after = mine[mask((mine["seconds"] > one.seconds) & (mine["seconds"] < until))]
        stays = after[mask(after["nwk_src"] != one.short)]
        subject = Subject.device(one.eui64)
        if len(stays):
            other = int(stays["nwk_src"].iloc[0])
            text = f"announced as 0x{one.short:04x} at frame {one.frame}, yet goes on as 0x{other:04x}"
            yield broken(subject, text, [*one.frames, *view.frames_of(stays[:5])])
        elif again is not None:
            yield kept(
                subject, f"announced as 0x{one.short:04x} at frame {one.frame}, and joined again later"
            )
        else:
            yield kept(subject, f"announced as 0x{one.short:04x} at frame {one.frame}")


@rule(
    "duplicate-address",
    "Two devices under one short address",
    severity="error",
    source="ZigBee PRO 05-3474 3.6.1.9 (address conflicts)",
    confidence="secondary",
    merges=("attacks:A39", "attacks:A23"),
    cause="imitation",
    unseen="secured frames that carry the EUI-64 of their sender",
    advice="The network should resolve it by itself; if it lasts, restart the younger device",
)
def duplicate_address(view: View, *, swaps: int = 2) -> Iterator[Evidence]:
    """The auxiliary header of a secured frame names the EUI-64 that sent it. Two of them in turn under one
    short address are two devices with one address, or a clone."""
    packets = view.good
    own = mask(packets["mac_src"] == packets["nwk_src"]) & mask(packets["mac_src_mode"] == "short")
    rows = packets[own & packets.known("nwk_sender") & ~mask(packets["nwk_security"] == "none")]
    for (pan, short), number in _senders(rows):
        subject = Subject.device(int(pan) << 16 | int(short))
        if number < 2:
            yield kept(subject, "one EUI-64")
            continue
        part = rows[mask(rows["pan"] == pan) & mask(rows["mac_src"] == short)]
        senders = part["nwk_sender"]
        turns = mask(senders != senders.shift())
        if turns.sum() - 1 >= swaps:
            names = ", ".join(view.label(s) for s in senders.unique()[:3])
            minor = senders.value_counts().index[-1]
            yield broken(subject, f"is used by {names} in turn", part["frame"][mask(senders == minor)])
        else:
            yield kept(subject, "changed hands once")


def _senders(rows: Frame) -> list[tuple[tuple[int, int], int]]:
    """How many devices sent under each PAN and short address, in their order."""
    parts = [rows.codes(name) for name in ("pan", "mac_src", "nwk_sender")]
    (pan, pans), (short, shorts), _ = parts
    _, first = np.unique(
        joint_codes([found for found, _ in parts], [len(keys) for _, keys in parts]), return_index=True
    )
    first = first[pan[first] >= 0]
    places = zip(pan[first].tolist(), short[first].tolist(), strict=True)
    return sorted(Counter((int(pans[one]), int(shorts[two])) for one, two in places).items())
