"""What remote parties and the home's devices say to each other through tunnels: GBCS messages with their own keys, as a clean
home has them: asked by day and at midnight, answered sooner or later, sent again when they did not arrive, for later, in alerts."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from dissectors.gbcs import (
    Block,
    Keystore,
    MessageHeader,
    build,
    build_blocks,
    command_payload,
    dissect_message,
    notification,
    read_envelope,
    response_payload,
    utrn,
)
from tests.analysis.homes import days
from tests.analysis.homes.air import Device, Process
from tests.analysis.homes.life import Home
from tests.analysis.homes.speech import zcl

__all__ = [
    "Remote", "asks", "blocks", "gbcs_lines", "image_comes", "impatient", "midnight", "prepays", "profiles", "remote_of", "renews",
    "updates",
]  # fmt: skip

TUNNEL = 0x0704
GET, GIVEN, PUT = b"\x01", 0x02, b"\x03"
PARTIES = {"Supplier": 1, "Network Operator": 2, "Access Control Broker": 3}
USES = ("digitalSignature", "keyAgreement", "prePaymentTopUp")
READS = {
    "ESME": ("ECS17b", "ECS66", "ECS23", "ECS52", "ECS35b", "ECS21b", "ECS22a"),
    "GSME": ("GCS13a", "GCS16a", "GCS33", "GCS38"),
    "PPMID": ("CS08",),
    "HCALCS": ("CS08",),
}
"""What is read of a device on an ordinary day."""
SETS = {"ESME": ("ECS70", "ECS01a", "ECS38", "ECS39a"), "GSME": ("GCS28", "GCS41")}
OPERATORS = ("ECS22a",)
ALERTS = (
    (0x8002, "Network Operator"),
    (0x8085, "Network Operator"),
    (0x8F0A, "Supplier"),
    (0x8154, "Supplier"),
)
"""Alerts of a day on which all is well: voltage a little high and back, the billing log, a command that was carried out."""
VERIFIED, RECEIVED = 0x8F72, 0x00CE
LATER, OUTCOME, DONE, CREDIT_ADDED, GENERIC = 0x001A, 0x00CC, 0x8F66, 0x810E, 0x1001
PAYMENT_DATE, TOKEN = (111, "0-1:19.0.0.255", 13), (115, "0-0:19.40.0.255", 1)


@dataclass(slots=True, eq=False)
class Remote:
    """The far side of a home, and the tunnels of its devices.

    Attributes:
        slow: how long a device thinks over a command, seconds from and to.
        tunnels: the number of each device's tunnel. `mail`: what waits at the hub for a gas meter.
    """

    home: Home
    keystore: Keystore
    parties: dict[str, bytes]
    slow: tuple[float, float] = (0.3, 3.0)
    tunnels: dict[int, int] = field(default_factory=dict)
    mail: dict[int, list[bytes]] = field(default_factory=dict)
    counters: dict[bytes, int] = field(default_factory=dict)
    scalars: list[tuple[bytes, str, int]] = field(default_factory=list)

    def meet(self, *everybody: bytes) -> None:
        """Key pairs of those who have none yet."""
        for who in everybody:
            if any(who == known for known, _, _ in self.scalars):
                continue
            for use in USES:
                self.scalars.append((who, use, self.home.air.rng.getrandbits(250) + 1))
                self.keystore.add_scalar(*self.scalars[-1])

    def counter(self, who: bytes) -> int:
        """The next originator counter: seconds since 1970 above, a number below (GBCS 4.3.1)."""
        now = round(self.home.air.start + self.home.air.now)
        last = self.counters.get(who, 0)
        self.counters[who] = max(last + 1, now << 32 | 1)
        return self.counters[who]

    def command(
        self, name: str, device: Device, party: str = "", values: dict[Any, Any] | None = None, code: int = 0
    ) -> bytes:
        """A command of a party that may give it."""
        who = self.parties[party or ("Network Operator" if name in OPERATORS else "Supplier")]
        counter = self.counter(who)
        payload = command_payload(code, counter, values) if code else None
        return build.command(
            name,
            originator=who,
            recipient=octets_of(device),
            keystore=self.keystore,
            counter=counter,
            payload=payload,
        )

    def answer(self, asked: bytes) -> bytes:
        return build.response(dissect_message(asked, self.keystore), keystore=self.keystore)

    def alert(
        self, device: Device, alert_code: int, code: int = GENERIC, party: str = "Supplier", *more: Any
    ) -> bytes:
        counter = self.counter(octets_of(device))
        body = [("long-unsigned", alert_code), ("octet-string", self.date()), *more]
        return build.alert(
            code, originator=octets_of(device), recipient=self.parties[party], counter=counter,
            payload=notification(("structure", body), counter), keystore=self.keystore,
        )  # fmt: skip

    def date(self, later: float = 0.0) -> bytes:
        """A DLMS date-time, UTC, so many seconds from now."""
        when = datetime.fromtimestamp(self.home.air.start + self.home.air.now + later, UTC)
        day = when.year.to_bytes(2, "big") + bytes(
            (when.month, when.day, 0xFF, when.hour, when.minute, when.second)
        )
        return day + bytes.fromhex("008000ff")

    # --- tunnels ------------------------------------------------------------------------------------------------

    def opened(self, device: Device) -> Process:
        """A tunnel for a device: the hub asks a mains device, a gas meter the hub."""
        if device.eui64 in self.tunnels:
            return True
        hub = self.home.hub
        client, server = (device, hub) if device.nap else (hub, device)
        number = server.next("tunnels", 1 << 16)
        request, answer = struct.pack("<BHBH", 6, 0xFFFF, 0, 1500), struct.pack("<HBH", number, 0, 1500)
        done = yield from self.home.speech.ask(
            client, server, TUNNEL, 0, request, answer, 0, endpoints=(1, 1)
        )
        if done:
            self.tunnels[device.eui64] = number
        return done

    def carry(self, device: Device, octets: bytes, *, to_device: bool) -> Process:
        """One Transfer Data, again after some seconds where it did not arrive; whether it did."""
        hub, speech = self.home.hub, self.home.speech
        one, other = (hub, device) if to_device else (device, hub)
        by_client = to_device != device.nap
        for _ in range(3):
            body = struct.pack("<H", self.tunnels[device.eui64]) + octets
            asdu = zcl(2 if by_client else 1, body, sequence=one.next("zcl"), to_client=not by_client)
            if (yield from speech.say(one, other, TUNNEL, asdu, endpoints=(1, 1))):
                return True
            yield 3.0
        return False

    def exchange(self, device: Device, asked: bytes) -> Process:
        """A command and its answer; a gas meter gets it when it wakes."""
        if device.nap:
            self.mail.setdefault(device.eui64, []).append(asked)
            return True
        if not self.home.ready(device) or not (yield from self.opened(device)):
            return False
        if not (yield from self.carry(device, asked, to_device=True)):
            return False
        yield self.home.air.rng.uniform(*self.slow)
        return (yield from self.carry(device, self.answer(asked), to_device=False))

    def tell(self, device: Device, octets: bytes) -> Process:
        """An alert."""
        if not self.home.ready(device) or not (yield from self.opened(device)):
            return False
        return (yield from self.carry(device, (PUT if device.nap else b"") + octets, to_device=False))

    def fetch(self, device: Device) -> Process:
        """A gas meter that is awake gets what waits for it, and answers (GBCS 10.2.2.2)."""
        waits = self.mail.get(device.eui64, [])
        if not waits or not (yield from self.opened(device)):
            return False
        speech = self.home.speech
        while waits:
            if not (yield from self.carry(device, GET, to_device=False)):
                return False
            asked = waits.pop(0)
            yield self.home.air.rng.uniform(0.05, 0.3)
            yield from self.carry(device, bytes((GIVEN, len(waits))) + asked, to_device=True)
            yield from speech.take(device, 40)
            yield self.home.air.rng.uniform(*self.slow)
            yield from self.carry(device, PUT + self.answer(asked), to_device=False)
            yield from speech.take(device)
        return True


def octets_of(device: Device) -> bytes:
    return device.eui64.to_bytes(8, "big")


def remote_of(home: Home) -> Remote:
    """The far side of a home, made once."""
    if home.remote is None:
        rng = home.air.rng
        prefix = rng.getrandbits(32)
        parties = {name: (prefix << 32 | number << 16).to_bytes(8, "big") for name, number in PARTIES.items()}
        made = Remote(home, Keystore(parties["Access Control Broker"]), parties)
        made.slow = rng.choice(((0.2, 0.9), (0.5, 4.0), (2.0, 12.0)))
        made.meet(*parties.values(), *(octets_of(one) for one in home.air.devices))
        home.remote = made
    return home.remote


# --- what happens on a day ---------------------------------------------------------------------------------------------


def asks(home: Home) -> Process:
    """Parties read of each device and set what they set, at times of their own; now and then a device raises an alert of a day
    on which all is well. The hub delivers again what was not answered in time."""
    remote, rng = remote_of(home), home.air.rng
    yield rng.uniform(60, 300)
    done: set[str] = set()
    while True:
        able = [one for one in home.of("ESME", "ESME", "GSME", "PPMID", "HCALCS") if one.joined and one.up]
        if able:
            device = rng.choice(able)
            remote.meet(octets_of(device))
            sets = tuple(one for one in SETS.get(device.role, ()) if one not in done)
            name = rng.choice(sets if sets and rng.random() < 0.25 else READS[device.role])
            done.add(name)
            if device.role == "ESME" and rng.random() < 0.15:
                code, party = rng.choice(ALERTS)
                yield from remote.tell(device, remote.alert(device, code, party=party))
            else:
                yield from remote.exchange(device, remote.command(name, device))
        yield rng.choice((15.0, 120.0, 600.0)) * rng.uniform(0.6, 1.4)


def impatient(home: Home) -> Process:
    """A meter takes long over a command, and the hub delivers it again before it has answered, once."""
    remote, rng, meter = remote_of(home), home.air.rng, home.meter
    yield rng.uniform(100, 600)
    for name in ("ECS70", "ECS17b", "ECS38"):
        if (yield from remote.opened(meter)):
            asked = remote.command(name, meter)
            yield from remote.carry(meter, asked, to_device=True)
            yield rng.uniform(30, 45)
            yield from remote.carry(meter, asked, to_device=True)
            yield rng.uniform(2, 9)
            yield from remote.carry(meter, remote.answer(asked), to_device=False)
        yield rng.uniform(300, 1500)
    return True


def image_comes(home: Home) -> Process:
    """Firmware for a device; a meter tells its supplier that it came, is told to activate it, and says so."""
    remote, rng = remote_of(home), home.air.rng
    yield from days.firmware(home)
    device = home.more["updated"]
    yield rng.uniform(2, 60)
    if device.role != "ESME":
        return True
    told = ("octet-string", home.more["image"])
    yield from remote.tell(device, remote.alert(device, VERIFIED, RECEIVED, "Supplier", told))
    yield rng.uniform(20, 300)
    supplier = remote.parties["Supplier"]
    counter = remote.counter(supplier)
    values = {"originator_counter": counter, "manufacturer_image_hash": home.more["image"]}
    asked = build.command(
        "CS06", originator=supplier, recipient=octets_of(device), keystore=remote.keystore, counter=counter,
        payload=command_payload(0x0012, counter, values),
    )  # fmt: skip
    yield from remote.exchange(device, asked)
    yield rng.uniform(60, 200)
    return (yield from remote.exchange(device, remote.command("ECS52", device)))


def profiles(home: Home) -> Process:
    """Half hours of many days are read: the answer is longer than the tunnel takes, and comes in blocks (GBCS 10.3)."""
    remote, rng, meter = remote_of(home), home.air.rng, home.meter
    yield rng.uniform(100, 800)
    for _ in range(3):
        if not (yield from remote.opened(meter)):
            continue
        asked = remote.command("ECS22b", meter)
        yield from remote.carry(meter, asked, to_device=True)
        yield rng.uniform(*remote.slow)
        now = round(home.air.utc) // 1800 * 1800
        rows = [
            (
                "structure",
                [("double-long-unsigned", now - 1800 * n), ("double-long-unsigned", rng.randrange(900))],
            )
            for n in range(rng.randrange(150, 400))
        ]
        told = dissect_message(asked, remote.keystore)
        header = MessageHeader(2, told.layout.counter, told.layout.recipient, told.layout.originator, 0x0037)
        payload = response_payload(
            0x0037, header, remote.keystore, {(7, "0-0:99.1.0.255", 2): ("array", rows)}
        )
        answer = build.response(told, keystore=remote.keystore, payload=payload)
        for piece in blocks(answer):
            yield from remote.carry(meter, piece, to_device=False)
        yield rng.uniform(400, 1200)
    return True


def blocks(octets: bytes) -> list[bytes]:
    """A message as it goes through a tunnel: in blocks where it is too long for it (GBCS 10.3)."""
    layout = read_envelope(octets)
    header = Block(
        layout.cra, layout.counter, layout.originator, layout.recipient, layout.message_code, 0x40, 1, 0, b"", 0,
        b"\x11\0\0\0\0",
    )  # fmt: skip
    return build_blocks(octets, size=1100, header=header) if len(octets) > 1498 else [octets]


def midnight(home: Home) -> Process:
    """At midnight the daily logs of both meters are read, all at once, and the meter tells of its billing log."""
    remote, air = remote_of(home), home.air
    yield 86_400 - (air.start + air.now) % 86_400 + air.rng.uniform(1, 40)
    for meter in home.of("ESME", "GSME"):
        for name in READS[meter.role]:
            yield from remote.exchange(meter, remote.command(name, meter))
            yield air.rng.uniform(0.5, 8)
    return True


def updates(home: Home) -> Process:
    """The payment mode is set for later, the meter says when it did so; alerts of a day on which all is well."""
    remote, rng = remote_of(home), home.air.rng
    meter = home.meter
    yield rng.uniform(200, 900)
    wait = rng.uniform(300, 1500)
    values = {PAYMENT_DATE: ("octet-string", remote.date(wait))}
    asked = remote.command("ECS02", meter, values=values, code=LATER)
    due = home.air.now + wait
    yield from remote.exchange(meter, asked)
    yield max(due - home.air.now, 1.0) + rng.uniform(0.5, 60)
    instruction = struct.pack(">HQ", LATER, dissect_message(asked, remote.keystore).layout.counter)
    done = ("octet-string", instruction + bytes.fromhex("006f00011300 00ff0d"))
    yield from remote.tell(meter, remote.alert(meter, DONE, OUTCOME, "Supplier", done))
    return True


def prepays(home: Home) -> Process:
    """Top-ups by the supplier, and the alert that credit was added."""
    remote, rng = remote_of(home), home.air.rng
    meter, supplier = home.meter, remote.parties["Supplier"]
    for pence in (1000, 2500):
        yield rng.uniform(600, 2500)
        counter = (remote.counter(supplier) >> 32) + 1 << 32
        remote.counters[supplier] = counter
        code = utrn.generate(supplier, octets_of(meter), counter, pence, remote.keystore).encode()
        payload = command_payload(0x0007, counter, {TOKEN: ("octet-string", code)})
        asked = build.command(
            "CS01a", originator=supplier, recipient=octets_of(meter), keystore=remote.keystore, counter=counter,
            payload=payload,
        )  # fmt: skip
        yield from remote.exchange(meter, asked)
        yield rng.uniform(1, 30)
        yield from remote.tell(meter, remote.alert(meter, CREDIT_ADDED))
    return True


def renews(home: Home) -> Process:
    """The meter is given a new certificate of its own: request (CS02c), certificate (CS02d), and it shows what it has."""
    remote, rng = remote_of(home), home.air.rng
    meter = home.meter
    yield rng.uniform(100, 1200)
    for name in ("CS02a", "CS02e", "CS02c"):
        yield from remote.exchange(meter, remote.command(name, meter))
        yield rng.uniform(20, 90)
    return True


def gbcs_lines(home: Home, roles: bool) -> list[str]:
    """The keys of those who speak, and the roles of parties, as keys.toml has them."""
    remote = home.remote
    if remote is None:
        return []
    lines = [
        "[gbcs]",
        f'access_control_broker = "{remote.keystore.access_control_broker.hex()}"',
        'scalars = """',
    ]
    lines.append("entity_id,key_usage,cell_usage,p256_scalar_hex")
    for who, use, scalar in remote.scalars:
        shown, cell = ("keyAgreement", "prePaymentTopUp") if use == "prePaymentTopUp" else (use, "management")
        lines.append(f"{who.hex()},{shown},{cell},{scalar:064x}")
    lines.append('"""')
    for name, party in remote.parties.items():
        role = name.removeprefix("Former ")
        lines += (
            ["[[device]]", f'eui64 = "{party.hex()}"', f'name = "{name}"', f'role = "{role}"']
            if roles
            else []
        )
    return lines
