"""Octets changed as a hostile or careless hand would: one engine for tests and fuzz targets, from one seed."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

__all__ = ["mutated"]

TELLING = (0x00, 0x01, 0x02, 0x09, 0x11, 0x7F, 0x80, 0x81, 0x82, 0x84, 0xDD, 0xDF, 0xFE, 0xFF)
"""Octets at which lengths, tags and marks change their meaning."""


def mutated(octets: bytes, chance: Random, others: Sequence[bytes] = (), most: int = 3) -> bytes:
    """`octets` with one to `most` changes; parts of `others` may take the place of its own."""
    out = bytearray(octets)
    for _ in range(chance.choice((1, 1, 1, *range(1, most + 1)))):
        _change(out, chance, others)
    return bytes(out)


def _change(out: bytearray, chance: Random, others: Sequence[bytes]) -> None:
    at, kind = chance.randrange(len(out) + 1), chance.randrange(10)
    if kind < 3 and at < len(out):
        out[at] ^= 1 << chance.randrange(8)
    elif kind < 5 and at < len(out):
        out[at] = chance.choice((*TELLING, chance.randrange(256)))
    elif kind == 5:
        del out[at : at + chance.randint(1, 4)]
    elif kind == 6:
        out[at:at] = chance.randbytes(chance.randint(1, 4))
    elif kind == 7:
        _lengthen(out, chance)
    elif kind == 8 and others:
        other = chance.choice(others)
        size = chance.randint(1, 40)
        place = chance.randrange(max(1, len(other) - size + 1))
        out[at : at + size] = other[place : place + size]
    elif len(out) > 2:
        first, second = sorted((at, chance.randrange(len(out))))
        size = chance.randint(1, 16)
        out[first : first + size], out[second : second + size] = (
            out[second : second + size],
            out[first : first + size],
        )


def _lengthen(out: bytearray, chance: Random) -> None:
    """Write some octet that may be a length in a longer form, and let an outer one grow with it."""
    places = [i for i, octet in enumerate(out) if 0 < octet < 0x80]
    if not places:
        return
    at = chance.choice(places)
    longer = chance.randint(1, 2)
    out[at:at] = bytes((0x80 + longer,)) + bytes(longer - 1)
    before = [i for i in places if i < at and out[i] + 1 + longer < 0x80 and i + out[i] >= at]
    for i in before[-2:]:
        out[i] += longer
