"""Every table's columns, written once: name, Arrow type, unit, meaning.

The decoder builds its Arrow batches from these, the documentation is printed from these, and
`check_columns` holds a frame to them at the door. Null means "not in this frame" or "not readable".
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

__all__ = ["ADDRESS_COLUMNS", "TABLES", "Column", "columns_of"]

# Arrow type names as pyarrow.type_for_alias takes them, and three of our own:
#   time      timestamp[ns, tz=UTC]
#   category  dictionary-encoded string; `_choice` for one of a few words that stand here, with 8-bit codes
#   frames    list of uint64 frame numbers


class Column(NamedTuple):
    """One column of a table.

    Attributes:
        type: as it is held.
        few: a text of a few words only.
        address: what address it holds: ``eui64``, ``short``, ``either`` (the EUI-64 where it is known), or the column
            that says which. It is a number inside, and leaves the program as hex digits (`analysis.tables.addresses`).
    """

    name: str
    type: str
    meaning: str
    unit: str = ""
    few: bool = False
    address: str = ""


def _c(name: str, type_: str, meaning: str, unit: str = "") -> Column:
    return Column(name, type_, meaning, unit)


def _choice(name: str, meaning: str) -> Column:
    return Column(name, "category", meaning, few=True)


def _address(name: str, kind: str, meaning: str) -> Column:
    return Column(name, "uint16" if kind == "short" else "uint64", meaning, address=kind)


PACKETS = (
    _c("frame", "uint64", "1-based number of the record in its capture"),
    _c("time", "time", "when it was captured"),
    _c("capture", "category", "file or source name"),
    _c(
        "length",
        "uint32",
        "the frame with its trailer; the whole packet when it is not a radio frame",
        "octets",
    ),
    _c("link_type", "uint16", "link type of the record (tcpdump.org number)"),
    _c("channel", "uint8", "radio channel"),
    _c("page", "uint8", "IEEE 802.15.4 channel page"),
    _c("rssi", "int8", "received signal strength", "dBm"),
    _c("lqi", "uint8", "link quality indicator"),
    _c("fcs_ok", "bool", "frame check sequence verdict; null when the capture has none"),
    _choice("mac_type", "beacon, data, ack, command, reserved, multipurpose, fragment, extended"),
    _c("mac_seq", "uint8", "MAC sequence number"),
    _choice("mac_dst_mode", "none, short, extended"),
    _choice("mac_src_mode", "none, short, extended"),
    _c("mac_dst_pan", "uint16", "destination PAN ID, also when compressed away"),
    _c("mac_src_pan", "uint16", "source PAN ID, also when compressed away"),
    _address("mac_dst", "mac_dst_mode", "destination address, short or extended as mac_dst_mode says"),
    _address("mac_src", "mac_src_mode", "source address, short or extended as mac_src_mode says"),
    _c("mac_command", "uint8", "MAC command identifier"),
    _c("mac_ack_request", "bool", "the sender asks for a MAC acknowledgement"),
    _c("mac_pending", "bool", "frame-pending bit"),
    _address("beacon_epid", "eui64", "extended PAN ID in a ZigBee beacon"),
    _c("beacon_permit", "bool", "association-permit bit of a beacon's superframe specification"),
    _choice("mac_security", "none, ok, no_key, bad_mic, replay"),
    _c("mac_reason", "category", "why `mac_security` is not ok, in a sentence"),
    _c("mac_key", "category", "origin of the key that opened the MAC layer, as in the `keys` table"),
    _choice("nwk_type", "data, command, inter-pan, green-power"),
    _address("nwk_src", "short", "NWK source short address"),
    _address("nwk_dst", "short", "NWK destination short address"),
    _address("nwk_src_eui64", "eui64", "source EUI-64, from the frame or the address map"),
    _address("nwk_dst_eui64", "eui64", "destination EUI-64, from the frame or the address map"),
    _c("nwk_seq", "uint8", "NWK sequence number"),
    _c("nwk_radius", "uint8", "hops left"),
    _c("nwk_command", "uint8", "NWK command identifier, when readable"),
    _c("nwk_counter", "uint32", "NWK auxiliary header frame counter"),
    _c("nwk_key_seq", "uint8", "network key sequence number"),
    _address("nwk_sender", "eui64", "EUI-64 in the NWK auxiliary header: who secured this hop"),
    _c(
        "nwk_digest",
        "uint32",
        "the last four octets of the secured payload (its MIC), least significant first: equal for a replay",
    ),
    _choice("nwk_security", "none, ok, no_key, bad_mic, replay"),
    _c("nwk_reason", "category", "why `nwk_security` is not ok, in a sentence"),
    _c("nwk_key", "category", "origin of the key that opened the NWK layer, as in the `keys` table"),
    _choice("aps_type", "data, command, ack, inter-pan"),
    _c("aps_profile", "uint16", "application profile"),
    _c("aps_cluster", "uint16", "cluster"),
    _c("aps_src_endpoint", "uint8", "source endpoint"),
    _c("aps_dst_endpoint", "uint8", "destination endpoint"),
    _c("aps_counter", "uint8", "APS counter"),
    _c("aps_command", "uint8", "APS command identifier"),
    _c("aps_ack_request", "bool", "the sender asks for an APS acknowledgement"),
    _choice("aps_key_id", "link, network, key-transport, key-load"),
    _address(
        "aps_sender", "eui64", "EUI-64 of the APS auxiliary header, or of the NWK source where it has none"
    ),
    _c("aps_frame_counter", "uint32", "APS auxiliary header frame counter"),
    _c(
        "aps_digest",
        "uint32",
        "the last four octets of the secured payload (its MIC), least significant first",
    ),
    _choice("aps_security", "none, ok, no_key, bad_mic, replay"),
    _c("aps_reason", "category", "why `aps_security` is not ok, in a sentence"),
    _c("aps_key", "category", "origin of the key that opened the APS layer, as in the `keys` table"),
    _choice("zcl_type", "general (profile-wide) or cluster"),
    _choice("zcl_direction", "to-server or to-client"),
    _c("zcl_manufacturer", "uint16", "manufacturer code"),
    _c("zcl_seq", "uint8", "ZCL transaction sequence number"),
    _c("zcl_command", "uint8", "ZCL command identifier"),
    _c("zcl_attribute", "uint16", "first attribute identifier in the frame"),
    _c("zcl_status", "uint8", "first status in the frame"),
    _c(
        "message",
        "uint64",
        "number of the GBCS or DLMS message that the frame carries, whole or a piece; of one that came in blocks (GBT) "
        "the whole; null where the message was complete only more than 32,768 frames later",
    ),
    _c(
        "exchange",
        "uint64",
        "number of the innermost exchange that the frame belongs to; null where `exchanges` is not decoded with it",
    ),
    _c("protocol", "category", "the innermost protocol that was read"),
    _c("summary", "category", "what the frame says, in a line"),
    _c("issue", "category", "first issue, null when there is none"),
    _c("interface", "uint16", "0-based number of the interface (sniffer) of the capture that recorded it"),
    _c(
        "double_of",
        "uint64",
        "the record that counts, where another interface recorded this transmission too; the row of a double has "
        "nothing but what its own interface says of it",
    ),
)

ATTRIBUTES = (
    _c("frame", "uint64", "frame that carried it"),
    _c("time", "time", "when"),
    _address("source", "either", "EUI-64 of the sender where known, else its short address"),
    _address("destination", "either", "EUI-64 of the receiver where known, else its short address"),
    _c("endpoint", "uint8", "endpoint of the server side"),
    _c("cluster", "uint16", "cluster identifier"),
    _c("cluster_name", "category", "cluster name"),
    _c("attribute", "uint16", "attribute identifier"),
    _c("attribute_name", "category", "attribute name"),
    _choice("direction", "to-server or to-client"),
    _c("command", "uint8", "ZCL command that carried it"),
    _c("status", "uint8", "ZCL status, where the record has one"),
    _c("type", "uint8", "ZCL data type, null in reads and status records"),
    _c("value", "string", "the value as text: numbers in decimal, octets in hex, times in ISO 8601"),
    _c("number", "float64", "the value as a number, where it is one"),
    _c("scaled", "float64", "the value in `unit`, scaled by the cluster's multiplier and divisor"),
    _c("unit", "category", "unit of `scaled`"),
    _c("meaning", "string", "enumeration or bit names"),
)

COMMANDS = (
    _c("frame", "uint64", "frame that carried it"),
    _c("time", "time", "when"),
    _choice("layer", "zcl (also when null), or the layer whose command it is: mac, nwk, aps, zdp"),
    _address("source", "either", "EUI-64 of the sender where known, else its short address"),
    _address("destination", "either", "EUI-64 of the receiver where known, else its short address"),
    _c("cluster", "uint16", "cluster identifier"),
    _c("cluster_name", "category", "cluster name"),
    _choice("direction", "to-server or to-client"),
    _c("command", "uint8", "command identifier"),
    _c("command_name", "category", "command name"),
    _c("field", "category", "field name; repeated fields carry an index: ``tiers[2].price``"),
    _c("value", "string", "the value as text"),
    _c("number", "float64", "the value as a number, where it is one"),
    _c("scaled", "float64", "the value in `unit`"),
    _c("unit", "category", "unit of `scaled`"),
    _c("meaning", "string", "enumeration or bit names"),
)

MESSAGES = (
    _c("message", "uint64", "1-based number of the message"),
    _c("source", "category", "file, line, or capture"),
    _c("frames", "frames", "frames that carried it; empty outside a capture"),
    _c("time", "time", "when its last frame was captured"),
    _c("kind", "category", "gbcs or dlms"),
    _c("length", "uint32", "octets"),
    _c("digest", "uint32", "CRC-32 of the octets: equal for equal messages"),
    _c("use_case", "category", "GBCS use case"),
    _c("name", "category", "name of the use case or APDU"),
    _c("message_code", "uint16", "GBCS message code"),
    _c("cra", "category", "command, response, alert"),
    Column(
        "originator", "string", "business originator EUI-64, or DLMS system title, in hex", address="eui64"
    ),
    Column("recipient", "string", "business target EUI-64 in hex", address="eui64"),
    _c("originator_counter", "uint64", "GBCS originator counter, or DLMS invocation counter"),
    _c("supplementary_counter", "uint64", "GBCS supplementary counter"),
    _c("payload_kind", "category", "dlms-access-request, gbz, der ..."),
    _c("alert_code", "uint16", "GBCS alert code"),
    _c("signature", "category", "absent, valid, invalid, no_key"),
    _c(
        "signature_twin",
        "uint64",
        "number of an earlier message that is equal but for s and n - s of its signature: one of them was altered",
    ),
    _c(
        "mac",
        "category",
        "absent, valid, invalid, no_key: valid only when a party that is entitled to it made it",
    ),
    _c("mac_reason", "category", "who made an invalid MAC, or what is missing to judge it"),
    _c(
        "trust",
        "category",
        "the signer's certificate: trusted, untrusted, unchecked (something to check with is missing), absent",
    ),
    _c(
        "trust_reason",
        "category",
        "what was checked of that certificate, what is wrong with it, or what is missing",
    ),
    _c("decrypted", "category", "none, all, some, no_key, bad_tag"),
    _c("outcome", "category", "success, failure, or null"),
    _c("answers", "uint64", "number of the command that this response or alert belongs to"),
    _c("answer_seconds", "float64", "time from that command", "s"),
    _c(
        "client_sap",
        "uint16",
        "DLMS: the client's service access point (16: public client), where its carrier tells",
    ),
    _c("server_sap", "uint16", "DLMS: the logical device's service access point, where its carrier tells"),
    _c("summary", "string", "what the message says, in a line"),
    _c("issue", "string", "first issue"),
    _c(
        "departures",
        "category",
        "what it uses of DLMS and ZigBee that GBCS takes away or changes; none: nothing; null: not looked at",
    ),
)

ITEMS = (
    _c("message", "uint64", "number of the message"),
    _c("item", "uint32", "0-based place in the message"),
    _c("object", "category", "name of the object or ZCL element"),
    _c("class_id", "uint16", "COSEM class"),
    _c("obis", "category", "OBIS code, A-B:C.D.E.F"),
    _c("cluster", "uint16", "ZCL cluster, in GBZ"),
    _c("attribute", "int32", "attribute or method number"),
    _c("value", "string", "value as text"),
    _c("number", "float64", "value as a number in `unit`"),
    _c("unit", "category", "unit"),
    _c("result", "category", "result name"),
)

EXCHANGES = (
    _c("exchange", "uint64", "1-based number of the exchange, in the order in which they begin"),
    _c("capture", "category", "file or source name"),
    _choice(
        "kind",
        "zcl, zdp (requests), delivery (no answer is due), transfer (of a tunnel), poll, join, rejoin, "
        "key-establishment, tunnel, gbcs, ota",
    ),
    _c("name", "category", "what it is about: cluster and command, use case, tunnel"),
    _address("initiator", "either", "who began it: EUI-64 where known, else short address"),
    _address("responder", "either", "whom it is with: EUI-64 where known, else short address"),
    _c("start", "time", "time of its first frame"),
    _c("end", "time", "time of its last frame"),
    _c("first_frame", "uint64", "its first frame"),
    _c("last_frame", "uint64", "its last frame"),
    _c("frames", "uint32", "its frames, those of exchanges that lie in it among them"),
    _choice(
        "outcome",
        "ok, refused, failed (proved), unanswered (it was delivered, and the capture goes on beyond the limit), "
        "incomplete (something was not heard: see `missing`), running (the capture ends before it)",
    ),
    _c("status", "category", "how it ended, in words"),
    _c("time_to_answer", "float64", "from its first frame to the first frame of the answer", "s"),
    _c("retries", "uint32", "frames of it that were sent again over the same hop"),
    _c("missing", "category", "what belongs to it and was not heard"),
    _c(
        "parent",
        "uint64",
        "the exchange that it lies in: of a transfer the GBCS exchange whose message it carries, of that the tunnel "
        "session; of a poll the exchange whose frame it fetched; of an answer in fragments the request",
    ),
    _c("cluster", "uint16", "ZCL or ZDP cluster"),
    _c("use_case", "category", "GBCS use case"),
    _c("message", "uint64", "first message of a GBCS exchange"),
)

EVENTS = (
    Column("device", "string", "EUI-64 of the device whose log it is, in hex", address="eui64"),
    _c("log", "category", "the log: EventLog, SecurityLog, PowerEventLog ..."),
    _c("entry", "uint32", "0-based place in what was read of the log"),
    _c("time", "time", "when it happened, as the device says; null where it does not"),
    _c("code", "uint32", "event code; of an auxiliary controller switch and action"),
    _c("name", "category", "what the event is called, where it is known"),
    _c("detail", "string", "what else the entry holds"),
    _c("message", "uint64", "the message that read it"),
)

CERTIFICATES = (
    _c("certificate", "uint64", "1-based number of the certificate"),
    _c("whose", "string", "EUI-64 of its party or device in hex; null for an authority"),
    _c("name", "string", "what people call its party or device, or the authority's key identifier"),
    _c("role", "category", "remote party role of its subject; device where it has none"),
    _c("use", "category", "key usage: digitalSignature, keyAgreement, keyCertSign ..."),
    _c(
        "issuer", "category", "name of its issuer (RFC 4514); EUI-64 of the issuer of an implicit certificate"
    ),
    _c("issuer_key", "category", "key identifier of its issuer in hex"),
    _c("serial", "string", "serial number in hex, where it has one"),
    _c("key_identifier", "string", "its own key identifier in hex"),
    _c(
        "chain",
        "category",
        "trusted, untrusted, unchecked: at the time of the message that carried it, else of the last frame",
    ),
    _c("chain_reason", "string", "why"),
    _c("validity", "string", "valid from and to, as an ISO 8601 interval; null where its format has none"),
    _c(
        "origin",
        "category",
        "root, held (in keys.toml), seen (in a message or a key establishment), held and seen",
    ),
    _c("message", "uint64", "first message that carried it; null for a key establishment"),
    _c("frame", "uint64", "first frame of that message, or of the key establishment"),
    _c("kind", "category", "X.509, or implicit (ECQV) with its curve: those of key establishments (CBKE)"),
)

DEVICES = (
    _address("eui64", "eui64", "extended address; null while unknown"),
    _address("short", "short", "short address, the last one"),
    _c("pan", "uint16", "PAN ID"),
    _c(
        "role",
        "category",
        "ESME, GSME, CHF, GPF, PPMID, IHD, CAD, HCALCS; coordinator, router, end device; Supplier and other "
        "remote parties, which have no radio",
    ),
    _c("name", "string", "name from keys.toml or the capture"),
    _c("first_seen", "time", "first frame sent"),
    _c("last_seen", "time", "last frame sent"),
    _c("frames", "uint64", "frames sent"),
    _c("rssi", "float64", "median signal strength", "dBm"),
    _c("join_state", "category", "associated, keyed, announced, key-established, seen"),
)

KEYS = (
    _c("kind", "category", "network, link, mac"),
    _c("scope", "string", "PAN, sequence number, or pair of devices"),
    _c("origin", "string", "keys.toml, capture secrets, Transport-Key in frame N ..."),
    _c("first_frame", "uint64", "frame in which it was learnt"),
    _c("frames_opened", "uint64", "frames that it opened"),
    _c("key", "string", "the key, only when revealed"),
)

FINDINGS = (
    _c("rule", "category", "rule identifier"),
    _c("severity", "category", "info, warning, error, critical"),
    _c("title", "string", "what was found"),
    _c("frames", "frames", "frames that show it"),
    _c("device", "string", "device concerned"),
    _c("evidence", "string", "one sentence with the numbers"),
    _c("source", "string", "document and clause, or paper"),
    _c("confidence", "category", "how well the requirement is known"),
    _c("advice", "string", "what to do"),
    _c("message", "uint64", "number of the message that it is about"),
    _address("party", "either", "EUI-64 of the device that it is about"),
    _address("peer", "either", "EUI-64 of the other device, where it is about two"),
)

TABLES: dict[str, tuple[Column, ...]] = {
    "packets": PACKETS,
    "attributes": ATTRIBUTES,
    "commands": COMMANDS,
    "messages": MESSAGES,
    "items": ITEMS,
    "exchanges": EXCHANGES,
    "events": EVENTS,
    "certificates": CERTIFICATES,
    "devices": DEVICES,
    "keys": KEYS,
    "findings": FINDINGS,
}

ADDRESS_COLUMNS = frozenset(
    column.name for columns in TABLES.values() for column in columns if column.address
)
"""Names of the columns that hold addresses, in any table."""


@cache
def columns_of(table: str) -> tuple[str, ...]:
    """Column names of `table`, in order."""
    return tuple(column.name for column in TABLES[table])
