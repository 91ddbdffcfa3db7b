"""How long a tunnelled message is, from its first octets: GBCS, DLMS wrapper, HDLC."""

from __future__ import annotations

from dissectors.model.cursor import Cursor
from dissectors.model.errors import Truncated

__all__ = ["kind_of", "message_length"]

GENERAL_CIPHERING, GENERAL_SIGNING, GENERAL_BLOCK_TRANSFER = 0xDD, 0xDF, 0xE0
WRAPPER_VERSION = b"\x00\x01"
# First octets of DLMS APDUs that come without a transport of their own (DLMS UA 1000-2, 9.5).
DLMS_TAGS = frozenset({0x0F, 0x60, 0x61, 0x62, 0x63, *range(0xC0, 0xCA), *range(0xD0, 0xDD)})


def kind_of(octets: bytes, protocol: int | None = None) -> str:
    """What a tunnelled message is: ``gbcs``, ``dlms`` or ``unknown``.

    Args:
        protocol: tunnel protocol of the request (0 DLMS/COSEM, 6 GB-HRGP), None when it was not seen.
    """
    first = octets[0] if octets else None
    if first in (GENERAL_CIPHERING, GENERAL_SIGNING, GENERAL_BLOCK_TRANSFER):
        return "dlms" if protocol == 0 else "gbcs"
    if protocol == 0 or (protocol is None and _looks_like_dlms(octets)):
        return "dlms"
    return "unknown"


def _looks_like_dlms(octets: bytes) -> bool:
    if octets[:2] == WRAPPER_VERSION or octets[:1] == b"\x7e":
        return True
    return bool(octets) and octets[0] in DLMS_TAGS


def message_length(octets: bytes) -> int | None:
    """Octets of the whole message that `octets` begin; None when it does not say, or too few are there yet.

    While a signed message is incomplete this may be less than it turns out to be, never less than is there.

    >>> message_length(bytes.fromhex("dd 000000000000 05 1100000000"))
    13
    """
    reader = _READERS.get(octets[0]) if octets else None
    if reader is None:
        return None
    try:
        return reader(Cursor(octets, 1, layer="zcl"))
    except Truncated:
        return None


def _length(cursor: Cursor) -> int:
    """A BER length: one octet, or 0x80 + n and n octets."""
    first = cursor.u8()
    return first if first < 0x80 else cursor.uint_be(first & 0x7F)


def _skip(cursor: Cursor) -> None:
    cursor.skip(_length(cursor))


def _general_ciphering(cursor: Cursor) -> int:
    """tag, five octet strings, key info flag, ciphered content (GBCS 7.2.7; IEC 62056-5-3)."""
    for _ in range(5):
        _skip(cursor)
    if cursor.u8():  # key information: GBCS has none, DLMS may agree on a key here
        raise Truncated(1, 0)
    return _length(cursor) + cursor.offset


def _general_signing(cursor: Cursor) -> int:
    """tag, five octet strings, content, signature (GBCS 7.2.7)."""
    for _ in range(5):
        _skip(cursor)
    content = _length(cursor)
    if content >= cursor.remaining:  # the signature is still to come: at least its length octet
        return cursor.offset + content + 1
    cursor.skip(content)
    return _length(cursor) + cursor.offset


def _general_block_transfer(cursor: Cursor) -> int:
    cursor.skip(5)
    return _length(cursor) + cursor.offset


def _wrapper(cursor: Cursor) -> int:
    if cursor.u8() != 1:
        raise Truncated(1, 0)
    cursor.skip(4)
    return cursor.u16be() + 8


def _hdlc(cursor: Cursor) -> int:
    return (cursor.u16be() & 0x07FF) + 2


_READERS = {
    GENERAL_CIPHERING: _general_ciphering,
    GENERAL_SIGNING: _general_signing,
    GENERAL_BLOCK_TRANSFER: _general_block_transfer,
    0x00: _wrapper,
    0x7E: _hdlc,
}
"""What tells the length of a message, by its first octet."""
