"""The tables of the ZCL: what the number of a cluster, attribute, command, field or type stands for.

One set of facts for both ways of looking at a frame: `dissectors.zcl` (one frame, a tree) and the
column path (many frames). Tables lie in ``tables/*.csv``; a manufacturer's own clusters are CSV blocks
in ``tables/manufacturer`` (see docs/adding_things.md). Rows are read when their cluster is first asked for.
"""

from __future__ import annotations

from functools import cache

from dissectors.zcl.catalogue_rows import Tables
from dissectors.zcl.entries import (
    Attribute,
    Cluster,
    Command,
    DataType,
    Direction,
    FieldSpec,
    Meaning,
    Side,
    data_type,
    data_type_named,
)

__all__ = [
    "Attribute",
    "Cluster",
    "Command",
    "DataType",
    "Direction",
    "FieldSpec",
    "Meaning",
    "Side",
    "add_block",
    "attribute",
    "attributes",
    "attributes_of",
    "cluster",
    "clusters",
    "command",
    "commands",
    "commands_of",
    "data_type",
    "data_type_named",
    "meaning",
    "meanings",
    "struct",
]


@cache
def _tables() -> Tables:
    return Tables()


def cluster(id: int, manufacturer: int | None = None) -> Cluster:  # noqa: A002
    """Cluster `id`; an unknown one is named ``Cluster 0x....``."""
    known = _tables().clusters
    found = known.get((id, manufacturer)) or known.get((id, None))
    return found or _only_manufacturer(id) or Cluster(id, f"Cluster 0x{id:04X}")


@cache
def _only_manufacturer(id: int) -> Cluster | None:  # noqa: A002
    """The cluster in the manufacturer range that is known for one manufacturer only."""
    found = [c for c in _tables().clusters.values() if c.id == id] if id >= 0xFC00 else []
    return found[0] if len(found) == 1 else None


def clusters() -> tuple[Cluster, ...]:
    """All clusters of the tables."""
    return tuple(_tables().clusters.values())


def attribute(cluster: int, side: str, id: int, manufacturer: int | None = None) -> Attribute | None:  # noqa: A002
    """The attribute, or None. Global attributes (ClusterRevision ...) belong to every cluster."""
    known = _tables().attributes_of(cluster)
    return known.get((cluster, side, id, manufacturer)) or known.get((-1, "", id, None))


def attributes() -> tuple[Attribute, ...]:
    """All attributes of the tables."""
    return tuple(_tables().whole().attributes.values())


def attributes_of(cluster: int) -> tuple[Attribute, ...]:
    """The attributes of one cluster, of both sides and all manufacturers; without the global ones."""
    return tuple(one for key, one in _tables().attributes_of(cluster).items() if key[0] == cluster)


def command(cluster: int, direction: str, id: int, manufacturer: int | None = None) -> Command | None:  # noqa: A002
    """The cluster command, or None."""
    return _tables().commands_of(cluster).get((cluster, direction, id, manufacturer))


def commands_of(cluster: int) -> tuple[Command, ...]:
    """The commands of one cluster, of both directions and all manufacturers."""
    return tuple(one for key, one in _tables().commands_of(cluster).items() if key[0] == cluster)


def commands() -> tuple[Command, ...]:
    """All cluster commands of the tables."""
    return tuple(_tables().whole().commands.values())


def meaning(name: str) -> Meaning | None:
    """The enumeration or bitmap called `name`, or None."""
    return _tables().meaning(name) if name else None


def meanings() -> tuple[Meaning, ...]:
    """All enumerations and bitmaps of the tables."""
    return tuple(_tables().whole().meanings.values())


def struct(name: str) -> tuple[FieldSpec, ...]:
    """Fields of the structure called `name`. Raises KeyError: a table names what it does not hold."""
    return _tables().struct(name)


def add_block(rows: list[dict[str, str]]) -> None:
    """Add a block of rows (a manufacturer's cluster) to the tables, as if it lay in ``tables/manufacturer``.

    Columns: kind (cluster, attribute, command, field, enum, bitmap), cluster, manufacturer, where (side or
    direction), id, name, type, meaning, repeat, condition, optional.
    Raises ValueError or KeyError for a row that says nothing valid.
    """
    _tables().add_block(rows)
    _only_manufacturer.cache_clear()
