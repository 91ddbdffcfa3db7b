"""A parsed message made again from its values, so that ``build(parse(x)) == x`` says that nothing was lost.

Nothing is copied from the octets that were read but what only a key holder could make: signature, MAC, and
sealed parts. With a keystore, MACs and sealed parts are made again too.
"""

from __future__ import annotations

from typing import Any

from dissectors.dlms.data import Node, build_data, typed
from dissectors.dlms.lengths import build_length
from dissectors.errors import Malformed
from dissectors.gbcs.building import Header, authenticated, content_key, grouping, signed
from dissectors.gbcs.der import Reader, encode_field
from dissectors.gbcs.gbz import read_zcl
from dissectors.gbcs.keystore import Keystore
from dissectors.gbcs.layout import MAC_OCTETS, Layout
from dissectors.gbcs.message import GbcsMessage
from dissectors.gbcs.payload import SECURITY_HEADER, Component, Payload
from dissectors.gbcs.payloads import (
    Answer,
    Ask,
    ZclCommand,
    access_request,
    access_response,
    gbz,
    gbz_alert,
    notification,
)
from dissectors.gbcs.protection import encrypt
from dissectors.gbcs.structures import structure
from dissectors.gbcs.verification import check_mac

__all__ = ["header_of", "rebuild"]

_BOOLEAN = 3


def header_of(layout: Layout) -> Header:
    """The header values of a message."""
    octets = layout.octets
    dated = octets[slice(*layout.date_time)] if layout.date_time else b""
    certificate = octets[slice(*layout.certificate)] if layout.certificate else b""
    header = Header(
        layout.cra, layout.counter, layout.originator, layout.recipient, layout.message_code or 0, dated,
        layout.supplementary_party, layout.supplementary_counter, layout.supplementary_originator_counter,
        certificate,
    )  # fmt: skip
    if layout.information is None:
        return header
    start, end = layout.information
    known = len(header.information)
    if known == end - start:
        return header
    from dataclasses import replace

    return replace(header, rest=octets[start + known : end])


def rebuild(message: GbcsMessage, keystore: Keystore | None = None) -> bytes:
    """The octets of `message` from its values.

    Raises:
        Malformed: the message could not be read to its end.
    """
    layout, payload = message.layout, message.payload
    if payload is None or payload.issues or layout.issues:
        raise Malformed("a message that was not read to its end cannot be built", layer="gbcs.build")
    header = header_of(layout)
    body = grouping(header, _payload(message, payload, header, keystore))
    inner = signed(body, layout.raw_signature if layout.signature is not None else None)
    if layout.mac is None:
        return message.lead + inner
    mac, secret = layout.octets[layout.mac : layout.mac + MAC_OCTETS], None
    if keystore is not None:
        party = check_mac(layout, keystore)[1]
        secrets = keystore.secrets(party, layout.recipient) if party is not None else ()
        secret = secrets[0] if secrets else None
    return message.lead + authenticated(inner, header, secret, mac=None if secret is not None else mac)


def _payload(message: GbcsMessage, payload: Payload, header: Header, keystore: Keystore | None) -> bytes:
    octets = message.layout.octets
    if payload.kind == "der":
        return _der(octets, payload, header)
    if payload.kind == "gbz":
        return _gbz(message, payload, header, keystore)
    start = payload.start
    invoke = int.from_bytes(octets[start + 1 : start + 5], "big")
    dated = octets[start + 6 : start + 6 + octets[start + 5]]
    more: dict[str, Any] = {"invoke": invoke, "date_time": dated}
    if payload.kind == "dlms-access-request":
        asks = [
            Ask(
                s.choice, s.class_id, s.obis, s.number, _data(node, octets), s.selector,
                _data(s.parameters, octets) if s.parameters is not None else None,
            )
            for s, node in zip(payload.specifications, payload.data, strict=True)
        ]  # fmt: skip
        return access_request(asks, header.counter, **more)
    if payload.kind == "dlms-access-response":
        data = _resealed(message, payload, header, keystore)
        answers = [Answer(c, d, r) for d, (c, r, _) in zip(data, payload.results, strict=True)]
        return access_response(answers, header.counter, **more)
    return notification(_data(payload.data[0], octets), header.counter, **more)


def _resealed(message: GbcsMessage, payload: Payload, header: Header, keystore: Keystore | None) -> list[Any]:
    """The data of a response; sealed parts that were opened are sealed again when a key is at hand."""
    ends = {end: message.opened.plain[i] for i, (_, end) in enumerate(payload.sealed)}
    out: list[Any] = []
    for node in payload.data:
        plain = ends.get(node[3])
        if plain is None or keystore is None:
            out.append(_data(node, message.layout.octets))
            continue
        parameters = _data(node[1][0], message.layout.octets)
        sealed = SECURITY_HEADER + encrypt(content_key(keystore, header), header.originator, plain)
        out.append(b"\x02\x02" + parameters + b"\x09" + build_length(len(sealed)) + sealed)
    return out


def _data(node: Node, octets: bytes) -> bytes:
    """One Data from its node; a boolean keeps the octet that says true (01 or FF, both are in use)."""
    tag, value, _, end = node
    if tag == _BOOLEAN:
        return octets[end - 2 : end]
    if tag in (1, 2):
        return bytes((tag,)) + build_length(len(value)) + b"".join(_data(item, octets) for item in value)
    return build_data(typed(node))


def _gbz(message: GbcsMessage, payload: Payload, header: Header, keystore: Keystore | None) -> bytes:
    octets, start = message.layout.octets, payload.start
    if payload.tail is not None and payload.alert_code is not None:
        time = int.from_bytes(octets[start + 5 : start + 9], "big")
        count = octets[start + 2]
        return gbz_alert(payload.alert_code, time, octets[payload.tail : payload.end], count=count)
    alert = octets[start + 3 : start + 9] if payload.alert_code is not None else b""
    number = 0
    commands = []
    for component in payload.components:
        plain = None
        if component.encryption is not None:
            plain = message.opened.plain[number]
            number += 1
        commands.append(_command(octets, component, plain if keystore is not None else None))
    sealing = keystore is not None and any(c.encrypted for c in commands)
    key = content_key(keystore, header) if sealing and keystore is not None else b""
    return gbz(commands, key=key, originator=header.originator, alert=alert)


def _command(octets: bytes, component: Component, plain: bytes | None) -> ZclCommand:
    """The values of a component; sealed octets stay as they are unless the plain ones are known."""
    frame = component.frame or component.body
    control, sequence, command = octets[frame], octets[frame + 1], octets[frame + 2]
    dated = component.from_date_time
    when = int.from_bytes(octets[dated : dated + 4], "big") if dated is not None else None
    values: dict[str, Any] = {}
    content = sealed = None
    if component.encryption is not None and plain is None:
        sealed = octets[slice(*component.content)]
    else:
        data, span = (octets, component.content) if plain is None else (plain, (0, len(plain)))
        records, _ = read_zcl(data, *span, component.cluster, control, command)
        values = {record.name: record.value for record in records}
        if any(record.kind in ("OCTETS", "NONE") for record in records):
            content = data[slice(*span)]
    at = component.encryption
    return ZclCommand(
        component.cluster, control, command, values, content, when, at is not None, sealed, sequence,
        octets[at + 1] if at is not None else None, component.control, octets[at] if at is not None else 0,
    )  # fmt: skip


def _der(octets: bytes, payload: Payload, header: Header) -> bytes:
    shape = structure(header.message_code, header.cra)
    if shape is None:
        return octets[payload.start : payload.end]
    reader = Reader(octets)
    fields = reader.read(shape, payload.start, payload.end)
    if len(fields) != 1 or any(i.severity != "note" for i in reader.issues):
        return octets[payload.start : payload.end]
    return encode_field(fields[0], octets)
