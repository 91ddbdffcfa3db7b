"""What GBCS modifies, restricts or dis-applies in ZigBee Smart Energy, on the HAN and inside GBZ messages."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from analysis.features.identifiers import CLUSTERS, attribute, to_client, to_server
from analysis.features.judging import judge, mask
from analysis.rules.compliance.gbcs_messages import uses
from analysis.rules.compliance.han_commands import METERING, commands, field_of
from analysis.rules.declare import (
    ClusterCommands,
    EachDevice,
    EachMessage,
    Evidence,
    View,
    c,
    declare,
    messages,
    packets,
)
from analysis.rules.registry import rules_of

AREA = "zigbee modifications"
rule = rules_of("compliance", AREA)

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


declared = partial(
    declare, family="compliance", area=AREA, confidence="text", smart_energy=True, kept_by="proving-exercise",
    requires="GBCS messages with a GBZ payload",
)  # fmt: skip
GBZ = messages.where(c.payload_kind == "gbz", c.departures.known)

declared(
    id="gbz-sequence-number",
    title="ZCL sequence numbers of a message do not count its commands",
    finds="""Inside a GBZ message the ZCL sequence number is not the sender's own: it counts the commands of the message
    from 0.""",
    matters="Some messages of the reference set break this too, so it only informs.",
    example="message 9 (GCS21a command): it numbers its commands otherwise",
    severity="info",
    source="GBCS v4.0 use-case annex (GBZ templates)",
    covers=("spec:R145", "disapplied:34"),
    advice="Harmless to most readers: tell the maker of the sender",
    broken_by="planted: commands in a message are numbered from seven",
    judge=EachMessage(GBZ, uses("sequence-number"), says="it numbers its commands otherwise"),
)  # fmt: skip

declared(
    id="gbz-manufacturer-specific",
    title="A manufacturer's own ZigBee command inside a GBCS message",
    finds="""The list of commands in GBCS messages is closed; none has the manufacturer-specific bit of the ZCL frame
    control.""",
    matters="Nobody but its maker can say what such a command does.",
    example="message 9 (GCS21a command): it holds a manufacturer-specific command",
    severity="error",
    source="GBCS v4.0 use-case annex (GBZ templates); GBCS v0.8.1 (page 79)",
    covers=("disapplied:36", "spec:R146"),
    advice="No template of GBCS has it: find out who built the message",
    broken_by="planted: a message holds a maker's own command",
    judge=EachMessage(GBZ, uses("manufacturer"), says="it holds a manufacturer-specific command"),
)  # fmt: skip

declared(
    id="gbz-frame-control",
    title="A ZCL frame control that no template has",
    finds="""The frame control of each command in a GBZ message is fixed by its template: requests 00, 01, 08, 09, answers
    that want no default response 10, 11, 18, 19.""",
    matters="A device may refuse the command, or answer to the wrong side.",
    example="message 9 (GCS21a command): it has another frame control",
    severity="warning",
    source="GBCS v4.0 use-case annex (GBZ templates)",
    covers=("spec:R146", "spec:R077", "disapplied:35"),
    advice="Look at the sender's software: it sent its own frame control instead of the template's",
    broken_by="planted: a message has a frame control of its own",
    judge=EachMessage(GBZ, uses("frame-control"), says="it has another frame control"),
)  # fmt: skip

declared(
    id="gbz-components",
    title="A GBZ message wraps what it may not",
    finds="""GBCS wraps ZigBee commands in its own way: a big-endian cluster and length, control bits, and either a From
    Date Time or encryption. Both at once, or the tunnelling cluster inside a tunnel, is not allowed.""",
    matters="Devices read such a message in different ways.",
    example="message 9 (GCS21a command): it wraps what it may not (cluster:0704)",
    severity="error", confidence="derived",
    source="GBCS 7.2.9, 10.2; GBCS v0.8.1 (page 2)",
    covers=("disapplied:37", "spec:R029"),
    advice="Look at the message tree: which command is it, and who built it?",
    broken_by="planted: a tunnel is asked for inside a tunnel",
    judge=EachMessage(
        GBZ, uses("(?:sealed-from-date|cluster:0704)"), says="it wraps what it may not ({departures})"
    ),
)  # fmt: skip

declare(
    id="manufacturer-specific-command",
    title="A manufacturer's own command on a Smart Energy cluster",
    finds="""Meters speak the commands of Smart Energy and GBCS. A frame with a manufacturer code on one of their clusters
    is a feature of the maker, which may not be critical, or a debug interface left in.""",
    matters="What nobody specified nobody can check.",
    example="Electricity meter (90b3d5fffe0000a0): 2 frames with a manufacturer's code (from frame 40 to 44)",
    family="compliance", area=AREA, severity="info", confidence="secondary", smart_energy=True,
    source="GBCS v4.0 use-case annex; CPA security characteristics",
    covers=("disapplied:36", "rules:C02"),
    requires="readable ZCL frames on Smart Energy clusters",
    advice="Makers may add non-critical features: ask what this command does",
    broken_by="planted: a meter speaks a maker's command to the hub", kept_by="ordinary-day --seconds 1500",
    judge=EachDevice(
        packets.where(c.zcl_command.known, c.aps_cluster.between(PRICE, ELECTRICAL_MEASUREMENT)),
        c.zcl_manufacturer.known, says="{bad} with a manufacturer's code", good="of the standard", per=c.origin,
    ),
)  # fmt: skip


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
    smart_energy=True,
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
    smart_energy=True,
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
