"""DER, read with offsets and by declarative shapes, and built again from the same shapes.

Strategy: a `Shape` mirrors a line of the ASN.1 module: name, tag, what is inside. `read` walks octets and a
shape side by side and gives Fields; what does not fit its shape is still read, tag by tag, with a warning.
`build` takes plain values (dict, list, int, bytes, str) in the same shape and gives the octets.

Source: ITU-T X.690 (DER).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from dissectors.gbcs.asn1.der_octets import CONTENTS, LONGEST, VALUES, encode
from dissectors.layout.lengths import read_length
from dissectors.model.errors import DissectionError, Malformed, Truncated
from dissectors.model.field import Field, Issue

__all__ = [
    "Reader",
    "Shape",
    "bits",
    "build_der",
    "choice",
    "encode",
    "encode_field",
    "integer",
    "null",
    "octets",
]
__all__ += ["oid", "sequence", "sequence_of", "text", "time"]

LAYER = "gbcs.der"
DEEPEST = 32
"""Levels of nesting; X.509 and the structures of GBCS have 12."""
MOST_ODD = 8
"""Elements that a structure does not have, of one level, that are told one by one; further ones are counted."""
Meaning = Callable[[Any], str | None]


class Shape(NamedTuple):
    """One element of a DER structure.

    Attributes:
        kind: integer, octets, bits, null, boolean, time, text, oid, sequence, sequence-of, choice, any.
        parts: the elements of a sequence or choice; the repeated element of a sequence-of.
        meaning: value to words; None for the value itself.
        inside: for octets and bits that hold DER: the shape inside, chosen from the fields read before.
    """

    name: str
    tag: int
    kind: str
    parts: tuple[Shape, ...] = ()
    optional: bool = False
    meaning: Meaning | None = None
    inside: Callable[[Sequence[Field]], Shape | None] | None = None

    def maybe(self) -> Shape:
        """The same, OPTIONAL."""
        return self._replace(optional=True)

    def tagged(self, tag: int) -> Shape:
        """The same with an IMPLICIT context tag."""
        return self._replace(tag=tag)


def sequence(name: str, *parts: Shape, tag: int = 0x30) -> Shape:
    """SEQUENCE of different elements (or a constructed context tag, or SET)."""
    return Shape(name, tag, "sequence", parts)


def sequence_of(name: str, part: Shape, tag: int = 0x30) -> Shape:
    """SEQUENCE OF one element (or SET OF)."""
    return Shape(name, tag, "sequence-of", (part,))


def choice(name: str, *parts: Shape) -> Shape:
    """CHOICE: whichever of `parts` has the tag that comes."""
    return Shape(name, -1, "choice", parts)


def integer(name: str, meaning: Meaning | None = None, tag: int = 0x02) -> Shape:
    """INTEGER, or ENUMERATED with tag 0x0A."""
    return Shape(name, tag, "integer", meaning=meaning)


def octets(name: str, meaning: Meaning | None = None, tag: int = 0x04) -> Shape:
    """OCTET STRING."""
    return Shape(name, tag, "octets", meaning=meaning)


def bits(name: str, meaning: Meaning | None = None) -> Shape:
    """BIT STRING; its value is the octets behind the count of unused bits."""
    return Shape(name, 0x03, "bits", meaning=meaning)


def null(name: str, meaning: str = "null") -> Shape:
    """NULL."""
    return Shape(name, 0x05, "null", meaning=lambda _: meaning)


def time(name: str, meaning: Meaning | None = None, tag: int = 0x18) -> Shape:
    """GeneralizedTime, or UTCTime with tag 0x17."""
    return Shape(name, tag, "time", meaning=meaning or time_meaning)


def text(name: str, meaning: Meaning | None = None, tag: int = 0x0C) -> Shape:
    """A character string."""
    return Shape(name, tag, "text", meaning=meaning)


def oid(name: str, meaning: Meaning | None = None) -> Shape:
    """OBJECT IDENTIFIER; its value is the dotted form."""
    return Shape(name, 0x06, "oid", meaning=meaning)


_TYPES = {0x01: "boolean", 0x02: "integer", 0x03: "bits", 0x04: "octets", 0x05: "null", 0x06: "oid"}
_TYPES |= {0x0A: "integer", 0x0C: "text", 0x13: "text", 0x16: "text", 0x17: "time", 0x18: "time"}
_TAG_NAMES = {0x30: "SEQUENCE", 0x31: "SET", 0x01: "BOOLEAN", 0x02: "INTEGER", 0x03: "BIT STRING"}
_TAG_NAMES |= {0x04: "OCTET STRING", 0x05: "NULL", 0x06: "OBJECT IDENTIFIER", 0x0A: "ENUMERATED"}
_TAG_NAMES |= {0x0C: "UTF8String", 0x13: "PrintableString", 0x16: "IA5String"}
_TAG_NAMES |= {0x17: "UTCTime", 0x18: "GeneralizedTime"}


def tag_name(tag: int) -> str:
    """Name of a tag octet: ``SEQUENCE``, ``[3]``."""
    return _TAG_NAMES.get(tag) or (f"[{tag & 0x1F}]" if tag & 0x80 else f"tag {tag:02x}")


def time_meaning(value: str) -> str | None:
    """A DER time in ISO 8601; year 9999 is GBCS's way to say never or cancelled (GBCS 9.2)."""
    digits = value.removesuffix("Z")
    if len(digits) == 12:
        digits = ("20" if digits < "50" else "19") + digits
    if len(digits) < 14 or not digits[:14].isdigit():
        return None
    stamp = f"{digits[:4]}-{digits[4:6]}-{digits[6:8]}T{digits[8:10]}:{digits[10:12]}:{digits[12:14]}Z"
    return f"{stamp} (no end, or cancelled)" if digits.startswith("99991231") else stamp


class Reader:
    """Reads shapes from one buffer; `issues` collects what does not fit."""

    def __init__(self, data: bytes, buffer: str = "message") -> None:
        self.data = data
        self.buffer = buffer
        self.issues: list[Issue] = []

    def read(self, shape: Shape, offset: int, end: int) -> list[Field]:
        """The fields of one `shape` and of whatever follows it up to `end`; never raises."""
        fields: list[Field] = []
        try:
            field, offset = self._one(shape, offset, end, fields)
            if field is not None:
                fields.append(field)
            self._odd("the structure", offset, end, fields, 0)
        except DissectionError as error:
            self.issues.append(Issue.of(error))
        return fields

    def _odd(self, owner: str, offset: int, end: int, found: list[Field], depth: int) -> None:
        """Read what is left of `owner` up to `end`, which is no part of it, into `found`."""
        count, begin = 0, offset
        while offset < end:
            count += 1
            if count <= MOST_ODD:
                self._note("warning", offset, f"{tag_name(self.data[offset])} that {owner} does not have")
                begin = offset
            extra, offset = self._any(offset, end, depth=depth)
            found.append(extra)
        if count > MOST_ODD:
            self._note("warning", begin, f"{count - MOST_ODD:,} more elements that {owner} does not have")

    def _note(self, severity: Any, offset: int, words: str) -> None:
        self.issues.append(Issue(severity, LAYER, offset, words))

    def _header(self, offset: int, end: int) -> tuple[int, int, int]:
        """Tag, offset of the content, end of the content."""
        if offset >= end:
            raise Truncated(1, 0, layer=LAYER, offset=offset)
        length, start = read_length(self.data, offset + 1, end, LAYER)
        if start + length > end:
            raise Truncated(length, end - start, layer=LAYER, offset=start)
        return self.data[offset], start, start + length

    def _one(
        self, shape: Shape, offset: int, end: int, before: Sequence[Field], depth: int = 0
    ) -> tuple[Field | None, int]:
        if shape.kind == "choice":
            tag = self.data[offset] if offset < end else -1
            part = next((p for p in shape.parts if p.tag == tag), None)
            if part is not None:
                return self._one(part, offset, end, before, depth)
        elif shape.kind != "any" and offset < end and self.data[offset] == shape.tag:
            return self._matching(shape, offset, end, before, depth)
        if shape.optional and (offset >= end or shape.kind != "any"):
            return None, offset
        if offset >= end:
            raise Malformed(f"{shape.name} is missing", layer=LAYER, offset=offset)
        if shape.kind != "any":
            found = tag_name(self.data[offset])
            self._note("warning", offset, f"{found} where {shape.name} is expected")
        return self._any(offset, end, shape.name, depth)

    def _matching(
        self, shape: Shape, offset: int, end: int, before: Sequence[Field], depth: int
    ) -> tuple[Field, int]:
        tag, start, stop = self._header(offset, end)
        if shape.kind in ("sequence", "sequence-of"):
            field = self._branch(shape.name, tag, offset, start, stop)
            self._elements(shape, field, start, stop, depth + 1)
            return field, stop
        inner = shape.inside(before) if shape.inside is not None else None
        if inner is not None:
            return self._wrapped(shape, inner, offset, start, stop, depth + 1), stop
        return self._leaf(shape, offset, start, stop), stop

    def _branch(self, name: str, tag: int, offset: int, start: int, stop: int) -> Field:
        header = Field("header", self.data[offset:start], "", offset, start - offset, self.buffer)
        header.meaning = f"{tag_name(tag)}, {stop - start} octets"
        return Field(name, None, tag_name(tag), offset, stop - offset, self.buffer, [header])

    def _elements(self, shape: Shape, field: Field, offset: int, stop: int, depth: int) -> None:
        parts = shape.parts
        if shape.kind == "sequence-of":
            index = 0
            while offset < stop:
                element, offset = self._one(parts[0], offset, stop, field.children, depth)
                if element is None:
                    break
                element.name = f"{element.name}[{index}]"
                field.children += [element]
                index += 1
        else:
            for part in parts:
                element, offset = self._one(part, offset, stop, field.children, depth)
                if element is not None:
                    field.children += [element]
        self._odd(shape.name, offset, stop, field.children, depth)

    def _wrapped(self, shape: Shape, inner: Shape, offset: int, start: int, stop: int, depth: int) -> Field:
        field = self._branch(shape.name, shape.tag, offset, start, stop)
        if shape.kind == "bits" and start < stop:
            unused = self.data[start]
            field.children += [Field("unused_bits", unused, f"{unused} unused bits", start, 1, self.buffer)]
            start += 1
        element, after = self._one(inner, start, stop, field.children, depth)
        if element is not None:
            field.children += [element]
        while after < stop:
            element, after = self._any(after, stop, depth=depth)
            field.children += [element]
        return field

    def _leaf(self, shape: Shape, offset: int, start: int, stop: int) -> Field:
        content = self.data[start:stop]
        value = VALUES[shape.kind](content)
        if shape.kind in LONGEST and len(content) > LONGEST[shape.kind]:
            words = f"{len(content)} octets are more than an {shape.kind} has: they are left as they are"
            self._note("error", start, words)
            return Field(shape.name, value, content.hex(), offset, stop - offset, self.buffer)
        if content != CONTENTS[shape.kind](value):
            words = f"not canonical: {content.hex() or 'no octets'} for {shape.name} {_plain(value)}"
            self._note("note", start, words)
        said = shape.meaning(value) if shape.meaning is not None else _plain(value)
        if said is None:
            self._note("note", offset, f"{shape.name} {_plain(value)} has no known meaning")
        return Field(shape.name, value, said, offset, stop - offset, self.buffer)

    def _any(self, offset: int, end: int, name: str = "", depth: int = 0) -> tuple[Field, int]:
        """Whatever comes, by its tag alone; what is nested too deep stays octets."""
        tag, start, stop = self._header(offset, end)
        name = name or tag_name(tag).lower().replace(" ", "_")
        if tag & 0x20 and depth >= DEEPEST:
            self._note(
                "error",
                offset,
                f"nested deeper than {DEEPEST} levels: {stop - start} octets are left as they are",
            )
        elif tag & 0x20:
            field = self._branch(name, tag, offset, start, stop)
            while start < stop:
                element, start = self._any(start, stop, depth=depth + 1)
                field.children += [element]
            return field, stop
        return self._leaf(Shape(name, tag, _TYPES.get(tag, "octets")), offset, start, stop), stop


def _plain(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


def build_der(shape: Shape, value: Any) -> bytes:
    """The DER of `value` in `shape`: dict for a sequence, list for a sequence-of, (name, value) for a choice.

    Octets given for a sequence are taken as ready DER (a certificate, say).

    >>> join = sequence("join", integer("method"), octets("entity"))
    >>> build_der(join, {"method": 1, "entity": bytes(8)}).hex()
    '300d02010104080000000000000000'

    Raises:
        Malformed: a part that is not optional has no value.
    """
    if isinstance(value, bytes) and shape.kind in ("sequence", "sequence-of", "any", "choice"):
        return value
    if shape.kind == "choice":
        name, inner = value
        part = next((p for p in shape.parts if p.name == name), None)
        if part is None:
            raise Malformed(f"{shape.name} has no choice {name}", layer=LAYER)
        return build_der(part, inner)
    if shape.kind == "sequence-of":
        return encode(shape.tag, b"".join(build_der(shape.parts[0], v) for v in value))
    if shape.kind == "sequence":
        return encode(shape.tag, b"".join(_part(part, value) for part in shape.parts))
    return encode(shape.tag, CONTENTS[shape.kind](value))


def _part(part: Shape, values: dict[str, Any]) -> bytes:
    if values.get(part.name) is None and part.kind != "null":
        if part.optional:
            return b""
        raise Malformed(f"{part.name} has no value", layer=LAYER)
    if part.kind == "null" and part.optional and part.name not in values:
        return b""
    return build_der(part, values.get(part.name))


def encode_field(field: Field, data: bytes) -> bytes:
    """The octets of a field that `Reader` made, from its values; lengths keep the number of octets they had.

    `data` is the buffer that was read: its tags are taken from there.
    """
    tag = data[field.offset]
    if not field.children:
        content, start = _content(tag, field.value), read_length(data, field.offset + 1, field.end, LAYER)[1]
        return _with_length(tag, content, len(content) + start - field.offset)
    inner = field.children[1:]
    content = b""
    if inner and inner[0].name == "unused_bits":
        content, inner = bytes((inner[0].value,)), inner[1:]
    content += b"".join(encode_field(child, data) for child in inner)
    return _with_length(tag, content, len(content) + field.children[0].length)


def _content(tag: int, value: Any) -> bytes:
    """The content octets of a value by its tag, or by its type where the tag is a context one."""
    kind = _TYPES.get(tag)
    if kind is None:
        kind = "integer" if isinstance(value, int) else "text" if isinstance(value, str) else "octets"
    return CONTENTS[kind](value)


def _with_length(tag: int, content: bytes, total: int) -> bytes:
    """Tag, length and content in `total` octets: BER lets a length be longer than it need be."""
    spare = total - len(content) - 1
    if spare <= 1:
        return encode(tag, content)
    return bytes((tag, 0x80 | (spare - 1))) + len(content).to_bytes(spare - 1, "big") + content
