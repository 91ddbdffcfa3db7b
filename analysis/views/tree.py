"""A dissection as text: the tree of fields beside their octets, opened buffers as hex panes, no secrets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from dissectors import Field, Issue
from dissectors.model import REVEALABLE
from dissectors.text import printable

__all__ = [
    "buffer_label", "field_text", "hex_pane", "hidden_hex", "issue_lines", "mask_values", "tree_lines", "tree_rows",
]  # fmt: skip

SHOWN = 8
"""Octets shown beside a field; the panes have them all."""

Spans = Mapping[str, Sequence[tuple[int, int]]]
Explained = Mapping[int, object]


def buffer_label(buffer: str) -> str:
    """What stands before an offset in an opened buffer: ``d0`` for ``decrypted-0``, ``r0`` for ``reassembled-0``."""
    kind, _, number = buffer.rpartition("-")
    return f"{kind[:1]}{number}"


class TreeRow(NamedTuple):
    """A field in a line: its buffer and offset, its first octets, and what it says, indented."""

    field: Field
    depth: int
    place: str
    octets: str
    text: str


def tree_lines(
    fields: Iterable[Field],
    buffers: Mapping[str, bytes],
    *,
    reveal: bool = False,
    hidden: Spans | None = None,
    explained: Explained | None = None,
) -> Iterator[str]:
    """One line a field: buffer and offset, its first octets, and name, value and meaning, indented.

    Args:
        hidden: octets that are shown as stars, (begin, end) by buffer.
        explained: what fields mean, by their identity: each such text follows its field.
    """
    words = explained or {}
    for row in tree_rows(fields, buffers, reveal=reveal, hidden=hidden):
        yield f"{row.place}  {row.octets} {row.text}".rstrip()
        if id(row.field) in words:
            yield f"{'':{3 * SHOWN + 12}}{'  ' * row.depth}| {words[id(row.field)]}"


def tree_rows(
    fields: Iterable[Field],
    buffers: Mapping[str, bytes],
    *,
    reveal: bool = False,
    hidden: Spans | None = None,
) -> Iterator[TreeRow]:
    """Each field with the parts of its line in `tree_lines`, arguments as there."""
    labels = {name: "" if index == 0 else buffer_label(name) for index, name in enumerate(buffers)}
    for field in fields:
        yield from _rows(field, buffers, labels, 0, reveal, hidden or {})


def _rows(
    field: Field,
    buffers: Mapping[str, bytes],
    labels: Mapping[str, str],
    depth: int,
    reveal: bool,
    spans: Spans,
) -> Iterator[TreeRow]:
    hidden = field.secret and not reveal
    octets = buffers.get(field.buffer, b"")[field.offset : field.end]
    place = f"{field.offset:04x}"
    label = labels.get(field.buffer, "?")
    covered = hidden or bool(_inside(field, spans))
    shown = "" if field.children else _octets(octets, covered)
    text = field_text(field, hidden, spans)
    yield TreeRow(field, depth, f"{label:>3} {place}", f"{shown:<{3 * SHOWN + 1}}", "  " * depth + text)
    for child in field.children:
        yield from _rows(child, buffers, labels, depth + 1, reveal, spans)


def _inside(field: Field, spans: Spans) -> list[tuple[int, int]]:
    """The spans that overlap `field`, counted from its first octet."""
    found = spans.get(field.buffer, ())
    cut = ((max(begin, field.offset), min(end, field.end)) for begin, end in found)
    return [(begin - field.offset, end - field.offset) for begin, end in cut if begin < end]


def _of_value(field: Field, spans: Spans) -> list[tuple[int, int]]:
    """The spans in the octets of its value; all of these where the field has others besides."""
    inside, size = _inside(field, spans), len(field.value)
    return inside if size == field.length or not inside else [(0, size)]


def _octets(octets: bytes, hidden: bool) -> str:
    if hidden:
        return "** ** .."
    if len(octets) > SHOWN:
        return octets[: SHOWN - 1].hex(" ") + " .."
    return octets.hex(" ")


def hidden_hex(octets: bytes, spans: Iterable[tuple[int, int]]) -> str:
    """Octets in hex, with stars for those in `spans`."""
    text = octets.hex()
    for begin, end in spans:
        text = text[: 2 * begin] + "*" * (2 * (end - begin)) + text[2 * end :]
    return text


def mask_values(fields: Iterable[Field], told: Iterable[dict[str, Any]], spans: Spans) -> None:
    """Put stars into the JSON form of fields whose octets hold some of `spans`, (begin, end) by buffer."""
    for one, out in zip(fields, told, strict=True):
        if isinstance(one.value, bytes) and not one.secret:
            out["value"] = hidden_hex(one.value, _of_value(one, spans))
        mask_values(one.children, out["children"], spans)


def field_text(field: Field, hidden: bool, spans: Spans | None = None) -> str:
    """Name, value and meaning of a field in a line; not the value when it is `hidden`, stars for octets in `spans`."""
    return printable(_field_text(field, hidden, spans or {}))


def _field_text(field: Field, hidden: bool, spans: Spans) -> str:
    if hidden:
        return f"{field.name}: {REVEALABLE}"
    value = _value(field, spans)
    if field.children and field.value is None:
        return field.name + (f": {field.meaning}" if field.meaning else "")
    meaning = "name unknown" if field.meaning is None else field.meaning
    said = f"{field.name} = {value}" if value else field.name
    return f"{said} ({meaning})" if meaning and meaning not in value.split(" = ") else said


def _value(field: Field, spans: Spans) -> str:
    value = field.value
    if isinstance(value, bytes | bytearray | memoryview):
        return hidden_hex(bytes(value), _of_value(field, spans))
    if isinstance(value, bool) or value is None:
        return "" if value is None else str(value).lower()
    if isinstance(value, int):
        return _number(value, field.length, field.bits)
    return printable(str(value))


def _number(value: int, length: int, bits: tuple[int, int] | None) -> str:
    if length == 8 and bits is None:
        return f"{value:016x}" if value >= 0 else str(value)
    if 0 <= value <= 9:
        return str(value)
    width = 2 * length if bits is None and length else 0
    return f"0x{value:0{width}x} = {value}" if value >= 0 else str(value)


def hex_pane(octets: bytes, hidden: Iterable[tuple[int, int]] = ()) -> Iterator[str]:
    """The octets in lines of 16, with their characters; those in `hidden` spans as stars."""
    covered = {at for begin, end in hidden for at in range(begin, end)}
    for start in range(0, len(octets), 16):
        row = range(start, min(start + 16, len(octets)))
        pairs = ["**" if at in covered else f"{octets[at]:02x}" for at in row]
        text = "".join("*" if at in covered else _character(octets[at]) for at in row)
        left, right = " ".join(pairs[:8]), " ".join(pairs[8:])
        yield f"{start:04x}  {left:<23}  {right:<23}  {text}"


def _character(octet: int) -> str:
    return chr(octet) if 0x20 <= octet < 0x7F else "."


def issue_lines(issues: Iterable[Issue]) -> Iterator[str]:
    """One line an issue."""
    for issue in issues:
        yield f"{issue.severity}: {issue.layer}: offset 0x{issue.offset:x}: {printable(issue.text)}"
