"""OTA upgrade files: header, tagged elements, and the GBCS firmware image (ZCL 11.4; GBCS 11.2).

Numbers are least significant octet first; signers and certificates as `dissectors.zcl.stateful.certificates` has them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from dissectors.layout import Layer, Octets, UInt
from dissectors.layout.parts import When
from dissectors.model.cursor import Cursor
from dissectors.model.errors import DissectionError, Malformed
from dissectors.model.field import Field, Issue
from dissectors.zcl.meanings import bit_fields, label_of
from dissectors.zcl.stateful.certificates import certificate_fields

__all__ = ["MAGIC", "Image", "build_image", "image_size", "read_image"]

LAYER = "zcl.ota"
MAGIC = 0x0BEEF11E
HEADER_VERSION = 0x0100
CREDENTIALS, DEVICE_SPECIFIC, HARDWARE = 1, 2, 4


class Labelled(UInt):
    """A number with a meaning of the ZCL's tables; of a bitmap, its bits are shown."""

    __slots__ = ("meaning",)

    def __init__(self, name: str, size: int, meaning: str, default: int = 0, when: When = None) -> None:
        super().__init__(name, default, size, when=when, names=lambda v: label_of(meaning, v, size))
        self.meaning = meaning

    def tree(self, layer: Any, value: Any, offset: int, end: int, buffer: str) -> Field:
        found = super().tree(layer, value, offset, end, buffer)
        if self.name == "field_control":
            found.children = bit_fields(self.meaning, value, offset, self.size, buffer)
        return found


def _hex(value: int) -> str:
    return f"0x{value:08X}"


class OtaHeader(Layer):
    """The header of an OTA upgrade file (ZCL 11.4.2)."""

    title = "ota_header"
    parts = (
        UInt("file_identifier", MAGIC, 4, names=_hex),
        UInt("header_version", HEADER_VERSION, 2),
        UInt("header_length", 0, 2),
        Labelled("field_control", 2, "OtaHeaderFieldControl"),
        UInt("manufacturer_code", 0, 2),
        Labelled("image_type", 2, "OtaImageType"),
        UInt("file_version", 0, 4, names=_hex),
        Labelled("zigbee_stack_version", 2, "OtaStackVersion"),
        Octets("header_string", 32, names=lambda v: v.split(b"\0")[0].decode("utf-8", "replace")),
        UInt("total_image_size", 0, 4),
        Labelled(
            "security_credential_version", 1, "OtaCredentialVersion", when=lambda h: h.field_control & CREDENTIALS
        ),
        UInt(
            "upgrade_file_destination", 0, 8, when=lambda h: h.field_control & DEVICE_SPECIFIC,
            names=lambda v: f"{v:016x}",
        ),
        UInt("minimum_hardware_version", 0, 2, when=lambda h: h.field_control & HARDWARE),
        UInt("maximum_hardware_version", 0, 2, when=lambda h: h.field_control & HARDWARE),
    )  # fmt: skip


class Element(Layer):
    """A tagged element behind the header (ZCL 11.4.3)."""

    title = "element"
    parts = (
        Labelled("tag", 2, "OtaTag"),
        UInt("length", None, 4, count_of="value"),
        Octets("value", lambda h: h.length, names=lambda v: ""),
    )


class Signature(Layer):
    """Who signed a file, and the signature."""

    parts = (UInt("signer", 0, 8, names=lambda v: f"{v:016x}"), Octets("signature", names=lambda v: ""))


SIZE_OFFSET = 52
SIGNATURES = {1: 42, 5: 72}
CERTIFICATES = (2, 6)
# What a GBCS image ends in: no other information, a signature of 64 octets (ECDSA P-256), the signature.
GBCS_TAIL = b"\x00\x40"
GBCS_SIGNATURE = 64


@dataclass(slots=True)
class Image:
    """An OTA upgrade file, read.

    Attributes:
        kind: ``zcl`` (tagged elements), ``gbcs`` (payload and signature), ``unknown``.
        header: header values by name.
        payload: the upgrade image itself, without header, tags and signature.
        fields: the tree; every octet is in a leaf of the buffer ``image``.
    """

    octets: bytes
    kind: str = "unknown"
    header: dict[str, Any] = field(default_factory=dict)
    payload: bytes = b""
    fields: list[Field] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)

    @property
    def sha256(self) -> str:
        """SHA-256 of the whole file, in hex."""
        return sha256(self.octets).hexdigest()

    @property
    def hashes(self) -> frozenset[str]:
        """SHA-256, in hex, of what an activation may call the manufacturer image: what lies between header and
        signature (GBCS 11.2.4), also where an element holds both; or the whole file."""
        tail = len(self.payload) - GBCS_SIGNATURE - len(GBCS_TAIL)
        signed = self.payload[tail : tail + 2] == GBCS_TAIL if tail > 0 else False
        whole = self.octets[: _end_of_image(self)]
        parts = [self.octets, whole, self.payload, *([self.payload[:tail]] if signed else [])]
        return frozenset(sha256(part).hexdigest() for part in parts)


def image_size(octets: bytes) -> int | None:
    """The total size that the header at the start of a file says; None when that is not there."""
    if len(octets) < SIZE_OFFSET + 4 or int.from_bytes(octets[:4], "little") != MAGIC:
        return None
    return int.from_bytes(octets[SIZE_OFFSET : SIZE_OFFSET + 4], "little")


def read_image(octets: bytes, buffer: str = "image") -> Image:
    """Read an OTA upgrade file. Never raises: what cannot be read is left as octets with an issue."""
    image = Image(octets)
    cursor = Cursor(octets, layer=LAYER)
    end = len(octets)
    try:
        _read_header(cursor, image, buffer)
        end = _end_of_image(image)
        _read_body(Cursor(octets, cursor.offset, end, layer=LAYER), image, buffer)
    except DissectionError as error:
        image.issues.append(Issue.of(error))
    start = max((f.end for f in image.fields), default=0)
    if start < end:
        image.fields.append(Field("undecoded", octets[start:end], None, start, end - start, buffer))
    if end < len(octets):
        _padding(image, end, buffer)
    return image


def _end_of_image(image: Image) -> int:
    """Where the elements end: at the total size that the header says, if the file reaches so far (ZCL 11.4.2.9)."""
    header, there = image.header, len(image.octets)
    said, tail = header.get("total_image_size", there), there - GBCS_SIGNATURE - len(GBCS_TAIL)
    signed_behind = said <= tail and image.octets[tail : tail + 2] == GBCS_TAIL
    return said if header.get("header_length", there) < said < there and not signed_behind else there


def _padding(image: Image, end: int, buffer: str) -> None:
    rest = image.octets[end:]
    text = "padding behind the image" if _is_blank(rest) else "octets behind the end of the image"
    image.fields.append(Field("padding", rest, text, end, len(rest), buffer))


def _read_header(cursor: Cursor, image: Image, buffer: str) -> None:
    if cursor.peek(4) != MAGIC.to_bytes(4, "little"):
        raise Malformed("no OTA upgrade file: it does not begin with 1EF1EE0B", layer=LAYER)
    header = OtaHeader.read(cursor)
    image.header = header.fields
    branch = header.tree(buffer)
    image.fields.append(branch)
    if header.error is not None:
        raise header.error
    extra = image.header["header_length"] - cursor.offset
    if extra > 0:
        start, rest = cursor.offset, cursor.take(extra)
        branch.children += [Field("header_extension", rest, None, start, extra, buffer)]
        image.issues.append(Issue("note", LAYER, start, f"{extra} octets of the header have no known name"))
        branch.length = cursor.offset
    _check_size(image)


def _check_size(image: Image) -> None:
    said, there = image.header["total_image_size"], len(image.octets)
    if said != there:
        text = f"the header says {said} octets, there are {there}"
        padded = said < there and _is_blank(image.octets[said:])
        image.issues.append(Issue("note" if padded else "warning", LAYER, SIZE_OFFSET, text))


def _is_blank(octets: bytes) -> bool:
    return not octets.strip(b"\0") or not octets.strip(b"\xff")


def _read_body(cursor: Cursor, image: Image, buffer: str) -> None:
    start = cursor.offset
    try:
        image.fields += _elements(cursor, image, buffer)
        image.kind = "zcl"
        return
    except DissectionError as error:
        cursor.offset = start
        failed = error
    tail = cursor.end - GBCS_SIGNATURE - len(GBCS_TAIL)
    if tail >= start and cursor.data[tail : tail + 2] == GBCS_TAIL:
        image.fields += _gbcs_body(cursor, image, tail, buffer)
        return
    image.payload = cursor.data[start : cursor.end]
    raise failed


def _gbcs_body(cursor: Cursor, image: Image, tail: int, buffer: str) -> list[Field]:
    """Manufacturer image, then the signature of the authorising party (GBCS 11.2.4)."""
    image.kind = "gbcs"
    start = cursor.offset
    image.payload = cursor.take(tail - start)
    text = f"SHA-256 {sha256(image.payload).hexdigest()}"
    payload = Field("manufacturer_image", image.payload, text, start, tail - start, buffer)
    cursor.skip(2)
    signature = cursor.take(GBCS_SIGNATURE)
    return [
        payload,
        Field("other_information_length", 0, "", tail, 1, buffer),
        Field("signature_length", GBCS_SIGNATURE, "", tail + 1, 1, buffer),
        Field("signature", signature, "ECDSA P-256, r and s", tail + 2, GBCS_SIGNATURE, buffer),
    ]


def _elements(cursor: Cursor, image: Image, buffer: str) -> list[Field]:
    fields, payload = [], b""
    while cursor.remaining:
        start = cursor.offset
        element = Element.read(cursor)
        if element.error is not None:
            element.error.offset = start
            raise element.error
        payload = element.fields["value"] if element.tag == 0 else payload
        field = element.tree(buffer, meaning=label_of("OtaTag", element.tag, 2))
        field.children[-1].children = _element_parts(element, buffer)
        fields.append(field)
    image.payload = payload
    return fields


def _element_parts(element: Element, buffer: str) -> list[Field]:
    octets, offset = element.fields["value"], element.end - element.length
    if element.tag in CERTIFICATES:
        return certificate_fields(octets, offset, buffer)
    if len(octets) == 8 + SIGNATURES.get(element.tag, -9):
        fields = Signature.read(Cursor(octets, layer=LAYER)).tree(buffer).children
        for field in fields:
            field.offset += offset
        return fields
    return []


def build_image(
    header: dict[str, Any],
    payload: bytes,
    *,
    elements: tuple[tuple[int, bytes], ...] | None = None,
    signature: bytes | None = None,
) -> bytes:
    """An OTA upgrade file.

    Args:
        header: values by name; identifier, version, length and total size are filled in when absent.
        payload: the upgrade image.
        elements: further (tag, octets) after the upgrade image.
        signature: 64 octets make it a GBCS image instead: no tags, the signature at its end.
    """
    if signature is not None:
        if len(signature) != GBCS_SIGNATURE:
            raise ValueError(f"a signature has {GBCS_SIGNATURE} octets, not {len(signature)}")
        body = payload + GBCS_TAIL + signature
    else:
        tagged = ((0, payload), *(elements or ()))
        body = b"".join(bytes(Element(tag=tag, value=octets)) for tag, octets in tagged)
    text = header.get("header_string", b"")
    octets = text.encode("utf-8") if isinstance(text, str) else text
    if len(octets) > 32:
        raise ValueError(f"32 octets at most, not {len(octets)}")
    known = {name: value for name, value in header.items() if name in OtaHeader.part_of}
    layer = OtaHeader(**{**known, "header_string": octets.ljust(32, b"\0")})
    length = len(bytes(layer))
    layer.fields = {"header_length": length, "total_image_size": length + len(body), **layer.fields}
    return bytes(layer) + body
