"""The tables of the ZCL: what the number of a cluster, attribute, command, field or type stands for.

One set of facts for both ways of looking at a frame: `dissectors.zcl` (one frame, a tree) and the
column path (many frames). Tables lie in ``tables/*.csv``; a manufacturer's own clusters are CSV blocks
in ``tables/manufacturer`` (see docs/adding_a_cluster.md). All is read when first asked for, once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

from dissectors.facts import table

__all__ = [
    "Attribute",
    "Cluster",
    "Command",
    "DataType",
    "FieldSpec",
    "Meaning",
    "add_block",
    "attribute",
    "cluster",
    "clusters",
    "command",
    "commands",
    "data_type",
    "data_type_named",
    "meaning",
    "struct",
]

Direction = Literal["to-server", "to-client"]
Side = Literal["server", "client"]


# Kinds whose invalid value has all bits set (ZCL table 2-10); signed integers use the most negative one.
_ALL_ONES = frozenset({"uint", "bool", "enum", "utc", "date", "time_of_day", "cluster", "attribute", "eui64"})


@dataclass(frozen=True, slots=True)
class DataType:
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


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster; `manufacturer` is set for clusters in the manufacturer range."""

    id: int
    name: str
    domain: str = ""
    manufacturer: int | None = None


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of one side of a cluster; `meaning` names an enumeration or bitmap, or is empty."""

    cluster: int
    side: Side
    id: int
    name: str
    type: DataType
    meaning: str = ""
    manufacturer: int | None = None


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One field of a command or structure.

    Attributes:
        type: a data type's short name, ``struct:<name>``, ``octets:<expression or rest>``, or ``typed``
            (a data type octet, then a value of it).
        meaning: enumeration or bitmap that names the values; may be empty.
        repeat: empty, ``rest`` (until the end), or ``count:<expression>`` over earlier fields.
        condition: expression over earlier fields; the field is there when it is empty or not 0.
        optional: the payload may end before it (a field of a later revision).
    """

    name: str
    type: str
    meaning: str = ""
    repeat: str = ""
    condition: str = ""
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """A command of a cluster: its fields in wire order; `others` are further layouts, by revision name."""

    cluster: int
    direction: Direction
    id: int
    name: str
    fields: tuple[FieldSpec, ...] = ()
    others: tuple[tuple[str, tuple[FieldSpec, ...]], ...] = ()
    manufacturer: int | None = None


@dataclass(frozen=True, slots=True)
class Meaning:
    """An enumeration (value -> label) or a bitmap (mask -> label, with the enumeration of a wide one)."""

    name: str
    kind: Literal["enum", "bitmap"]
    labels: dict[int, str] = field(hash=False)
    parts: dict[int, str] = field(hash=False, default_factory=dict)


@dataclass(slots=True)
class _Tables:
    """Everything, by its key; manufacturer None is the standard's own."""

    clusters: dict[tuple[int, int | None], Cluster] = field(default_factory=dict)
    attributes: dict[tuple[int, str, int, int | None], Attribute] = field(default_factory=dict)
    commands: dict[tuple[int, str, int, int | None], Command] = field(default_factory=dict)
    meanings: dict[str, Meaning] = field(default_factory=dict)
    structs: dict[str, tuple[FieldSpec, ...]] = field(default_factory=dict)


def cluster(id: int, manufacturer: int | None = None) -> Cluster:  # noqa: A002
    """Cluster `id`; an unknown one is named ``Cluster 0x....``."""
    known = _tables().clusters
    found = known.get((id, manufacturer)) or known.get((id, None))
    return found or _only_manufacturer(id) or Cluster(id, f"Cluster 0x{id:04X}")


def clusters() -> tuple[Cluster, ...]:
    """All clusters of the tables."""
    return tuple(_tables().clusters.values())


def attribute(cluster: int, side: str, id: int, manufacturer: int | None = None) -> Attribute | None:  # noqa: A002
    """The attribute, or None. Global attributes (ClusterRevision ...) belong to every cluster."""
    known = _tables().attributes
    return known.get((cluster, side, id, manufacturer)) or known.get((-1, "", id, None))


def command(cluster: int, direction: str, id: int, manufacturer: int | None = None) -> Command | None:  # noqa: A002
    """The cluster command, or None."""
    return _tables().commands.get((cluster, direction, id, manufacturer))


def commands() -> tuple[Command, ...]:
    """All cluster commands of the tables."""
    return tuple(_tables().commands.values())


def meaning(name: str) -> Meaning | None:
    """The enumeration or bitmap called `name`, or None."""
    return _tables().meanings.get(name) if name else None


def struct(name: str) -> tuple[FieldSpec, ...]:
    """Fields of the structure called `name`. Raises KeyError: a table names what it does not hold."""
    return _tables().structs[name]


def data_type(id: int) -> DataType | None:  # noqa: A002
    """The data type with identifier `id`, or None."""
    return _types()[0].get(id)


def data_type_named(name: str) -> DataType:
    """The data type with the short name `name`. Raises KeyError."""
    return _types()[1][name]


def add_block(rows: list[dict[str, str]]) -> None:
    """Add a block of rows (a manufacturer's cluster) to the tables, as if it lay in ``tables/manufacturer``.

    Columns: kind (cluster, attribute, command, field, enum, bitmap), cluster, manufacturer, where (side or
    direction), id, name, type, meaning, repeat, condition, optional.
    Raises ValueError or KeyError for a row that says nothing valid.
    """
    _read_block(_tables(), rows)


@cache
def _types() -> tuple[dict[int, DataType], dict[str, DataType]]:
    found = [
        DataType(int(r["id"], 16), r["name"], r["title"], int(r["length"]), r["kind"], r["analog"] == "1")
        for r in table("zcl", "types")
    ]
    return {t.id: t for t in found}, {t.name: t for t in found}


@cache
def _only_manufacturer(id: int) -> Cluster | None:  # noqa: A002
    """The cluster in the manufacturer range that is known for one manufacturer only."""
    found = [c for c in _tables().clusters.values() if c.id == id] if id >= 0xFC00 else []
    return found[0] if len(found) == 1 else None


@cache
def _tables() -> _Tables:
    tables = _Tables()
    for row in table("zcl", "clusters"):
        _add_cluster(tables, row)
    for row in table("zcl", "attributes"):
        _add_attribute(tables, row)
    for row in table("zcl", "meanings"):
        _add_meaning(tables, row)
    structs: dict[str, list[FieldSpec]] = {}
    for row in table("zcl", "structs"):
        structs.setdefault(row["struct"], []).append(_field(row))
    tables.structs = {name: tuple(specs) for name, specs in structs.items()}
    for row in table("zcl", "commands"):
        _add_command(tables, row)
    _add_fields(tables, table("zcl", "fields"))
    # An event identifier is the identifier of the attribute that configures the event (ZSE D.11.2.2).
    events = (a for a in tables.attributes.values() if (a.cluster, a.side) == (0x0708, "client"))
    labels = {a.id: a.name for a in events if a.id >= 0x0100}
    tables.meanings["DeviceEvent"] = Meaning("DeviceEvent", "enum", labels)
    for name in _blocks():
        _read_block(tables, table("zcl", f"manufacturer/{name}"))
    return tables


def _blocks() -> list[str]:
    from importlib import resources

    folder = resources.files("dissectors.zcl") / "tables" / "manufacturer"
    return sorted(p.name.removesuffix(".csv") for p in folder.iterdir() if p.name.endswith(".csv"))


def _number(text: str) -> int | None:
    return int(text, 0) if text else None


def _add_cluster(tables: _Tables, row: dict[str, str]) -> None:
    one = Cluster(int(row["cluster"], 0), row["name"], row.get("domain", ""), _number(row["manufacturer"]))
    tables.clusters[one.id, one.manufacturer] = one


def _add_attribute(tables: _Tables, row: dict[str, str]) -> None:
    everywhere = row["cluster"] == "*"
    one = Attribute(
        -1 if everywhere else int(row["cluster"], 0),
        "client" if row["side"] == "client" else "server",
        int(row["attribute"], 0),
        row["name"],
        data_type_named(row["type"]),
        row["meaning"],
        _number(row["manufacturer"]),
    )
    tables.attributes[one.cluster, "" if everywhere else one.side, one.id, one.manufacturer] = one


def _add_meaning(tables: _Tables, row: dict[str, str]) -> None:
    name = row["name"]
    if name not in tables.meanings:
        tables.meanings[name] = Meaning(name, "bitmap" if row["kind"] == "bitmap" else "enum", {})
    one = tables.meanings[name]
    if row["kind"] == one.kind:
        value = int(row["value"], 0)
        one.labels[value] = row["label"]
        if row.get("item_type"):
            one.parts[value] = row["item_type"]


def _field(row: dict[str, str]) -> FieldSpec:
    kind = row["type"]
    if ":" not in kind and kind != "typed":
        data_type_named(kind)
    return FieldSpec(
        row["name"],
        kind,
        row.get("meaning") or "",
        row.get("repeat") or "",
        row.get("condition") or "",
        row.get("optional") == "1",
    )


def _add_command(tables: _Tables, row: dict[str, str]) -> None:
    direction: Direction = "to-client" if row["direction"] == "to-client" else "to-server"
    one = Command(
        int(row["cluster"], 0),
        direction,
        int(row["command"], 0),
        row["name"],
        manufacturer=_number(row["manufacturer"]),
    )
    tables.commands[one.cluster, one.direction, one.id, one.manufacturer] = one


def _add_fields(tables: _Tables, rows: Any) -> None:
    layouts: dict[tuple[int, str, int, int | None], dict[str, list[FieldSpec]]] = {}
    for row in rows:
        key = (
            int(row["cluster"], 0),
            row["direction"],
            int(row["command"], 0),
            _number(row.get("manufacturer", "")),
        )
        layouts.setdefault(key, {}).setdefault(row.get("layout") or "", []).append(_field(row))
    for key, by_name in layouts.items():
        old = tables.commands[key]
        others = tuple((name, tuple(specs)) for name, specs in by_name.items() if name)
        first = tuple(by_name.get("", ()))
        tables.commands[key] = Command(
            old.cluster, old.direction, old.id, old.name, first, others, old.manufacturer
        )


def _read_block(tables: _Tables, rows: Any) -> None:
    fields = []
    for row in rows:
        flat = {key: value or "" for key, value in row.items()}
        match flat["kind"]:
            case "cluster":
                _add_cluster(tables, flat)
            case "attribute":
                _add_attribute(tables, {**flat, "side": flat["where"], "attribute": flat["id"]})
            case "command":
                _add_command(tables, {**flat, "direction": flat["where"], "command": flat["id"]})
            case "field":
                fields.append({**flat, "direction": flat["where"], "command": flat["id"]})
            case "enum" | "bitmap":
                _add_meaning(
                    tables, {**flat, "name": flat["meaning"], "value": flat["id"], "label": flat["name"]}
                )
            case other:
                raise ValueError(
                    f"a block row is a cluster, attribute, command, field, enum or bitmap, not {other!r}"
                )
    _add_fields(tables, fields)
    _only_manufacturer.cache_clear()
