"""One COSEM value, named: its field tree and its rows of the items table, from a Data node and the names of its elements.

Source: GBCS 4.x section 7.2.8; the names come from `dissectors.gbcs.catalogue.objects` (mapping table of GBCS 4.0).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, ClassVar

from dissectors.dlms.cosem.data import TYPE_NAMES, Node
from dissectors.dlms.cosem.data_fields import DataFields, Place
from dissectors.dlms.cosem.datetimes import describe_octets
from dissectors.dlms.cosem.obis import Target, obis_text, unit_name
from dissectors.dlms.cosem.scalars import COMPACT, LISTS
from dissectors.gbcs.catalogue.names import alert_name, eui64
from dissectors.gbcs.catalogue.objects import ValueNames, unit_of
from dissectors.gbcs.utrn import describe as describe_utrn
from dissectors.model.field import Field
from dissectors.zcl.meanings import utc_text

__all__ = ["Row", "Values", "item", "utc"]


class Row(dict[str, Any]):
    """A row of the items table.

    Attributes:
        place: buffer, offset and length of the octets that say its value; None where none do.
    """

    __slots__ = ("place",)

    place: tuple[str, int, int] | None

    def at(self, leaf: Field) -> Row:
        """The row, with the place of the leaf that says its value."""
        self.place = leaf.buffer, leaf.offset, leaf.length
        return self


_ARRAY, _STRUCTURE, _ENUM = 1, 2, 22
_OTHERS = frozenset((3, 4, 9, 10, 12, 13, 25, 26, 27))
"""Types whose values are no numbers."""
_FLOATS = (7, 23, 24)


def utc(seconds: int) -> str:
    """UTC seconds since 2000-01-01 in ISO 8601 (GBCS 7.2.9.4): 0 is now, FFFFFFFF never or cancelled."""
    if seconds == 0:
        return "now"
    if seconds == 0xFFFFFFFF:
        return "never, or cancelled"
    if seconds == 0xFFFFFFFE:
        return "no end"
    return utc_text(seconds)


def item(target: Target | None, title: str | None, value: Any = None, **more: Any) -> Row:
    """A row of the items table."""
    row = Row(
        {
            "object": title,
            "class_id": target.class_id if target else None,
            "obis": target.obis if target else None,
            "cluster": None,
            "attribute": target.number if target else None,
            "value": value,
            "number": None,
            "unit": None,
            "result": None,
        }
    )
    row.place = None
    if isinstance(value, int | float) and not isinstance(value, bool):
        row["number"] = value
    if more:
        row.update(more)
    return row


class NamedPlace(Place):
    """A place in the value of `target`, whose elements `names` names.

    Places are made once for all values of an object, and kept: `kept` counts them, and with `MOST` of them all are let
    go, since hostile messages can be of ever other shapes.
    """

    __slots__ = ("_inside", "_says", "_units", "last", "logged", "name", "names", "stamped", "target")

    MOST: ClassVar[int] = 20_000
    kept: ClassVar[int] = 0

    def __init__(self, target: Target | None, names: ValueNames | None, label: str, path: str = "") -> None:
        super().__init__(label, path)
        self.target, self.names = target, names
        self.name = (names.name if names is not None else path or label).lower()
        lower = path.lower()
        self.last = lower.rpartition(".")[2]
        self.stamped, self.logged = "timestamp" in lower, lower.endswith("logcode")
        self._inside: dict[tuple[int, int], list[NamedPlace]] = {}
        self._says: dict[int, tuple[str, str, Callable[[Any], str] | None]] = {}
        self._units: dict[tuple[int, str], str] = {}

    def elements(self, tag: int, count: int) -> list[NamedPlace]:
        key = tag, 0 if tag == _ARRAY else count
        found = self._inside.get(key, [])
        if len(found) >= count:
            return found if len(found) == count else found[:count]
        made = found + self._elements(tag, count, len(found))
        if count <= self.MOST // 8:
            NamedPlace.kept += count - len(found)
            self._inside[key] = made
        return made

    def _elements(self, tag: int, count: int, first: int) -> list[NamedPlace]:
        known, path, out = element_names(self.names, tag, count), self.path, []
        for index in range(first, count):
            named = known[index] if index < len(known) else None
            if tag == _ARRAY:
                label, where = (
                    f"{named.name if named is not None else self.label}[{index}]",
                    f"{path}[{index}]",
                )
            else:
                label = named.name if named is not None else f"element_{index}"
                where = f"{path}.{label}" if path else label
            out.append(NamedPlace(self.target, named, label, where))
        return out

    def meaning(self, tag: int, value: Any) -> str:
        says = self._says.get(tag)
        if says is None:
            says = self._says[tag] = self._saying(tag)
        start, end, words = says
        if value is None:
            return f"{start}nothing"
        return f"{start}{value}{end}" if words is None else start + words(value)

    def _saying(self, tag: int) -> tuple[str, str, Callable[[Any], str] | None]:
        """What stands before and behind a value of this type, or what puts it in words."""
        name, start = self.name, f"{TYPE_NAMES[tag]}: "
        words: Callable[[Any], str] | None = None
        if tag in _OTHERS:
            words = partial(_words, tag, name)
        elif name == "logcode" and tag not in _FLOATS:
            words = _event
        elif tag == 6 and ("timestamp" in name or name in ("from_value", "to_value", "date_time")):
            words = utc
        elif "scaler" in name and tag == 15:
            return f"{start}10^", "", None
        elif tag == _ENUM and "unit" in name:
            words = unit_name
        unit = self.unit(tag, self.path or self.label) if words is None else ""
        return start, f" {unit}" if unit else "", words

    def unit(self, tag: int, path: str) -> str:
        """The unit of a reading. What a member of a reference or an option says (an enumeration) has none, whatever the
        object is counted in."""
        found = self._units.get((tag, path))
        if found is None:
            found = self._units[tag, path] = "" if tag == _ENUM else unit_of(self.target, path)
        return found


def _words(tag: int, name: str, value: Any) -> str:
    """What octets, text and truth values say."""
    if isinstance(value, bytes):
        return octets_meaning(value, tag, name)
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if tag != 4 else value or "no bits"


Leaf = tuple[NamedPlace, Node]
"""A value without values in it, and where it stands."""


class Values(DataFields):
    """Fields and rows of the value of `target`, whose elements `names` names."""

    def __init__(
        self, target: Target | None, names: ValueNames | None = None, buffer: str = "message"
    ) -> None:
        super().__init__(buffer)
        self.target, self.names = target, names

    def named(self, node: Node, name: str) -> Field:
        """The field of the value, called `name`."""
        return self.field(node, place_of(self.target, self.names, name))

    def rows(self, node: Node, title: str | None, result: str | None = None) -> list[Row]:
        """Rows of the items table: one for each leaf."""
        leaves: list[Leaf] = []
        _leaves(node, place_of(self.target, self.names, ""), leaves)
        alone = item(self.target, title, result=result)
        scalers, buffer, out = scaler_units(leaves), self.buffer, []
        for index, (place, (tag, value, start, end)) in enumerate(leaves):
            row = Row(alone)
            row.place = buffer, start, end - start
            if place.path:
                row["object"] = f"{title}: {place.path}" if title else place.path
            if isinstance(value, bytes):
                row["value"] = _plain(value, tag, place.last)
            elif type(value) is not int and type(value) is not float:
                row["value"] = value
            elif tag == 6 and place.stamped:
                row["value"] = utc(int(value))
            else:
                exponent, unit = scalers.get(index, (0, ""))
                row["value"] = _event(value) if place.logged and type(value) is int else value
                row["number"] = scale(value, exponent) if exponent else value
                row["unit"] = unit or place.unit(tag, place.path) or None
            out.append(row)
        return out


_places: dict[tuple[Target | None, ValueNames | None, str], NamedPlace] = {}


def place_of(target: Target | None, names: ValueNames | None, name: str) -> NamedPlace:
    """Where the value of an object stands, called `name`."""
    if NamedPlace.kept > NamedPlace.MOST:
        _places.clear()
        NamedPlace.kept = 0
    found = _places.get((target, names, name))
    if found is None:
        NamedPlace.kept += 1
        found = _places[target, names, name] = NamedPlace(target, names, name)
    return found


def _leaves(node: Node, place: NamedPlace, out: list[Leaf]) -> None:
    tag, value, _, _ = node
    if tag == COMPACT:
        tag, value = _ARRAY, value.rows
    elif tag not in LISTS:
        out.append((place, node))
        return
    for child, inside in zip(value, place.elements(tag, len(value)), strict=True):
        if child[0] in LISTS or child[0] == COMPACT:
            _leaves(child, inside, out)
        else:
            out.append((inside, child))


def _event(code: int) -> str:
    """The alert or event that a log code stands for."""
    return alert_name(code) or f"event {code:04x}"


def scale(value: Any, exponent: int) -> Any:
    """`value` times ten to the power of `exponent`; whole numbers stay whole."""
    return value * 10**exponent if exponent >= 0 else value / 10**-exponent


def scaler_units(leaves: list[Leaf]) -> dict[int, tuple[int, str]]:
    """Leaf index to (exponent, unit) where a scaler and a unit follow a value in the same structure."""
    out: dict[int, tuple[int, str]] = {}
    for index in range(1, len(leaves) - 1):
        place, scaler = leaves[index]
        if scaler[0] == 15 and leaves[index + 1][1][0] == _ENUM and "scaler" in place.path:
            out[index - 1] = (scaler[1], unit_name(leaves[index + 1][1][1]))
    return out


def _plain(value: bytes, tag: int, name: str) -> str:
    if len(value) == 20 and value.isdigit():
        return value.decode()
    words = octets_meaning(value, tag, name).strip('"')
    return value.hex() if not value or words == eui64(value) else words


def element_names(names: ValueNames | None, tag: int, count: int) -> list[ValueNames]:
    """What names the elements of an array or structure of `count`, walking past wrapper names."""
    if names is None:
        return []
    while len(names.children) == 1 and names.children[0].children and not names.children[0].repeated:
        inner = names.children[0]
        if tag == _STRUCTURE and (len(inner.children) > 1 or count == 1):
            return _present(inner.children, count)
        names = inner
    if tag == _ARRAY:
        only = names.children[0] if len(names.children) == 1 else names
        return [only] * count
    return _present(names.children, count)


def _present(names: list[ValueNames], count: int) -> list[ValueNames]:
    """The elements that can be there in a structure of `count`: without the optional ones when it has fewer."""
    if count >= len(names):
        return names
    for left_out in ("twin", "optional"):
        held = [one for one in names if not getattr(one, left_out)]
        if len(held) == count:
            return held
    return names


def octets_meaning(value: bytes, tag: int, name: str) -> str:
    """What an octet string says, by its name where it is known and by its form otherwise."""
    return _short_meaning(value, tag, name) if len(value) <= SHORT else _octets_meaning(value, tag, name)


def _octets_meaning(value: bytes, tag: int, name: str) -> str:
    if len(value) == 20 and value.isdigit():
        return describe_utrn(value.decode())
    words = describe_octets(value, tag)
    if words:
        return words
    if not value:
        return "empty"
    compact = name.replace("_", "").replace("-", "")
    if len(value) == 8 and any(k in compact for k in ("address", "title", "identifier", "panid", "entity")):
        return eui64(value)
    if len(value) == 6 and ("logical" in compact or compact.endswith("ln")):
        return obis_text(value)
    if len(value) == 5 and ("date" in compact):
        return describe_octets(value, 26)
    if len(value) == 4 and ("time" in compact):
        return describe_octets(value, 27)
    return value.hex()


SHORT = 20
"""Octets whose meaning is kept: a row of the items and the tree ask for it one after the other."""
_short_meaning = lru_cache(512)(_octets_meaning)
