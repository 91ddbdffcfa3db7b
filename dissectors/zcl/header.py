"""The ZCL header: frame control, manufacturer code, transaction sequence number, command (ZCL 2.4.1)."""

from __future__ import annotations

from typing import NamedTuple

from dissectors.cursor import Cursor
from dissectors.field import Field
from dissectors.zcl.catalogue import Direction

__all__ = ["Header", "build_header", "read_header"]

FRAME_TYPES = {0: "general", 1: "cluster", 2: "reserved", 3: "reserved"}


class Header(NamedTuple):
    """A ZCL header.

    Attributes:
        type: 0 general (profile-wide) command, 1 command of the cluster, 2 and 3 reserved.
        manufacturer: manufacturer code, None when the command is a standard one.
        direction: ``to-server`` or ``to-client``.
        sequence: transaction sequence number; a response repeats that of its request.
        reserved: the three reserved bits of the frame control, 0 in every known revision.
    """

    command: int
    type: int = 1
    direction: Direction = "to-server"
    sequence: int = 0
    manufacturer: int | None = None
    disable_default_response: bool = False
    reserved: int = 0


def read_header(cursor: Cursor, buffer: str = "frame") -> tuple[Header, list[Field]]:
    """Read the 3 or 5 octets of a ZCL header. Raises Truncated.

    >>> header, fields = read_header(Cursor(bytes.fromhex("18 2a 0a")))
    >>> header.type, header.direction, header.sequence, header.command
    (0, 'to-client', 42, 10)
    """
    start = cursor.offset
    control = cursor.u8()
    kind, specific = control & 3, bool(control & 4)
    direction: Direction = "to-client" if control & 8 else "to-server"
    quiet, reserved = bool(control & 0x10), control >> 5
    bits = [
        Field("frame_type", kind, FRAME_TYPES[kind], start, 1, buffer, bits=(0, 2)),
        Field("manufacturer_specific", specific, "", start, 1, buffer, bits=(2, 1)),
        Field("direction", control >> 3 & 1, direction, start, 1, buffer, bits=(3, 1)),
        Field("disable_default_response", quiet, "", start, 1, buffer, bits=(4, 1)),
        Field("reserved", reserved, "", start, 1, buffer, bits=(5, 3)),
    ]
    fields = [Field("frame_control", control, "", start, 1, buffer, bits)]
    manufacturer = None
    if specific:
        manufacturer = cursor.u16le()
        fields.append(Field("manufacturer_code", manufacturer, "", start + 1, 2, buffer))
    sequence = cursor.u8()
    fields.append(Field("sequence_number", sequence, "", cursor.offset - 1, 1, buffer))
    command = cursor.u8()
    fields.append(Field("command", command, "", cursor.offset - 1, 1, buffer))
    return Header(command, kind, direction, sequence, manufacturer, quiet, reserved), fields


def build_header(header: Header) -> bytes:
    """The octets of `header`.

    >>> build_header(Header(0x0A, type=0, direction="to-client", sequence=42)).hex()
    '082a0a'
    """
    control = header.type | (header.direction == "to-client") << 3 | header.disable_default_response << 4
    control |= header.reserved << 5
    if header.manufacturer is None:
        return bytes((control, header.sequence, header.command))
    code = header.manufacturer.to_bytes(2, "little")
    return bytes((control | 4,)) + code + bytes((header.sequence, header.command))
