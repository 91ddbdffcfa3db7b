"""What the tables of the ZCL hold: clusters, attributes, commands with their fields, meanings, data types."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Literal, NamedTuple

from dissectors.layout.tables import table
from dissectors.zcl.expression import FieldValues, compiled

__all__ = [
    "Attribute",
    "Cluster",
    "Command",
    "DataType",
    "Direction",
    "FieldSpec",
    "Meaning",
    "Side",
    "data_type",
    "data_type_named",
]

Direction = Literal["to-server", "to-client"]
Side = Literal["server", "client"]


# Kinds whose invalid value has all bits set (ZCL table 2-10); signed integers use the most negative one.
_ALL_ONES = frozenset({"uint", "bool", "enum", "utc", "date", "time_of_day", "cluster", "attribute", "eui64"})


class DataType(NamedTuple):
    """A ZCL data type (ZCL 07-5123, table 2-10).

    Attributes:
        name: short name: ``uint48``, ``map8``, ``octstr``, ``UTC``.
        length: octets of a value; for strings the octets of the length prefix; 0 for composites.
        kind: none, data, bool, bitmap, uint, int, enum, float, octets, text, list, structure,
            time_of_day, date, utc, cluster, attribute, eui64, key.
        analog: reports of it carry a reportable change.
    """

    id: int
    name: str
    title: str
    length: int
    kind: str
    analog: bool

    @property
    def invalid(self) -> int | None:
        """The value that means "not available", as the unsigned integer on the wire, if there is one."""
        if self.kind in _ALL_ONES:
            return (1 << (8 * self.length)) - 1
        return 1 << (8 * self.length - 1) if self.kind == "int" else None


class Cluster(NamedTuple):
    """A cluster; `manufacturer` is set for clusters in the manufacturer range."""

    id: int
    name: str
    domain: str = ""
    manufacturer: int | None = None


class Attribute(NamedTuple):
    """An attribute of one side of a cluster; `meaning` names an enumeration or bitmap, or is empty."""

    cluster: int
    side: Side
    id: int
    name: str
    type: DataType
    meaning: str = ""
    manufacturer: int | None = None


class FieldSpec(NamedTuple):
    """One field of a command or structure.

    Attributes:
        type: a data type's short name, ``struct:<name>``, ``octets:<expression or rest>``, or ``typed``
            (a data type octet, then a value of it).
        meaning: enumeration or bitmap that names the values; may be empty.
        repeat: empty, ``rest`` (until the end), or ``count:<expression>`` over earlier fields.
        condition: expression over earlier fields; the field is there when it is empty or not 0.
        optional: expression over earlier fields; where it is not 0 the payload may end before the field.
    """

    name: str
    type: str
    meaning: str = ""
    repeat: str = ""
    condition: str = ""
    optional: str = ""

    def may_be_missing(self, values: FieldValues) -> bool:
        """Whether the payload may end before the field, after these values."""
        return bool(self.optional) and compiled(self.optional)(values) != 0


class Command(NamedTuple):
    """A command of a cluster: its fields in wire order; `others` are further layouts, by revision name. `answer` is the
    command the other way that is due to it."""

    cluster: int
    direction: Direction
    id: int
    name: str
    fields: tuple[FieldSpec, ...] = ()
    others: tuple[tuple[str, tuple[FieldSpec, ...]], ...] = ()
    manufacturer: int | None = None
    answer: int | None = None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Meaning:
    """An enumeration (value -> label) or a bitmap (mask -> label, with the enumeration of a wide one).

    `mask`: the bits of a value that an enumeration stands in; the others are reserved.
    """

    name: str
    kind: Literal["enum", "bitmap"]
    labels: dict[int, str]
    parts: dict[int, str] = field(default_factory=dict)
    mask: int = -1


def data_type(id: int) -> DataType | None:  # noqa: A002
    """The data type with identifier `id`, or None."""
    return _types()[0].get(id)


def data_type_named(name: str) -> DataType:
    """The data type with the short name `name`. Raises KeyError."""
    return _types()[1][name]


@cache
def _types() -> tuple[dict[int, DataType], dict[str, DataType]]:
    found = [
        DataType(int(r["id"], 16), r["name"], r["title"], int(r["length"]), r["kind"], r["analog"] == "1")
        for r in table("zcl", "types")
    ]
    return {t.id: t for t in found}, {t.name: t for t in found}
