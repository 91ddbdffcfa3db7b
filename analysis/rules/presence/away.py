"""A device, or a whole network, that is gone for a while and comes back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.features.identifiers import NWK_COMMANDS, ZDP_COMMANDS
from analysis.features.judging import mask, plural
from analysis.features.membership import announcements, members
from analysis.features.names import said
from analysis.features.presence import SLEEP, Presence, habit, heard_rows, presences, sleepers
from analysis.features.readings import set_forward
from analysis.rules.declare import Evidence, Frame, Subject, View, broken, kept, rule

LEAVE, REJOIN, LINK_STATUS = NWK_COMMANDS.some("Leave", "Rejoin Request", "Link Status")
ROUTER = 60.0  # seconds; four times in which a router tells its links
UPDATE = ZDP_COMMANDS["Mgmt_NWK_Update_req"]
CHANNELS = ZDP_COMMANDS.field("Mgmt_NWK_Update_req", "scan_channels")
DURATION = ZDP_COMMANDS.field("Mgmt_NWK_Update_req", "scan_duration")
CHANGE_CHANNEL = 254  # scan duration that stands for a change (ZigBee PRO 05-3474 2.4.3.3.9)
HEARD_MEANWHILE = 10  # frames of others: the sniffer was listening
TOGETHER = 0.5  # of the devices: when they are silent at one time it is the network


@dataclass(frozen=True, slots=True)
class _Pause:
    """A pause of one device that is none of its habit."""

    of: Presence
    at: int

    @property
    def start(self) -> float:
        return float(self.of.seconds[self.at])

    @property
    def end(self) -> float:
        return float(self.of.seconds[self.at + 1])

    @property
    def lasts(self) -> float:
        return self.end - self.start


def _routers(view: View) -> set[int]:
    """Devices that tell their links as by a clock (ZigBee PRO 05-3474 3.6.3.4: nwkLinkStatusPeriod, 15 s)."""
    links = view.good.only(nwk_command=LINK_STATUS)
    times = links["seconds"].to_numpy(dtype=float)
    places = {int(s): p for s, p in links.groupby("sender", sort=False).places()}
    return {
        s for s, p in places.items() if len(p) >= 20 and float(np.median(np.diff(times[p]))) <= ROUTER / 2
    }


def _pauses(view: View, seconds: float, pauses: float) -> dict[int, tuple[float, list[_Pause]]]:
    """By device: its habit, and the pauses beyond."""
    out = {}
    inside, routers = members(view), _routers(view)
    for station, one in presences(view).items():
        gaps = np.diff(one.seconds)
        usual = max(habit(gaps), SLEEP if station in sleepers(view) else 0.0)
        usual = min(usual, ROUTER) if station in routers else usual  # however often it was gone
        if station in inside and usual:
            beyond = np.flatnonzero(gaps > max(seconds, pauses * usual))
            out[station] = usual, [_Pause(one, int(at)) for at in beyond]
    return out


@rule(
    "device-away",
    "A device was gone, and came back",
    finds="""Pauses of a device that are far beyond its own habit, while others of its network are heard: how often, for
    how long, and how it came back. Where its frame counter went on meanwhile it was only not heard.""",
    matters="Meanwhile it measured, showed and switched nothing that anybody could hear; a restart may repeat.",
    example="""Electricity meter (90b3d5fffe0000a0): nothing for 2,410 s (from frame 812 to 1040), usually heard every
    10 s at least; it came back and its frame counter had begun anew""",
    source="robust comparison with the device's own pauses; ZigBee PRO 05-3474 4.3.1.1 (frame counter)",
    advice="""Power cut, restart, or out of reach at that time: ask who was there, and see its event log. A display that
    is carried about or switched off does so when all is well""",
    family="anomaly", area="presence", severity="warning", confidence="derived", cause="silence",
    requires="a device under NWK security that is heard again and again, and others that are heard meanwhile",
    broken_by="ordinary-day --fault device-away --seconds 9000",
    kept_by="ordinary-day --seconds 3000",
)  # fmt: skip
def device_away(
    view: View,
    *,
    seconds: float = 300.0,
    pauses: float = 3.0,
    portable: str = "IHD CAD PPMID",
    restart: float = 1200.0,
) -> Iterator[Evidence]:
    """The pauses of each device. Displays come and go; a hub may restart: that only informs."""
    found = _pauses(view, seconds, pauses)
    heard = heard_rows(view)
    times, pans = heard["seconds"].to_numpy(dtype=float), heard["pan"].to_numpy(dtype=float, na_value=-1)
    may_go = view.with_role(*portable.split())
    for station, (usual, all_pauses) in found.items():
        subject = Subject.device(station)
        mine = [p for p in all_pauses if _others(times[pans == p.of.pan], p) and not _of_network(found, p)]
        if not mine:
            yield kept(subject, f"no pause longer than {max(usual, 1):,.0f} s but for its network's")
            continue
        longest = max(mine, key=lambda p: p.lasts)
        told = [p.of.went_on(view, p.at) for p in mine]
        light = (
            station in may_go or all(told) or (station in view.hub_addresses() and longest.lasts <= restart)
        )
        often = f"gone {len(mine)} times, the longest: " if len(mine) > 1 else ""
        frames = [int(f) for p in mine for f in p.of.frames[p.at : p.at + 2]]
        where = f"(from frame {longest.of.frames[longest.at]} to {longest.of.frames[longest.at + 1]})"
        text = f"{often}nothing for {longest.lasts:,.0f} s {where}, usually heard every {max(usual, 1):,.0f} s at least; "
        yield broken(
            subject, text + _return(view, longest), frames, "info" if light and len(mine) < 6 else None
        )


def _others(times: npt.NDArray[np.float64], pause: _Pause) -> bool:
    """Whether the sniffer heard others of the network all the while."""
    thirds = np.linspace(pause.start + 0.5, pause.end - 0.5, 4)
    counts = np.diff(np.searchsorted(times, thirds))
    return bool((counts > 0).all()) and int(counts.sum()) >= HEARD_MEANWHILE


def _of_network(found: dict[int, tuple[float, list[_Pause]]], pause: _Pause) -> bool:
    """Whether half of the network is silent at that time."""
    pan = [pauses for _, pauses in found.values() if pauses and pauses[0].of.pan == pause.of.pan]
    every = sum(1 for _, pauses in found.values()) or 1
    middle = (pause.start + pause.end) / 2
    also = sum(any(p.start <= middle <= p.end for p in pauses) for pauses in pan)
    return every >= 3 and also > TOGETHER * every


def _return(view: View, pause: _Pause) -> str:
    """How the device came back."""
    if pause.of.went_on(view, pause.at):
        return "by its acknowledgements or frame counter it went on: the sniffer did not hear it"
    rejoined = view.good.only(nwk_command=REJOIN)
    near = mask(rejoined["seconds"] >= pause.start) & mask(rejoined["seconds"] <= pause.end + 60)
    if (near & mask(rejoined["origin"] == pause.of.station)).any():
        return "it rejoined"
    if pause.of.restarted(pause.at):
        return "it came back and its frame counter had begun anew"
    if any(
        a.eui64 == pause.of.station and pause.start < a.seconds <= pause.end + 60 for a in announcements(view)
    ):
        return "it came back and announced itself"
    return "it came back as it was"


@rule(
    "network-silent",
    "A whole network is not heard for a while",
    finds="""A network of which nobody is heard any more, or not for minutes, although its devices tell their links every
    15 seconds; and what was said last of another channel.""",
    matters="It moved to another channel and the sniffer stays behind, or hub and meters had no power.",
    example="""network 0x28a3: nobody heard any more behind frame 812, for 1,830 s, while 240 other frames were; before
    (frame 810), devices were told to change to channel 25""",
    source="ZigBee PRO 05-3474 3.6.3.4 (link status every 15 s), 2.4.3.3.9 (change of channel)",
    advice="Set the sniffer to the channel that was named, or scan for the network; ask for power cuts at that time",
    family="anomaly", area="presence", severity="warning", confidence="derived", cause="network change",
    requires="a network that is heard all the time, and its devices' frame counters or frames of others",
    broken_by="ordinary-day --fault channel-change --seconds 3000", kept_by="ordinary-day --seconds 3000",
)  # fmt: skip
def network_silent(view: View, *, seconds: float = 180.0, pauses: float = 6.0) -> Iterator[Evidence]:
    """Each network with a member: its longest pause, and its end."""
    rows, packets = heard_rows(view), view.good
    inside = list(members(view))
    for pan, part in rows[mask(rows["sender"].isin(inside))].groupby("pan", sort=False):
        times = part["seconds"].to_numpy(dtype=float)
        if len(times) < 50 or bool((np.diff(times) < 0).any()):
            continue
        gaps, subject = np.diff(times), Subject.network(int(pan))
        other = packets[~mask(packets["pan"] == pan) & ~mask(packets["mac_type"] == "ack")]
        rest = other["seconds"].to_numpy(dtype=float)
        for start, end in set_forward(view).tolist():  # no time at all
            gaps[max(int(np.searchsorted(times, start, side="right")) - 1, 0)] -= end - start
        limit = max(seconds, pauses * habit(gaps))
        at = int(gaps.argmax())
        after = rest[rest > times[-1] + 1]
        if (
            len(after) >= HEARD_MEANWHILE
            and after[-1] - times[-1] > limit
            and not _moved(view, part, times[-1])
        ):
            lasts, others = after[-1] - times[-1], plural(len(after), "other frame was", "other frames were")
            text = f"nobody heard any more behind frame {part['frame'].iloc[-1]}, for {lasts:,.0f} s, while {others}"
            text += _said_last(view, times[-1])
            yield broken(subject, text, _last_frames(view, part, times[-1]))
        elif gaps[at] > limit:
            yield _came_back(view, subject, part, at, rest)
        else:
            yield kept(subject, f"somebody is heard every {gaps[at]:,.0f} s at least")


def _came_back(view: View, subject: Subject, part: Frame, at: int, rest: Frame) -> Evidence:
    """A pause of the whole network; what was not heard by the sniffer, or may be so, only informs."""
    times = part["seconds"].to_numpy(dtype=float)
    start, end = float(times[at]), float(times[at + 1])
    told = [
        one.went_on(view, int(np.searchsorted(one.seconds, start, side="right")) - 1)
        for one in presences(view).values()
        if one.seconds[0] <= start and one.seconds[-1] >= end
    ]
    told = [one for one in told if one is not None]
    meanwhile = int(((rest > start + 1) & (rest < end - 1)).sum())
    silent = (bool(told) and not _most(told)) or (not told and meanwhile >= HEARD_MEANWHILE)
    frames = part["frame"].to_numpy()[at : at + 2]
    text = f"nobody heard for {end - start:,.0f} s (from frame {frames[0]} to {frames[1]})"
    if _most(told):
        why = ": by their frame counters devices went on sending: the sniffer did not hear them"
    elif silent:
        why = (
            f", while {plural(meanwhile, 'other frame was', 'other frames were')}"
            if meanwhile
            else ": nobody sent"
        )
    else:
        why = ": no power, another channel, or the recording paused"
    return broken(subject, text + why + _said_last(view, start), frames, None if silent else "info")


def _most(told: list[bool | None]) -> bool:
    """Whether most of those that tell went on."""
    return 2 * sum(map(bool, told)) > len(told)


def _moved(view: View, part: Frame, last: float) -> bool:
    """Whether a device of the network is heard later in another one: that is told by other rules."""
    later = heard_rows(view)
    later = later[mask(later["seconds"] > last)]
    return bool(mask(later["sender"].isin(part["sender"].unique().tolist())).any())


def _orders(view: View, last: float) -> Frame:
    """Commands to change the channel in the ten minutes before."""
    fields = view.command_rows("zdp").only(cluster=UPDATE)
    fields = fields[mask(fields["seconds"] <= last + 5) & mask(fields["seconds"] > last - 600)]
    change = fields["frame"][mask(fields["field"] == DURATION) & mask(fields["number"] == CHANGE_CHANNEL)]
    return fields[mask(fields["field"] == CHANNELS) & mask(fields["frame"].isin(change.tolist()))]


def _said_last(view: View, last: float) -> str:
    orders = _orders(view, last)
    if orders.empty:
        return ""
    row = orders.iloc[-1]
    channel = said(row["meaning"], said(row["value"], "another"))
    return f"; before (frame {int(row['frame'])}), devices were told to change to channel {channel}"


def _last_frames(view: View, part: Frame, last: float) -> list[int]:
    return [*_orders(view, last)["frame"].tolist(), *part["frame"].iloc[-3:].tolist()]
