"""A device of the simulated HAN with its whole stack: APS security, acknowledgements and fragments; ZCL frames.

Every method that sends is a generator for simpy: ``delivered = yield from node.send_zcl(...)``. What is sent is real
in every octet; what it means is handed on beside it, so that the receiver's behaviour need not parse.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

from captures.simulated.air.exchanges import ExchangeNote, Exchanges, begin, inside
from captures.simulated.air.medium import SECOND, Wait
from captures.simulated.air.truth import FrameTruth
from captures.simulated.stack.network import PROFILE_SE, PROFILE_ZDP, Network
from captures.simulated.stack.nwk import NwkStation
from dissectors.zigbee import assemble

__all__ = ["HomeNetwork", "Node"]


@dataclass(slots=True, eq=False)
class Node(NwkStation):
    """One device; see the constructor's fields."""

    def send_aps(
        self,
        destination: Node,
        cluster: int,
        asdu: bytes,
        truth: FrameTruth,
        *,
        profile: int = PROFILE_SE,
        secured: bool | None = None,
        ack: bool = True,
        endpoints: tuple[int, int] | None = None,
        faults: tuple[str, ...] = (),
    ) -> Wait:
        """Send one ASDU, in fragments when it is long; returns whether it arrived whole.

        Args:
            secured: under the link key of the pair; None: whenever there is one and the profile is not ZDP.
            endpoints: (source, destination); the nodes' own unless given.
        """
        key = self.link_keys.get(destination.eui64)
        if secured is None:
            secured = key is not None and profile != PROFILE_ZDP
        source_ep, destination_ep = endpoints or (self.endpoint, destination.endpoint)
        if profile == PROFILE_ZDP:
            source_ep = destination_ep = 0
        size = self.han.profile.whole("aps.fragment")
        blocks = [asdu[i : i + size] for i in range(0, len(asdu), size)] or [b""]
        counter = self.next_aps()
        fact: FrameTruth = {**truth, "aps_cluster": cluster, "aps_profile": profile, "aps_counter": counter}
        for number, block in enumerate(blocks):
            fragment = (number, len(blocks)) if len(blocks) > 1 else None
            header = assemble.aps_data(
                cluster, profile, source_ep, destination_ep, counter,
                ack=ack or fragment is not None, secured=secured, fragment=fragment,
            )  # fmt: skip
            part: FrameTruth = {**fact, "fragment": number, "fragments": len(blocks)} if fragment else fact
            apdu = self.protect(header, block, key if secured else None)
            arrived = yield from self._try_aps(destination, apdu, part, faults)
            if not arrived:
                return False
            if ack or fragment:
                seen = (number, 0xFF) if fragment else None
                back = assemble.aps_ack(
                    cluster, profile, destination_ep, source_ep, counter, secured=secured, fragment=seen
                )
                apdu = destination.protect(
                    back, b"", destination.link_keys.get(self.eui64) if secured else None
                )
                yield from destination.answer(self, apdu, {"aps": "ack", "aps_counter": counter})
        return True

    def answer(self, destination: Node, apdu: bytes, truth: FrameTruth) -> Wait:
        """Send an APDU back to one who waits for it; a sleepy one polls meanwhile."""
        arrived = yield from destination.awake_for(self.send_nwk(destination, apdu, truth))
        return arrived

    def _try_aps(self, destination: Node, apdu: bytes, truth: FrameTruth, faults: tuple[str, ...]) -> Wait:
        """Up to three tries (apscMaxFrameRetries), as an unacknowledged APS frame gets."""
        arrived = False
        for _ in range(3):
            arrived = yield from self.send_nwk(destination, apdu, truth, faults=faults)
            if arrived or not destination.rx_on:
                return arrived
            yield self.han.env.timeout(SECOND + self.han.rng.randrange(SECOND // 2))
        return arrived

    def protect(self, header: bytes, payload: bytes, key: bytes | None) -> bytes:
        """An APDU, secured under `key` with this node's next counter; in the clear when there is no key."""
        if key is None:
            return header + payload
        self.aps_frame_counter += 1
        return assemble.secure_aps(header, payload, key, counter=self.aps_frame_counter, source=self.eui64)

    def protect_command(self, header: bytes, payload: bytes, key: bytes, key_id: int) -> bytes:
        """An APS command of the trust centre, secured under a key made of a link key (`assemble.KEY_...`)."""
        self.aps_frame_counter += 1
        return assemble.secure_aps(
            header, payload, key, counter=self.aps_frame_counter, source=self.eui64, key_id=key_id
        )

    def send_zcl(
        self,
        destination: Node,
        cluster: int,
        command: int,
        payload: bytes = b"",
        *,
        to_client: bool = False,
        general: bool = False,
        seq: int | None = None,
        default_response: bool = False,
        asks: bool = False,
        truth: FrameTruth | None = None,
        **aps: Any,
    ) -> Wait:
        """Send a ZCL frame; `seq` answers a request, `asks` says that an answer is due. Returns (arrived, sequence
        number)."""
        number = self.next_zcl() if seq is None else seq
        exchange = self._exchange(destination, cluster, command, number, answers=seq is not None)
        exchange.type = "zcl" if asks or seq is not None else exchange.type
        control = (0 if general else 1) | to_client << 3 | (not default_response) << 4
        asdu = struct.pack("<BBB", control, number, command) + payload
        fact: FrameTruth = {
            "zcl_command": command,
            "zcl_seq": number,
            "zcl_type": "general" if general else "cluster",
            "zcl_direction": "to-client" if to_client else "to-server",
            **inside(exchange, answer=seq is not None),
            **(truth or {}),
        }
        arrived = yield from self.send_aps(destination, cluster, asdu, fact, **aps)
        if not arrived:
            exchange.ended("undelivered")
        elif exchange.type == "delivery" or seq is not None:
            exchange.ended("ok")
        return arrived, number

    def _exchange(
        self, destination: Node, cluster: int, command: int, seq: int, *, answers: bool
    ) -> ExchangeNote:
        """The exchange that a ZCL frame begins or answers."""
        asked = self.han.part(Exchanges).asked
        if answers and (destination.address, self.address, cluster, seq) in asked:
            return asked[destination.address, self.address, cluster, seq]
        one = begin(self.han, "delivery", self.address, destination.address, cluster=cluster, command=command)
        asked[self.address, destination.address, cluster, seq] = one
        return one


HomeNetwork = Network[Node]
"""The network as its devices know it."""
