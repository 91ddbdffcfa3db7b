"""Commands of clusters: one engine that reads and builds every layout of ``tables/fields.csv``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dissectors.model.cursor import Cursor
from dissectors.model.errors import DissectionError, Malformed, Truncated
from dissectors.model.field import Field, Issue
from dissectors.zcl import catalogue
from dissectors.zcl.catalogue import Command, FieldSpec
from dissectors.zcl.datatypes import build_value, read_typed, read_value, value_of
from dissectors.zcl.expression import FieldValues, compiled
from dissectors.zcl.meanings import special
from dissectors.zcl.reading import LAYER

__all__ = ["DecodedCommand", "build_fields", "command_values", "read_command"]


class DecodedCommand:
    """A payload read with one layout: its fields, the values for expressions, and how well it fits."""

    __slots__ = ("fields", "issues", "layout", "values")

    def __init__(self, layout: str) -> None:
        self.layout = layout
        self.fields: list[Field] = []
        self.values: dict[str, Any] = {}
        self.issues: list[Issue] = []

    @property
    def fits(self) -> bool:
        return not self.issues


class _Scope:
    """What reading the fields of one payload needs beside the fields themselves."""

    __slots__ = ("buffer", "cluster", "cursor", "issues")

    def __init__(self, cursor: Cursor, cluster: int, buffer: str, issues: list[Issue]) -> None:
        self.cursor = cursor
        self.cluster = cluster
        self.buffer = buffer
        self.issues = issues

    def warn(self, text: str) -> None:
        self.issues.append(Issue("warning", LAYER, self.cursor.offset, text))


def read_command(cursor: Cursor, command: Command, buffer: str = "frame") -> DecodedCommand:
    """Read the payload of `command` to the end of the window, by the first layout that fits, else the first.

    Never raises: what does not fit is left as octets with an issue.
    """
    start = cursor.offset
    first = _read_layout(cursor, command, "", command.fields, buffer)
    if first.fits or not command.others:
        return first
    for name, specs in command.others:
        cursor.offset = start
        other = _read_layout(cursor, command, name, specs, buffer)
        if other.fits:
            other.issues.append(Issue("note", LAYER, start, f"read by the layout of {name}"))
            return other
    cursor.offset = cursor.end
    return first


def _read_layout(
    cursor: Cursor, command: Command, name: str, specs: Sequence[FieldSpec], buffer: str
) -> DecodedCommand:
    found = DecodedCommand(name)
    scope = _Scope(cursor, command.cluster, buffer, found.issues)
    try:
        _read_fields(scope, specs, found.fields, found.values)
    except DissectionError as error:
        found.issues.append(Issue.of(error))
    if cursor.remaining:
        start, octets = cursor.offset, cursor.rest()
        found.fields.append(Field("undecoded", octets, None, start, len(octets), buffer))
        if not found.issues:
            text = f"{len(octets)} octets follow the last field that is known"
            found.issues.append(Issue("note", LAYER, start, text))
    return found


def _read_fields(
    scope: _Scope, specs: Sequence[FieldSpec], fields: list[Field], values: dict[str, Any]
) -> None:
    for spec in specs:
        if spec.condition and not compiled(spec.condition)(values):
            continue
        if not scope.cursor.remaining and _ends_before(spec, values, scope):
            return
        if spec.repeat:
            _read_repeated(scope, spec, fields, values)
            continue
        found = _read_field(scope, spec, spec.name, values)
        fields.append(found)
        values[spec.name] = found.value


def _ends_before(spec: FieldSpec, values: FieldValues, scope: _Scope) -> bool:
    """Whether the payload ends here, before `spec`: silently when it may."""
    if spec.may_be_missing(values):
        return True
    if spec.repeat == "rest" or spec.type == "octets:rest":
        return False
    if spec.repeat and compiled(spec.repeat[6:])(values) <= 0:
        return False
    if spec.type.startswith("octets:") and compiled(spec.type[7:])(values) <= 0:
        return False
    scope.warn(f"the payload ends before {spec.name}")
    return True


def _read_repeated(scope: _Scope, spec: FieldSpec, fields: list[Field], values: dict[str, Any]) -> None:
    count = None if spec.repeat == "rest" else max(0, compiled(spec.repeat[6:])(values))
    cursor, index = scope.cursor, 0
    while cursor.remaining if count is None else index < count:
        if not cursor.remaining:
            scope.warn(f"{count} {spec.name} announced, the payload ends after {index}")
            return
        before = cursor.offset
        fields.append(_read_field(scope, spec, f"{spec.name}[{index}]", values))
        if cursor.offset == before:
            raise Malformed(f"{spec.name} repeats without octets", layer=LAYER, offset=before)
        index += 1


def _read_field(scope: _Scope, spec: FieldSpec, name: str, values: dict[str, Any]) -> Field:
    cursor, buffer = scope.cursor, scope.buffer
    kind, _, detail = spec.type.partition(":")
    start = cursor.offset
    if kind == "octets":
        octets = cursor.rest() if detail == "rest" else cursor.take(compiled(detail)(values))
        return Field(name, octets, "", start, len(octets), buffer)
    if kind == "struct" and detail:
        return _read_struct(scope, detail, name, values)
    if kind == "typed":
        type_field, value, _ = read_typed(cursor, "value", buffer)
        return Field(name, None, "", start, cursor.offset - start, buffer, [type_field, value])
    data_type = catalogue.data_type_named(kind)
    found = read_value(cursor, data_type, name, buffer, spec.meaning, invalid=False)
    found.meaning = special(scope.cluster, spec.name, found.value) or found.meaning
    return found


def _read_struct(scope: _Scope, struct: str, name: str, values: dict[str, Any]) -> Field:
    cursor, issues = scope.cursor, scope.issues
    start, count = cursor.offset, len(issues)
    whole = Field(name, None, "", start, 0, scope.buffer, [])
    try:
        _read_fields(scope, catalogue.struct(struct), whole.children, dict(values))
    except DissectionError:
        cursor.offset = start
        raise
    if len(issues) > count:
        cursor.offset = start
        del issues[count:]
        raise Truncated(cursor.remaining + 1, cursor.remaining, layer=LAYER, offset=start)
    whole.length = cursor.offset - start
    return whole


def command_values(command: Command, found: DecodedCommand) -> dict[str, Any]:
    """The values that `build_fields` needs to make the payload again: the inverse of it.

    Repeated fields are lists, structures dictionaries; octets that no field owns are under ``undecoded``.
    """
    specs = dict(command.others).get(found.layout, command.fields)
    values = _values(specs, found.fields)
    if found.layout:
        values["layout"] = found.layout
    return values


def _values(specs: Sequence[FieldSpec], fields: Sequence[Field]) -> dict[str, Any]:
    by_name = {spec.name: spec for spec in specs}
    values: dict[str, Any] = {}
    for found in fields:
        name = found.name.partition("[")[0]
        spec = by_name.get(name)
        value = found.value if spec is None else _value(spec, found)
        if spec is not None and spec.repeat:
            values.setdefault(name, []).append(value)
        else:
            values[name] = value
    return values


def _value(spec: FieldSpec, found: Field) -> Any:
    kind, _, detail = spec.type.partition(":")
    if kind == "octets":
        return found.value
    if kind == "struct" and detail:
        return _values(catalogue.struct(detail), found.children)
    if kind == "typed":
        type_field, value = found.children
        inner = catalogue.data_type(type_field.value)
        assert inner is not None
        return (inner.id, value_of(value, inner))
    return value_of(found, catalogue.data_type_named(kind))


def build_fields(specs: Sequence[FieldSpec], values: Mapping[str, Any]) -> bytes:
    """The octets of `values` laid out by `specs`.

    Optional fields end the payload where the first of them is missing. Raises KeyError for a field that
    must be there, ValueError or OverflowError for a value that does not fit.
    """
    out = b""
    for spec in specs:
        if spec.condition and not compiled(spec.condition)(values):
            continue
        if spec.name not in values and spec.may_be_missing(values):
            break
        if spec.repeat:
            parts = values.get(spec.name, ())
            out += b"".join(_build_field(spec, part, values) for part in parts)
        elif spec.name not in values and spec.type == "octets:rest":
            continue
        else:
            out += _build_field(spec, values[spec.name], values)
    return out + bytes(values.get("undecoded", b""))


def _build_field(spec: FieldSpec, value: Any, values: Mapping[str, Any]) -> bytes:
    kind, _, detail = spec.type.partition(":")
    if kind == "octets":
        octets = bytes(value)
        if detail != "rest" and len(octets) != compiled(detail)(values):
            raise ValueError(f"{spec.name}: {compiled(detail)(values)} octets are needed, not {len(octets)}")
        return octets
    if kind == "struct" and detail:
        outer = {name: held for name, held in values.items() if name != "undecoded"}
        return build_fields(catalogue.struct(detail), {**outer, **value})
    if kind == "typed":
        inner = catalogue.data_type(value[0])
        if inner is None:
            raise ValueError(f"{spec.name}: unknown data type 0x{value[0]:02X}")
        return bytes((inner.id,)) + build_value(inner, value[1])
    return build_value(catalogue.data_type_named(kind), value)
