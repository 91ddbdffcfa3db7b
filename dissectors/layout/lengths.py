"""A-XDR lengths and counts (IEC 61334-6 clause 6.10): one octet below 128, else 81..84 and so many more."""

from __future__ import annotations

from dissectors.model.errors import Malformed, Truncated

__all__ = ["build_length", "build_octets", "read_count", "read_length", "read_octets"]


def read_length(data: bytes, pos: int, end: int, layer: str = "dlms") -> tuple[int, int]:
    """The length at `pos` and the position after it.

    >>> read_length(bytes.fromhex("820100"), 0, 3)
    (256, 3)

    Raises:
        Truncated, Malformed: `end` comes first; a first octet of 80 or above 84.
    """
    if pos >= end:
        raise Truncated(1, 0, layer=layer, offset=pos)
    first = data[pos]
    if first < 0x80:
        return first, pos + 1
    size = first - 0x80
    if not 1 <= size <= 4:
        raise Malformed(f"length octet 0x{first:02x} is not valid", layer=layer, offset=pos)
    stop = pos + 1 + size
    if stop > end:
        raise Truncated(size, end - pos - 1, layer=layer, offset=pos + 1)
    return int.from_bytes(data[pos + 1 : stop], "big"), stop


def read_count(data: bytes, pos: int, end: int, layer: str = "dlms", least: int = 1) -> tuple[int, int]:
    """A count of elements of at least `least` octets each; `Malformed` when they cannot all be there."""
    count, stop = read_length(data, pos, end, layer)
    if count * least > end - stop:
        raise Malformed(
            f"count {count} needs more than the {end - stop} octets that are left", layer=layer, offset=pos
        )
    return count, stop


def read_octets(data: bytes, pos: int, end: int, layer: str = "dlms") -> tuple[bytes, int]:
    """A length and that many octets."""
    if pos < end and data[pos] < 0x80:
        start = pos + 1
        stop = start + data[pos]
    else:
        length, start = read_length(data, pos, end, layer)
        stop = start + length
    if stop > end:
        raise Truncated(stop - start, end - start, layer=layer, offset=start)
    return data[start:stop], stop


def build_length(length: int) -> bytes:
    """The shortest form of `length`.

    >>> build_length(127).hex(), build_length(128).hex(), build_length(65536).hex()
    ('7f', '8180', '83010000')
    """
    if length < 0x80:
        return bytes((length,))
    size = (length.bit_length() + 7) // 8
    return bytes((0x80 + size,)) + length.to_bytes(size, "big")


def build_octets(value: bytes) -> bytes:
    """A length and the octets."""
    return build_length(len(value)) + value
