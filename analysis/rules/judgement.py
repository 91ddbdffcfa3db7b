"""What a declared rule says of its rows: which of them break it, per whom, in which sentence.

Strategy: a judgement is a value without code; `analysis.engine.judging` comes to evidence by it. In its sentences stand
``{bad}`` (how many rows break it, as "3 frames"), ``{all}`` (how many there are), the rule's parameters, and columns of
the rows, with the marks of a Python format: ``alert {alert_code:#06x}``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from string import Formatter
from typing import TypeAlias

from analysis.rules.expression import STATION, Column, Condition, Parameter, RuleError, parameters_in
from analysis.rules.rows import Rows, checked, known_column

__all__ = ["AtMost", "EachDevice", "EachField", "EachItem", "EachMessage", "Judgement"]

OF_TABLE = {"packets": "sender", "attributes": "source", "commands": "source"}


@dataclass(frozen=True, slots=True)
class EachDevice:
    """One verdict for each device that rows are of: broken where any of them is.

    Attributes:
        rows: the rows that it is about.
        broken: which of them break the rule.
        says: the sentence when some do; where in the capture they are is put behind it.
        good: what the others are, behind their number: "12 frames under a link key".
        per: whose they are; the sender of a packet, the source of a command or attribute where nothing is said.
        severity: when it is not the rule's own.
    """

    rows: Rows
    broken: Condition
    says: str
    good: str = "in order"
    per: Column | None = None
    severity: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "broken", checked(self.broken, self.rows.table, self.rows.kinds))
        if known_column(self.whose, self.rows.table, self.rows.kinds) != STATION:
            raise RuleError(f"{self.rows.table}.{self.whose} is not a device")

    @property
    def whose(self) -> str:
        """The column of the devices."""
        return self.per.name if self.per else OF_TABLE.get(self.rows.table, "sender")


@dataclass(frozen=True, slots=True)
class EachMessage:
    """One verdict for each message that breaks the rule, and one for all the others of a use case."""

    rows: Rows
    broken: Condition
    says: str
    good: str = "as required"

    def __post_init__(self) -> None:
        _of_table(self, "messages")
        object.__setattr__(self, "broken", checked(self.broken, self.rows.table, self.rows.kinds))


@dataclass(frozen=True, slots=True)
class EachItem:
    """One verdict for each message: broken where any of its items (see `Item`) is; the sentence is of one item."""

    rows: Rows
    broken: Condition
    says: str = "{object} = {value}"

    def __post_init__(self) -> None:
        _of_table(self, "items")
        object.__setattr__(self, "broken", checked(self.broken, self.rows.table, self.rows.kinds))


@dataclass(frozen=True, slots=True)
class EachField:
    """One verdict for each device that sent a command's field (see `Field`): the command, whom it went to, the field and
    what its value stands for."""

    rows: Rows
    broken: Condition

    def __post_init__(self) -> None:
        _of_table(self, "commands")
        object.__setattr__(self, "broken", checked(self.broken, self.rows.table, self.rows.kinds))


@dataclass(frozen=True, slots=True)
class AtMost:
    """No more than so many rows within so many seconds.

    Attributes:
        times: how many are still in order; a number or a parameter.
        within: seconds; a number or a parameter.
        says: the sentence when there are more: ``{most}`` is how many came within that time at most.
        good: the sentence when there are not.
        per: whose they are; None: of the network.
    """

    rows: Rows
    times: int | Parameter
    within: float | Parameter
    says: str
    good: str = "{all}, at most {most} in {within:.0f} s"
    per: Column | None = None

    def __post_init__(self) -> None:
        known_column("seconds", self.rows.table, self.rows.kinds)
        if self.per and known_column(self.per.name, self.rows.table, self.rows.kinds) != STATION:
            raise RuleError(f"{self.rows.table}.{self.per.name} is not a device")


Judgement: TypeAlias = EachDevice | EachMessage | EachItem | EachField | AtMost


def parameters_of(judgement: Judgement) -> set[str]:
    """The parameters that a judgement asks for."""
    found = set(judgement.rows.parameters)
    for name in judgement.__slots__:
        value = getattr(judgement, name)
        found |= {value.name} if isinstance(value, Parameter) else set()
        found |= parameters_in(value) if isinstance(value, Condition) else set()
    return found


def words_of(sentence: str) -> set[str]:
    """The names in braces of a sentence.

    Raises:
        RuleError: the braces do not fit together.
    """
    try:
        return {name for _, name, _, _ in Formatter().parse(sentence) if name is not None}
    except ValueError as error:
        raise RuleError(f"{sentence!r}: {error}") from None


def _sentences(judgement: Judgement) -> Iterable[str]:
    return [getattr(judgement, name) for name in ("says", "good") if hasattr(judgement, name)]


def unknown_words(judgement: Judgement, parameters: Iterable[str]) -> set[str]:
    """Names in the sentences that stand for nothing."""
    counts = isinstance(judgement, AtMost)
    of_form = {"most", "all", "within", "times"} if counts else {"bad", "all", *judgement.rows.kinds}
    asked = set().union(*map(words_of, _sentences(judgement)))
    return asked - of_form - set(parameters)


def _of_table(judgement: Judgement, table: str) -> None:
    if judgement.rows.table != table:
        raise RuleError(f"{type(judgement).__name__} is about {table}, not about {judgement.rows.table}")
