"""The ZigBee APS header with its extended header, and the inter-PAN APS header.

Sources: ZigBee 05-3474 R22 clause 2.2.5 (APS frame formats); ZigBee 2004 clause 2.2.5.1.1.3 (indirect
delivery, where one endpoint is left out); Smart Energy 07-5356 annex H (inter-PAN).
"""

from __future__ import annotations

from typing import Any

from dissectors.layout import Bits, Column, Layer, UInt, Word
from dissectors.layout.tables import names
from dissectors.zigbee.nwk.headers import PACKAGE

__all__ = ["APS_TYPES", "ApsHeader", "cluster_text", "profile_text"]

APS_TYPES = ("data", "command", "ack", "inter-pan")
DATA, COMMAND, ACK, INTER_PAN = range(4)
UNICAST, INDIRECT, BROADCAST, GROUP = range(4)
PROFILES = names(PACKAGE, "profile")


def profile_text(value: int) -> str:
    """An application profile in words."""
    return PROFILES.get(value, "manufacturer specific" if value > 0x7FFF else f"unknown 0x{value:04x}")


def cluster_text(value: int) -> str:
    """A cluster identifier; which cluster it is, the layer above says."""
    return f"0x{value:04x}"


def has_endpoints(h: Any) -> bool:
    """Commands have none, nor acknowledgements of commands, nor inter-PAN frames."""
    kind = h.bit("frame_type")
    return kind == DATA or (kind == ACK and not h.bit("ack_format"))


def has_dst_endpoint(h: Any) -> bool:
    if not has_endpoints(h) or h.bit("delivery_mode") == GROUP:
        return False
    return not (h.bit("delivery_mode") == INDIRECT and h.bit("ack_format"))


def has_src_endpoint(h: Any) -> bool:
    return has_endpoints(h) and not (h.bit("delivery_mode") == INDIRECT and not h.bit("ack_format"))


def has_group(h: Any) -> bool:
    return h.bit("frame_type") in (DATA, INTER_PAN) and h.bit("delivery_mode") == GROUP


def has_cluster(h: Any) -> bool:
    return has_endpoints(h) or h.bit("frame_type") == INTER_PAN


def extended(h: Any) -> bool:
    return bool(h.bit("extended_header")) and h.bit("frame_type") != INTER_PAN


def fragmented(h: Any) -> bool:
    return extended(h) and h.bit("fragmentation") != 0


class ApsHeader(Layer):
    """The APS header up to the auxiliary header or the payload."""

    name = "ZigBee APS"
    title = "aps"
    columns = (
        Column("aps_type", ("frame_type",), APS_TYPES, bit=True),
        Column("aps_ack_request", ("ack_request",), bit=True, flag=True),
        Column("aps_profile", ("profile",)),
        Column("aps_cluster", ("cluster",)),
        Column("aps_src_endpoint", ("src_endpoint",)),
        Column("aps_dst_endpoint", ("dst_endpoint",)),
        Column("aps_counter", ("counter",)),
    )
    parts = [
        Word(
            "frame_control",
            0,
            1,
            (
                Bits("frame_type", 0, 2, names(PACKAGE, "aps_frame_type")),
                Bits("delivery_mode", 2, 2, names(PACKAGE, "delivery_mode")),
                Bits("ack_format", 4, 1),
                Bits("security", 5, 1),
                Bits("ack_request", 6, 1),
                Bits("extended_header", 7, 1),
            ),
        ),
        UInt("dst_endpoint", 1, 1, when=has_dst_endpoint),
        UInt("group", 0, 2, when=has_group, names=lambda v: f"0x{v:04x}"),
        UInt("cluster", 0, 2, when=has_cluster, names=cluster_text),
        UInt("profile", 0x0109, 2, when=has_cluster, names=profile_text),
        UInt("src_endpoint", 1, 1, when=has_src_endpoint),
        UInt("counter", 0, 1, when=lambda h: h.bit("frame_type") != INTER_PAN),
        Word(
            "extended_control",
            0,
            1,
            (Bits("fragmentation", 0, 2, names(PACKAGE, "fragmentation")), Bits("extended_reserved", 2, 6)),
            when=extended,
        ),
        UInt("block", 0, 1, when=fragmented),
        UInt("ack_bits", 0, 1, when=lambda h: fragmented(h) and h.bit("frame_type") == ACK),
    ]

    def fragment(self) -> int:
        """0: whole; 1: the first block, whose `block` is the number of blocks; 2: a later one."""
        return self.bit("fragmentation") if "extended_control" in self.fields else 0
