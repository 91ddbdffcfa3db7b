"""What no scenario says and no fault: frames and messages made by our builders, put into a simulated capture and read
by the decoder, so that each rule has something to judge (`tests/analysis/played.csv`)."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from analysis.engine.checking import check
from captures.simulated.remote.smki import AGREEMENT, SIGNATURE, Smki
from captures.writer import CapturedFrame
from dissectors.dlms.carriers.wrapper import build_wrapper
from dissectors.gbcs import build, dissect_message
from dissectors.gbcs.asn1.der import build_der
from dissectors.gbcs.asn1.structures import structure
from dissectors.gbcs.building.templates import command_payload, response_payload
from dissectors.gbcs.payloads.building import Answer, access_response, notification
from dissectors.gbcs.sealing import MessageHeader
from dissectors.model.errors import DissectionError
from dissectors.zcl.build import build_payload
from dissectors.zigbee import assemble
from tests.analysis.planted.catalogue import Plant, base, try_plant
from tests.analysis.planted.messages import Desk
from tests.analysis.planted.recording import SECOND, Record, Recording
from tests.analysis.planted.speech import say, tell, zcl

__all__ = ["TALKS", "Talk", "judged", "replaced"]

HOUR = 3600 * SECOND
RAW_IP = 101  # link type
NOW = 820_000_000
"""Seconds since 2000."""
TUNNEL, METERING, PREPAYMENT, TIME = 0x0704, 0x0702, 0x0705, 0x000A
DAY_PROFILE = 5  # which component of GCS05 it is
SUPPLIER, OTHER_SUPPLIER = bytes.fromhex("90b3d5fffef10000"), bytes.fromhex("90b3d5fffef30000")


@dataclass(frozen=True, slots=True)
class Talk:
    """Which clean capture something is said in, and what; `compared`: judged beside the clean capture."""

    base: str
    says: Callable[[Recording], None]
    compared: bool = False


TALKS: dict[str, Talk] = {}


def talk_in(
    base_name: str, name: str, compared: bool = False
) -> Callable[[Callable[[Recording], None]], Callable[[Recording], None]]:
    """Registers a talk."""

    def register(says: Callable[[Recording], None]) -> Callable[[Recording], None]:
        TALKS[name] = Talk(base_name, says, compared)
        return says

    return register


@cache
def judged(name: str) -> frozenset[str]:
    """The rules that judge something in a talk."""
    one = TALKS[name]
    told = try_plant(Plant(name, (), one.base, (1.0,), one.says), 1, 1.0)
    result = told.result
    if one.compared:
        result = check(told.tables, baseline=base(one.base, 902)[2])
    assert not result.failures, result.failures
    return frozenset(v.rule for v in result.verdicts if v.state != "not seen")


COMMANDS = (
    # from, to, cluster, to the client?, command, payload
    ("GSME", "CHF", 0x0705, True, 0x06, struct.pack("<BBIIBI", 0, 1, NOW, 500, 1, 1000)),
    (
        "GSME",
        "CHF",
        0x0705,
        True,
        0x05,
        struct.pack("<BB", 0, 1) + b"\x04code" + struct.pack("<iI", 1500, NOW),
    ),
    ("GSME", "CHF", 0x0705, True, 0x03, struct.pack("<BiBi", 0, 1500, 0, 2500)),
    ("GSME", "CHF", 0x0702, True, 0x0B, struct.pack("<BHI", 2, 0, 0)),
    ("GSME", "CHF", 0x0702, True, 0x06, struct.pack("<IIBBBIB", 1, NOW, 1, 0, 1, 1, 0)),
    ("GSME", "CHF", 0x0709, True, 0x00, struct.pack("<BHIB", 3, 0x0054, NOW, 0) + b"\x02\x00\x62"),
    ("IHD", "ESME", 0x0709, False, 0x00, struct.pack("<BHIIBH", 3, 0, 0, NOW, 5, 0)),
    ("ESME", "HCALCS", 0x0006, False, 0x00, b""),
    ("PPMID", "ESME", 0x0702, False, 0x0C, b"\x02"),
    ("PPMID", "ESME", 0x0800, False, 0x00, struct.pack("<HBB", 2, 5, 5) + bytes(48)),
    ("PPMID", "CHF", 0x0019, False, 0x06, struct.pack("<BHHI", 0, 0x1234, 1, 2)),
    ("CHF", "ESME", 0x0704, True, 0x00, struct.pack("<HBH", 0xFFFF, 2, 1500)),
)
MESSAGES = (
    # use case, and who gets it: the hub's own go to the meter here, for no key of the hub is at hand
    ("ECS35g", "ESME"), ("GCS61", "GSME"), ("GCS31", "GSME"), ("CCS01", "ESME"), ("CCS06", "ESME"), ("CS02a", "ESME"),
    ("CS06", "ESME"), ("CS06", "ESME"),
)  # fmt: skip
ALERTS = (0x8F20, 0x8F21, 0x8F22, 0x8002)


@talk_in("prepayment", "talk")
def talk(recording: Recording) -> None:
    """What no scenario says: commands of the HAN, messages with their answers, alerts."""
    at = recording.moment(0.07, 0.09)
    for sender, receiver, cluster, to_client, command, payload in COMMANDS:
        asdu = zcl(command, payload, to_client=to_client)
        at = recording.quiet(at + SECOND)
        say(recording, recording[sender], recording[receiver], at, cluster, asdu)
    hub, meter = recording["CHF"], recording["ESME"]
    for attribute, kind, value, cluster in (
        (0x0011, 0x18, b"\x01", 0x0000),
        (0x0000, 0x1B, b"\0\0\x20\0", 0x0702),
    ):
        record = struct.pack("<HB", attribute, kind) + value
        at = recording.quiet(at + SECOND)
        say(
            recording,
            hub,
            recording["GSME"],
            at,
            cluster,
            zcl(0x0A, record, to_client=cluster == 0, general=True),
        )
    tell(recording, hub, meter.short, recording.quiet(at + SECOND), b"\x04\x40", receiver=meter)
    desk = Desk(recording)
    desk.at = recording.quiet(at + 2 * SECOND)
    for number, (name, role) in enumerate(MESSAGES):
        device = recording[role].eui64.to_bytes(8, "big")
        octets = desk.command(name, recipient=device, counter=desk.counter(number))
        desk.send(octets)
        try:
            answer = build.response(dissect_message(octets, desk.keystore), keystore=desk.keystore)
        except DissectionError:  # no template
            continue
        desk.send(answer, back=True)
    period = {(1, f"0-0:94.44.117.{n}", 2): ("octet-string", _time(hour)) for n, hour in ((1, 1), (2, 7))}
    desk.send(
        desk.command(
            "ECS47a", counter=desk.counter(90), payload=command_payload(0x011E, desk.counter(90), period)
        )
    )
    for number, code in enumerate(ALERTS, 100):
        desk.send(_alert(desk, code, number), back=True)


def _time(hour: int) -> bytes:
    """A DLMS date-time of 1 January 2026, UTC."""
    return bytes((0x07, 0xEA, 1, 1, 0xFF, hour, 0, 0, 0, 0x80, 0, 0xFF))


def _alert(desk: Desk, code: int, number: int) -> bytes:
    """A generic critical alert of the meter, with nothing but code and time."""
    body = [("long-unsigned", code), ("octet-string", _time(0))]
    payload = notification(("structure", body), desk.counter(number))
    return build.alert(
        0x1000, originator=desk.target, recipient=desk.party, counter=desk.counter(number), payload=payload,
        keystore=desk.keystore,
    )  # fmt: skip


# --- messages that need more than a template


@talk_in("hour", "messages")
def messages(recording: Recording) -> None:
    """Messages with contents: a schedule, a date that may not be, a new party's certificate, what the cells hold."""
    desk = Desk(recording)
    desk.at = recording.moment(0.5, 0.55)
    gas = recording["GSME"].eui64.to_bytes(8, "big")
    entries = [{"start_time": 0, "active_price_tier_or_friendly_credit_enable": 1}]
    day = {
        (DAY_PROFILE, "day_schedule_entries"): entries,
        (DAY_PROFILE, "total_number_of_schedule_entries"): 1,
    }
    _send(desk, "GCS05", 0x006F, day, gas)
    _send(desk, "GCS32", 0x0081, {(0, "implementation_date_time"): NOW + 86_400}, gas)
    desk.send(replaced(desk))
    asked = desk.command("CS02a")
    desk.send(asked)
    cells = {"credentials_held": [{"role": 2, "status": 0}, {"role": 3, "status": 4}]}
    header = MessageHeader(2, desk.counter(), desk.target, desk.party, 0x0008)
    desk.answer(asked, payload=response_payload(0x0008, header, desk.keystore, cells))
    counter = desk.counter(5)
    asked = desk.command("ECS47a", counter=counter)
    desk.send(asked)
    answers = [Answer(2, result=result) for result in (0, 250, 250, 0)]
    desk.answer(asked, payload=access_response(answers, counter))


def _send(desk: Desk, name: str, code: int, values: dict[Any, Any], to: bytes) -> None:
    counter = desk.counter(code)
    desk.send(
        desk.command(name, recipient=to, counter=counter, payload=command_payload(code, counter, values))
    )


def replaced(desk: Desk, *, floor: bool = True, cell: dict[str, Any] | None = None, **control: Any) -> bytes:
    """CS02b, a change of supplier by the old one: the certificates are another party's. (Without the floor of its counter;
    of another cell; with more in its control part.)"""
    smki = Smki(1, desk.recording.start // SECOND, desk.party)
    smki.enrol(OTHER_SUPPLIER, 2, SIGNATURE, AGREEMENT)
    counter = desk.counter(3)
    replacement = {
        "certificate": smki.certificate(OTHER_SUPPLIER, SIGNATURE),
        "target_cell": cell or {"role": 2, "key_usage": b"\x80"},
    }
    control |= {
        "mode": 2, "authorising_cell": {"role": 2, "key_usage": b"\x80"}, "authorising_sequence_number": counter,
    }  # fmt: skip
    control |= {"new_sequence_number_floor": counter} if floor else {}
    shape = structure(0x0102, 1)
    assert shape is not None
    body = {"control": control, "replacements": [replacement], "certification_path": [smki.root()]}
    return desk.command(0x0102, counter=counter, payload=build_der(shape, body))


# --- the hub's own messages, which a capture of the HAN does not hold


@talk_in("installation", "hub")
def hub(recording: Recording) -> None:
    """Whitelisting (CCS01) and the alert of the device log (CS14) among the joins of an installation."""
    desk = Desk(recording)
    desk.at = recording.moment(0.32, 0.34)
    _whitelist(desk, recording)


def _whitelist(desk: Desk, recording: Recording) -> None:
    chf, gas = (recording[role].eui64.to_bytes(8, "big") for role in ("CHF", "GSME"))
    for use, scalar in (("digitalSignature", 424_250), ("keyAgreement", 424_251)):
        desk.keystore.add_scalar(chf, use, scalar)
    asked = desk.command("CCS01", recipient=chf, payload=_register(desk, gas))
    desk.send(asked)
    desk.answer(asked)
    log = [_time(0), bytes(8)]
    devices = ("array", [("structure", [("octet-string", gas), ("octet-string", b"")])])
    desk.send(
        _of_hub(desk, 0x0018, 0x8F12, ("structure", [*(("octet-string", o) for o in log), devices])),
        back=True,
    )


def _register(desk: Desk, device: bytes) -> bytes:
    """The payload of CCS01: which device, and for how many seconds it may join."""
    fields = [("octet-string", device), ("enum", 1), ("octet-string", bytes(16)), ("enum", 0)]
    log = "0-0:30.3.0.255"
    values = {(104, log, 1): ("structure", fields), (104, log, 3): ("long-unsigned", 180)}
    return command_payload(0x0001, desk.counter(), values)


def _of_hub(desk: Desk, code: int, alert_code: int, *extra: Any) -> bytes:
    """An alert of the hub itself."""
    chf = desk.recording["CHF"].eui64.to_bytes(8, "big")
    counter = desk.counter(alert_code & 0xFF)
    body = [("long-unsigned", alert_code), ("octet-string", _time(0)), *extra]
    return build.alert(
        code, originator=chf, recipient=desk.party, counter=counter,
        payload=notification(("structure", body), counter), keystore=desk.keystore,
    )  # fmt: skip


@talk_in("sub-ghz", "sub-ghz")
def sub_ghz(recording: Recording) -> None:
    """The hub moves its sub-GHz channel, refuses a joiner there, discards a command; its alerts are there too."""
    low = [record for record in recording.records if (record.frame.page or 0) >= 28]
    radio, moved = low[0].frame, recording.start + 3900 * SECOND
    for record in low:
        if record.frame.time_ns > moved:
            record.frame = replace(record.frame, channel=(record.frame.channel or 0) + 1)
    meter = recording["GSME"]
    for number in range(12):  # on the new channel
        at = recording.quiet(moved + (60 + number) * SECOND)
        poll = assemble.mac_data(number, recording.pan, 0, meter.short, b"")
        record = recording.put(poll, at, meter.rssi)
        record.frame = replace(record.frame, page=radio.page, channel=(radio.channel or 0) + 1)
    no = assemble.mac_command(
        7, 2, struct.pack("<HB", 0xFFFF, 1), dst_pan=recording.pan, dst=0x00158D0000000001, dst_extended=True,
        src=recording["CHF"].eui64, src_extended=True,
    )  # fmt: skip
    record = recording.put(no, recording.quiet(recording.start + 1000 * SECOND), -60)
    record.frame = replace(record.frame, page=radio.page, channel=radio.channel)
    desk = Desk(recording)
    desk.at = recording.quiet(moved - 200 * SECOND)
    _whitelist(desk, recording)
    channel = ("octet-string", b"\x01")
    desk.send(_of_hub(desk, 0x0111, 0x8F26, ("structure", [("bit-string", "0" * 32), channel])), back=True)
    undelivered = desk.party + desk.target + b"\x01" + bytes(8)
    desk.send(_of_hub(desk, 0x0114, 0x8F2C, ("octet-string", undelivered)), back=True)


# --- more than a day, more than one capture


@talk_in("sub-ghz", "days")
def days(recording: Recording) -> None:
    """The same home a day later: each device says a word, the gas meter pushes its snapshots after midnight."""
    gas, proxy, screen = recording["GSME"], recording["CHF"], recording["PPMID"]
    page, channel = next(
        (r.frame.page, r.frame.channel) for r in recording.records if (r.frame.page or 0) >= 28
    )
    snapshot = struct.pack("<IIBBBIB", 1, NOW, 1, 0, 1, 1, 0)
    prepayment = struct.pack("<IIBBBIB", 1, NOW, 1, 0, 1, 1, 0)
    at = recording.start + 24 * HOUR + 600 * SECOND
    for cluster, command, payload in ((METERING, 0x06, snapshot), (PREPAYMENT, 0x01, prepayment)):
        record = say(recording, gas, proxy, at, cluster, zcl(command, payload, to_client=True))
        record.frame = replace(record.frame, page=page, channel=channel)
        at += 30 * SECOND
    for late in (25, 26):
        for who in (screen, recording["ESME"]):
            at = recording.start + late * HOUR + who.short * SECOND // 100
            say(recording, who, proxy, at, TIME, zcl(0x00, b"\x00\x00", general=True))
        record = say(recording, gas, proxy, at + SECOND, TIME, zcl(0x00, b"\x00\x00", general=True))
        record.frame = replace(record.frame, page=page, channel=channel)


@talk_in("quarter", "compared", compared=True)
def compared(recording: Recording) -> None:
    """The home as it was, beside a recording of it in good health."""


@talk_in("firmware", "download")
def download(recording: Recording) -> None:
    """The critical state of the hub's air time is told before firmware is sent."""
    desk = Desk(recording)
    desk.at = recording.moment(0.02, 0.04)
    desk.send(_alert(desk, 0x8F22, 1), back=True)


@talk_in("quarter", "public client")
def public_client(recording: Recording) -> None:
    """A meter's network port was recorded beside the radio: the public client reads there, and is answered."""
    asked = bytes.fromhex(
        "c001c100030100010800ff0200"
    )  # Get-Request-Normal: class 3, 1-0:1.8.0.255, attribute 2
    answer = bytes.fromhex("c401c10006000004d2")  # Get-Response-Normal: 1234
    at = recording.moment(0.3, 0.6)
    for ports, pdu in (
        ((50_000, 4059), build_wrapper(16, 1, asked)),
        ((4059, 50_000), build_wrapper(1, 16, answer)),
    ):
        udp = struct.pack(">HHHH", *ports, 8 + len(pdu), 0) + pdu
        ends = b"\x0a\0\0\1\x0a\0\0\2" if ports[1] == 4059 else b"\x0a\0\0\2\x0a\0\0\1"
        head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0) + ends
        recording.add(Record(CapturedFrame(head + udp, at, link_type=RAW_IP), planted=True))
        at += SECOND


@talk_in("quarter", "tunnels")
def tunnels(recording: Recording) -> None:
    """A meter has no tunnel left: the hub closes its own and asks again."""
    meter, proxy = recording["ESME"], recording["CHF"]
    at = recording.moment(0.3, 0.6)
    full = build_payload(
        TUNNEL,
        "to-client",
        0x00,
        {"tunnel_id": 0xFFFF, "tunnel_status": 2, "maximum_incoming_transfer_size": 1500},
    )
    asked = build_payload(
        TUNNEL, "to-server", 0x00,
        {"protocol_id": 6, "manufacturer_code": 0xFFFF, "flow_control_support": False, "maximum_incoming_transfer_size": 1500},
    )  # fmt: skip
    say(recording, meter, proxy, at, TUNNEL, zcl(0x00, full, to_client=True))
    say(recording, proxy, meter, at + 5 * SECOND, TUNNEL, zcl(0x01, b"\x01\x00"))
    say(recording, proxy, meter, at + 10 * SECOND, TUNNEL, zcl(0x00, asked))
