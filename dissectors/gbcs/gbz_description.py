"""GBZ payloads as fields and items: components plain and encrypted, alerts with what follows their time.

Source: GBCS 4.x section 7.2.9; ZigBee Smart Energy 1.2; templates of the use-case annex of GBCS 4.0.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from dissectors.context import HanContext
from dissectors.cursor import Cursor
from dissectors.field import Field, Issue
from dissectors.gbcs.alerts import CODE, COUNTER, HASH, ISSUE, Piece, read_pieces
from dissectors.gbcs.cosem import Description
from dissectors.gbcs.gbz import (
    LAYER,
    TO_CLIENT,
    Zcl,
    cluster_name,
    command_name,
    frame_words,
    read_zcl,
)
from dissectors.gbcs.names import alert_name, coded
from dissectors.gbcs.payload import Component, Payload
from dissectors.gbcs.utrn import describe as describe_utrn
from dissectors.gbcs.values import Row, item, utc
from dissectors.zcl import catalogue, scaling
from dissectors.zcl.catalogue import Attribute, FieldSpec
from dissectors.zcl.reading import Reading

__all__ = ["describe"]


@dataclass(slots=True, eq=False, repr=False)
class _Out:
    """What a payload's components have in common: issues, and attributes to be scaled when all are read."""

    issues: list[Issue] = field(default_factory=list)
    scaled: list[tuple[Row, Reading, Attribute]] = field(default_factory=list)
    context: HanContext = field(default_factory=HanContext)

    def scale(self) -> None:
        """Attributes in their units: multiplier, divisor and unit may stand behind them in the same message."""
        for row, reading, known in self.scaled:
            scaled, unit = scaling.of_attribute(reading, known, row["number"])
            if scaled is not None and unit:
                row["number"], row["unit"] = scaled, unit


def describe(octets: bytes, payload: Payload, opened: Sequence[bytes | None]) -> Description:
    """Fields, items and issues of a GBZ payload."""
    start = payload.start
    fields = [Field("profile_id", 0x0109, "Smart Energy", start, 2, "message")]
    items: list[Row] = []
    out = _Out()
    if payload.reached > start + 2:
        count = octets[start + 2]
        fields.append(Field("component_count", count, f"{count} components", start + 2, 1, "message"))
    if payload.alert_code is not None:
        _alert_head(octets, start + 3, payload.alert_code, fields, items, out.issues)
    branch = Field("gbz", None, "GBZ payload", start, payload.reached - start, "message", fields)
    tops = [branch]
    number = 0
    for index, component in enumerate(payload.components):
        plain = None
        if component.encryption is not None:
            plain = opened[number] if number < len(opened) else None
        described, rows = _component(octets, component, index, out)
        fields.append(described)
        if plain is not None:
            decrypted, rows = _opened(plain, f"decrypted-{number}", octets, component, out)
            tops.append(decrypted)
        if component.encryption is not None:
            number += 1
        items += rows
    if payload.tail is not None and payload.tail < payload.end:
        fields.append(_tail(octets, payload, items))
    out.scale()
    return Description(tops, items, out.issues)


def _alert_head(
    octets: bytes, at: int, code: int, fields: list[Field], items: list[Row], issues: list[Issue]
) -> None:
    name = alert_name(code)
    if name is None:
        issues.append(Issue("note", LAYER, at, f"alert code {code:04x} has no name in the tables"))
    time = int.from_bytes(octets[at + 2 : at + 6], "big")
    fields.append(Field("alert_code", code, name, at, 2, "message"))
    fields.append(Field("time", time, utc(time), at + 2, 4, "message"))
    items.append(item(None, "alert code", code, number=None, result=name))
    items.append(item(None, "alert time", utc(time)))


_CLUSTER = Piece("cluster", 2, lambda o: int.from_bytes(o, "big"), lambda v: cluster_name(v) or f"{v:04x}")
_FRAME = Piece("frame_control", 1, lambda o: o[0], lambda v: frame_words(v))
_COMMAND = Piece("command", 1, lambda o: o[0], lambda v: f"command {v:02x}")
_INTERFACE = Piece(
    "user_interface_command",
    2,
    lambda o: int.from_bytes(o, "big"),
    lambda v: coded("user_interface_commands").get(v) or f"unknown command {v:04x}",
)
_TAILS: dict[int, tuple[str, tuple[Piece, ...]]] = {
    14: ("executed_instruction", (CODE, COUNTER, _CLUSTER, _FRAME, _COMMAND)),
    32: ("firmware", (HASH,)),
}


def _tail(octets: bytes, payload: Payload, items: list[Row]) -> Field:
    """What follows the time of an alert: an instruction, a hash, an issue, a user interface command."""
    start, end = payload.tail or 0, payload.end
    size = end - start
    if size == 2:
        pieces: tuple[Piece, ...] = (_INTERFACE if payload.alert_code in (0x8161, 0x8162) else ISSUE,)
        children = read_pieces(octets, start, end, pieces, "message")
        name = pieces[0].name
    else:
        tagged = size > 2 and octets[start] == 9 and octets[start + 1] == size - 2
        place = start + 1 if tagged else start
        length = octets[place]
        head = Field("length", length, f"{length} octets", place, 1, "message")
        children = [Field("type", 9, "octet-string", start, 1, "message"), head] if tagged else [head]
        fits = length == end - place - 1
        name, pieces = _TAILS.get(length, ("extra", ())) if fits else ("extra", ())
        children += read_pieces(octets, place + 1, end, pieces, "message")
    named = {f.name: f for f in children}
    if "command" in named:
        cluster, frame, command = (named[k].value for k in ("cluster", "frame_control", "command"))
        found = command_name(cluster, frame, command)
        named["command"].meaning = found or f"command {command:02x}"
    for child in children:
        if child.name not in ("length", "type"):
            value = child.value.hex() if isinstance(child.value, bytes) else child.value
            items.append(item(None, child.name, value, number=None, result=child.meaning))
    return Field(name, None, name.replace("_", " "), start, size, "message", children)


def _component(octets: bytes, component: Component, index: int, out: _Out) -> tuple[Field, list[Row]]:
    start, frame = component.offset, component.frame or component.body
    control, cluster = component.control, component.cluster
    named = cluster_name(cluster)
    if named is None:
        out.issues.append(Issue("note", LAYER, start + 1, f"cluster {cluster:04x} has no name in the tables"))
    length = component.end - component.body
    children = [
        Field("control", control, _control_words(control), start, 1, "message"),
        Field("cluster", cluster, named, start + 1, 2, "message"),
        Field("length", length, f"{length} octets", start + 3, 2, "message"),
    ]
    if component.from_date_time is not None:
        at = component.from_date_time
        time = int.from_bytes(octets[at : at + 4], "big")
        children.append(Field("from_date_time", time, utc(time), at, 4, "message"))
    if component.encryption is not None:
        at = component.encryption
        children.append(Field("additional_header_control", octets[at], "encrypted", at, 1, "message"))
        words = f"encrypted component {octets[at + 1]}"
        children.append(Field("frame_counter", octets[at + 1], words, at + 1, 1, "message"))
    control, command = octets[frame], octets[frame + 2]
    title = command_name(cluster, control, command)
    if title is None and component.encryption is not None:
        text = f"command {command:02x} of cluster {cluster:04x} has no name in the tables"
        out.issues.append(Issue("note", LAYER, frame + 2, text))
    children += [
        Field("frame_control", control, frame_words(control), frame, 1, "message"),
        Field("sequence", octets[frame + 1], f"transaction {octets[frame + 1]}", frame + 1, 1, "message"),
        Field("command", command, title, frame + 2, 1, "message"),
    ]
    title = title or f"command {command:02x}"
    if component.encryption is not None:
        children += _ciphered(octets, component, frame + 3)
        rows = [item(None, title, cluster=cluster)]
    else:
        zcl, rows = _zcl(octets, component.content, component, (control, command), "message", out)
        children += zcl
    name, meaning, size = f"component[{index}]", f"{named or cluster}: {title}", component.end - start
    return Field(name, None, meaning, start, size, "message", children), rows


def _control_words(control: int) -> str:
    names = ((0x01, "last component"), (0x02, "encrypted"), (0x10, "with from-date-time"))
    return ", ".join(text for bit, text in names if control & bit) or "more components follow"


def _ciphered(octets: bytes, component: Component, at: int) -> list[Field]:
    start, end = component.content
    length = end - at - 2
    return [
        Field("ciphered_length", length, f"{length} octets", at, 2, "message"),
        Field("security_control", octets[at + 2], "authenticated and encrypted", at + 2, 1, "message"),
        Field(
            "invocation_counter",
            int.from_bytes(octets[at + 3 : at + 7], "big"),
            "always zero",
            at + 3,
            4,
            "message",
        ),
        Field(
            "ciphertext",
            octets[start : end - 12],
            f"{end - 12 - start} octets of ciphertext",
            start,
            end - 12 - start,
            "message",
        ),
        Field("tag", octets[end - 12 : end], "authentication tag, 12 octets", end - 12, 12, "message"),
    ]


def _opened(
    plain: bytes, buffer: str, octets: bytes, component: Component, out: _Out
) -> tuple[Field, list[Row]]:
    frame = component.frame or component.body
    control, command = octets[frame], octets[frame + 2]
    fields, rows = _zcl(plain, (0, len(plain)), component, (control, command), buffer, out)
    title = command_name(component.cluster, control, command)
    return Field(buffer, None, f"decrypted: {title}", 0, len(plain), buffer, fields), rows


def _zcl(
    data: bytes, span: tuple[int, int], component: Component, head: tuple[int, int], buffer: str, out: _Out
) -> tuple[list[Field], list[Row]]:
    """Fields and rows of one ZCL payload; `head` is frame control and command."""
    zcl = read_zcl(Cursor(data, *span), component.cluster, *head, buffer, out.context)
    out.issues += zcl.issues
    rows = _records(zcl, head, out) if zcl.content.general else _values(zcl, head[1])
    _say_values(zcl.fields)
    return zcl.fields, rows


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
        row = item(None, f"{title}: {path}", value)
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


def _records(zcl: Zcl, head: tuple[int, int], out: _Out) -> list[Row]:
    """Rows that carry the attribute's name; of a default response the one that names the command it answers."""
    cluster = zcl.reading.cluster.id
    if not zcl.content.records:
        return _answer(zcl, head)
    rows = []
    for record in zcl.content.records:
        attribute, known, found = record.attribute, record.known, record.value
        if attribute is None:
            continue
        if known is None:
            text = f"attribute {attribute:04x} of cluster {cluster:04x} has no name in the tables"
            out.issues.append(Issue("note", LAYER, record.start, text))
        row = item(
            None,
            known.name if known else f"unknown attribute {attribute:04x}",
            cluster=cluster,
            attribute=attribute,
        )
        row["result"] = next((f.meaning for f in record.fields if f.name == "status"), None)
        if found is not None:
            row["value"] = _plain(found, record.type.name if record.type is not None else "")
            if isinstance(found.value, int) and not isinstance(found.value, bool):
                row["number"] = found.value
            if known is not None:
                scaling.learn(zcl.reading, known, found.value)
                out.scaled.append((row, zcl.reading, known))
        rows.append(row)
    return rows


def _answer(zcl: Zcl, head: tuple[int, int]) -> list[Row]:
    """The row of a default response (or of a general command without records)."""
    cluster, (frame_control, _) = zcl.reading.cluster.id, head
    values = {f.name: f for f in zcl.fields}
    if "command" not in values or "status" not in values:
        return []
    number = values["command"].value
    # it answers a command of the cluster that went the other way
    answered = command_name(cluster, (frame_control ^ TO_CLIENT) | 1, number) or f"command {number:02x}"
    values["command"].meaning = f"answers {answered}"
    return [item(None, answered, cluster=cluster, result=values["status"].meaning)]
