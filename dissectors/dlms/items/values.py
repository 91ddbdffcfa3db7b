"""What a value means at its place: times, OBIS codes, scalers, enumerations by class and attribute.

Source: IEC 62056-6-2 (Blue Book), the attribute types of the interface classes.
"""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from typing import Any

from dissectors.dlms.association import Scaler
from dissectors.dlms.cosem.data import Node, plain
from dissectors.dlms.cosem.datetimes import describe_octets, is_date_time
from dissectors.dlms.cosem.obis import Target, obis_text, unit_name
from dissectors.layout.tables import table

__all__ = [
    "FORMS",
    "NUMERIC",
    "REGISTER_VALUES",
    "SCALER_ATTRIBUTES",
    "number_of",
    "read_scaler",
    "scaled",
    "shown",
]

NUMERIC = frozenset((5, 6, 7, 15, 16, 17, 18, 20, 21, 22, 23, 24, 28, 29, 30, 31, 32, 33))
REGISTER_VALUES = {3: (2,), 4: (2,), 5: (2, 3)}
SCALER_ATTRIBUTES = {3: 3, 4: 3, 5: 4}
OBIS = 6


@cache
def _types() -> dict[tuple[int, int], str]:
    return {
        (int(row["class_id"]), int(row["index"])): row["type"]
        for row in table("dlms", "interface_classes")
        if row["member"] == "attribute" and row["index"].isdigit()
    }


def read_scaler(node: Node) -> Scaler | None:
    """The scaler and unit of a scaler_unit structure; None when the node is not one."""
    value = node[1]
    if node[0] != 2 or len(value) != 2 or value[0][0] != 15 or value[1][0] != 22:
        return None
    return Scaler(value[0][1], unit_name(value[1][1]))


def scaled(raw: float, exponent: int) -> float:
    """raw * 10 ** exponent without the noise of binary fractions.

    >>> scaled(12345, -2)
    123.45
    """
    if isinstance(raw, float) and raw != raw:
        return raw
    if isinstance(raw, float):
        return raw * 10.0**exponent
    value = Decimal(raw).scaleb(exponent)
    return int(value) if exponent >= 0 else float(value)


def number_of(node: Node, scaler: Scaler | None, unit: str) -> tuple[float | None, str | None]:
    """(number, unit): scaled when the scaler is known; no number when only the unit of the code is known."""
    if node[0] not in NUMERIC:
        return None, None
    if scaler is not None:
        return scaled(node[1], scaler.exponent), scaler.unit
    return (None, unit) if unit else (node[1], None)


FORMS = {"date and time": 25, "date": 26, "time": 27, "push setup": OBIS, "logical name": OBIS}
"""How octets without an object are read, by the label that they were given (`dissectors.dlms.items.pushes`)."""


def shown(node: Node, where: Target | None = None, form: int = 0) -> Any:
    """The value as a reader wants it: times, OBIS codes and octets that are text as text, else as it is."""
    tag, value = node[0], node[1]
    if not isinstance(value, bytes):
        return plain(node) if tag in (1, 2, 19) else value
    if tag == 9 and len(value) == 6 and (form == OBIS or (where is not None and where.number == 1)):
        return obis_text(value)
    if form and tag == 9:
        return describe_octets(value, form) or value
    if tag in (25, 26, 27):
        return describe_octets(value, tag)
    if tag == 9 and len(value) == 12 and (_is_time(where) or is_date_time(value)):
        return describe_octets(value, 25)
    if tag == 9 and len(value) > 2 and all(0x20 <= octet < 0x7F for octet in value):
        return value.decode("ascii")
    return value


def _is_time(where: Target | None) -> bool:
    if where is None:
        return False
    kind = _types().get((where.class_id, where.number), "")
    return where.class_id == 8 or "[12]" in kind or "time" in where.member
