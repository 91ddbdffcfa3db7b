"""OTA upgrade files: header, tagged elements, and the GBCS firmware image (ZCL 11.4; GBCS 11.2).

Numbers are least significant octet first; signers and certificates as `dissectors.zcl.stateful.certificates` has them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from dissectors.model.cursor import Cursor
from dissectors.model.errors import DissectionError, Malformed, Truncated
from dissectors.model.field import Field, Issue
from dissectors.zcl.meanings import bit_fields, label_of
from dissectors.zcl.stateful.certificates import certificate_fields

__all__ = ["MAGIC", "Image", "build_image", "image_size", "read_image"]

LAYER = "zcl.ota"
MAGIC = 0x0BEEF11E
HEADER_VERSION = 0x0100
CREDENTIALS, DEVICE_SPECIFIC, HARDWARE = 1, 2, 4

# Name, octets, meaning, bit of the field control that it depends on (0: always there).
HEADER: tuple[tuple[str, int, str, int], ...] = (
    ("file_identifier", 4, "", 0),
    ("header_version", 2, "", 0),
    ("header_length", 2, "", 0),
    ("field_control", 2, "OtaHeaderFieldControl", 0),
    ("manufacturer_code", 2, "", 0),
    ("image_type", 2, "OtaImageType", 0),
    ("file_version", 4, "", 0),
    ("zigbee_stack_version", 2, "OtaStackVersion", 0),
    ("header_string", 32, "", 0),
    ("total_image_size", 4, "", 0),
    ("security_credential_version", 1, "OtaCredentialVersion", CREDENTIALS),
    ("upgrade_file_destination", 8, "", DEVICE_SPECIFIC),
    ("minimum_hardware_version", 2, "", HARDWARE),
    ("maximum_hardware_version", 2, "", HARDWARE),
)
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
    branch = Field("ota_header", None, "", 0, 0, buffer)
    image.fields.append(branch)
    end = len(octets)
    try:
        _read_header(cursor, image, branch, buffer)
        end = _end_of_image(image)
        _read_body(Cursor(octets, cursor.offset, end, layer=LAYER), image, buffer)
    except DissectionError as error:
        image.issues.append(Issue.of(error))
    if not branch.children:
        image.fields.clear()
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


def _read_header(cursor: Cursor, image: Image, branch: Field, buffer: str) -> None:
    if cursor.peek(4) != MAGIC.to_bytes(4, "little"):
        raise Malformed("no OTA upgrade file: it does not begin with 1EF1EE0B", layer=LAYER)
    control = 0
    for name, length, meaning, bit in HEADER:
        if bit and not control & bit:
            continue
        start = cursor.offset
        value = cursor.take(length)
        number = int.from_bytes(value, "little")
        control = number if name == "field_control" else control
        found = _header_field(name, value, number, meaning, start, buffer)
        image.header[name] = found.value
        branch.children.append(found)
        branch.length = cursor.offset
    extra = image.header["header_length"] - cursor.offset
    if extra > 0:
        start, rest = cursor.offset, cursor.take(extra)
        branch.children.append(Field("header_extension", rest, None, start, extra, buffer))
        image.issues.append(Issue("note", LAYER, start, f"{extra} octets of the header have no known name"))
        branch.length = cursor.offset
    _check_size(image)


def _header_field(name: str, octets: bytes, number: int, meaning: str, start: int, buffer: str) -> Field:
    length = len(octets)
    if name == "header_string":
        text = octets.split(b"\0")[0].decode("utf-8", "replace")
        return Field(name, octets, text, start, length, buffer)
    text = label_of(meaning, number, length) if meaning else ""
    if name in ("file_version", "file_identifier"):
        text = f"0x{number:08X}"
    elif name == "upgrade_file_destination":
        text = f"{number:016x}"
    children = bit_fields(meaning, number, start, length, buffer) if name == "field_control" else []
    return Field(name, number, text, start, length, buffer, children)


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
        cursor.need(6)
        tag, length = cursor.u16le(), cursor.u32le()
        if length > cursor.remaining:
            raise Truncated(length, cursor.remaining, layer=LAYER, offset=start)
        octets = cursor.take(length)
        payload = octets if tag == 0 else payload
        label = label_of("OtaTag", tag, 2)
        value = Field("value", octets, "", start + 6, length, buffer)
        value.children = _element_parts(tag, octets, start + 6, buffer)
        parts = [
            Field("tag", tag, label, start, 2, buffer),
            Field("length", length, "", start + 2, 4, buffer),
            value,
        ]
        fields.append(Field("element", None, label, start, 6 + length, buffer, parts))
    image.payload = payload
    return fields


def _element_parts(tag: int, octets: bytes, offset: int, buffer: str) -> list[Field]:
    if tag in CERTIFICATES:
        return certificate_fields(octets, offset, buffer)
    if len(octets) == 8 + SIGNATURES.get(tag, -9):
        signer = int.from_bytes(octets[:8], "little")
        return [
            Field("signer", signer, f"{signer:016x}", offset, 8, buffer),
            Field("signature", octets[8:], "", offset + 8, len(octets) - 8, buffer),
        ]
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
        body = b"".join(
            tag.to_bytes(2, "little") + len(octets).to_bytes(4, "little") + octets for tag, octets in tagged
        )
    control = header.get("field_control", 0)
    parts = [part for part in HEADER if not part[3] or control & part[3]]
    length = sum(part[1] for part in parts)
    filled = {
        "file_identifier": MAGIC,
        "header_version": HEADER_VERSION,
        "header_length": length,
        "total_image_size": length + len(body),
        **header,
    }
    return b"".join(_header_octets(filled.get(name, 0), size) for name, size, _, _ in parts) + body


def _header_octets(value: int | str | bytes, size: int) -> bytes:
    if isinstance(value, int):
        return value.to_bytes(size, "little")
    octets = value.encode("utf-8") if isinstance(value, str) else value
    if len(octets) > size:
        raise ValueError(f"{size} octets at most, not {len(octets)}")
    return octets.ljust(size, b"\0")
