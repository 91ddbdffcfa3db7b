"""A dissection as text: the tree of fields beside their octets, opened buffers as hex panes, no secrets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from dissectors import Field, Issue
from dissectors.text import printable

__all__ = ["field_text", "hex_pane", "issue_lines", "secret_spans", "tree_lines"]

SHOWN = 8
"""Octets shown beside a field; the panes have them all."""

MASK = "(hidden: --reveal shows it)"


def secret_spans(fields: Iterable[Field]) -> dict[str, list[tuple[int, int]]]:
    """Where keys lie: (begin, end) by buffer."""
    spans: dict[str, list[tuple[int, int]]] = {}
    for top in fields:
        for field in top.walk():
            if field.secret:
                spans.setdefault(field.buffer, []).append((field.offset, field.end))
    return spans


def tree_lines(
    fields: Iterable[Field], buffers: Mapping[str, bytes], *, reveal: bool = False
) -> Iterator[str]:
    """One line a field: buffer and offset, its first octets, and name, value and meaning, indented."""
    labels = {
        name: "" if index == 0 else name.removeprefix("decrypted-").rjust(1)
        for index, name in enumerate(buffers)
    }
    for field in fields:
        yield from _lines(field, buffers, labels, 0, reveal)


def _lines(
    field: Field, buffers: Mapping[str, bytes], labels: Mapping[str, str], depth: int, reveal: bool
) -> Iterator[str]:
    hidden = field.secret and not reveal
    octets = buffers.get(field.buffer, b"")[field.offset : field.end]
    place = f"{field.offset:04x}"
    label = labels.get(field.buffer, "?")
    shown = "" if field.children else _octets(octets, hidden)
    mark = f"d{label}" if label else "  "
    yield f"{mark:>3} {place}  {shown:<{3 * SHOWN + 1}} {'  ' * depth}{field_text(field, hidden)}".rstrip()
    for child in field.children:
        yield from _lines(child, buffers, labels, depth + 1, reveal)


def _octets(octets: bytes, hidden: bool) -> str:
    if hidden:
        return "** ** .."
    if len(octets) > SHOWN:
        return octets[: SHOWN - 1].hex(" ") + " .."
    return octets.hex(" ")


def field_text(field: Field, hidden: bool) -> str:
    """Name, value and meaning of a field in a line; not the value when it is `hidden`."""
    return printable(_field_text(field, hidden))


def _field_text(field: Field, hidden: bool) -> str:
    if hidden:
        return f"{field.name}: {MASK}"
    value = _value(field)
    if field.children and field.value is None:
        return field.name + (f": {field.meaning}" if field.meaning else "")
    meaning = "name unknown" if field.meaning is None else field.meaning
    said = f"{field.name} = {value}" if value else field.name
    return f"{said} ({meaning})" if meaning and meaning not in value.split(" = ") else said


def _value(field: Field) -> str:
    value = field.value
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
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
