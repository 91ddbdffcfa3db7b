"""Information elements of IEEE 802.15.4 frames of version 2.

Header IEs run up to a termination element; Header Termination 1 says that payload IEs follow, Header
Termination 2 that the payload does. Without one they run up to the end of the frame.

Sources: IEEE 802.15.4-2015 clauses 7.4.2 (header IEs), 7.4.3 and 7.4.4 (payload and nested IEs);
ZigBee 05-3474 R22 annex D (ZigBee payload IEs of the sub-GHz band, OUI 4A-19-1B).
"""

from __future__ import annotations

from typing import Any

from dissectors.ieee802154.beacon import SUPERFRAME
from dissectors.ieee802154.headers import PACKAGE, short_text
from dissectors.ieee802154.zigbee_beacon import ZigbeeBeacon
from dissectors.layout import Bits, Layer, Nested, Octets, Records, UInt, Word, eui64_text
from dissectors.layout.tables import names
from dissectors.model.cursor import Cursor

__all__ = ["HeaderIEs", "PayloadIEs"]

HEADER_TERMINATION_1, HEADER_TERMINATION_2, PAYLOAD_TERMINATION = 0x7E, 0x7F, 0xF
MLME, VENDOR = 1, 2
ZIGBEE_OUI = 0x4A191B
BEACON_OCTETS = 15


class VendorIE(Layer):
    name = "Vendor"
    parts = [UInt("vendor_oui", 0, 3, names=lambda v: f"{v:06x}"), Octets("vendor_content")]


class CslIE(Layer):
    name = "CSL"
    parts = [
        UInt("phase", 0, 2, names=lambda v: f"{v * 10} symbols"),
        UInt("period", 0, 2, names=lambda v: f"{v * 10} symbols"),
        Octets("rendezvous_time"),
    ]


class RitIE(Layer):
    name = "RIT"
    parts = [UInt("time_to_first_listen", 0, 1), UInt("repeats", 0, 1), UInt("repeat_interval", 0, 2)]


class RendezvousIE(Layer):
    name = "Rendezvous Time"
    parts = [UInt("rendezvous_time", 0, 2), Octets("wakeup_interval")]


class TimeCorrectionIE(Layer):
    """12-bit signed microseconds, and whether the frame was acknowledged negatively."""

    name = "Time Correction"
    parts = [
        Word(
            "time_sync",
            0,
            2,
            (
                Bits("correction", 0, 12, lambda v: f"{v - 4096 if v > 2047 else v} us"),
                Bits("sync_reserved", 12, 3),
                Bits("nack", 15, 1),
            ),
        )
    ]


class GlobalTimeIE(Layer):
    name = "Global Time"
    parts = [UInt("global_time", 0, 4, names=lambda v: f"{v} s")]


class TschSynchronizationIE(Layer):
    name = "TSCH Synchronization"
    parts = [UInt("asn", 0, 5), UInt("join_metric", 0, 1)]


class SlotLink(Layer):
    name = "TSCH link"
    title = "link"
    parts = [
        UInt("timeslot", 0, 2),
        UInt("channel_offset", 0, 2),
        Word(
            "link_options",
            0,
            1,
            (
                Bits("transmit", 0, 1),
                Bits("receive", 1, 1),
                Bits("shared", 2, 1),
                Bits("timekeeping", 3, 1),
                Bits("priority", 4, 1),
                Bits("link_reserved", 5, 3),
            ),
        ),
    ]


class Slotframe(Layer):
    name = "TSCH slotframe"
    title = "slotframe"
    parts = [
        UInt("handle", 0, 1),
        UInt("size", 0, 2),
        UInt("links", None, 1, count_of="link"),
        Records("link", SlotLink, count=lambda h: h.links),
    ]


class TschSlotframeIE(Layer):
    name = "TSCH Slotframe and Link"
    parts = [
        UInt("slotframes", None, 1, count_of="slotframe"),
        Records("slotframe", Slotframe, count=lambda h: h.slotframes),
    ]


class TschTimeslotIE(Layer):
    """A timeslot identifier alone, or with the whole template."""

    name = "TSCH Timeslot"
    parts = [UInt("timeslot_id", 0, 1), Octets("timings")]


class ChannelHoppingIE(Layer):
    name = "Channel Hopping"
    parts = [UInt("hopping_sequence_id", 0, 1), Octets("hopping_sequence")]


class EnhancedBeaconFilterIE(Layer):
    name = "Enhanced Beacon Filter"
    parts = [
        Word(
            "filters",
            0,
            1,
            (
                Bits("permit_joining", 0, 1),
                Bits("include_link_quality", 1, 1),
                Bits("include_percent", 2, 1),
                Bits("attribute_count", 3, 2),
                Bits("filter_reserved", 5, 3),
            ),
        ),
        UInt("link_quality", 0, 1, when=lambda h: h.bit("include_link_quality")),
        UInt("percent", 0, 1, when=lambda h: h.bit("include_percent")),
        Octets("attribute_ids", lambda h: h.bit("attribute_count"), when=lambda h: h.bit("attribute_count")),
    ]


class RejoinIE(Layer):
    name = "ZigBee Rejoin"
    parts = [
        UInt("extended_pan_id", 0, 8, names=eui64_text),
        UInt("sender", 0, 2, names=short_text),
    ]


class TxPowerIE(Layer):
    name = "ZigBee TX Power"
    parts = [UInt("tx_power", 0, 1, signed=True, names=lambda v: f"{v} dBm")]


class EnhancedBeaconPayloadIE(Layer):
    name = "ZigBee Enhanced Beacon Payload"
    parts = [
        Nested("beacon_payload", lambda h: ZigbeeBeacon, lambda h: BEACON_OCTETS),
        Word("superframe", 0x0FFF, 2, SUPERFRAME),
        UInt("sender", 0, 2, names=short_text),
    ]


ZIGBEE_IES: dict[int, type[Layer]] = {0: RejoinIE, 1: TxPowerIE, 2: EnhancedBeaconPayloadIE}
ZIGBEE_IE_NAMES = {key: layer.name for key, layer in ZIGBEE_IES.items()}


class ZigbeeIE(Layer):
    name = "ZigBee IE"
    title = "zigbee_ie"
    parts = [
        Word("descriptor", 0, 2, (Bits("zigbee_length", 0, 6), Bits("zigbee_id", 6, 10, ZIGBEE_IE_NAMES))),
        Nested("content", lambda h: ZIGBEE_IES.get(h.bit("zigbee_id")), lambda h: h.bit("zigbee_length")),
    ]


def vendor_records(layer: Any, cursor: Cursor) -> bool:
    return layer.vendor_oui == ZIGBEE_OUI and cursor.remaining >= 2


class VendorPayloadIE(Layer):
    name = "Vendor"
    parts = [
        UInt("vendor_oui", 0, 3, names=lambda v: "ZigBee Alliance" if v == ZIGBEE_OUI else f"{v:06x}"),
        Records("zigbee", ZigbeeIE, more=vendor_records, when=lambda h: h.vendor_oui == ZIGBEE_OUI),
        Octets("vendor_content", when=lambda h: h.vendor_oui != ZIGBEE_OUI),
    ]


NESTED: dict[int, type[Layer]] = {
    0x09: ChannelHoppingIE,
    0x1A: TschSynchronizationIE,
    0x1B: TschSlotframeIE,
    0x1C: TschTimeslotIE,
    0x1E: EnhancedBeaconFilterIE,
}
NESTED_NAMES = names(PACKAGE, "mlme_ie")


class ShortNestedIE(Layer):
    name = "MLME IE"
    title = "nested_ie"
    parts = [
        Word(
            "descriptor",
            0,
            2,
            (Bits("nested_length", 0, 8), Bits("nested_id", 8, 7, NESTED_NAMES), Bits("nested_type", 15, 1)),
        ),
        Nested("content", lambda h: NESTED.get(h.bit("nested_id")), lambda h: h.bit("nested_length")),
    ]


class LongNestedIE(Layer):
    name = "MLME IE"
    title = "nested_ie"
    parts = [
        Word(
            "descriptor",
            0x8000,
            2,
            (
                Bits("nested_length", 0, 11),
                Bits("nested_id", 11, 4, NESTED_NAMES),
                Bits("nested_type", 15, 1),
            ),
        ),
        Nested("content", lambda h: NESTED.get(h.bit("nested_id")), lambda h: h.bit("nested_length")),
    ]


def nested_kind(layer: Any, cursor: Cursor) -> type[Layer]:
    head = cursor.peek(2)
    return LongNestedIE if len(head) == 2 and head[1] & 0x80 else ShortNestedIE


class MlmeIE(Layer):
    name = "MLME"
    parts = [Records("nested", nested_kind)]


HEADER_CONTENT: dict[int, type[Layer]] = {
    0x00: VendorIE,
    0x1A: CslIE,
    0x1B: RitIE,
    0x1D: RendezvousIE,
    0x1E: TimeCorrectionIE,
    0x29: GlobalTimeIE,
}
PAYLOAD_CONTENT: dict[int, type[Layer]] = {MLME: MlmeIE, VENDOR: VendorPayloadIE}


class HeaderIE(Layer):
    name = "Header IE"
    title = "header_ie"
    parts = [
        Word(
            "descriptor",
            0,
            2,
            (
                Bits("ie_length", 0, 7),
                Bits("ie_id", 7, 8, names(PACKAGE, "header_ie")),
                Bits("ie_type", 15, 1),
            ),
        ),
        Nested("content", lambda h: HEADER_CONTENT.get(h.bit("ie_id")), lambda h: h.bit("ie_length")),
    ]


class PayloadIE(Layer):
    name = "Payload IE"
    title = "payload_ie"
    parts = [
        Word(
            "descriptor",
            0x8000,
            2,
            (
                Bits("ie_length", 0, 11),
                Bits("ie_id", 11, 4, names(PACKAGE, "payload_ie")),
                Bits("ie_type", 15, 1),
            ),
        ),
        Nested("content", lambda h: PAYLOAD_CONTENT.get(h.bit("ie_id")), lambda h: h.bit("ie_length")),
    ]


def goes_on(*terminations: int) -> Any:
    """Whether another element follows: none does behind a termination."""

    def more(layer: Any, cursor: Cursor) -> bool:
        before = layer.fields["ies"]
        return not before or before[-1].bit("ie_id") not in terminations

    return more


class HeaderIEs(Layer):
    name = "Header IEs"
    title = "header_ies"
    parts = [Records("ies", HeaderIE, more=goes_on(HEADER_TERMINATION_1, HEADER_TERMINATION_2))]

    def payload_ies_follow(self) -> bool:
        """Whether the list ended in Header Termination 1."""
        return bool(self.ies) and self.ies[-1].bit("ie_id") == HEADER_TERMINATION_1


class PayloadIEs(Layer):
    name = "Payload IEs"
    title = "payload_ies"
    parts = [Records("ies", PayloadIE, more=goes_on(PAYLOAD_TERMINATION))]
