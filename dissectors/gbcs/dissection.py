"""`dissect_message`: octets and keys in, a `GbcsMessage` out."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from dissectors.gbcs.catalogue.names import CRA, alert_name, use_cases
from dissectors.gbcs.detection import identify
from dissectors.gbcs.envelope import Envelope, read_envelope
from dissectors.gbcs.gbt import LAST, block_message_code, read_block, read_headers
from dissectors.gbcs.message import GbcsMessage
from dissectors.gbcs.payloads.payload import Payload
from dissectors.gbcs.trust.entitlement import Mac, check_mac
from dissectors.gbcs.trust.keystore import Keystore
from dissectors.gbcs.trust.signers import Trust, judge_signer
from dissectors.gbcs.trust.verification import OpenedParts, Signature, check_signature, open_parts
from dissectors.gbcs.tunnel import read_tunnel_header, whole_header
from dissectors.model.errors import DissectionError, Malformed
from dissectors.model.message import Message

__all__ = ["as_answer", "dissect_message", "routing_facts"]

_NOTHING = OpenedParts([], "none")
_TUNNEL = (b"\x01", b"\x02", b"\x03")
_FUTURE_DATED = (0x00CC, 0x00CD)
_NO_SIGNATURE = (Signature("absent", ()), Trust("absent", "no signature"))


def dissect_message(
    octets: bytes,
    keystore: Keystore | None = None,
    *,
    command: Message | None = None,
    version: str | None = None,
    at: datetime | None = None,
) -> GbcsMessage:
    """One GBCS message: what it says, and whether it is what its originator sent.

    Args:
        octets: the message as it is, without transport (see `dissectors.gbcs.inputs` for text forms).
        keystore: keys to verify and decrypt with; without, the verdicts say ``no_key``.
        command: the command that a response answers; names its items surely and gives the certificate of an
            Unknown Remote Party.
        version: version of GBCS to hold the message against, such as ``4.2``.
        at: when the message was there (with its zone): certificates are held against it.

    Never raises: what could not be read is in the issues, and every octet is in the tree all the same.
    """
    lead = b""
    octets = bytes(octets)
    if octets[:1] in _TUNNEL or octets[:2] == b"\xdd\x09":
        lead, octets = _unwrap(octets)
        if octets[:2] == b"\xdd\x09":
            return _block(octets, lead)
    asked = command if isinstance(command, GbcsMessage) else None
    return _judged(octets, lead, keystore, asked, version, at)


def as_answer(
    message: GbcsMessage, command: Message, keystore: Keystore | None = None, *, at: datetime | None = None
) -> GbcsMessage:
    """A message that was read without its command, as `dissect_message` with `command` would give it: read again only
    where the command can open more of it, or it was described already."""
    if isinstance(command, GbcsMessage):
        opened = None not in message.opened.plain or command.layout.certificate is None
        if opened and message.answer_to(command):
            return message
    return dissect_message(message.octets, keystore, command=command, version=message.version, at=at)


def _judged(
    octets: bytes,
    lead: bytes,
    keystore: Keystore | None,
    asked: GbcsMessage | None,
    version: str | None,
    at: datetime | None,
) -> GbcsMessage:
    """A message behind its tunnel header: read, opened, and checked."""
    layout = read_envelope(octets) if octets or not lead else Envelope(octets)
    payload = None
    if layout.payload is not None:
        payload = Payload(octets, *layout.payload, layout.cra)
    opened = _NOTHING
    if payload is not None and payload.sealed:
        opened = open_parts(layout, payload.sealed, keystore, _certified(asked))
    signature = check_signature(layout, keystore)
    mac = check_mac(layout, keystore)
    facts = _facts(layout, payload, (signature, _trust(layout, signature, keystore, at)), mac, opened)
    _broker(layout, mac, keystore, facts)
    if lead:
        _tunnelled(lead, facts)
    message = GbcsMessage(layout, payload, opened, facts, asked, version, lead)
    if layout.start is None and octets:
        message.error = _refusal(layout, len(lead))
    return message


def _refusal(layout: Envelope, before: int) -> Malformed:
    """Why octets that begin `before` octets into what was given are no GBCS message."""
    if not layout.issues:
        return Malformed("not a GBCS message", layer="gbcs", offset=layout.reached + before)
    issue = layout.issues[0]
    return Malformed(issue.text, layer="gbcs", offset=issue.offset + before)


def _broker(layout: Envelope, mac: Mac, keystore: Keystore | None, facts: dict[str, Any]) -> None:
    """Name the access control broker where its MAC proves it."""
    if (
        mac.verdict == "valid"
        and mac.maker is not None
        and layout.cra == 1
        and mac.maker in _brokers(keystore)
    ):
        facts["access_control_broker"] = mac.maker.hex()


def _unwrap(octets: bytes) -> tuple[bytes, bytes]:
    """Tunnel header (or nothing) and what it carries."""
    if identify(octets) != "tunnel":
        return b"", octets
    header = read_tunnel_header(octets)
    length = header.length if header is not None else 0
    return octets[:length], octets[length:]


def _tunnelled(lead: bytes, facts: dict[str, Any]) -> None:
    header = whole_header(lead)
    if header is not None:
        facts["tunnel"] = header.name
        facts["messages_waiting"] = header.remaining


def _block(octets: bytes, lead: bytes) -> GbcsMessage:
    """One block of a longer message: its routing header; the message itself needs all of them."""
    layout = Envelope(octets)
    facts = _facts(layout, None, _NO_SIGNATURE, Mac("absent"), _NOTHING)
    facts |= {"payload_kind": "gbt", "gbt_block": None, "gbt_last": None}
    message = GbcsMessage(layout, None, _NOTHING, facts, lead=lead)
    try:
        read_block(octets)
    except DissectionError as error:
        message.error = error.kept()
        return message
    facts |= routing_facts(octets)
    if lead:
        _tunnelled(lead, facts)
    return message


def routing_facts(octets: bytes) -> dict[str, Any]:
    """What the headers of a block say, of which perhaps only the first octets are there: the keys of the JSON form."""
    header, block = read_headers(octets)
    code = block_message_code(header)
    row = use_cases().get(code) if code is not None else None
    control = block.get("block_control")
    return {
        "use_case": row.use_case if row is not None else None,
        "name": row.title if row is not None else None,
        "message_code": code,
        "cra": CRA.get(header.get("cra_flag", 0)),
        "originator": header.get("originator", b"").hex() or None,
        "recipient": header.get("recipient", b"").hex() or None,
        "originator_counter": header.get("originator_counter"),
        "gbt_block": block.get("block_number"),
        "gbt_last": None if control is None else bool(control & LAST),
    }


def _certified(command: GbcsMessage | None) -> bytes | None:
    """Public key of the Unknown Remote Party whose certificate stands in the command."""
    if command is None or command.layout.certificate is None:
        return None
    from dissectors.gbcs.trust.certificates import read_certificate

    start, end = command.layout.certificate
    try:
        return read_certificate(command.octets[start:end]).point
    except DissectionError:
        return None


def _brokers(keystore: Keystore | None) -> tuple[bytes, ...]:
    return keystore.brokers() if keystore is not None else ()


def _trust(layout: Envelope, signature: Signature, keystore: Keystore | None, at: datetime | None) -> Trust:
    """Whether the certificate behind a signature may be believed for this message."""
    if signature.verdict == "absent":
        return _NO_SIGNATURE[1]
    if signature.verdict == "invalid":
        return Trust(
            "untrusted", f"no certificate of {layout.originator.hex()} that is held made the signature"
        )
    if keystore is None or signature.verdict == "no_key":
        return Trust(
            "unchecked", f"no certificate of {layout.originator.hex()} for digital signatures is held"
        )
    return judge_signer(signature.certificates, keystore, code=layout.message_code, cra=layout.cra, at=at)


def _facts(
    layout: Envelope,
    payload: Payload | None,
    signed: tuple[Signature, Trust],
    mac: Mac,
    opened: OpenedParts,
) -> dict[str, Any]:
    """The keys of the JSON form, in its order."""
    code = layout.message_code
    row = use_cases().get(code) if code is not None else None
    alert = payload.alert_code if payload is not None else None
    facts: dict[str, Any] = {
        "use_case": row.use_case if row is not None else None,
        "name": row.title if row is not None else None,
        "message_code": code,
        "cra": CRA.get(layout.cra),
        "originator": layout.originator.hex() or None,
        "recipient": layout.recipient.hex() or None,
        "originator_counter": layout.counter if layout.originator else None,
        "payload_kind": payload.kind if payload is not None else None,
        "signature": signed[0].verdict,
        "mac": mac.verdict,
        "trust": signed[1].state,
        "trust_reason": signed[1].reason,
        "mac_reason": mac.reason,
        "encrypted_parts": len(opened.plain),
        "decrypted_parts": len(opened.plain) - opened.plain.count(None),
        "pre_command": layout.pre_command,
    }
    if row is not None:
        facts["category"] = row.category
        facts["service_reference"] = row.service_reference
    if alert is not None:
        facts["alert_code"] = alert
        facts["alert_name"] = alert_name(alert)
        if code in _FUTURE_DATED and payload is not None:
            _instruction(layout, payload, facts)
    _supplementary(layout, facts)
    return facts


def _supplementary(layout: Envelope, facts: dict[str, Any]) -> None:
    """What the header says of a supplementary remote party."""
    if layout.supplementary_party is not None:
        facts["supplementary_remote_party"] = layout.supplementary_party.hex()
    if layout.supplementary_counter is not None:
        facts["supplementary_remote_party_counter"] = layout.supplementary_counter
    if layout.supplementary_originator_counter is not None:
        facts["supplementary_originator_counter"] = layout.supplementary_originator_counter


def _instruction(layout: Envelope, payload: Payload, facts: dict[str, Any]) -> None:
    """The use case of the instruction that a future-dated alert is about, and its originator counter."""
    octets = layout.octets
    if payload.tail is not None:
        at, end = payload.tail + 1, payload.end
    elif payload.data and payload.data[0][0] == 2 and len(payload.data[0][1]) > 2:
        node = payload.data[0][1][2]
        at, end = node[3] - 19, node[3]
    else:
        return
    if end - at < 10:
        return
    code = octets[at] << 8 | octets[at + 1]
    row = use_cases().get(code)
    if row is not None:
        facts["use_case"] = row.use_case
    facts["instruction_code"] = code
    facts["instruction_counter"] = int.from_bytes(octets[at + 2 : at + 10], "big")
