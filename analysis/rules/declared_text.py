"""Declared rules as text, without Python: a TOML file with a table ``[[rule]]`` each.

What a table says is what `analysis.rules.registry.declare` takes. ``[rule.judge]`` has the form
(`analysis.rules.judgement`), the rows, and conditions in the language of filters (`analysis.tables.filter_language`), in
which the name of a parameter stands for its value. `docs/writing_rules.md` has an example.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from analysis.findings.model import Rule
from analysis.rules.expression import (
    STATION,
    And,
    Column,
    Compare,
    Condition,
    Known,
    Match,
    Not,
    OneOf,
    Or,
    Parameter,
    RuleError,
    near,
)  # fmt: skip
from analysis.rules.judgement import AtMost, EachDevice, EachField, EachItem, EachMessage, Judgement
from analysis.rules.named_rows import Attribute, Command, Field, Item
from analysis.rules.registry import declare
from analysis.rules.rows import TABLES_OF_RULES, Rows
from analysis.tables.filter_language import FilterError, Parser
from analysis.tables.schema import ADDRESS_COLUMNS
from captures.toml_text import TomlError, parse_toml

__all__ = ["condition_of", "declare_text"]

FORMS: Mapping[str, Callable[..., Judgement]] = {
    "each device": EachDevice, "each message": EachMessage, "each item": EachItem, "each field": EachField,
    "at most": AtMost,
}  # fmt: skip
ROWS: Mapping[str, Callable[..., Rows]] = {
    "attribute": Attribute,
    "command": Command,
    "field": Field,
    "item": Item,
}
TRUTHS = {"true": True, "1": True, "false": False, "0": False}


def declare_text(text: str) -> list[Rule]:
    """Registers the rules of a TOML file.

    Raises:
        RuleError: it is no TOML, or a rule says something that cannot be; which one is named.
    """
    try:
        data = parse_toml(text)
    except TomlError as error:
        raise RuleError(str(error)) from None
    entries = data.pop("rule", [])
    if data or not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
        raise RuleError("rules are tables [[rule]], and nothing else")
    out = []
    for number, entry in enumerate(entries, 1):
        name = f"rule {entry.get('id', number)}"
        try:
            out.append(_declare(dict(entry)))
        except (RuleError, FilterError) as error:
            raise RuleError(f"{name}: {str(error).removeprefix(f'{name}: ')}") from None
        except TypeError as error:  # an argument that is missing, or that nobody knows
            raise RuleError(f"{name}: {_told(error)}") from None
    return out


def _told(error: TypeError) -> str:
    missing = re.search(r"missing \d+ required .*?: (.*)", str(error))
    unknown = re.search(r"unexpected keyword argument '(.*?)'", str(error))
    if missing:
        return f"it does not say {missing[1]}"
    return f"nothing is known of an entry {unknown[1]!r}" if unknown else str(error)


def _declare(entry: dict[str, Any]) -> Rule:
    judge = entry.pop("judge", None)
    if not isinstance(judge, dict):
        raise RuleError("it has no table [rule.judge]")
    parameters = entry.get("parameters", {})
    return declare(judge=_judgement(dict(judge), frozenset(parameters)), **entry)


def _judgement(said: dict[str, Any], parameters: frozenset[str]) -> Judgement:
    form = said.pop("form", "each device")
    if form not in FORMS:
        raise RuleError(f"no form {form!r}{near(str(form), FORMS)} ({', '.join(FORMS)})")
    rows = _rows(said)
    if "where" in said:
        rows = rows.where(condition_of(said.pop("where"), rows, parameters))
    if "broken" in said:
        said["broken"] = condition_of(said["broken"], rows, parameters)
    if "per" in said:
        said["per"] = Column(str(said["per"]))
    for name in ("times", "within"):
        if said.get(name) in parameters:
            said[name] = Parameter(said[name])
    return FORMS[form](rows, **said)


def _rows(said: dict[str, Any]) -> Rows:
    named = [name for name in (*ROWS, "rows") if name in said]
    if len(named) != 1:
        raise RuleError(f"it is about one of rows, {', '.join(ROWS)}")
    value = said.pop(named[0])
    if named[0] == "rows":
        if value not in TABLES_OF_RULES:
            raise RuleError(f"no table {value}{near(str(value), TABLES_OF_RULES)}")
        return TABLES_OF_RULES[value]
    values = dict(value)
    fields = values.pop("fields", ())
    return ROWS[named[0]](*_in_order(named[0], values), *fields)


ORDER = {
    "attribute": ("cluster", "attribute"), "command": ("cluster", "direction", "command"),
    "field": ("cluster", "direction", "command", "field"), "item": ("use_case", "kind", "name", "column"),
}  # fmt: skip
EMPTY = {"direction": None, "kind": "", "attribute": None, "column": "value"}


def _in_order(name: str, values: dict[str, Any]) -> list[Any]:
    unknown = sorted(set(values) - set(ORDER[name]))
    if unknown:
        raise RuleError(f"{name} has no {unknown[0]}{near(unknown[0], ORDER[name])}")
    missing = [one for one in ORDER[name] if one not in values and one not in EMPTY]
    if missing:
        raise RuleError(f"{name} does not say its {missing[0]}")
    return [values.get(one, EMPTY.get(one)) for one in ORDER[name]]


def condition_of(text: str, rows: Rows, parameters: frozenset[str] = frozenset()) -> Condition:
    """The condition that a text means for certain rows.

    Raises:
        FilterError: it is no expression, or names a column that is not there.
    """
    return Parser(str(text), rows.kinds, Conditions(rows.kinds, parameters)).parse()


class Conditions:
    """Makes conditions of what the parser understands (`analysis.tables.filter_language.Builder`)."""

    def __init__(self, kinds: Mapping[str, str], parameters: frozenset[str]) -> None:
        self.kinds, self.parameters = kinds, parameters
        self.addresses = ADDRESS_COLUMNS | {name for name, kind in kinds.items() if kind == STATION}

    def _value(self, column: str, value: Any) -> Any:
        """A value as the column has it; words of hexadecimal digits are numbers where the column holds some."""
        kind = self.kinds[column]
        if isinstance(value, str) and value in self.parameters:
            return Parameter(value)
        if kind == "bool":
            return TRUTHS.get(str(value).lower(), value)
        if kind in ("category", "string"):
            return str(value)
        digits = isinstance(value, str) and kind != "any" and re.fullmatch(r"[0-9a-fA-F]{1,16}", value)
        return int(str(value), 16) if digits else value

    def compared(self, column: str, operator: str, value: Any) -> Condition:
        return Compare(column, operator, self._value(column, value))

    def contains(self, column: str, text: str) -> Condition:
        return Match(column, re.escape(text), whole=False, ignore_case=True)

    def matches(self, column: str, pattern: str) -> Condition:
        return Match(column, pattern, whole=False, ignore_case=True)

    def any_of(self, column: str, values: list[Any]) -> Condition:
        found = tuple(self._value(column, value) for value in values)
        only = found[0] if len(found) == 1 else None
        return OneOf(column, only if isinstance(only, Parameter) else found)

    def present(self, column: str) -> Condition:
        return Compare(column, "==", True) if self.kinds[column] == "bool" else Known(column)

    def either(self, parts: list[Condition]) -> Condition:
        return Or(tuple(parts))

    def both(self, parts: list[Condition]) -> Condition:
        return And(tuple(parts))

    def negated(self, part: Condition) -> Condition:
        return Not(part)
