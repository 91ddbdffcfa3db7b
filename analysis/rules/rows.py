"""Rows that rules read: a table, which of its rows, and which columns of them.

    packets.where(c.nwk_command == "Leave")[c.sender, c.seconds]

Strategy: rows are values. All that they name is looked up when they are made: a rule about what no dissector gives would
never fire, and look well. The engine finds the rows (`analysis.engine.selections`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from analysis.features.identifiers import (
    ALERTS,
    APS_COMMANDS,
    CLUSTERS,
    MAC_COMMANDS,
    NWK_COMMANDS,
    PROFILES,
    STATUS,
    Identifiers,
)  # fmt: skip
from analysis.rules.expression import (
    DERIVED,
    STATION,
    And,
    Bits,
    Column,
    Compare,
    Condition,
    Holds,
    Match,
    Not,
    OfHub,
    OfRole,
    OneOf,
    Or,
    Parameter,
    RuleError,
    bound,
    c,
    columns_in,
    leaves,
    near,
    parameters_in,
)  # fmt: skip
from analysis.tables.schema import TABLES

__all__ = [
    "TABLES_OF_RULES", "Rows", "all_messages", "all_packets", "attributes", "checked", "commands", "devices", "field",
    "having", "items", "kinds", "messages", "number_of", "packets",
]  # fmt: skip

OF_MESSAGE = (
    "frames", "kind", "originator", "recipient", "seconds", "time", "use_case", "message_code", "cra", "answers",
)  # fmt: skip
"""Columns that an item takes from its message."""
OF_COMMAND = ("frame", "seconds", "source", "destination", "direction", "command", "command_name")
NUMBERS = ("int", "uint", "float")


@cache
def kinds(table: str) -> Mapping[str, str]:
    """The columns that rules find in a table, with their types."""
    if table == "items":
        of_message = kinds("messages")
        own = {column.name: column.type for column in TABLES["items"]}
        return {**own, **{name: of_message[name] for name in OF_MESSAGE}}
    return {**{column.name: column.type for column in TABLES[table]}, **DERIVED.get(table, {})}


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows of a table.

    Attributes:
        table: its name.
        condition: which rows; None for all.
        columns: those that a rule with code gets, in this order.
        of: of rows that are one a command (see `Command`) and not one a field: which commands.
        fields: of such rows: the fields that are columns.
    """

    table: str
    condition: Condition | None = None
    columns: tuple[str, ...] = ()
    of: Condition | None = None
    fields: tuple[str, ...] = ()

    def where(self, *conditions: Condition) -> Rows:
        """Those of these rows that fit all `conditions`.

        Raises:
            RuleError: the table does not have a column that is asked for, or it never holds what it is compared with.
        """
        found = [checked(condition, self.table, self.kinds) for condition in conditions]
        every = (*(() if self.condition is None else (self.condition,)), *found)
        return replace(self, condition=every[0] if len(every) == 1 else And(every))

    def __getitem__(self, columns: Column | tuple[Column, ...]) -> Rows:
        wanted = columns if isinstance(columns, tuple) else (columns,)
        for column in wanted:
            known_column(column.name, self.table, self.kinds)
        return replace(self, columns=tuple(column.name for column in wanted))

    @property
    def kinds(self) -> Mapping[str, str]:
        """The columns that there are, with their types."""
        if self.of is None:
            return kinds(self.table)
        return {name: kinds(self.table)[name] for name in OF_COMMAND} | dict.fromkeys(self.fields, "any")

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables without which there are no such rows."""
        inside = self.condition is not None and any(
            isinstance(leaf, Holds) for leaf in leaves(self.condition)
        )
        return ("messages", "items") if self.table == "items" or inside else (self.table,)

    @property
    def parameters(self) -> set[str]:
        """The parameters that the rows depend on."""
        return set() if self.condition is None else parameters_in(self.condition)

    def bound(self, values: Mapping[str, Any]) -> Rows:
        """These rows with `values` in place of parameters."""
        return self if self.condition is None else replace(self, condition=bound(self.condition, values))


def known_column(name: str, table: str, known: Mapping[str, str]) -> str:
    """The type of a column. Raises `RuleError` where there is no such column."""
    if name not in known:
        raise RuleError(f"{table} have no column {name}{near(name, known)}")
    return known[name]


NAMED: Mapping[str, Identifiers] = {
    "mac_command": MAC_COMMANDS, "nwk_command": NWK_COMMANDS, "aps_command": APS_COMMANDS, "aps_cluster": CLUSTERS,
    "cluster": CLUSTERS, "aps_profile": PROFILES, "zcl_status": STATUS, "status": STATUS, "alert_code": ALERTS,
}  # fmt: skip
"""Columns of numbers that have names: ``c.nwk_command == "Leave"``."""


def named(condition: Condition, known: Mapping[str, str]) -> Condition:
    """The condition with numbers in place of the names of clusters, commands, statuses ...

    Raises:
        RuleError: there is no such name.
    """
    if isinstance(condition, And | Or):
        return type(condition)(tuple(named(part, known) for part in condition.parts))
    if isinstance(condition, Not):
        return Not(named(condition.part, known))
    column = getattr(condition, "column", "")
    if column not in NAMED or not known.get(column, "").startswith(NUMBERS):
        return condition
    if isinstance(condition, Compare) and isinstance(condition.value, str):
        return replace(condition, value=number_of(NAMED[column], condition.value))
    if isinstance(condition, OneOf) and isinstance(condition.values, tuple):
        numbers = (number_of(NAMED[column], one) if isinstance(one, str) else one for one in condition.values)
        return replace(condition, values=tuple(numbers))
    return condition


def number_of(known: Identifiers, name: str) -> int:
    """What a name stands for. Raises `RuleError` where it stands for nothing."""
    try:
        return known[name]
    except LookupError as error:
        raise RuleError(f"{error.args[0]}{near(name, known)}") from None


def checked(condition: Condition, table: str, known: Mapping[str, str]) -> Condition:
    """The condition, names looked up: the table has its columns, and they can hold what they are compared with.

    Raises:
        RuleError: they have not, or cannot.
    """
    if not isinstance(condition, Condition):
        raise RuleError(f"{condition!r} is no condition: c.COLUMN == value")
    condition = named(condition, known)
    for name in sorted(columns_in(condition)):
        known_column(name, table, known)
    for leaf in leaves(condition):
        kind = known[leaf.column]
        if isinstance(leaf, OfRole | OfHub) and kind != STATION:
            raise RuleError(f"{table}.{leaf.column} is not a device")
        if isinstance(leaf, Match) and not isinstance(leaf.pattern, Parameter):
            _check_pattern(leaf, table, kind)
        if isinstance(leaf, Bits) and not kind.startswith((*NUMBERS, "any")):
            raise RuleError(f"{table}.{leaf.column} holds no numbers")
        for value in _values(leaf):
            _check_value(value, table, leaf.column, kind)
    return condition


def _check_pattern(leaf: Match, table: str, kind: str) -> None:
    if kind not in ("category", "string", "any"):
        raise RuleError(f"{table}.{leaf.column} holds no text")
    try:
        re.compile(str(leaf.pattern))
    except re.error as error:
        raise RuleError(f"{leaf.pattern!r} is no regular expression: {error}") from None


def _values(leaf: Condition) -> Iterable[Any]:
    if isinstance(leaf, Compare):
        return (leaf.value,)
    return leaf.values if isinstance(leaf, OneOf) and isinstance(leaf.values, tuple) else ()


def _check_value(value: Any, table: str, column: str, kind: str) -> None:
    if isinstance(value, Parameter | Column) or kind == "any":
        return
    fits = {"bool": bool, "category": str, "string": str}.get(kind, int | float)
    if (
        kind in ("time", "frames")
        or not isinstance(value, fits)
        or (isinstance(value, bool) and kind != "bool")
    ):
        raise RuleError(f"{table}.{column} never holds {value!r}: it is {_words(kind)}")
    choice = _choices(table, column)
    if choice and value not in choice:
        raise RuleError(
            f"{table}.{column} never holds {value!r}{near(str(value), choice) or f' ({choice[0]} ...)'}"
        )


def _words(kind: str) -> str:
    words = {"bool": "true or false", "category": "a text", "string": "a text", STATION: "a device's address"}
    return words.get(kind, "a number" if kind.startswith(NUMBERS) else kind)


@cache
def _choices(table: str, column: str) -> tuple[str, ...]:
    """The words of a column that only ever holds one of a few, which stand in the schema."""
    found = next((one for one in TABLES[table] if one.name == column and one.few), None)
    return () if found is None else tuple(re.findall(r"[a-z][\w-]*", found.meaning))


all_packets = Rows("packets")
packets = all_packets.where(~(c.fcs_ok == False))  # noqa: E712
"""Packets whose frame check sequence is not known to be wrong; `all_packets` are all."""
attributes, commands, devices, items = Rows("attributes"), Rows("commands"), Rows("devices"), Rows("items")
all_messages = Rows("messages")
messages = all_messages.where(c.kind == "gbcs", c.message_code.known, ~(c.payload_kind == "gbt"))
"""GBCS messages, each once, however many blocks it came in; `all_messages` are all rows."""
TABLES_OF_RULES: Mapping[str, Rows] = {
    "packets": packets, "all_packets": all_packets, "attributes": attributes, "commands": commands, "devices": devices,
    "messages": messages, "all_messages": all_messages, "items": items,
}  # fmt: skip


def field(name: str) -> Column:
    """A field of `Command` rows, to put into conditions."""
    return Column(name)


def having(rows: Rows) -> Condition:
    """Messages with such an item: ``messages.where(having(Item("CS02a", "response", ".*status")))``.

    Raises:
        RuleError: the rows are no items.
    """
    if rows.table != "items":
        raise RuleError(f"messages have items, and no {rows.table}")
    return Holds("message", replace(rows, columns=()))
