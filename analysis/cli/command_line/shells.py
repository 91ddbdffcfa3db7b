"""Completion in a shell: what may stand at the end of a command line."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from inspect import getdoc
from typing import Any

from analysis.cli.command_line.arguments import Taken, taken
from analysis.cli.command_line.options import Argument, Option
from analysis.cli.command_line.parser import GENERAL, first_sentence
from analysis.cli.command_line.registry import GROUPS, VERBS, every_verb

__all__ = ["candidates", "words_of"]


def words_of(line: str) -> list[str]:
    """The words of a command line that is being typed; the last one, which may be empty, is not complete."""
    for closing in ("", "'", '"'):
        try:
            words = shlex.split(line + closing)
        except ValueError:
            continue
        return [*words, ""] if not closing and (not line or line[-1].isspace()) else words
    return []


def candidates(words: list[str]) -> list[tuple[str, str]]:
    """What may stand for the last of the words behind ``hanscope``, each with what it is; nothing where a file may."""
    *before, word = words
    before = [one for one in before if one != "--debug"]
    name, behind = _verb(before)
    found = _verbs(before) if not name else _of_verb(name, behind, word)
    return [(text, told) for text, told in found if text.casefold().startswith(word.casefold())]


def _verb(before: list[str]) -> tuple[str, list[str]]:
    for size in (2, 1):
        if " ".join(before[:size]) in VERBS:
            return " ".join(before[:size]), before[size:]
    return "", before


def _verbs(before: list[str]) -> Iterator[tuple[str, str]]:
    group = f"{before[0]} " if before and before[0] in GROUPS else ""
    if before and not group:
        return
    for name, one in every_verb().items():
        if name.startswith(group) and " " not in name[len(group) :]:
            yield name[len(group) :], first_sentence(getdoc(one.function))
    yield from (GROUPS | GENERAL).items() if not group else ()


def _of_verb(name: str, behind: list[str], word: str) -> Iterable[tuple[str, str]]:
    everything = taken(VERBS[name].function)
    named = {
        text: one for one in everything if isinstance(one.declared, Option) for text in one.declared.names
    }
    given, waiting = _given(behind, named)
    if waiting is None and word.startswith("-"):
        return [(text, one.declared.help) for text, one in named.items()] + [("--help", GENERAL["--help"])]
    if waiting is None:
        places = [one for one in everything if isinstance(one.declared, Argument)]
        loose = given["words"]
        waiting = next((one for at, one in enumerate(places) if one.many or at == len(loose)), None)
    return _values(waiting, given, word)


def _given(behind: list[str], named: dict[str, Taken]) -> tuple[dict[str, Any], Taken | None]:
    """What was typed before, as far as it can be told, and the option that waits for its value."""
    given: dict[str, Any] = {"words": []}
    waiting: Taken | None = None
    for text in behind:
        name, equals, value = text.partition("=")
        if waiting is not None:
            given[waiting.name] = [*given.get(waiting.name, ()), text] if waiting.many else text
            waiting = None
        elif name in named and not equals:
            waiting = named[name] if named[name].type is not bool else None
        elif name in named:
            given[named[name].name] = [value] if named[name].many else value
        else:
            given["words"].append(text)
    return given, waiting


def _values(one: Taken | None, given: dict[str, Any], word: str) -> Iterable[tuple[str, str]]:
    if one is None or not one.declared.complete:
        return []
    from analysis.cli.command_line.completing import completed

    return [(text, "") for text in completed(one.declared.complete, given, word)]
