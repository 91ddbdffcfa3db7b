"""What a beacon says behind its header: superframe, guaranteed time slots, pending addresses.

Source: IEEE 802.15.4-2015 clause 7.3.1 (beacons of frame versions 0 and 1; the enhanced beacon of version 2
has information elements instead).
"""

from __future__ import annotations

from dissectors.ieee802154.headers import short_text
from dissectors.layout import Bits, Layer, ListOf, Records, UInt, Word, eui64_text

__all__ = ["SUPERFRAME", "BeaconInfo", "GtsDescriptor"]

SUPERFRAME = (
    Bits("beacon_order", 0, 4, lambda v: "no periodic beacons" if v == 15 else ""),
    Bits("superframe_order", 4, 4),
    Bits("final_cap_slot", 8, 4),
    Bits("battery_life_extension", 12, 1),
    Bits("superframe_reserved", 13, 1),
    Bits("pan_coordinator", 14, 1),
    Bits("association_permit", 15, 1),
)


class GtsDescriptor(Layer):
    name = "GTS descriptor"
    title = "gts"
    parts = [
        UInt("device", 0, 2, names=short_text),
        Word("slots", 0, 1, (Bits("starting_slot", 0, 4), Bits("slot_length", 4, 4))),
    ]


class BeaconInfo(Layer):
    """Superframe specification, GTS and pending address fields of a beacon."""

    name = "Beacon"
    title = "beacon"
    parts = [
        Word("superframe", 0x0FFF, 2, SUPERFRAME),
        Word(
            "gts_specification",
            0,
            1,
            (Bits("gts_count", 0, 3), Bits("gts_reserved", 3, 4), Bits("gts_permit", 7, 1)),
        ),
        Word(
            "gts_directions",
            0,
            1,
            (Bits("directions", 0, 7), Bits("directions_reserved", 7, 1)),
            when=lambda h: h.bit("gts_count"),
        ),
        Records(
            "gts_list", GtsDescriptor, count=lambda h: h.bit("gts_count"), when=lambda h: h.bit("gts_count")
        ),
        Word(
            "pending_specification",
            0,
            1,
            (
                Bits("short_count", 0, 3),
                Bits("pending_reserved_1", 3, 1),
                Bits("extended_count", 4, 3),
                Bits("pending_reserved_2", 7, 1),
            ),
        ),
        ListOf(
            "pending_short",
            UInt("address", 0, 2, names=short_text),
            count=lambda h: h.bit("short_count"),
            when=lambda h: h.bit("short_count"),
        ),
        ListOf(
            "pending_extended",
            UInt("address", 0, 8, names=eui64_text),
            count=lambda h: h.bit("extended_count"),
            when=lambda h: h.bit("extended_count"),
        ),
    ]
