"""The IEEE 802.15.4 header as a layer: frame versions 0 to 2, and the multipurpose frame.

Sources: IEEE 802.15.4-2015 clauses 7.2 (general frame format), 7.3.5 (multipurpose), 9.4 (auxiliary
security header); table 7-2 (PAN ID compression). In a 2003 frame (version 0) the security bit means another,
withdrawn format, so no auxiliary header is read there (`Security2003`).
"""

from __future__ import annotations

from typing import Any

from dissectors.layout import Bits, Column, Layer, Octets, UInt, Word, eui64_text
from dissectors.layout.tables import names

__all__ = [
    "ADDRESS_MODES",
    "FRAME_TYPES",
    "AuxSecurity",
    "AuxSecurity2006",
    "MacHeader",
    "MultipurposeHeader",
    "Security2003",
    "pan_fields",
]

PACKAGE = "ieee802154"
FRAME_TYPES = ("beacon", "data", "ack", "command", "reserved", "multipurpose", "fragment", "extended")
ADDRESS_MODES = ("none", "reserved", "short", "extended")
NONE, SHORT, EXTENDED = 0, 2, 3
MULTIPURPOSE, FRAGMENT = 5, 6


def short_text(value: int) -> str:
    """A PAN ID or short address in words."""
    return "0xffff broadcast" if value == 0xFFFF else f"0x{value:04x}"


def pan_fields(version: int, dst: int, src: int, compression: int) -> tuple[bool, bool]:
    """Whether the destination and the source PAN ID are in the header (table 7-2 for version 2).

    >>> pan_fields(1, 2, 2, 1), pan_fields(2, 3, 3, 0), pan_fields(2, 0, 0, 1)
    ((True, False), (True, False), (True, False))
    """
    if version < 2:
        return dst != NONE, src != NONE and not (compression and dst != NONE)
    if dst == NONE and src == NONE:
        return bool(compression), False
    if src == NONE:
        return not compression, False
    if dst == NONE:
        return False, not compression
    if dst == EXTENDED and src == EXTENDED:
        return not compression, False
    return True, not compression


def has_dst_pan(h: Any) -> bool:
    return pan_fields(h.bit("version"), h.bit("dst_mode"), h.bit("src_mode"), h.bit("pan_id_compression"))[0]


def has_src_pan(h: Any) -> bool:
    return pan_fields(h.bit("version"), h.bit("dst_mode"), h.bit("src_mode"), h.bit("pan_id_compression"))[1]


def addressed(h: Any) -> bool:
    """Frames whose header goes on behind the frame control field as this module knows it."""
    return h.bit("frame_type") not in (4, FRAGMENT, 7) and h.bit("version") < 3


FRAME_CONTROL = (
    Bits("frame_type", 0, 3, names(PACKAGE, "frame_type")),
    Bits("security_enabled", 3, 1),
    Bits("frame_pending", 4, 1),
    Bits("ack_request", 5, 1),
    Bits("pan_id_compression", 6, 1),
    Bits("reserved", 7, 1),
    Bits("sequence_suppression", 8, 1),
    Bits("ie_present", 9, 1),
    Bits("dst_mode", 10, 2, names(PACKAGE, "address_mode")),
    Bits("version", 12, 2, names(PACKAGE, "frame_version")),
    Bits("src_mode", 14, 2, names(PACKAGE, "address_mode")),
)


MAC_COLUMNS = (
    Column("mac_type", ("frame_type",), FRAME_TYPES, bit=True),
    Column("mac_dst_mode", ("dst_mode",), ADDRESS_MODES, bit=True),
    Column("mac_src_mode", ("src_mode",), ADDRESS_MODES, bit=True),
    Column("mac_ack_request", ("ack_request",), bit=True, flag=True),
    Column("mac_pending", ("frame_pending",), bit=True, flag=True),
    Column("mac_seq", ("sequence",)),
    Column("mac_dst_pan", ("dst_pan", "src_pan"), shared=("dst_mode", SHORT)),
    Column("mac_src_pan", ("src_pan", "dst_pan"), shared=("src_mode", SHORT)),
    Column("mac_dst", ("dst_short", "dst_eui64")),
    Column("mac_src", ("src_short", "src_eui64")),
)
"""A compressed PAN ID is that of the other side (table 7-2); both address modes that are in use have the bit of SHORT."""


class MacHeader(Layer):
    """Frame control, sequence number and addresses of all frame types but multipurpose.

    Fragment and extended frames, the reserved type and the reserved version end behind the frame control.
    """

    name = "802.15.4"
    title = "mac"
    columns = MAC_COLUMNS
    parts = [
        Word("frame_control", 0x0001, 2, FRAME_CONTROL),
        UInt(
            "sequence",
            0,
            1,
            when=lambda h: addressed(h) and not (h.bit("version") == 2 and h.bit("sequence_suppression")),
        ),
        UInt("dst_pan", 0xFFFF, 2, when=lambda h: addressed(h) and has_dst_pan(h), names=short_text),
        UInt(
            "dst_short",
            0xFFFF,
            2,
            when=lambda h: addressed(h) and h.bit("dst_mode") == SHORT,
            names=short_text,
        ),
        UInt(
            "dst_eui64", 0, 8, when=lambda h: addressed(h) and h.bit("dst_mode") == EXTENDED, names=eui64_text
        ),
        UInt("src_pan", 0xFFFF, 2, when=lambda h: addressed(h) and has_src_pan(h), names=short_text),
        UInt("src_short", 0, 2, when=lambda h: addressed(h) and h.bit("src_mode") == SHORT, names=short_text),
        UInt(
            "src_eui64", 0, 8, when=lambda h: addressed(h) and h.bit("src_mode") == EXTENDED, names=eui64_text
        ),
    ]

    def secured(self) -> bool:
        """Whether an auxiliary security header follows."""
        return bool(self.bit("security_enabled")) and self.bit("version") in (1, 2) and addressed(self)

    def has_ies(self) -> bool:
        """Whether information elements follow."""
        return self.bit("version") == 2 and bool(self.bit("ie_present")) and addressed(self)


class MultipurposeHeader(Layer):
    """The multipurpose frame's header: one octet of frame control, or two when `long_control` is set."""

    name = "802.15.4 multipurpose"
    title = "mac"
    columns = MAC_COLUMNS
    parts = [
        Word(
            "frame_control",
            0x05,
            1,
            (
                Bits("frame_type", 0, 3, names(PACKAGE, "frame_type")),
                Bits("long_control", 3, 1),
                Bits("dst_mode", 4, 2, names(PACKAGE, "address_mode")),
                Bits("src_mode", 6, 2, names(PACKAGE, "address_mode")),
            ),
        ),
        Word(
            "frame_control_2",
            0,
            1,
            (
                Bits("pan_id_present", 0, 1),
                Bits("security_enabled", 1, 1),
                Bits("sequence_suppression", 2, 1),
                Bits("frame_pending", 3, 1),
                Bits("version", 4, 2),
                Bits("ack_request", 6, 1),
                Bits("ie_present", 7, 1),
            ),
            when=lambda h: h.bit("long_control"),
        ),
        UInt("sequence", 0, 1, when=lambda h: not h.bit("sequence_suppression")),
        UInt("dst_pan", 0xFFFF, 2, when=lambda h: h.bit("pan_id_present"), names=short_text),
        UInt("dst_short", 0xFFFF, 2, when=lambda h: h.bit("dst_mode") == SHORT, names=short_text),
        UInt("dst_eui64", 0, 8, when=lambda h: h.bit("dst_mode") == EXTENDED, names=eui64_text),
        UInt("src_short", 0, 2, when=lambda h: h.bit("src_mode") == SHORT, names=short_text),
        UInt("src_eui64", 0, 8, when=lambda h: h.bit("src_mode") == EXTENDED, names=eui64_text),
    ]

    def bit(self, name: str) -> int:
        # Without the second octet its parts read as 0, whatever a default might say.
        if self.bit_of[name][0] == "frame_control_2" and not super().bit("long_control"):
            return 0
        return super().bit(name)

    def secured(self) -> bool:
        """Whether an auxiliary security header follows."""
        return bool(self.bit("security_enabled"))

    def has_ies(self) -> bool:
        """Whether information elements follow."""
        return bool(self.bit("ie_present"))


KEY_SOURCE_OCTETS = (0, 0, 4, 8)


LEVEL_AND_KEY = (
    Bits("level", 0, 3, names(PACKAGE, "security_level")),
    Bits("key_id_mode", 3, 2, names(PACKAGE, "key_id_mode")),
)


class AuxSecurity(Layer):
    """The auxiliary security header (9.4) of frame version 2."""

    name = "802.15.4 security"
    title = "aux_security"
    parts = [
        Word(
            "security_control",
            0x05,
            1,
            (
                *LEVEL_AND_KEY,
                Bits("counter_suppression", 5, 1),
                Bits("asn_in_nonce", 6, 1),
                Bits("reserved", 7, 1),
            ),
        ),
        UInt("frame_counter", 0, 4, when=lambda h: not h.bit("counter_suppression")),
        Octets(
            "key_source",
            lambda h: KEY_SOURCE_OCTETS[h.bit("key_id_mode")],
            when=lambda h: h.bit("key_id_mode") > 1,
        ),
        UInt("key_index", 0, 1, when=lambda h: h.bit("key_id_mode") > 0),
    ]

    @property
    def mic_octets(self) -> int:
        """Octets of the integrity code at this level."""
        return (0, 4, 8, 16)[self.bit("level") & 3]


class AuxSecurity2006(AuxSecurity):
    """The auxiliary security header of frame version 1: three reserved bits, and always a frame counter."""

    name = "802.15.4 security"
    parts = [
        Word("security_control", 0x05, 1, (*LEVEL_AND_KEY, Bits("reserved", 5, 3))),
        UInt("frame_counter", 0, 4),
        *AuxSecurity.parts[2:],
    ]


class Security2003(Layer):
    """What a secured frame of version 0 carries in front of its enciphered payload (802.15.4-2003 7.6)."""

    name = "802.15.4-2003 security"
    title = "security_2003"
    parts = [UInt("frame_counter", 0, 4), UInt("key_sequence", 0, 1)]
