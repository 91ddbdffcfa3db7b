"""A parsed message made again from its values, so that ``build(parse(x)) == x`` says that nothing was lost.

Nothing is copied from the octets that were read but what only a key holder could make: signature, MAC, and
sealed parts. With a keystore, MACs and sealed parts are made again too.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dissectors.dlms.apdu.layouts import build_apdu
from dissectors.dlms.cosem.data import Node, build_data, typed
from dissectors.gbcs.asn1.der import Reader, encode_field
from dissectors.gbcs.asn1.structures import any_structure, structure
from dissectors.gbcs.envelope import MAC_OCTETS, Envelope
from dissectors.gbcs.gbt import build_block, read_block
from dissectors.gbcs.message import GbcsMessage
from dissectors.gbcs.payloads.building import ZclCommand, gbz_alert, gbz_payload, zcl_payload
from dissectors.gbcs.payloads.gbz import Component, read_zcl, values_of
from dissectors.gbcs.payloads.payload import SECURITY_HEADER, Payload
from dissectors.gbcs.sealing import SECURITY, MessageHeader, authenticated, content_keys, grouping, signed
from dissectors.gbcs.trust.entitlement import check_mac
from dissectors.gbcs.trust.keystore import Keystore
from dissectors.gbcs.trust.protection import decrypt, encrypt
from dissectors.gbcs.tunnel import build_tunnel_header, whole_header
from dissectors.layout.lengths import build_length
from dissectors.model.cursor import Cursor
from dissectors.model.errors import Malformed

__all__ = ["header_of", "payload_octets", "rebuild", "with_payload"]

_BOOLEAN = 3


def header_of(layout: Envelope) -> MessageHeader:
    """The header values of a message."""
    held = layout.grouping.fields if layout.grouping is not None else {}
    security = SECURITY
    if layout.ciphering is not None:
        security = layout.octets[layout.ciphering : layout.ciphering + len(SECURITY)]
    return MessageHeader(
        layout.cra, layout.counter, layout.originator, layout.recipient, layout.message_code or 0,
        held.get("date_time", b""), layout.supplementary_party, layout.supplementary_counter,
        layout.supplementary_originator_counter, held.get("certificate", b""), held.get("rest", b""), security,
    )  # fmt: skip


def rebuild(message: GbcsMessage, keystore: Keystore | None = None) -> bytes:
    """The octets of `message` from its values.

    Raises:
        Malformed: the message could not be read to its end.
    """
    layout, payload = message.layout, message.payload
    lead = _lead(message.lead)
    if message.lead and not layout.octets:
        return lead
    if "gbt_block" in message.facts and message.error is None:
        block = read_block(layout.octets)
        return lead + build_block(block, block.data, block.number, last=block.last)
    if payload is None or not _whole(layout, payload):
        raise Malformed("a message that was not read to its end cannot be built", layer="gbcs.build")
    header = header_of(layout)
    body = grouping(header, _payload(message, payload, header, keystore))
    inner = signed(body, layout.raw_signature if layout.signature is not None else None)
    if layout.mac is None:
        return lead + inner
    mac = layout.octets[layout.mac : layout.mac + MAC_OCTETS]
    made_by = check_mac(layout, keystore)
    if keystore is not None and made_by.verdict == "valid" and made_by.maker is not None:
        for secret in keystore.secrets(made_by.maker, layout.recipient):
            made = authenticated(inner, header, secret)
            if made.endswith(mac):
                return lead + made
    return lead + authenticated(inner, header, None, mac=mac)


def payload_octets(message: GbcsMessage) -> bytes:
    """The octets of the payload, as they were read."""
    start, end = message.layout.payload or (0, 0)
    return message.layout.octets[start:end]


def with_payload(message: GbcsMessage, header: MessageHeader, payload: bytes) -> bytes:
    """The message with another payload behind another header: with the signature and MAC that it had, which are right
    no more."""
    layout = message.layout
    body = grouping(header, payload)
    inner = signed(body, layout.raw_signature if layout.signature is not None else None)
    lead = _lead(message.lead)
    if layout.mac is None:
        return lead + inner
    return lead + authenticated(inner, header, None, mac=layout.octets[layout.mac : layout.mac + MAC_OCTETS])


def _whole(layout: Envelope, payload: Payload) -> bool:
    """Was every octet read: no error among the issues, no Data left out."""
    if payload.reached < payload.end:
        return False
    return all(issue.severity != "error" for issue in (*layout.issues, *payload.issues))


def _lead(octets: bytes) -> bytes:
    """The tunnel header again."""
    header = whole_header(octets)
    return build_tunnel_header(header.kind, header.remaining) if header is not None else b""


def _payload(
    message: GbcsMessage, payload: Payload, header: MessageHeader, keystore: Keystore | None
) -> bytes:
    octets = message.layout.octets
    if payload.kind == "der":
        return _der(octets, payload, header)
    if payload.kind == "gbz":
        return _gbz(message, payload, header, keystore)
    apdu = payload.apdu
    assert apdu is not None
    values = apdu.values
    for one, spec in zip(payload.specifications, values.get("specifications") or (), strict=False):
        if one.parameters is not None:
            spec["selection"]["parameters"] = _data(one.parameters, octets)
    if payload.kind == "dlms-data-notification":
        values["data"] = _data(payload.data[0], octets)
    else:
        values["values"] = _resealed(message, payload, header, keystore)
    return build_apdu(apdu.name, values)


def _resealed(
    message: GbcsMessage, payload: Payload, header: MessageHeader, keystore: Keystore | None
) -> list[bytes]:
    """The data of a response; sealed parts that were opened are sealed again when a key is at hand."""
    ends = {end: message.opened.plain[i] for i, (_, end) in enumerate(payload.sealed)}
    out: list[bytes] = []
    for node in payload.data:
        plain = ends.get(node[3])
        if plain is None or keystore is None:
            out.append(_data(node, message.layout.octets))
            continue
        parameters = _data(node[1][0], message.layout.octets)
        sealed = SECURITY_HEADER + _sealed(message, header, keystore, plain, node[3])
        out.append(b"\x02\x02" + parameters + b"\x09" + build_length(len(sealed)) + sealed)
    return out


def _sealed(message: GbcsMessage, header: MessageHeader, keystore: Keystore, plain: bytes, end: int) -> bytes:
    """Ciphertext and tag of the part that ends at `end`, by the key that opened it; as read when it is not held."""
    start = next(start for start, stop in message.payload.sealed if stop == end) if message.payload else end
    read = message.layout.octets[start:end]
    for key in content_keys(keystore, header):
        if decrypt(key, header.originator, read) == plain:
            return encrypt(key, header.originator, plain)
    return read


def _data(node: Node, octets: bytes) -> bytes:
    """One Data from its node; a boolean keeps the octet that says true (01 or FF, both are in use)."""
    tag, value, _, end = node
    if tag == _BOOLEAN:
        return octets[end - 2 : end]
    if tag in (1, 2):
        return bytes((tag,)) + build_length(len(value)) + b"".join(_data(item, octets) for item in value)
    return build_data(typed(node))


def _gbz(message: GbcsMessage, payload: Payload, header: MessageHeader, keystore: Keystore | None) -> bytes:
    octets, start = message.layout.octets, payload.start
    if payload.tail is not None and payload.alert_code is not None:
        time = int.from_bytes(octets[start + 5 : start + 9], "big")
        count = octets[start + 2]
        return gbz_alert(payload.alert_code, time, octets[payload.tail : payload.end], count=count)
    alert = octets[start + 3 : start + 9] if payload.alert_code is not None else b""
    opened = iter(message.opened.plain if keystore is not None else ())
    commands = []
    for component in payload.components:
        plain = next(opened, None) if component.encrypted else None
        command = _command(octets, component, plain)
        if plain is not None and keystore is not None:
            sealed = _sealed(message, header, keystore, zcl_payload(command), component.content[1])
            command = replace(command, sealed=sealed)
        commands.append(command)
    return gbz_payload(commands, originator=header.originator, alert=alert)


def _command(octets: bytes, component: Component, plain: bytes | None) -> ZclCommand:
    """The values of a component; sealed octets stay as they are unless the plain ones are known."""
    held = component.fields
    values: dict[str, Any] = {}
    content, sealed = None, None
    if component.encrypted and plain is None:
        sealed = octets[slice(*component.content)]
    else:
        data, span = (octets, component.content) if plain is None else (plain, (0, len(plain)))
        found = values_of(
            read_zcl(
                Cursor(data, *span, layer="zcl"), held["cluster"], held["frame_control"], held["command"]
            )
        )
        values = found or {}
        if found is None:  # not known to its end
            content = data[slice(*span)]
    return ZclCommand(
        held["cluster"], held["frame_control"], held["command"], values, content, held.get("from_date_time"),
        component.encrypted, sealed, held["sequence"], held.get("frame_counter"), held["control"],
        held.get("additional_header_control", 0), component.security,
    )  # fmt: skip


def _der(octets: bytes, payload: Payload, header: MessageHeader) -> bytes:
    shape = structure(header.message_code, header.cra) or any_structure()
    reader = Reader(octets)
    fields = reader.read(shape, payload.start, payload.end)
    if len(fields) != 1 or any(i.severity != "note" for i in reader.issues):
        return octets[payload.start : payload.end]
    return encode_field(fields[0], octets)
