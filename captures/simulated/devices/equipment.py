"""What each device of a home holds when it is put in: the attributes of its role."""

from __future__ import annotations

from dataclasses import dataclass

from captures.simulated.devices import metering
from captures.simulated.stack import attributes
from captures.simulated.stack.clusters import BASIC, DRLC, KEEP_ALIVE, SUB_GHZ, TIME
from captures.simulated.stack.network import Role
from captures.simulated.stack.node import Node

__all__ = ["IMAGE_TYPE", "MANUFACTURER", "Clock", "equip"]

MANUFACTURER, IMAGE_TYPE = 0x1234, 0x0001
"""Of the firmware images that devices take."""
CHANNELS_OF_A_PAGE = 0x07FF_FFFF  # which of its 27 channels may be used


@dataclass(slots=True)
class Clock:
    """How far the clock that a hub serves is ahead of true time, in seconds."""

    error: int = 0


def equip(node: Node) -> None:
    """Give a device the attributes of its role."""
    role = str(node.role)
    attributes.hold(
        node, BASIC, {0x0000: (0x20, 3), 0x0004: (0x42, "hanscope"), 0x0005: (0x42, role), 0x0007: (0x30, 1)}
    )
    match node.role:
        case Role.CHF:
            _hub(node)
        case Role.ESME:
            metering.give_electricity(node)
        case Role.GSME:
            metering.give_gas(node)
        case Role.HCALCS:
            attributes.hold(node, DRLC, {0x0000: (0x20, 0), 0x0001: (0x20, 0)})


def _hub(node: Node) -> None:
    """Time, keep-alive, and the channel masks of the sub-GHz pages."""
    han = node.han
    attributes.hold(
        node,
        TIME,
        {0x0000: (0xE2, lambda: han.utc + node.part(Clock).error), 0x0001: (0x18, 0x03),
         0x0002: (0x2B, 0), 0x0003: (0x23, 0xFFFFFFFF), 0x0005: (0x2B, 0), 0x0007: (0x23, lambda: han.utc),
         0x0008: (0xE2, lambda: han.utc)},
    )  # fmt: skip
    base, jitter = han.profile.whole("keepalive.base"), han.profile.whole("keepalive.jitter")
    attributes.hold(node, KEEP_ALIVE, {0x0000: (0x20, base), 0x0001: (0x21, jitter)})
    masks = {page - 27: (0x1B, page << 27 & 0xFFFF_FFFF | CHANNELS_OF_A_PAGE) for page in range(28, 32)}
    attributes.hold(node, SUB_GHZ, {0: (0x1B, 0), **masks})
