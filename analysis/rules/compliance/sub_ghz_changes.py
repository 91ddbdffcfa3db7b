"""Sub-GHz changes: how the channel changes, what the hub tells of it, and how children report their links."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from analysis.features.identifiers import MAC_COMMANDS, ZDP_COMMANDS, attribute, message_code, to_client
from analysis.features.judging import mask
from analysis.features.view import DEVICE_PROFILE, Frame, View
from analysis.findings.model import Evidence, broken, kept
from analysis.findings.subject import Subject
from analysis.rules.compliance.gbcs_messages import gbcs, hub_is_heard
from analysis.rules.compliance.han_commands import SUB_GHZ, attributes_of, commands
from analysis.rules.registry import rules_of

rule = rules_of("compliance", "sub ghz changes")

SUB_GHZ_PAGES = (28, 29, 30, 31)
CHANNEL_CHANGE = attribute(SUB_GHZ, "ChannelChange")
SUSPEND = to_client(SUB_GHZ, "Suspend Zcl Messages")
ENHANCED_UPDATE_NOTIFY = ZDP_COMMANDS["Mgmt_NWK_Unsolicited_Enhanced_Update_notify"]
ASSOCIATED, REFUSAL = (
    MAC_COMMANDS["Association Response"],
    MAC_COMMANDS.field("Association Response", "status"),
)
CHANGED_ALERT, SCAN_ALERT, DISCARD_ALERT, CAPACITY_ALERT = (
    message_code(name) for name in ("DBCH07", "DBCH08", "DBCH10", "DBCH11")
)
SHOWN: dict[str, Any] = {"smart_energy": True, "cause": "network change"}


def _moves(view: View) -> list[tuple[int, Any]]:
    """Changes of channel on the sub-GHz pages: PAN, and the first frame on the new channel."""
    packets = view.good
    rows = packets[mask(packets["page"].isin(SUB_GHZ_PAGES)) & mask(packets["channel"].notna())]
    out = []
    for pan, part in rows[mask(rows["mac_type"] == "data")].groupby("pan", sort=False):
        channel = part["channel"].to_numpy(dtype=np.int64)
        starts = np.flatnonzero(np.diff(channel)) + 1
        settled = [
            at for at in starts if (channel[at : at + 5] == channel[at]).all() and at + 5 <= len(channel)
        ]
        moves = [at for at in settled if channel[at] not in channel[:at]]
        out += [(int(pan), part[at : at + 1].iloc[0]) for at in moves]
    return out


@rule(
    "channel-change-announced",
    "The sub-GHz channel changed without notice",
    severity="warning",
    source="GBCS v3.0 10.6.2.8 as described by docs.silabs.com",
    confidence="secondary",
    merges=("rules:N16", "spec:R083", "disapplied:51"),
    absent=1,
    unseen="a change of channel on a sub-GHz page",
    advice="A sleeping gas meter that was not told stays on the old channel: see whether it is heard again",
    **SHOWN,
)
def channel_change_announced(
    view: View, *, wake: float = 1800.0, wakes: int = 4, since: int = 2
) -> Iterator[Evidence]:
    """The hub first sets its flags and the ChannelChange attribute, then waits until the gas meter has read
    them, or for two of its wake periods, and only then moves. Without an announcement the meter is lost."""
    told = attributes_of(view, SUB_GHZ, CHANNEL_CHANGE)
    told = told[mask(told["number"] > 0)]
    for pan, frame in _moves(view):
        early = mask(told["seconds"] < frame["seconds"]) & mask(
            told["seconds"] > frame["seconds"] - wakes * wake
        )
        subject = Subject.network(pan)
        text = f"channel {int(frame['channel'])} from frame {int(frame['frame'])}"
        if early.any():
            yield kept(subject, f"{text}, announced before")
        elif float(frame["seconds"]) > since * wake:
            yield broken(subject, f"{text}, ChannelChange was not told before", [frame["frame"]])


@rule(
    "channel-change-alert",
    "The hub did not tell that its channel changed",
    severity="info",
    source="table newer than GBCS v4.0 (DBCH07, DBCH08)",
    confidence="text",
    merges=("spec:R135",),
    needs=("packets", "messages"),
    unseen="a change of channel on a sub-GHz page, and messages of the hub itself for ten minutes after it",
    advice="The Access Control Broker does not know the new channel: read the hub's log",
    **SHOWN,
)
def channel_change_alert(view: View, *, seconds: float = 600.0) -> Iterator[Evidence]:
    """A change of channel is told by alert message 0x0111, the assessment of a scan by 0x0112; judged where the capture
    holds messages of the hub itself."""
    if not hub_is_heard(view):
        return
    alerts = gbcs(view, "alert")
    told = alerts.loc[mask(alerts["message_code"].isin([CHANGED_ALERT, SCAN_ALERT])), "seconds"]
    for pan, frame in _moves(view):
        if frame["seconds"] + seconds > view.duration:
            continue
        near = np.abs(told.to_numpy(dtype=float) - float(frame["seconds"])) <= seconds
        subject = Subject.network(pan)
        if near.any():
            yield kept(subject, "the change was alerted")
        else:
            yield broken(subject, f"no alert 0x0111 within {seconds:.0f} s of the change", [frame["frame"]])


def _children(view: View) -> Frame:
    packets = view.good
    rows = packets[mask(packets["page"].isin(SUB_GHZ_PAGES)) & mask(packets["nwk_type"].notna())]
    return rows[~mask(rows["origin"].isin(list(view.hub_addresses()))) & rows.known("origin")]


@rule(
    "sub-ghz-link-report",
    "A sub-GHz device does not report its link",
    severity="info",
    source="docs.silabs.com sub-ghz-client",
    confidence="secondary",
    merges=("spec:R085",),
    unseen="a device on a sub-GHz page that is heard for more than a day",
    advice="The hub cannot judge the channel without these reports: see the device's firmware",
    **SHOWN,
)
def sub_ghz_link_report(view: View, *, seconds: float = 86_400.0) -> Iterator[Evidence]:
    """Children on sub-GHz pages tell the hub how their link does (frames sent, failures, retries) by an
    unsolicited enhanced update notify of the network management."""
    rows = _children(view)
    for device, part in rows.groupby(rows["origin"].astype("UInt64"), sort=False):
        reports = part[
            mask(part["aps_cluster"] == ENHANCED_UPDATE_NOTIFY) & mask(part["aps_profile"] == DEVICE_PROFILE)
        ]
        subject = Subject.device(device)
        if len(reports):
            yield kept(subject, f"{len(reports)} reports")
        elif float(part["seconds"].iloc[-1] - part["seconds"].iloc[0]) >= seconds:
            yield broken(subject, "no report within a day", part["frame"][:1])


@rule(
    "discard-alert",
    "The hub discarded a command for a device that was not suspended",
    severity="warning",
    source="table newer than GBCS v4.0 (DBCH10, 10.6.2.1.1)",
    confidence="text",
    merges=("rules:N20", "spec:R136"),
    needs=("packets", "messages"),
    smart_energy=True,
    cause="duty cycle",
    absent=1,
    unseen="an alert message 0x0114 (command discarded), and the frames of the hour before it",
    advice="The sender must send its command again: see which devices the hub had suspended",
)
def discard_alert(view: View, *, seconds: float = 7200.0) -> Iterator[Evidence]:
    """Alert message 0x0114 says that a command was dropped because its device is suspended. Then a Suspend ZCL
    Messages command must have gone out on the HAN before. (A drop that is not alerted cannot be seen: the
    command never reaches the HAN.)"""
    alerts = gbcs(view, "alert")
    suspended = commands(view, SUSPEND)["seconds"].to_numpy(dtype=float)
    for row in alerts[mask(alerts["message_code"] == DISCARD_ALERT)].itertuples():
        if row.seconds < 3600:
            continue
        before = (suspended < row.seconds) & (suspended > row.seconds - seconds)
        subject = Subject.of_message(row.message)
        if before.any():
            yield kept(subject, "a device was suspended before")
        else:
            yield broken(subject, "a command was discarded, yet nobody was suspended", row.frames)


@rule(
    "join-refused-alert",
    "The hub refused a sub-GHz device without telling",
    severity="warning",
    source="table newer than GBCS v4.0 (DBCH11, 10.6.2.4)",
    confidence="text",
    merges=("spec:R137", "disapplied:52"),
    needs=("packets", "commands", "messages"),
    smart_energy=True,
    cause="join attack",
    absent=1,
    unseen="a refused association on a sub-GHz page, and messages of the hub itself",
    advice="The installer's system does not learn why the device stays out: read the hub's log",
)
def join_refused_alert(view: View, *, seconds: float = 600.0) -> Iterator[Evidence]:
    """A hub may refuse devices on sub-GHz when its capacity is used up; it tells it by alert message 0x0115
    with the device's identifier. Judged where the capture holds messages of the hub itself."""
    if not hub_is_heard(view):
        return
    packets, answers = view.good, view.command_rows("mac", [ASSOCIATED])
    status = answers[mask(answers["field"] == REFUSAL) & mask(answers["number"] > 0)]
    low = packets["frame"][mask(packets["page"].isin(SUB_GHZ_PAGES))]
    alerts = gbcs(view, "alert")
    told = alerts.loc[mask(alerts["message_code"] == CAPACITY_ALERT), "seconds"].to_numpy(dtype=float)
    for row in status[mask(status["frame"].isin(low))].itertuples():
        if row.seconds + seconds > view.duration:
            continue
        subject = Subject.device(row.destination)
        if ((told >= row.seconds) & (told <= row.seconds + seconds)).any():
            yield kept(subject, "refused, and the hub told it")
        else:
            yield broken(subject, f"refused at frame {row.frame}, no alert 0x0115", [row.frame])
