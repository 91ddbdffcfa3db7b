"""Command lines that are plainly right, read without argparse; all others are left to it.

Strategy: a reader that knows no exceptions. Whatever it does not understand at once (an unknown name, a missing
value, a number out of range, ``--help``) gives None, and argparse, which is given the same declarations, has its
say: help, completion and complaints are its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from inspect import Parameter, signature
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin, get_type_hints

from analysis.cli.command_line.options import Argument, Option

__all__ = ["Taken", "gathered", "plain_arguments", "taken"]

NUMBERS = {int: re.compile(r"-?\d{1,18}"), float: re.compile(r"-?\d{1,18}(\.\d{1,18})?")}


class Taken(NamedTuple):
    """One parameter of a verb: its name, its type (of one of them where there may be many), and how it is declared.

    `hint` is the whole type; `default` is `inspect.Parameter.empty` where it must be given; `group` is the parameter of
    the function that it belongs to, where several options come as one.
    """

    name: str
    type: Any
    many: bool
    declared: Option | Argument
    default: Any
    hint: Any
    group: str = ""


def taken(function: Callable[..., int]) -> list[Taken]:
    """What a verb takes, in the order of its parameters; of a parameter that is a group of options each of these."""
    hints = get_type_hints(function, include_extras=True)
    found = []
    for name, parameter in signature(function).parameters.items():
        if is_group(hints[name]):
            options = get_type_hints(hints[name], include_extras=True)
            defaults = hints[name]._field_defaults
            found += [_taken(one, hint, defaults[one], name) for one, hint in options.items()]
        else:
            found.append(_taken(name, hints[name], parameter.default))
    return found


def is_group(hint: Any) -> bool:
    """Whether a parameter stands for several options: a named tuple of them."""
    return isinstance(hint, type) and hasattr(hint, "_field_defaults")


def _taken(name: str, hint: Any, default: Any, group: str = "") -> Taken:
    hint, declared = get_args(hint)
    union = get_origin(hint) in (Union, UnionType)
    kind = next(one for one in get_args(hint) if one is not NoneType) if union else hint
    many = get_origin(kind) is list
    one = get_args(kind)[0] if many else kind
    return Taken(name, one, many, declared, default, hint, group)


def gathered(function: Callable[..., int], given: dict[str, Any]) -> dict[str, Any]:
    """Arguments as the verb's function takes them: options that come as one in their group."""
    hints = get_type_hints(function, include_extras=True)
    out = dict(given)
    for name in signature(function).parameters:
        if is_group(hints[name]):
            group = hints[name]
            out[name] = group(**{one: out.pop(one) for one in group._fields if one in out})
    return out


def plain_arguments(function: Callable[..., int], words: list[str]) -> dict[str, Any] | None:
    """The arguments that `words` give to a verb; None unless they are plainly right."""
    everything = taken(function)
    named = {
        name: one for one in everything if isinstance(one.declared, Option) for name in one.declared.names
    }
    given: dict[str, Any] = {}
    loose: list[str] = []
    rest = list(reversed(words))
    while rest:
        word = rest.pop()
        if word == "-" or not word.startswith("-"):
            loose.append(word)
        elif word == "--":
            loose += reversed(rest)
            break
        elif not _take_option(word, rest, named, given):
            return None
    places = [one for one in everything if isinstance(one.declared, Argument)]
    return given if _take_loose(loose, places, given) else None


def _take_option(word: str, rest: list[str], named: dict[str, Taken], given: dict[str, Any]) -> bool:
    """Take an option and its value (the last of `rest`) into `given`; whether that was plain."""
    name, equals, text = word.partition("=")
    one = named.get(name)
    if one is None or (one.name in given and not one.many) or (equals and one.type is bool):
        return False
    if one.type is bool:
        given[one.name] = True
        return True
    if not equals:
        text = rest.pop() if rest else ""
    value = _value(one, text)
    if value is None or (not equals and text.startswith("-") and text != "-"):
        return False
    given[one.name] = [*given.get(one.name, ()), value] if one.many else value
    return True


def _take_loose(loose: list[str], places: list[Taken], given: dict[str, Any]) -> bool:
    """Take what stands without a name into `given`; whether it is neither too much nor too little."""
    for one in places:
        mine, loose = (loose, []) if one.many else (loose[:1], loose[1:])
        values = [_value(one, text) for text in mine]
        if any(value is None for value in values) or (not mine and one.default is Parameter.empty):
            return False
        if mine:
            given[one.name] = values if one.many else values[0]
    return not loose


def _value(one: Taken, text: str) -> Any:
    """`text` as the parameter wants it; None when that is not plain."""
    if one.type in NUMBERS:
        if not NUMBERS[one.type].fullmatch(text):
            return None
        number = one.type(text)
        low, high = (one.declared.min, one.declared.max) if isinstance(one.declared, Option) else (None, None)
        return number if (low is None or number >= low) and (high is None or number <= high) else None
    return one.type(text) if text and one.type in (str, Path) else None
