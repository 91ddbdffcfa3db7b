"""The header that messages carry in a tunnel to or from a sleepy device: GET, GET-RESPONSE, PUT.

Source: GBCS 4.x section 10.2.2; `tables/tunnel_headers.csv`.
"""

from __future__ import annotations

from typing import NamedTuple

from dissectors.model.field import Field

__all__ = [
    "GET",
    "GET_RESPONSE",
    "PUT",
    "TunnelHeader",
    "build_tunnel_header",
    "header_fields",
    "read_tunnel_header",
    "whole_header",
]

GET, GET_RESPONSE, PUT = 1, 2, 3
_NAMES = {GET: "GET", GET_RESPONSE: "GET-RESPONSE", PUT: "PUT"}
_MESSAGES = (0xDD, 0xDF)


class TunnelHeader(NamedTuple):
    """Kind of the header, messages that still wait (GET-RESPONSE only), and the header's length."""

    kind: int
    remaining: int | None
    length: int

    @property
    def name(self) -> str:
        return _NAMES[self.kind]


def read_tunnel_header(octets: bytes) -> TunnelHeader | None:
    """The tunnel header at the start of `octets`; None when there is none (mains devices)."""
    kind = octets[0] if octets else 0
    if kind not in _NAMES:
        return None
    if kind != GET_RESPONSE:
        return TunnelHeader(kind, None, 1)
    if len(octets) < 2 or (octets[1] in _MESSAGES and octets[2:3] not in (b"\xdd", b"\xdf")):
        # an empty queue may leave the count out
        return TunnelHeader(kind, None, 1)
    return TunnelHeader(kind, octets[1], 2)


def whole_header(octets: bytes) -> TunnelHeader | None:
    """The tunnel header that `octets` are, with nothing behind it; None when they are none."""
    if not 1 <= len(octets) <= 2 or octets[0] not in _NAMES:
        return None
    return TunnelHeader(octets[0], octets[1] if len(octets) == 2 else None, len(octets))


def build_tunnel_header(kind: int, remaining: int | None = None) -> bytes:
    """The octets of a header.

    >>> build_tunnel_header(GET_RESPONSE, 3).hex()
    '0203'
    """
    return bytes((kind,)) + (bytes((remaining,)) if remaining is not None else b"")


def header_fields(octets: bytes, header: TunnelHeader) -> Field:
    """The header as a field."""
    children = [Field("tunnel_header", header.kind, header.name, 0, 1, "message")]
    if header.remaining is not None:
        words = f"{header.remaining} messages wait"
        children.append(Field("remaining_messages", header.remaining, words, 1, 1, "message"))
    return Field("tunnel", None, "tunnel header", 0, header.length, "message", children)
