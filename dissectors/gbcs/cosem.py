"""DLMS COSEM payloads of GBCS as fields and items: access requests, access responses.

Every item of a response carries the object that it answers: by its command when that is given, else by the
order of objects of its use case. Source: GBCS 4.x section 7.2.8; DLMS Green Book access service.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from dissectors.dlms.data import Node
from dissectors.dlms.obis import obis_text, unit_name
from dissectors.field import Field, Issue
from dissectors.gbcs.names import coded
from dissectors.gbcs.objects import Part, Target, object_title, objects_of, parts_of, protected_of
from dissectors.gbcs.payload import Payload, Specification
from dissectors.gbcs.protected import DEFINITIONS_AND_PARAMETERS, sealed_value
from dissectors.gbcs.values import Row, Values, item, scale
from dissectors.layout.lengths import read_length

__all__ = ["Description", "request", "response", "target_of"]

LAYER = "gbcs.cosem"
CHOICES = {1: "get", 2: "set", 3: "action", 4: "get with selection"}
_PROTECTION_CLASS = 30


_Answered = tuple[Target | None, str | None]


class Description(NamedTuple):
    """Fields, items and issues of a payload."""

    fields: list[Field]
    items: list[Row]
    issues: list[Issue]


def target_of(spec: Specification) -> Target:
    """What an access request specification asks for."""
    return Target(spec.class_id, obis_text(spec.obis), spec.choice == 3, spec.number)


def apdu_header(octets: bytes, payload: Payload, counter: int) -> list[Field]:
    """Tag, long-invoke-id-and-priority, and the date-time."""
    start = payload.start
    if payload.reached < start + 6:
        return []
    fields = [Field("tag", octets[start], payload.kind, start, 1, "message")]
    invoke = int.from_bytes(octets[start + 1 : start + 5], "big")
    same = invoke & 0xFFFFFF == counter & 0xFFFFFF
    words = "low 24 bits of the originator counter" if same else "not of the originator counter"
    fields.append(Field("long_invoke_id_and_priority", invoke, words, start + 1, 4, "message"))
    dated = octets[start + 5]
    fields.append(
        Field("date_time_length", dated, "no date-time" if not dated else "", start + 5, 1, "message")
    )
    if dated:
        fields[-1].meaning = f"{dated} octets of date-time"
        fields.append(
            Field(
                "date_time", octets[start + 6 : start + 6 + dated], "date-time", start + 6, dated, "message"
            )
        )
    return fields


def _count(octets: bytes, offset: int, name: str) -> Field:
    """A count that was read before, as a field."""
    count, after = read_length(octets, offset, len(octets))
    return Field(name, count, f"{count} follow", offset, after - offset, "message")


def request(octets: bytes, payload: Payload, code: int | None, counter: int) -> Description:
    """An access request: specifications and their data."""
    fields = apdu_header(octets, payload, counter)
    items: list[Row] = []
    issues: list[Issue] = []
    specs, data = payload.specifications, payload.data
    if payload.lists:
        fields.append(_count(octets, payload.lists[0], "specification_count"))
    for index, spec in enumerate(specs):
        fields.append(_specification(octets, spec, index, issues))
    if len(payload.lists) > 1:
        announced = _count(octets, payload.lists[1], "data_count")
        fields.append(announced)
        if announced.value != len(specs):
            text = f"{announced.value} data for {len(specs)} specifications"
            issues.append(Issue("warning", LAYER, payload.lists[1], text))
    for index, node in enumerate(data):
        target = target_of(specs[index]) if index < len(specs) else None
        field, rows = _value(octets, node, target, code, f"data[{index}]", None)
        fields.append(field)
        if target is not None and not any(r["value"] is not None for r in rows):
            rows = [item(target, object_title(target))]
        items += rows
        if index < len(specs) and specs[index].selector is not None:
            items.append(item(target, f"{object_title(target)}: access_selector", specs[index].selector))
    branch = Field(
        "access_request",
        None,
        "DLMS access-request",
        payload.start,
        payload.reached - payload.start,
        "message",
        fields,
    )
    return Description([branch], items, issues)


def _specification(octets: bytes, spec: Specification, index: int, issues: list[Issue]) -> Field:
    target = target_of(spec)
    title = object_title(target)
    at = spec.offset
    if title is None:
        text = f"object {target.obis} of class {target.class_id} has no name in the tables"
        issues.append(Issue("note", LAYER, at, text))
    member = "method" if target.method else "attribute"
    children = [
        Field("choice", spec.choice, CHOICES[spec.choice], at, 1, "message"),
        Field("class_id", spec.class_id, _class_name(spec.class_id), at + 1, 2, "message"),
        Field("obis", target.obis, (title or "unknown object").partition(":")[0], at + 3, 6, "message"),
        Field(
            member,
            spec.number,
            (title or "").partition(": ")[2] or f"{member} {spec.number}",
            at + 9,
            1,
            "message",
        ),
    ]
    if spec.selector is not None and spec.parameters is not None:
        words = (
            "by range"
            if spec.selector == 1
            else "by entry"
            if spec.selector == 2
            else f"selector {spec.selector}"
        )
        children.append(Field("access_selector", spec.selector, words, at + 10, 1, "message"))
        children.append(Values(target).field(spec.parameters, RANGE, "access_parameters"))
    return Field(f"specification[{index}]", None, title, at, spec.end - at, "message", children)


def _class_name(class_id: int) -> str:
    from dissectors.dlms.obis import class_name

    return class_name(class_id) or f"interface class {class_id}"


def _value(
    octets: bytes, node: Node, target: Target | None, code: int | None, name: str, result: str | None
) -> tuple[Field, list[Row]]:
    """The field and the rows of one data item."""
    title = object_title(target) if target is not None else None
    if target is not None and target.class_id == _PROTECTION_CLASS and node[0] == 2:
        inside = node[1]
        if len(inside) == 2 and inside[1][0] == 9:
            return sealed_value(octets, node, name), [item(target, title, result=result)]
        values = Values(target)
        field = values.field(node, DEFINITIONS_AND_PARAMETERS, name)
        return field, values.rows(title, result)
    part = parts_of(code, target) if target is not None and code is not None else None
    values = Values(target)
    field = values.field(node, part, name)
    rows = values.rows(title, result)
    return field, rows


def _range_part() -> Part:
    root = Part("range_descriptor")
    restricting = root.child("restricting_object")
    for name in ("class_id", "logical_name", "attribute_index", "data_index"):
        restricting.child(name)
    root.child("from_value")
    root.child("to_value")
    root.child("selected_values")
    return root


RANGE = _range_part()


def response(
    octets: bytes,
    payload: Payload,
    code: int | None,
    counter: int,
    command: Payload | None,
    opened: Sequence[bytes | None],
) -> Description:
    """An access response: data and results, each with the object that it answers.

    `command`: the payload of the command, when it is at hand. `opened`: the plain octets of the sealed
    parts, in order.
    """
    fields = apdu_header(octets, payload, counter)
    issues: list[Issue] = []
    targets = answered(payload, code, command, issues)
    answers, items = _answers(octets, payload, code, targets)
    _scale_by_unit(items, payload, targets)
    lists = payload.lists
    names = ("specification_count", "data_count", "result_count")
    counts = [_count(octets, at, name) for at, name in zip(lists, names, strict=False)]
    fields += [*counts[:2], *answers, *counts[2:], *_results(payload, targets)]
    size = payload.reached - payload.start
    title = "DLMS access-response"
    branch = Field("access_response", None, title, payload.start, size, "message", fields)
    decrypted, rows = opened_fields(code, command, opened)
    if rows:
        items = [r for r in items if r["class_id"] != _PROTECTION_CLASS or r["result"] != "success"] + rows
    return Description([branch, *decrypted], items, issues)


def result_name(result: int) -> str:
    """Name of a data access or action result."""
    return coded("dlms_results", "value", "meaning").get(result) or f"unknown result {result}"


def _answers(
    octets: bytes, payload: Payload, code: int | None, targets: Sequence[_Answered]
) -> tuple[list[Field], list[Row]]:
    """The data of a response: fields and rows, each with its object."""
    fields: list[Field] = []
    items: list[Row] = []
    for index, node in enumerate(payload.data):
        target, title = targets[index] if index < len(targets) else (None, None)
        outcome = payload.results[index] if index < len(payload.results) else None
        words = result_name(outcome[1]) if outcome else None
        field, rows = _value(octets, node, target, code, f"data[{index}]", words)
        if target is None and title:
            for row in rows:
                row["object"] = title if row["object"] is None else f"{title}: {row['object']}"
        fields.append(Field(f"answer[{index}]", None, title, field.offset, field.length, "message", [field]))
        items += rows
    return fields, items


def _results(payload: Payload, targets: Sequence[_Answered]) -> list[Field]:
    """The results of a response."""
    fields = []
    for index, (choice, result, offset) in enumerate(payload.results):
        title = targets[index][1] if index < len(targets) else None
        said = CHOICES.get(choice, f"choice {choice}")
        children = [
            Field("choice", choice, said, offset, 1, "message"),
            Field("result", result, result_name(result), offset + 1, 1, "message"),
        ]
        fields.append(Field(f"result[{index}]", None, title, offset, 2, "message", children))
    return fields


_INDEX = re.compile(r"\[\d+\]")


def answered(
    payload: Payload, code: int | None, command: Payload | None, issues: list[Issue]
) -> list[_Answered]:
    """The object of each answer and its title, in order."""
    count = max(len(payload.data), len(payload.results))
    if command is not None and len(command.specifications) == count:
        targets = [target_of(spec) for spec in command.specifications]
        return [(t, object_title(t)) for t in targets]
    known = objects_of(code) if code is not None else ()
    if len(known) == count:
        return [(t, object_title(t)) for t in known]
    out = [_likely(payload, known, index, count) for index in range(count)]
    if count:
        text = f"{count} answers, the use case has {len(known)} objects: the command would name them surely"
        issues.append(Issue("note", LAYER, payload.start, text))
    return out


def _likely(payload: Payload, known: Sequence[Target], index: int, count: int) -> _Answered:
    """The object that answer `index` can be about, when some of the use case's objects were left out."""
    choice = payload.results[index][0] if index < len(payload.results) else 0
    slack = max(0, len(known) - count)
    window = known[index : index + slack + 1] if slack else known[-1:] if known else ()
    fitting = [t for t in window if t.method == (choice == 3)] or list(window)
    if len(fitting) == 1:
        return fitting[0], object_title(fitting[0])
    titles = dict.fromkeys(_INDEX.sub("[n]", object_title(t) or t.obis) for t in fitting)
    return None, " or ".join(list(titles)[:3]) or None


def _scale_by_unit(items: list[Row], payload: Payload, targets: Sequence[_Answered]) -> None:
    """Give values of registers the scaler and unit that stand in the same message (attribute 3)."""
    scalers: dict[str, tuple[int, str]] = {}
    for (target, _), node in zip(targets, payload.data, strict=False):
        if target is None or target.class_id not in (3, 4, 5) or target.number != 3 or node[0] != 2:
            continue
        inside = node[1]
        if len(inside) == 2 and inside[0][0] == 15 and inside[1][0] == 22:
            scalers[target.obis] = (inside[0][1], unit_name(inside[1][1]))
    for row in items:
        found = scalers.get(row["obis"] or "")
        if found and row["class_id"] in (3, 4, 5) and row["attribute"] == 2 and row["number"] is not None:
            row["number"], row["unit"] = scale(row["value"], found[0]), found[1]


def opened_fields(
    code: int | None,
    command: Payload | None,
    opened: Sequence[bytes | None],
) -> tuple[list[Field], list[Row]]:
    """Fields and rows of decrypted values."""
    from dissectors.gbcs.protected import opened_value

    wanted: Sequence[Target] = protected_of(code) if code is not None else ()
    asked = definitions(command) if command is not None else []
    fields: list[Field] = []
    rows: list[Row] = []
    for index, plain in enumerate(opened):
        if plain is None:
            continue
        if index < len(asked):
            wanted = asked[index]
        field, found = opened_value(plain, f"decrypted-{index}", wanted, code)
        fields.append(field)
        rows += found
    return fields, rows


def definitions(command: Payload) -> list[list[Target]]:
    """The objects that each get_protected_attributes of a command asks for."""
    out = []
    for spec, (tag, value, _, _) in zip(command.specifications, command.data, strict=False):
        if spec.class_id != _PROTECTION_CLASS or tag != 2 or not value or value[0][0] != 1:
            continue
        asked = []
        for item_tag, parts, _, _ in value[0][1]:
            if item_tag == 2 and len(parts) >= 3 and isinstance(parts[1][1], bytes) and len(parts[1][1]) == 6:
                asked.append(Target(parts[0][1], obis_text(parts[1][1]), False, parts[2][1]))
        out.append(asked)
    return out
