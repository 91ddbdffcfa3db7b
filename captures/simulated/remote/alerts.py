"""Payloads of the alerts that simulated devices send, for every message code of an alert (GBCS 4.x section 16)."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

from captures.simulated.remote.directory import Directory, Entity
from captures.simulated.stack.network import Role
from dissectors.crypto import aes_mmo
from dissectors.dlms import build_data
from dissectors.gbcs import (
    SECURITY_HEADER,
    MessageHeader,
    ZclCommand,
    build_der,
    content_key,
    encrypt,
    gbz_alert,
    gbz_payload,
    notification,
    protection_parameters,
    structure,
)

__all__ = ["ALERTS", "dlms_time", "generic", "payload"]

FUTURE_DATED_DONE, FIRMWARE_RECEIVED, INTEGRITY = 0x8F66, 0x8F72, 0x81A0
POWER_QUALITY, TOP_UP_ACCEPTED = 0x8002, 0x810E  # of a home in which all is well
_CHANNEL = ("octet-string", b"\x01")
Typed = tuple[str, Any]


def octets_time(dcc: Directory) -> bytes:
    """A DLMS date-time, UTC, of the simulated moment."""
    return dlms_time(dcc.han.now // 10**9)


def dlms_time(seconds: int) -> bytes:
    """A DLMS date-time, UTC, of a moment in seconds since 1970."""
    now = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    date = now.year.to_bytes(2, "big") + bytes((now.month, now.day, 0xFF, now.hour, now.minute, now.second))
    return date + bytes.fromhex("008000ff")


def text_time(dcc: Directory) -> str:
    """A GeneralizedTime of the simulated moment."""
    return datetime.datetime.fromtimestamp(dcc.han.now // 10**9, datetime.UTC).strftime("%Y%m%d%H%M%SZ")


def generic(dcc: Directory, device: Entity, alert_code: int, counter: int, *extra: Typed) -> bytes:
    """The payload of an alert with nothing but code and time (and `extra` items): DLMS, or GBZ of a gas meter."""
    if device.role == Role.GSME:
        return gbz_alert(alert_code, dcc.han.utc)
    body: list[Typed] = [("long-unsigned", alert_code), ("octet-string", octets_time(dcc)), *extra]
    return notification(("structure", body), counter)


def payload(dcc: Directory, code: int, device: Entity, recipient: Entity, counter: int) -> bytes:
    """The payload of the alert with message code `code`.

    Raises:
        KeyError: it is none of an alert.
    """
    return ALERTS[code](dcc, code, device, recipient, counter)


Maker = Callable[[Directory, int, Entity, Entity, int], bytes]


def _plain(alert_code: int, *extra: Callable[[Directory], Typed]) -> Maker:
    def make(dcc: Directory, code: int, device: Entity, recipient: Entity, counter: int) -> bytes:
        return generic(dcc, device, alert_code, counter, *(one(dcc) for one in extra))

    return make


def _octets(octets: bytes) -> Callable[[Directory], Typed]:
    return lambda dcc: ("octet-string", octets)


def _device(role: Role) -> Callable[[Directory], Typed]:
    return lambda dcc: ("octet-string", dcc.device(role).octets)


def _undelivered(dcc: Directory) -> Typed:
    party, meter = dcc.parties["Supplier A"], dcc.device(Role.ESME)
    return ("octet-string", party.octets + meter.octets + b"\x01" + (1234).to_bytes(8, "big"))


def _executed(dcc: Directory) -> Typed:
    instruction = (0x0019).to_bytes(2, "big") + (1234).to_bytes(8, "big")
    return ("octet-string", instruction + bytes.fromhex("006f 0001130000ff 0a".replace(" ", "")))


def _log(dcc: Directory) -> Typed:
    """CS14: the devices of the home with their hashed link keys."""
    hub = dcc.han.hub
    devices = [
        ("structure", [("octet-string", eui64.to_bytes(8, "big")), ("octet-string", aes_mmo(key))])
        for eui64, key in sorted(hub.link_keys.items())
    ]
    epid = ("octet-string", dcc.han.epid.to_bytes(8, "big"))
    return ("structure", [("octet-string", octets_time(dcc)), epid, ("array", devices)])


def _time(seconds: int) -> Callable[[Directory], Typed]:
    def make(dcc: Directory) -> Typed:
        return "octet-string", dlms_time(dcc.han.now // 10**9 + seconds)

    return make


def _sub_ghz_settings(dcc: Directory) -> Typed:
    masks: list[Typed] = [("bit-string", "0" * 5 + "1" * 27) for _ in range(4)]
    return ("structure", [*masks, *(("long-unsigned", 100 + n) for n in range(11))])


def _billing(dcc: Directory, code: int, device: Entity, recipient: Entity, counter: int) -> bytes:
    """ECS68: the billing data log, encrypted for the supplier."""
    header = MessageHeader(3, counter, device.octets, recipient.octets, code)
    log = ("array", [("structure", [("octet-string", octets_time(dcc)), ("double-long-unsigned", 4711)])])
    plain = build_data(("structure", [log]))
    sealed = SECURITY_HEADER + encrypt(content_key(dcc.keystore, header), device.octets, plain)
    parameters = protection_parameters(b"\x04" + counter.to_bytes(8, "big"), device.octets, recipient.octets)
    return generic(dcc, device, 0x8F0A, counter, parameters, ("octet-string", sealed))


def _gas_billing(dcc: Directory, code: int, device: Entity, recipient: Entity, counter: int) -> bytes:
    """GCS53: one encrypted Publish Snapshot-like component behind code and time."""
    header = MessageHeader(3, counter, device.octets, recipient.octets, code)
    lead = (0x8F0A).to_bytes(2, "big") + dcc.han.utc.to_bytes(4, "big")
    values = {"records": [{"attribute": 0, "status": 0, "type": 0x25, "value": 4711}]}
    part = ZclCommand(0x0702, 0x18, 1, values, encrypted=True)
    return gbz_payload([part], key=content_key(dcc.keystore, header), originator=device.octets, alert=lead)


def _gas_done(dcc: Directory, code: int, device: Entity, recipient: Entity, counter: int) -> bytes:
    """0x00CD: a future-dated gas command was executed."""
    command = (0x006B).to_bytes(2, "big") + (1234).to_bytes(8, "big") + bytes.fromhex("07000101")
    return gbz_alert(FUTURE_DATED_DONE, dcc.han.utc, bytes((len(command),)) + command)


def _gas_firmware(dcc: Directory, code: int, device: Entity, recipient: Entity, counter: int) -> bytes:
    return gbz_alert(FIRMWARE_RECEIVED, dcc.han.utc, b"\x09\x20" + dcc.han.image_hash)


def _gas_integrity(dcc: Directory, code: int, device: Entity, recipient: Entity, counter: int) -> bytes:
    return gbz_alert(INTEGRITY, dcc.han.utc, b"\x00\x01")


def _asn1(alert_code: int, **more: Any) -> Maker:
    def make(dcc: Directory, code: int, device: Entity, recipient: Entity, counter: int) -> bytes:
        shape = structure(code, 3)
        assert shape is not None
        given = {"alert_code": alert_code, "time": text_time(dcc), **more}
        return build_der(shape, _filled(shape, given))

    return make


def _filled(shape: Any, given: dict[str, Any]) -> Any:
    """Values of a shape: given ones by name, else zeroes of the right type."""
    if shape.name in given:
        return given[shape.name]
    if shape.kind == "sequence":
        return {p.name: _filled(p, given) for p in shape.parts if not p.optional or p.name in given}
    if shape.kind == "choice":
        return shape.parts[0].name, _filled(shape.parts[0], given)
    zeroes: dict[str, Any] = {
        "sequence-of": [], "integer": 0, "bits": b"\x80", "null": None, "text": "", "time": given["time"],
        "octets": bytes(4 if "version" in shape.name else 8),
    }  # fmt: skip
    return zeroes[shape.kind]


ALERTS: dict[int, Maker] = {
    0x0018: _plain(0x8F12, _log),
    0x0061: _billing,
    0x0067: _plain(0x8F35, _time(-3600), _time(0)),
    0x008B: _gas_billing,
    0x00B2: _asn1(0x8F12),
    0x00CA: _asn1(FUTURE_DATED_DONE),
    0x00CB: _asn1(FUTURE_DATED_DONE),
    0x00CC: _plain(FUTURE_DATED_DONE, _executed),
    0x00CD: _gas_done,
    0x00CE: _plain(FIRMWARE_RECEIVED, lambda dcc: ("octet-string", dcc.han.image_hash)),
    0x00CF: _gas_firmware,
    0x00D5: _plain(0x8F84, _undelivered),
    0x00F0: _plain(INTEGRITY, _octets(b"\x00\x01")),
    0x00F2: _gas_integrity,
    0x0110: _plain(0x8F20, _device(Role.GSME)),
    0x0111: _plain(0x8F26, lambda dcc: ("structure", [("bit-string", "0" * 22 + "1" + "0" * 9), _CHANNEL])),
    0x0112: _plain(0x8F28, lambda dcc: ("structure", [_CHANNEL, _CHANNEL])),
    0x0113: _plain(0x8F2A, _sub_ghz_settings),
    0x0114: _plain(0x8F2C, _undelivered),
    0x0115: _plain(0x8F2D, _device(Role.GSME)),
    0x0120: _plain(0x8F85, _octets((0x0019).to_bytes(2, "big") + (1234).to_bytes(8, "big"))),
    0x0121: _plain(0x8F86, lambda d: ("unsigned", 0x11), _time(0), _time(3600), lambda d: ("unsigned", 50)),
    0x0122: _plain(0x8F87, lambda d: ("unsigned", 0x11), lambda d: ("unsigned", 0)),
    0x0123: _plain(0x8F88, lambda d: ("utf8-string", '{"update":"simulated"}')),
    0x0124: _asn1(FUTURE_DATED_DONE),
    0x0128: _asn1(0x8F8A),
    0x012B: _asn1(0x8F8B),
    0x1000: _plain(POWER_QUALITY),
    0x1001: _plain(TOP_UP_ACCEPTED),
}
"""How each alert's payload is made, by message code."""
