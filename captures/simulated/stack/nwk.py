"""The NWK layer of a simulated station: security, routes, broadcasts."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Self

from captures.simulated.air.medium import MICROSECOND, Wait
from captures.simulated.air.truth import FrameTruth
from captures.simulated.stack.mac import MacStation
from dissectors.zigbee import assemble

__all__ = ["BROADCAST_ALL", "BROADCAST_ROUTERS", "BROADCAST_RX_ON", "NwkStation"]

BROADCAST_ALL, BROADCAST_RX_ON, BROADCAST_ROUTERS = 0xFFFF, 0xFFFD, 0xFFFC


@dataclass(slots=True, eq=False)
class NwkStation(MacStation):
    """A station that sends over routes under the network key."""

    def nwk_frame(self, next_hop: int, header: bytes, payload: bytes, *, secured: bool, ack: bool) -> bytes:
        """The MAC frame of one hop, secured by this station with its own counter."""
        if secured:
            self.nwk_counter += 1
            npdu = assemble.secure_nwk(
                header, payload, self.key, counter=self.nwk_counter, source=self.eui64, key_seq=self.key_seq
            )
        else:
            npdu = header + payload
        return assemble.mac_data(self.next_mac(), self.han.pan, next_hop, self.short, npdu, ack=ack)

    def send_nwk(
        self,
        destination: Self,
        payload: bytes,
        truth: FrameTruth,
        *,
        command: bool = False,
        secured: bool = True,
        faults: tuple[str, ...] = (),
        with_eui64: bool = False,
    ) -> Wait:
        """Unicast `payload` over the hops of the route; returns whether it arrived."""
        seq = self.next_nwk()
        hops = self.han.route(self, destination)
        radius = self.han.profile.whole("nwk.radius")
        for index, (sender, receiver) in enumerate(itertools.pairwise(hops)):
            header = assemble.nwk_header(
                destination.short,
                self.short,
                seq,
                radius=radius - index,
                command=command,
                secured=secured,
                dst_eui64=destination.eui64 if with_eui64 else None,
                src_eui64=self.eui64 if with_eui64 else None,
            )
            fact: FrameTruth = {
                **truth, **sender.says("data"), "nwk_src": self.short, "nwk_dst": destination.short
            }  # fmt: skip
            arrived = yield from sender._hop(receiver, header, payload, fact, secured, faults)
            if not arrived:
                return False
        return True

    def _hop(
        self,
        receiver: NwkStation,
        header: bytes,
        payload: bytes,
        truth: FrameTruth,
        secured: bool,
        faults: tuple[str, ...],
    ) -> Wait:
        def octets() -> bytes:
            frame = self.nwk_frame(receiver.short, header, payload, secured=secured, ack=True)
            truth["nwk_counter"] = self.nwk_counter if secured else None
            return frame

        if not receiver.rx_on and receiver.parent is self:
            arrived = yield from self.hold(receiver, octets, truth, faults)
        else:
            arrived = yield from self.put(octets(), receiver, truth, faults)
        return arrived

    def broadcast(
        self,
        payload: bytes,
        truth: FrameTruth,
        *,
        to: int = BROADCAST_ROUTERS,
        command: bool = False,
        radius: int = 30,
    ) -> Wait:
        """Broadcast, and let every router in the network repeat it once (radius allowing)."""
        seq = self.next_nwk()
        senders = [self]
        if radius > 1:
            senders += [n for n in self.han.relays() if n is not self]
        for index, sender in enumerate(senders):
            if index:
                yield self.han.env.timeout(self.han.rng.randrange(5_000, 60_000) * MICROSECOND)
            header = assemble.nwk_header(to, self.short, seq, radius=radius - (index > 0), command=command)
            octets = sender.nwk_frame(0xFFFF, header, payload, secured=True, ack=False)
            fact: FrameTruth = {**truth, **sender.says("data"), "nwk_src": self.short, "nwk_dst": to}
            fact["nwk_counter"] = sender.nwk_counter
            yield from sender.put(octets, None, fact)
