"""GBCS messages in tunnels, built by our own builder with the home's keys, each with one thing wrong."""

from __future__ import annotations

import datetime

from dissectors.gbcs import Keystore, build
from dissectors.gbcs.payloads.building import notification
from tests.analysis.planted.catalogue import plant
from tests.analysis.planted.recording import SECOND, Recording, Station
from tests.analysis.planted.speech import carry

READ_VERSION, SET_CLOCK, SET_TARIFF, READ_REGISTERS = "ECS52", "ECS70", "ECS01a", "ECS17b"
SUPPLIER, OPERATOR = "90b3d5fffef10000", "90b3d5fffef20000"
GENERIC_CRITICAL, GENERIC = 0x1000, 0x1001


class Desk:
    """A remote party that sends commands to the electricity meter, and what the meter says back."""

    def __init__(self, recording: Recording, party: str = "") -> None:
        self.recording = recording
        self.keystore = Keystore(bytes.fromhex(recording.gbcs["access_control_broker"]))
        self.keystore.add(recording.gbcs["scalars"])
        messages = recording.messages
        commands = messages[messages["cra"] == "command"]
        self.meter = recording["ESME"]
        mine = commands[commands["recipient"] == f"{self.meter.eui64:016x}"]
        self.party = bytes.fromhex(party or str(mine["originator"].mode()[0]))
        self.at = recording.moment(0.82, 0.9)

    @property
    def target(self) -> bytes:
        return self.meter.eui64.to_bytes(8, "big")

    def counter(self, seconds: float = 0.0) -> int:
        return round(self.at / SECOND + seconds) << 32 | 1

    def command(
        self, name: str, *, counter: int | None = None, recipient: bytes | None = None, **more
    ) -> bytes:
        return build.command(
            name, originator=self.party, recipient=recipient or self.target, keystore=self.keystore,
            counter=self.counter() if counter is None else counter, **more,
        )  # fmt: skip

    def answer(self, octets: bytes, *, planted: bool = True, **more) -> bytes:
        from dissectors.gbcs import dissect_message

        said = build.response(dissect_message(octets, self.keystore), keystore=self.keystore, **more)
        self.send(said, back=True, planted=planted)
        return said

    def send(
        self, octets: bytes, *, back: bool = False, planted: bool = True, skip: frozenset[int] = frozenset()
    ) -> None:
        hub: Station = self.recording["CHF"]
        one, other = (self.meter, hub) if back else (hub, self.meter)
        at = carry(self.recording, one, other, self.at, octets, planted=planted, skip=skip)
        self.at = self.recording.quiet(at + self.recording.rng.randrange(1, 5) * SECOND, 0.6)


def message_plant(name: str, *rules: str, **more):
    return plant(name, *rules, base="hour", **more)


@message_plant("a command comes again after minutes", "command-replayed", "replay-accepted")
def replayed(recording: Recording) -> None:
    desk = Desk(recording)
    octets = desk.command(SET_CLOCK)
    desk.send(octets, planted=False)
    desk.answer(octets, planted=False)
    for _ in range(recording.count(1)):
        desk.at = recording.quiet(desk.at + 40 * SECOND, 0.6)
        desk.send(octets)


@message_plant("a command with a counter below the last one", "command-replayed")
def counter_low(recording: Recording) -> None:
    desk = Desk(recording)
    desk.send(desk.command(SET_TARIFF), planted=False)
    for step in range(recording.count(1)):
        desk.send(desk.command(SET_CLOCK, counter=desk.counter(-900 - step)))


@message_plant("a command with a counter one below the last one", "command-replayed")
def counter_one_low(recording: Recording) -> None:
    desk = Desk(recording)
    counter = desk.counter() + 1
    desk.send(desk.command(SET_TARIFF, counter=counter), planted=False)
    desk.send(desk.command(SET_CLOCK, counter=counter - 1))


@message_plant("two commands under one counter", "counter-reused", "command-replayed")
def counter_twice(recording: Recording) -> None:
    desk = Desk(recording)
    counter = desk.counter()
    desk.send(desk.command(SET_CLOCK, counter=counter), planted=False)
    desk.send(desk.command(SET_TARIFF, counter=counter))


@message_plant("a network operator sets the tariff", "role-not-allowed")
def wrong_role(recording: Recording) -> None:
    desk = Desk(recording, OPERATOR)
    for _ in range(recording.count(1)):
        desk.send(desk.command(SET_TARIFF))


@message_plant("one bit of a command is turned", "mac-invalid", "signature-invalid")
def bit(recording: Recording) -> None:
    desk = Desk(recording)
    for _ in range(recording.count(2)):
        octets = bytearray(desk.command(READ_VERSION))
        octets[-14] ^= 1 << recording.rng.randrange(8)
        desk.send(bytes(octets))


@message_plant("a critical command without signature", "critical-command-unsigned")
def unsigned(recording: Recording) -> None:
    desk = Desk(recording)
    for _ in range(recording.count(1)):
        desk.send(desk.command(SET_CLOCK, signed_by_originator=False))


@message_plant("a critical command without MAC", "critical-command-without-mac")
def without_mac(recording: Recording) -> None:
    desk = Desk(recording)
    for _ in range(recording.count(1)):
        desk.send(desk.command(SET_CLOCK, mac=False))


@message_plant("a signature by the wrong party", "signature-invalid", "mac-invalid")
def wrong_signature(recording: Recording) -> None:
    desk = Desk(recording)
    for _ in range(recording.count(1)):
        real, desk.party = desk.party, bytes.fromhex(OPERATOR)
        octets = desk.command(SET_CLOCK).replace(desk.party, real)
        desk.party = real
        desk.send(octets)


@message_plant("a gas command for the electricity meter", "wrong-target")
def wrong_target(recording: Recording) -> None:
    desk = Desk(recording)
    for _ in range(recording.count(1)):
        desk.send(desk.command("GCS38"))


@message_plant("a stranger gives commands", "mac-invalid")
def stranger_commands(recording: Recording) -> None:
    desk = Desk(recording)
    stranger = bytes.fromhex("0badc0de00000001")
    for use, scalar in (("digitalSignature", 424242), ("keyAgreement", 424243)):
        desk.keystore.add_scalar(stranger, use, scalar)
    desk.party = stranger
    for _ in range(recording.count(1)):
        desk.send(desk.command(SET_CLOCK, broker=stranger))


@message_plant("a neighbour's device gives commands in the broker's place", "mac-invalid")
def device_commands(recording: Recording) -> None:
    desk = Desk(recording)
    hub = recording["CHF"].eui64.to_bytes(8, "big")
    for use, scalar in (("digitalSignature", 424244), ("keyAgreement", 424245)):
        desk.keystore.add_scalar(hub, use, scalar)
    for _ in range(recording.count(1)):
        desk.send(desk.command(READ_VERSION, broker=hub))


@message_plant("a signature in its other form", "signature-altered")
def altered_signature(recording: Recording) -> None:
    from dissectors.gbcs import dissect_message
    from dissectors.gbcs.trust.verification import GROUP_ORDER

    desk = Desk(recording)
    octets = desk.command(SET_CLOCK)
    desk.send(octets, planted=False)
    said = desk.answer(octets, planted=False)
    at = dissect_message(said).layout.signature + 33
    s = GROUP_ORDER - int.from_bytes(said[at:], "big")
    desk.send(said[:at] + s.to_bytes(32, "big"), back=True)


def alert(
    desk: Desk, code: int, alert_code: int, *, counter: int | None = None, to: bytes | None = None
) -> bytes:
    now = datetime.datetime.fromtimestamp(desk.at // SECOND, datetime.UTC)
    date = now.year.to_bytes(2, "big") + bytes((now.month, now.day, 0xFF, now.hour, now.minute, now.second))
    body = [("long-unsigned", alert_code), ("octet-string", date + bytes.fromhex("008000ff"))]
    number = desk.counter() if counter is None else counter
    return build.alert(
        code, originator=desk.target, recipient=to or desk.party, counter=number,
        payload=notification(("structure", body), number), keystore=desk.keystore,
    )  # fmt: skip


@message_plant("alerts without end", "alert-flood")
def alerts(recording: Recording) -> None:
    desk = Desk(recording)
    desk.at = recording.moment(0.55, 0.6)
    for _ in range(10 + recording.count(10)):
        desk.send(alert(desk, GENERIC, 0x8002), back=True)


@message_plant("an alert of tampering", "security-alert")
def tampering(recording: Recording) -> None:
    desk = Desk(recording)
    for _ in range(recording.count(1)):
        desk.send(alert(desk, GENERIC_CRITICAL, 0x8F3F), back=True)


@message_plant("an alert that is for logs only", "log-only-alert", least="info", strengths=(1.0,))
def log_only(recording: Recording) -> None:
    desk = Desk(recording)
    desk.send(alert(desk, GENERIC, 0x8F47), back=True)


@message_plant("a meter answers with other octets the second time", "counter-reused", "replay-accepted")
def answered_twice(recording: Recording) -> None:
    desk = Desk(recording)
    octets = desk.command(READ_VERSION)
    desk.send(octets, planted=False)
    desk.answer(octets)
    said = desk.answer(octets, payload=_other_payload(desk, octets))
    assert said


def _other_payload(desk: Desk, octets: bytes) -> bytes:
    from dissectors.gbcs.building.templates import response_payload
    from dissectors.gbcs.sealing import MessageHeader

    header = MessageHeader(2, desk.counter(), desk.target, desk.party, 0x0059)
    return response_payload(0x0059, header, desk.keystore)[:-1] + b"\x01"


@message_plant("commands that are never answered", "device-unresponsive", strengths=(1.0, 2.0))
def unanswered(recording: Recording) -> None:
    desk = Desk(recording)
    desk.at = recording.moment(0.55, 0.6)
    for _ in range(1 + recording.count(1)):
        desk.send(desk.command(READ_VERSION))


@message_plant("an unsigned answer to a critical command", "critical-response-unsigned")
def answer_unsigned(recording: Recording) -> None:
    desk = Desk(recording)
    for _ in range(recording.count(1)):
        octets = desk.command(SET_CLOCK)
        desk.send(octets, planted=False)
        desk.answer(octets, signed_by_originator=False)


@message_plant(
    "a fragment of a message is missing",
    "message-cut",
    "fragments-missing",
    "device-unresponsive",
    "message-format",
    strengths=(2.0,),  # one or two of many may be what the sniffer missed: they inform only
)
def fragment_missing(recording: Recording) -> None:
    desk = Desk(recording)
    for _ in range(recording.count(2)):
        desk.send(desk.command(READ_REGISTERS), skip=frozenset({1}))


@message_plant("a message is cut short", "message-cut", "message-format")
def cut(recording: Recording) -> None:
    desk = Desk(recording)
    for _ in range(recording.count(1)):
        octets = desk.command(READ_REGISTERS)
        desk.send(octets[: round(len(octets) * recording.rng.uniform(0.4, 0.9))])


@message_plant("a block of a long message never comes", "block-missing")
def block(recording: Recording) -> None:
    desk = Desk(recording)
    desk.at = recording.moment(0.6, 0.7)
    octets = desk.command(READ_REGISTERS)
    for part in blocks_of(desk, octets)[:-1]:
        desk.send(part)


def blocks_of(desk: Desk, octets: bytes) -> list[bytes]:
    from dissectors.gbcs.envelope import read_envelope
    from dissectors.gbcs.gbt import Block, build_blocks

    layout = read_envelope(octets)
    header = Block(
        layout.cra,
        layout.counter,
        layout.originator,
        layout.recipient,
        layout.message_code,
        0x40,
        1,
        0,
        b"",
        0,
        b"\x11\0\0\0\0",
    )
    return build_blocks(octets, size=60, header=header)


@message_plant("a token is used twice", "top-up-repeated", "command-replayed")
def token_twice(recording: Recording) -> None:
    from dissectors.gbcs import utrn
    from dissectors.gbcs.building.templates import command_payload

    desk = Desk(recording, SUPPLIER)
    counter = desk.counter() & ~0xFFFFFFFF
    token = utrn.generate(desk.party, desk.target, counter, 1500, desk.keystore).encode()
    for step in range(2):
        number = counter + (step << 32)
        payload = command_payload(0x0007, number, {(115, "0-0:19.40.0.255", 1): ("octet-string", token)})
        octets = desk.command("CS01a", counter=number, payload=payload)
        desk.send(octets)
        desk.answer(octets)


@plant("another image is activated than the one that came", "activation-hash-differs", base="firmware")
def other_image(recording: Recording) -> None:
    from dissectors.gbcs.building.templates import command_payload

    desk = Desk(recording)
    for _ in range(recording.count(1)):
        counter = desk.counter()
        values = {"originator_counter": counter, "manufacturer_image_hash": recording.rng.randbytes(32)}
        octets = desk.command("CS06", counter=counter, payload=command_payload(0x0012, counter, values))
        desk.send(octets)
        desk.answer(octets)


def _answered_with(desk: Desk, code: int, where: tuple[int, str, int], value: object) -> bytes:
    from dissectors.gbcs import MessageHeader, response_payload

    header = MessageHeader(2, desk.counter(), desk.target, desk.party, code)
    return response_payload(code, header, desk.keystore, {where: value})


@plant("a log tells of tampering that no alert told", "logged-without-alert", base="evening", least="info")
def logged(recording: Recording) -> None:
    desk = Desk(recording, SUPPLIER)
    desk.at = recording.moment(0.3, 0.4)
    since_2000 = desk.at // SECOND - 946_684_800
    codes = recording.rng.sample((0x8F3E, 0x8F3F, 0x8F1E, 0x8F74, 0x8F78, 0x8F36, 0x8020), recording.count(2))
    rows = [
        ("structure", [("double-long-unsigned", since_2000 - 90 * n), ("long-unsigned", code)])
        for n, code in enumerate(codes)
    ]
    asked = desk.command("ECS35b")
    desk.send(asked)
    desk.answer(asked, payload=_answered_with(desk, 0x0049, (7, "0-0:99.98.1.255", 2), ("array", rows)))


@plant(
    "nothing is said of a payment mode for later",
    "dated-command-unreported",
    base="evening",
    strengths=(1.0,),
)
def dated(recording: Recording) -> None:
    from dissectors.gbcs import command_payload

    desk = Desk(recording, SUPPLIER)
    desk.at = recording.moment(0.3, 0.5)
    when = datetime.datetime.fromtimestamp(desk.at // SECOND + 300, datetime.UTC)
    date = when.year.to_bytes(2, "big") + bytes(
        (when.month, when.day, 0xFF, when.hour, when.minute, when.second)
    )
    values = {(111, "0-1:19.0.0.255", 13): ("octet-string", date + bytes.fromhex("008000ff"))}
    asked = desk.command("ECS02", payload=command_payload(0x001A, desk.counter(), values))
    desk.send(asked)
    desk.answer(asked)
