"""One COSEM value, named: its field tree and its rows of the items table, from a Data node and the names of its elements.

Source: GBCS 4.x section 7.2.8; the names come from `dissectors.gbcs.catalogue.objects` (mapping table of GBCS 4.0).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from dissectors.dlms.cosem.data import TYPE_NAMES, Node
from dissectors.dlms.cosem.data_fields import DataFields, Element
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

    place: tuple[str, int, int] | None = None

    def at(self, leaf: Field) -> Row:
        """The row, with the place of the leaf that says its value."""
        self.place = leaf.buffer, leaf.offset, leaf.length
        return self


_ARRAY, _STRUCTURE, _ENUM = 1, 2, 22


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
        object=title,
        class_id=target.class_id if target else None,
        obis=target.obis if target else None,
        cluster=None,
        attribute=target.number if target else None,
        value=value,
        number=None,
        unit=None,
        result=None,
    )
    if isinstance(value, int | float) and not isinstance(value, bool):
        row["number"] = value
    if more:
        row.update(more)
    return row


class Leaf(NamedTuple):
    """A value without values in it: its path within the whole value, and its node."""

    path: str
    node: Node


class Values(DataFields):
    """Fields and rows of the value of `target`, whose elements `names` names."""

    def __init__(
        self, target: Target | None, names: ValueNames | None = None, buffer: str = "message"
    ) -> None:
        super().__init__(buffer)
        self.target, self.names = target, names
        self._elements: dict[tuple[int, str], tuple[Any, list[Element]]] = {}

    def named(self, node: Node, name: str) -> Field:
        """The field of the value, called `name`."""
        return self.field(node, name, self.names)

    def elements(self, node: Node, names: Any, name: str, path: str) -> list[Element]:
        """As those of `DataFields`; found once for fields and rows (what they were found for is kept, so that its id
        stays its own)."""
        held = self._elements.get((id(node[1]), name))
        if held is None:
            held = node[1], list(self._named_elements(node, names, name, path))
            self._elements[id(node[1]), name] = held
        return held[1]

    def _named_elements(self, node: Node, names: Any, name: str, path: str) -> Iterator[Element]:
        tag, items, _, _ = node
        known = element_names(names, tag, len(items))
        for index in range(len(items)):
            named = known[index] if index < len(known) else None
            if tag == _ARRAY:
                yield f"{named.name if named is not None else name}[{index}]", named, f"{path}[{index}]"
            else:
                label = named.name if named is not None else f"element_{index}"
                yield label, named, f"{path}.{label}" if path else label

    def meaning(self, node: Node, names: Any, path: str) -> str:
        tag, value = node[0], node[1]
        return f"{TYPE_NAMES[tag]}: {self._words(tag, value, names, path)}"

    def _words(self, tag: int, value: Any, names: ValueNames | None, path: str) -> str:
        name = (names.name if names is not None else path).lower()
        if isinstance(value, bytes):
            return octets_meaning(value, tag, name)
        if value is None:
            return "nothing"
        if isinstance(value, bool):
            return "true" if value else "false"
        if name == "logcode" and type(value) is int:
            return _event(value)
        if tag == 6 and ("timestamp" in name or name in ("from_value", "to_value", "date_time")):
            return utc(value)
        if "scaler" in name and tag == 15:
            return f"10^{value}"
        if tag == 22 and ("unit" in name):
            return unit_name(value)
        if isinstance(value, str):
            return f'"{value}"' if tag != 4 else value or "no bits"
        return f"{value} {self._unit(tag, path)}".strip()

    def _unit(self, tag: int, path: str) -> str:
        """The unit of a reading. What a member of a reference or an option says (an enumeration) has none, whatever the
        object is counted in."""
        return "" if tag == _ENUM else unit_of(self.target, path)

    def _leaves(self, node: Node, names: Any, name: str, path: str, out: list[Leaf]) -> None:
        tag, value, start, end = node
        if tag == COMPACT:
            node = (_ARRAY, value.rows, start, end)
        elif tag not in LISTS:
            out.append(Leaf(path, node))
            return
        for child, (label, inside, where) in zip(
            node[1], self.elements(node, names, name, path), strict=True
        ):
            self._leaves(child, inside, label, where, out)

    def rows(self, node: Node, title: str | None, result: str | None = None) -> list[Row]:
        """Rows of the items table: one for each leaf."""
        leaves: list[Leaf] = []
        self._leaves(node, self.names, "", "", leaves)
        out = []
        plain = len(leaves) == 1 and not leaves[0].path
        scalers = scaler_units(leaves)
        for index, (path, leaf) in enumerate(leaves):
            label = title if plain or not path else f"{title}: {path}" if title else path
            row = item(self.target, label, _plain(leaf, path), result=result)
            row.place = self.buffer, leaf[2], leaf[3] - leaf[2]
            exponent, unit = scalers.get(index, (0, ""))
            if row["number"] is not None:
                row["number"] = scale(row["value"], exponent)
                row["unit"] = unit or self._unit(leaf[0], path) or None
            lower = path.lower()
            if leaf[0] == 6 and "timestamp" in lower:
                row["value"], row["unit"], row["number"] = utc(leaf[1]), None, None
            if lower.endswith("logcode") and type(leaf[1]) is int:
                row["value"] = _event(leaf[1])
            out.append(row)
        return out


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
        scaler, unit = leaves[index], leaves[index + 1]
        if scaler.node[0] == 15 and unit.node[0] == 22 and "scaler" in scaler.path:
            out[index - 1] = (scaler.node[1], unit_name(unit.node[1]))
    return out


def _plain(node: Node, path: str) -> Any:
    value = node[1]
    if isinstance(value, bytes):
        if len(value) == 20 and value.isdigit():
            return value.decode()
        name = path.rpartition(".")[2].lower()
        words = octets_meaning(value, node[0], name).strip('"')
        return value.hex() if not value or words == eui64(value) else words
    return value


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
