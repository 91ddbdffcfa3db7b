"""A payload for every use case that the tables have a template for, with default values of the right types.

What a simulated device or party says when nobody tells it otherwise. DLMS from the mapping table, GBZ from
the GBZ templates, ASN.1 from the shapes.

Source: use-case annex of GBCS 4.0; GBCS 4.x sections 7.2.8 to 7.2.10, 8.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from dissectors.dlms.cosem.data import TYPE_NAMES, build_data
from dissectors.dlms.cosem.obis import Target, build_obis
from dissectors.gbcs.asn1.der import Shape, build_der
from dissectors.gbcs.asn1.structures import JOIN_METHODS, structure
from dissectors.gbcs.asn1.x509 import CERTIFICATE
from dissectors.gbcs.catalogue.names import use_case
from dissectors.gbcs.catalogue.objects import ValueNames, names_of, objects_of, protected_of
from dissectors.gbcs.payloads.building import (
    NULL,
    Answer,
    Ask,
    Typed,
    ZclCommand,
    access_request,
    access_response,
    sealed_answer,
)
from dissectors.gbcs.payloads.building import gbz_payload as build_gbz
from dissectors.gbcs.sealing import MessageHeader, content_key
from dissectors.gbcs.trust.keystore import Keystore
from dissectors.layout.tables import table
from dissectors.model.errors import Unsupported
from dissectors.zcl import catalogue
from dissectors.zcl.catalogue import Command, FieldSpec
from dissectors.zcl.expression import compiled
from dissectors.zcl.header import DIRECTIONS

__all__ = [
    "command_payload", "components", "gbz_command", "gbz_templates", "has_template", "protection_parameters",
    "response_payload",
]  # fmt: skip

LAYER = "gbcs.templates"
_PROTECTION_CLASS, _PROFILE_CLASS, _CLOCK = 30, 7, (8, "0-0:1.0.0.255", 2)
NOW = bytes.fromhex("0000000000000000008000ff")


def has_template(code: int) -> bool:
    """Is there a template for the command of a message code?"""
    row = use_case(code)
    name = row.use_case if row is not None else ""
    return bool(objects_of(code)) or name in gbz_templates() or structure(code, 1) is not None


def command_payload(code: int, counter: int, values: Mapping[Any, Any] | None = None) -> bytes:
    """The payload of a command.

    `values` goes before the defaults. DLMS: by (class, OBIS, number) the typed data. GBZ: by component and
    field name, ``(0, "issuer_event_id")``, or number of an attribute. ASN.1: by name of the structure's elements.

    Raises:
        Unsupported: the tables have no template for this code, or a certificate is needed and not given.
    """
    given = values or {}
    if structure(code, 1) is not None:
        fixed = {"join_method": JOIN_METHODS[code]} if code in JOIN_METHODS else {}
        return _der(code, 1, {**fixed, **given})
    row = use_case(code)
    if row is not None and row.use_case in gbz_templates():
        return build_gbz(components(row.use_case, "Command", given))
    asks = [_ask(code, target, given) for target in objects_of(code)]
    if not asks:
        raise Unsupported(f"no template for message code {code:04x}", layer=LAYER)
    return access_request(asks, counter)


def response_payload(
    code: int, header: MessageHeader, keystore: Keystore, values: Mapping[Any, Any] | None = None
) -> bytes:
    """The payload of a successful response; `header` and `keystore` serve to encrypt sensitive values.

    Raises:
        Unsupported: as `command_payload`. KeyMissing: sensitive values and no key to encrypt them with.
    """
    given = values or {}
    if structure(code, 2) is not None:
        return _der(code, 2, given)
    row = use_case(code)
    if row is not None and row.use_case in gbz_templates():
        commands = components(row.use_case, "Normal response", given)
        sealed = any(c.encrypted for c in commands)
        key = content_key(keystore, header) if sealed else b""
        return build_gbz(commands, key=key, originator=header.originator)
    targets = objects_of(code)
    if not targets:
        raise Unsupported(f"no template for message code {code:04x}", layer=LAYER)
    answers = [_answer(code, target, header, keystore, given) for target in targets]
    return access_response(answers, header.counter)


# --- DLMS


def _key(target: Target) -> tuple[int, str, int]:
    return target.class_id, target.obis, target.number


def _reads(code: int) -> bool:
    row = use_case(code)
    if row is None:
        return False
    return row.read_or_update == "Read" or (not row.read_or_update and row.title.startswith("Read"))


def _ask(code: int, target: Target, given: Mapping[Any, Any]) -> Ask:
    data = given.get(_key(target))
    if target.method:
        if data is None and target.class_id == _PROTECTION_CLASS:
            data = _protected_request(code)
        return Ask(3, target.class_id, target.obis, target.number, data or default_value(code, target))
    if not _reads(code):
        return Ask(2, target.class_id, target.obis, target.number, data or default_value(code, target))
    if target.class_id == _PROFILE_CLASS and target.number == 2:
        return Ask(4, target.class_id, target.obis, 2, NULL, 1, data or _range())
    return Ask(1, target.class_id, target.obis, target.number)


def _range() -> Typed:
    """Range descriptor over everything: restricting object, from, to, all columns."""
    restricting: Typed = (
        "structure",
        [
            ("long-unsigned", 1),
            ("octet-string", build_obis("0-0:94.44.100.255")),
            ("integer", 2),
            ("long-unsigned", 0),
        ],
    )
    ends = [("double-long-unsigned", 0), ("double-long-unsigned", 0xFFFFFFFF)]
    return ("structure", [restricting, *ends, ("array", [])])


def protection_parameters(transaction: bytes, originator: bytes, recipient: bytes) -> Typed:
    """Protection parameters of class 30: authenticated and encrypted, keys agreed (GBCS 8.2).

    `transaction`: 04 and the originator counter.
    """
    key_info: Typed = (
        "structure",
        [("enum", 2), ("structure", [("octet-string", b"\x02"), ("octet-string", b"")])],
    )
    octets = (transaction, originator, recipient, b"")
    options: Typed = ("structure", [*(("octet-string", o) for o in octets), key_info])
    return ("array", [("structure", [("enum", 2), options])])


def _protected_request(code: int) -> Typed:
    """Argument of get_protected_attributes: the objects, without restriction, and the protection."""
    restriction: Typed = ("structure", [("enum", 0), NULL])
    definitions = [
        (
            "structure",
            [
                ("long-unsigned", target.class_id),
                ("octet-string", build_obis(target.obis)),
                ("integer", target.number),
                ("long-unsigned", 0),
                restriction,
            ],
        )
        for target in protected_of(code)
    ]
    parameters = protection_parameters(b"\x04" + bytes(8), bytes(8), bytes(8))
    return ("structure", [("array", definitions), parameters])


def _answer(
    code: int, target: Target, header: MessageHeader, keystore: Keystore, given: Mapping[Any, Any]
) -> Answer:
    if target.method and target.class_id == _PROTECTION_CLASS:
        values = [given.get(_key(t)) or default_value(code, t) for t in protected_of(code)]
        transaction = b"\x04" + header.counter.to_bytes(8, "big")
        parameters = protection_parameters(transaction, header.originator, header.recipient)
        plain = build_data(("structure", values))
        key = content_key(keystore, header)
        return Answer(3, sealed_answer(parameters, plain, key, header.originator))
    if target.method:
        return Answer(3, given.get(_key(target)) or NULL)
    if not _reads(code):
        return Answer(2)
    choice = 4 if target.class_id == _PROFILE_CLASS and target.number == 2 else 1
    data = given.get(_key(target)) or default_value(code, target)
    return Answer(1 if choice == 1 else 4, data)


_SIZE = re.compile(r"\((\d+)\)")
_PLAIN: dict[str, Any] = {"boolean": False, TYPE_NAMES[0]: None, "visible-string": "", "utf8-string": ""}


def default_value(code: int, target: Target) -> Typed:
    """A default value of an attribute or method argument: its parts with zeroes, arrays of one element."""
    part = names_of(code, target)
    if part is None:
        return ("integer", 0) if target.method else NULL
    return _default(part)


def _default(part: ValueNames) -> Typed:
    if not part.children:
        return _leaf(part)
    if len(part.children) == 1:
        only = part.children[0]
        if only.repeated:
            return ("array", [_default(_single(only))])
        if not only.children or part.name == "value":
            return _default(only)
    return ("structure", [_default(_wrap(child)) for child in part.children])


def _single(part: ValueNames) -> ValueNames:
    """One element of an array."""
    out = ValueNames(part.name)
    out.children, out.type, out.constant = part.children, part.type, part.constant
    if len(out.children) == 1 and not out.children[0].repeated:
        return out.children[0]
    return out


def _wrap(part: ValueNames) -> ValueNames:
    if not part.repeated:
        return part
    out = ValueNames("value")
    out.children = [part]
    return out


def _leaf(part: ValueNames) -> Typed:
    name = part.type.split("[[")[0].strip()
    size = _SIZE.search(name)
    kind = name.split("(")[0].strip()
    constant = part.constant.rpartition("0x")[2] if "0x" in part.constant else part.constant
    if kind == "octet-string":
        length = int(size[1]) if size else 0
        octets = _octets(constant, length)
        return ("octet-string", NOW if length == 12 and not any(octets) else octets)
    if kind == "bit-string":
        return ("bit-string", "0" * (int(size[1]) if size else 0))
    if kind in _PLAIN or kind not in _NUMBERS:
        return (kind, _PLAIN[kind]) if kind in _PLAIN else NULL
    return (kind, _number(constant))


_NUMBERS = frozenset(
    [
        "double-long-unsigned",
        "double-long",
        "long-unsigned",
        "long",
        "unsigned",
        "integer",
        "enum",
        "long64",
        "long64-unsigned",
    ]
)


def _octets(constant: str, length: int) -> bytes:
    if re.fullmatch(r"[0-9A-Fa-f]+", constant) and len(constant) == 2 * length:
        return bytes.fromhex(constant)
    return bytes(length)


def _number(constant: str) -> int:
    return int(constant) if re.fullmatch(r"-?\d+", constant) else 0


# --- GBZ


@cache
def gbz_templates() -> dict[str, dict[str, list[dict[str, str]]]]:
    """Use case, part of it, components: the rows of the GBZ templates."""
    out: dict[str, dict[str, list[dict[str, str]]]] = {}
    for row in table("gbcs", "gbz_templates"):
        out.setdefault(row["use_case"], {}).setdefault(row["message_part"], []).append(row)
    return out


def components(name: str, part: str, given: Mapping[Any, Any]) -> list[ZclCommand]:
    """The components of a part (``Command``, ``Normal response`` ...) of a GBZ use case; `given` as in `command_payload`.

    Raises KeyError for a use case without a template.
    """
    rows = gbz_templates()[name].get(part, [])
    return [
        _zcl(row, {f: v for (at, f), v in given.items() if at == index}) for index, row in enumerate(rows)
    ]


def _zcl(row: Mapping[str, str], given: Mapping[Any, Any]) -> ZclCommand:
    cluster, frame, command = (int(row[name], 16) for name in ("cluster", "frame_control", "command"))
    if frame & 1:
        values = {**_set(row), **given}
        values = {**_zeroes(gbz_command(row).fields, values), **values}
    elif command in (0, 1):
        values = {"records": [_record(text, given) for text in row["values"].split()]}
    else:
        values = {"command": 0, "status": 0, **_set(row), **given}
    from_time = 0 if row["control"] == "from-date-time" else None
    return ZclCommand(cluster, frame, command, values, None, from_time, row["control"] == "encrypted")


def gbz_command(row: Mapping[str, str]) -> Command:
    """The cluster's command of a row of the templates."""
    direction = DIRECTIONS[int(row["frame_control"], 16) >> 3 & 1]
    found = catalogue.command(int(row["cluster"], 16), direction, int(row["command"], 16))
    assert found is not None
    return found


def _set(row: Mapping[str, str]) -> dict[str, int]:
    """Fields that the template sets to something else than zero: ``calendar_type=3``."""
    return {name: int(number, 0) for name, _, number in (one.partition("=") for one in row["values"].split())}


def _record(text: str, given: Mapping[Any, Any]) -> dict[str, Any]:
    """One attribute: ``0x0302`` that is asked for, ``0x0302:0x22`` that is answered with its type; its value may be
    `given` by its number."""
    code, _, kind = text.partition(":")
    attribute = int(code, 16)
    if not kind:
        return {"attribute": attribute}
    data_type = catalogue.data_type(int(kind, 16))
    assert data_type is not None
    value = given.get(attribute, _zero(data_type.kind))
    return {"attribute": attribute, "status": 0, "type": data_type.id, "value": value}


def _zeroes(specs: Sequence[FieldSpec], given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that must be there and are not given: nothing, none, zero."""
    values: dict[str, Any] = {}
    for spec in specs:
        held = {**given, **values}
        if spec.name in given or spec.may_be_missing(held):
            continue
        if spec.condition and not compiled(spec.condition)(held):
            continue
        kind = spec.type.partition(":")[0]
        if spec.repeat:
            values[spec.name] = []
        elif kind == "octets":
            values[spec.name] = b""
        elif kind != "struct":
            values[spec.name] = _zero(catalogue.data_type_named(kind).kind)
    return values


def _zero(kind: str) -> Any:
    return {"octets": b"", "text": ""}.get(kind, 0)


# --- ASN.1


def _der(code: int, cra: int, given: Mapping[Any, Any]) -> bytes:
    shape = structure(code, cra)
    assert shape is not None
    if shape is CERTIFICATE:
        if "certificate" not in given:
            raise Unsupported(f"message code {code:04x} needs a certificate", layer=LAYER)
        return bytes(given["certificate"])
    return build_der(shape, _defaults(shape, given))


_ZEROES: dict[str, Any] = {"integer": 0, "bits": b"\x80", "null": None, "boolean": False, "text": ""}
_ZEROES |= {"time": "20000101000000Z", "oid": b""}
_LENGTHS = {"manufacturer_image_hash": 32, "firmware_version": 4}


def _defaults(shape: Shape, given: Mapping[Any, Any]) -> Any:
    if shape.name in given:
        return given[shape.name]
    if shape.kind == "choice":
        # the plain outcome where there is one: a code, not a certificate
        part = next((p for p in shape.parts if p.kind in ("integer", "null")), shape.parts[0])
        part = next((p for p in shape.parts if p.name in given), part)
        return part.name, _defaults(part, given)
    if shape.kind == "sequence-of":
        return []
    if shape.kind == "sequence":
        return {p.name: _defaults(p, given) for p in shape.parts if not p.optional or p.name in given}
    return bytes(_LENGTHS.get(shape.name, 8)) if shape.kind == "octets" else _ZEROES[shape.kind]
