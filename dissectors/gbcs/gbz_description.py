"""GBZ payloads as fields and items: components plain and encrypted, alerts with what follows their time.

Source: GBCS 4.x section 7.2.9; ZigBee Smart Energy 1.2; templates of the use-case annex of GBCS 4.0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dissectors.field import Field, Issue
from dissectors.gbcs.alerts import CODE, COUNTER, HASH, ISSUE, Piece, read_pieces
from dissectors.gbcs.cosem import Description
from dissectors.gbcs.gbz import (
    DEFAULT_RESPONSE,
    LAYER,
    TO_CLIENT,
    Record,
    attribute_named,
    cluster_name,
    command_name,
    frame_words,
    label_of,
    read_zcl,
    say,
)
from dissectors.gbcs.names import alert_name, coded
from dissectors.gbcs.payload import Component, Payload
from dissectors.gbcs.values import Row, item, utc

__all__ = ["describe"]


def describe(octets: bytes, payload: Payload, opened: Sequence[bytes | None]) -> Description:
    """Fields, items and issues of a GBZ payload."""
    start = payload.start
    fields = [Field("profile_id", 0x0109, "Smart Energy", start, 2, "message")]
    items: list[Row] = []
    issues: list[Issue] = []
    if payload.reached > start + 2:
        count = octets[start + 2]
        fields.append(Field("component_count", count, f"{count} components", start + 2, 1, "message"))
    if payload.alert_code is not None:
        _alert_head(octets, start + 3, payload.alert_code, fields, items, issues)
    branch = Field("gbz", None, "GBZ payload", start, payload.reached - start, "message", fields)
    out = [branch]
    number = 0
    for index, component in enumerate(payload.components):
        plain = None
        if component.encryption is not None:
            plain = opened[number] if number < len(opened) else None
        field, rows = _component(octets, component, index, issues)
        fields.append(field)
        if plain is not None:
            decrypted, rows = _opened(plain, f"decrypted-{number}", octets, component, issues)
            out.append(decrypted)
        if component.encryption is not None:
            number += 1
        items += rows
    if payload.tail is not None and payload.tail < payload.end:
        fields.append(_tail(octets, payload, items))
    _scale(items)
    return Description(out, items, issues)


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
        found = command_name(cluster, command, bool(frame & TO_CLIENT), bool(frame & 1))
        named["command"].meaning = found or f"command {command:02x}"
    for field in children:
        if field.name not in ("length", "type"):
            value = field.value.hex() if isinstance(field.value, bytes) else field.value
            items.append(item(None, field.name, value, number=None, result=field.meaning))
    return Field(name, None, name.replace("_", " "), start, size, "message", children)


def _component(
    octets: bytes, component: Component, index: int, issues: list[Issue]
) -> tuple[Field, list[Row]]:
    start, frame = component.offset, component.frame or component.body
    control, cluster = component.control, component.cluster
    named = cluster_name(cluster)
    if named is None:
        issues.append(Issue("note", LAYER, start + 1, f"cluster {cluster:04x} has no name in the tables"))
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
    title = command_name(cluster, command, bool(control & TO_CLIENT), bool(control & 1))
    if title is None:
        text = f"command {command:02x} of cluster {cluster:04x} has no name in the tables"
        issues.append(Issue("note", LAYER, frame + 2, text))
    children += [
        Field("frame_control", control, frame_words(control), frame, 1, "message"),
        Field("sequence", octets[frame + 1], f"transaction {octets[frame + 1]}", frame + 1, 1, "message"),
        Field("command", command, title, frame + 2, 1, "message"),
    ]
    title = title or f"command {command:02x}"
    rows: list[Row]
    if component.encryption is not None:
        children += _ciphered(octets, component, frame + 3)
        rows = [item(None, title, cluster=cluster)]
    else:
        zcl, rows = _zcl(octets, component.content, cluster, control, command, "message", issues)
        children += zcl
    size = component.end - start
    return Field(
        f"component[{index}]", None, f"{named or cluster}: {title}", start, size, "message", children
    ), rows


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
    plain: bytes, buffer: str, octets: bytes, component: Component, issues: list[Issue]
) -> tuple[Field, list[Row]]:
    frame = component.frame or component.body
    control, command = octets[frame], octets[frame + 2]
    fields, rows = _zcl(plain, (0, len(plain)), component.cluster, control, command, buffer, issues)
    title = command_name(component.cluster, command, bool(control & TO_CLIENT), bool(control & 1))
    return Field(buffer, None, f"decrypted: {title}", 0, len(plain), buffer, fields), rows


def _zcl(
    data: bytes,
    span: tuple[int, int],
    cluster: int,
    control: int,
    command: int,
    buffer: str,
    issues: list[Issue],
) -> tuple[list[Field], list[Row]]:
    """Fields and rows of one ZCL payload."""
    records, found = read_zcl(data, *span, cluster, control, command)
    issues += found
    title = command_name(cluster, command, bool(control & TO_CLIENT), bool(control & 1))
    title = title or f"command {command:02x}"
    if not control & 1:
        return _general(records, cluster, control, command, buffer, issues)
    fields = []
    rows = []
    for name, kind, value, start, end in records:
        words = say(Record(name, kind, value, start, end), cluster)
        fields.append(Field(name, value, words, start, end - start, buffer))
        shown = utc(value) if kind == "UTCTime" else words.strip('"') if isinstance(value, bytes) else value
        rows.append(item(None, f"{title}: {name}", shown, cluster=cluster, result=_said(words, value)))
    if not rows:
        rows = [item(None, title, cluster=cluster)]
    return fields, rows


def _said(words: str, value: Any) -> str | None:
    return words if isinstance(value, int) and words not in (str(value), utc(value)) else None


def _general(
    records: list[Record], cluster: int, control: int, command: int, buffer: str, issues: list[Issue]
) -> tuple[list[Field], list[Row]]:
    """Read Attributes, its response, and Default Response: rows that carry the attribute's name."""
    fields = []
    rows: list[Row] = []
    attribute = ""
    for record in records:
        label = label_of(record.name)
        words = say(record, cluster, attribute if label == "Attribute Value" else "")
        if label == "Attribute Identifier":
            attribute = words
            row = item(None, words, cluster=cluster, attribute=record.value)
            rows.append(row)
            if not attribute_named(cluster, record.value):
                text = f"attribute {record.value:04x} of cluster {cluster:04x} has no name in the tables"
                issues.append(Issue("note", LAYER, record.offset, text))
        elif label == "Status":
            if command == DEFAULT_RESPONSE:
                answered = command_name(cluster, records[0].value, not control & TO_CLIENT, True)
                answered = answered or f"command {records[0].value:02x}"
                rows = [item(None, answered, cluster=cluster, result=words)]
            else:
                rows[-1]["result"] = words
        elif label == "Attribute Value":
            value = record.value
            rows[-1]["value"] = words.strip('"') if isinstance(value, bytes) else value
            rows[-1]["number"] = value if isinstance(value, int) else None
        elif label == "Command identifier":
            answered = command_name(cluster, record.value, not control & TO_CLIENT, True)
            words = f"answers {answered or f'command {record.value:02x}'}"
        fields.append(
            Field(record.name, record.value, words, record.offset, record.end - record.offset, buffer)
        )
    return fields, rows


def _scale(items: list[Row]) -> None:
    """Summations in their unit: multiplier, divisor and unit of measure stand in the same response."""
    held = {(r["cluster"], r["attribute"]): r["number"] for r in items if r["attribute"] is not None}
    multiplier, divisor = held.get((0x0702, 0x0301)), held.get((0x0702, 0x0302))
    unit = {0: "kWh", 1: "m3"}.get(held.get((0x0702, 0x0300), -1))
    for row in items:
        summation = row["cluster"] == 0x0702 and row["attribute"] is not None and row["number"] is not None
        if summation and "Summation" in str(row["object"]) and multiplier and divisor:
            row["number"], row["unit"] = row["value"] * multiplier / divisor, unit
