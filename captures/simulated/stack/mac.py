"""The MAC layer of a simulated station: sending with retries, acknowledgements, polling, frames held for children."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from captures.simulated.air.exchanges import begin, inside
from captures.simulated.air.medium import MICROSECOND, SECOND, Transmission, Wait
from captures.simulated.air.truth import FrameTruth, MacKind
from captures.simulated.stack.network import Indirect, Station
from dissectors.zigbee import assemble

__all__ = ["ACK_WAIT", "TURNAROUND", "MacStation"]

TURNAROUND = 192 * MICROSECOND
ACK_WAIT = 864 * MICROSECOND
DATA_REQUEST = 4
NO_SHORT = 0xFFF8
"""From here on a short address is none of a station."""


@dataclass(slots=True, eq=False)
class MacStation(Station):
    """A station that sends MAC frames."""

    def put(
        self, octets: bytes, receiver: MacStation | None, truth: FrameTruth, faults: tuple[str, ...] = ()
    ) -> Wait:
        """Send one MAC frame, with retries when `receiver` acknowledges; returns whether it arrived. Without power
        nothing is sent."""
        medium, env = self.han.medium, self.han.env
        if not self.up:
            yield env.timeout(ACK_WAIT)
            return False
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

    def acknowledge(self, seq: int, to: MacStation, truth: FrameTruth) -> Wait:
        """Answer with an immediate acknowledgement; returns whether `to` heard it."""
        medium, env = self.han.medium, self.han.env
        yield env.timeout(TURNAROUND)
        pending = truth.get("mac_command") == DATA_REQUEST and bool(self.indirect.get(to.eui64))
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
            known = self.short < NO_SHORT
            octets = assemble.mac_command(
                self.next_mac(), DATA_REQUEST, dst_pan=self.han.pan, dst=parent.short,
                src=self.short if known else self.eui64, src_extended=not known,
            )  # fmt: skip
            exchange = begin(self.han, "poll", self.address, parent.address)
            arrived = yield from self.put(
                octets, parent, {**self.says("command"), "mac_command": DATA_REQUEST, **inside(exchange)}
            )
            exchange.ended("ok" if arrived else "undelivered")
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
        self, child: Station, octets: Callable[[], bytes], truth: FrameTruth, faults: tuple[str, ...] = ()
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

    def awake_for(self, sending: Wait) -> Wait:
        """Let `sending` run while this station, if it is a sleepy one, polls for what it waits for."""
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

    def says(self, mac: MacKind) -> FrameTruth:
        """What is true of every frame of a kind that it sends."""
        return {"mac": mac, "sender": self.address}
