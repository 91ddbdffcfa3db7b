"""The whole command line by argparse, from the declarations of the verbs: help, and what is wrong with a command line.

Strategy: which verb is meant is found first, so that only its parser is made. Options and captures may stand in any
order. What is wrong is raised, and told where everything that is wrong with an input is told (`guard`).
"""

from __future__ import annotations

import argparse
import math
import re
import sys
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from inspect import Parameter, getdoc
from typing import Any, NoReturn

from analysis.cli.command_line.arguments import Taken, gathered, taken
from analysis.cli.command_line.options import Argument, Option
from analysis.cli.command_line.registry import GROUPS, VERBS, every_verb
from analysis.cli.command_line.settings import with_settings
from analysis.cli.console import UsageError

__all__ = ["GENERAL", "HELP", "Call", "call_of", "first_sentence", "parser_of", "usage_of", "version_line"]

HELP = (
    "Packet dissector and traffic analyser for GB smart metering. Data on stdout, talk on stderr.",
    "Exit codes: 0 ok; 1 findings at or above --fail-on; 2 usage; 3 input unreadable; "
    "4 partly decoded under --strict; 130 interrupted.",
)
GENERAL = {
    "--debug": "Show the traceback of an internal error.",
    "--version": "Show the version.",
    "--help": "Show this message and exit.",
}
"""Options of the command as a whole, which stand before the verb."""
WIDTH = 100
NAME_WIDTH = 30

Call = tuple[Callable[..., int], dict[str, Any]]
"""A function and the arguments that it is called with."""


class _Form(argparse.RawDescriptionHelpFormatter):
    """Help as wide as the terminal, up to `WIDTH`; examples stand as they are."""

    def __init__(self, prog: str) -> None:
        from shutil import get_terminal_size

        super().__init__(
            prog, max_help_position=NAME_WIDTH, width=min(get_terminal_size((80, 24)).columns - 2, WIDTH)
        )


class _Parser(argparse.ArgumentParser):
    """A parser that raises what is wrong."""

    def error(self, message: str) -> NoReturn:
        hint = f"{self.prog} --help"
        unknown = message.removeprefix("unrecognized arguments: ")
        if unknown != message:
            first = unknown.split()[0].partition("=")[0]
            names = [name for action in self._actions for name in action.option_strings]
            close = get_close_matches(first, names, 1) if first.startswith("-") else []
            message, hint = f"not understood: {unknown}", f"did you mean {close[0]}?" if close else hint
        raise UsageError(message, hint)


def call_of(words: Sequence[str]) -> Call:
    """What a command line asks for.

    Raises:
        UsageError: it cannot be understood.
        SystemExit: it asked for help, which is written.
    """
    rest = list(words)
    while rest[:1] == ["--debug"]:
        rest.pop(0)
    if not rest or rest[0] in ("-h", "--help"):
        return _told, {"lines": general_help()}
    if rest[0] == "--version":
        return _told, {"lines": [version_line()]}
    name, rest = _verb(rest)
    if name in GROUPS:
        return _told, {"lines": group_help(name)}
    function = VERBS[name].function
    parser = parser_of(name)
    _refuse_strangers(parser, rest)
    given = vars(parser.parse_intermixed_args(rest))
    everything = taken(function)
    _refuse_nonsense(everything, given)
    given = {key: value for key, value in given.items() if value not in (None, [])}
    return function, gathered(function, with_settings(name, everything, given))


def _refuse_strangers(parser: argparse.ArgumentParser, words: list[str]) -> None:
    """What begins like an option and is none: argparse takes it for an argument where it has a space in it."""
    options = {name: action for action in parser._actions for name in action.option_strings}
    value = False  # whether the word belongs to the option before it
    for word in words:
        if word == "--":
            return
        name, equals, _ = word.partition("=")
        if not value and word.startswith("--") and name not in options:
            parser.error(f"unrecognized arguments: {word}")
        value = not value and name in options and not equals and options[name].nargs != 0


def _told(lines: Sequence[str]) -> int:
    from analysis.cli import console

    for line in lines:
        console.put(line)
    return console.OK


def _verb(words: list[str]) -> tuple[str, list[str]]:
    """The verb that is meant, or its group where help about that is wanted; and the words behind it."""
    name, *rest = words
    if name not in VERBS and name not in GROUPS:
        every_verb()
    if name.startswith("-"):
        raise UsageError(f"unknown option {name}", "hanscope --help lists them")
    known = {one.partition(" ")[0] for one in VERBS}
    if name in GROUPS:
        if not rest or rest[0] in ("-h", "--help"):
            return name, []
        known = {one.partition(" ")[2] for one in VERBS if one.startswith(f"{name} ")}
        if rest[0] in known:
            return f"{name} {rest[0]}", rest[1:]
        name, said = rest[0], f"hanscope {name} --help"
    else:
        if name in VERBS:
            return name, rest
        said = "hanscope --help"
    close = get_close_matches(name, sorted(known), 1)
    raise UsageError(
        f"there is no verb {name!r}", f"did you mean {close[0]}?" if close else f"{said} lists them"
    )


def parser_of(name: str) -> argparse.ArgumentParser:
    """The parser of a verb."""
    one = VERBS[name]
    everything = taken(one.function)
    examples = "\n".join(f"  {example}" for example in one.examples)
    parser = _Parser(
        f"hanscope {name}",
        usage=" ".join([f"hanscope {name}", "[OPTION...]", *filter(None, map(_place, everything))]),
        description=f"{getdoc(one.function) or ''}\n\nExamples:\n{examples}",
        formatter_class=_Form,
        allow_abbrev=False,
        add_help=False,
    )
    places = parser.add_argument_group("arguments")
    options = parser.add_argument_group("options")
    for each in everything:
        if isinstance(each.declared, Argument):
            _add_argument(places, each, each.declared)
        else:
            _add_option(options, each, each.declared)
    options.add_argument("-h", "--help", action="help", help=GENERAL["--help"])
    return parser


def _place(one: Taken) -> str:
    """What stands in the usage line for an argument; nothing for an option that may be left out."""
    if isinstance(one.declared, Option):
        needed = one.default is Parameter.empty
        return f"{one.declared.names[-1]} {usage_of(one)}" if needed else ""
    return usage_of(one) if one.default is Parameter.empty else f"[{usage_of(one)}]"


def _add_argument(group: Any, one: Taken, declared: Argument) -> None:
    needed = one.default is Parameter.empty
    how: str | None = ("+" if needed else "*") if one.many else (None if needed else "?")
    group.add_argument(
        one.name, nargs=how, type=one.type, default=None, metavar=usage_of(one), help=_escaped(declared.help)
    )


def _add_option(group: Any, one: Taken, declared: Option) -> None:
    told: dict[str, Any] = {"dest": one.name, "default": None, "help": _escaped(_with_default(one, declared))}
    if one.type is bool:
        told["action"] = "store_true"
    else:
        told |= {"type": _number(one, declared) if one.type in (int, float) else one.type}
        told |= {"metavar": usage_of(one), "required": one.default is Parameter.empty}
        if one.many:
            told["action"] = "append"
    group.add_argument(*declared.names, **told)


def usage_of(one: Taken) -> str:
    """What stands in help for a value."""
    if one.declared.metavar:
        return one.declared.metavar
    return (
        one.name.upper()
        if isinstance(one.declared, Argument)
        else {int: "N", float: "N"}.get(one.type, "TEXT")
    )


def _with_default(one: Taken, declared: Option) -> str:
    shown = one.default not in (None, False, "", Parameter.empty) and not isinstance(
        one.default, list | tuple
    )
    return f"{declared.help} (default {one.default})" if shown else declared.help


def _escaped(text: str) -> str:
    return text.replace("%", "%%")


def _number(one: Taken, declared: Option) -> Callable[[str], Any]:
    """What makes a number of a text, if it is one in its bounds."""

    def read(text: str) -> Any:
        try:
            number = one.type(text)
        except ValueError:
            raise argparse.ArgumentTypeError(
                f"{text[:80]!r} is no {'whole ' * (one.type is int)}number"
            ) from None
        if not math.isfinite(number):
            raise argparse.ArgumentTypeError(f"{number} is no number of anything")
        if declared.min is not None and number < declared.min:
            raise argparse.ArgumentTypeError(f"{text} is less than {declared.min}")
        if declared.max is not None and number > declared.max:
            raise argparse.ArgumentTypeError(f"{text} is more than {declared.max}")
        return number

    return read


def _refuse_nonsense(everything: list[Taken], arguments: dict[str, Any]) -> None:
    """An argument without text (a shell's variable that is not set) names nothing, not the folder at hand."""
    for one in everything:
        given = arguments.get(one.name)
        names_input = isinstance(one.declared, Argument) and (one.many or one.default is Parameter.empty)
        if names_input and any(not str(text) for text in (given if isinstance(given, list) else [given])):
            raise UsageError(f"{one.declared.metavar or one.name} is empty", "name a file, or - for stdin")


def first_sentence(text: str | None) -> str:
    """What a verb does: the first sentence of its description."""
    paragraph = " ".join((text or "").partition("\n\n")[0].split())
    return re.split(r"(?<=[.]) (?=[A-Z])", paragraph)[0]


def general_help() -> list[str]:
    """Help about the command as a whole."""
    known = every_verb().items()
    verbs = {name: first_sentence(getdoc(one.function)) for name, one in known if " " not in name}
    return [
        "usage: hanscope [--debug] VERB ...", "", *HELP, "", "verbs (hanscope VERB --help says more):",
        *_listed({**verbs, **GROUPS}), "", "options:", *_listed(GENERAL),
    ]  # fmt: skip


def group_help(group: str) -> list[str]:
    """Help about a group of verbs."""
    own = {
        name.partition(" ")[2]: first_sentence(getdoc(one.function))
        for name, one in VERBS.items()
        if name.startswith(f"{group} ")
    }
    return [f"usage: hanscope {group} VERB ...", "", GROUPS[group], "", "verbs:", *_listed(own)]


def _listed(told: dict[str, str]) -> list[str]:
    from shutil import get_terminal_size
    from textwrap import wrap

    left = max(len(name) for name in told) + 4
    width = max(min(get_terminal_size((80, 24)).columns, WIDTH) - left, 20)
    lines = []
    for name, text in told.items():
        first, *more = wrap(text, width) or [""]
        lines += [f"  {name:<{left - 2}}{first}", *(" " * left + line for line in more)]
    return lines


def version_line() -> str:
    """What ``--version`` says."""
    from importlib import metadata

    try:
        number = metadata.version("hanscope")
    except metadata.PackageNotFoundError:
        number = "unknown (not installed)"
    return f"hanscope {number}, tables schema 1, JSON schema 1, Python {sys.version.split()[0]}"
