"""The hub's identity, and the network key of each device."""

from collections.abc import Iterator

import numpy as np

from analysis.features.identifiers import APS_COMMANDS, CLUSTERS, KEY_TYPES, MAC_COMMANDS, NWK_COMMANDS
from analysis.features.judging import mask, plural
from analysis.features.presence import sleepers
from analysis.rules.declare import Evidence, Frame, Subject, View, broken, c, commands, kept, packets, rule
from analysis.tables.lazy import numbers_of

HUB_FRAMES = packets.where(
    c.nwk_src == 0, c.mac_src == 0, c.mac_src_mode == "short", c.nwk_sender.known, ~(c.nwk_security == "bad_mic"),
)[c.frame, c.seconds, c.pan, c.nwk_sender]  # fmt: skip
SECURED = packets.where(c.nwk_key_seq.known, c.nwk_sender.known, ~(c.nwk_security == "bad_mic"))[
    c.frame, c.seconds, c.pan, c.nwk_sender, c.nwk_key_seq
]
GIVE = APS_COMMANDS["Transport Key"]
KIND, NUMBER = (APS_COMMANDS.field("Transport Key", name) for name in ("key_type", "key_sequence"))
NETWORK_KEYS = [
    KEY_TYPES[name] for name in ("Standard Network Key", "High-Security Network Key") if name in KEY_TYPES
]
GIVEN = commands.where(c.layer == "aps", c.command == GIVE, c.field.isin(KIND, NUMBER))[
    c.frame, c.seconds, c.source, c.field, c.number
]
ASSOCIATION, REJOIN = MAC_COMMANDS["Association Request"], NWK_COMMANDS["Rejoin Request"]
KEY_ESTABLISHMENT = CLUSTERS["Key Establishment"]


@rule(
    "hub-changed",
    "Another device is the hub from now on",
    finds="""The short address 0x0000 of a network that belongs to another EUI-64 from some frame on, for good; and
    whether devices joined the new one.""",
    matters="""A new hub means new keys for every device. Where none joins anew, messages and readings go to somebody who
    answers in the hub's name.""",
    example="""network 0x28a3: 0x0000 is 90b3d5fffe000fa2 since frame 812 (120 frames), before 90b3d5fffe0000a2; no
    device joined it""",
    source="ZigBee PRO 05-3474 3.6.1.1 (coordinator); GBCS CCS03, 10.7 (exchange of a hub)",
    advice="Ask whether the hub was exchanged at that time; if not, locate the new one by its signal strength",
    family="anomaly", area="identity", severity="warning", confidence="derived", cause="network change",
    requires="secured frames of the hub with its EUI-64", reads=[HUB_FRAMES],
    broken_by="ordinary-day --fault hub-changed --seconds 3000", kept_by="ordinary-day --seconds 3000",
)  # fmt: skip
def hub_changed(view: View, frames: Frame, *, least: int = 10) -> Iterator[Evidence]:
    """The hub's own frames of each network, in order: who sent the first ten and who the last ten."""
    for pan, part in frames.groupby("pan", sort=False):
        hubs, subject = numbers_of(part["nwk_sender"])[0], Subject.network(int(pan))
        first, last = int(hubs[0]), int(hubs[-1])
        at = int(np.flatnonzero(hubs == first)[-1]) + 1
        after = part.iloc[at:]
        lasting = first != last and len(after) >= least and at >= least and bool((hubs[at:] == last).all())
        if not lasting:
            yield kept(subject, f"{plural(len(part), 'frame')} of one hub, or of two that take turns")
            continue
        start = float(after["seconds"].iloc[0])
        came = _came_over(view, start)
        how = f"{plural(came, 'device')} joined it" if came else "no device joined it"
        text = (
            f"0x0000 is {last:016x} since frame {int(after['frame'].iloc[0])} ({plural(len(after), 'frame')}), "
            f"before {first:016x}; {how}"
        )
        yield broken(subject, text, after["frame"], "info" if came else None)


def _came_over(view: View, start: float) -> int:
    """How many devices associated, rejoined or established keys around the change and after it."""
    good = view.good
    rows = good[mask(good["seconds"] > start - 300)]
    joined = mask(rows["mac_command"] == ASSOCIATION) | mask(rows["nwk_command"] == REJOIN)
    joined |= mask(rows["aps_cluster"] == KEY_ESTABLISHMENT)
    return int(rows["sender"][joined].nunique())


@rule(
    "key-update-missed",
    "A device goes on with the old network key while others have the new one",
    finds="A device that sends under the old key sequence number long after the hub and most others took the new one.",
    matters="Nobody hears it any more: it is out of the network, and must rejoin or be joined anew.",
    example="""In-home display (90b3d5fffe0000a5): 12 frames under network key 0 up to 3,410 s after the others took key 1
    (frame 812)""",
    source="ZigBee PRO 05-3474 4.6.3.4 (network key update), 4.4.9.8 (Switch-Key)",
    advice="See whether its Transport-Key was acknowledged; power it off and on so that it rejoins",
    family="anomaly", area="identity", severity="warning", confidence="derived", cause="network change",
    requires="a change of the network key's sequence number", reads=[SECURED],
    broken_by="ordinary-day --fault key-update-missed --seconds 4800", kept_by="key-update",
)  # fmt: skip
def key_update_missed(
    view: View, frames: Frame, *, grace: float = 300.0, asleep: float = 4200.0, least: int = 2
) -> Iterator[Evidence]:
    """Each device behind the time at which most devices had sent under another key."""
    for _, part in frames.groupby("pan", sort=False):
        if part["nwk_key_seq"].nunique() < 2:
            continue
        newest, since, frame = _switch(part)
        if newest is None:
            continue
        for sender, own in part.groupby("nwk_sender", sort=False):
            limit = asleep if int(sender) in sleepers(view) else grace
            late = own[mask(own["seconds"] > since + limit)]
            old, subject = late[~mask(late["nwk_key_seq"] == newest)], Subject.device(sender)
            if len(old) >= least and len(old) == len(late):
                after = float(old["seconds"].iloc[-1]) - since
                key = int(old["nwk_key_seq"].iloc[-1])
                text = (
                    f"{plural(len(old), 'frame')} under network key {key} up to {after:,.0f} s "
                    f"after the others took key {newest} (frame {frame})"
                )
                yield broken(subject, text, old["frame"])
            elif len(late):
                yield kept(subject, f"uses network key {newest}")


def _switch(part: Frame) -> tuple[int | None, float, int]:
    """The key that most devices took in the end, when the second of them did, and at which frame."""
    last = part.drop_duplicates("nwk_sender", keep="last")["nwk_key_seq"].value_counts()
    newest, users = int(last.index[0]), int(last.iloc[0])
    before = part["nwk_key_seq"].iloc[0]
    if users < 2 or users * 2 <= int(last.sum()) or int(before) == newest:
        return None, 0.0, 0
    takers = part[mask(part["nwk_key_seq"] == newest)].drop_duplicates("nwk_sender")
    return newest, float(takers["seconds"].iloc[1]), int(takers["frame"].iloc[1])


@rule(
    "network-key-unused",
    "A new network key is handed out and never taken into use",
    finds="""Transport-Key commands with a network key of another sequence number than the one in use, behind which
    nobody ever sends under it.""",
    matters="""The change of the key hung: devices that took it and devices that did not may lose each other at the next
    restart.""",
    example="""Communications hub (90b3d5fffe0000a2): handed out network key 12 2 times (from frame 812 to 900);
    2,803 s later all still use key 11""",
    source="ZigBee PRO 05-3474 4.6.3.4 (network key update: Transport-Key, then Switch-Key)",
    advice="Let the hub start the change of the key again, or restart it; then see that each device follows",
    family="anomaly", area="identity", severity="warning", confidence="derived", cause="network change",
    requires="a network key that is handed out and that is not the one in use", reads=[GIVEN, SECURED],
    broken_by="home: a new network key is never taken into use", kept_by="key-update",
)  # fmt: skip
def network_key_unused(
    view: View, given: Frame, frames: Frame, *, seconds: float = 1200.0
) -> Iterator[Evidence]:
    """Each sequence number that a device handed out, against those under which frames are secured. The change may take
    some minutes, and longer where devices sleep."""
    kinds = given[given["field"] == KIND].drop_duplicates("frame").set_index("frame")["number"]
    told = given[(given["field"] == NUMBER) & given["frame"].map(kinds).isin(NETWORK_KEYS)].drop_duplicates(
        "frame"
    )
    if told.empty or frames.empty:
        return
    used, at = numbers_of(frames["nwk_key_seq"])[0], frames["seconds"].to_numpy(dtype=float)
    for (source, number), part in told.groupby(["source", "number"], sort=False):
        first, last, subject = (
            float(part["seconds"].iloc[0]),
            float(part["seconds"].iloc[-1]),
            Subject.device(source),
        )
        before = used[at < first]
        if (used == int(number)).any() or not len(before) or view.duration - first < seconds:
            yield kept(subject, f"network key {int(number)} is in use")
            continue
        times = int((np.diff(part["seconds"].to_numpy(dtype=float), prepend=-np.inf) > 10).sum())
        text = (
            f"handed out network key {int(number)} {plural(times, 'time')} (from frame {part['frame'].iloc[0]} to "
            f"{part['frame'].iloc[-1]}); {view.duration - last:,.0f} s later all still use key {int(before[-1])}"
        )
        yield broken(subject, text, part["frame"])
