"""The ZigBee NWK header, and the auxiliary header that NWK and APS share.

Sources: ZigBee 05-3474 R22 clauses 3.3.1 (NWK frame format), 4.5.1 (auxiliary frame header).
"""

from __future__ import annotations

from typing import Any

from dissectors.layout import Bits, Column, Layer, ListOf, UInt, Word, eui64_text
from dissectors.layout.tables import names

__all__ = ["BROADCASTS", "NWK_TYPES", "AuxHeader", "InterPanHeader", "NwkHeader", "short_text"]

PACKAGE = "zigbee"
NWK_TYPES = ("data", "command", "reserved", "inter-pan")  # Green Power frames have a header of their own
DATA, COMMAND, RESERVED, INTER_PAN = range(4)
ZIGBEE_2004, ZIGBEE_PRO, GREEN_POWER = 1, 2, 3
BROADCASTS = {
    0xFFFF: "all devices",
    0xFFFE: "no address",
    0xFFFD: "devices that listen when idle",
    0xFFFC: "routers and coordinator",
    0xFFFB: "low-power routers",
}


def short_text(value: int) -> str:
    """A NWK address in words."""
    broadcast = BROADCASTS.get(value)
    return f"0x{value:04x} {broadcast}" if broadcast else f"0x{value:04x}"


FRAME_CONTROL = (
    Bits("frame_type", 0, 2, names(PACKAGE, "nwk_frame_type")),
    Bits("version", 2, 4, names(PACKAGE, "nwk_version")),
    Bits("discover_route", 6, 2, names(PACKAGE, "discover_route")),
    Bits("multicast", 8, 1),
    Bits("security", 9, 1),
    Bits("source_route", 10, 1),
    Bits("dst_eui64_present", 11, 1),
    Bits("src_eui64_present", 12, 1),
    Bits("end_device_initiator", 13, 1),
    Bits("reserved", 14, 2),
)


def flag(name: str) -> Any:
    return lambda h: h.bit(name)


class NwkHeader(Layer):
    """The NWK header up to the auxiliary header or the payload."""

    name = "ZigBee NWK"
    title = "nwk"
    columns = (
        Column("nwk_type", ("frame_type",), NWK_TYPES, bit=True),
        Column("nwk_src", ("src",)),
        Column("nwk_dst", ("dst",)),
        Column("nwk_seq", ("sequence",)),
        Column("nwk_radius", ("radius",)),
    )
    parts = [
        Word("frame_control", ZIGBEE_PRO << 2, 2, FRAME_CONTROL),
        UInt("dst", 0xFFFC, 2, names=short_text),
        UInt("src", 0, 2, names=short_text),
        UInt("radius", 30, 1),
        UInt("sequence", 0, 1),
        UInt("dst_eui64", 0, 8, when=flag("dst_eui64_present"), names=eui64_text),
        UInt("src_eui64", 0, 8, when=flag("src_eui64_present"), names=eui64_text),
        Word(
            "multicast_control",
            0,
            1,
            (
                Bits("multicast_mode", 0, 2, {0: "non-member", 1: "member"}),
                Bits("nonmember_radius", 2, 3),
                Bits("max_nonmember_radius", 5, 3),
            ),
            when=flag("multicast"),
        ),
        UInt("relay_count", None, 1, when=flag("source_route"), count_of="relays"),
        UInt("relay_index", 0, 1, when=flag("source_route")),
        ListOf(
            "relays",
            UInt("relay", 0, 2, names=short_text),
            count=lambda h: h.relay_count,
            when=flag("source_route"),
        ),
    ]


class InterPanHeader(Layer):
    """The NWK stub of inter-PAN frames: a frame control and no more (annex H of Smart Energy 07-5356)."""

    name = "ZigBee inter-PAN"
    title = "nwk"
    parts = [Word("frame_control", INTER_PAN | ZIGBEE_PRO << 2, 2, FRAME_CONTROL)]


class AuxHeader(Layer):
    """The auxiliary header. The level bits are 0 on the air; level 5 is meant."""

    name = "ZigBee security"
    title = "security"
    columns = (Column("nwk_counter", ("frame_counter",)), Column("nwk_key_seq", ("key_sequence",)))
    parts = [
        Word(
            "security_control",
            0x28,
            1,
            (
                Bits("level", 0, 3, lambda v: "as the network's (5)" if v == 0 else f"{v}"),
                Bits("key_id", 3, 2, names(PACKAGE, "key_id")),
                Bits("extended_nonce", 5, 1),
                Bits("verified_counter", 6, 1),
                Bits("control_reserved", 7, 1),
            ),
        ),
        UInt("frame_counter", 0, 4),
        UInt("source", 0, 8, when=flag("extended_nonce"), names=eui64_text),
        UInt("key_sequence", 0, 1, when=lambda h: h.bit("key_id") == 1),
    ]
