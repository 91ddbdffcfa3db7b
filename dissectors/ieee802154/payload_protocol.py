"""Whose frame is it? The protocol in an IEEE 802.15.4 payload, decided frame by frame from its octets.

The first octets tell the protocols apart, because their number spaces hardly meet: 6LoWPAN dispatch values
(RFC 4944, RFC 6282), the RF4CE frame control (bit 5 always set, version 1), and the ZigBee NWK frame control
(protocol version 1 to 3 in bits 2 to 5). Where two could fit, the rest of the header must make sense as well.
"""

from __future__ import annotations

from typing import Any, Literal

__all__ = [
    "ZIGBEE_BEACON_OCTETS",
    "Protocol",
    "beacon_of",
    "protocol_of",
    "zigbee_addresses",
    "zigbee_beacon",
    "zigbee_control",
]

Protocol = Literal["zigbee", "inter-pan", "green-power", "6lowpan", "rf4ce", "other"]

ZIGBEE_BEACON_OCTETS = 15
RF4CE_COMMANDS = range(1, 8)
RF4CE_PROFILES = frozenset({0x00, 0x01, 0x02, 0x03, *range(0xC0, 0x100)})


def protocol_of(octets: bytes, *, addressed: bool = True, short_sender: bool = False) -> Protocol:
    """The protocol of a data frame's payload.

    Args:
        octets: the payload in clear.
        addressed: whether the MAC header names a sender; a ZigBee NWK frame always has one.
        short_sender: whether it names it by a short address; Green Power frames never do (14-0563 A.1.4.1: no source
            address beside a SrcID, else the EUI-64).

    >>> protocol_of(bytes.fromhex("4802 0000 777f 1e20 28148a0700 0db123feffa7db28 00 42350000 1d37730e"))
    'zigbee'
    >>> protocol_of(bytes.fromhex("6033 3a"))
    '6lowpan'
    """
    if len(octets) < 2:
        return "other"
    version, kind = octets[0] >> 2 & 0xF, octets[0] & 3
    if addressed and is_zigbee(octets):
        return "zigbee"
    if version == 2 and kind == 3 and octets[1] == 0 and octets[0] < 0x40 and is_inter_pan(octets):
        return "inter-pan"
    if version == 3 and kind < 2 and not short_sender and is_green_power(octets):
        return "green-power"
    if octets[0] & 0x38 == 0x28 and is_rf4ce(octets):
        return "rf4ce"
    if is_lowpan(octets):
        return "6lowpan"
    return "other"


def zigbee_octets(octets: bytes) -> int:
    """Octets that the NWK header of these first octets takes, auxiliary header and MIC included."""
    high = octets[1]
    size = 8 + 8 * (high >> 3 & 1) + 8 * (high >> 4 & 1) + (high & 1)
    if high & 4:
        size += 2 + 2 * (octets[size] if size < len(octets) else 0)
    if high & 2:
        control = octets[size] if size < len(octets) else 0
        size += 9 + (8 if control & 0x20 else 0) + (control >> 3 & 3 == 1)
    return size


def zigbee_control(control: Any) -> Any:
    """Whether a NWK frame control holds no reserved value, of protocol version 1 or 2; of an array, which do."""
    version, discover, kind = control >> 2 & 0xF, control >> 6 & 3, control & 3
    first = (version == 1) & (discover != 3) & (control & 0x3D00 == 0)  # 2004 knows none of the later flags
    second = (version == 2) & (discover < 2)
    return (first | second) & (kind < 2) & (control & 0xC000 == 0)


def zigbee_addresses(control: Any, destination: Any, source: Any, radius: Any) -> Any:
    """Whether short addresses and radius make sense: without EUI-64s in the header, nobody sends to itself."""
    return (control & 0x1800 != 0) | (radius != 0) | (source != destination)


def zigbee_beacon(first: Any, second: Any) -> Any:
    """Whether a beacon payload begins as ZigBee's: protocol 0, profile 0 to 2, NWK version 1 to 3; also of arrays."""
    version = second >> 4
    return (first == 0) & (second & 0xF < 3) & (version > 0) & (version < 4)


def is_zigbee(octets: bytes) -> bool:
    """A NWK frame control without reserved values; the header may be cut off, if it began well."""
    control = int.from_bytes(octets[:2], "little")
    if not zigbee_control(control) or (control >> 2 & 0xF == 1 and zigbee_octets(octets) > len(octets)):
        return False
    if len(octets) < 8:
        return True
    return bool(zigbee_addresses(control, octets[2:4], octets[4:6], octets[6]))


def is_inter_pan(octets: bytes) -> bool:
    """The stub is followed by an APS header of the inter-PAN type."""
    return len(octets) < 3 or octets[2] & 0x13 == 3


def is_green_power(octets: bytes) -> bool:
    """A Green Power stub whose header fits, with a known application identifier and at least a command."""
    if not octets[0] & 0x80:
        return len(octets) >= (2 if octets[0] & 1 else 6)
    application, level = octets[1] & 7, octets[1] >> 3 & 3
    if application not in (0, 2) or level == 1:
        return False
    size = 2 + (4 if application == 0 else 1) + (8 if level > 1 else 0)
    return len(octets) > size


def is_rf4ce(octets: bytes) -> bool:
    """An RF4CE NWK header: type, frame counter, then a profile or a command that exists."""
    kind, secured = octets[0] & 3, octets[0] & 4
    if kind == 0 or len(octets) < 6 + (4 if secured else 0):
        return False
    ambiguous = octets[0] & 0xC0 in (0x40, 0x80)  # also 6LoWPAN IPHC and mesh dispatch values
    if ambiguous and octets[4]:
        return False
    if kind == 2:
        return bool(secured) or octets[5] in RF4CE_COMMANDS
    return octets[5] in RF4CE_PROFILES


def is_lowpan(octets: bytes) -> bool:
    """A 6LoWPAN dispatch value of RFC 4944, RFC 6282 or RFC 8138."""
    first = octets[0]
    if first in (0x41, 0x42, 0x43, 0x50):
        return True
    return first & 0xE0 in (0x60, 0x80, 0xA0) or first & 0xF8 in (0xC0, 0xE0)


def beacon_of(octets: bytes) -> str:
    """Whose beacon payload this is: zigbee, thread, or other.

    >>> beacon_of(bytes.fromhex("00 228c 0102030405060708 ffffff 00")), beacon_of(bytes.fromhex("0391"))
    ('zigbee', 'thread')
    """
    if len(octets) >= 2 and zigbee_beacon(octets[0], octets[1]):
        return "zigbee"
    if len(octets) >= 2 and octets[0] == 3:
        return "thread"
    return "other"
