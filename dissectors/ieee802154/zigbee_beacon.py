"""What a ZigBee network says of itself in beacons and in the information elements of the MAC.

Source: ZigBee 05-3474 R22 clause 3.6.7 (beacon payload).
"""

from __future__ import annotations

from dissectors.layout import Bits, Layer, UInt, Word, eui64_text
from dissectors.layout.tables import names

__all__ = ["ZigbeeBeacon"]

PACKAGE = "zigbee"


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
