"""The Green Power stub header, and the ZigBee beacon payload.

Sources: ZigBee Green Power 14-0563 clause A.1.4.1 (NWK protocol version 3); ZigBee 05-3474 R22 clause 3.6.7
(beacon payload).
"""

from __future__ import annotations

from typing import Any

from dissectors.facts import names
from dissectors.layout import Bits, Layer, UInt, Word, eui64_text
from dissectors.zigbee.nwk import PACKAGE

__all__ = ["GreenPowerHeader", "ZigbeeBeacon"]

SRC_ID, GPD_EUI64 = 0, 2
MAINTENANCE = 1


def has_src_id(h: Any) -> bool:
    if h.bit("frame_type") == MAINTENANCE and not h.bit("extension"):
        return False
    return bool(h.bit("application") == SRC_ID)


class GreenPowerHeader(Layer):
    name = "Green Power"
    title = "green_power"
    parts = [
        Word(
            "frame_control",
            0x0C,
            1,
            (
                Bits("frame_type", 0, 2, names(PACKAGE, "gp_frame_type")),
                Bits("version", 2, 4, names(PACKAGE, "nwk_version")),
                Bits("auto_commissioning", 6, 1),
                Bits("extension", 7, 1),
            ),
        ),
        Word(
            "extended_control",
            0,
            1,
            (
                Bits("application", 0, 3, names(PACKAGE, "gp_application")),
                Bits("security_level", 3, 2, names(PACKAGE, "gp_security_level")),
                Bits("individual_key", 5, 1),
                Bits("rx_after_tx", 6, 1),
                Bits("direction", 7, 1, names(PACKAGE, "gp_direction")),
            ),
            when=lambda h: h.bit("extension"),
        ),
        UInt("src_id", 0, 4, when=has_src_id, names=lambda v: f"0x{v:08x}"),
        UInt("endpoint", 0, 1, when=lambda h: h.bit("application") == GPD_EUI64),
        UInt("frame_counter", 0, 4, when=lambda h: h.bit("security_level") > 1),
    ]

    def bit(self, name: str) -> int:
        # Without an extended control its parts are 0: SrcID, no security.
        if self.bit_of[name][0] == "extended_control" and not super().bit("extension"):
            return 0
        return super().bit(name)

    @property
    def mic_octets(self) -> int:
        """Octets of the integrity code behind the payload."""
        return (0, 2, 4, 4)[self.bit("security_level")]


class ZigbeeBeacon(Layer):
    """What a ZigBee router or coordinator says of its network in every beacon."""

    name = "ZigBee beacon"
    title = "zigbee_beacon"
    parts = [
        UInt("protocol_id", 0, 1, names={0: "ZigBee"}),
        Word(
            "network",
            0x8422,
            2,
            (
                Bits("stack_profile", 0, 4, names(PACKAGE, "stack_profile")),
                Bits("network_version", 4, 4, names(PACKAGE, "nwk_version")),
                Bits("network_reserved", 8, 2),
                Bits("router_capacity", 10, 1),
                Bits("depth", 11, 4),
                Bits("end_device_capacity", 15, 1),
            ),
        ),
        UInt("extended_pan_id", 0, 8, names=eui64_text),
        UInt("tx_offset", 0xFFFFFF, 3),
        UInt("update_id", 0, 1),
    ]
