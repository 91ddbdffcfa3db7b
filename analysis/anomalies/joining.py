"""Attacks on joining and leaving at the MAC layer: floods, forged orphans, realignments, disassociation."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from analysis.findings import Evidence, broken, kept, rule
from analysis.judging import count, judge, mask, plural, spread
from analysis.repeats import repeats
from analysis.view import Frame, View

ASSOCIATION, ANSWER, DISASSOCIATION, DATA_REQUEST, ORPHAN, REALIGNMENT = 0x01, 0x02, 0x03, 0x04, 0x06, 0x08
MAC_COMMANDS = "MAC commands"


def _mac(view: View, command: int) -> Frame:
    packets = view.good
    return packets[mask(packets["mac_command"] == command)]


@rule(
    "association-flood",
    "Many strangers ask to associate",
    severity="error",
    source="KillerBee zbassocflood",
    confidence="secondary",
    merges=("attacks:A05",),
    cause="join attack",
    unseen="MAC association requests",
    advice=(
        "Unless many devices are being installed: locate the sender, it makes up addresses to fill "
        "the hub's tables"
    ),
)
def association_flood(
    view: View, *, strangers: int = 10, window: float = 60.0, rate: float = 5.0
) -> Iterator[Evidence]:
    """Association requests of ever new EUI-64s within a minute, or many a second, fill the neighbour tables
    of a hub so that true devices cannot join."""
    rows = _mac(view, ASSOCIATION)
    for pan, part in rows.groupby("mac_dst_pan", sort=False):
        subject = f"PAN 0x{int(pan):04x}"
        seconds = part["seconds"].to_numpy(dtype=float)
        who = part["mac_src"].astype("UInt64").to_numpy(dtype="uint64", na_value=0)
        most, start, end = _most_distinct(seconds, who, window)
        fast = int((np.searchsorted(seconds, seconds + 1.0) - np.arange(len(seconds))).max())
        if most >= strangers or fast > rate:
            hits = part.iloc[start:end] if most >= strangers else part
            text = f"{plural(most, 'device')} within {window:.0f} s, up to {fast} requests a second"
            yield broken(subject, f"{text} ({spread(hits)})", hits["frame"])
        else:
            yield kept(
                subject, f"{plural(len(part), 'association request')}, {most} devices in {window:.0f} s"
            )


def _most_distinct(seconds: Frame, who: Frame, window: float) -> tuple[int, int, int]:
    """The window with the most distinct values: how many, and its bounds."""
    ends = np.searchsorted(seconds, seconds + window, side="right")
    counts = [len(np.unique(who[i:e])) for i, e in enumerate(ends[:5000])]
    at = int(np.argmax(counts))
    return counts[at], at, int(ends[at])


@rule(
    "association-of-present-device",
    "A device that is present asks to associate",
    severity="warning",
    source="KillerBee zbkey",
    confidence="secondary",
    merges=("attacks:A04",),
    cause="join attack",
    unseen="MAC association requests",
    advice="Somebody may use the EUI-64 of a joined device to be given its key: compare signal strengths",
)
def association_of_present_device(
    view: View, *, silent: float = 3600.0, after: float = 3600.0
) -> Iterator[Evidence]:
    """An association request carries the EUI-64 of a device that sent secured data just before and goes on
    with rising counters just after: it has no reason to join again, so somebody else uses its name."""
    packets = view.good
    secured = packets[mask(packets["nwk_security"] == "ok") | mask(packets["nwk_security"] == "no_key")]
    for row in _mac(view, ASSOCIATION).itertuples():
        if pd.isna(row.mac_src):
            continue
        mine = secured[mask(secured["sender"] == row.mac_src)]
        gap = mine["seconds"] - row.seconds
        before, later = mine[mask((gap < 0) & (gap > -silent))], mine[mask((gap > 0) & (gap < after))]
        counters = pd.concat([before["nwk_counter"], later["nwk_counter"]]).dropna()
        subject = view.label(row.mac_src)
        if not (len(before) and len(later) and counters.is_monotonic_increasing):
            yield kept(subject, f"asks to associate at frame {row.frame}, was not on the network")
        elif mask((later["aps_profile"] == 0) & (later["aps_cluster"] == 0x0013)).any() or _moved(
            before, later
        ):
            yield kept(
                subject, f"asks to associate at frame {row.frame} and announces itself: it joined again"
            )
        else:
            text = f"asks to associate at frame {row.frame} while it sends secured frames before and after"
            readable = mask(later["nwk_security"] == "ok").any()
            yield broken(subject, text, [row.frame, *view.frames_of(later[:3])], None if readable else "info")


def _moved(before: Frame, later: Frame) -> bool:
    """Whether the device has another short address than before: it did join again."""
    old, new = before["nwk_src"].dropna(), later["nwk_src"].dropna()
    return bool(len(old) and len(new) and old.iloc[-1] != new.iloc[0])


@rule(
    "association-answer-rogue",
    "Two devices answer one association",
    severity="error",
    source="ZigBee PRO 05-3474 3.6.1.4",
    confidence="recalled",
    merges=("rules:N24",),
    cause="join attack",
    unseen="MAC association responses",
    advice="Only the chosen parent answers: the other one is a rogue or a cloned parent",
)
def association_answer_rogue(view: View, *, seconds: float = 5.0) -> Iterator[Evidence]:
    """A device asks one parent to associate, and that parent answers. Answers of two EUI-64s to one joiner
    at one time mean that somebody plays the parent."""
    rows = _mac(view, ANSWER)
    for joiner, part in rows.groupby(rows["mac_dst"].astype("UInt64"), sort=False):
        near = part[mask(part["seconds"].diff() < seconds) | mask(part["seconds"].diff(-1) > -seconds)]
        if near["mac_src"].nunique() > 1:
            names = ", ".join(view.label(s) for s in near["mac_src"].dropna().unique())
            yield broken(view.label(joiner), f"was answered by {names}", near["frame"])
        else:
            yield kept(view.label(joiner), f"{plural(len(part), 'association response')} of one parent")


@rule(
    "orphan-forged",
    "An orphan notification of a device that is not orphaned",
    severity="error",
    source="KillerBee zborphannotify",
    confidence="secondary",
    merges=("attacks:A08",),
    cause="join attack",
    unseen="MAC orphan notifications",
    advice="Compare signal strengths: the forger's differs from the device's",
)
def orphan_forged(
    view: View, *, seconds: float = 5.0, decibels: float = 10.0, alive: float = 120.0
) -> Iterator[Evidence]:
    """An orphan has lost its parent and is silent otherwise. A notification between ordinary data frames of
    the same device, at another signal strength, comes from somebody else."""
    data = view.good[mask(view.good["mac_type"] == "data")]
    for row in _mac(view, ORPHAN).itertuples():
        subject = view.label(row.sender)
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
        if awake and apart > decibels:
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
    rejoined = mask(between["nwk_command"] == 0x06) & mask(between["origin"] == orphan.sender)
    return not (helped | rejoined).any()


@rule(
    "realignment-forged",
    "A coordinator realignment that nobody asked for",
    severity="error",
    source="KillerBee zbrealign",
    confidence="secondary",
    merges=("attacks:A09",),
    cause="forged command",
    unseen="MAC coordinator realignments",
    advice="Devices that obeyed have moved to the PAN or channel it names: look for them there",
)
def realignment_forged(view: View, *, seconds: float = 1.0) -> Iterator[Evidence]:
    """A coordinator realigns a device that reported to be an orphan. Without such a report just before, the
    command tries to drag devices away."""
    orphans = _mac(view, ORPHAN)["seconds"].to_numpy(dtype=float)
    rows = _mac(view, REALIGNMENT)
    asked = np.array(
        [bool(((s - orphans >= 0) & (s - orphans <= seconds)).any()) for s in rows["seconds"]], bool
    )
    yield from judge(view, rows, ~asked, "{bad} without an orphan notification before")


@rule(
    "disassociation",
    "A disassociation command",
    severity="warning",
    source="IEEE 802.15.4 7.3.3; not used by ZigBee PRO",
    confidence="secondary",
    merges=("attacks:A22",),
    cause="forged command",
    unseen=MAC_COMMANDS,
    advice="ZigBee devices leave by the NWK Leave command: find out who sent this one",
)
def disassociation(view: View) -> Iterator[Evidence]:
    """ZigBee PRO does not use the MAC's own disassociation. The command is unsecured, so anybody can send
    it in the name of a device or its parent."""
    rows = view.good[mask(view.good["mac_command"].notna())]
    yield from judge(view, rows, mask(rows["mac_command"] == DISASSOCIATION), "{bad} with a disassociation")


@rule(
    "leave-flood",
    "Many devices are told to leave",
    severity="error",
    source="Zillner (2015); Zigator injection set",
    confidence="secondary",
    merges=("attacks:A21",),
    cause="forged command",
    unseen="NWK Leave commands or MAC disassociations",
    advice="Unless the hub removes devices on purpose: see who sends the commands and whether devices obey",
)
def leave_flood(view: View, *, commands: int = 5, window: float = 60.0) -> Iterator[Evidence]:
    """Several Leave commands or disassociations within a minute are not how a network is run: somebody
    throws devices out."""
    packets = view.good
    rows = packets[mask(packets["nwk_command"] == 0x04) | mask(packets["mac_command"] == DISASSOCIATION)]
    if rows.empty:
        return
    seconds = rows["seconds"].to_numpy(dtype=float)
    within = np.searchsorted(seconds, seconds + window, side="right") - np.arange(len(seconds))
    at = int(within.argmax())
    burst = rows.iloc[at : at + int(within[at])]
    first = burst.drop_duplicates(["mac_src", "mac_dst", "mac_seq"])
    if len(first) >= commands:
        yield broken(
            "network", f"{plural(len(first), 'command')} to leave within {window:.0f} s", burst["frame"]
        )
    else:
        yield kept(
            "network", f"{plural(len(rows), 'command')} to leave, at most {len(first)} in {window:.0f} s"
        )


@rule(
    "leave-source",
    "A Leave request from a device that may not give one",
    severity="warning",
    source="ZigBee PRO 05-3474 3.6.1.10",
    confidence="recalled",
    merges=("rules:N13", "attacks:A21"),
    needs=("packets", "commands"),
    cause="forged command",
    unseen="a readable NWK Leave command with its request bit",
    advice="Only the trust centre or the parent may tell a device to leave",
)
def leave_source(view: View) -> Iterator[Evidence]:
    """A Leave with the request bit tells another device to go. It counts only from the trust centre
    (0x0000) or from the device's parent; a device that leaves by itself announces it to all."""
    packets = view.good
    rows = packets[mask(packets["nwk_command"] == 0x04) & mask(packets["nwk_security"] == "ok")]
    requests = view.command_rows("nwk", [0x04])
    requests = requests[
        mask(requests["field"].astype(str).str.contains("request")) & mask(requests["number"] == 1)
    ]
    rows = rows[mask(rows["frame"].isin(requests["frame"]))]
    relays = set(packets.loc[mask(packets["nwk_command"] == 0x08), "nwk_src"].dropna().tolist()) | {0}
    yield from judge(
        view, rows, ~mask(rows["nwk_src"].isin(list(relays))), "{bad} telling another device to leave"
    )


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
def rejoin_loop(view: View, *, requests: int = 3, window: float = 300.0) -> Iterator[Evidence]:
    """A device that rejoins several times within minutes does not get an answer, or does not get it
    whole."""
    packets = view.good
    rows = packets[mask(packets["nwk_command"] == 0x06)].drop_duplicates(["mac_src", "mac_dst", "mac_seq"])
    for sender, part in rows.groupby(rows["origin"].astype("UInt64"), sort=False):
        seconds = part["seconds"].to_numpy(dtype=float)
        most = int((np.searchsorted(seconds, seconds + window) - np.arange(len(seconds))).max())
        if most >= requests:
            yield broken(
                view.label(sender), f"{plural(most, 'request')} within {window:.0f} s", part["frame"]
            )
        else:
            yield kept(
                view.label(sender), f"{plural(len(part), 'rejoin request')}, {most} within {window:.0f} s"
            )


@rule(
    "announce-forged",
    "A device is announced under a new address without having joined",
    severity="error",
    source="Zigator injection set (deviceannce, updatedevice)",
    confidence="secondary",
    merges=("attacks:A23",),
    needs=("packets", "commands"),
    cause="join attack",
    unseen="a readable Device_annce",
    advice="Compare with the device's own frames: does it still use its old address?",
)
def announce_forged(view: View, *, seconds: float = 1900.0) -> Iterator[Evidence]:
    """Device_annce tells the network the short address of an EUI-64. An announcement that moves a device to
    a new address while it goes on under the old one diverts its traffic."""
    fields = view.command_rows("zdp")
    fields = fields[mask(fields["cluster"] == 0x0013)]
    names = fields["field"].astype(str)
    short = fields[mask(names.str.contains("nwk|short", case=False))].drop_duplicates("frame")
    eui = fields[mask(names.str.contains("ieee|eui", case=False))].drop_duplicates("frame")
    pairs = short[["frame", "seconds", "number"]].merge(eui[["frame", "value"]], on="frame")
    packets = view.good
    for row in pairs.itertuples():
        who = _eui(row.value)
        mine = (
            packets[mask(packets["nwk_src_eui64"] == who) & mask(packets["nwk_security"] == "ok")]
            if who
            else packets[:0]
        )
        after = mine[mask((mine["seconds"] > row.seconds) & (mine["seconds"] < row.seconds + seconds))]
        stays = after[mask(after["nwk_src"] != row.number)]
        if len(stays):
            text = f"announced as 0x{int(row.number):04x} at frame {row.frame}, yet goes on as another"
            yield broken(view.label(who), text, [row.frame, *view.frames_of(stays[:5])])
        else:
            yield kept(view.label(who), f"announced as 0x{int(row.number or 0):04x} at frame {row.frame}")


def _eui(value: object) -> int | None:
    """An EUI-64 written as a decimal number, or as hexadecimal digits with or without marks between."""
    text = str(value).replace(":", "").removeprefix("0x")
    try:
        return int(text) if text.isdecimal() and len(text) > 16 else int(text, 16)
    except ValueError:
        return None


@rule(
    "key-request-polls",
    "A new joiner polls for the key in a row",
    severity="info",
    source="KillerBee zbkey",
    confidence="secondary",
    merges=("attacks:A04",),
    cause="join attack",
    unseen="a MAC association",
    advice="Ordinary joins poll a few times; a tool polls at once and without pause",
)
def key_request_polls(view: View, *, polls: int = 10, seconds: float = 2.0) -> Iterator[Evidence]:
    """After an association response the joiner polls its parent for the key. More than ten polls within two
    seconds are the handwriting of a tool, or of a device whose polls stay unanswered."""
    sent = repeats(view)
    requests = sent[mask(sent["mac_command"] == DATA_REQUEST) & ~mask(sent["retry"])]
    for row in _mac(view, ANSWER).itertuples():
        after = requests[
            mask((requests["seconds"] > row.seconds) & (requests["seconds"] < row.seconds + seconds))
        ]
        mine = after[mask(after["mac_dst"].notna())]
        if len(mine) > polls:
            yield broken(
                view.label(row.mac_dst), f"{count(mine)} of polling within {seconds:.0f} s", mine["frame"]
            )
        else:
            yield kept(view.label(row.mac_dst), f"{plural(len(mine), 'poll')} after its association")


@rule(
    "duplicate-address",
    "Two devices under one short address",
    severity="error",
    source="ZigBee PRO 05-3474 3.6.1.9 (address conflicts)",
    confidence="secondary",
    merges=("attacks:A39", "attacks:A23"),
    cause="join attack",
    unseen="secured frames that carry the EUI-64 of their sender",
    advice="The network should resolve it by itself; if it lasts, restart the younger device",
)
def duplicate_address(view: View, *, swaps: int = 2) -> Iterator[Evidence]:
    """The auxiliary header of a secured frame names the EUI-64 that sent it. Two of them in turn under one
    short address are two devices with one address, or a clone."""
    packets = view.good
    own = mask(packets["mac_src"] == packets["nwk_src"]) & mask(packets["mac_src_mode"] == "short")
    rows = packets[own & mask(packets["nwk_sender"].notna()) & ~mask(packets["nwk_security"] == "none")]
    sizes = rows["nwk_sender"].groupby([rows["pan"], rows["mac_src"]]).nunique() if len(rows) else {}
    for (pan, short), number in dict(sizes).items():
        subject = f"0x{int(short):04x} in PAN 0x{int(pan):04x}"
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


@rule(
    "join-fails",
    "A device is given keys again and again, and never comes in",
    severity="warning",
    source="ZSE 1.2a 5.4 (install codes)",
    confidence="secondary",
    merges=("rules:Z04", "rules:Z05", "rules:N05", "spec:R137"),
    cause="silence",
    unseen="Transport-Key commands, or enciphered APS commands without NWK security, to a joiner",
    advice="Wrong install code at the hub, or a weak link: compare the code with the label",
)
def join_fails(view: View, *, times: int = 3, seconds: float = 120.0) -> Iterator[Evidence]:
    """The last hop of a join brings the network key under the joiner's own link key. If the hub repeats it
    to one address and that device never sends a secured frame, the two do not agree about the install
    code."""
    packets = view.good
    shut = mask(packets["aps_type"] == "command") & mask(packets["aps_security"] == "no_key")
    rows = packets[
        mask(packets["nwk_security"] == "none")
        & (mask(packets["aps_command"] == 0x05) | shut)
        & mask(packets["nwk_dst"] < 0xFFF8)
    ]
    secured = packets[mask(packets["nwk_security"].isin(["ok", "no_key"]))]
    for (pan, short), part in rows.groupby(["pan", "nwk_dst"], sort=False):
        first = float(part["seconds"].iloc[0])
        came = (
            mask(secured["nwk_src"] == short) & mask(secured["pan"] == pan) & mask(secured["seconds"] > first)
        )
        tries = part.drop_duplicates(["mac_seq", "mac_src"])
        target = part["target"].iloc[0]
        subject = view.label(target) if pd.notna(target) else f"0x{int(short):04x}"
        if came.any():
            yield kept(subject, "came in after it was given a key")
        elif len(tries) >= times and view.duration - first > seconds:
            yield broken(
                subject, f"{plural(len(tries), 'key')} sent to it, no secured frame from it", part["frame"]
            )
