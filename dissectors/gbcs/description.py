"""The description of a message: its fields, items, issues and columns, made from what was read.

Source: GBCS 4.x section 7.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from dissectors.dlms.apdu.canonical import first_difference
from dissectors.gbcs.asn1.der import Reader
from dissectors.gbcs.asn1.structures import any_structure, structure
from dissectors.gbcs.asn1.x509 import CERTIFICATE
from dissectors.gbcs.canonical import noncanonical_encodings
from dissectors.gbcs.catalogue.names import CRA, alert_name, mac_demanded, signature_demanded, use_case
from dissectors.gbcs.envelope import Envelope
from dissectors.gbcs.gbt import block_fields
from dissectors.gbcs.payloads import alerts, cosem, gbz_description
from dissectors.gbcs.payloads.cosem import Description
from dissectors.gbcs.payloads.payload import Payload
from dissectors.gbcs.payloads.values import Row, item
from dissectors.gbcs.profiles import profile_violations, version_issues
from dissectors.gbcs.sealing import SECURITY
from dissectors.gbcs.trust.replacements import check_replacements
from dissectors.gbcs.trust.verification import GROUP_ORDER
from dissectors.gbcs.tunnel import header_fields, whole_header
from dissectors.model.field import Field, Issue, Severity
from dissectors.model.secrets import mark_secrets

if TYPE_CHECKING:
    from dissectors.gbcs.message import GbcsMessage

__all__ = ["columns_of", "describe", "describe_payload"]

LAYER = "gbcs"
NOTHING = Description(list, lambda: ([], []))
_Described = tuple[list[Field], list[Issue]]


def describe(message: GbcsMessage, description: Description) -> _Described:
    """Fields and issues of `message`, whose payload has this `description`."""
    fields, issues = _describe(message, description)
    header = whole_header(message.lead) if message.lead else None
    if header is None:
        return fields, issues
    shift = len(message.lead)
    for field in (f for top in fields for f in top.walk() if f.buffer == "message"):
        field.offset += shift
    issues = [issue._replace(offset=issue.offset + shift) for issue in issues]
    return [header_fields(message.lead, header), *fields], issues


def _describe(message: GbcsMessage, description: Description) -> _Described:
    layout, facts = message.layout, message.facts
    if "gbt_block" in facts:
        found, wrong = block_fields(layout.octets)
        cover(found, layout.octets, mark_secrets(found))
        return found, wrong
    issues = [*layout.issues, *(message.payload.issues if message.payload is not None else ())]
    fields = layout.header_fields()
    if layout.start is not None and layout.originator and layout.cra not in CRA:
        issues.append(Issue("warning", LAYER, layout.start + 2, f"unknown CRA flag {layout.cra}"))
    issues += _read_certificate(layout, fields)
    described, doubts = description.fields()
    issues += doubts
    inner = [f for f in described if f.buffer == "message"]
    if inner and layout.payload is not None:
        start, end = layout.payload
        fields.append(Field("payload", None, facts["payload_kind"], start, end - start, "message", inner))
    fields += layout.tail_fields(str(facts["signature"]), str(facts["mac"]))
    cover(fields, layout.octets, mark_secrets(fields))
    opened = [f for f in described if f.buffer != "message"]
    mark_secrets(opened)
    fields += opened
    issues += _judgements(message)
    issues += version_issues(message)
    issues += noncanonical_encodings(message)
    return fields, issues


def _read_certificate(layout: Envelope, fields: list[Field]) -> list[Issue]:
    """Put the structure of the certificate in other-information in the place of its octets."""
    if layout.certificate is None or not fields:
        return []
    reader, header = Reader(layout.octets), fields[-1].children
    at = next(i for i, one in enumerate(header) if one.name == "certificate")
    header[at : at + 1] = reader.read(CERTIFICATE, *layout.certificate)
    return reader.issues


def describe_payload(message: GbcsMessage) -> Description:
    """Fields, items and issues of the payload of `message`; without one, nothing."""
    layout, payload = message.layout, message.payload
    if payload is None:
        return NOTHING
    code, octets, plain = layout.message_code, layout.octets, message.opened.plain
    if payload.kind == "dlms-access-request":
        return cosem.request(payload, code, layout.counter)
    if payload.kind == "dlms-access-response":
        return cosem.response(payload, code, layout.counter, _asked(message), plain)
    if payload.kind == "dlms-data-notification":
        return alerts.notification(payload, code, layout.counter, plain)
    if payload.kind == "gbz":
        return gbz_description.describe(payload, plain)
    if payload.kind == "der":
        return _der(octets, payload, code, layout.cra)
    return NOTHING


def _asked(message: GbcsMessage) -> Payload | None:
    """Payload of the command that a response answers, when the two belong together."""
    command = message.command
    if command is None or command.payload is None:
        return None
    same = command.layout.counter == message.layout.counter
    same = same and command.layout.message_code == message.layout.message_code
    return command.payload if same and command.payload.specifications else None


def _der(octets: bytes, payload: Payload, code: int | None, cra: int) -> Description:
    shape = structure(code, cra)
    reader = Reader(octets)
    fields = reader.read(shape or any_structure(), payload.start, payload.end)
    issues = list(reader.issues)
    if shape is None:
        text = f"no ASN.1 structure is known for message code {code if code is None else f'{code:04x}'}"
        issues.append(Issue("note", LAYER, payload.start, text))
    rows = [row for field in fields for row in _der_rows(field, "")]  # before anything is changed in fields
    return Description(lambda: rows, partial(_der_fields, octets, fields, issues))


def _der_fields(octets: bytes, fields: list[Field], issues: list[Issue]) -> tuple[list[Field], list[Issue]]:
    if fields and fields[0].name == "update_security_credentials":
        issues += check_replacements(fields[0], octets)
    return fields, issues


_CERTIFICATE_VALUES = (
    "serial_number",
    "not_after",
    "unique_identifier",
    "hardware_serial_number",
    "key_usage",
)


def _der_rows(field: Field, path: str) -> list[Row]:
    """One row for each leaf of the structure; certificates give whose they are and for what."""
    where = f"{path}.{field.name}" if path else field.name
    if field.name.partition("[")[0] in ("certificate", "certification_request"):
        leaves = [f for f in field.leaves() if f.name in _CERTIFICATE_VALUES]
        return [_der_row(leaf, f"{where}.{leaf.name}") for leaf in leaves]
    if not field.children:
        return [] if field.name == "header" else [_der_row(field, where)]
    return [row for child in field.children for row in _der_rows(child, where)]


def _der_row(leaf: Field, name: str) -> Row:
    value = leaf.value.hex() if isinstance(leaf.value, bytes) else leaf.value
    said = leaf.meaning if leaf.meaning != str(value) else None
    number = value if type(value) is int else None
    return item(None, name, value, number=number, result=said).at(leaf)


def cover(fields: list[Field], octets: bytes, leaves: list[Field]) -> None:
    """Add leaves for octets that none of the `leaves` of `fields` holds, so that nothing readable is lost; sorts
    `fields`."""
    held = [one for one in leaves if one.buffer == "message" and one.length]
    following, reached = {one.offset: one.offset + one.length for one in held}, 0
    while reached in following:  # leaf upon leaf, as nearly always
        reached = following[reached]
    if reached >= len(octets):
        fields.sort(key=lambda f: f.offset)
        return
    spans = sorted((one.offset, one.offset + one.length) for one in held)
    reached = 0
    gaps = []
    for start, end in spans:
        if start > reached:
            gaps.append((reached, start))
        if end > reached:
            reached = end
    if reached < len(octets):
        gaps.append((reached, len(octets)))
    for start, end in gaps:
        words = f"{end - start} octets that could not be read"
        fields.append(Field("unread", octets[start:end], words, start, end - start, "message"))
    fields.sort(key=lambda f: f.offset)


def _judgements(message: GbcsMessage) -> list[Issue]:
    """What the verdicts and the tables say against the message."""
    layout = message.layout
    out = [*_protections(message), *_stripped(message)]
    if layout.ciphering is not None:
        out += _unusual_security(layout.octets, layout.ciphering)
    missing = message.opened.plain.count(None)
    if missing:
        severity = "note" if message.opened.state == "no_key" else "error"
        why = "no key to open" if severity == "note" else "authentication failed on"
        at = message.payload.sealed[message.opened.plain.index(None)][0] if message.payload else 0
        out.append(Issue(severity, LAYER, at, f"{why} {missing} encrypted parts"))  # type: ignore[arg-type]
    row = use_case(layout.message_code)
    if layout.message_code is not None and row is None and layout.information is not None:
        at = layout.information[0]
        text = f"message code {layout.message_code:04x} has no name in the tables"
        out.append(Issue("note", LAYER, at, text))
    return out


def _unusual_security(octets: bytes, offset: int) -> Iterator[Issue]:
    """The security header of the MAC is always the same (GBCS 7.2.4)."""
    found = octets[offset : offset + len(SECURITY)]
    if found != SECURITY:
        text = f"security header of the MAC is {found.hex()}, {SECURITY.hex()} expected"
        yield Issue("warning", LAYER, offset + first_difference(found, SECURITY), text)


def _protections(message: GbcsMessage) -> Iterator[Issue]:
    """What is wrong with signature, certificate and MAC, or missing to judge them."""
    layout, facts = message.layout, message.facts
    at = layout.signature or 0
    if facts["signature"] == "invalid":
        yield Issue("error", LAYER, at, "the signature does not belong to these octets and this originator")
    elif facts["trust"] == "untrusted":
        yield Issue(
            "warning",
            LAYER,
            at,
            f"the certificate of the signer is not to be trusted: {facts['trust_reason']}",
        )
    if facts["mac"] == "invalid":
        yield Issue("error", LAYER, layout.mac or 0, f"the MAC is not valid: {facts['mac_reason']}")
    if facts["signature"] == "no_key":
        yield Issue("note", LAYER, 0, f"no key to check the signature: {facts['trust_reason']}")
    if facts["mac"] == "no_key":
        yield Issue("note", LAYER, 0, f"no key to check the mac: {facts['mac_reason']}")
    if layout.signature_length and int.from_bytes(layout.raw_signature[32:], "big") > GROUP_ORDER // 2:
        text = (
            "the signature's s is above n/2: r with n - s is right too, so this signature is not the only one"
        )
        yield Issue("note", LAYER, at, text)


def _stripped(message: GbcsMessage) -> Iterator[Issue]:
    """A signature or MAC that the use case demands and the message has not."""
    layout, code = message.layout, message.layout.message_code
    if code is None or layout.payload is None:
        return
    row, end = use_case(code), layout.payload[1]
    name = f"{row.use_case if row else f'{code:04x}'} {message.facts['cra'] or 'message'}"
    before = layout.cra == 1 and layout.ciphering is None  # what a party sends before the broker adds its MAC
    severity: Severity = "note" if before else "warning"
    if signature_demanded(code, layout.cra) and not layout.signature_length:
        yield Issue(severity, LAYER, end, f"no signature, which the use case demands ({name})")
    if mac_demanded(code, layout.cra) and layout.ciphering is None:
        yield Issue(severity, LAYER, end, f"no MAC, which the use case demands ({name})")


def _block_columns(message: GbcsMessage) -> dict[str, Any]:
    names = ("use_case", "name", "message_code", "cra", "originator", "recipient", "originator_counter")
    out = {name: message.facts[name] for name in names}
    out["payload_kind"] = "gbt"
    out["summary"] = f"block {message.facts['gbt_block']}"
    return out


def columns_of(message: GbcsMessage) -> dict[str, Any]:
    """The values of `message` for the `messages` table."""
    layout, facts, payload = message.layout, message.facts, message.payload
    if "gbt_block" in facts:
        return {"kind": "gbcs", "length": len(layout.octets), **_block_columns(message)}
    items = message.items
    return {
        "kind": "gbcs",
        "length": len(layout.octets),
        "use_case": facts["use_case"],
        "name": facts["name"],
        "message_code": layout.message_code,
        "cra": facts["cra"],
        "originator": facts["originator"],
        "recipient": facts["recipient"],
        "originator_counter": facts["originator_counter"],
        "supplementary_counter": layout.supplementary_counter,
        "payload_kind": facts["payload_kind"],
        "alert_code": payload.alert_code if payload else None,
        "signature": facts["signature"],
        "mac": facts["mac"],
        "mac_reason": facts["mac_reason"],
        "trust": facts["trust"],
        "trust_reason": facts["trust_reason"],
        "decrypted": message.opened.state,
        "outcome": outcome(message),
        "summary": _summary(message, items),
        "issue": next((i.text for i in message.issues if i.severity != "note"), None),
        "departures": profile_violations(message),
    }


_GOOD = ("success", "SUCCESS", "accepted", "executed", None)


def outcome(message: GbcsMessage) -> str | None:
    """Did what was asked happen: success, failure, or None for commands and where nothing says so."""
    payload = message.payload
    if message.layout.cra == 1 or payload is None:
        return None
    if payload.kind == "dlms-access-response":
        return "success" if all(r[1] == 0 for r in payload.results) else "failure"
    if message.layout.cra == 3:
        return {0x8F66: "success", 0x8F67: "failure"}.get(payload.alert_code or 0)
    if payload.kind == "gbz":
        answers = [r["result"] for r in message.items if r["cluster"] is not None and r["value"] is None]
        return "failure" if any(a not in _GOOD for a in answers) else "success"
    bad = [
        r
        for r in message.items
        if str(r["object"]).rpartition(".")[2] in ("result", "status") and r["value"] != 0
    ]
    return "failure" if bad else "success"


def _summary(message: GbcsMessage, items: list[Row]) -> str:
    facts, payload = message.facts, message.payload
    words = [f"{facts['use_case'] or 'unknown use case'} {facts['cra'] or 'message'}"]
    if payload is not None and payload.alert_code is not None:
        words.append(alert_name(payload.alert_code) or f"alert {payload.alert_code:04x}")
    elif items:
        words.append(f"{len(items)} items")
    done = outcome(message)
    if done:
        words.append(done)
    return ", ".join(words)
