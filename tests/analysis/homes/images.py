"""Firmware that comes slowly: long pauses, a download that is broken off and goes on later, two at a time, one for a gas meter
that sleeps (ZCL 07-5123 11.13)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from tests.analysis.homes.air import Device, Process
from tests.analysis.homes.life import OTA, Home
from tests.analysis.homes.speech import zcl

__all__ = ["broken_off", "long_pauses", "to_a_gas_meter", "two_at_once", "with_delays"]

ABORT, WAIT_FOR_DATA, NO_IMAGE = 0x95, 0x97, 0x98
OLD, NEW = 0x00010203, 0x00010300


@dataclass(slots=True)
class Download:
    """An image on its way to a device.

    Attributes:
        at: octets that the device has. `size`: of a block.
        waits: seconds from and to that the hub lets the device wait, and the share of requests.
    """

    home: Home
    device: Device
    file: bytes
    image: bytes
    size: int
    at: int = 0
    waits: tuple[float, float] = (5.0, 60.0)
    often: float = 0.02

    def ask(self, command: int, body: bytes, answer: bytes, back: int) -> Process:
        return (yield from self.home.speech.ask(self.device, self.home.hub, OTA, command, body, answer, back))

    def query(self) -> Process:
        """Query Next Image; there is one."""
        maker = self.file[:4] + struct.pack("<I", OLD)
        answer = b"\0" + self.file + struct.pack("<I", len(self.image))
        yield from self.ask(1, b"\0" + maker, answer, 2)
        return True

    def blocks(self, until: int, pause: tuple[float, float]) -> Process:
        """Blocks up to an offset."""
        rng, fails = self.home.air.rng, 0
        while self.at < until and fails < 20:
            request = b"\0" + self.file + struct.pack("<IB", self.at, self.size)
            if rng.random() < self.often:
                wait = rng.uniform(*self.waits)
                now = self.home.air.utc
                answer = struct.pack("<BIIH", WAIT_FOR_DATA, now, now + round(wait), 0)
                if (yield from self.ask(3, request, answer, 5)):
                    yield wait + rng.uniform(0, 3)
                continue
            piece = self.image[self.at : self.at + self.size]
            answer = b"\0" + self.file + struct.pack("<IB", self.at, len(piece)) + piece
            if (yield from self.ask(3, request, answer, 5)):
                self.at += len(piece)
            else:
                fails += 1
                yield 5.0
            yield rng.uniform(*pause)
        return self.at >= until

    def end(self, status: int = 0) -> Process:
        """Upgrade End; the hub says that the image is to be used at once, or later by command."""
        if status:
            return (yield from self.refused(status))
        answer = self.file + struct.pack(
            "<II", self.home.air.utc, self.home.air.rng.choice((0xFFFFFFFF, self.home.air.utc + 60))
        )
        return (yield from self.ask(6, b"\0" + self.file, answer, 7))

    def refused(self, status: int) -> Process:
        """Upgrade End with a status, which a default response answers (ZCL 11.13.9.3)."""
        speech, one, hub = self.home.speech, self.device, self.home.hub
        sequence = one.next("zcl")
        yield from speech.say(
            one, hub, OTA, zcl(6, bytes([status]) + self.file, sequence=sequence, quiet=False)
        )
        yield self.home.air.rng.uniform(*hub.answers)
        back = zcl(0x0B, b"\x06\x00", sequence=sequence, general=True, to_client=True)
        return (yield from speech.say(hub, one, OTA, back))


def begun(home: Home, device: Device, octets: int = 9000) -> Download:
    rng = home.air.rng
    maker, kind = rng.randrange(0x1000, 0x1200), rng.randrange(1, 90)
    code = rng.randbytes(octets)
    element = struct.pack("<HI", 0, len(code) + 66) + code + b"\x00\x40" + rng.randbytes(64)
    size = 56 + len(element)
    head = struct.pack("<IHHHHHIH32sI", 0x0BEEF11E, 0x0100, 56, 0, maker, kind, NEW, 2, b"image", size)
    return Download(
        home, device, struct.pack("<HHI", maker, kind, NEW), head + element, rng.choice((40, 48, 50, 63, 64))
    )


def notified(download: Download) -> Process:
    hub, device = download.home.hub, download.device
    asdu = zcl(0, b"\x03\x40" + download.file, sequence=hub.next("zcl"), to_client=True)
    yield from download.home.speech.say(hub, device, OTA, asdu)
    return (yield from download.query())


def long_pauses(home: Home) -> Process:
    """The hub has the image in parts only: the device waits for minutes, again and again."""
    rng = home.air.rng
    yield rng.uniform(200, 900)
    download = begun(home, rng.choice(home.of("ESME", "PPMID", "IHD")), 4000)
    download.waits, download.often = (120.0, 900.0), 0.08
    yield from notified(download)
    yield from download.blocks(len(download.image), (0.5, 6.0))
    return (yield from download.end())


def broken_off(home: Home) -> Process:
    """The customer unplugs the display, or ends it; later it goes on where it was, or begins anew."""
    rng = home.air.rng
    yield rng.uniform(200, 900)
    download = begun(home, home.of("PPMID", "IHD")[0], 6000)
    yield from notified(download)
    yield from download.blocks(len(download.image) // 3, (0.2, 1.5))
    yield from download.refused(ABORT)
    yield rng.uniform(300, 1500)
    yield from download.query()
    yield from download.blocks(2 * len(download.image) // 3, (0.2, 1.5))
    yield rng.uniform(600, 1500)
    if rng.random() < 0.5:
        download.at = 0
        yield from download.query()
    yield from download.blocks(len(download.image), (0.2, 1.5))
    return (yield from download.end())


def two_at_once(home: Home) -> Process:
    """Display and meter get theirs at the same time."""
    yield home.air.rng.uniform(200, 900)
    for one in (home.meter, home.of("PPMID", "IHD")[0]):
        home.air.begin(_whole(begun(home, one)), home.air.rng.uniform(0, 60))
    return True


def _whole(download: Download, pause: tuple[float, float] = (0.2, 1.5)) -> Process:
    yield from notified(download)
    yield from download.blocks(len(download.image), pause)
    return (yield from download.end())


def with_delays(home: Home) -> Process:
    """The hub tells how long to wait between blocks (MinimumBlockPeriod), and the device keeps to it."""
    yield home.air.rng.uniform(200, 900)
    return (yield from _whole(begun(home, home.of("PPMID", "IHD")[0], 3000), (10.0, 11.0)))


def to_a_gas_meter(home: Home) -> Process:
    """A gas meter takes some blocks each time it is awake."""
    rng, meter = home.air.rng, home.of("GSME")[0]
    yield rng.uniform(200, 900)
    download = begun(home, meter, 3000)
    download.often = 0.0
    yield from download.query()
    while download.at < len(download.image):
        yield from download.blocks(min(len(download.image), download.at + 12 * download.size), (0.3, 0.9))
        yield rng.uniform(200, 400)
    return (yield from download.end())
