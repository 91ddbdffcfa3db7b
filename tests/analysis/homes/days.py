"""What happens on a day on which all is well: displays are carried about, firmware comes, tariffs change, devices come in."""

from __future__ import annotations

import hashlib
import struct

from dissectors.zigbee import assemble
from tests.analysis.homes.air import Device, Process
from tests.analysis.homes.joining import announce, come_in
from tests.analysis.homes.life import OTA, PREPAYMENT, PRICE, TIME, Home
from tests.analysis.homes.speech import zcl

__all__ = [
    "calendar", "carried", "concentrator", "dozes", "exchanged", "firmware", "hub_off", "joins", "new_key", "new_tariff", "nothing_there", "optional", "other_channel", "reads_time",
    "switched_off", "top_ups",
]  # fmt: skip

CALENDAR = 0x0707
FORMER = "former meter"
ROOMS = (-44, -58, -71, -79)
NIGHT = (0, 450, 0, 1410)
"""Minutes of the day at which the price of a time-of-use tariff changes: to night, day, peak, night."""


def carried(home: Home) -> Process:
    """A display goes from room to room."""
    while True:
        yield home.air.rng.uniform(600, 5000)
        for one in home.of("IHD", "PPMID"):
            one.rssi = home.air.rng.choice(ROOMS)
            one.loss = 0.01 if one.rssi > -75 else 0.08


def dozes(home: Home) -> Process:
    """A display on a battery: its radio sleeps, and it asks its parent every few seconds for what waits."""
    display = home.of("IHD")[0]
    display.nap, display.router = True, False
    pace = home.air.rng.choice((1.0, 2.0, 4.0, 7.5))
    while True:
        yield pace * home.air.rng.uniform(0.98, 1.02)
        if home.ready(display) and home.hub.up:
            yield from home.air.poll(display, home.hub)


def switched_off(home: Home) -> Process:
    """A display is off for a while, and rejoins when it is on again."""
    display = home.of("IHD", "CAD")[0]
    while True:
        yield home.air.rng.uniform(3000, 6000)
        display.up = False
        yield home.air.rng.uniform(900, 4000)
        display.up = True
        yield from rejoin(home, display)


def rejoin(home: Home, device: Device) -> Process:
    """Rejoin Request and Response under the network key, and an announcement (ZigBee PRO 05-3474 3.6.1.4.2)."""
    hub = device.via or home.hub
    if not (yield from home.air.carry(device, hub, b"\x06\x8e", command=True)):
        return False
    yield 0.1
    yield from home.air.carry(hub, device, struct.pack("<BHB", 0x07, device.short, 0), command=True)
    yield 0.2
    yield from announce(home, device)
    return True


def hub_off(home: Home) -> Process:
    """The hub is without power for some minutes; its counter goes on behind a multiple of 1024."""
    yield home.air.rng.uniform(2000, 4000)
    home.hub.up = False
    yield home.air.rng.uniform(200, 800)
    home.hub.up = True
    counts = home.hub.counts
    counts["nwk counter"] += 1024 - counts["nwk counter"] % 1024
    return True


def firmware(home: Home) -> Process:
    """The hub offers an image, and the device takes it block by block (ZCL 11.13)."""
    rng = home.air.rng
    yield rng.uniform(200, 900)
    device, hub = rng.choice(home.of("ESME", "PPMID", "IHD")), home.hub
    maker, kind, old, new, size = (
        rng.randrange(0x1000, 0x1200),
        rng.randrange(1, 90),
        0x00010203,
        0x00010300,
        rng.choice((40, 50, 64)),
    )
    code = rng.randbytes(9000)
    element = struct.pack("<HI", 0, len(code) + 66) + code + b"\x00\x40" + rng.randbytes(64)
    image = (
        struct.pack(
            "<IHHHHHIH32sI", 0x0BEEF11E, 0x0100, 56, 0, maker, kind, new, 2, b"image", 56 + len(element)
        )
        + element
    )
    home.more["image"], home.more["updated"] = hashlib.sha256(code).digest(), device
    file = struct.pack("<HHI", maker, kind, new)
    ask = home.speech.ask
    yield from home.speech.say(
        hub, device, OTA, zcl(0, b"\x03\x40" + file, sequence=hub.next("zcl"), to_client=True)
    )
    query = b"\0" + struct.pack("<HHI", maker, kind, old)
    yield from ask(device, hub, OTA, 1, query, b"\0" + file + struct.pack("<I", len(image)), 2)
    at, waits = 0, 0
    while at < len(image):
        request = b"\0" + file + struct.pack("<IB", at, size)
        if rng.random() < 0.02 and waits < 5:
            waits += 1
            wait = struct.pack("<BIIB", 0x97, home.air.utc, home.air.utc + 20, 0)[:9]
            yield from ask(device, hub, OTA, 3, request, wait, 5)
            yield 20.0
            continue
        piece = image[at : at + size]
        if (
            yield from ask(
                device, hub, OTA, 3, request, b"\0" + file + struct.pack("<IB", at, len(piece)) + piece, 5
            )
        ):
            at += len(piece)
        yield rng.uniform(0.2, 1.5)
    return (
        yield from ask(
            device, hub, OTA, 6, b"\0" + file, file + struct.pack("<II", home.air.utc, 0xFFFFFFFF), 7
        )
    )


def top_ups(home: Home) -> Process:
    """Credit is used, and a code is typed at the display now and then (ZSE 1.2 D.7.2.3.4)."""
    home.air.begin(_spends(home))
    display, meter = home.of("PPMID")[0], home.meter
    for code in (b"4929 1234".replace(b" ", b"") + b"000000000011"[:12], b"49291234000000000029"):
        yield home.air.rng.uniform(1200, 3600)
        digits = _with_check_digit(code[:19])
        added = 10_00_000
        home.credit += added
        answer = struct.pack("<BIBi", 0, added, 2, home.credit)
        body = struct.pack("<BB", 2, len(digits)) + digits
        yield from home.speech.ask(display, meter, PREPAYMENT, 0x04, body, answer, 0x03)
    return True


def _with_check_digit(digits: bytes) -> bytes:
    """The twentieth digit by Luhn's way (ISO/IEC 7812-1), as UTRNs have it."""
    total = 0
    for place, digit in enumerate(reversed(digits.decode())):
        number = int(digit) * (2 if place % 2 == 0 else 1)
        total += number - 9 if number > 9 else number
    return digits + str(-total % 10).encode()


def _spends(home: Home) -> Process:
    while True:
        yield 300.0
        home.credit -= home.air.rng.randrange(200, 3000)


def reads_time(home: Home) -> Process:
    """Displays ask for the time every quarter of an hour."""
    while True:
        yield home.air.rng.uniform(600, 900)
        for one in home.of("IHD", "PPMID"):
            if home.ready(one):
                yield from home.speech.read(one, home.hub, TIME, (0, 1, 2, 3, 4, 5, 7))


def new_tariff(home: Home) -> Process:
    """The supplier's new tariff begins: another price, and displays are told so."""
    yield home.air.rng.uniform(3000, 5000)
    home.tariff += 1
    home.price = round(home.price * home.air.rng.uniform(0.8, 1.4))
    for one in home.shown(home.meter):
        label = b"Tracker"
        body = struct.pack("<IIIIB", 0x10, home.tariff, 3, home.air.utc, 0) + bytes([len(label)]) + label
        body += struct.pack("<BBBHBIB", 1, 0, 0, 826, 0x50, 48_210, 0xFF) + b"\x01\0\0\x01\0\0"
        asdu = zcl(0x04, body, sequence=home.meter.next("zcl"), to_client=True)
        yield from home.speech.say(home.meter, one, PRICE, asdu)
        asdu = zcl(0x00, home.price_now(), sequence=home.meter.next("zcl"), to_client=True)
        yield from home.speech.say(home.meter, one, PRICE, asdu)
    return True


def calendar(home: Home) -> Process:
    """A calendar is published, and prices follow it."""
    air, meter = home.air, home.meter
    usual = (home.price, home.price // 2, home.price, home.price * 2)
    prices = home.more.get("prices of rates", usual)
    home.more["tiers"] = 3
    air.begin(_follows(home, prices))
    yield air.rng.uniform(60, 200)
    for one in home.shown(meter):
        yield from publish_calendar(home, one)
    return True


def publish_calendar(home: Home, display: Device) -> Process:
    """Publish Calendar, Day Profile, Week Profile and Seasons, on request (ZSE 1.2 D.9.2.4)."""
    meter, head = home.meter, struct.pack("<III", 0x10, home.tariff, 3)
    start = home.air.utc - 86_400
    answers = (
        (
            0,
            struct.pack("<IIBBI", 0, 0, 1, 0, 0xFFFFFFFF),
            head + struct.pack("<IBB", start, 0, 0) + b"\x03ToU" + b"\x01\x01\x01",
        ),
        (
            1,
            struct.pack("<IIBB", 0x10, 3, 1, 1),
            head + struct.pack("<BBBBB", 1, 4, 0, 1, 0) + _entries(home),
        ),
        (2, struct.pack("<IIBB", 0x10, 3, 1, 1), head + bytes([1] + [1] * 7)),
        (3, struct.pack("<II", 0x10, 3), head + struct.pack("<BB", 0, 1) + b"\x01\x01\x78\xff\x01"),
    )
    for command, request, answer in answers:
        yield from home.speech.ask(display, meter, CALENDAR, command, request, answer, command)
        yield 0.3
    return True


def switches(home: Home) -> tuple[int, ...]:
    """Minutes of the day at which the rate changes: every hour and a half or so from the start of the capture."""
    first = (home.air.start // 60 + 45) % 1440
    return tuple(sorted((first + 100 * n) % 1440 for n in range(4)))


def _entries(home: Home) -> bytes:
    minutes = switches(home)
    rates = [(minute, 1 + n % 3) for n, minute in enumerate(minutes)]
    if minutes[0]:
        rates = [(0, rates[-1][1]), *rates[:3]]
    return b"".join(struct.pack("<HB", minute, rate) for minute, rate in rates)


def rate_now(home: Home, late: float = 0.0) -> int:
    """The rate of the calendar (in UTC) that was in force `late` seconds ago."""
    minute = int(home.air.start + home.air.now - late) // 60 % 1440
    entries = _entries(home)
    rates = [struct.unpack_from("<HB", entries, at) for at in range(0, len(entries), 3)]
    return int([rate for begins, rate in rates if begins <= minute][-1])


def _follows(home: Home, prices: tuple[int, ...]) -> Process:
    while True:
        home.price = prices[rate_now(home, home.more.get("late", 0.0))]
        home.more["tier"] = rate_now(home, home.more.get("late", 0.0))
        yield 5.0


def nothing_there(home: Home) -> Process:
    """Displays ask for what their hub and meter do not have (yet): messages, block periods, firmware."""
    meter, hub, ask = home.meter, home.hub, home.speech.ask
    not_found = 0x8B
    wants = (
        (hub, 0x0703, 0x00, b""), (meter, PRICE, 0x03, struct.pack("<IB", home.air.utc, 1)),
    )  # fmt: skip
    while True:
        for one in [one for one in home.of("IHD", "PPMID") if home.ready(one, meter)]:
            for server, cluster, command, body in wants:
                yield from refused(home, one, server, cluster, command, body, not_found)
                yield 2.0
            query = b"\0" + struct.pack("<HHI", 0x1077, 3, 0x00010203)
            yield from ask(one, hub, OTA, 1, query, b"\x98", 2)
        yield home.air.rng.uniform(500, 700)


def refused(
    home: Home, one: Device, other: Device, cluster: int, command: int, body: bytes, status: int
) -> Process:
    """A command that is answered by a default response with a status (ZCL 07-5123 2.4.12)."""
    sequence = one.next("zcl")
    if (yield from home.speech.say(one, other, cluster, zcl(command, body, sequence=sequence, quiet=False))):
        yield home.air.rng.uniform(*other.answers)
        back = zcl(0x0B, bytes([command, status]), sequence=sequence, general=True, to_client=True)
        yield from home.speech.say(other, one, cluster, back)
    return True


def optional(home: Home) -> Process:
    """Displays read attributes that are optional, and that the meter does not have, beside those that it has."""
    while True:
        for one in [one for one in home.of("IHD", "PPMID", "CAD") if home.ready(one, home.meter)]:
            yield from home.speech.read(one, home.meter, 0x0702, (0x0000, 0x0400, 0x0401, 0x0403, 0x0F01))
            yield from home.speech.read(one, home.meter, PRICE, (0x0000, 0x0300))
        yield home.air.rng.uniform(50, 70)


def concentrator(home: Home) -> Process:
    """The hub asks for routes to itself (05-3474 3.4.1: many-to-one), and devices send Route Records."""
    number = 0
    while True:
        yield home.air.rng.uniform(55, 65)
        number = (number + 1) % 256
        if home.hub.up:
            yield from home.air.shout(
                home.hub, struct.pack("<BBBHB", 1, 0x08, number, 0xFFFC, 0), command=True
            )
        for one in home.of("ESME", "HCALCS"):
            if one.up:
                yield from home.air.carry(one, home.hub, b"\x05\x00", command=True)


def new_key(home: Home) -> Process:
    """The hub hands out a new network key, and takes it into use (ZigBee PRO 05-3474 4.6.3.4)."""
    air, hub = home.air, home.hub
    yield air.rng.uniform(1500, 3000)
    key, sequence = air.rng.randbytes(16), (air.sequence + 1) % 256
    home.more["network keys"][sequence] = key
    body = bytes([0x05, 0x01]) + key + bytes([sequence]) + struct.pack("<QQ", 0, hub.eui64)
    yield from air.shout(hub, _command(hub, body))
    yield 60.0
    yield from air.shout(hub, _command(hub, bytes([0x09, sequence])))
    yield 1.0
    air.key, air.sequence = key, sequence
    return True


def other_channel(home: Home) -> Process:
    """The hub finds its channel noisy, and takes the network to another (05-3474 2.4.3.3.9); the sniffer follows."""
    yield home.air.rng.uniform(2000, 4000)
    hub = home.hub
    header = assemble.aps_data(0x0038, 0, 0, 0, hub.next("aps"), broadcast=True)
    yield from home.air.shout(hub, header + struct.pack("<BIBB", hub.next("zdp"), 1 << 20, 0xFE, 1))
    return True


def _command(sender: Device, body: bytes) -> bytes:
    return bytes([1 | 2 << 2, sender.next("aps")]) + body


def exchanged(home: Home) -> Process:
    """The electricity meter is taken out, and another comes in its place."""
    air, old = home.air, home.meter
    yield air.rng.uniform(1500, 2500)
    old.up = old.joined = False
    old.role = FORMER
    yield air.rng.uniform(300, 700)
    yield from come_in(home, "ESME", dict(old.values))
    return True


def joins(home: Home) -> Process:
    """The person at home adds an access device."""
    yield home.air.rng.uniform(900, 1800)
    yield from come_in(home, "CAD", {})
    return True
