"""Pages of man, made from the declarations of the verbs."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import getdoc

from analysis.cli.command_line.arguments import taken
from analysis.cli.command_line.options import Argument, Option
from analysis.cli.command_line.parser import GENERAL, HELP, first_sentence, parser_of, usage_of, version_line
from analysis.cli.command_line.registry import GROUPS, VERBS, every_verb
from analysis.cli.command_line.settings import SETTINGS

__all__ = ["pages"]

SECTION = 1


def pages() -> Iterator[tuple[str, str]]:
    """Each page: the name of its file, and its text."""
    yield f"hanscope.{SECTION}", "\n".join(_whole()) + "\n"
    for name in every_verb():
        yield f"hanscope-{name.replace(' ', '-')}.{SECTION}", "\n".join(_page(name)) + "\n"


def _head(title: str, what: str) -> Iterator[str]:
    version = version_line().split(",")[0]
    yield f'.TH "{title.upper()}" "{SECTION}" "" "{version}" "hanscope"'
    yield ".SH NAME"
    yield f"{_text(title)} \\- {_text(what)}"


def _whole() -> Iterator[str]:
    yield from _head("hanscope", HELP[0])
    yield from (
        ".SH SYNOPSIS",
        "hanscope [\\-\\-debug] VERB ...",
        ".SH DESCRIPTION",
        _text(HELP[1]),
        ".SH VERBS",
    )
    for name, one in every_verb().items():
        yield from _entry(
            f"hanscope-{name.replace(' ', '-')}({SECTION})", first_sentence(getdoc(one.function))
        )
    yield ".SH OPTIONS"
    for name, text in GENERAL.items():
        yield from _entry(name, text)
    yield ".SH ENVIRONMENT"
    yield from _entry("HANSCOPE_CONFIG", "The file of settings; empty for none.")
    for setting in SETTINGS:
        yield from _entry(
            f"HANSCOPE_{setting.upper().replace('-', '_')}", f"As --{setting}, for every verb that has it."
        )
    yield ".SH FILES"
    yield from _entry("~/.config/hanscope/config.toml", "Settings, columns by verb, filters with names.")


def _page(name: str) -> Iterator[str]:
    one = VERBS[name]
    yield from _head(f"hanscope-{name.replace(' ', '-')}", first_sentence(getdoc(one.function)))
    usage = parser_of(name).format_usage().removeprefix("usage: ")
    yield from (".SH SYNOPSIS", _text(" ".join(usage.split())), ".SH DESCRIPTION")
    if (group := name.partition(" ")[0]) in GROUPS:
        yield from (_text(GROUPS[group]), ".PP")
    for paragraph in (getdoc(one.function) or "").split("\n\n"):
        yield from (_text(" ".join(paragraph.split())), ".PP")
    everything = taken(one.function)
    for title, kind in (("ARGUMENTS", Argument), ("OPTIONS", Option)):
        rows = [each for each in everything if isinstance(each.declared, kind)]
        if rows:
            yield f".SH {title}"
        for each in rows:
            names = each.declared.names if isinstance(each.declared, Option) else ()
            value = "" if each.type is bool else usage_of(each)
            yield from _entry(f"{', '.join(names)} {value}".strip(), each.declared.help)
    yield from (".SH EXAMPLES", ".nf", *map(_text, one.examples), ".fi", ".SH EXIT STATUS", _text(HELP[1]))
    yield from (".SH SEE ALSO", f"hanscope({SECTION})")


def _entry(name: str, text: str) -> Iterator[str]:
    yield from (".TP", f"\\fB{_text(name)}\\fR", _text(text))


def _text(text: str) -> str:
    """Text as roff takes it: nothing in it is a request."""
    safe = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{safe}" if safe.startswith((".", "'")) else safe
