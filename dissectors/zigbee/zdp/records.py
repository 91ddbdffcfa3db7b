"""The structures that ZDP commands carry: descriptors and table entries.

Source: ZigBee 05-3474 R22 clauses 2.3.2 (descriptors), 2.4.4.3 (management table entries).
"""

from __future__ import annotations

from dissectors.ieee802154.commands import CAPABILITY
from dissectors.layout import Bits, Layer, ListOf, UInt, Word, eui64_text
from dissectors.layout.tables import names
from dissectors.zigbee.aps.headers import cluster_text, profile_text
from dissectors.zigbee.nwk.headers import PACKAGE, short_text

__all__ = ["BIT_FIELDS", "RECORDS"]

SERVER_MASK = (
    Bits("primary_trust_centre", 0, 1),
    Bits("backup_trust_centre", 1, 1),
    Bits("primary_binding_cache", 2, 1),
    Bits("backup_binding_cache", 3, 1),
    Bits("primary_discovery_cache", 4, 1),
    Bits("backup_discovery_cache", 5, 1),
    Bits("network_manager", 6, 1),
    Bits("server_reserved", 7, 2),
    Bits("stack_revision", 9, 7, lambda v: f"R{v}" if v else "before R21"),
)
LEAVE = (Bits("leave_reserved", 0, 6), Bits("remove_children", 6, 1), Bits("rejoin", 7, 1))
BIT_FIELDS: dict[str, tuple[int, tuple[Bits, ...]]] = {
    "capability": (1, CAPABILITY),
    "server_mask": (2, SERVER_MASK),
    "leave": (1, LEAVE),
}
"""Words by their name in the table: octets and bits."""


class NodeDescriptor(Layer):
    name = "Node descriptor"
    title = "node_descriptor"
    parts = [
        Word(
            "node_flags",
            0x4001,
            2,
            (
                Bits("logical_type", 0, 3, names(PACKAGE, "logical_type")),
                Bits("complex_descriptor_available", 3, 1),
                Bits("user_descriptor_available", 4, 1),
                Bits("flags_reserved", 5, 3),
                Bits("aps_flags", 8, 3),
                Bits("band_868", 11, 1),
                Bits("band_reserved", 12, 1),
                Bits("band_902", 13, 1),
                Bits("band_2400", 14, 1),
                Bits("band_gb_863", 15, 1),
            ),
        ),
        Word("mac_capability", 0x8E, 1, CAPABILITY),
        UInt("manufacturer", 0, 2, names=lambda v: f"0x{v:04x}"),
        UInt("max_buffer", 82, 1),
        UInt("max_incoming_transfer", 82, 2),
        Word("server_mask", 0x2C00, 2, SERVER_MASK),
        UInt("max_outgoing_transfer", 82, 2),
        Word(
            "descriptor_capability",
            0,
            1,
            (
                Bits("extended_active_endpoints", 0, 1),
                Bits("extended_simple_descriptors", 1, 1),
                Bits("descriptor_reserved", 2, 6),
            ),
        ),
    ]


SOURCES = {1: "mains", 2: "rechargeable battery", 4: "disposable battery"}


class PowerDescriptor(Layer):
    name = "Power descriptor"
    title = "power_descriptor"
    parts = [
        Word(
            "power",
            0xC110,
            2,
            (
                Bits("power_mode", 0, 4, names(PACKAGE, "power_mode")),
                Bits("available_sources", 4, 4),
                Bits("current_source", 8, 4, SOURCES),
                Bits("power_level", 12, 4, names(PACKAGE, "power_level")),
            ),
        )
    ]


class SimpleDescriptor(Layer):
    name = "Simple descriptor"
    title = "simple_descriptor"
    parts = [
        UInt("endpoint", 1, 1),
        UInt("profile", 0x0109, 2, names=profile_text),
        UInt("device", 0, 2, names=lambda v: f"0x{v:04x}"),
        Word("version", 0, 1, (Bits("device_version", 0, 4), Bits("version_reserved", 4, 4))),
        UInt("input_count", None, 1, count_of="input_clusters"),
        ListOf("input_clusters", UInt("cluster", 0, 2, names=cluster_text), count=lambda h: h.input_count),
        UInt("output_count", None, 1, count_of="output_clusters"),
        ListOf("output_clusters", UInt("cluster", 0, 2, names=cluster_text), count=lambda h: h.output_count),
    ]


GROUP_MODE, EXTENDED_MODE = 1, 3


class Binding(Layer):
    name = "Binding"
    title = "binding"
    parts = [
        UInt("source_address", 0, 8, names=eui64_text),
        UInt("source_endpoint", 1, 1),
        UInt("cluster", 0, 2, names=cluster_text),
        UInt("dst_addr_mode", EXTENDED_MODE, 1, names=names(PACKAGE, "addr_mode")),
        UInt("group", 0, 2, when=lambda h: h.dst_addr_mode == GROUP_MODE, names=lambda v: f"0x{v:04x}"),
        UInt("destination", 0, 8, when=lambda h: h.dst_addr_mode == EXTENDED_MODE, names=eui64_text),
        UInt("destination_endpoint", 1, 1, when=lambda h: h.dst_addr_mode == EXTENDED_MODE),
    ]


class Network(Layer):
    name = "Network"
    title = "network"
    parts = [
        UInt("extended_pan_id", 0, 8, names=eui64_text),
        UInt("channel", 11, 1),
        Word("profile_version", 0x22, 1, (Bits("stack_profile", 0, 4), Bits("network_version", 4, 4))),
        Word("orders", 0xFF, 1, (Bits("beacon_order", 0, 4), Bits("superframe_order", 4, 4))),
        Word("permit", 0, 1, (Bits("permit_joining", 0, 1), Bits("permit_reserved", 1, 7))),
    ]


class Neighbour(Layer):
    name = "Neighbour"
    title = "neighbour"
    parts = [
        UInt("extended_pan_id", 0, 8, names=eui64_text),
        UInt("ieee_address", 0, 8, names=eui64_text),
        UInt("nwk_address", 0, 2, names=short_text),
        Word(
            "neighbour_flags",
            0,
            1,
            (
                Bits("device_type", 0, 2, names(PACKAGE, "device_type")),
                Bits("listens_when_idle", 2, 2, names(PACKAGE, "tri_state")),
                Bits("relationship", 4, 3, names(PACKAGE, "relationship")),
                Bits("flags_reserved", 7, 1),
            ),
        ),
        Word(
            "permit",
            0,
            1,
            (Bits("permit_joining", 0, 2, names(PACKAGE, "tri_state")), Bits("permit_reserved", 2, 6)),
        ),
        UInt("depth", 0, 1),
        UInt("lqi", 255, 1),
    ]


class Route(Layer):
    name = "Route"
    title = "route"
    parts = [
        UInt("destination", 0, 2, names=short_text),
        Word(
            "route_flags",
            0,
            1,
            (
                Bits("route_status", 0, 3, names(PACKAGE, "route_status")),
                Bits("memory_constrained", 3, 1),
                Bits("many_to_one", 4, 1),
                Bits("route_record_required", 5, 1),
                Bits("flags_reserved", 6, 2),
            ),
        ),
        UInt("next_hop", 0, 2, names=short_text),
    ]


class CachedDevice(Layer):
    name = "Cached device"
    title = "cached"
    parts = [
        UInt("ieee_address", 0, 8, names=eui64_text),
        UInt("nwk_address", 0, 2, names=short_text),
    ]


RECORDS: dict[str, type[Layer]] = {
    "node": NodeDescriptor,
    "power": PowerDescriptor,
    "simple": SimpleDescriptor,
    "binding": Binding,
    "network": Network,
    "neighbour": Neighbour,
    "route": Route,
    "cached": CachedDevice,
}
"""Structures by their name in the table."""
