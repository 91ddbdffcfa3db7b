"""What devices of a home say to each other: APS data under link keys, ZCL reads, reports and commands with their answers."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from dissectors.zigbee import assemble
from tests.analysis.homes.air import Air, Device, Process

__all__ = ["Speech", "zcl"]

LENGTHS = {
    0x18: 1,
    0x19: 2,
    0x1B: 4,
    0x20: 1,
    0x21: 2,
    0x22: 3,
    0x23: 4,
    0x25: 6,
    0x2A: 3,
    0x2B: 4,
    0x30: 1,
    0xE2: 4,
}
UNSUPPORTED = 0x86
FRAGMENT = 58


def zcl(
    command: int,
    body: bytes = b"",
    *,
    sequence: int,
    to_client: bool = False,
    general: bool = False,
    quiet: bool = True,
) -> bytes:
    """A ZCL frame; `quiet` asks for no default response (ZCL 07-5123 2.4.1.1.4)."""
    return bytes([(not general) | to_client << 3 | quiet << 4, sequence, command]) + body


@dataclass(slots=True)
class Speech:
    """How the vendors of a home speak.

    Attributes:
        acks: whether APS acknowledgements are asked for. `quiet`: no default response is asked for.
    """

    air: Air
    hub: Device
    acks: bool = False
    quiet: bool = True
    endpoints: tuple[int, int] = (1, 1)

    def say(
        self, one: Device, other: Device, cluster: int, asdu: bytes, *, profile: int = 0x0109, link: bool = True,
        endpoints: tuple[int, int] | None = None,
    ) -> Process:  # fmt: skip
        """One ASDU, in fragments where it is long; whether it arrived."""
        key = (one.links.get(other.eui64) or None) if link and profile else None
        parts = [asdu[at : at + FRAGMENT] for at in range(0, len(asdu), FRAGMENT)] or [b""]
        number, arrived = one.next("aps"), True
        source, target = endpoints or ((0, 0) if profile == 0 else self.endpoints)
        for index, part in enumerate(parts):
            fragment = (index, len(parts)) if len(parts) > 1 else None
            ack = self.acks or fragment is not None
            header = assemble.aps_data(
                cluster, profile, source, target, number, ack=ack, secured=key is not None, fragment=fragment
            )
            apdu = header + part if key is None else self._sealed(one, header, part, key)
            arrived = yield from self.air.carry(one, other, apdu)
            if not arrived:
                return False
            if ack:
                back = assemble.aps_ack(
                    cluster, profile, target, source, number, secured=key is not None,
                    fragment=None if fragment is None else (index, 0xFF),
                )  # fmt: skip
                if other.nap and other.waiting:
                    other.waiting[-1] = partial(self._acknowledged, other.waiting[-1], other, one, back, key)
                else:
                    yield self.air.rng.uniform(0.004, 0.012)
                    yield from self._acknowledge(other, one, back, key)
        return arrived

    def _acknowledge(self, one: Device, other: Device, header: bytes, key: bytes | None) -> Process:
        return (
            yield from self.air.carry(
                one, other, header if key is None else self._sealed(one, header, b"", key)
            )
        )

    def _acknowledged(
        self, fetched: Callable[[], Process], one: Device, other: Device, header: bytes, key: bytes | None
    ) -> Process:
        """What waited for a device that sleeps, and its acknowledgement once it has it."""
        if not (yield from fetched()):
            return False
        yield self.air.rng.uniform(0.004, 0.012)
        return (yield from self._acknowledge(one, other, header, key))

    @staticmethod
    def _sealed(one: Device, header: bytes, part: bytes, key: bytes) -> bytes:
        counter = one.next("aps counter", 1 << 32)
        return assemble.secure_aps(header, part, key, counter=counter, source=one.eui64)

    def take(self, device: Device, tries: int = 8) -> Process:
        """A device that sleeps fetches until nothing waits."""
        for _ in range(tries if device.nap else 0):
            yield self.air.rng.uniform(0.1, 0.3)
            if not (yield from self.air.poll(device, self.hub)) and not device.waiting:
                break
        return True

    def ask(
        self, client: Device, server: Device, cluster: int, command: int, body: bytes, answer: bytes | None,
        answer_command: int = 0, *, general: bool = False, to_client: bool = False,
        endpoints: tuple[int, int] | None = None, link: bool = True,
    ) -> Process:  # fmt: skip
        """A command and what is answered (nothing where None); whether the answer arrived."""
        sequence, ends = client.next("zcl"), endpoints or self.endpoints
        asdu = zcl(command, body, sequence=sequence, general=general, to_client=to_client, quiet=self.quiet)
        arrived = yield from self.say(client, server, cluster, asdu, endpoints=ends, link=link)
        if not arrived or answer is None or not server.up or server.mute:
            return False
        yield self.air.rng.uniform(*server.answers)
        back = zcl(answer_command, answer, sequence=sequence, general=general, to_client=not to_client)
        done = yield from self.say(server, client, cluster, back, endpoints=(ends[1], ends[0]), link=link)
        yield from self.take(client)
        return done

    def read(
        self, client: Device, server: Device, cluster: int, attributes: Sequence[int], endpoint: int = 1
    ) -> Process:
        """Read Attributes, and what the server holds of them."""
        body, answer = struct.pack(f"<{len(attributes)}H", *attributes), b""
        for attribute in attributes:
            held = self.value(server, endpoint, cluster, attribute)
            answer += struct.pack("<H", attribute) + (bytes([UNSUPPORTED]) if held is None else b"\0" + held)
        ends = (self.endpoints[0], endpoint)
        return (
            yield from self.ask(client, server, cluster, 0, body, answer, 1, general=True, endpoints=ends)
        )

    def report(
        self, server: Device, client: Device, cluster: int, attributes: Sequence[int], ends: tuple[int, int]
    ) -> Process:
        """Report Attributes."""
        body = b""
        for attribute in attributes:
            body += struct.pack("<H", attribute) + (self.value(server, ends[0], cluster, attribute) or b"")
        asdu = zcl(0x0A, body, sequence=server.next("zcl"), to_client=True, general=True, quiet=self.quiet)
        arrived = yield from self.say(server, client, cluster, asdu, endpoints=ends)
        if arrived and not self.quiet and not client.nap:
            yield self.air.rng.uniform(*client.answers)
            done = zcl(0x0B, b"\x0a\x00", sequence=asdu[1], general=True)
            yield from self.say(client, server, cluster, done, endpoints=(ends[1], ends[0]))
        return arrived

    @staticmethod
    def value(device: Device, endpoint: int, cluster: int, attribute: int) -> bytes | None:
        """Type and value of an attribute as they travel."""
        held = device.values.get((endpoint, cluster, attribute))
        if held is None:
            return None
        kind, value = held
        return bytes([kind]) + (value() if callable(value) else value)

    @staticmethod
    def hold(device: Device, endpoint: int, cluster: int, attribute: int, kind: int, value: object) -> None:
        """An attribute of an integer kind; `value` a number, or a function that gives one."""
        size = LENGTHS[kind]

        def octets() -> bytes:
            number = int(value() if callable(value) else value)  # type: ignore[call-overload]
            return (number & (1 << 8 * size) - 1).to_bytes(size, "little")

        device.values[endpoint, cluster, attribute] = (kind, octets)
