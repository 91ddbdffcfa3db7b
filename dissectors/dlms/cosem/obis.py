"""OBIS codes and COSEM objects by name: class, attribute or method, object and unit.

Source: IEC 62056-6-1 (OBIS), IEC 62056-6-2 (classes); GB objects from GBCS use cases. The tables say how far
each name can be trusted.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import NamedTuple

from dissectors.layout.tables import table

__all__ = [
    "Target",
    "build_obis",
    "class_name",
    "member_name",
    "obis_text",
    "object_name",
    "target",
    "target_of",
    "unit_name",
]


class Target(NamedTuple):
    """What an attribute or method descriptor points at; empty names where unknown."""

    class_id: int
    obis: str
    number: int
    object: str
    class_name: str
    member: str
    unit: str
    text: str
    method: bool = False


@lru_cache(maxsize=4096)
def obis_text(octets: bytes) -> str:
    """The usual text form of six octets.

    >>> obis_text(bytes.fromhex("0100010800ff"))
    '1-0:1.8.0.255'
    """
    return "{}-{}:{}.{}.{}.{}".format(*octets)


def build_obis(text: str) -> bytes:
    """The six octets of ``A-B:C.D.E.F`` (or ``C.D.E*F``); ValueError when it is not that.

    >>> build_obis("1-0:1.8.0*255").hex()
    '0100010800ff'
    """
    parts = text.replace("*", ".").replace("-", ".").replace(":", ".").split(".")
    octets = bytes(int(part) for part in parts)
    if len(octets) != 6:
        raise ValueError(f"{text!r} is not an OBIS code")
    return octets


@cache
def _classes() -> dict[int, str]:
    return {int(row["class_id"]): row["class"] for row in table("dlms", "interface_classes")}


@cache
def _members() -> dict[tuple[int, str, int], str]:
    rows = table("dlms", "interface_classes")
    return {
        (int(r["class_id"]), r["member"], int(r["index"])): r["name"] for r in rows if r["index"].isdigit()
    }


@cache
def _objects() -> dict[str, list[dict[str, str]]]:
    out: dict[str, list[dict[str, str]]] = {}
    for row in table("dlms", "obis"):
        out.setdefault(row["obis"], []).append(row)
    return out


@cache
def _units() -> dict[int, str]:
    return {int(row["code"]): row["unit"] for row in table("dlms", "units")}


def unit_name(code: int) -> str:
    """The unit of a scaler_unit's enum; ``""`` for 255 (a plain count)."""
    return "" if code == 255 else _units().get(code, f"unit {code}")


def class_name(class_id: int) -> str:
    """The interface class, ``""`` when it is not known."""
    return _classes().get(class_id, "")


def member_name(class_id: int, index: int, method: bool = False) -> str:
    """The attribute or method of a class, ``""`` when it is not known."""
    if index == 0 and not method:
        return "all attributes"
    return _members().get((class_id, "method" if method else "attribute", index), "")


def _row(obis: str, class_id: int, index: int, method: bool) -> dict[str, str] | None:
    kind = "method" if method else "attribute"
    rows = _objects().get(obis, [])
    ranked = (
        [r for r in rows if (r["class_id"], r["member"], r["index"]) == (str(class_id), kind, str(index))],
        [r for r in rows if r["class_id"] == str(class_id)],
        rows,
    )
    return next((found[0] for found in ranked if found), None)


@lru_cache(maxsize=4096)
def object_name(octets: bytes, class_id: int = 0, index: int = 0, method: bool = False) -> tuple[str, str]:
    """Name and unit of the object behind six octets: from the table, else put together from the groups."""
    row = _row(obis_text(octets), class_id, index, method)
    if row is None and octets[5] != 255:
        row = _row(obis_text(octets[:5] + b"\xff"), class_id, index, method)
        if row is not None:
            return f"{row['object_name']} (history {octets[5]})", row["unit"]
    if row is not None:
        return row["object_name"], row["unit"]
    return _by_groups(octets)


_MEDIA = {0: "abstract", 1: "electricity", 4: "heat cost", 5: "cooling", 6: "heat", 7: "gas", 8: "cold water"}
_MEDIA |= {9: "hot water", 15: "other"}
_PHASES = {0: "", 20: " L1", 40: " L2", 60: " L3"}
_QUANTITIES = {
    1: ("active power import", "W"),
    2: ("active power export", "W"),
    3: ("reactive power import", "var"),
    4: ("reactive power export", "var"),
    5: ("reactive power QI", "var"),
    6: ("reactive power QII", "var"),
    7: ("reactive power QIII", "var"),
    8: ("reactive power QIV", "var"),
    9: ("apparent power import", "VA"),
    10: ("apparent power export", "VA"),
    11: ("current", "A"),
    12: ("voltage", "V"),
    13: ("power factor", ""),
    14: ("supply frequency", "Hz"),
    15: ("active power, absolute sum", "W"),
    16: ("active power, net", "W"),
}
_INTEGRALS = {8, 9, 10, 29, 30, 58}


@cache
def _processing() -> dict[int, str]:
    rows = table("dlms", "obis_groups")
    return {int(r["value"]): r["meaning"] for r in rows if r["group"] == "D(electricity)"}


def _by_groups(octets: bytes) -> tuple[str, str]:
    medium, _, quantity, processing, tariff, history = octets
    if medium != 1 or processing not in _processing():
        name = _MEDIA.get(medium, "")
        return (f"{name} object" if medium == 0 and name else name), ""
    base, phase = (quantity, 0) if quantity <= 20 else ((quantity - 1) % 20 + 1, (quantity - 1) // 20 * 20)
    if base not in _QUANTITIES or phase not in _PHASES:
        return "electricity", ""
    name, unit = _QUANTITIES[base]
    if processing in _INTEGRALS and unit in ("W", "var", "VA"):
        name, unit = name.replace("power", "energy"), unit + "h"
    text = f"{name}{_PHASES[phase]}, {_processing()[processing]}"
    if tariff:
        text += f", tariff {tariff}" if processing in _INTEGRALS else f", {tariff}"
    return text if history == 255 else f"{text} (history {history})", unit


@lru_cache(maxsize=8192)
def target(descriptor: bytes, method: bool = False) -> Target:
    """What the nine octets of an attribute or method descriptor point at.

    >>> target(bytes.fromhex("0003 0100010800ff 02")).text
    '3/1-0:1.8.0.255/2'
    """
    class_id = int.from_bytes(descriptor[:2], "big")
    index = int.from_bytes(descriptor[8:9], "big", signed=True)
    obis = obis_text(descriptor[2:8])
    name, unit = object_name(descriptor[2:8], class_id, index, method)
    member = member_name(class_id, index, method)
    text = f"{class_id}/{obis}/{index}"
    return Target(class_id, obis, index, name, class_name(class_id), member, unit, text, method)


@lru_cache(maxsize=8192)
def target_of(class_id: int, obis: str, index: int, method: bool = False) -> Target:
    """The same of a class, an OBIS code as text, and the number of an attribute or method."""
    return target(class_id.to_bytes(2, "big") + build_obis(obis) + bytes((index & 0xFF,)), method)
