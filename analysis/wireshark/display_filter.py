"""Filters of packets as display filters of Wireshark, where there is one that finds the same frames.

Strategy: the one parser of filters with a builder that makes texts. Columns that stand in a frame's octets are fields of
Wireshark's own (``display_fields.csv``); what only hanscope knows is a field of the copy that
`analysis.wireshark.annotating` writes. What has neither is refused by name.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Iterable
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

from analysis.tables.addresses import address_number
from analysis.tables.filter_language import Parser
from analysis.tables.masks import TRUTHS, number_of
from analysis.tables.python_values import iso_time
from analysis.tables.times import time_ns
from analysis.views.filters import names_of
from analysis.wireshark.script import FIELDS

__all__ = ["DisplayFilter", "NoDisplayFilter", "display_filter", "frames_filter"]

FOR_ROWS = {"messages": ("hanscope.gbcs", "hanscope.dlms"), "findings": ("hanscope.finding",)}
"""Fields of the copy by table; a frame has those of one message, and of each finding that names it."""
KINDS = {"string": "text", "count": "uint64", "number": "number"}
"""Kinds of values by those of the script's fields."""
SHORT = 0xFFFF
"""The highest short address."""
EXTENDED = 3
"""Addressing mode of extended addresses (IEEE 802.15.4-2015, 7.2.1.8)."""
MOST = 200
"""Ranges of frame numbers that a filter may list."""


class NoDisplayFilter(Exception):
    """Wireshark has no filter that finds the same frames; the text says which column it does not know."""


class DisplayFilter(NamedTuple):
    """A filter as Wireshark reads it.

    Attributes:
        text: for Wireshark's filter bar, or ``tshark -Y``.
        copy: whether it names fields that only a copy by ``hanscope wireshark`` has.
    """

    text: str
    copy: bool


class _Field(NamedTuple):
    names: tuple[str, ...]
    kind: str
    copy: bool


def display_filter(text: str) -> DisplayFilter:
    """The display filter that finds the packets which `text` describes.

    >>> display_filter("nwk_src == 0x1a2b and mac_type == data").text
    '(zbee_nwk.src == 0x1a2b) && (wpan.frame_type == 1)'
    >>> display_filter('message.use_case == "ECS17b"')
    DisplayFilter(text='hanscope.gbcs.use_case == "ECS17b"', copy=True)

    Raises:
        FilterError: it is no expression.
        NoDisplayFilter: Wireshark has none that finds the same frames.
    """
    builder = _Texts(names_of("packets"))
    found = Parser(text, builder.names, builder).parse()
    return DisplayFilter(found, builder.copy)


def frames_filter(frames: Iterable[int]) -> str | None:
    """The display filter that finds frames by their numbers; None where it would be longer than anybody reads.

    >>> frames_filter([1, 2, 3, 7])
    'frame.number in {1..3, 7}'
    """
    spans: list[list[int]] = []
    for frame in sorted(frames):
        if spans and frame <= spans[-1][1] + 1:
            spans[-1][1] = frame
        else:
            spans.append([frame, frame])
        if len(spans) > MOST:
            return None
    listed = (f"{first}..{last}" if last > first else str(first) for first, last in spans)
    return f"frame.number in {{{', '.join(listed)}}}" if spans else "frame.number == 0"


@cache
def _own() -> dict[tuple[str, str], _Field]:
    text = (resources.files("analysis.wireshark") / "display_fields.csv").read_text("utf-8")
    return {
        (row["table"], row["column"]): _Field(tuple(row["field"].split()), row["kind"], bool(row["copy"]))
        for row in csv.DictReader(text.splitlines())
    }


def _field(table: str, column: str) -> _Field:
    """The fields of a column. Raises NoDisplayFilter."""
    if (table, column) in _own():
        return _own()[table, column]
    kinds = {one.name: one.kind for one in FIELDS}
    named = [f"{group}.{column}" for group in FOR_ROWS.get(table, ()) if f"{group}.{column}" in kinds]
    if table == "messages" and column not in ("message", "kind"):
        named = named[:1]  # the other group has the same columns, and its messages none of GBCS's
    if not named:
        raise NoDisplayFilter(f"Wireshark has no field for {column} of {table}")
    return _Field(tuple(named), KINDS[kinds[named[0]]], True)


class _Texts:
    """A builder of display filters (`analysis.tables.filter_language.Builder`)."""

    addresses: Collection[str] = ()

    def __init__(self, names: dict[str, tuple[str, str]]) -> None:
        self.names, self.copy = names, False
        self.addresses = {name for name, (table, column) in names.items() if _is_address(table, column)}

    def _each(self, column: str) -> _Field:
        found = _field(*self.names[column])
        self.copy |= found.copy
        return found

    def compared(self, column: str, operator: str, value: Any) -> str:
        found = self._each(column)
        if found.kind == "address":
            return _address(column, found.names, operator, value)
        written = _value(column, found.kind, value)
        if operator not in ("==", "!=") and not found.kind.startswith(("uint", "time", "number")):
            raise NoDisplayFilter(f"Wireshark orders no {column}")
        return _any(f"{name} {operator} {written}" for name in found.names)

    def contains(self, column: str, text: str) -> str:
        return self.matches(column, re.escape(text))

    def matches(self, column: str, pattern: str) -> str:
        found = self._each(column)
        if found.kind != "text":  # a filter takes a number's digits as text; Wireshark does not
            raise NoDisplayFilter(f"{column} is no text in Wireshark")
        if any(ord(one) < 32 for one in pattern):
            raise NoDisplayFilter("Wireshark's filters hold no control characters")
        quoted = pattern.replace('\\"', '"').replace('"', r"\x22")
        return _any(f'{name} matches r"{quoted}"' for name in found.names)

    def any_of(self, column: str, values: list[Any]) -> str:
        return self.either([self.compared(column, "==", value) for value in values])

    def present(self, column: str) -> str:
        found = self._each(column)
        return _any(f"{name} == 1" if found.kind == "flag" else name for name in found.names)

    def either(self, parts: list[str]) -> str:
        return " || ".join(f"({part})" for part in parts)

    def both(self, parts: list[str]) -> str:
        if sum("hanscope.finding." in part for part in parts) > 1:
            raise NoDisplayFilter("Wireshark cannot ask for one finding that meets several conditions")
        return " && ".join(f"({part})" for part in parts)

    def negated(self, part: str) -> str:
        return f"!({part})"


def _is_address(table: str, column: str) -> bool:
    found = _own().get((table, column))
    return found is not None and found.kind == "address"


def _any(parts: Iterable[str]) -> str:
    listed = [*parts]
    return listed[0] if len(listed) == 1 else " || ".join(f"({part})" for part in listed)


def _address(column: str, names: tuple[str, ...], operator: str, value: Any) -> str:
    """A comparison of short and extended addresses, of which a frame has one: the short ones are the lower numbers."""
    number = address_number(value) if isinstance(value, str) else value
    if not isinstance(number, int) or number < 0:
        raise NoDisplayFilter(f"{value!r} is no address of {column}")
    short, *more = names
    extended = f"{more[0]} == {EXTENDED}" if more else ""
    if number <= SHORT:
        parts = [f"{short} {operator} 0x{number:04x}"]
        parts += [extended] if more and operator in ("!=", ">", ">=") else []
    else:
        parts = [short] if operator in ("!=", "<", "<=") else []
        if more and operator not in ("==", "!="):
            raise NoDisplayFilter("Wireshark orders no extended addresses")
        # Wireshark gives frames with a short address the extended one that it knows for it, too
        parts += [f"{extended} && {more[1]} {operator} {number.to_bytes(8, 'big').hex(':')}"] if more else []
    return _any(parts) if parts else "frame.number == 0"


def _value(column: str, kind: str, value: Any) -> str:
    """A value as Wireshark writes it. Raises NoDisplayFilter: the field can hold none such."""
    if kind == "text":
        text = str(value).replace("\\", "\\\\").replace('"', '\\"')
        if all(ord(one) >= 32 for one in text):
            return f'"{text}"'
    elif kind == "time":
        return f'"{iso_time(time_ns(value))}"'
    elif kind == "flag":
        return str(int(TRUTHS[str(value).lower()]))
    elif kind.startswith("word"):
        words = dict(one.split("=") for one in kind.split()[1:])
        if value in words:
            return words[value]
    else:
        number = number_of(value)
        bits = int(kind.removeprefix("uint") or 0) if kind.startswith("uint") else 0
        if number is not None and (not bits or (number == int(number) and 0 <= number < 1 << bits)):
            return str(int(number) if bits else number)
    raise NoDisplayFilter(f"Wireshark's field for {column} holds no {value!r}")
