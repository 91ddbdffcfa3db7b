"""The rare blocks of pcapng: options, interfaces, names, secrets, statistics.

Layouts: draft-ietf-opsawg-pcapng, sections 3.5 and 4; secrets types of ZigBee: its section 4.7. Every
function takes the body of one block (without type and lengths) and never raises on any octets.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from captures.files.clock import Clock
from captures.files.records import Interface
from dissectors import Key

__all__ = [
    "COMMENT",
    "SECRETS_ZAPS",
    "SECRETS_ZNWK",
    "comments",
    "drops",
    "interface",
    "names",
    "options",
    "pad4",
    "secrets",
]

COMMENT = 1
SECRETS_ZNWK = 0x5A4E574B
SECRETS_ZAPS = 0x5A415053
NAME_EUI48, NAME_EUI64 = 3, 4


def pad4(length: int) -> int:
    """`length` up to the next multiple of four."""
    return (length + 3) & ~3


def options(body: bytes, at: int, order: str) -> Iterator[tuple[int, bytes]]:
    """Code and value of each option from `at` on; stops at the end, at ``opt_endofopt`` or at nonsense."""
    while at + 4 <= len(body):
        code, length = struct.unpack_from(order + "HH", body, at)
        if code == 0 or at + 4 + length > len(body):
            return
        yield code, body[at + 4 : at + 4 + length]
        at += 4 + pad4(length)


def text(value: bytes) -> str:
    """UTF-8 text, with or without a zero at its end."""
    return value.decode("utf-8", "replace").rstrip("\0")


def comments(body: bytes, at: int, order: str) -> list[str]:
    """The comments among the options from `at` on."""
    return [text(value) for code, value in options(body, at, order) if code == COMMENT]


def interface(body: bytes, order: str) -> tuple[Interface, Clock, list[str]] | None:
    """Interface description block: what the interface is, its clock, its comments; None when it is cut."""
    if len(body) < 8:
        return None
    link_type, _, snap_length = struct.unpack_from(order + "HHI", body)
    found = Interface(link_type, "", snap_length)
    clock, said = Clock(), []
    for code, value in options(body, 8, order):
        if code == COMMENT:
            said.append(text(value))
        elif code == 2:
            found.name = text(value)
        elif code == 9 and value:
            clock = clock._replace(resolution=value[0])
        elif code == 13 and value:
            found.trailer_octets = value[0]
        elif code == 14 and len(value) >= 8:
            clock = clock._replace(offset=struct.unpack(order + "q", value[:8])[0])
    return found, clock, said


def names(body: bytes, order: str) -> dict[int, str]:
    """Name resolution block: the first name of each EUI-64 (and of each EUI-48, as the EUI-64 made of it)."""
    found: dict[int, str] = {}
    at = 0
    while at + 4 <= len(body):
        kind, length = struct.unpack_from(order + "HH", body, at)
        value = body[at + 4 : at + 4 + length]
        if kind == 0 or len(value) < length:
            break
        if kind == NAME_EUI64 and length > 8:
            found[int.from_bytes(value[:8], "big")] = text(value[8:].split(b"\0")[0])
        elif kind == NAME_EUI48 and length > 6:
            wide = value[:3] + b"\xff\xfe" + value[3:6]
            found[int.from_bytes(wide, "big")] = text(value[6:].split(b"\0")[0])
        at += 4 + pad4(length)
    return found


def secrets(body: bytes, order: str) -> tuple[int, list[Key]]:
    """Decryption secrets block: its type, and the ZigBee keys in it.

    ZNWK: key 16, PAN ID u16. ZAPS: key 16, PAN ID u16, two short addresses u16; all least significant first.
    """
    if len(body) < 8:
        return 0, []
    kind, length = struct.unpack_from(order + "II", body)
    value = body[8 : 8 + length]
    pan = int.from_bytes(value[16:18], "little")
    scope = None if pan == 0xFFFF else pan
    if kind == SECRETS_ZNWK and len(value) >= 18:
        return kind, [Key("network", value[:16], "capture secrets", scope)]
    if kind == SECRETS_ZAPS and len(value) >= 22:
        return kind, [Key("link", value[:16], "capture secrets", scope)]
    return kind, []


def drops(body: bytes, order: str) -> tuple[int, int] | None:
    """Interface statistics block: the interface, and its dropped packets (``isb_ifdrop``, ``isb_osdrop``)."""
    if len(body) < 12:
        return None
    count = sum(
        int.from_bytes(value[:8], "little" if order == "<" else "big")
        for code, value in options(body, 12, order)
        if code in (5, 7)
    )
    return struct.unpack_from(order + "I", body)[0], count
