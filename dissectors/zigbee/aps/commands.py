"""APS commands: one layer each, by command identifier.

Sources: ZigBee 05-3474 R22 clause 4.4.10 (security commands); R17 clause 4.4.9 (SKKE and entity
authentication, withdrawn later); R23 for 0x11 and 0x12 (their TLVs are kept as octets).
"""

from __future__ import annotations

from typing import Any

from dissectors.layout import Layer, Octets, Secret, UInt, eui64_text
from dissectors.layout.tables import names
from dissectors.zigbee.nwk.headers import PACKAGE, short_text

__all__ = ["APS_COMMANDS", "APS_COMMAND_NAMES", "KEY_TYPES", "ApsCommandId"]

APS_COMMAND_NAMES = names(PACKAGE, "aps_command")
KEY_TYPES = names(PACKAGE, "key_type")
TC_MASTER, NETWORK, APP_MASTER, APP_LINK, TC_LINK, HIGH_SECURITY_NETWORK = range(6)


class ApsCommandId(Layer):
    name = "APS command"
    title = "aps_command"
    parts = [UInt("command", 5, 1, names=APS_COMMAND_NAMES)]


def eui(name: str, when: Any = None) -> UInt:
    return UInt(name, 0, 8, when=when, names=eui64_text)


def key_type(*kinds: int) -> Any:
    return lambda h: h.key_type in kinds


class Skke(Layer):
    """Symmetric-key key establishment: challenges, then proofs."""

    name = "SKKE"
    parts = [eui("initiator"), eui("responder"), Octets("data", 16)]


class TransportKey(Layer):
    name = "Transport Key"
    parts = [
        UInt("key_type", NETWORK, 1, names=KEY_TYPES),
        Secret("key", 16, when=key_type(*range(6))),
        UInt("key_sequence", 0, 1, when=key_type(NETWORK, HIGH_SECURITY_NETWORK)),
        eui("destination", key_type(TC_MASTER, NETWORK, TC_LINK, HIGH_SECURITY_NETWORK)),
        eui("source", key_type(TC_MASTER, NETWORK, TC_LINK, HIGH_SECURITY_NETWORK)),
        eui("partner", key_type(APP_MASTER, APP_LINK)),
        UInt("initiator", 0, 1, when=key_type(APP_MASTER, APP_LINK), names={0: "no", 1: "yes"}),
        Octets("tlvs"),
    ]


class UpdateDevice(Layer):
    name = "Update Device"
    parts = [
        eui("device"),
        UInt("device_short", 0, 2, names=short_text),
        UInt("status", 0, 1, names=names(PACKAGE, "update_device_status")),
        Octets("tlvs"),
    ]


class RemoveDevice(Layer):
    name = "Remove Device"
    parts = [eui("device")]


class RequestKey(Layer):
    name = "Request Key"
    parts = [
        UInt("key_type", 4, 1, names=names(PACKAGE, "request_key_type")),
        eui("partner", lambda h: h.key_type == 2),
    ]


class SwitchKey(Layer):
    name = "Switch Key"
    parts = [UInt("key_sequence", 0, 1)]


class Challenge(Layer):
    name = "Entity Authentication Challenge"
    parts = [
        UInt("key_type", 0, 1, names=names(PACKAGE, "ea_key_type")),
        UInt("key_sequence", 0, 1, when=lambda h: h.key_type == 0),
        eui("initiator"),
        eui("responder"),
        Octets("challenge", 16),
    ]


class Proof(Layer):
    name = "Entity Authentication MAC"
    parts = [Octets("mac", 16), UInt("data_type", 0, 1), Octets("data")]


class Tunnel(Layer):
    """A whole secured APS command for a device that has no network key yet."""

    name = "Tunnel"
    parts = [eui("destination")]


class VerifyKey(Layer):
    name = "Verify Key"
    parts = [
        UInt("key_type", TC_LINK, 1, names=KEY_TYPES),
        eui("source"),
        Octets("hash", 16),
    ]


class ConfirmKey(Layer):
    name = "Confirm Key"
    parts = [
        UInt("status", 0, 1, names=names(PACKAGE, "confirm_key_status")),
        UInt("key_type", TC_LINK, 1, names=KEY_TYPES),
        eui("destination"),
    ]


class RelayMessage(Layer):
    name = "Relay Message"
    parts = [Octets("tlvs")]


APS_COMMANDS: dict[int, type[Layer]] = {
    0x01: Skke,
    0x02: Skke,
    0x03: Skke,
    0x04: Skke,
    0x05: TransportKey,
    0x06: UpdateDevice,
    0x07: RemoveDevice,
    0x08: RequestKey,
    0x09: SwitchKey,
    0x0A: Challenge,
    0x0B: Challenge,
    0x0C: Proof,
    0x0D: Proof,
    0x0E: Tunnel,
    0x0F: VerifyKey,
    0x10: ConfirmKey,
    0x11: RelayMessage,
    0x12: RelayMessage,
}
TRANSPORT_KEY, UPDATE_DEVICE, TUNNEL = 0x05, 0x06, 0x0E
