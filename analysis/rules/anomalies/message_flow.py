"""Messages that stop on their way: no answers, blocks that never come, top-ups tried over and over."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.features.completeness import completeness
from analysis.features.identifiers import CLUSTERS, enumeration, to_client, to_server
from analysis.features.judging import groups_of, key_of, mask, plural
from analysis.features.messages import MESSAGES, fragments
from analysis.features.names import missing, said
from analysis.features.polls import POLL
from analysis.features.view import SMART_ENERGY_PROFILE, Frame, View
from analysis.findings.model import Evidence, broken, kept
from analysis.findings.subject import NETWORK, Subject
from analysis.rules.compliance.gbcs_messages import gbcs, in_tunnels, party, station_of
from analysis.rules.named_rows import ClusterCommands
from analysis.rules.registry import rules_of
from dissectors.zigbee import FRAGMENT

rule = rules_of("anomaly", "message flow")

PREPAYMENT, TUNNELING = CLUSTERS.some("Prepayment", "Tunneling")
TOP_UP_ANSWER = to_client(PREPAYMENT, "Consumer Top Up Response")
RESULT = TOP_UP_ANSWER.field("result_type")
DATA_THERE, DATA_BACK = to_server(TUNNELING, "Transfer Data"), to_client(TUNNELING, "Transfer Data")
TRANSFERS, DATA, HEADER_OCTETS = (DATA_BACK.id, DATA_THERE.id), DATA_THERE.field("data"), 2
ACCEPTED = [number for label, number in enumeration("ResultType").items() if label.startswith("Accepted")]
ANSWER_FRAMES = 1  # of an answer, of which not a piece was heard: one frame at least


@rule(
    "device-unresponsive",
    "A device takes commands and does not answer",
    severity="warning",
    hearing=True,
    source="GBCS 6.4; robust comparison with the device's other answers",
    confidence="derived",
    needs=("packets", "messages"),
    cause="silence",
    unseen="two commands to a device that is heard, with the capture going on after them",
    advice="See whether the device restarts, refuses the sender, or lost its tunnel; read its event log",
)
def device_unresponsive(
    view: View, *, times: int = 2, seconds: float = 300.0, sleeping: float = 7200.0
) -> Iterator[Evidence]:
    """Commands reach a device, it goes on sending other frames, and no response comes. One may be lost; two
    and more are no accident, though one that is delivered again is the same. A sleeping device fetches its messages once
    in half an hour and is given longer. An answer of which the sniffer heard but a piece was given, and so may one have
    been of which it heard nothing, as far as it is known to miss frames."""
    air = completeness(view)
    commands = gbcs(view, "command")
    answers = gbcs(view, blocks=True)
    answers = answers[mask(answers["cra"].isin(["response", "alert"]))]
    known = set(zip(answers["recipient"], answers["originator"], answers["originator_counter"], strict=True))
    packets = view.good
    sleepers = set(packets.only(mac_command=POLL).values("sender"))
    for recipient, part in commands.groupby("recipient", sort=False):
        station = station_of(recipient)
        if station is None:
            continue
        heard = packets["seconds"][mask(packets["sender"] == station)]
        last = float(heard.iloc[-1]) if len(heard) else -1.0
        due = part[mask(part["seconds"] + (sleeping if station in sleepers else seconds) < last)]
        due = due.drop_duplicates(["originator", "recipient", "originator_counter"], keep="last")
        if due.empty:
            continue
        asked = zip(due["originator"], due["recipient"], due["originator_counter"], strict=True)
        lost = due[[key not in known for key in asked]]
        subject = party(recipient)
        begun = pieces(view, station, sleeping if station in sleepers else seconds)
        heard_in_part = [any(t < p <= t + begun.within for p in begun.times) for t in lost["seconds"]]
        silent = lost[~mask(heard_in_part)]
        if len(silent) >= times and not air.may_explain(station, len(silent), len(due), ANSWER_FRAMES):
            text = f"{len(silent)} of {plural(len(due), 'command')} never answered, though it is heard"
            names = ", ".join(dict.fromkeys(said(one, "an unnamed command") for one in silent["use_case"]))
            yield broken(subject, f"{text}: {names}", _frames(silent))
        else:
            unheard = f", {len(lost)} perhaps unheard" if len(lost) else ""
            yield kept(subject, f"{len(due) - len(lost)} of {plural(len(due), 'command')} answered{unheard}")


@dataclass(frozen=True, slots=True)
class Pieces:
    """When pieces of messages of a device were heard of which none came, and how long after a command they count."""

    times: list[float]
    within: float


def pieces(view: View, station: int, within: float) -> Pieces:
    """When pieces of messages of a device were heard that are in no message."""
    whole = {int(f) for fs in view.tables["messages"]["frames"] for f in fs}
    rows = view.good.only(origin=station, aps_cluster=TUNNELING, aps_type="data")
    rows = rows[~mask(rows["frame"].isin(list(whole)))]
    shut = fragments(rows) | mask(rows["zcl_command"].isin(TRANSFERS))
    return Pieces(rows["seconds"][shut].tolist(), within)


@rule(
    "block-missing",
    "A block of a message never came",
    severity="warning",
    hearing=True,
    source="GBCS 10.3 (general block transfer); IEC 62056-5-3",
    confidence="derived",
    merges=("rules:G31", "spec:R030", "disapplied:79"),
    needs=("messages",),
    cause="silence",
    absent=3,
    unseen="messages in blocks (general block transfer)",
    advice="See whether the missing block was lost on the air, or never sent",
)
def block_missing(view: View, *, seconds: float = 60.0) -> Iterator[Evidence]:
    """A message that is too long for a tunnel comes in numbered blocks, and makes a whole when the last one
    is there. Blocks that stay without a whole message, with the capture going on, lack at least one. Where a payload of
    the same sender lacks a fragment meanwhile, that is the block, and the sniffer may not have heard the fragment."""
    exchanges = view.exchanges
    torn = exchanges[mask(exchanges["missing"].astype(str).str.contains("fragments"))]
    rows = gbcs(view, blocks=True)
    blocks = mask(rows["payload_kind"] == "gbt")
    keys = ["originator", "recipient", "originator_counter", "cra"]
    whole = set(rows[~blocks][keys].itertuples(index=False, name=None))
    for key, part in rows[blocks].groupby(keys, sort=False, observed=True):
        subject = party(key[0])
        told = f"{said(part['use_case'].iloc[0], 'an unnamed')} {key[3]}"
        if key in whole:
            yield kept(subject, f"{plural(len(part), 'block')} of {told} make a message")
        elif float(part["seconds"].iloc[-1]) + seconds < view.duration:
            text = f"{plural(len(part), 'block')} of {told}, and no whole"
            if _torn_meanwhile(view, torn, part, seconds):
                text += "; of the one that is missing a fragment was not heard"
                yield broken(subject, text, _frames(part), "info")
            else:
                yield broken(subject, text, _frames(part))


def _torn_meanwhile(view: View, torn: Frame, blocks: Frame, seconds: float) -> bool:
    """Whether a fragmented payload of the sender of `blocks` is not whole, around their time."""
    known = view.packets.of_frames(_frames(blocks))
    senders, times = known["origin"].dropna().unique(), known["seconds"]
    near = torn[mask(torn["initiator"].isin(senders))]
    at = view.packets.of_frames(near["first_frame"])["seconds"]
    return bool((mask(at >= times.min() - seconds) & mask(at <= times.max() + seconds)).any())


@rule(
    "top-up-guessing",
    "Top-up codes are refused again and again at the display",
    severity="warning",
    source="GBCS 14; ZSE prepayment cluster (Consumer Top Up Response); alerts 0x81C4, 0x81C5",
    confidence="derived",
    needs=(ClusterCommands("Prepayment"),),
    cause="prepayment",
    smart_energy=True,
    unseen="readable Consumer Top Up Response commands",
    advice="Typing errors, or somebody tries codes: see whether the meter suspended entry and raised an alert",
)
def top_up_guessing(view: View, *, failures: int = 4, window: float = 3600.0) -> Iterator[Evidence]:
    """A meter answers each code that is entered at a display. Several refused within an hour are somebody
    who tries codes; the meter must suspend entry."""
    rows = view.command_rows("zcl", [TOP_UP_ANSWER.id])
    rows = rows[mask(rows["cluster"] == PREPAYMENT) & mask(rows["direction"] == "to-client")]
    results = rows[mask(rows["field"] == RESULT)].drop_duplicates("frame")
    for meter, part in results.groupby("source", sort=False):
        failed = part[mask(part["number"].notna()) & ~mask(part["number"].isin(ACCEPTED))]
        most, start = _most_within(failed["seconds"], window)
        if most >= failures:
            text = f"{most} codes refused within {window:.0f} s"
            yield broken(Subject.device(meter), text, failed["frame"].iloc[start : start + most])
        else:
            yield kept(Subject.device(meter), f"{len(failed)} of {plural(len(part), 'code')} refused")


def _most_within(seconds: Frame, window: float) -> tuple[int, int]:
    times = seconds.to_numpy(dtype=float)
    counts = [int(((times >= t) & (times <= t + window)).sum()) for t in times]
    return (max(counts), counts.index(max(counts))) if counts else (0, 0)


def _frames(rows: Frame) -> list[int]:
    return [int(f) for fs in rows["frames"] if not isinstance(fs, float) and fs is not pd.NA for f in fs]


@rule(
    "message-cut",
    "A message in a tunnel that is no whole GBCS message",
    severity="warning",
    source="GBCS 7.2, 10.3 (tunnels carry GBCS messages)",
    confidence="derived",
    needs=("messages",),
    cause="message format",
    smart_energy=True,
    unseen="messages in tunnels",
    advice="Its end is missing, or it is not for this network: open it and see where it stops",
)
def message_cut(view: View, *, seconds: float = 60.0) -> Iterator[Evidence]:
    """The tunnels of a GB HAN carry GBCS messages. What comes through the same tunnels and cannot be read
    as one was cut, or was put there by somebody else; so was one whose rest does not come for a minute."""
    rows = in_tunnels(view, view.tables["messages"])
    if not mask(rows["kind"] == "gbcs").any():
        return
    stray = rows[~mask(rows["kind"] == "gbcs")]
    for row in stray.itertuples():
        text = f"{int(row.length):,} octets of {row.kind} that are no GBCS message"
        yield broken(Subject.of_message(row.message), text, row.frames)
    begun = _unfinished(view, rows, seconds)
    for source, part in begun.groupby(begun["source"].astype("UInt64"), sort=False):
        text = f"{plural(len(part), 'transfer')} of messages that were begun and not finished"
        yield broken(Subject.device(source), text, part["frame"])
    if stray.empty and begun.empty:
        yield kept(NETWORK, f"{plural(len(rows), 'message')} in tunnels, all whole")


def _unfinished(view: View, messages: Frame, seconds: float) -> Frame:
    """Transfers through tunnels that no message has, though time enough went by for its rest."""
    held = {int(f) for fs in messages["frames"] for f in fs}
    data = view.command_rows("zcl", TRANSFERS)
    data = data[mask(data["cluster"] == TUNNELING) & mask(data["field"] == DATA)]
    data = data.drop_duplicates("frame").sort_values("seconds")
    octets = data["value"].astype(str).str.len() // 2
    lost = ~mask(data["frame"].isin(list(held))) & mask(octets > HEADER_OCTETS)
    again = mask(data[["source", "destination", "value"]].duplicated())  # sent once more: it counts once
    return data[lost & ~again & mask(data["seconds"] + seconds < view.duration)]


@rule(
    "fragments-missing",
    "Fragments of messages are missing",
    severity="warning",
    source="ZigBee PRO 05-3474 2.2.8.4.5 (fragmentation)",
    confidence="derived",
    cause="silence",
    smart_energy=True,
    unseen="fragmented APS frames",
    advice="A sniffer that misses frames shows the same: see whether the receiver asked for the block again",
)
def fragments_missing(
    view: View, *, times: int = 2, share: float = 0.15, seconds: float = 15.0
) -> Iterator[Evidence]:
    """A long payload travels in numbered blocks. Where one of them never comes, the receiver has nothing.
    One such payload in many is what the sniffer did not hear; several from one device are lost or held
    back, where they are more than the sniffer misses, or where the numbers of the sender's frames show no gap. A sender
    that nobody acknowledges gives up: its payload is not whole for the silence of the receiver."""
    packets = view.good
    rows = packets.only(
        aps_type="data", aps_profile=SMART_ENERGY_PROFILE, aps_security=["none", "ok", "replay"]
    )
    parts = pd.concat([rows.only(summary=FRAGMENT)["origin"], rows.only(protocol=MESSAGES)["origin"]])
    senders = parts.dropna().unique().tolist()
    if not senders:
        return
    exchanges = view.exchanges
    alone = mask(exchanges["missing"].astype(str).str.contains("acknowledgement")) & mask(
        exchanges["retries"] > 1
    )
    given_up = set(exchanges[alone]["first_frame"].tolist())
    for origin, part in rows[mask(rows["origin"].isin(senders))].groupby("origin", sort=False):
        lost, payloads = _without_block(part, view.duration - seconds, seconds)
        sent = [frames for frames in lost if given_up.isdisjoint(frames)]
        many = len(sent) >= times and len(sent) > share * payloads
        many = many and not _by_the_sniffer(view, part, sent, payloads, seconds)
        text = f"{len(lost)} of {plural(payloads, 'fragmented payload')} are not whole"
        if lost:
            level = None if many else "info"
            yield broken(Subject.device(origin), text, [f for frames in lost for f in frames], level)
        elif payloads:
            yield kept(Subject.device(origin), f"{plural(payloads, 'fragmented payload')}, all whole")


def _by_the_sniffer(view: View, rows: Frame, lost: list[list[int]], payloads: int, patience: float) -> bool:
    """Whether blocks may be missing in this capture alone: the sender's numbers have a gap where they should be, and so
    many are no wonder."""
    air = completeness(view)
    sender = rows["sender"].iloc[0]
    if missing(sender):
        return True  # nobody's numbers can show that the blocks were sent
    when = dict(zip(rows["frame"].tolist(), rows["seconds"].tolist(), strict=True))
    times = [(when[frames[0]] - patience, when[frames[-1]] + patience) for frames in lost]
    sent = sum(air.unheard(int(sender), *ends) == 0 for ends in times)
    if not sent:
        return True  # of each it is known that something of it was sent and not heard
    blocks = max(len(rows) / max(payloads, 1), 2.0)
    return sent < max(2, len(lost) / 2) and air.may_explain(int(sender), len(lost), payloads, blocks)


def _without_block(rows: Frame, until: float, patience: float) -> tuple[list[list[int]], int]:
    """Frames of the payloads that never became whole, and how many payloads came in fragments."""
    times, frames = rows["seconds"].to_numpy(dtype=float), rows["frame"].to_numpy(dtype="int64")
    order, starts = groups_of(key_of(rows, "target", "aps_cluster", "aps_counter"))
    starts |= np.diff(times[order], prepend=-np.inf) > patience  # the 8-bit counter came round
    whole, shut = mask(rows["zcl_command"].notna())[order], fragments(rows)[order]
    first = np.flatnonzero(starts)
    end = np.append(first[1:], len(order))
    parted = np.logical_or.reduceat(shut, first)
    gone = parted & ~np.logical_or.reduceat(whole, first) & (times[order[end - 1]] < until)
    lost = [frames[order[a:b]].tolist() for a, b in zip(first[gone], end[gone], strict=True)]
    return lost, int(parted.sum())
