"""Rows of the `items` table from pairs of target and value, and what is learnt from them.

A row is {object, class_id, obis, attribute, value, number, unit, result} (analysis/tables/schema.py). `number` is
the value in `unit`, so it stays empty while a unit is known from the code but the scaler was not seen; such a row
is marked ``unscaled``, and `value` is the raw number.
"""

from __future__ import annotations

from typing import Any

from dissectors.dlms.association import Association
from dissectors.dlms.cosem.data import Node
from dissectors.dlms.cosem.obis import Target, obis_text, object_name
from dissectors.dlms.cosem.profiles import (
    Table,
    capture_objects,
    object_list,
    profile_table,
    selection_text,
)
from dissectors.dlms.items.pairs import Pair
from dissectors.dlms.items.values import (
    FORMS,
    NUMERIC,
    REGISTER_VALUES,
    SCALER_ATTRIBUTES,
    number_of,
    read_scaler,
    shown,
)

__all__ = ["Row", "learn", "row_of", "tables_of"]

Row = dict[str, Any]


def learn(pairs: list[Pair], association: Association) -> None:
    """Remember scalers, capture objects, capture periods and short names that the pairs carry."""
    for pair in pairs:
        where, node = pair.target, pair.node
        if where is None or node is None:
            continue
        if SCALER_ATTRIBUTES.get(where.class_id) == where.number:
            scaler = read_scaler(node)
            if scaler is not None:
                association.scalers[where.class_id, where.obis] = scaler
        elif where.class_id == 7 and where.number == 3:
            columns = capture_objects(node)
            if columns:
                association.columns[where.obis] = columns
        elif where.class_id == 7 and where.number == 4 and isinstance(node[1], int):
            association.periods[where.obis] = node[1]
        elif where.class_id == 12 and where.number == 2:
            _learn_names(node, association)


def _learn_names(node: Node, association: Association) -> None:
    for item in node[1] if node[0] == 1 else []:
        values = item[1] if item[0] == 2 else []
        if (
            len(values) >= 4
            and values[3][0] == 9
            and len(values[3][1]) == 6
            and isinstance(values[0][1], int)
            and isinstance(values[1][1], int)
        ):
            association.learn_short_name(values[0][1] & 0xFFFF, values[1][1], values[3][1])


def row_of(pair: Pair, association: Association) -> Row:
    """The row of one pair."""
    where, node, result, selection, name, octets, scaler = pair
    class_id = attribute = obis = None
    unit = ""
    if where is not None:
        class_id, obis, attribute, object_, class_name, _, known_unit, _, _ = where
        name = object_ or class_name
        if attribute in REGISTER_VALUES.get(class_id, ()):
            unit, scaler = known_unit, association.scalers.get((class_id, obis))
    elif octets is not None:
        name, unit = object_name(octets)
        obis = obis_text(octets)
    value: Any = None
    number: float | None = None
    shown_unit: str | None = None
    if node is not None:
        value = shown(node, where, FORMS.get(name or "", 0) if where is None else 0)
        if node[0] in NUMERIC:
            number, shown_unit = number_of(node, scaler, unit)
    elif selection is not None and where is not None:
        value = selection_text(where, *selection)
    row: Row = {
        "object": name or None,
        "class_id": class_id,
        "obis": obis,
        "attribute": attribute,
        "value": value,
        "number": number,
        "unit": shown_unit,
        "result": result,
    }
    if shown_unit and number is None and value is not None:
        row["unscaled"] = True
    return row


def tables_of(pair: Pair, association: Association) -> dict[str, Any] | None:
    """The table that a value is: a profile buffer, or an association's object list; else None."""
    where, node = pair.target, pair.node
    if where is None or node is None:
        return None
    if where.class_id == 7 and where.number == 2:
        columns = association.columns.get(where.obis)
        if pair.selection is not None:
            columns = _selected(pair.selection, columns)
        table = profile_table(node, columns, association.periods.get(where.obis, 0))
        return None if table is None else table.to_json(where.object, where.obis)
    if where.class_id in (12, 15) and where.number == 2:
        objects = object_list(node, where.class_id == 12)
        if objects:
            names = list(objects[0])
            rows = [[row.get(name) for name in names] for row in objects]
            return Table(names, rows).to_json(where.object, where.obis)
    return None


def _selected(selection: tuple[int, Node], columns: list[Target] | None) -> list[Target] | None:
    """The columns that a selection leaves: by range those listed (all when none), by entry from and to."""
    selector, node = selection
    parts: list[Node] = node[1] if node[0] == 2 else []
    if selector == 1 and len(parts) > 3:
        return capture_objects(parts[3]) or columns
    if selector == 2 and len(parts) > 3 and columns:
        first, last = parts[2][1], parts[3][1]
        if isinstance(first, int) and isinstance(last, int):
            return columns[max(first - 1, 0) : last or None]
    return columns
