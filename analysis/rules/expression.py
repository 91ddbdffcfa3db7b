"""Columns and conditions that rules are declared with: values that say which rows are meant, and read nothing.

    c.nwk_command == 0x04
    (c.aps_security == "none") & ~c.nwk_security.isin("none", "no_key")

Strategy: `c` has a name for each column of the schema and for those that are worked out (``sender``, ``seconds`` ...), so
a wrong name fails where it is written. What a column can be compared with is seen when the table is known
(`analysis.rules.rows`). Where a column has no value every comparison is false, ``!=`` too; ``~`` turns what is said
round, so ``~(c.aps_cluster == 6)`` holds of a frame without a cluster, and ``c.aps_cluster != 6`` does not.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NoReturn

from analysis.tables.schema import TABLES

__all__ = [
    "DERIVED", "And", "Bits", "Column", "Compare", "Condition", "Holds", "Known", "Match", "Not", "OfHub", "OfRole",
    "OneOf", "Or", "Parameter", "RuleError", "bound", "c", "columns_in", "leaves", "p",
]  # fmt: skip

STATION = "station"
DERIVED: Mapping[str, Mapping[str, str]] = {
    "packets": {
        "seconds": "float64", "pan": "uint16", "sender": STATION, "receiver": STATION, "origin": STATION,
        "target": STATION,
    },
    "attributes": {"seconds": "float64", "source": STATION, "destination": STATION},
    "commands": {"seconds": "float64", "source": STATION, "destination": STATION},
    "messages": {"seconds": "float64", "originator_role": "category", "recipient_role": "category"},
}  # fmt: skip
"""Columns that are worked out: seconds since the capture's first frame; of packets PAN, and the devices at both ends of
this hop (sender, receiver) and of the whole way (origin, target); of messages the roles of both parties in GBCS, where
the devices table has them."""


class RuleError(ValueError):
    """A rule that names what is not there, or says something that cannot be: a mistake of the rule."""


class Condition:
    """Which rows are meant. Put together with ``&``, ``|`` and ``~``."""

    __slots__ = ()

    def __and__(self, other: Condition) -> Condition:
        return And((self, other))

    def __or__(self, other: Condition) -> Condition:
        return Or((self, other))

    def __invert__(self) -> Condition:
        return Not(self)

    def __bool__(self) -> NoReturn:
        raise TypeError("conditions are put together with & | ~, and each comparison stands in parentheses")


@dataclass(frozen=True, slots=True)
class Compare(Condition):
    """``column operator value``; the value may be another column."""

    column: str
    operator: str
    value: Any


@dataclass(frozen=True, slots=True)
class OneOf(Condition):
    """The column holds one of these values."""

    column: str
    values: tuple[Any, ...] | Parameter


@dataclass(frozen=True, slots=True)
class Match(Condition):
    """The column's text fits a regular expression: all of it, or somewhere in it."""

    column: str
    pattern: str | Parameter
    whole: bool
    ignore_case: bool = False
    without_index: bool = False
    """Whether ``cells[2].subject`` is looked at as ``cells.subject``, too."""


@dataclass(frozen=True, slots=True)
class Known(Condition):
    """The column has a value."""

    column: str


@dataclass(frozen=True, slots=True)
class Bits(Condition):
    """Some bit of `mask` is set in the column's number."""

    column: str
    mask: int | Parameter


@dataclass(frozen=True, slots=True)
class OfRole(Condition):
    """The station has one of these roles (``ESME``, ``GSME`` ..., as in the devices table)."""

    column: str
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OfHub(Condition):
    """The station is a network's hub: short address 0x0000, or what is known to be one."""

    column: str


@dataclass(frozen=True, slots=True)
class Holds(Condition):
    """The message has an item among some rows of items (see `analysis.rules.rows.having`)."""

    column: str
    rows: Any


@dataclass(frozen=True, slots=True)
class And(Condition):
    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Or(Condition):
    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not(Condition):
    part: Condition


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value that a profile may change: ``p.seconds`` stands for what the rule's parameter ``seconds`` is."""

    name: str


class Parameters:
    """``p``: a name for each parameter."""

    def __getattr__(self, name: str) -> Parameter:
        if name.startswith("__"):
            raise AttributeError(name)
        return Parameter(name)


p = Parameters()


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """A column by its name."""

    name: str

    def __eq__(self, value: Any) -> Condition:  # type: ignore[override]
        return self._compared("==", value)

    def __ne__(self, value: Any) -> Condition:  # type: ignore[override]
        return self._compared("!=", value)

    def __lt__(self, value: Any) -> Condition:
        return self._compared("<", value)

    def __le__(self, value: Any) -> Condition:
        return self._compared("<=", value)

    def __gt__(self, value: Any) -> Condition:
        return self._compared(">", value)

    def __ge__(self, value: Any) -> Condition:
        return self._compared(">=", value)

    def __hash__(self) -> int:
        return hash(self.name)

    def _compared(self, operator: str, value: Any) -> Condition:
        return Compare(self.name, operator, value)

    def isin(self, *values: Any) -> Condition:
        """It holds one of `values` (or of one parameter that is a list)."""
        if len(values) == 1 and isinstance(values[0], Parameter):
            return OneOf(self.name, values[0])
        return OneOf(self.name, tuple(values))

    def between(self, low: Any, high: Any) -> Condition:
        """From `low` to `high`, both included."""
        return And((self >= low, self <= high))

    def fullmatch(self, pattern: str | Parameter) -> Condition:
        """Its whole text fits a regular expression."""
        return Match(self.name, pattern, whole=True)

    def search(self, pattern: str | Parameter, *, ignore_case: bool = False) -> Condition:
        """A regular expression fits somewhere in its text."""
        return Match(self.name, pattern, whole=False, ignore_case=ignore_case)

    def has_bits(self, mask: int | Parameter) -> Condition:
        """Some bit of `mask` is set."""
        return Bits(self.name, mask)

    @property
    def known(self) -> Condition:
        """It has a value."""
        return Known(self.name)

    @property
    def unknown(self) -> Condition:
        """It has none."""
        return Not(Known(self.name))

    def has_role(self, *roles: str) -> Condition:
        """The station has one of these roles."""
        return OfRole(self.name, roles)

    @property
    def is_hub(self) -> Condition:
        """The station is the hub of its network."""
        return OfHub(self.name)


class Columns:
    """``c``: a name for each column of any table.

    Raises:
        RuleError: no table has such a column.
    """

    def __getattr__(self, name: str) -> Column:
        if name.startswith("__"):
            raise AttributeError(name)
        if name not in _EVERY:
            raise RuleError(f"no table has a column {name}{near(name, _EVERY)}")
        return Column(name)


_EVERY = frozenset(
    [column.name for columns in TABLES.values() for column in columns]
    + [name for names in DERIVED.values() for name in names]
)
c = Columns()


def near(name: str, known: Iterable[str]) -> str:
    """What was probably meant, to put behind an error."""
    close = difflib.get_close_matches(name, list(known), 1)
    return f": {close[0]}?" if close else ""


def leaves(condition: Condition) -> Iterator[Any]:
    """The comparisons that a condition is made of."""
    if isinstance(condition, And | Or):
        for part in condition.parts:
            yield from leaves(part)
    elif isinstance(condition, Not):
        yield from leaves(condition.part)
    else:
        yield condition


def columns_in(condition: Condition) -> set[str]:
    """The columns that a condition asks for."""
    others = (leaf.value for leaf in leaves(condition) if isinstance(leaf, Compare))
    return {leaf.column for leaf in leaves(condition)} | {o.name for o in others if isinstance(o, Column)}


def parameters_in(condition: Condition) -> set[str]:
    """The parameters that a condition asks for."""
    every = list(leaves(condition))
    values = (getattr(leaf, name) for leaf in every for name in _VALUES if hasattr(leaf, name))
    inside = (leaf.rows.parameters for leaf in every if isinstance(leaf, Holds))
    return {value.name for value in values if isinstance(value, Parameter)}.union(*inside)


_VALUES = ("value", "values", "pattern", "mask")


def bound(condition: Condition, values: Mapping[str, Any]) -> Condition:
    """The condition with `values` in place of its parameters."""
    if isinstance(condition, And | Or):
        return type(condition)(tuple(bound(part, values) for part in condition.parts))
    if isinstance(condition, Not):
        return Not(bound(condition.part, values))
    if isinstance(condition, Holds):
        return replace(condition, rows=condition.rows.bound(values))
    found = {
        name: _plain(name, values[value.name])
        for name in _VALUES
        if isinstance(value := getattr(condition, name, None), Parameter)
    }
    return replace(condition, **found) if found else condition  # type: ignore[type-var]


def _plain(name: str, value: Any) -> Any:
    """A parameter as a profile has it, as the condition holds it: lists and texts with ``|`` are several values."""
    if name == "values":
        return tuple(value) if isinstance(value, list | tuple | set | frozenset | range) else (value,)
    return re.compile(str(value)).pattern if name == "pattern" else value
