"""What is paid on a day on which all is well: emergency and friendly credit, prices in blocks, prices that are announced and taken
back, loads that are switched, and commands of all kinds."""

from __future__ import annotations

import struct

from tests.analysis.homes.air import Device, Process
from tests.analysis.homes.life import PREPAYMENT, PRICE, Home
from tests.analysis.homes.remote import remote_of
from tests.analysis.homes.speech import zcl

__all__ = [
    "all_kinds_of_commands",
    "blocks_of_prices",
    "emergency_credit",
    "friendly_credit",
    "loads",
    "taken_back",
]

CALENDAR, LOAD_CONTROL = 0x0707, 0x0701
LIMIT = 10_00_000
"""Emergency credit that is lent, thousandths of a penny."""
STATUS, EMERGENCY = 0x0003, 0x0002
FRIENDLY = 3
"""Kind of a calendar (ZSE 1.2 D.9.2.3.1)."""
READ = {
    "ESME": (
        "ECS17c", "ECS17d", "ECS17e", "ECS18b", "ECS19", "ECS20b", "ECS20c", "ECS20d", "ECS21a", "ECS24",
        "ECS26c", "ECS26d", "ECS26e", "ECS26f", "ECS27", "ECS35a", "ECS40", "ECS45", "ECS82", "ECS26j",
    ),
    "GSME": (
        "GCS13b", "GCS13c", "GCS14", "GCS16b", "GCS21b", "GCS21f", "GCS33", "GCS46", "GCS60", "GCS61",
    ),
}  # fmt: skip
SET = {
    "ESME": (
        "ECS16",
        "ECS10",
        "ECS46a",
        "ECS62",
        "ECS47",
        "ECS44",
        "ECS34",
        "ECS28a",
        "ECS07",
        "ECS09",
    ),
    "GSME": ("GCS07", "GCS44", "GCS39", "GCS06"),
}


def emergency_credit(home: Home) -> Process:
    """Credit runs out, the customer takes emergency credit at the display, and tops up later (ZSE 1.2 D.7.2.3.1)."""
    air, meter, hold = home.air, home.meter, home.speech.hold
    display = home.of("PPMID")[0]
    home.credit, lent = air.rng.randrange(200_000, 400_000), [0]
    hold(meter, 1, PREPAYMENT, EMERGENCY, 0x2B, lambda: lent[0] and max(LIMIT + min(home.credit, 0), 0))
    hold(
        meter,
        1,
        PREPAYMENT,
        STATUS,
        0x18,
        lambda: 0x01 if home.credit > 100_000 else 0x02 | 0x08 * (lent[0] > 0),
    )
    hold(meter, 1, PREPAYMENT, 0x0010, 0x23, LIMIT)
    hold(meter, 1, PREPAYMENT, 0x0011, 0x23, 100_000)
    air.begin(_looks(home, display))
    while home.credit > 60_000:
        yield 30.0
        home.credit -= air.rng.randrange(500, 9000)
    yield air.rng.uniform(20, 200)
    body = struct.pack("<IB", air.utc, 2) + b"\x00" + b"\x00"
    yield from _answered(home, display, meter, 0x00, body)
    lent[0] = 1
    for _ in range(30):
        yield 60.0
        home.credit -= air.rng.randrange(500, 6000)
    home.credit += 20_00_000
    lent[0] = 0
    return True


def _looks(home: Home, display: Device) -> Process:
    while True:
        yield home.air.rng.uniform(50, 90)
        if home.ready(display, home.meter):
            yield from home.speech.read(
                display, home.meter, PREPAYMENT, (0x0000, 0x0001, EMERGENCY, STATUS, 0x0005, 0x0010, 0x0011)
            )


def _answered(home: Home, one: Device, other: Device, command: int, body: bytes) -> Process:
    """A command that a default response answers."""
    sequence = one.next("zcl")
    if (
        yield from home.speech.say(one, other, PREPAYMENT, zcl(command, body, sequence=sequence, quiet=False))
    ):
        yield home.air.rng.uniform(*other.answers)
        back = zcl(0x0B, bytes([command, 0]), sequence=sequence, general=True, to_client=True)
        yield from home.speech.say(other, one, PREPAYMENT, back)
    return True


def friendly_credit(home: Home) -> Process:
    """A calendar of hours in which nobody is cut off; credit is below nothing meanwhile."""
    meter, head = home.meter, struct.pack("<III", 0x10, home.tariff, 9)
    home.credit = -3_00_000
    yield home.air.rng.uniform(60, 400)
    for one in home.shown(meter):
        begins = struct.pack("<IBB", home.air.utc - 86_400, FRIENDLY, 0)
        answers = (
            (0, struct.pack("<IIBBI", 0, 0, 1, FRIENDLY, 0xFFFFFFFF), head + begins + b"\x08Friendly\x01\x01\x01"),
            (
                1, struct.pack("<IIBB", 0x10, 9, 1, 1),
                head + struct.pack("<BBBBB", 1, 3, 0, 1, FRIENDLY) + struct.pack("<HBHBHB", 0, 1, 480, 0, 1080, 1),
            ),
            (2, struct.pack("<IIBB", 0x10, 9, 1, 1), head + bytes([1] + [1] * 7)),
            (3, struct.pack("<II", 0x10, 9), head + struct.pack("<BB", 0, 1) + b"\x01\x01\x78\xff\x01"),
        )  # fmt: skip
        for command, request, answer in answers:
            yield from home.speech.ask(one, meter, CALENDAR, command, request, answer, command)
            yield 0.3
    for _ in range(20):
        yield 120.0
        home.credit -= home.air.rng.randrange(500, 4000)
    return True


def blocks_of_prices(home: Home) -> Process:
    """A tariff in blocks: its information, block period and thresholds, and displays that ask for them (ZSE 1.2 D.4.2.4)."""
    meter, air = home.meter, home.air
    yield air.rng.uniform(60, 600)
    event = home.tariff + 1
    start = air.utc - 86_400
    while True:
        for one in home.shown(meter):
            label = b"Blocks"
            tariff = struct.pack("<IIIIB", 0x10, event, 5, start, 0) + bytes([len(label)]) + label
            tariff += struct.pack("<BBBHBIB", 1, 2, 0, 826, 0x50, 31_000, 1) + b"\x01\0\0\x01\0\0"
            period = (
                struct.pack("<III", 0x10, event, start) + (10_080).to_bytes(3, "little") + b"\x00\x00\x00\x00"
            )
            for command, ask, answer in (
                (0x06, struct.pack("<IIBB", 0, 0, 1, 0), tariff),
                (0x03, struct.pack("<IB", air.utc, 1), period),
            ):
                yield from home.speech.ask(one, meter, PRICE, command, ask, answer, 4 if command == 6 else 1)
                yield 0.5
        yield air.rng.uniform(900, 1800)


def taken_back(home: Home) -> Process:
    """Prices are announced for later, taken back, and announced anew: each under a later event (ZSE 1.2 D.4.2.4.1)."""
    meter, air = home.meter, home.air
    event = home.tariff + 10
    for number in range(12):
        yield air.rng.uniform(120, 600)
        event += 1
        begins = air.utc + 7200 + 1800 * number
        price = round(home.price * air.rng.uniform(0.9, 1.2))
        for one in home.shown(meter):
            asdu = zcl(
                0x00, _later(home, event, begins, 60, price), sequence=meter.next("zcl"), to_client=True
            )
            yield from home.speech.say(meter, one, PRICE, asdu)
        if number % 2:
            yield air.rng.uniform(10, 60)
            event += 1
            for one in home.shown(meter):
                asdu = zcl(
                    0x00, _later(home, event, begins, 0, price), sequence=meter.next("zcl"), to_client=True
                )
                yield from home.speech.say(meter, one, PRICE, asdu)
                body = struct.pack("<IIB", 0x10, 5, 0)
                asdu = zcl(0x0E, body, sequence=meter.next("zcl"), to_client=True)
                yield from home.speech.say(meter, one, PRICE, asdu)
    return True


def _later(home: Home, event: int, begins: int, minutes: int, price: int) -> bytes:
    out = (
        struct.pack("<I", 0x10) + b"\x03Std" + struct.pack("<IIBHBB", event, home.air.utc, 0, 826, 0x51, 0x11)
    )
    out += struct.pack("<IHI", begins, minutes, price)
    return out + struct.pack("<BIBIBBBB", 0xFF, 0xFFFFFFFF, 0xFF, 0xFFFFFFFF, 0xFF, 0xFF, 0xFF, 0)


def loads(home: Home) -> Process:
    """The meter switches its load, by calendar and by command, and the switch says what it did (ZSE 1.2 D.2.2)."""
    remote, air, meter = remote_of(home), home.air, home.meter
    switch = home.of("HCALCS")[0]
    key = air.rng.randbytes(16)
    switch.links[meter.eui64] = meter.links[switch.eui64] = key
    event = air.rng.randrange(1, 90_000)
    while True:
        yield air.rng.uniform(400, 1500)
        event += 1
        begins, minutes = air.utc, air.rng.randrange(15, 90)
        body = struct.pack(
            "<IHBIHBBBhhbBB", event, 0x0FFF, 0, begins, minutes, 1, 0xFF, 0xFF, -32768, -32768, -128, 0xFF, 0
        )
        asdu = zcl(0x00, body, sequence=meter.next("zcl"), to_client=True)
        yield from home.speech.say(meter, switch, LOAD_CONTROL, asdu)
        for status in (1, 2):
            yield air.rng.uniform(0.5, 3.0)
            told = struct.pack(
                "<IBIBhhbBBB", event, status, air.utc, 1, -32768, -32768, -128, 0xFF, 0, 0
            ) + bytes(42)
            yield from home.speech.say(
                switch, meter, LOAD_CONTROL, zcl(0x00, told, sequence=switch.next("zcl"))
            )
        if air.rng.random() < 0.5:
            yield from remote.exchange(meter, remote.command("ECS35b", meter))


def all_kinds_of_commands(home: Home) -> Process:
    """Suppliers read and set what there is to be read and set, each once."""
    remote, rng = remote_of(home), home.air.rng
    yield rng.uniform(60, 300)
    for role, names in {role: READ[role] + SET[role] for role in READ}.items():
        for name in rng.sample(names, len(names)):
            device = home.meter if role == "ESME" else home.of(role)[0]
            yield from remote.exchange(device, remote.command(name, device))
            yield rng.choice((5.0, 60.0, 200.0)) * rng.uniform(0.6, 1.4)
    return True
