"""What a buffer is, by its first octets: a message, a block of one, a tunnel header, or none of these.

Source: GBCS 4.x sections 7.2.4, 7.2.5, 10.2 (tunnels); report of the first octets in the facts tables.
"""

from __future__ import annotations

from typing import Literal

__all__ = ["Kind", "identify"]

Kind = Literal["mac", "signed", "gbt", "tunnel", "unknown"]


def identify(octets: bytes) -> Kind:
    """The kind of `octets`: MAC header, grouping header alone, GBT block, tunnel header, or unknown.

    >>> identify(bytes.fromhex("df0902")), identify(bytes.fromhex("dd0901")), identify(b"\\x03\\xdd\\x00")
    ('signed', 'gbt', 'tunnel')
    """
    if octets[:1] == b"\xdd":
        return "gbt" if octets[1:2] == b"\x09" else "mac"
    if octets[:2] == b"\xdf\x09":
        return "signed"
    head = octets[:1]
    if head in (b"\x01", b"\x03") and (len(octets) == 1 or octets[1] in (0xDD, 0xDF)):
        return "tunnel"
    if head == b"\x02" and (len(octets) <= 2 or octets[2] in (0xDD, 0xDF) or octets[1] in (0xDD, 0xDF)):
        return "tunnel"
    return "unknown"
