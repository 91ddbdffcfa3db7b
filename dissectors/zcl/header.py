"""The ZCL header: frame control, manufacturer code, transaction sequence number, command (ZCL 2.4.1)."""

from __future__ import annotations

from typing import NamedTuple

from dissectors.layout import Bits, Column, Layer, UInt, Word
from dissectors.model.cursor import Cursor
from dissectors.model.field import Field
from dissectors.zcl.catalogue import Direction

__all__ = ["DIRECTIONS", "FRAME_TYPES", "Header", "ZclHeader", "build_header", "read_header"]

FRAME_TYPES = {0: "general", 1: "cluster", 2: "reserved", 3: "reserved"}
DIRECTIONS: tuple[Direction, Direction] = ("to-server", "to-client")


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


class ZclHeader(Layer):
    """The 3 or 5 octets in front of every ZCL command (ZCL 2.4.1)."""

    name = "ZCL"
    title = "zcl"
    parts = (
        Word(
            "frame_control",
            0x01,
            1,
            (
                Bits("frame_type", 0, 2, FRAME_TYPES),
                Bits("manufacturer_specific", 2, 1),
                Bits("direction", 3, 1, dict(enumerate(DIRECTIONS))),
                Bits("disable_default_response", 4, 1),
                Bits("reserved", 5, 3),
            ),
        ),
        UInt("manufacturer_code", 0, 2, when=lambda h: h.bit("manufacturer_specific")),
        UInt("sequence_number", 0, 1),
        UInt("command", 0, 1),
    )
    columns = (
        Column("zcl_type", ("frame_type",), tuple(FRAME_TYPES.values()), bit=True),
        Column("zcl_direction", ("direction",), DIRECTIONS, bit=True),
        Column("zcl_seq", ("sequence_number",)),
        Column("zcl_command", ("command",)),
        Column("zcl_manufacturer", ("manufacturer_code",)),
    )


def read_header(cursor: Cursor, buffer: str = "frame") -> tuple[Header, list[Field]]:
    """Read the 3 or 5 octets of a ZCL header. Raises Truncated.

    >>> header, fields = read_header(Cursor(bytes.fromhex("18 2a 0a")))
    >>> header.type, header.direction, header.sequence, header.command
    (0, 'to-client', 42, 10)
    """
    layer = ZclHeader.read(cursor)
    if layer.error is not None:
        raise layer.error
    header = Header(
        layer.command,
        layer.bit("frame_type"),
        DIRECTIONS[layer.bit("direction")],
        layer.sequence_number,
        layer.get("manufacturer_code"),
        bool(layer.bit("disable_default_response")),
        layer.bit("reserved"),
    )
    return header, layer.tree(buffer).children


def build_header(header: Header) -> bytes:
    """The octets of `header`.

    >>> build_header(Header(0x0A, type=0, direction="to-client", sequence=42)).hex()
    '082a0a'
    """
    layer = ZclHeader(
        frame_type=header.type,
        manufacturer_specific=int(header.manufacturer is not None),
        direction=DIRECTIONS.index(header.direction),
        disable_default_response=int(header.disable_default_response),
        reserved=header.reserved,
        sequence_number=header.sequence,
        command=header.command,
    )
    if header.manufacturer is not None:
        layer.manufacturer_code = header.manufacturer
    return bytes(layer)
