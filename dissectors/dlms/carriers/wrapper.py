"""The TCP/UDP wrapper: version 1, source and destination wPort, length, one APDU.

Source: IEC 62056-47 (Green Book), clause on the wrapper protocol data unit.
"""

from __future__ import annotations

from typing import NamedTuple

from dissectors.model.errors import Malformed, Truncated
from dissectors.model.field import Field

__all__ = ["HEADER_LENGTH", "WrapperHeader", "build_wrapper", "header_fields", "read_header"]

LAYER = "dlms.wrapper"
HEADER_LENGTH = 8
_PORTS = {0: "no station", 1: "management", 16: "public client", 0x7F: "all stations"}


class WrapperHeader(NamedTuple):
    """Ports and the number of octets that follow the header."""

    source: int
    destination: int
    length: int


def read_header(data: bytes, pos: int, end: int) -> WrapperHeader:
    """The header at `pos`; Truncated or Malformed when it is not one of version 1."""
    if pos + HEADER_LENGTH > end:
        raise Truncated(HEADER_LENGTH, end - pos, layer=LAYER, offset=pos)
    version, source, destination, length = (
        int.from_bytes(data[at : at + 2], "big") for at in range(pos, pos + HEADER_LENGTH, 2)
    )
    if version != 1:
        raise Malformed(f"wrapper version {version}, not 1", layer=LAYER, offset=pos)
    return WrapperHeader(source, destination, length)


def build_wrapper(source: int, destination: int, apdu: bytes) -> bytes:
    """An APDU with its wrapper header.

    >>> build_wrapper(16, 1, bytes.fromhex("c501c100")).hex()
    '0001001000010004c501c100'
    """
    header = (1, source, destination, len(apdu))
    return b"".join(part.to_bytes(2, "big") for part in header) + apdu


def header_fields(header: WrapperHeader, pos: int, buffer: str) -> list[Field]:
    """The header as fields."""
    return [
        Field("version", 1, "", pos, 2, buffer),
        Field("source_wport", header.source, _PORTS.get(header.source, ""), pos + 2, 2, buffer),
        Field(
            "destination_wport", header.destination, _PORTS.get(header.destination, ""), pos + 4, 2, buffer
        ),
        Field("length", header.length, "octets of the APDU", pos + 6, 2, buffer),
    ]
