"""The fixed structures of captures, each declared once with construct: what parses them also builds them.

Sources: draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng, the IEEE 802.15.4 TAP specification 1.2, ZEP as in
`captures.encapsulations.zep`, IEEE 802.3, RFC 791, RFC 8200, RFC 768, and tcpdump.org for the cooked headers;
PPI, nRF and TI radio info as in their modules of `captures.encapsulations`.
Bulk reading does not pass through here: see `captures.files` and `captures.encapsulations`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from construct import (
    Aligned,
    Bytes,
    Const,
    Default,
    Float32l,
    GreedyRange,
    Int8sl,
    Int8ub,
    Int8ul,
    Int16sl,
    Int16ub,
    Int16ul,
    Int32ub,
    Int32ul,
    Int64ub,
    Int64ul,
    Padding,
    Rebuild,
    Struct,
    len_,
    this,
)

__all__ = [
    "ETHERNET",
    "EXTENSION",
    "INTERFACE",
    "IPV4",
    "IPV6",
    "NAME",
    "NORDIC",
    "NULL",
    "PCAP_FILE_HEADER",
    "PHY",
    "PPI",
    "SECRETS",
    "SECTION_HEADER",
    "SLL",
    "SLL2",
    "TAP_ENTRY",
    "TAP_HEADER",
    "TAP_VALUES",
    "TI_RADIO",
    "UDP",
    "VLAN",
    "ZBOSS",
    "ZEP1",
    "ZEP2",
    "ZEP_ACK",
    "ZIGBEE_APS_SECRET",
    "ZIGBEE_NETWORK_SECRET",
    "TapValue",
    "tap_header",
]

PCAP_FILE_HEADER = Struct(
    "magic" / Default(Int32ul, 0xA1B23C4D),
    "major" / Default(Int16ul, 2),
    "minor" / Default(Int16ul, 4),
    "zone" / Default(Int32ul, 0),
    "accuracy" / Default(Int32ul, 0),
    "snap_length" / Default(Int32ul, 262_144),
    "link_type" / Int32ul,
)
OPTION = Struct(
    "code" / Int16ul,
    "length" / Rebuild(Int16ul, len_(this.value)),
    "value" / Aligned(4, Bytes(this.length)),
)
SECTION_HEADER = Struct(
    "byte_order" / Const(0x1A2B3C4D, Int32ul),
    "major" / Default(Int16ul, 1),
    "minor" / Default(Int16ul, 0),
    "section_length" / Default(Int64ul, 0xFFFF_FFFF_FFFF_FFFF),
    "options" / GreedyRange(OPTION),
)
INTERFACE = Struct(
    "link_type" / Int16ul,
    "reserved" / Default(Int16ul, 0),
    "snap_length" / Default(Int32ul, 0),
    "options" / GreedyRange(OPTION),
)
SECRETS = Struct(
    "type" / Int32ul,
    "length" / Rebuild(Int32ul, len_(this.secrets)),
    "secrets" / Aligned(4, Bytes(this.length)),
)
NAME = Struct(
    "type" / Int16ul,
    "length" / Rebuild(Int16ul, len_(this.value)),
    "value" / Aligned(4, Bytes(this.length)),
)
ZIGBEE_NETWORK_SECRET = Struct("key" / Bytes(16), "pan" / Int16ul)
ZIGBEE_APS_SECRET = Struct("key" / Bytes(16), "pan" / Int16ul, "lower" / Int16ul, "higher" / Int16ul)

TAP_HEADER = Struct("version" / Default(Int8ul, 0), "reserved" / Default(Int8ul, 0), "length" / Int16ul)
TAP_ENTRY = Struct(
    "type" / Int16ul,
    "length" / Rebuild(Int16ul, len_(this.value)),
    "value" / Bytes(this.length),
    "padding" / Padding(lambda context: -context.length % 4),
)


class TapValue(NamedTuple):
    """How the value of one kind of TAP entry is called, laid out, and measured."""

    name: str
    layout: Any
    unit: str = ""
    words: dict[int, str] = {}


TAP_VALUES: dict[int, TapValue] = {
    0: TapValue("fcs_type", Struct("fcs_type" / Int8ul), "", {0: "none", 1: "16-bit CRC", 2: "32-bit CRC"}),
    1: TapValue("received_signal_strength", Struct("rss" / Float32l), "dBm"),
    2: TapValue("bit_rate", Struct("bit_rate" / Int32ul), "bit/s"),
    3: TapValue("channel_assignment", Struct("channel" / Int16ul, "page" / Int8ul)),
    4: TapValue("sun_phy", Struct("band" / Int8ul, "type" / Int8ul, "mode" / Int8ul)),
    5: TapValue("start_of_frame", Struct("start_of_frame" / Int64ul), "ns"),
    6: TapValue("end_of_frame", Struct("end_of_frame" / Int64ul), "ns"),
    7: TapValue("absolute_slot_number", Struct("absolute_slot_number" / Int64ul)),
    8: TapValue("start_of_slot", Struct("start_of_slot" / Int64ul), "ns"),
    9: TapValue("slot_length", Struct("slot_length" / Int32ul), "us"),
    10: TapValue("link_quality", Struct("link_quality" / Int8ul)),
    11: TapValue("centre_frequency", Struct("centre_frequency" / Float32l), "kHz"),
    12: TapValue(
        "channel_plan",
        Struct("start" / Float32l, "spacing" / Float32l, "channels" / Int16ul),
        "kHz, kHz, count",
    ),
    13: TapValue("phy_header", Struct("phr_type" / Int16ul, "phr_bits" / Int16ul)),
}

ZEP1 = Struct(
    "protocol" / Const(b"EX"),
    "version" / Const(1, Int8ub),
    "channel" / Int8ub,
    "device" / Int16ub,
    "mode" / Int8ub,
    "lqi" / Int8ub,
    "reserved" / Default(Bytes(7), bytes(7)),
    "frame_length" / Int8ub,
)
ZEP2 = Struct(
    "protocol" / Const(b"EX"),
    "version" / Default(Int8ub, 2),
    "type" / Default(Int8ub, 1),
    "channel" / Int8ub,
    "device" / Int16ub,
    "mode" / Int8ub,
    "lqi" / Int8ub,
    "ntp_time" / Int64ub,
    "sequence" / Int32ub,
    "reserved" / Default(Bytes(10), bytes(10)),
    "frame_length" / Int8ub,
)
ZEP_ACK = Struct(
    "protocol" / Const(b"EX"), "version" / Default(Int8ub, 2), "type" / Int8ub, "sequence" / Int32ub
)
ZBOSS = Struct("mark" / Const(b"ZBOSS"), "direction_page" / Int8ul, "channel" / Int8ul, "trace" / Int32ul)
PPI = Struct(
    "version" / Default(Int8ul, 0), "flags" / Default(Int8ul, 0), "length" / Int16ul, "link_type" / Int32ul
)
NORDIC = Struct("channel" / Int16ul, "rssi" / Int16sl, "lqi" / Int16ul)
TI_RADIO = Struct(
    "version" / Default(Int8ul, 0),
    "length" / Int16ul,
    "interface_type" / Int8ul,
    "interface" / Int16ul,
    "protocol" / Int8ul,
    "phy" / Int8ul,
    "frequency" / Int16ul,
    "frequency_fraction" / Int16ul,
    "channel" / Int16ul,
    "rssi" / Int8sl,
    "status" / Int8ul,
)
PHY = Struct("preamble" / Bytes(4), "start_of_frame" / Int8ul, "phy_header" / Int8ul)

ETHERNET = Struct("destination" / Bytes(6), "source" / Bytes(6), "ether_type" / Int16ub)
VLAN = Struct("tag" / Int16ub, "ether_type" / Int16ub)
SLL = Struct(
    "packet_type" / Int16ub,
    "hardware_type" / Int16ub,
    "address_length" / Int16ub,
    "address" / Bytes(8),
    "protocol" / Int16ub,
)
SLL2 = Struct(
    "protocol" / Int16ub,
    "reserved" / Int16ub,
    "interface" / Int32ub,
    "hardware_type" / Int16ub,
    "packet_type" / Int8ub,
    "address_length" / Int8ub,
    "address" / Bytes(8),
)
NULL = Struct("family" / Bytes(4))
IPV4 = Struct(
    "version_header_length" / Int8ub,
    "service" / Int8ub,
    "total_length" / Int16ub,
    "identification" / Int16ub,
    "flags_fragment" / Int16ub,
    "time_to_live" / Int8ub,
    "protocol" / Int8ub,
    "checksum" / Int16ub,
    "source" / Bytes(4),
    "destination" / Bytes(4),
    "options" / Bytes(lambda context: max((context.version_header_length & 0x0F) * 4 - 20, 0)),
)
IPV6 = Struct(
    "version_class_label" / Int32ub,
    "payload_length" / Int16ub,
    "next_header" / Int8ub,
    "hop_limit" / Int8ub,
    "source" / Bytes(16),
    "destination" / Bytes(16),
)
EXTENSION = Struct(
    "next_header" / Int8ub, "length" / Int8ub, "options" / Bytes(lambda context: context.length * 8 + 6)
)
UDP = Struct("source_port" / Int16ub, "destination_port" / Int16ub, "length" / Int16ub, "checksum" / Int16ub)


def tap_header(entries: list[tuple[int, bytes]]) -> bytes:
    """A TAP header with these entries (type, value).

    >>> tap_header([(0, bytes([1]))]).hex()
    '00000c000000010001000000'
    """
    body = b"".join(TAP_ENTRY.build({"type": kind, "value": value}) for kind, value in entries)
    header: bytes = TAP_HEADER.build({"length": 4 + len(body)})
    return header + body
