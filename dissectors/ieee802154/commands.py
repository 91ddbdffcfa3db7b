"""MAC commands: one layer each, by command identifier.

Source: IEEE 802.15.4-2015 clause 7.5. The DSME, TRLE, DBS and RIT commands are named; what they carry stays
octets, because no ZigBee network uses them.
"""

from __future__ import annotations

from dissectors.ieee802154.headers import PACKAGE, short_text
from dissectors.layout import Bits, Layer, Octets, UInt, Word
from dissectors.layout.tables import names

__all__ = ["CAPABILITY", "COMMANDS", "COMMAND_NAMES", "WITHOUT_FIELDS", "CommandId"]

COMMAND_NAMES = names(PACKAGE, "command")
CAPABILITY = (
    Bits("alternate_coordinator", 0, 1),
    Bits("device_type", 1, 1, {0: "reduced-function (end device)", 1: "full-function (router)"}),
    Bits("power_source", 2, 1, {0: "battery or unknown", 1: "mains"}),
    Bits("receiver_on_when_idle", 3, 1),
    Bits("association_type", 4, 1, {0: "normal", 1: "fast"}),
    Bits("capability_reserved", 5, 1),
    Bits("security_capability", 6, 1),
    Bits("allocate_address", 7, 1),
)


class CommandId(Layer):
    name = "MAC command"
    title = "command"
    parts = [UInt("command", 4, 1, names=COMMAND_NAMES)]


class AssociationRequest(Layer):
    name = "Association Request"
    parts = [Word("capability", 0x8E, 1, CAPABILITY)]


class AssociationResponse(Layer):
    name = "Association Response"
    parts = [
        UInt("short_address", 0xFFFF, 2, names=short_text),
        UInt("status", 0, 1, names=names(PACKAGE, "association_status")),
    ]


class DisassociationNotification(Layer):
    name = "Disassociation Notification"
    parts = [UInt("reason", 2, 1, names=names(PACKAGE, "disassociation_reason"))]


class CoordinatorRealignment(Layer):
    """The channel page is there only when it changes: two lengths are right."""

    name = "Coordinator Realignment"
    parts = [
        UInt("pan", 0xFFFF, 2, names=short_text),
        UInt("coordinator", 0, 2, names=short_text),
        UInt("channel", 11, 1),
        UInt("short_address", 0xFFFF, 2, names=short_text),
        Octets("channel_page", names=lambda v: f"page {v[0]}" if len(v) == 1 else ""),
    ]


class GtsRequest(Layer):
    name = "GTS Request"
    parts = [
        Word(
            "characteristics",
            0,
            1,
            (
                Bits("gts_length", 0, 4),
                Bits("gts_direction", 4, 1, names(PACKAGE, "gts_direction")),
                Bits("gts_type", 5, 1, names(PACKAGE, "gts_type")),
                Bits("reserved", 6, 2),
            ),
        )
    ]


class VendorSpecific(Layer):
    name = "Vendor Specific"
    parts = [UInt("vendor_oui", 0, 3), Octets("vendor_payload")]


COMMANDS: dict[int, type[Layer]] = {
    1: AssociationRequest,
    2: AssociationResponse,
    3: DisassociationNotification,
    8: CoordinatorRealignment,
    9: GtsRequest,
    0x24: VendorSpecific,
}
"""Commands with fields. The others carry none, or octets that are kept as such."""
WITHOUT_FIELDS = frozenset({4, 5, 6, 7})
