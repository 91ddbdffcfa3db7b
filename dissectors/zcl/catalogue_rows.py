"""The rows of the ZCL's tables to entries, a cluster at a time.

Strategy: the tables have nine thousand rows, and a capture has a handful of clusters. So a cluster's
attributes and commands, and an enumeration's labels, are made when they are first asked for; only the names
of the clusters and the manufacturers' blocks are read at once. Reading twice does no harm (two threads may).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources

from dissectors.layout.tables import sections, table
from dissectors.zcl.entries import (
    Attribute,
    Cluster,
    Command,
    Direction,
    FieldSpec,
    Meaning,
    data_type_named,
)

__all__ = ["Tables"]

EVERY_CLUSTER = -1
"""The number under which global attributes stand."""
DEVICE_EVENT, EVENTS = "DeviceEvent", 0x0708
"""An event identifier is the identifier of the attribute that configures the event (ZSE D.11.2.2)."""
PARTLY_RESERVED = {"low-nibble": 0x0F}
"""Kinds of enumeration that do not fill their octet, and the bits that they stand in."""
CatalogueKey = tuple[int, str, int, int | None]
"""Cluster, side or direction, identifier, manufacturer (None: the standard's own)."""


class Tables:
    """Everything that was asked for so far, by its key."""

    def __init__(self) -> None:
        self.clusters: dict[tuple[int, int | None], Cluster] = {}
        self.attributes: dict[CatalogueKey, Attribute] = {}
        self.commands: dict[CatalogueKey, Command] = {}
        self.meanings: dict[str, Meaning] = {}
        self._with_attributes: set[int] = set()
        self._with_commands: set[int] = set()
        self._structs: dict[str, tuple[FieldSpec, ...]] = {}
        for row in table("zcl", "clusters"):
            self._add_cluster(row)
        for name in _blocks():
            self.add_block(table("zcl", f"manufacturer/{name}"))

    def attributes_of(self, cluster: int) -> Mapping[CatalogueKey, Attribute]:
        """The attributes, those of `cluster` and the global ones among them."""
        if cluster not in self._with_attributes:
            for number in (EVERY_CLUSTER, cluster):
                for row in _rows("attributes", number):
                    self._add_attribute(row)
            self._with_attributes.add(cluster)
        return self.attributes

    def commands_of(self, cluster: int) -> Mapping[CatalogueKey, Command]:
        """The commands, those of `cluster` among them."""
        if cluster not in self._with_commands:
            for row in _rows("commands", cluster):
                self._add_command(row)
            self._add_fields(_rows("fields", cluster))
            self._with_commands.add(cluster)
        return self.commands

    def meaning(self, name: str) -> Meaning | None:
        """The enumeration or bitmap called `name`, or None."""
        if name not in self.meanings:
            found = (
                self._events() if name == DEVICE_EVENT else _meaning(sections("zcl", "meanings").rows(name))
            )
            if found is not None:
                self.meanings[name] = found
        return self.meanings.get(name)

    def struct(self, name: str) -> tuple[FieldSpec, ...]:
        """Fields of the structure called `name`. Raises KeyError."""
        if name not in self._structs:
            rows = sections("zcl", "structs").rows(name)
            if not rows:
                raise KeyError(name)
            self._structs[name] = tuple(_field(row) for row in rows)
        return self._structs[name]

    def whole(self) -> Tables:
        """These tables, with all there is in them."""
        for number in _numbers("attributes"):
            self.attributes_of(number)
        for number in _numbers("commands"):
            self.commands_of(number)
        for name in (*sections("zcl", "meanings"), DEVICE_EVENT):
            self.meaning(name)
        return self

    def add_block(self, rows: Iterable[Mapping[str, str]]) -> None:
        """Add a block of rows: see `dissectors.zcl.catalogue.add_block`."""
        fields = []
        for row in rows:
            flat = {key: value or "" for key, value in row.items()}
            match flat["kind"]:
                case "cluster":
                    self._add_cluster(flat)
                case "attribute":
                    self.attributes_of(_cluster(flat))
                    self._add_attribute({**flat, "side": flat["where"], "attribute": flat["id"]})
                case "command":
                    self.commands_of(_cluster(flat))
                    self._add_command({**flat, "direction": flat["where"], "command": flat["id"]})
                case "field":
                    self.commands_of(_cluster(flat))
                    fields.append({**flat, "direction": flat["where"], "command": flat["id"]})
                case "enum" | "bitmap":
                    self._add_label(flat)
                case other:
                    raise ValueError(
                        f"a block row is a cluster, attribute, command, field, enum or bitmap, not {other!r}"
                    )
        self._add_fields(fields)

    def _events(self) -> Meaning:
        found = self.attributes_of(EVENTS).values()
        labels = {a.id: a.name for a in found if (a.cluster, a.side) == (EVENTS, "client") and a.id >= 0x0100}
        return Meaning(DEVICE_EVENT, "enum", labels)

    def _add_cluster(self, row: Mapping[str, str]) -> None:
        one = Cluster(_cluster(row), row["name"], row.get("domain", ""), _number(row["manufacturer"]))
        self.clusters[one.id, one.manufacturer] = one

    def _add_attribute(self, row: Mapping[str, str]) -> None:
        one = Attribute(
            _cluster(row),
            "client" if row["side"] == "client" else "server",
            int(row["attribute"], 0),
            row["name"],
            data_type_named(row["type"]),
            row["meaning"],
            _number(row["manufacturer"]),
        )
        side = "" if one.cluster == EVERY_CLUSTER else one.side
        self.attributes[one.cluster, side, one.id, one.manufacturer] = one

    def _add_label(self, row: Mapping[str, str]) -> None:
        labels = [{**row, "name": row["meaning"], "value": row["id"], "label": row["name"]}]
        found = _meaning(labels, self.meaning(row["meaning"]))
        if found is not None:
            self.meanings[found.name] = found

    def _add_command(self, row: Mapping[str, str]) -> None:
        direction: Direction = "to-client" if row["direction"] == "to-client" else "to-server"
        manufacturer = _number(row["manufacturer"])
        answer = _number(row.get("answer", ""))
        one = Command(
            _cluster(row), direction, int(row["command"], 0), row["name"], (), (), manufacturer, answer
        )
        self.commands[one.cluster, one.direction, one.id, one.manufacturer] = one

    def _add_fields(self, rows: Iterable[Mapping[str, str]]) -> None:
        layouts: dict[CatalogueKey, dict[str, list[FieldSpec]]] = {}
        for row in rows:
            manufacturer = _number(row.get("manufacturer", ""))
            key = (_cluster(row), row["direction"], int(row["command"], 0), manufacturer)
            layouts.setdefault(key, {}).setdefault(row.get("layout") or "", []).append(_field(row))
        for key, by_name in layouts.items():
            old = self.commands[key]
            others = tuple((name, tuple(specs)) for name, specs in by_name.items() if name)
            first = tuple(by_name.get("", ()))
            self.commands[key] = Command(
                old.cluster, old.direction, old.id, old.name, first, others, old.manufacturer, old.answer
            )


@cache
def _numbers(name: str) -> dict[int, str]:
    """The clusters of a table, and how it writes each."""
    return {_cluster({"cluster": text}): text for text in sections("zcl", name)}


def _rows(name: str, cluster: int) -> tuple[dict[str, str], ...]:
    text = _numbers(name).get(cluster)
    return sections("zcl", name).rows(text) if text is not None else ()


def _cluster(row: Mapping[str, str]) -> int:
    return EVERY_CLUSTER if row["cluster"] == "*" else int(row["cluster"], 0)


def _blocks() -> list[str]:
    folder = resources.files("dissectors.zcl") / "tables" / "manufacturer"
    return sorted(p.name.removesuffix(".csv") for p in folder.iterdir() if p.name.endswith(".csv"))


def _number(text: str) -> int | None:
    return int(text, 0) if text else None


def _meaning(rows: Iterable[Mapping[str, str]], known: Meaning | None = None) -> Meaning | None:
    """What `rows` of one name say, added to what is `known`; None when there is none."""
    for row in rows:
        bitmap = row["kind"] == "bitmap"
        if known is None:
            known = Meaning(
                row["name"], "bitmap" if bitmap else "enum", {}, mask=PARTLY_RESERVED.get(row["kind"], -1)
            )
        if bitmap == (known.kind == "bitmap"):
            value = int(row["value"], 0)
            known.labels[value] = row["label"]
            if row.get("item_type"):
                known.parts[value] = row["item_type"]
    return known


def _field(row: Mapping[str, str]) -> FieldSpec:
    kind = row["type"]
    if ":" not in kind and kind != "typed":
        data_type_named(kind)
    return FieldSpec(
        row["name"],
        kind,
        row.get("meaning") or "",
        row.get("repeat") or "",
        row.get("condition") or "",
        row.get("optional") or "",
    )
