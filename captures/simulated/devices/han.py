"""The simulated home area network: its network, its devices, and what is heard of it."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Any

from captures.block import FcsState, TrailerKind
from captures.fcs import fcs16
from captures.frame import CapturedFrame
from captures.simulated.air.medium import SECOND, Heard, Place
from captures.simulated.air.profile import Profile
from captures.simulated.stack.network import Network, Role
from captures.simulated.stack.node import Node
from dissectors.zigbee import install_code_crc

__all__ = ["Han"]


class Han(Network[Node]):
    """One home: devices, keys, time, and the truth of all that happens.

    Args:
        seed: same seed, same octets.
        start: when the capture starts, seconds since 1970 UTC.
        profile: the parameters; the SMETS2 profile unless given.

    Attributes:
        name: how tables call its capture.
        image_hash: SHA-256 of the firmware that was transferred last.
    """

    name = "simulated HAN"

    def __init__(self, seed: int = 1, *, start: int = 1_767_571_200, profile: Profile | None = None) -> None:
        super().__init__(seed, start=start, profile=profile)
        self.image_hash = self.octets("image hash", 32)

    def add(
        self,
        name: str,
        role: Role,
        eui64: int,
        place: Place,
        *,
        rx_on: bool = True,
        router: bool = False,
    ) -> Node:
        """Put a device into the home; it is not joined yet."""
        eui64 = self.own(eui64, role)
        node = Node(name, place, self.channel, han=self, eui64=eui64, role=role, rx_on=rx_on, router=router)
        start = self.stream(f"counters {name}")
        node.mac_seq, node.nwk_seq, node.aps_counter, node.zcl_seq = start.randbytes(4)
        node.nwk_counter = start.randrange(1, 5_000)
        node.aps_frame_counter = start.randrange(1, 500)
        code = self.octets(f"install code {name}", 16)
        node.install_code = code + install_code_crc(code)
        self.nodes.append(node)
        return node

    @property
    def names(self) -> dict[int, str]:
        """What the devices are called, by EUI-64."""
        return {node.eui64: node.name for node in self.nodes}

    def captured(self) -> Iterator[CapturedFrame]:
        """What the sniffers heard as frames of a capture, with FCS: right, or that of the octets that were sent when some
        were damaged."""
        return map(self.captured_frame, self.records())

    def captured_frame(self, heard: Heard) -> CapturedFrame:
        """One record of a sniffer as a frame of its capture."""
        return CapturedFrame(
            heard.octets + fcs16(heard.sent),
            heard.time_ns + self.start * SECOND,
            trailer=TrailerKind.FCS16,
            fcs=FcsState.GOOD if heard.fcs_good else FcsState.BAD,
            channel=heard.channel,
            page=heard.page,
            rssi=heard.rssi,
            lqi=heard.lqi,
            interface=heard.sniffer,
        )

    def records(self) -> Iterator[Heard]:
        """What the sniffers heard, in the order of their clocks."""
        return iter(sorted(self.medium.heard, key=lambda h: (h.time_ns, h.sniffer)))

    @property
    def memory(self) -> MappingProxyType[str, Any]:
        """The parts that others keep at the home, by their type's name: ``dcc``, ``exercise``."""
        return MappingProxyType({kind.__name__.lower(): part for kind, part in self.parts.items()})
