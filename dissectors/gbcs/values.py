"""One COSEM value, named: its field tree and its rows of the items table, from a Data node and its parts.

Source: GBCS 4.x section 7.2.8; the parts come from `dissectors.gbcs.objects` (mapping table of GBCS 4.0).
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from dissectors.dlms.data import TYPE_NAMES, Node
from dissectors.dlms.datetimes import describe_octets
from dissectors.dlms.obis import obis_text, unit_name
from dissectors.field import Field
from dissectors.gbcs.names import alert_name, eui64
from dissectors.gbcs.objects import Part, Target, unit_of
from dissectors.gbcs.utrn import describe as describe_utrn
from dissectors.zcl.meanings import utc_text

__all__ = ["Row", "Values", "is_secret", "item", "utc"]

Row = dict[str, Any]
_ARRAY, _STRUCTURE, _COMPACT, _ENUM = 1, 2, 19, 22


def utc(seconds: int) -> str:
    """UTC seconds since 2000-01-01 in ISO 8601 (GBCS 7.2.9.4): 0 is now, FFFFFFFF never or cancelled."""
    if seconds == 0:
        return "now"
    if seconds == 0xFFFFFFFF:
        return "never, or cancelled"
    if seconds == 0xFFFFFFFE:
        return "no end"
    return utc_text(seconds)


_SECRETS = re.compile(
    r"(^|[ .:_])(key|symmetric_key|link_key|dedicated_key|installationcredentials|securitydetails"
    r"|hashed_(tc_)?link_key)$",
    re.IGNORECASE,
)


def is_secret(name: str) -> bool:
    """Does a field or item of this name hold a key (link keys of devices, symmetric keys)?

    >>> is_secret("DeviceLog(CHF): register_device: key"), is_secret("register_device: key_type")
    (True, False)
    """
    return _SECRETS.search(name) is not None


def item(target: Target | None, title: str | None, value: Any = None, **more: Any) -> Row:
    """A row of the items table."""
    row: Row = {
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
    if isinstance(value, int | float) and not isinstance(value, bool):
        row["number"] = value
    row.update(more)
    return row


class Named(NamedTuple):
    """A leaf: its path within the value, its node, and its field."""

    path: str
    node: Node
    field: Field


class Values:
    """Makes the fields of one value and collects its leaves.

    Args:
        target: the object that the value belongs to.
        buffer: buffer that the spans count in.
    """

    def __init__(self, target: Target | None, buffer: str = "message") -> None:
        self.target = target
        self.buffer = buffer
        self.leaves: list[Named] = []

    def field(self, node: Node, part: Part | None, name: str, path: str = "", tagged: bool = True) -> Field:
        """The field of `node`, called `name`; `part` names what is inside."""
        tag, value, start, end = node
        if tag == _COMPACT:
            return self._compact(node, part, name, path)
        if tag not in (_ARRAY, _STRUCTURE):
            out = Field(name, value, self._meaning(node, part, path or name), start, end - start, self.buffer)
            self.leaves.append(Named(path, node, out))
            return out
        out = Field(name, None, f"{TYPE_NAMES[tag]} of {len(value)}", start, end - start, self.buffer)
        if tagged:
            first = value[0][2] if value else end
            words = f"{TYPE_NAMES[tag]}, {len(value)} elements"
            out.children.append(Field("type_and_count", len(value), words, start, first - start, self.buffer))
        self._children(out, node, part, path, tagged)
        return out

    def _children(self, out: Field, node: Node, part: Part | None, path: str, tagged: bool) -> None:
        tag, items = node[0], node[1]
        names = element_parts(part, tag, len(items))
        for index, child in enumerate(items):
            named = names[index] if index < len(names) else None
            if tag == _ARRAY:
                label = f"{out.name}[{index}]" if named is None else f"{named.name}[{index}]"
                where = f"{path}[{index}]"
            else:
                label = named.name if named is not None else f"element_{index}"
                where = f"{path}.{label}" if path else label
            out.children.append(self.field(child, named, label, where, tagged))

    def _compact(self, node: Node, part: Part | None, name: str, path: str) -> Field:
        _, value, start, end = node
        described, after = value.description_span
        text = value.description.text
        out = Field(name, None, f"compact-array of {len(value.rows)}", start, end - start, self.buffer)
        content = value.content_start
        out.children = [
            Field("type", _COMPACT, "compact-array", start, described - start, self.buffer),
            Field(
                "type_description", value.description.json, text, described, after - described, self.buffer
            ),
            Field("length", end - content, f"{end - content} octets", after, content - after, self.buffer),
        ]
        rows = (_ARRAY, value.rows, content, end)
        self._children(out, rows, part, path, tagged=False)
        return out

    def _meaning(self, node: Node, part: Part | None, path: str) -> str:
        tag, value = node[0], node[1]
        type_name = TYPE_NAMES[tag]
        return f"{type_name}: {self._words(tag, value, part, path)}"

    def _words(self, tag: int, value: Any, part: Part | None, path: str) -> str:
        name = (part.name if part is not None else path).lower()
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

    def rows(self, title: str | None, result: str | None = None) -> list[Row]:
        """Rows of the items table: one for each leaf."""
        out = []
        plain = len(self.leaves) == 1 and not self.leaves[0].path
        scalers = scaler_units(self.leaves)
        for index, (path, node, _field) in enumerate(self.leaves):
            label = title if plain or not path else f"{title}: {path}" if title else path
            row = item(self.target, label, _plain(node, path or ""), result=result)
            exponent, unit = scalers.get(index, (0, ""))
            if row["number"] is not None:
                row["number"] = scale(row["value"], exponent)
                row["unit"] = unit or self._unit(node[0], path) or None
            if node[0] == 6 and "timestamp" in path.lower():
                row["value"], row["unit"], row["number"] = utc(node[1]), None, None
            if path.lower().endswith("logcode") and type(node[1]) is int:
                row["value"] = _event(node[1])
            out.append(row)
        return out


def _event(code: int) -> str:
    """The alert or event that a log code stands for."""
    return alert_name(code) or f"event {code:04x}"


def scale(value: Any, exponent: int) -> Any:
    """`value` times ten to the power of `exponent`; whole numbers stay whole."""
    return value * 10**exponent if exponent >= 0 else value / 10**-exponent


def scaler_units(leaves: list[Named]) -> dict[int, tuple[int, str]]:
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


def element_parts(part: Part | None, tag: int, count: int) -> list[Part]:
    """The parts that name the elements of an array or structure of `count`, walking past wrapper names."""
    if part is None:
        return []
    while len(part.children) == 1 and part.children[0].children and not part.children[0].repeated:
        inner = part.children[0]
        if tag == _STRUCTURE and (len(inner.children) > 1 or count == 1):
            return _present(inner.children, count)
        part = inner
    if tag == _ARRAY:
        only = part.children[0] if len(part.children) == 1 else part
        return [only] * count
    return _present(part.children, count)


def _present(parts: list[Part], count: int) -> list[Part]:
    """The parts that can be there in a structure of `count`: without the optional ones when it has fewer."""
    if count >= len(parts):
        return parts
    for left_out in ("twin", "optional"):
        held = [part for part in parts if not getattr(part, left_out)]
        if len(held) == count:
            return held
    return parts


def octets_meaning(value: bytes, tag: int, name: str) -> str:
    """What an octet string says, by its name where it is known and by its form otherwise."""
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
