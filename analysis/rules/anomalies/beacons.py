"""Beacons: forged ones, PAN identifier conflicts, jamming."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from analysis.features.identifiers import MAC_COMMANDS, NWK_COMMANDS
from analysis.features.judging import count, judge, key_of, mask, plural, spread
from analysis.features.view import Frame, View
from analysis.findings.model import Evidence, broken, kept
from analysis.findings.subject import CHANNEL, Subject
from analysis.rules.expression import c
from analysis.rules.registry import rules_of
from analysis.rules.rows import packets

rule = rules_of("anomaly", "beacons")

CONFLICT, NETWORK_REPORT = MAC_COMMANDS["PAN ID Conflict"], NWK_COMMANDS["Network Report"]
BEACONS = "beacons with a readable ZigBee payload"
ZBFAKEBEACON_SEQUENCE = 0xD8


def beacons(view: View) -> Frame:
    """Good beacons with a ZigBee payload."""
    packets = view.good
    return packets.only(mac_type="beacon")


@rule(
    "pan-id-conflict",
    "Two networks under one PAN identifier",
    severity="error",
    source="KillerBee zbpanidconflictflood; Vidgren (2013)",
    confidence="secondary",
    merges=("attacks:A06",),
    needs=(packets.where(c.mac_type == "beacon"),),
    cause="network change",
    unseen=BEACONS,
    advice="A real neighbour has its own traffic and a stable extended PAN ID; a forged one only beacons",
)
def pan_id_conflict(view: View) -> Iterator[Evidence]:
    """Beacons with the PAN identifier of a network but another extended PAN ID. By chance two networks may
    choose the same number; an attacker does it so that the coordinator moves the network to a new PAN
    identifier."""
    rows = beacons(view)
    rows = rows[mask(rows["beacon_epid"].notna()) & mask(rows["mac_src_pan"].notna())]
    for pan, part in rows.groupby("mac_src_pan", sort=False):
        ids = part.drop_duplicates("beacon_epid")["beacon_epid"].tolist()
        if len(ids) == 1:
            yield kept(
                Subject.network(pan), f"{plural(len(part), 'beacon')}, one extended PAN ID {ids[0]:016x}"
            )
            continue
        usual = _own_epid(view, int(pan), part)
        strange = part[mask(part["beacon_epid"] != usual)]
        names = ", ".join(f"{e:016x}" for e in ids[:4]) + (" ..." if len(ids) > 4 else "")
        yield broken(
            Subject.network(pan),
            f"{plural(len(ids), 'extended PAN ID')} in its beacons: {names}",
            strange["frame"],
        )


def _own_epid(view: View, pan: int, part: Frame) -> int:
    """The extended PAN ID of the network that has traffic: its hub's EUI-64 if a beacon carries that, else
    that of most beacons."""
    ids = set(part["beacon_epid"].tolist())
    packets = view.good
    frames = packets.only(pan=pan, nwk_src=0)
    hubs = frames[mask(frames["nwk_security"].isin(["ok", "no_key"]))]["nwk_src_eui64"].dropna()
    own = [int(h) for h in hubs.value_counts().index if int(h) in ids]
    return own[0] if own else int(part["beacon_epid"].value_counts().index[0])


@rule(
    "pan-id-conflict-report",
    "A PAN identifier conflict was reported",
    severity="warning",
    source="IEEE 802.15.4 7.3.5; KillerBee zbpanidconflictflood",
    confidence="secondary",
    merges=("attacks:A06",),
    needs=(packets.where(c.mac_command.known | c.nwk_command.known),),
    cause="network change",
    unseen="MAC commands or NWK commands",
    advice="Look for beacons of a second network; see whether a Network Update followed",
)
def pan_id_conflict_report(view: View) -> Iterator[Evidence]:
    """A device told its coordinator (MAC command 0x05, or NWK Network Report 0x09) that it heard a second
    network under the same PAN identifier."""
    packets = view.good
    rows = packets[mask(packets["mac_command"].notna()) | mask(packets["nwk_command"].notna())]
    bad = mask(rows["mac_command"] == CONFLICT) | mask(rows["nwk_command"] == NETWORK_REPORT)
    yield from judge(view, rows, bad, "{bad} reporting a PAN identifier conflict", good="of other commands")


@rule(
    "beacon-two-voices",
    "One short address beacons with two identities",
    severity="error",
    source="KillerBee zbfakebeacon",
    confidence="secondary",
    merges=("attacks:A07",),
    needs=(packets.where(c.mac_type == "beacon"),),
    cause="join attack",
    unseen=BEACONS,
    advice="Two transmitters answer scans under one address: locate the weaker by signal strength",
)
def beacon_two_voices(
    view: View, *, decibels: float = 15.0, times: int = 3, share: float = 1 / 16
) -> Iterator[Evidence]:
    """A beacon forger answers scans under the address of the hub. The true and the false beacons differ in
    extended PAN ID, or in signal strength by far more than one place explains, or carry the constant
    sequence number of a known tool."""
    rows = beacons(view)
    for (pan, source), part in rows.groupby(["mac_src_pan", "mac_src"], sort=False):
        subject = Subject.device(int(pan) << 16 | int(source))
        ids = part["beacon_epid"].dropna().nunique()
        forged = part[mask(part["mac_seq"] == ZBFAKEBEACON_SEQUENCE)]
        constant = len(forged) >= times and len(forged) > len(part) * share
        jump = _two_levels(part["rssi"], decibels)
        if ids > 1:
            yield broken(subject, f"{plural(len(part), 'beacon')} with {ids} extended PAN IDs", part["frame"])
        elif constant:
            text = f"{plural(len(forged), 'beacon')} with the constant sequence number 0xd8"
            yield broken(subject, text, forged["frame"])
        elif jump is not None:
            text = f"beacons at two signal strengths, {jump:.0f} dB apart"
            yield broken(subject, text, part["frame"], "warning")
        else:
            yield kept(subject, f"{plural(len(part), 'beacon')} with one identity")


def _two_levels(rssi: Frame, decibels: float) -> float | None:
    """The gap between two clusters of levels when there are two, interleaved and wide apart; else None."""
    values = rssi.dropna().astype(float).to_numpy()
    if len(values) < 6:
        return None
    ordered = np.sort(values)
    gaps = np.diff(ordered)
    at = int(gaps.argmax())
    low, high = ordered[: at + 1], ordered[at + 1 :]
    swaps = int(np.count_nonzero(np.diff((values > ordered[at]).astype(int))))
    clear = gaps[at] >= decibels and min(len(low), len(high)) >= 3 and swaps >= 3
    return float(np.median(high) - np.median(low)) if clear else None


@rule(
    "beacons-jammed",
    "Beacons of one network are damaged while others are not",
    severity="warning",
    source="atusb-attacks 07, 08, 19-24",
    confidence="secondary",
    merges=("attacks:A15",),
    cause="interference",
    unseen="beacons, some with a wrong frame check sequence",
    advice="Selective jamming aims at one network's beacons; look for a transmitter nearby",
)
def beacons_jammed(
    view: View,
    *,
    least: int = 2,
    readable: int = 3,
    share: float = 0.6,
    chance: float = 1e-3,
    frames: int = 50,
) -> Iterator[Evidence]:
    """Interference and distance damage whatever is on the air. When the beacons of a network are damaged
    though its other frames come in well, and beacons of others are readable at the same time, somebody
    chooses them."""
    packets = view.packets
    rows = packets[mask(packets["fcs_ok"].notna()) & mask(packets["pan"].notna())]
    bad = ~mask(rows["fcs_ok"])
    beacons = mask(rows["mac_type"] == "beacon")
    whole = int((beacons & ~bad).sum())
    for pan, part in rows[beacons].groupby("mac_src_pan", sort=False):
        mine = part[~mask(part["fcs_ok"])]
        rest = mask(rows["pan"] == pan) & ~beacons
        usual = float(bad[rest].mean()) if rest.sum() >= frames else 1.0
        if len(part) < least:
            continue
        # the logarithm of a bound for the odds of so many by accident
        luck = len(mine) * np.log(max(usual, 0.01)) + len(part) * np.log(2.0)
        others = whole - (len(part) - len(mine))
        if len(mine) >= max(least, share * len(part)) and luck < np.log(chance) and others >= readable:
            text = f"{count(mine)} of {len(part)} beacons damaged, {usual:.1%} of its other frames"
            yield broken(Subject.network(pan), text, mine["frame"])
        else:
            yield kept(Subject.network(pan), f"{len(mine)} of {plural(len(part), 'beacon')} damaged")


@rule(
    "beacon-flood",
    "Beacons of networks that are not there",
    severity="warning",
    source="KillerBee zbfakebeacon; IEEE 802.15.4 7.2.2.1",
    confidence="derived",
    merges=("attacks:A07",),
    needs=(packets.where(c.mac_type == "beacon"),),
    cause="join attack",
    unseen=BEACONS,
    advice="A joiner that scans drowns in false networks: find the transmitter by signal strength",
)
def beacon_flood(
    view: View, *, networks: int = 12, window: float = 60.0, voice: int = 2
) -> Iterator[Evidence]:
    """A network that is there answers every scan and has traffic of its own. Many networks within a minute
    that beacon once or twice and say nothing else are made up."""
    rows = beacons(view)
    rows = rows[mask(rows["mac_src_pan"].notna())]
    if rows.empty:
        return
    said = view.good
    alive = said["pan"][~mask(said["mac_type"].isin(["beacon", "ack"])) & mask(said["pan"].notna())].unique()
    names = key_of(rows, "mac_src_pan", "beacon_epid")
    known, code, often = np.unique(names, return_inverse=True, return_counts=True)
    fleeting = (often[code] <= voice) & ~mask(rows["mac_src_pan"].isin([int(pan) for pan in alive]))
    rows, code = rows[fleeting], code[fleeting]
    times = rows["seconds"].to_numpy(dtype=float)
    ends = np.searchsorted(times, times + window, side="right")
    many = [len(np.unique(code[at:end])) for at, end in enumerate(ends)]
    most = max(many, default=0)
    if most >= networks:
        inside = np.zeros(len(rows), dtype=bool)
        for at in np.flatnonzero(np.array(many) >= networks):
            inside[at : ends[at]] = True
        text = f"{plural(most, 'network')} within {window:.0f} s that say nothing else"
        yield broken(CHANNEL, f"{text} ({spread(rows[inside])})", rows["frame"][inside])
    else:
        yield kept(CHANNEL, f"{plural(len(known), 'network')} in its beacons, {most} of them without traffic")
