"""NWK commands: one layer each, by command identifier.

Source: ZigBee 05-3474 R22 clause 3.4, and R23 for 0x0e and 0x0f (whose TLVs are kept as octets, as are those
that R23 appends to older commands).
"""

from __future__ import annotations

from dissectors.ieee802154.commands import CAPABILITY
from dissectors.layout import Bits, Layer, ListOf, Octets, Records, UInt, Word, eui64_text
from dissectors.layout.tables import names
from dissectors.zigbee.nwk.headers import PACKAGE, flag, short_text

__all__ = ["NWK_COMMANDS", "NWK_COMMAND_NAMES", "NwkCommandId"]

NWK_COMMAND_NAMES = names(PACKAGE, "nwk_command")
UNKNOWN_COMMAND = 0x13


class NwkCommandId(Layer):
    name = "NWK command"
    title = "nwk_command"
    parts = [UInt("command", 8, 1, names=NWK_COMMAND_NAMES)]


class RouteRequest(Layer):
    name = "Route Request"
    parts = [
        Word(
            "options",
            0,
            1,
            (
                Bits("options_reserved_1", 0, 3),
                Bits("many_to_one", 3, 2, names(PACKAGE, "many_to_one")),
                Bits("target_eui64_present", 5, 1),
                Bits("multicast_target", 6, 1),
                Bits("options_reserved_2", 7, 1),
            ),
        ),
        UInt("route_request_id", 0, 1),
        UInt("target", 0, 2, names=short_text),
        UInt("path_cost", 0, 1),
        UInt("target_eui64", 0, 8, when=flag("target_eui64_present"), names=eui64_text),
    ]


class RouteReply(Layer):
    name = "Route Reply"
    parts = [
        Word(
            "options",
            0,
            1,
            (
                Bits("options_reserved_1", 0, 4),
                Bits("originator_eui64_present", 4, 1),
                Bits("responder_eui64_present", 5, 1),
                Bits("multicast_target", 6, 1),
                Bits("options_reserved_2", 7, 1),
            ),
        ),
        UInt("route_request_id", 0, 1),
        UInt("originator", 0, 2, names=short_text),
        UInt("responder", 0, 2, names=short_text),
        UInt("path_cost", 0, 1),
        UInt("originator_eui64", 0, 8, when=flag("originator_eui64_present"), names=eui64_text),
        UInt("responder_eui64", 0, 8, when=flag("responder_eui64_present"), names=eui64_text),
    ]


class NetworkStatus(Layer):
    name = "Network Status"
    parts = [
        UInt("status", 0, 1, names=names(PACKAGE, "nwk_status")),
        UInt("target", 0, 2, names=short_text),
        Octets("unknown_command", when=lambda h: h.status == UNKNOWN_COMMAND),
    ]


class Leave(Layer):
    name = "Leave"
    parts = [
        Word(
            "options",
            0,
            1,
            (
                Bits("options_reserved", 0, 5),
                Bits("rejoin", 5, 1),
                Bits("request", 6, 1, {0: "the sender leaves", 1: "the receiver is to leave"}),
                Bits("remove_children", 7, 1),
            ),
        )
    ]


class RouteRecord(Layer):
    name = "Route Record"
    parts = [
        UInt("relay_count", None, 1, count_of="relays"),
        ListOf("relays", UInt("relay", 0, 2, names=short_text), count=lambda h: h.relay_count),
    ]


class RejoinRequest(Layer):
    name = "Rejoin Request"
    parts = [Word("capability", 0x8E, 1, CAPABILITY), Octets("tlvs")]


class RejoinResponse(Layer):
    name = "Rejoin Response"
    parts = [
        UInt("short_address", 0, 2, names=short_text),
        UInt("status", 0, 1, names=names(PACKAGE, "rejoin_status")),
        Octets("tlvs"),
    ]


class LinkEntry(Layer):
    name = "Link"
    title = "link"
    parts = [
        UInt("neighbour", 0, 2, names=short_text),
        Word(
            "link_cost",
            0,
            1,
            (
                Bits("incoming_cost", 0, 3),
                Bits("cost_reserved_1", 3, 1),
                Bits("outgoing_cost", 4, 3),
                Bits("cost_reserved_2", 7, 1),
            ),
        ),
    ]


class LinkStatus(Layer):
    name = "Link Status"
    parts = [
        Word(
            "options",
            0x60,
            1,
            (
                Bits("link_count", 0, 5),
                Bits("first_frame", 5, 1),
                Bits("last_frame", 6, 1),
                Bits("options_reserved", 7, 1),
            ),
        ),
        Records("links", LinkEntry, count=flag("link_count")),
    ]


def report_bits(names_field: str) -> tuple[Bits, ...]:
    return (Bits("information_count", 0, 5), Bits("identifier", 5, 3, names(PACKAGE, names_field)))


PANS_OR_OCTETS = (
    ListOf(
        "pans",
        UInt("pan", 0, 2, names=short_text),
        count=flag("information_count"),
        when=lambda h: h.bit("identifier") == 0,
    ),
    Octets("information", when=lambda h: h.bit("identifier") != 0),
)


class NetworkReport(Layer):
    """Report information is a list of PAN IDs in the one report there is, PAN identifier conflict."""

    name = "Network Report"
    parts = [
        Word("options", 1, 1, report_bits("report_type")),
        UInt("extended_pan_id", 0, 8, names=eui64_text),
        *PANS_OR_OCTETS,
    ]


class NetworkUpdate(Layer):
    name = "Network Update"
    parts = [
        Word("options", 1, 1, report_bits("update_type")),
        UInt("extended_pan_id", 0, 8, names=eui64_text),
        UInt("update_id", 0, 1),
        *PANS_OR_OCTETS,
    ]


class EndDeviceTimeoutRequest(Layer):
    name = "End Device Timeout Request"
    parts = [UInt("timeout", 8, 1, names=names(PACKAGE, "timeout")), UInt("configuration", 0, 1)]


class EndDeviceTimeoutResponse(Layer):
    name = "End Device Timeout Response"
    parts = [
        UInt("status", 0, 1, names=names(PACKAGE, "timeout_status")),
        Word(
            "parent_information",
            0,
            1,
            (
                Bits("keepalive_by_poll", 0, 1),
                Bits("keepalive_by_timeout_request", 1, 1),
                Bits("power_negotiation", 2, 1),
                Bits("information_reserved", 3, 5),
            ),
        ),
    ]


class PowerEntry(Layer):
    name = "Power delta"
    title = "power"
    parts = [
        UInt("device", 0, 2, names=short_text),
        UInt("power_delta", 0, 1, signed=True, names=lambda v: f"{v} dB"),
    ]


class LinkPowerDelta(Layer):
    """Power control of the sub-GHz band (R22 clause 3.4.13)."""

    name = "Link Power Delta"
    parts = [
        Word(
            "options",
            0,
            1,
            (Bits("power_type", 0, 2, names(PACKAGE, "link_power_type")), Bits("options_reserved", 2, 6)),
        ),
        UInt("entry_count", None, 1, count_of="powers"),
        Records("powers", PowerEntry, count=lambda h: h.entry_count),
    ]


class CommissioningRequest(Layer):
    name = "Network Commissioning Request"
    parts = [
        UInt("commissioning_type", 0, 1, names=names(PACKAGE, "commissioning_type")),
        Word("capability", 0x8E, 1, CAPABILITY),
        Octets("tlvs"),
    ]


class CommissioningResponse(Layer):
    name = "Network Commissioning Response"
    parts = [
        UInt("short_address", 0, 2, names=short_text),
        UInt("status", 0, 1, names=names(PACKAGE, "rejoin_status")),
        Octets("tlvs"),
    ]


NWK_COMMANDS: dict[int, type[Layer]] = {
    0x01: RouteRequest,
    0x02: RouteReply,
    0x03: NetworkStatus,
    0x04: Leave,
    0x05: RouteRecord,
    0x06: RejoinRequest,
    0x07: RejoinResponse,
    0x08: LinkStatus,
    0x09: NetworkReport,
    0x0A: NetworkUpdate,
    0x0B: EndDeviceTimeoutRequest,
    0x0C: EndDeviceTimeoutResponse,
    0x0D: LinkPowerDelta,
    0x0E: CommissioningRequest,
    0x0F: CommissioningResponse,
}
