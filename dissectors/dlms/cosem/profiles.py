"""Profile buffers as tables, capture objects, object lists, and selective access in words.

Source: IEC 62056-6-2 (Blue Book), classes 7 (profile generic), 12 and 15 (associations); null-data in a
buffer means "as in the entry above" (for the clock: plus the capture period), delta types add to it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from dissectors.dlms.cosem.data import Node, plain
from dissectors.dlms.cosem.datetimes import describe_octets, read_date_time
from dissectors.dlms.cosem.obis import Target, class_name, obis_text, object_name, target

__all__ = ["Table", "capture_objects", "object_list", "profile_table", "selection_text"]

_DELTA = range(28, 34)


class Table(NamedTuple):
    """A profile buffer: column names, rows of plain values."""

    columns: list[str]
    rows: list[list[Any]]

    def to_json(self, name: str, obis: str) -> dict[str, Any]:
        """The form for `Message.facts`."""
        return {"object": name, "obis": obis, "columns": self.columns, "rows": self.rows}


def capture_objects(node: Node) -> list[Target] | None:
    """The targets of an array of capture object definitions; None when the node is not one."""
    if node[0] != 1 or not node[1]:
        return None
    out = []
    for item in node[1]:
        found = capture_object(item)
        if found is None:
            return None
        out.append(found)
    return out


def capture_object(node: Node) -> Target | None:
    """The target of {class, logical name, attribute, data index (, restriction)}."""
    value = node[1]
    if node[0] != 2 or len(value) < 3 or [v[0] for v in value[:2]] != [18, 9] or len(value[1][1]) != 6:
        return None
    if value[2][0] not in (15, 17) or not -128 <= value[2][1] <= 127:
        return None
    descriptor = value[0][1].to_bytes(2, "big") + value[1][1]
    return target(descriptor + value[2][1].to_bytes(1, "big", signed=True))


def column_name(found: Target) -> str:
    """What a column is called: the object's name, and the attribute where it is not the value."""
    name = found.object or found.text
    return name if found.number == 2 else f"{name} {found.member or f'attribute {found.number}'}"


def profile_table(node: Node, columns: list[Target] | None, period: int = 0) -> Table | None:
    """The rows of a buffer (array or compact array of structures); None when the node is neither."""
    if node[0] == 19:
        entries = node[1].rows
    elif node[0] == 1 and all(item[0] == 2 for item in node[1]):
        entries = node[1]
    else:
        return None
    rows: list[list[Any]] = []
    above: list[Any] = []
    for entry in entries:
        cells = entry[1] if entry[0] == 2 else [entry]
        above = [_cell(cell, above[i] if i < len(above) else None, period) for i, cell in enumerate(cells)]
        rows.append(above)
    width = max((len(row) for row in rows), default=0)
    names = [column_name(column) for column in columns or []]
    names = (
        names[:width] if len(names) >= width else names + [f"column {i}" for i in range(len(names), width)]
    )
    return Table(names, rows)


def _cell(node: Node, above: Any, period: int) -> Any:
    tag, value = node[0], node[1]
    if tag == 0:
        return _later(above, period) if isinstance(above, str) and period else above
    if tag in _DELTA and isinstance(above, int | float):
        return above + value
    if isinstance(value, bytes) and len(value) == 12:
        moment = read_date_time(value).utc
        text = describe_octets(value, 25 if tag == 25 else 9)
        return moment.strftime("%Y-%m-%d %H:%M:%SZ") if moment and text else text or value
    return plain(node)


def _later(above: str, period: int) -> str:
    try:
        moment = datetime.strptime(above, "%Y-%m-%d %H:%M:%SZ")
    except ValueError:
        return above
    return (moment + timedelta(seconds=period)).strftime("%Y-%m-%d %H:%M:%SZ")


def object_list(node: Node, short_names: bool = False) -> list[dict[str, Any]] | None:
    """The objects of an association's object list: {class, version, name[, base name, access rights]}.

    Logical names: {class u16, version u8, logical name, access rights}; short names: {base i16, class,
    version, logical name}. None when the node is not such a list.
    """
    if node[0] != 1:
        return None
    out = []
    for item in node[1]:
        values = item[1] if item[0] == 2 else []
        at = 1 if short_names else 0
        if len(values) < at + 3 or values[at][0] != 18 or values[at + 2][0] != 9:
            return None
        octets = values[at + 2][1]
        if len(octets) != 6:
            return None
        class_id = values[at][1]
        row = {
            "class_id": class_id,
            "class": class_name(class_id),
            "version": values[at + 1][1],
            "obis": obis_text(octets),
            "object": object_name(octets, class_id)[0],
        }
        if short_names:
            row["base_name"] = values[0][1] & 0xFFFF
        elif len(values) > 3:
            row["access"] = _access(values[3])
        out.append(row)
    return out


_ACCESS = {0: "none", 1: "read", 2: "write", 3: "read+write", 4: "authenticated read"}
_ACCESS |= {5: "authenticated write", 6: "authenticated read+write"}


def _access(node: Node) -> dict[str, dict[int, str]]:
    """{attribute: mode} and {method: mode} of an access_right structure."""
    out: dict[str, dict[int, str]] = {"attributes": {}, "methods": {}}
    for name, part in zip(out, node[1] if node[0] == 2 else [], strict=False):
        for item in part[1] if part[0] == 1 else []:
            values = plain(item)
            if isinstance(values, list) and len(values) >= 2 and isinstance(values[0], int):
                mode = values[1]
                words = _ACCESS.get(mode) if name == "attributes" else ("access" if mode else "none")
                out[name][values[0]] = words or f"mode {mode}"
    return out


def selection_text(where: Target, selector: int, node: Node) -> str:
    """Selective access in words: by range or entry of a profile, or by list of an association."""
    if where.class_id == 7 and selector == 1:
        return _range_text(node)
    if where.class_id == 7 and selector == 2:
        values = plain(node)
        if isinstance(values, list) and len(values) == 4:
            ends = [str(values[1] or "last"), str(values[3] or "last")]
            return f"entries {values[0]} to {ends[0]}, columns {values[2]} to {ends[1]}"
    if where.class_id in (12, 15):
        names = {1: "all classes", 2: "these classes", 3: "these objects", 4: "all, in full"}
        return names.get(selector, f"selector {selector}")
    return f"selector {selector}"


def _range_text(node: Node) -> str:
    if node[0] != 2 or len(node[1]) < 3:
        return "range"
    by = capture_object(node[1][0])
    ends = [_end(item) for item in node[1][1:3]]
    text = f"range of {column_name(by) if by else 'an object'} from {ends[0]} to {ends[1]}"
    columns = capture_objects(node[1][3]) if len(node[1]) > 3 else None
    return f"{text}, columns {', '.join(map(column_name, columns))}" if columns else f"{text}, all columns"


def _end(node: Node) -> str:
    if isinstance(node[1], bytes):
        return describe_octets(node[1], 25 if len(node[1]) == 12 else node[0]) or node[1].hex()
    return str(plain(node))
