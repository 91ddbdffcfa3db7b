"""What is to be changed in a message: what its JSON form says otherwise than its octets do, and values by name."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from dissectors import Field, Message, gbcs
from dissectors.dlms import DlmsMessage, Node, item_places
from dissectors.dlms import settings as dlms_settings
from dissectors.gbcs import GbcsMessage, Setting
from dissectors.model import REVEALABLE, Malformed

__all__ = ["Change", "changes_of", "frame_unchanged", "place_of", "see_form", "settings_of"]

LAYER = "build"
UNTOLD = re.compile(r"^\(hidden: |: not shown$")
"""What stands in the place of a password or key (`dissectors.model.secrets`, `dissectors.dlms`)."""
Place = tuple[str, int, Any]
"""Buffer, offset and bits of a leaf."""
NOWHERE = ("", 0)
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


class Change(NamedTuple):
    """A value that is to be another one: its name, where its leaf lies, what was told of it, and what is wanted."""

    name: str
    place: Place
    ours: Any
    theirs: Any

    def for_leaf(self, leaf: Field) -> Any:
        """What is wanted, in the form of its leaf: a text that was told of octets as octets, a moment as its number."""
        if not (isinstance(self.ours, str) and isinstance(self.theirs, str)):
            return self.theirs
        held = leaf.value
        if isinstance(held, bytes) and self.ours and self.ours == held.decode("ascii", "ignore"):
            return self.theirs.encode()
        if isinstance(held, int) and MOMENT.fullmatch(self.ours) and MOMENT.fullmatch(self.theirs):
            later = datetime.fromisoformat(self.theirs) - datetime.fromisoformat(self.ours)
            return held + round(later.total_seconds())
        return self.theirs


def _untold(row: Mapping[str, Any]) -> bool:
    """A row says in words, as its value or beside none, that a password or a key is not told: it asks for none."""
    value, meaning = row.get("value"), row.get("meaning")
    said = meaning if value is None else value
    return isinstance(said, str) and UNTOLD.search(said) is not None


def changes_of(message: Message, told: Mapping[str, Any], document: Mapping[str, Any]) -> Iterator[Change]:
    """The items and leaves whose value is another one in a document than was told."""
    places = _item_places(message)
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
            held, value = one.get("value"), other.get("value")
            if value == held or REVEALABLE in (value, other.get("meaning")) or _untold(other):
                continue
            if table == "fields":
                bits = tuple(one["bits"]) if one.get("bits") else None
                yield Change(one["name"], (one["buffer"], one["offset"], bits), held, value)
            else:
                name = str(one.get("object") or f"item {at + 1}")
                for place, part, wanted in _parts_changed(*places[at], held, value):
                    yield Change(name, (*place, None), part, wanted)


def _item_places(message: Message) -> list[tuple[tuple[str, int], Node | None]]:
    """Where the value of each item lies, and as which node where it is one of a DLMS message."""
    if isinstance(message, DlmsMessage):
        found = item_places(message)
        return [(NOWHERE, None) if one is None else ((one[0], one[1][2]), one[1]) for one in found]
    rows = (getattr(row, "place", None) for row in message.items)
    return [(NOWHERE if place is None else place[:2], None) for place in rows]


def _parts_changed(
    place: tuple[str, int], node: Node | None, ours: Any, theirs: Any
) -> Iterator[tuple[tuple[str, int], Any, Any]]:
    """Place, what was told, and what is wanted of what differs; of arrays and structures that of their elements."""
    inner = node[1] if node is not None else None
    if not (isinstance(inner, list) and isinstance(ours, list) and isinstance(theirs, list)):
        yield place, ours, theirs
    elif len(ours) != len(theirs) or len(ours) != len(inner):
        raise Malformed("the elements of a list can be changed, not their number", layer=LAYER)
    else:
        for part, one, other in zip(inner, ours, theirs, strict=True):
            if one != other and not _untold({"value": other}):
                yield from _parts_changed((place[0], part[2]), part, one, other)


def _flat(rows: Iterable[Any]) -> Iterator[dict[str, Any]]:
    for one in rows:
        if isinstance(one, dict):
            yield from _flat(one["children"]) if one.get("children") else [one]


def see_form(document: Mapping[str, Any]) -> None:
    """See that fields and items of a JSON form are rows as ``hanscope message --json`` prints them.

    Raises:
        Malformed: they are not.
    """
    for table in ("fields", "items"):
        rest = [document.get(table) or []]
        while rest:
            rows = rest.pop()
            whole = isinstance(rows, list) and all(isinstance(row, dict) for row in rows)
            leaves = [row for row in rows if not row.get("children")] if whole else []
            if not whole or (table == "fields" and not all(map(_is_leaf, leaves))):
                raise Malformed(f"{table}: not as `hanscope message --json` prints them", layer=LAYER)
            rest += [row["children"] for row in rows if row.get("children")]


def _is_leaf(row: Mapping[str, Any]) -> bool:
    texts, numbers = (row.get("name"), row.get("buffer")), (row.get("offset"), row.get("length"))
    bits = row.get("bits")
    pair = isinstance(bits, list) and len(bits) == 2 and all(type(one) is int for one in bits)
    return (
        all(isinstance(one, str) for one in texts)
        and all(type(one) is int and one >= 0 for one in numbers)
        and (bits is None or pair)
    )


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


def settings_of(message: Message) -> list[Setting]:
    """The values of a message that can be set; none where it is neither of GBCS nor of DLMS."""
    if isinstance(message, GbcsMessage):
        return gbcs.settings(message)
    return dlms_settings(message) if isinstance(message, DlmsMessage) else []


def place_of(message: Message, key: str) -> int:
    """The one setting that is meant by a name, or by the end of one.

    Raises:
        Malformed: there is none, or there are several.
    """
    known = settings_of(message)
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
