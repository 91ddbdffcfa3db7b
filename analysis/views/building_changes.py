"""What is to be changed in a message: what its JSON form says otherwise than its octets do, and values by name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from dissectors import Message
from dissectors.gbcs import GbcsMessage, settings
from dissectors.model import REVEALABLE, Malformed

__all__ = ["changed_values", "frame_unchanged", "place_of"]

LAYER = "build"
Place = tuple[str, int, Any]
"""Buffer, offset and bits of a leaf."""


def changed_values(
    message: Message, told: Mapping[str, Any], document: Mapping[str, Any]
) -> Iterator[tuple[str, Place, Any]]:
    """The items and leaves whose value is another one: name, place, and the value that is wanted."""
    for table in ("items", "fields"):
        if table not in document:
            continue
        ours, theirs = list(_flat(told.get(table) or ())), list(_flat(document[table] or ()))
        if len(ours) != len(theirs) and "frames" in document:
            continue  # in its capture, the command told more of a response than it does alone
        if len(ours) != len(theirs):
            text = f"{table}: {len(theirs)} values, the octets have {len(ours)}: values can be changed, not their number"
            raise Malformed(text, layer=LAYER)
        for at, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            value = other.get("value")
            if value == one.get("value") or REVEALABLE in (value, other.get("meaning")):
                continue
            if table == "fields":
                bits = tuple(one["bits"]) if one.get("bits") else None
                yield one["name"], (one["buffer"], one["offset"], bits), value
            else:
                place = getattr(message.items[at], "place", None) or ("", 0)
                yield str(one.get("object")), (*place[:2], None), value


def _flat(rows: Iterable[Any]) -> Iterator[dict[str, Any]]:
    for one in rows:
        if isinstance(one, dict):
            yield from _flat(one["children"]) if one.get("children") else [one]


def frame_unchanged(octets: bytes, document: Mapping[str, Any], given: Mapping[str, Any]) -> bytes:
    """A radio frame as it is.

    Raises:
        Malformed: a value of it is to be another one.
    """
    buffers = document["buffers"]
    for one in _flat(document.get("fields") or ()):
        text = str(buffers.get(one.get("buffer"), "*"))
        held = text[2 * one["offset"] : 2 * (one["offset"] + one["length"])]
        if "*" not in held and not _says(bytes.fromhex(held), one):
            raise Malformed(f"{one['name']}: values of a frame cannot be changed", layer=LAYER)
    if given:
        raise Malformed(f"{next(iter(given))}: values of a frame cannot be changed", layer=LAYER)
    return octets


def _says(octets: bytes, leaf: Mapping[str, Any]) -> bool:
    """Whether a leaf's value is what its octets say, in whichever order; texts and times are believed."""
    value = leaf.get("value")
    if isinstance(value, str):
        digits = all(c in "0123456789abcdef" for c in value) and len(value) == 2 * len(octets)
        return not digits or value in (octets.hex(), octets[::-1].hex())
    if not isinstance(value, int):
        return True
    numbers = (int.from_bytes(octets, "little"), int.from_bytes(octets, "big"))
    if leaf.get("bits"):
        low, width = leaf["bits"]
        return value in [number >> low & (1 << width) - 1 for number in numbers]
    size = 1 << 8 * len(octets)
    return value in (*numbers, *(number - size for number in numbers))


def place_of(message: GbcsMessage, key: str) -> int:
    """The one setting that is meant by a name, or by the end of one.

    Raises:
        Malformed: there is none, or there are several.
    """
    known = settings(message)
    wanted = key.casefold()
    for fits in (_is, _ends):
        found = [at for at, one in enumerate(known) if fits(one.path, wanted) or fits(one.item, wanted)]
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(known[at].path for at in found[:4])
            raise Malformed(f"{key}: {len(found)} values are called so: {names} ...", layer=LAYER)
    near = difflib.get_close_matches(key, [one.path.rpartition(".")[2] for one in known], n=3)
    hint = f"; did you mean {' or '.join(dict.fromkeys(near))}?" if near else "; --list shows them all"
    raise Malformed(f"there is no value {key}{hint}", layer=LAYER)


def _is(name: str, wanted: str) -> bool:
    return name.casefold() == wanted


def _ends(name: str, wanted: str) -> bool:
    name = name.casefold()
    return name.endswith((f".{wanted}", f": {wanted}", f" {wanted}"))
