"""COSEM objects of a use case: their order in its messages, their names, the names of their parts, units.

Strategy: the mapping table lists, message code by message code, every element of every object with a path
such as ``buffer:buffer[1..12].entry.timestamp``. The order of its objects is the order in the command; the
paths of one object become a tree (`ValueNames`) that is walked beside the Data.

Source: use-case annex of GBCS 4.0 (mapping table); RTDS 4.5.0 where the table has nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache, lru_cache

from dissectors.dlms.cosem.obis import Target, target_of
from dissectors.layout.tables import table

__all__ = ["ValueNames", "names_called", "names_of", "object_title", "objects_of", "unit_of"]

_PROTECTION_CLASS = 30
CACHED = 1 << 14
"""Objects that what was found of them is kept of: messages can name ever other ones."""
_TWIN = "TWIN_ELEMENT"
_RANGE = re.compile(r"\[[^\]]*\]$")
_DOTS = re.compile(r"\.(?![^\[]*\])")  # dots between names, not those of a range


class ValueNames:
    """What a value and the values in it are called, and the type and constant that the table gives.

    `repeated` says that it is an array of its single kind of element.
    """

    __slots__ = ("children", "constant", "name", "repeated", "title", "type")

    def __init__(self, name: str, repeated: bool = False) -> None:
        self.name = name
        self.repeated = repeated
        self.title = ""
        self.type = ""
        self.constant = ""
        self.children: list[ValueNames] = []

    @property
    def twin(self) -> bool:
        """Only there in meters with two elements."""
        return _TWIN in self.type or (len(self.children) == 1 and self.children[0].twin)

    @property
    def optional(self) -> bool:
        """May be left out."""
        return "OPTIONAL" in self.type or self.twin

    def child(self, token: str) -> ValueNames:
        """The child called `token`, made when it is new."""
        name = _RANGE.sub("", token).strip()
        found = next((c for c in self.children if c.name == name), None)
        if found is None:
            found = ValueNames(name, name != token.strip())
            self.children.append(found)
        return found

    def at(self, path: Iterable[str]) -> ValueNames:
        """The one at a path from here, made where it is new."""
        place = self
        for token in filter(None, path):
            place = place.child(token)
        return place


@cache
def _rows() -> dict[int, list[dict[str, str]]]:
    out: dict[int, list[dict[str, str]]] = {}
    for row in table("gbcs", "dlms_objects_by_usecase"):
        if row["class_id"].isdigit() and row["number"].isdigit():
            out.setdefault(int(row["message_code"], 16), []).append(row)
    return out


def _target(row: dict[str, str]) -> Target:
    return target_of(int(row["class_id"]), row["obis"], int(row["number"]), row["attr_or_method"] == "M")


@cache
def _orders() -> dict[int, list[Target]]:
    out: dict[int, list[Target]] = {}
    for row in table("gbcs", "dlms_request_orders"):
        out.setdefault(int(row["message_code"], 16), []).append(_target(row))
    return out


@cache
def objects_of(message_code: int) -> tuple[Target, ...]:
    """The objects of a use case in the order of its command.

    What is read through data protection (class 30) is not asked for itself, so it is left out.
    """
    observed = _orders().get(message_code)
    if observed is not None:
        return tuple(observed)
    targets = dict.fromkeys(_target(row) for row in _rows().get(message_code, ()))
    protected = [t for t in targets if t.class_id == _PROTECTION_CLASS]
    if not protected:
        return tuple(targets)
    hidden = _sensitive(message_code)
    return tuple(t for t in targets if t not in hidden)


@cache
def _sensitive(message_code: int) -> tuple[Target, ...]:
    rows = _rows().get(message_code, ())
    open_ = {_target(r) for r in rows if r["sensitive"] != "1"}
    return tuple(dict.fromkeys(t for t in map(_target, rows) if t not in open_))


def protected_of(message_code: int) -> tuple[Target, ...]:
    """The objects that a use case reads through data protection, in order."""
    return _sensitive(message_code)


@cache
def _named() -> dict[Target, tuple[str, str]]:
    """Names of object and member as GBCS has them; empty where it has none of its own."""
    out: dict[Target, tuple[str, str]] = {}
    for row in table("dlms", "obis"):
        if row["gbcs_name"] or row["gbcs_member"]:
            named = (row["gbcs_name"], row["gbcs_member"])
            out[
                target_of(int(row["class_id"]), row["obis"], int(row["index"]), row["member"] == "method")
            ] = named
    return out


@cache
def _names_by_obis() -> dict[tuple[int, str], str]:
    out: dict[tuple[int, str], str] = {}
    for found, (name, _member) in _named().items():
        if name:
            out.setdefault((found.class_id, found.obis), name)
    return out


@lru_cache(maxsize=CACHED)
def object_title(target: Target) -> str | None:
    """Name of an object and its member: ``ActiveImportRegister: value``; None when no table has it."""
    name, member = _named().get(target, ("", ""))
    name = name or _names_by_obis().get((target.class_id, target.obis), "") or target.object
    if not name:
        return None
    member = member or target.member or f"{'method' if target.method else 'attribute'} {target.number}"
    return f"{name}: {member}" if member else name


@lru_cache(maxsize=CACHED)
def names_of(message_code: int, target: Target) -> ValueNames | None:
    """What the elements of the value of `target` are called in a use case; None when the table does not say."""
    standard = None if target.method else names_called(f"{target.class_id}/{target.number}")
    if standard is not None:
        return standard
    rows = [r for r in _rows().get(message_code, ()) if _target(r) == target]
    rows = rows or _rows_of_objects().get(target, [])
    root = ValueNames("value")
    before = ""
    for row in rows:
        _, _, path = row["cosem_name"].partition(":")
        if "range_descriptor" in path:
            continue
        path = before = path or _second_element(before, row["data_type"])
        place = root.at(_DOTS.split(path))
        place.title = row["object_name"]
        place.type = row["data_type"]
        place.constant = row["constant_value"]
    return root if rows else None


def _second_element(before: str, type_: str) -> str:
    """Path of a row that the annex leaves blank: the second element's twin of the row before."""
    tokens = _DOTS.split(before)
    if _TWIN not in type_ or len(tokens) < 2:
        return ""
    name = tokens[-2]
    return ".".join([*tokens[:-2], f"secondary{name[:1].upper()}{name[1:]}", tokens[-1]])


@cache
def names_called(value: str) -> ValueNames | None:
    """What the elements of a value of ``tables/value_names.csv`` are called: ``class/attribute``, or by its name."""
    for row in table("gbcs", "value_names"):
        if row["value"] == value:
            root = ValueNames("value")
            for path in row["paths"].split():
                root.at(path.split("."))
            return root
    return None


@cache
def _rows_of_objects() -> dict[Target, list[dict[str, str]]]:
    """The rows of all use cases by their object."""
    out: dict[Target, list[dict[str, str]]] = {}
    for rows in _rows().values():
        for row in rows:
            out.setdefault(_target(row), []).append(row)
    return out


@cache
def _quantities() -> list[tuple[re.Pattern[str], str]]:
    return [(re.compile(r["pattern"]), r["unit"]) for r in table("gbcs", "quantities")]


@lru_cache(maxsize=CACHED)
def unit_of(target: Target | None, name: str = "") -> str:
    """Unit of a value by its object and, inside a structure, the name of the part; empty when unknown.

    The unit is that of the register without its scaler: a `scaler_unit` in the same message goes before.
    """
    title = (object_title(target) or "") if target is not None else ""
    obis = target.obis if target is not None else ""
    words = f"{obis} {title} {name}"
    for pattern, unit in _quantities():
        if pattern.search(words):
            return unit
    return ""
