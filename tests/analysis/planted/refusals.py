"""Devices that refuse: management requests, joining, firmware, load control."""

import struct

from dissectors.gbcs.building.templates import response_payload
from dissectors.gbcs.sealing import MessageHeader
from tests.analysis.planted.catalogue import plant
from tests.analysis.planted.messages import SET_TARIFF, Desk, message_plant
from tests.analysis.planted.recording import SECOND, Recording
from tests.analysis.planted.speech import say, zcl

BIND, BIND_ANSWER, TABLE_FULL = 0x0021, 0x8021, 0x8C
BASIC, PRICE, LOAD, PREPAYMENT, NOT_AUTHORISED = 0x0000, 0x0700, 0x0701, 0x0705, 0x7E
JOIN_METER, WRITE_FAILURE, TARIFF = 0x000D, 5, 0x0019


@plant("binding is refused again and again", "zdp-refused")
def binding(recording: Recording) -> None:
    hub, device, at = recording["CHF"], recording.one_of("PPMID", "IHD", "CAD"), recording.moment(0.3, 0.4)
    for number in range(4 + recording.count(5)):
        asked = struct.pack("<BQBHBQB", number, hub.eui64, 1, 0x0702, 3, device.eui64, 1)
        say(recording, device, hub, at, BIND, asked, profile=0, endpoints=(0, 0))
        at = recording.quiet(at + SECOND // 4)
        say(recording, hub, device, at, BIND_ANSWER, bytes([number, TABLE_FULL]), profile=0, endpoints=(0, 0))
        at = recording.quiet(at + 20 * SECOND)


@plant("a display may not read its credit", "reports-refused")
def credit(recording: Recording) -> None:
    meter, display, at = recording["ESME"], recording["PPMID"], recording.moment(0.3, 0.4)
    for number in range(5 + recording.count(6)):
        ask = zcl(0, struct.pack("<H", 0x0001), general=True, sequence=number)
        say(recording, display, meter, at, PREPAYMENT, ask)
        at = recording.quiet(at + SECOND // 4)
        told = zcl(
            1, struct.pack("<HB", 0x0001, NOT_AUTHORISED), to_client=True, general=True, sequence=number
        )
        say(recording, meter, display, at, PREPAYMENT, told)
        at = recording.quiet(at + 15 * SECOND)


@plant("a load control event is rejected", "service-refused", base="quarter", strengths=(1.0, 2.0))
def load(recording: Recording) -> None:
    meter, switch, at = recording["ESME"], recording["HCALCS"], recording.moment(0.3, 0.4)
    for number in range(recording.count(1)):
        told = struct.pack("<IBIBBhhBBB", 77, 0xFE, 0, 0, 0, 0, 0, 0, 0, 0) + bytes(42)
        say(recording, switch, meter, at, LOAD, zcl(0, told, sequence=number))
        at = recording.quiet(at + 60 * SECOND)


@message_plant("a meter refuses its tariff", "command-refused")
def tariff(recording: Recording) -> None:
    desk = Desk(recording)
    for _ in range(recording.count(2)):
        asked = desk.command(SET_TARIFF)
        header = MessageHeader(2, desk.counter(), desk.target, desk.party, TARIFF)
        desk.send(asked)
        desk.answer(asked, payload=response_payload(TARIFF, header, desk.keystore)[:-1] + b"\xfa")


@message_plant("a meter refuses a join", "command-refused")
def join(recording: Recording) -> None:
    desk = Desk(recording)
    for _ in range(recording.count(1)):
        asked = desk.command("CS03A1")
        desk.send(asked)
        desk.answer(asked, payload=bytes((0x02, 0x01, WRITE_FAILURE)))


@plant("a display's prices stay unanswered", "request-unanswered", base="hour", strengths=(1.0, 2.0))
def prices(recording: Recording) -> None:
    meter, display, at = recording["ESME"], recording["IHD"], recording.moment(0.3, 0.4)
    for number in range(recording.count(4)):
        say(recording, display, meter, at, PRICE, zcl(0, b"\0", sequence=number))
        at = recording.quiet(at + 60 * SECOND)


@plant("a hub answers the time late", "answer-late", base="hour", strengths=(1.0, 2.0))
def late(recording: Recording) -> None:
    hub, device, at = recording["CHF"], recording["CAD"], recording.moment(0.3, 0.4)
    for number in range(recording.count(4)):
        ask = zcl(0, struct.pack("<H", 0x0000), general=True, sequence=number)
        say(recording, device, hub, at, BASIC, ask)
        told = zcl(1, struct.pack("<HBBB", 0, 0, 0x20, 3), to_client=True, general=True, sequence=number)
        say(recording, hub, device, recording.quiet(at + 11 * SECOND), BASIC, told)
        at = recording.quiet(at + 60 * SECOND)
