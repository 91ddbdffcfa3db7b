"""A device's rhythm: one that floods another with requests, one that falls silent."""

from collections.abc import Iterator

import numpy as np

from analysis.features.identifiers import CLUSTERS, NWK_COMMANDS
from analysis.features.judging import close_together, groups_by, groups_of, key_of, mask, spread
from analysis.features.presence import SLEEP, habit, heard_at, heard_rows, sleepers
from analysis.features.stations import NO_SHORT
from analysis.features.view import Frame, View
from analysis.findings.model import Evidence, broken, kept
from analysis.findings.subject import Subject
from analysis.rules.registry import rules_of
from analysis.tables.lazy import numbers_of

rule = rules_of("anomaly", "rhythm")

LEAVE, LINK_STATUS = NWK_COMMANDS.some("Leave", "Link Status")
# Blocks of firmware and pieces of messages come in bursts when all is well; they have rules of their own.
BURSTS = CLUSTERS.some("OTA Upgrade", "Tunneling", "Key Establishment")


ONE_OF_A_HOME = frozenset(["ESME", "GSME", "PPMID", "CHF"])
"""Roles of which a home has one as a rule: where another comes, it is in the place of the first."""


@rule(
    "request-flood",
    "A device asks the same thing over and over",
    severity="warning",
    source="attack: duty-cycle exhaustion of the hub; GBCS alerts 0x8F20 to 0x8F24",
    confidence="derived",
    merges=("attacks:A42",),
    cause="duty cycle",
    unseen="readable application requests",
    advice="Find out why it repeats the request: no answer, a fault in its software, or malice",
)
def request_flood(
    view: View, *, requests: int = 40, window: float = 60.0, factor: float = 5.0
) -> Iterator[Evidence]:
    """The same request (cluster and command) from one device to another, dozens within a minute and many
    times its usual pace. It uses up the air time, on sub-GHz channels also the hub's duty cycle, and drowns
    the others. Firmware blocks and tunnels are not counted."""
    packets = view.good
    rows = packets.only(zcl_direction="to-server")
    rows = rows[
        mask(rows["zcl_command"].notna())
        & mask(rows["nwk_dst"] < NO_SHORT)
        & rows.known("origin")
        & ~mask(rows["aps_cluster"].isin(BURSTS))
    ]
    if rows.empty:
        return
    rows = rows[~_again(rows)]
    worst: dict[int, tuple[int, Frame]] = {}
    seconds_of, origins = rows["seconds"].to_numpy(dtype=float), numbers_of(rows["origin"])[0]
    for places in groups_by(rows, "origin", "target", "aps_cluster", "zcl_type", "zcl_command"):
        times = seconds_of[places]
        within = np.searchsorted(times, times + window) - np.arange(len(times))
        at = int(within.argmax())
        flood = within[at] >= requests and within[at] > factor * _usual(times, window, view.span)
        origin = int(origins[places[0]])
        if flood or origin not in worst:
            inside = _crowded(times, window, requests / 2) if flood else slice(0, 0)
            worst[origin] = (int(within[at]), rows.iloc[places[inside]])
    for origin, (most, crowd) in worst.items():
        if len(crowd):
            text = f"{most} of the same request within {window:.0f} s ({spread(crowd)})"
            yield broken(Subject.device(origin), text, crowd["frame"])
        else:
            yield kept(Subject.device(origin), "no request in floods")


def _again(rows: Frame) -> Frame:
    """Whether a row is a retry or a hop of the same request: same sender and numbers within a second."""
    seconds = rows["seconds"].to_numpy(dtype=float)
    sequence, counter = (
        np.where(known, numbers, 0).astype(np.uint16)
        for numbers, known in (numbers_of(rows["zcl_seq"]), numbers_of(rows["aps_counter"]))
    )
    near = close_together(sequence << 8 | counter, seconds, 1.0)
    said = rows.iloc[near]
    keys = key_of(said, "origin", "target", "aps_cluster", "zcl_command", "zcl_seq", "aps_counter")
    order, starts = groups_of(keys)
    out = np.zeros(len(rows), dtype=bool)
    out[near[order]] = ~starts & (np.diff(seconds[near[order]], prepend=-np.inf) < 1.0)
    return out


def _usual(times: Frame, window: float, duration: float) -> float:
    """The number in the median window of those that have any, without the fullest stretch of windows: what
    happens once is not usual, however long it lasts."""
    counts = np.bincount(np.floor_divide(times, window).astype(int))
    busy = np.flatnonzero(counts > 0)
    if duration <= 4 * window or len(busy) <= 8:
        return 0.0
    edges = np.r_[0, np.flatnonzero(np.diff(busy) > 1) + 1, len(busy)]
    crowded = np.flatnonzero(np.maximum.reduceat(counts[busy], edges[:-1]) >= counts.max() / 2)
    fullest = busy[edges[crowded[0]] : edges[crowded[0] + 1]]
    once = len(crowded) == 1 and len(fullest) * window < 0.8 * duration
    rest = np.delete(counts, fullest) if once else counts
    rest = rest[rest > 0]
    return float(np.median(rest)) if len(rest) else 0.0


def _crowded(times: Frame, window: float, least: float) -> Frame:
    """Which of `times` have at least `least` others within a window around them."""
    half = window / 2
    near = np.searchsorted(times, times + half) - np.searchsorted(times, times - half)
    return near >= least


@rule(
    "device-silent",
    "A device fell silent",
    severity="warning",
    source="robust comparison with the device's own pauses",
    confidence="derived",
    merges=(),
    cause="silence",
    unseen="a device that sent at least four times, with pauses between, and others that go on after it",
    advice="Battery, power, or out of reach: ask for its last alerts and visit it",
)
def device_silent(
    view: View, *, pauses: float = 2.5, seconds: float = 600.0, least: int = 4, others: int = 50,
    portable: str = "IHD CAD",
) -> Iterator[Evidence]:  # fmt: skip
    """A device that sent again and again, and from some frame on nothing for far longer than the pauses that are its
    habit, while others in its network are heard as before. A device that left, was replaced, or moved to
    another network is not silent; a display that can be carried about or switched off only informs."""
    rows = heard_rows(view)
    if rows.empty:
        return
    ends, members, may_go = _ends(rows), _members(rows), view.with_role(*portable.split())
    heard = heard_at(view)
    for station, part in rows.groupby("sender", sort=False):
        if station not in members:
            continue
        times = np.sort(heard[station], kind="stable")  # they mostly are in order
        gaps = np.diff(times)
        gaps = gaps[gaps > 1.0]
        if len(gaps) + 1 < least:
            continue
        pan = part["pan"].iloc[-1]
        longest = max(habit(gaps), SLEEP if station in sleepers(view) else 0.0)
        subject = Subject.device(station)
        if ends is not None:
            silent = max(ends.get((int(pan), station), -np.inf) - times[-1], 0.0)
            if silent <= max(seconds, pauses * longest):
                yield kept(subject, f"no pause longer than {max(longest, silent):,.0f} s")
                continue
        rest = rows[mask(rows["pan"] == pan) & ~rows.among("sender", [station])]
        after = rest[mask(rest["seconds"] > times[-1])]
        silent = (float(after["seconds"].iloc[-1]) - times[-1]) if len(after) else 0.0
        long_silence = silent > seconds and silent > pauses * longest and len(after) >= others
        present = times[-1] - times[0] > max(2 * longest, seconds)
        if long_silence and present and not _gone(view, part, after):
            text = f"silent for {silent:,.0f} s, its longest pause before was {longest:,.0f} s"
            last, heir = (int(station), float(times[-1])), _heir(view, int(station), after)
            level = "info" if heir is not None or station in may_go else None
            if heir is not None:
                text += f"; {view.label(heir)} came into its place"
            yield broken(subject, text, part["frame"].iloc[-3:], level, silent=last)
        else:
            yield kept(subject, f"no pause longer than {max(longest, silent):,.0f} s")


def _members(rows: Frame) -> set[int]:
    """Stations that were in a network: heard under NWK security, or as a party of one that has none. A stranger that
    asked to join, or a neighbour's device that passed by, does not fall silent."""
    routed = rows[mask(rows["nwk_type"].notna()) & ~mask(rows["nwk_security"] == "bad_mic")]
    secured = routed[~mask(routed["nwk_security"] == "none")]
    open_pans = set(routed["pan"].dropna().unique()) - set(secured["pan"].dropna().unique())
    inside = {int(s) for s in secured.values("sender")}
    return inside | {
        int(s) for s in routed["sender"][mask(routed["pan"].isin(list(open_pans)))].dropna().unique()
    }


def _ends(rows: Frame) -> dict[tuple[int, int], float] | None:
    """By PAN and station: when another station of the PAN was heard last; None where times run back."""
    seconds = rows["seconds"].to_numpy(dtype=float)
    if not bool((np.diff(seconds) >= 0).all()):
        return None
    last: dict[int, list[tuple[float, int]]] = {}
    for (pan, station), part in rows.groupby(["pan", "sender"]):
        last.setdefault(pan, []).append((float(part["seconds"].iloc[-1]), station))
    out = {}
    for pan, heard in last.items():
        heard.sort(reverse=True)
        for _, station in heard:
            others = [when for when, other in heard[:2] if other != station]
            out[pan, station] = others[0] if others else -np.inf
    return out


def _gone(view: View, part: Frame, after: Frame) -> bool:
    """Whether the device left, or another one has its short address now."""
    last = part.iloc[-1]
    if mask(part["nwk_command"] == LEAVE).any():
        return True
    packets = view.good
    told = packets.only(nwk_command=LEAVE)
    told = told[mask(told["target"] == last["origin"])]
    if len(told):
        return True
    heirs = after[mask(after["nwk_src"] == last["nwk_src"]) & mask(after["sender"] == after["origin"])]
    return len(heirs) > 0


def _heir(view: View, station: int, after: Frame) -> int | None:
    """A device of the same role that is heard for the first time behind the last frame of `station`: the one that it was
    exchanged for."""
    role = view.roles.get(station)
    if role is None or role not in ONE_OF_A_HOME:
        return None
    packets, since = view.good, float(after["seconds"].iloc[0])
    others = view.with_role(role) - {station}
    rows = packets[mask(packets["sender"].isin(list(others)))]
    first = rows.groupby("sender", sort=False)["seconds"].min()
    came = first[first >= since]
    return int(came.index[0]) if len(came) else None


@rule(
    "broadcast-flood",
    "A device floods the network with broadcasts",
    severity="warning",
    source="ZigBee PRO 05-3474 3.6.5 (broadcast transaction table)",
    confidence="derived",
    merges=("attacks:A42",),
    cause="duty cycle",
    unseen="NWK broadcasts",
    advice="Every router repeats each of them: find out what the device looks for, or who speaks in its name",
)
def broadcast_flood(view: View, *, broadcasts: int = 40, window: float = 60.0) -> Iterator[Evidence]:
    """Each broadcast is repeated by all routers and takes a place in their tables for nine seconds. Dozens a
    minute of one device stop the network. Link status frames are not counted: they go one hop."""
    packets = view.good
    rows = packets[
        mask(packets["nwk_dst"] >= NO_SHORT)
        & ~mask(packets["nwk_command"] == LINK_STATUS)
        & packets.known("origin")
    ]
    rows = rows[mask(rows["nwk_security"] != "bad_mic")]
    for origin, part in rows.groupby("origin", sort=False):
        own = part[mask(part["mac_src"] == part["nwk_src"])]
        times = own["seconds"].to_numpy(dtype=float)
        within = np.searchsorted(times, times + window) - np.arange(len(times))
        most = int(within.max()) if len(within) else 0
        if most >= broadcasts:
            crowd = own[_crowded(times, window, broadcasts / 2)]
            yield broken(
                Subject.device(origin), f"{most} within {window:.0f} s ({spread(crowd)})", crowd["frame"]
            )
        else:
            yield kept(Subject.device(origin), f"at most {most} broadcasts within {window:.0f} s")
