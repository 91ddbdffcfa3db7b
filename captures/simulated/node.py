"""A radio of the simulated HAN with its ZigBee stack: MAC retries, NWK security, APS security and fragments.

Every method that sends is a generator for simpy: ``delivered = yield from node.send_zcl(...)``. What is sent is real
in every octet; what it means is handed on beside it, so that the receiver's behaviour need not parse.
"""

from __future__ import annotations

import itertools
import struct
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import simpy

from captures.simulated.medium import MICROSECOND, SECOND, Receiver, Transmission, Wait
from dissectors.zigbee import assemble

if TYPE_CHECKING:
    from captures.simulated.han import Han

__all__ = ["Indirect", "Node", "Route"]

TURNAROUND = 192 * MICROSECOND
ACK_WAIT = 864 * MICROSECOND
PROFILE_SE, PROFILE_ZDP = 0x0109, 0x0000
BROADCAST_ALL, BROADCAST_RX_ON, BROADCAST_ROUTERS = 0xFFFF, 0xFFFD, 0xFFFC

Truth = dict[str, Any]


@dataclass(slots=True)
class Indirect:
    """A frame that a parent holds for a sleeping child."""

    octets: Callable[[], bytes]
    truth: Truth
    done: simpy.Event
    expires: int
    faults: tuple[str, ...] = ()


@dataclass(slots=True)
class Route:
    """Nodes from source to destination, both included."""

    hops: list[Node]


@dataclass(slots=True, eq=False)
class Node(Receiver):
    """One device (see the constructor's fields); `rx_on` False makes it a sleepy end device."""

    han: Han = None  # type: ignore[assignment]
    eui64: int = 0
    role: str = ""
    endpoint: int = 1
    rx_on: bool = True
    router: bool = False
    short: int = 0xFFFE
    parent: Node | None = None
    up: bool = True
    joined: bool = False
    mac_seq: int = 0
    nwk_seq: int = 0
    nwk_counter: int = 0
    aps_counter: int = 0
    aps_frame_counter: int = 0
    zcl_seq: int = 0
    key: bytes = b""
    key_seq: int = 0
    install_code: bytes = b""
    link_keys: dict[int, bytes] = field(default_factory=dict)
    indirect: dict[int, deque[Indirect]] = field(default_factory=dict)
    memory: dict[str, Any] = field(default_factory=dict)
    second: Receiver | None = None  # a hub's radio in the other band
    marks: tuple[str, ...] = ()  # faults that all it sends belongs to
    turn: simpy.Resource = None

    # --- counters ------------------------------------------------------------------------------------

    def next_mac(self) -> int:
        self.mac_seq = (self.mac_seq + 1) & 0xFF
        return self.mac_seq

    def next_nwk(self) -> int:
        self.nwk_seq = (self.nwk_seq + 1) & 0xFF
        return self.nwk_seq

    def next_aps(self) -> int:
        self.aps_counter = (self.aps_counter + 1) & 0xFF
        return self.aps_counter

    def next_zcl(self) -> int:
        self.zcl_seq = (self.zcl_seq + 1) & 0xFF
        return self.zcl_seq

    def radio(self, page: int) -> Receiver:
        """The radio that works on a channel page."""
        return self.second if self.second is not None and self.second.page == page else self

    # --- MAC -----------------------------------------------------------------------------------------

    def put(self, octets: bytes, receiver: Node | None, truth: Truth, faults: tuple[str, ...] = ()) -> Wait:
        """Send one MAC frame, with retries when `receiver` acknowledges; returns whether it arrived."""
        medium, env = self.han.medium, self.han.env
        wants_ack = receiver is not None and bool(octets[0] & 0x20)
        arrived = False
        radio = self.radio(self.page if receiver is None else receiver.page)
        with self.turn.request() as turn:
            yield turn
            attempts = 1 + (self.han.profile.whole("mac.max_retries") if wants_ack else 0)
            for attempt in range(attempts):
                yield from medium.clear_channel(radio.page, radio.channel)
                sent = Transmission(
                    radio, octets, truth={**truth, "attempt": attempt}, faults=(*faults, *self.marks)
                )
                yield env.timeout(medium.put_on_air(sent))
                if receiver is None:
                    return True
                if not (receiver.up and medium.arrives(sent, receiver.radio(radio.page))):
                    yield env.timeout(ACK_WAIT)
                    continue
                arrived = True
                if not wants_ack:
                    return True
                heard = yield from receiver.acknowledge(octets[2], self, truth)
                if heard:
                    return True
        return arrived

    def acknowledge(self, seq: int, to: Node, truth: Truth) -> Wait:
        """Answer with an immediate acknowledgement; returns whether `to` heard it."""
        medium, env = self.han.medium, self.han.env
        yield env.timeout(TURNAROUND)
        pending = truth.get("mac_command") == 4 and bool(self.indirect.get(to.eui64))
        octets = assemble.mac_ack(seq, pending=pending)
        ack = Transmission(self.radio(to.page), octets, truth={"mac": "ack", "mac_seq": seq, "for": to.name})
        yield env.timeout(medium.put_on_air(ack))
        return medium.arrives(ack, to)

    def poll(self) -> Wait:
        """A sleepy child fetches what its parent holds; returns how many frames came."""
        parent = self.parent
        if parent is None or not self.up:
            return 0
        fetched = 0
        while True:
            known = self.short < 0xFFF8
            octets = assemble.mac_command(
                self.next_mac(),
                4,
                dst_pan=self.han.pan,
                dst=parent.short,
                src=self.short if known else self.eui64,
                src_extended=not known,
            )
            truth = self._truth("command", mac_command=4)
            arrived = yield from self.put(octets, parent, truth)
            queue = parent.indirect.get(self.eui64)
            if not arrived or not queue:
                return fetched
            held = queue.popleft()
            delivered = yield from parent.put(held.octets(), self, held.truth, held.faults)
            if not held.done.triggered:
                held.done.succeed(delivered)
            fetched += 1
            if not queue:
                return fetched

    def hold(
        self, child: Node, octets: Callable[[], bytes], truth: Truth, faults: tuple[str, ...] = ()
    ) -> Wait:
        """Keep a frame for a sleeping `child` until it polls; returns whether it fetched it in time."""
        env = self.han.env
        hold = round(self.han.profile.number("mac.indirect_hold") * SECOND)
        held = Indirect(octets, truth, env.event(), env.now + hold, faults)
        self.indirect.setdefault(child.eui64, deque()).append(held)
        yield held.done | env.timeout(hold)
        if held.done.triggered:
            return bool(held.done.value)
        queue = self.indirect[child.eui64]
        if held in queue:
            queue.remove(held)
        return False

    # --- NWK -----------------------------------------------------------------------------------------

    def _truth(self, mac: str, **more: Any) -> Truth:
        return {"mac": mac, "sender": f"{self.eui64:016x}", **more}

    def nwk_frame(self, next_hop: int, header: bytes, payload: bytes, *, secured: bool, ack: bool) -> bytes:
        """The MAC frame of one hop, secured by this node with its own counter."""
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
        destination: Node,
        payload: bytes,
        truth: Truth,
        *,
        command: bool = False,
        secured: bool = True,
        faults: tuple[str, ...] = (),
        with_eui64: bool = False,
    ) -> Wait:
        """Unicast `payload` over the hops of the route; returns whether it arrived."""
        seq = self.next_nwk()
        hops = self.han.route(self, destination).hops
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
            fact = {**truth, **sender._truth("data"), "nwk_src": self.short, "nwk_dst": destination.short}
            arrived = yield from sender._hop(receiver, header, payload, fact, secured, faults)
            if not arrived:
                return False
        return True

    def _hop(
        self,
        receiver: Node,
        header: bytes,
        payload: bytes,
        truth: Truth,
        secured: bool,
        faults: tuple[str, ...],
    ) -> Wait:
        def octets() -> bytes:
            fact = truth
            frame = self.nwk_frame(receiver.short, header, payload, secured=secured, ack=True)
            fact["nwk_counter"] = self.nwk_counter if secured else None
            return frame

        if not receiver.rx_on and receiver.parent is self:
            arrived = yield from self.hold(receiver, octets, truth, faults)
        else:
            arrived = yield from self.put(octets(), receiver, truth, faults)
        return arrived

    def broadcast(
        self,
        payload: bytes,
        truth: Truth,
        *,
        to: int = BROADCAST_ROUTERS,
        command: bool = False,
        radius: int = 30,
    ) -> Wait:
        """Broadcast, and let every router in the network repeat it once (radius allowing)."""
        seq = self.next_nwk()
        senders = [self]
        if radius > 1:
            senders += [n for n in self.han.nodes if n.router and n.joined and n.up and n is not self]
        for index, sender in enumerate(senders):
            if index:
                yield self.han.env.timeout(self.han.rng.randrange(5_000, 60_000) * MICROSECOND)
            header = assemble.nwk_header(to, self.short, seq, radius=radius - (index > 0), command=command)
            octets = sender.nwk_frame(0xFFFF, header, payload, secured=True, ack=False)
            fact = {**truth, **sender._truth("data"), "nwk_src": self.short, "nwk_dst": to}
            fact["nwk_counter"] = sender.nwk_counter
            yield from sender.put(octets, None, fact)

    # --- APS -----------------------------------------------------------------------------------------

    def send_aps(
        self,
        destination: Node,
        cluster: int,
        asdu: bytes,
        truth: Truth,
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
        fact = {**truth, "aps_cluster": cluster, "aps_profile": profile, "aps_counter": counter}
        for number, block in enumerate(blocks):
            fragment = (number, len(blocks)) if len(blocks) > 1 else None
            header = assemble.aps_data(
                cluster, profile, source_ep, destination_ep, counter,
                ack=ack or fragment is not None, secured=secured, fragment=fragment,
            )  # fmt: skip
            part = {**fact, "fragment": number, "fragments": len(blocks)} if fragment else fact
            apdu = self._protect(header, block, key if secured else None)
            arrived = yield from self._try_aps(destination, apdu, part, faults)
            if not arrived:
                return False
            if ack or fragment:
                seen = (number, 0xFF) if fragment else None
                back = assemble.aps_ack(
                    cluster, profile, destination_ep, source_ep, counter, secured=secured, fragment=seen
                )
                apdu = destination._protect(
                    back, b"", destination.link_keys.get(self.eui64) if secured else None
                )
                yield from destination.answer(self, apdu, {"aps": "ack", "aps_counter": counter})
        return True

    def answer(self, destination: Node, apdu: bytes, truth: Truth) -> Wait:
        """Send an APDU back to one who waits for it; a sleepy one polls meanwhile."""
        arrived = yield from destination.awake_for(self.send_nwk(destination, apdu, truth))
        return arrived

    def awake_for(self, sending: Wait) -> Wait:
        """Let `sending` run while this node, if it is a sleepy one, polls for what it waits for."""
        if self.rx_on:
            result = yield from sending
            return result
        env = self.han.env
        process = env.process(sending)
        while not process.triggered:
            yield process | env.timeout(self.han.rng.randrange(150, 350) * 1000 * MICROSECOND)
            if not process.triggered:
                yield from self.poll()
        return process.value

    def _try_aps(self, destination: Node, apdu: bytes, truth: Truth, faults: tuple[str, ...]) -> Wait:
        """Up to three tries (apscMaxFrameRetries), as an unacknowledged APS frame gets."""
        arrived = False
        for _ in range(3):
            arrived = yield from self.send_nwk(destination, apdu, truth, faults=faults)
            if arrived or not destination.rx_on:
                return arrived
            yield self.han.env.timeout(SECOND + self.han.rng.randrange(SECOND // 2))
        return arrived

    def _protect(self, header: bytes, payload: bytes, key: bytes | None) -> bytes:
        if key is None:
            return header + payload
        self.aps_frame_counter += 1
        return assemble.secure_aps(header, payload, key, counter=self.aps_frame_counter, source=self.eui64)

    # --- ZCL -----------------------------------------------------------------------------------------

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
        truth: Truth | None = None,
        **aps: Any,
    ) -> Wait:
        """Send a ZCL frame; `seq` answers a request. Returns (arrived, sequence number)."""
        number = self.next_zcl() if seq is None else seq
        control = (0 if general else 1) | to_client << 3 | (not default_response) << 4
        asdu = struct.pack("<BBB", control, number, command) + payload
        fact = {
            "zcl_command": command,
            "zcl_seq": number,
            "zcl_type": "general" if general else "cluster",
            "zcl_direction": "to-client" if to_client else "to-server",
            **(truth or {}),
        }
        arrived = yield from self.send_aps(destination, cluster, asdu, fact, **aps)
        return arrived, number
