"""What GBCS modifies, restricts or dis-applies in ZigBee Smart Energy, on the HAN and inside GBZ messages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from analysis.features.identifiers import CLUSTERS, attribute, to_client, to_server
from analysis.features.judging import judge, mask
from analysis.features.view import Frame, View
from analysis.findings.model import Evidence
from analysis.rules.compliance.gbcs_messages import MESSAGE_RULE, departure, gbcs
from analysis.rules.compliance.han_commands import METERING, commands, field_of
from analysis.rules.expression import c
from analysis.rules.named_rows import ClusterCommands
from analysis.rules.registry import rules_of
from analysis.rules.rows import packets

rule = rules_of("compliance", "zigbee modifications")

GBZ = "GBCS messages with a GBZ payload"
PRICE, EVENTS, ELECTRICAL_MEASUREMENT = CLUSTERS.some("Price", "Events", "Electrical Measurement")
GET_EVENT_LOG = to_server(EVENTS, "Get Event Log")
CLEAR_EVENT_LOG = to_server(EVENTS, "Clear Event Log Request")
LOG_IDS = (GET_EVENT_LOG.field("event_control_log_id"), CLEAR_EVENT_LOG.field("log_id"))
NOTIFIED = to_client(METERING, "Get Notified Message")
FLAG_ATTRIBUTE, FLAGS = (
    NOTIFIED.field("notification_flag_attribute_id"),
    NOTIFIED.field("notification_flags_n"),
)
# Bits that a gas meter acts on, by the attribute of the metering cluster that holds the flags (GBCS 10.2.2.2).
FLAGS_ACTED_ON = {
    attribute(METERING, "FunctionalNotificationFlags"): 0x00E0FFF3,
    attribute(METERING, "NotificationFlags2"): 0,
    attribute(METERING, "NotificationFlags3"): 0,
    attribute(METERING, "NotificationFlags4"): 0x000002C0,
    attribute(METERING, "NotificationFlags5"): 0,
}
ON_AIR: dict[str, Any] = {"smart_energy": True}


def _gbz(view: View) -> Frame:
    rows = gbcs(view)
    return rows[mask(rows["payload_kind"] == "gbz")]


@rule(
    "gbz-sequence-number",
    "ZCL sequence numbers of a message do not count its commands",
    severity="info",
    source="GBCS v4.0 use-case annex (GBZ templates)",
    confidence="text",
    merges=("spec:R145", "disapplied:34"),
    unseen=GBZ,
    advice="Harmless to most readers: tell the maker of the sender",
    **MESSAGE_RULE,
)
def gbz_sequence_number(view: View) -> Iterator[Evidence]:
    """Inside a GBZ message the ZCL sequence number is not the sender's own: it counts the commands of the
    message from 0. Some messages of the reference set break this too, so it only informs."""
    yield from departure(view, _gbz(view), "sequence-number", "it numbers its commands otherwise")


@rule(
    "gbz-manufacturer-specific",
    "A manufacturer's own ZigBee command inside a GBCS message",
    severity="error",
    source="GBCS v4.0 use-case annex (GBZ templates); GBCS v0.8.1 (page 79)",
    confidence="text",
    merges=("disapplied:36", "spec:R146"),
    unseen=GBZ,
    advice="No template of GBCS has it: find out who built the message",
    **MESSAGE_RULE,
)
def gbz_manufacturer_specific(view: View) -> Iterator[Evidence]:
    """The list of commands in GBCS messages is closed; none has the manufacturer-specific bit of the ZCL frame
    control."""
    yield from departure(view, _gbz(view), "manufacturer", "it holds a manufacturer-specific command")


@rule(
    "gbz-frame-control",
    "A ZCL frame control that no template has",
    severity="warning",
    source="GBCS v4.0 use-case annex (GBZ templates)",
    confidence="text",
    merges=("spec:R146", "spec:R077", "disapplied:35"),
    unseen=GBZ,
    advice="Look at the sender's software: it sent its own frame control instead of the template's",
    **MESSAGE_RULE,
)
def gbz_frame_control(view: View) -> Iterator[Evidence]:
    """The frame control of each command in a GBZ message is fixed by its template: requests 00, 01, 08, 09,
    answers that want no default response 10, 11, 18, 19."""
    yield from departure(view, _gbz(view), "frame-control", "it has another frame control")


@rule(
    "gbz-components",
    "A GBZ message wraps what it may not",
    severity="error",
    source="GBCS 7.2.9, 10.2; GBCS v0.8.1 (page 2)",
    confidence="derived",
    merges=("disapplied:37", "spec:R029"),
    unseen=GBZ,
    advice="Look at the message tree: which command is it, and who built it?",
    **MESSAGE_RULE,
)
def gbz_components(view: View) -> Iterator[Evidence]:
    """GBCS wraps ZigBee commands in its own way: a big-endian cluster and length, control bits, and either a
    From Date Time or encryption. Both at once, or the tunnelling cluster inside a tunnel, is not allowed."""
    text = "it wraps what it may not ({departures})"
    yield from departure(view, _gbz(view), "(?:sealed-from-date|cluster:0704)", text)


@rule(
    "manufacturer-specific-command",
    "A manufacturer's own command on a Smart Energy cluster",
    severity="info",
    source="GBCS v4.0 use-case annex; CPA security characteristics",
    confidence="secondary",
    merges=("disapplied:36", "rules:C02"),
    smart_energy=True,
    needs=(packets.where(c.zcl_manufacturer.known),),
    unseen="readable ZCL frames on Smart Energy clusters",
    advice="Makers may add non-critical features: ask what this command does",
)
def manufacturer_specific_command(view: View) -> Iterator[Evidence]:
    """Meters speak the commands of Smart Energy and GBCS. A frame with a manufacturer code on one of their
    clusters is a feature of the maker, which may not be critical, or a debug interface left in."""
    packets = view.good
    rows = packets[mask(packets["zcl_command"].notna()) & mask(packets["aps_cluster"] >= PRICE)]
    rows = rows[mask(rows["aps_cluster"] <= ELECTRICAL_MEASUREMENT)]
    own = mask(rows["zcl_manufacturer"].notna())
    yield from judge(view, rows, own, "{bad} with a manufacturer's code", "origin", "of the standard")


@rule(
    "notified-flags",
    "A gas meter acts on a notification that it must ignore",
    severity="warning",
    source="GBCS v0.8 10.2.2.2",
    confidence="text",
    merges=("spec:R050", "spec:R051", "disapplied:18", "disapplied:19", "rules:A07"),
    needs=(ClusterCommands("Metering"),),
    unseen="GetNotifiedMessage commands of a gas meter",
    advice="Look at the gas meter's software: it should not ask for these",
    **ON_AIR,
)
def notified_flags(view: View) -> Iterator[Evidence]:
    """The gas proxy tells the sleeping meter by flags what waits for it. The meter acts on bits 6, 7 and 9 of
    NotificationFlags4 and on the listed functional flags, and on nothing else; flags 2, 3 and 5 mean nothing to it."""
    rows = commands(view, NOTIFIED)
    attribute = field_of(view, rows, FLAG_ATTRIBUTE).to_numpy(dtype=float)
    flags = field_of(view, rows, FLAGS).to_numpy(dtype=float)
    known = np.isin(attribute, list(FLAGS_ACTED_ON)) & ~np.isnan(flags)
    rows, attribute, flags = rows[known], attribute[known], flags[known]
    outside = [bool(int(f) & ~FLAGS_ACTED_ON[int(a)]) for a, f in zip(attribute, flags, strict=True)]
    yield from judge(
        view, rows, outside, "{bad} asking for what GBCS leaves out", "source", "within the list"
    )


@rule(
    "gas-log-id",
    "A gas meter's log is asked for at another device",
    severity="warning",
    source="GBCS v0.8.1 10.4.2.11",
    confidence="text",
    merges=("spec:R072", "disapplied:26"),
    needs=(ClusterCommands("Events"),),
    unseen="readable GetEventLog or ClearEventLog commands",
    advice="Only the gas proxy holds copies of the gas meter's logs (identifiers 6 and 7)",
    **ON_AIR,
)
def gas_log_id(view: View) -> Iterator[Evidence]:
    """On the gas proxy the low nibble 6 or 7 of a log identifier selects the gas meter's event or security
    log. Elsewhere these identifiers mean nothing, and above 7 they mean nothing anywhere."""
    rows = commands(view, GET_EVENT_LOG, CLEAR_EVENT_LOG)
    nibble = field_of(view, rows, *LOG_IDS).to_numpy(dtype=float)
    rows, nibble = rows[~np.isnan(nibble)], nibble[~np.isnan(nibble)].astype(int) & 0x0F
    proxies = list(view.hub_addresses() | view.with_role("GPF"))
    highest = np.where(mask(rows["destination"].isin(proxies)), 7, 5)
    yield from judge(view, rows, nibble > highest, "{bad} for a log that it has not", "source")
