"""GBZ payloads as fields and items: components plain and encrypted, alerts with what follows their time.

Source: GBCS 4.x section 7.2.9; ZigBee Smart Energy 1.2; templates of the use-case annex of GBCS 4.0.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

from dissectors.gbcs.catalogue.names import alert_name, coded
from dissectors.gbcs.payloads.alerts import CODE, COUNTER, Firmware, IntegrityIssue, read_pieces
from dissectors.gbcs.payloads.cosem import Description
from dissectors.gbcs.payloads.gbz import (
    LAYER,
    TO_CLIENT,
    Component,
    Zcl,
    cluster_name,
    command_name,
    frame_words,
    read_zcl,
)
from dissectors.gbcs.payloads.payload import Payload
from dissectors.gbcs.payloads.values import Row, item, utc
from dissectors.gbcs.utrn import describe as describe_utrn
from dissectors.layout import Layer, UInt
from dissectors.model.context import HanContext
from dissectors.model.cursor import Cursor
from dissectors.model.field import Field, Issue
from dissectors.zcl import catalogue, scaling
from dissectors.zcl.catalogue import Attribute, FieldSpec
from dissectors.zcl.reading import Reading

__all__ = ["describe"]

_Scaled = tuple[Row, Reading, Attribute]


class _Command(NamedTuple):
    """One component and what its command says: rows, what is wrong; `zcl` is None while it is shut."""

    component: Component
    title: str | None
    zcl: Zcl | None
    rows: list[Row]
    issues: list[Issue]


def describe(payload: Payload, opened: Sequence[bytes | None]) -> Description:
    """Items, fields and issues of a GBZ payload."""
    context = HanContext()
    scaled: list[_Scaled] = []
    numbered = iter(enumerate(opened))
    commands = [_read(payload.octets, one, numbered, context, scaled) for one in payload.components]
    tail = _tail(payload)
    items = [*_alert_rows(payload), *(row for one in commands for row in one.rows), *_tail_rows(tail)]
    for row, reading, known in scaled:  # multiplier, divisor and unit may stand behind an attribute
        number, unit = scaling.of_attribute(reading, known, row["number"])
        if number is not None and unit:
            row["number"], row["unit"] = number, unit
    return Description(lambda: items, partial(_fields, payload, commands, tail))


def _read(
    octets: bytes,
    component: Component,
    opened: Iterator[tuple[int, bytes | None]],
    context: HanContext,
    scaled: list[_Scaled],
) -> _Command:
    cluster, control, command = component.cluster, component.frame_control, component.command
    title = command_name(cluster, control, command)
    data, span, buffer = octets, component.content, "message"
    if component.encrypted:
        number, plain = next(opened, (0, None))
        if plain is None:
            row = item(None, title or f"command {command:02x}", cluster=cluster)
            return _Command(component, title, None, [row], [])
        data, span, buffer = plain, (0, len(plain)), f"decrypted-{number}"
    zcl = read_zcl(Cursor(data, *span, layer="zcl"), cluster, control, command, buffer, context)
    issues = list(zcl.issues)
    rows = _records(zcl, control, issues, scaled) if zcl.content.general else _values(zcl, command)
    return _Command(component, title, zcl, rows, issues)


def _fields(
    payload: Payload, commands: Sequence[_Command], tail: Field | None
) -> tuple[list[Field], list[Issue]]:
    start, count = payload.start, payload.octets[payload.start + 2 : payload.end][:1]
    fields = [Field("profile_id", 0x0109, "Smart Energy", start, 2, "message")]
    if count:
        fields.append(Field("component_count", count[0], f"{count[0]} components", start + 2, 1, "message"))
    issues: list[Issue] = []
    if payload.alert_code is not None:
        alert = _Alert.read(Cursor(payload.octets, start + 3, layer=LAYER)).tree("message").children
        if alert[0].meaning is None:
            text = f"alert code {payload.alert_code:04x} has no name in the tables"
            issues.append(Issue("note", LAYER, start + 3, text))
        fields += alert
    whole = Field("gbz", None, "GBZ payload", start, payload.reached - start, "message", fields)
    tops = [whole]
    for index, one in enumerate(commands):
        if one.zcl is not None:
            _say_values(one.zcl.fields)
        fields.append(_component(one, index, issues))
        if one.zcl is not None and one.component.encrypted:
            buffer, inner = one.zcl.reading.buffer, one.zcl.fields
            size = max((f.end for f in inner), default=0)
            tops.append(Field(buffer, None, f"decrypted: {one.title}", 0, size, buffer, inner))
        issues += one.issues
    fields += [tail] if tail is not None else []
    return tops, issues


def _component(one: _Command, index: int, issues: list[Issue]) -> Field:
    component, title = one.component, one.title
    cluster, named = component.cluster, cluster_name(component.cluster)
    branch = component.tree("message", f"component[{index}]")
    shown = next(child for child in branch.children if child.name == "command")
    shown.meaning = title
    if named is None:
        text = f"cluster {cluster:04x} has no name in the tables"
        issues.append(Issue("note", LAYER, component.start + 1, text))
    if title is None and component.encrypted:
        text = f"command {component.command:02x} of cluster {cluster:04x} has no name in the tables"
        issues.append(Issue("note", LAYER, shown.offset, text))
    branch.meaning = f"{named or cluster}: {title or f'command {component.command:02x}'}"
    branch.length = component.stop - component.start
    if one.zcl is not None and not component.encrypted:
        branch.children += one.zcl.fields
    return branch


class _Alert(Layer):
    """What a GBZ alert begins with, behind the count of components."""

    parts = (
        UInt("alert_code", 0, 2, order="big", names=alert_name),
        UInt("time", 0, 4, order="big", names=utc),
    )


def _alert_rows(payload: Payload) -> list[Row]:
    code = payload.alert_code
    if code is None:
        return []
    time = int.from_bytes(payload.octets[payload.start + 5 : payload.start + 9], "big")
    row = item(None, "alert code", code, number=None, result=alert_name(code))
    return [row, item(None, "alert time", utc(time))]


class _ExecutedInstruction(Layer):
    """Which future-dated command was executed."""

    title = "executed_instruction"
    parts = (
        CODE,
        COUNTER,
        UInt("cluster", 0, 2, order="big", names=lambda v: cluster_name(v) or f"{v:04x}"),
        UInt("frame_control", 0, 1, names=frame_words),
        UInt("command", 0, 1, names=lambda v: f"command {v:02x}"),
    )


def _interface_words(value: int) -> str:
    return coded("user_interface_commands").get(value) or f"unknown command {value:04x}"


class _InterfaceCommand(Layer):
    parts = (UInt("user_interface_command", 0, 2, order="big", names=_interface_words),)


_TAILS: dict[int, tuple[str, type[Layer]]] = {
    14: ("executed_instruction", _ExecutedInstruction),
    32: ("firmware", Firmware),
}
"""What an alert carries behind its time, by its length."""


def _tail(payload: Payload) -> Field | None:
    """What follows the time of an alert: an instruction, a hash, an issue, a user interface command."""
    octets, start, end = payload.octets, payload.tail or 0, payload.end
    size = end - start
    if payload.tail is None or not size:
        return None
    if size == 2:
        layer: type[Layer] = _InterfaceCommand if payload.alert_code in (0x8161, 0x8162) else IntegrityIssue
        children, name = read_pieces(octets, start, end, layer, "message"), layer.parts[0].name
    else:
        tagged = size > 2 and octets[start] == 9 and octets[start + 1] == size - 2
        place = start + 1 if tagged else start
        length = octets[place]
        head = Field("length", length, f"{length} octets", place, 1, "message")
        children = [Field("type", 9, "octet-string", start, 1, "message"), head] if tagged else [head]
        known = _TAILS.get(length) if length == end - place - 1 else None
        name, layer = known or ("extra", Layer)
        children += read_pieces(octets, place + 1, end, layer, "message")
    named = {f.name: f for f in children}
    if "command" in named:
        head = named["command"]
        found = command_name(named["cluster"].value, named["frame_control"].value, head.value)
        head.meaning = found or head.meaning
    return Field(name, None, name.replace("_", " "), start, size, "message", children)


def _tail_rows(tail: Field | None) -> Iterator[Row]:
    for child in tail.children if tail is not None else ():
        if child.name not in ("length", "type"):
            value = child.value.hex() if isinstance(child.value, bytes) else child.value
            yield item(None, child.name, value, number=None, result=child.meaning).at(child)


def _say_values(fields: Sequence[Field]) -> None:
    """Leaves without words say their value."""
    for found in fields:
        if found.children:
            _say_values(found.children)
        elif not found.meaning:
            value = found.value
            found.meaning = (value.hex() or "empty") if isinstance(value, bytes) else str(value)


def _values(zcl: Zcl, command: int) -> list[Row]:
    """A row for each value of a cluster's command."""
    content, cluster = zcl.content, zcl.reading.cluster.id
    title = content.name or f"command {command:02x}"
    if content.command is None or content.fitted is None:
        return [item(None, title, cluster=cluster)]
    specs = dict(content.command.others).get(content.fitted.layout, content.command.fields)
    rows: list[Row] = []
    values = content.fitted.values
    for path, found, spec in _leaves(specs, zcl.fields):
        value = _worded(found, spec)
        row = item(None, f"{title}: {path}", value).at(found)
        row["cluster"] = cluster
        if type(value) is int:
            row["result"] = found.meaning if found.meaning and found.meaning != str(value) else None
            scaled, unit = scaling.of_field(zcl.reading, found.name, value, values)
            if scaled is not None and unit:
                row["number"], row["unit"] = scaled, unit
        rows.append(row)
    return rows or [item(None, title, cluster=cluster)]


def _leaves(
    specs: Sequence[FieldSpec], fields: Sequence[Field], path: str = ""
) -> Iterator[tuple[str, Field, FieldSpec | None]]:
    """Each value of a command with its path and its specification: structures are walked into."""
    by_name = {spec.name: spec for spec in specs}
    for found in fields:
        spec = by_name.get(found.name.partition("[")[0])
        if spec is not None and spec.type.startswith("struct:"):
            yield from _leaves(catalogue.struct(spec.type[7:]), found.children, f"{path}{found.name}.")
        else:
            yield f"{path}{found.name}", found, spec


def _worded(found: Field, spec: FieldSpec | None) -> Any:
    """The value as the items show it; the field gets GBCS's words where it has some."""
    if spec is not None:
        if spec.type == "UTC":
            found.meaning = utc(found.value)
        elif spec.meaning == "DeviceEvent":
            found.meaning = alert_name(found.value) or f"event {found.value:04x}"
        elif spec.name == "top_up_code" and isinstance(found.value, bytes):
            found.meaning = describe_utrn(found.value.decode("ascii", "replace"))
    return _plain(found, spec.type if spec is not None else "")


def _plain(found: Field, kind: str) -> Any:
    value = found.value
    if isinstance(value, bytes):
        return found.meaning or value.hex() or "empty"
    if kind in ("UTC", "date", "ToD", "EUI64"):
        return found.meaning
    return value


def _records(zcl: Zcl, frame_control: int, issues: list[Issue], scaled: list[_Scaled]) -> list[Row]:
    """Rows that carry the attribute's name; of a default response the one that names the command it answers."""
    cluster = zcl.reading.cluster.id
    if not zcl.content.records:
        return _answer(zcl, frame_control)
    rows = []
    for record in zcl.content.records:
        attribute, known, found = record.attribute, record.known, record.value
        if attribute is None:
            continue
        if known is None:
            text = f"attribute {attribute:04x} of cluster {cluster:04x} has no name in the tables"
            issues.append(Issue("note", LAYER, record.start, text))
        row = item(
            None,
            known.name if known else f"unknown attribute {attribute:04x}",
            cluster=cluster,
            attribute=attribute,
        )
        row["result"] = next((f.meaning for f in record.fields if f.name == "status"), None)
        if found is not None:
            row["value"] = _plain(found, record.type.name if record.type is not None else "")
            row.at(found)
            if isinstance(found.value, int) and not isinstance(found.value, bool):
                row["number"] = found.value
            if known is not None:
                scaling.learn(zcl.reading, known, found.value)
                scaled.append((row, zcl.reading, known))
        rows.append(row)
    return rows


def _answer(zcl: Zcl, frame_control: int) -> list[Row]:
    """The row of a default response (or of a general command without records)."""
    cluster = zcl.reading.cluster.id
    values = {f.name: f for f in zcl.fields}
    if "command" not in values or "status" not in values:
        return []
    number = values["command"].value
    # it answers a command of the cluster that went the other way
    answered = command_name(cluster, (frame_control ^ TO_CLIENT) | 1, number) or f"command {number:02x}"
    values["command"].meaning = f"answers {answered}"
    return [item(None, answered, cluster=cluster, result=values["status"].meaning)]
