"""DLMS COSEM payloads of GBCS as fields and items: access requests, access responses.

Every item of a response carries the object that it answers: by its command when that is given, else by the
order of objects of its use case. Source: GBCS 4.x section 7.2.8; DLMS Green Book access service.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from dissectors.dlms.cosem.data import Node
from dissectors.dlms.cosem.obis import Target, class_name, obis_text, target_of, unit_name
from dissectors.gbcs.catalogue.names import coded
from dissectors.gbcs.catalogue.objects import names_called, names_of, object_title, objects_of, protected_of
from dissectors.gbcs.payloads.payload import Payload, Specification
from dissectors.gbcs.payloads.protected import OpenedValue, sealed_value
from dissectors.gbcs.payloads.values import Row, Values, item, scale
from dissectors.layout.lengths import read_length
from dissectors.model.field import Field, Issue

__all__ = ["Description", "apdu_header", "branch", "class_words", "request", "response"]

LAYER = "gbcs.cosem"
CHOICES = {1: "get", 2: "set", 3: "action", 4: "get with selection", 5: "set with selection"}
_PROTECTION_CLASS = 30


_Answered = tuple[Target | None, str | None]


class Description(NamedTuple):
    """What a payload says, made when somebody asks: its items; its fields and what is to be said of them."""

    items: Callable[[], list[Row]]
    fields: Callable[[], tuple[list[Field], list[Issue]]]


def apdu_header(payload: Payload, counter: int) -> list[Field]:
    """Tag, long-invoke-id-and-priority, and the date-time."""
    start = payload.start
    fields = [Field("tag", payload.octets[start], payload.kind, start, 1, "message")]
    invoke = payload.part("long_invoke_id_and_priority")
    if invoke is not None:
        same = invoke[1] & 0xFFFFFF == counter & 0xFFFFFF
        words = "low 24 bits of the originator counter" if same else "not of the originator counter"
        fields.append(Field("long_invoke_id_and_priority", invoke[1], words, start + 1, 4, "message"))
    moment = payload.part("date_time")
    if moment is not None:
        _, value, at, end = moment
        size = len(value)
        words = f"{size} octets of date-time" if size else "no date-time"
        fields.append(Field("date_time_length", size, words, at, end - at - size, "message"))
        if size:
            fields.append(Field("date_time", value, "date-time", end - size, size, "message"))
    return fields


def _counts(payload: Payload, **names: str) -> dict[str, Field]:
    """The numbers of elements that stand before the lists of an APDU, by the list."""
    out = {}
    for name, shown in names.items():
        part = payload.part(name)
        if part is not None:
            count, after = read_length(payload.octets, part[2], payload.end)
            out[name] = Field(shown, count, f"{count} follow", part[2], after - part[2], "message")
    return out


def request(payload: Payload, code: int | None, counter: int) -> Description:
    """An access request: specifications and their data."""
    readers = _readers(payload, [spec.target for spec in payload.specifications], code)
    return Description(
        partial(_request_rows, payload, readers), partial(_request_fields, payload, readers, counter)
    )


def _request_rows(payload: Payload, readers: _Readers) -> list[Row]:
    specs = payload.specifications
    items: list[Row] = []
    for index, (node, reader) in enumerate(zip(payload.data, readers, strict=True)):
        target = specs[index].target if index < len(specs) else None
        rows = _rows(reader, node, target, None)
        title = object_title(target) if target is not None else None
        if target is not None and not any(r["value"] is not None for r in rows):
            rows = [item(target, title)]
        items += rows
        if target is not None and specs[index].selector is not None:
            items.append(item(target, f"{title}: access_selector", specs[index].selector))
    return items


def _request_fields(payload: Payload, readers: _Readers, counter: int) -> tuple[list[Field], list[Issue]]:
    fields, issues, specs = apdu_header(payload, counter), [], payload.specifications
    counts = _counts(payload, specifications="specification_count", values="data_count")
    fields += [count for name, count in counts.items() if name == "specifications"]
    fields += [_specification(spec, index) for index, spec in enumerate(specs)]
    for spec in specs:
        target = spec.target
        if object_title(target) is None:
            text = f"object {target.obis} of class {target.class_id} has no name in the tables"
            issues.append(Issue("note", LAYER, spec.offset, text))
    announced = counts.get("values")
    if announced is not None:
        fields.append(announced)
        if announced.value != len(specs):
            text = f"{announced.value} data for {len(specs)} specifications"
            issues.append(Issue("warning", LAYER, announced.offset, text))
    for index, (node, reader) in enumerate(zip(payload.data, readers, strict=True)):
        fields.append(_field(payload.octets, reader, node, f"data[{index}]"))
    return [branch(payload, "access_request", fields)], issues


def branch(payload: Payload, name: str, fields: list[Field]) -> Field:
    """The APDU of a payload with its fields."""
    title = f"DLMS {name.replace('_', '-')}"
    return Field(name, None, title, payload.start, payload.reached - payload.start, "message", fields)


SELECTORS = {1: "by range", 2: "by entry"}


def _specification(spec: Specification, index: int) -> Field:
    target, at = spec.target, spec.offset
    title = object_title(target)
    name, _, member = (title or "unknown object").partition(": ")
    kind = "method" if target.method else "attribute"
    leaves = [
        ("choice", spec.choice, CHOICES[spec.choice], at, 1),
        ("class_id", target.class_id, class_words(target.class_id), at + 1, 2),
        ("obis", target.obis, name.partition(":")[0], at + 3, 6),
        (kind, target.number, member or f"{kind} {target.number}", at + 9, 1),
    ]
    if spec.selector is not None:
        words = SELECTORS.get(spec.selector, f"selector {spec.selector}")
        leaves.append(("access_selector", spec.selector, words, at + 10, 1))
    children = [
        Field(label, said, words, place, size, "message") for label, said, words, place, size in leaves
    ]
    if spec.parameters is not None:
        values = Values(target, names_called("range_descriptor"))
        children.append(values.named(spec.parameters, "access_parameters"))
    return Field(f"specification[{index}]", None, title, at, spec.end - at, "message", children)


def class_words(class_id: int) -> str:
    """The name of an interface class."""
    return class_name(class_id) or f"interface class {class_id}"


def _is_sealed(node: Node) -> bool:
    """Is it an answer of get_protected_attributes: parameters and octets?"""
    return node[0] == 2 and len(node[1]) == 2 and node[1][1][0] == 9


def _values(node: Node, target: Target | None, code: int | None) -> Values:
    """What reads one data item."""
    if target is not None and target.class_id == _PROTECTION_CLASS and node[0] == 2:
        return Values(target, names_called("get_protected_attributes"))
    return Values(target, names_of(code, target) if target is not None and code is not None else None)


_Readers = Sequence[Values | None]


def _readers(payload: Payload, targets: Sequence[Target | None], code: int | None) -> _Readers:
    """What reads each data item of a payload, for its rows and its fields; None where an item is sealed."""
    out: list[Values | None] = []
    for index, node in enumerate(payload.data):
        target = targets[index] if index < len(targets) else None
        sealed = target is not None and target.class_id == _PROTECTION_CLASS and _is_sealed(node)
        out.append(None if sealed else _values(node, target, code))
    return out


def _rows(reader: Values | None, node: Node, target: Target | None, result: str | None) -> list[Row]:
    """The rows of one data item."""
    title = object_title(target) if target is not None else None
    return [item(target, title, result=result)] if reader is None else reader.rows(node, title, result)


def _field(octets: bytes, reader: Values | None, node: Node, name: str) -> Field:
    """The field of one data item."""
    return sealed_value(octets, node, name) if reader is None else reader.named(node, name)


def response(
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
    targets = answered(payload, code, command)
    readers = _readers(payload, [target for target, _ in targets], code)
    decrypted = opened_values(code, command, opened)
    issues = list(_guessed(payload, code, command))
    return Description(
        partial(_response_rows, payload, readers, targets, decrypted),
        partial(_response_fields, payload, readers, counter, targets, decrypted, issues),
    )


def _response_rows(
    payload: Payload, readers: _Readers, targets: Sequence[_Answered], decrypted: Sequence[OpenedValue]
) -> list[Row]:
    items = _answer_rows(payload, readers, targets)
    _scale_by_unit(items, payload, targets)
    rows = [row for one in decrypted for row in one.rows()]
    if rows:
        items = [r for r in items if r["class_id"] != _PROTECTION_CLASS or r["result"] != "success"] + rows
    return items


def _response_fields(
    payload: Payload,
    readers: _Readers,
    counter: int,
    targets: Sequence[_Answered],
    decrypted: Sequence[OpenedValue],
    issues: list[Issue],
) -> tuple[list[Field], list[Issue]]:
    counts = _counts(
        payload, specifications="specification_count", values="data_count", responses="result_count"
    )
    heads = [counts[name] for name in ("specifications", "values") if name in counts]
    repeated = payload.part("specifications")
    if repeated is not None and repeated[1] is not None:
        heads[0] = repeated[0].field(*repeated[1:], "message")
    fields = [*apdu_header(payload, counter), *heads]
    for index, (node, reader) in enumerate(zip(payload.data, readers, strict=True)):
        title = targets[index][1] if index < len(targets) else None
        field = _field(payload.octets, reader, node, f"data[{index}]")
        fields.append(Field(f"answer[{index}]", None, title, field.offset, field.length, "message", [field]))
    fields += [*([counts["responses"]] if "responses" in counts else []), *_results(payload, targets)]
    tops = [branch(payload, "access_response", fields), *(one.field() for one in decrypted)]
    return tops, issues


def _guessed(payload: Payload, code: int | None, command: Payload | None) -> Iterator[Issue]:
    """A note where what the answers are about could only be guessed at."""
    count, known = _answer_count(payload), objects_of(code) if code is not None else ()
    asked = len(command.specifications) if command is not None else -1
    if count and count not in (asked, len(known)):
        text = f"{count} answers, the use case has {len(known)} objects: the command would name them surely"
        yield Issue("note", LAYER, payload.start, text)


def result_name(result: int) -> str:
    """Name of a data access or action result."""
    return coded("dlms_results", "value", "meaning").get(result) or f"unknown result {result}"


def _answer_rows(payload: Payload, readers: _Readers, targets: Sequence[_Answered]) -> list[Row]:
    """The rows of the data of a response, each with its object."""
    items: list[Row] = []
    for index, (node, reader) in enumerate(zip(payload.data, readers, strict=True)):
        target, title = targets[index] if index < len(targets) else (None, None)
        outcome = payload.results[index] if index < len(payload.results) else None
        rows = _rows(reader, node, target, result_name(outcome[1]) if outcome else None)
        if target is None and title:
            for row in rows:
                row["object"] = title if row["object"] is None else f"{title}: {row['object']}"
        items += rows
    return items


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


def answered(payload: Payload, code: int | None, command: Payload | None) -> list[_Answered]:
    """The object of each answer and its title, in order."""
    count = _answer_count(payload)
    if command is not None and len(command.specifications) == count:
        return [(spec.target, object_title(spec.target)) for spec in command.specifications]
    known = objects_of(code) if code is not None else ()
    if len(known) == count:
        return [(t, object_title(t)) for t in known]
    return [_likely(payload, known, index, count) for index in range(count)]


def _answer_count(payload: Payload) -> int:
    return max(len(payload.data), len(payload.results))


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


def opened_values(
    code: int | None, command: Payload | None, opened: Sequence[bytes | None]
) -> list[OpenedValue]:
    """The decrypted values."""
    wanted: Sequence[Target] = protected_of(code) if code is not None else ()
    asked = definitions(command) if command is not None else []
    out = []
    for index, plain in enumerate(opened):
        if plain is not None:
            wanted = asked[index] if index < len(asked) else wanted
            out.append(OpenedValue(plain, f"decrypted-{index}", wanted, code))
    return out


def definitions(command: Payload) -> list[list[Target]]:
    """The objects that each get_protected_attributes of a command asks for."""
    out = []
    for spec, (tag, value, _, _) in zip(command.specifications, command.data, strict=False):
        if spec.target.class_id != _PROTECTION_CLASS or tag != 2 or not value or value[0][0] != 1:
            continue
        asked = []
        for item_tag, parts, _, _ in value[0][1]:
            if item_tag == 2 and len(parts) >= 3 and isinstance(parts[1][1], bytes) and len(parts[1][1]) == 6:
                asked.append(target_of(parts[0][1], obis_text(parts[1][1]), parts[2][1]))
        out.append(asked)
    return out
