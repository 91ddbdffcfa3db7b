"""What a device did again and again and does no more, while it is still heard: polls, link status; and lost parents."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from analysis.features.judging import mask, plural
from analysis.features.presence import habit, heard_at, heard_rows
from analysis.rules.declare import Evidence, Frame, Subject, View, broken, c, kept, packets, rule

POLLS = packets.where(c.mac_command == "Data Request")[
    c.frame, c.seconds, c.sender, c.mac_dst, c.mac_dst_mode
]
LOST = packets.where(c.mac_command == "Orphan Notification")[c.frame, c.seconds, c.sender, c.mac_seq]
LINKS = packets.where(c.nwk_command == "Link Status")[c.frame, c.seconds, c.sender]
HOUR = 3600.0
OFTEN, STEADY = (
    0.95,
    3.0,
)  # of the pauses, those that a pace has; by how much they differ from its median at most


def _pace(pauses: Frame) -> float:
    """The longest pause that is habit; of what comes as by a clock, as its pace has it, however long it stops."""
    often = float(np.quantile(pauses, OFTEN))
    return min(habit(pauses), often) if often < STEADY * float(np.median(pauses)) else habit(pauses)


def _stopped(
    view: View, part: Frame, seconds: float, pauses: float, least: int
) -> tuple[float, int, int] | None:
    """The longest stretch in which a device did not do what `part` is, beyond its habit, while it was heard: how long,
    how often it was heard meanwhile, and the place of the last time; None where there is none."""
    times = part["seconds"].to_numpy(dtype=float)
    usual = _pace(np.diff(times)) if len(times) >= least else 0.0
    if not usual or bool((np.diff(times) < 0).any()):
        return None
    own = heard_at(view).get(int(part["sender"].iloc[0]), np.zeros(0))
    gaps = np.diff(times, append=max(view.duration, times[-1]))
    found: tuple[float, int, int] | None = None
    for at in np.flatnonzero(gaps > max(seconds, pauses * usual)):
        ends = np.array([times[at] + 1, times[at] + gaps[at] - 1])
        first, last = np.searchsorted(own, ends)
        heard = int(last - first)
        silence = np.diff(np.r_[ends[0], own[first:last], ends[1]]).max()
        if heard >= 3 and silence < 0.5 * gaps[at] and (found is None or gaps[at] > found[0]):
            found = float(gaps[at]), heard, int(at)
    return found


@rule(
    "polling-stops",
    "A sleeping device asks no more for what waits for it",
    finds="""A device that polled its parent (MAC data requests) at its pace, and then does not for far longer, although
    it sends other frames.""",
    matters="What is sent to it waits at its parent and is thrown away: commands are not executed, keys not renewed.",
    example="Gas meter (90b3d5fffe0000a1): no poll for 5,400 s behind frame 812, though 12 other frames of it were heard",
    source="IEEE 802.15.4-2011 5.3.4 (data request); robust comparison with the device's own pace",
    advice="It lost its parent or hangs: see whether the hub's messages to it are answered, then restart it",
    family="anomaly", area="presence", severity="warning", confidence="derived", cause="silence",
    requires="ten polls of one device", reads=[POLLS],
    broken_by="ordinary-day --fault polling-stops --seconds 28800 --seed 700", kept_by="ordinary-day --seconds 9000",
)  # fmt: skip
def polling_stops(
    view: View, polls: Frame, *, seconds: float = 300.0, pauses: float = 2.5, least: int = 8
) -> Iterator[Evidence]:
    """Pauses between polls, and until the end, in which the device was heard otherwise."""
    yield from _stops(view, polls, "poll", "poll", seconds, pauses, least)


@rule(
    "link-status-stops",
    "A router tells its links no more",
    finds="A router that sends other frames, but no Link Status for minutes where it sent one every 15 seconds.",
    matters="Its neighbours age it out and route around it, or nowhere: devices behind it are lost.",
    example="""Load control switch (90b3d5fffe0000a7): no Link Status for 900 s behind frame 812, though 14 other frames
    of it were heard""",
    source="ZigBee PRO 05-3474 3.6.3.4 (nwkLinkStatusPeriod)",
    advice="Its routing hangs or was switched off: restart it, and see whether the devices behind it come back",
    family="anomaly", area="presence", severity="warning", confidence="derived", cause="silence",
    requires="twenty Link Status commands of one router", reads=[LINKS],
    broken_by="ordinary-day --fault no-link-status --seconds 3000", kept_by="ordinary-day --seconds 3000",
)  # fmt: skip
def link_status_stops(
    view: View, links: Frame, *, seconds: float = 180.0, pauses: float = 4.0, least: int = 20
) -> Iterator[Evidence]:
    """Pauses between Link Status commands, and until the end, in which the router was heard otherwise."""
    yield from _stops(view, links, "Link Status", "Link Status command", seconds, pauses, least)


def _stops(
    view: View, rows: Frame, what: str, one: str, seconds: float, pauses: float, least: int
) -> Iterator[Evidence]:
    """One verdict for each sender of something that comes again and again: `what` it is, and what `one` is called."""
    for sender, part in rows.groupby("sender", sort=False):
        found, subject = _stopped(view, part, seconds, pauses, least), Subject.device(sender)
        if found is not None:
            lasts, heard, at = found
            frame = int(part["frame"].iloc[at])
            told = f"though {plural(heard, 'other frame')} of it were heard"
            text = f"no {what} for {lasts:,.0f} s behind frame {frame}, {told}"
            yield broken(subject, text, _meanwhile(view, sender, part, at, lasts))
        elif len(part) >= least:
            yield kept(subject, f"{plural(len(part), one)}, no pause while it sends")


def _meanwhile(view: View, sender: object, part: Frame, at: int, lasts: float) -> list[int]:
    """The last time that a device did it, and what it sent instead."""
    start = float(part["seconds"].iloc[at])
    rows = heard_rows(view)
    own = rows[
        mask(rows["sender"] == sender) & mask(rows["seconds"] > start) & mask(rows["seconds"] < start + lasts)
    ]
    return [int(part["frame"].iloc[at]), *own["frame"].iloc[:500].tolist()]


@rule(
    "parent-lost",
    "A device loses its parent",
    finds="Orphan notifications of a device, and polls that go to another parent than before.",
    matters="Between two parents it can be sent nothing; again and again it drains its battery and misses commands.",
    example="Gas meter (90b3d5fffe0000a1): lost its parent 4 times within an hour (orphan notifications, other parents)",
    source="IEEE 802.15.4-2011 5.1.2.1.3 (orphan scan); ZigBee PRO 05-3474 3.6.1.4.3",
    advice="Weak link to its parent, or a router that restarts: measure at the device, move it or the router",
    family="anomaly", area="presence", severity="warning", confidence="derived", cause="weak link",
    requires="polls of a sleeping device, or orphan notifications", reads=[POLLS, LOST],
    broken_by="ordinary-day --fault parent-lost --seconds 3000", kept_by="ordinary-day --seconds 9000",
)  # fmt: skip
def parent_lost(view: View, polls: Frame, orphans: Frame, *, hourly: int = 3) -> Iterator[Evidence]:
    """Both within an hour for each device; less often it only informs."""
    lost: dict[int, list[tuple[float, int]]] = {}
    for sender, part in orphans.drop_duplicates(["sender", "mac_seq"]).groupby("sender", sort=False):
        lost[int(sender)] = _apart(part)
    for sender, part in polls.groupby("sender", sort=False):
        parents = part["mac_dst"].to_numpy(dtype=float, na_value=-1)
        moved = np.r_[False, np.diff(parents) != 0]
        lost[int(sender)] = lost.get(int(sender), []) + _apart(part[moved])
    for station, events in lost.items():
        subject = Subject.device(station)
        times = np.sort([when for when, _ in events])
        most = int((np.searchsorted(times, times + HOUR) - np.arange(len(times))).max(initial=0))
        if most:
            text = (
                f"lost its parent {plural(most, 'time')} within an hour (orphan notifications, other parents)"
            )
            yield broken(subject, text, [frame for _, frame in events], None if most >= hourly else "info")
        else:
            yield kept(subject, "polls one parent")


def _apart(rows: Frame) -> list[tuple[float, int]]:
    """When something happened, and at which frame; what comes within ten seconds is one event."""
    out: list[tuple[float, int]] = []
    for when, frame in zip(rows["seconds"], rows["frame"], strict=True):
        if not out or when - out[-1][0] > 10:
            out.append((float(when), int(frame)))
    return out
