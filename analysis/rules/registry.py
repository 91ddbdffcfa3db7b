"""How rules are registered, and where all of them are found.

Strategy: a rule is registered when its file is read, and all that it names is looked up then: a mistake of a rule is an
error with its place, and never a rule that keeps silent.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from importlib import metadata
from itertools import chain
from typing import Any

from analysis.findings.model import CONFIDENCES, FAMILIES, SEVERITIES, Evidence, Rule
from analysis.rules.expression import RuleError
from analysis.rules.judgement import Judgement, parameters_of, unknown_words
from analysis.rules.rows import Rows
from captures.plug_ins import load_clusters
from dissectors.modules import loaded

__all__ = ["REGISTRY", "declare", "describe", "rule", "rules", "rules_of"]

REGISTRY: dict[str, Rule] = {}
OWN = "own rules"
Function = Callable[..., Iterable[Evidence]]


def rule(
    id: str,  # noqa: A002
    title: str,
    *,
    severity: str,
    source: str,
    confidence: str,
    advice: str,
    requires: str = "",
    unseen: str = "",
    reads: Sequence[Rows] = (),
    besides: Sequence[Rows] = (),
    needs: Sequence[str | Rows] = (),
    covers: Sequence[str] = (),
    merges: Sequence[str] = (),
    finds: str = "",
    matters: str = "",
    **more: Any,
) -> Callable[[Function], Function]:
    """Registers a function as a rule: ``(view, *frames, parameter=default, ...) -> evidence``.

    Args:
        reads: rows that it declares; it gets each of them as a pandas frame, with the columns that they name.
        besides: the same, of tables without which it judges, too; their frames come after those of `reads`.
        needs: further tables that it reads, or the rows of them that it is about.
        finds, matters: what it finds and why that matters; without them the function's docstring says both.
        requires, covers: see `Rule`; `unseen` and `merges` are their former names.
        more: what else a `Rule` has.

    Raises:
        RuleError: the id is taken, or something that the rule says cannot be.
    """

    every = (*reads, *besides)

    def register(function: Function) -> Function:
        arguments = list(inspect.signature(function).parameters.values())[1 + len(every) :]
        tables = dict.fromkeys((*_tables(reads), *chain.from_iterable(map(_tables_of, needs))))
        _add(
            Rule(
                id=id, title=title, severity=severity, source=_joined(source), confidence=confidence,
                advice=_joined(advice),
                requires=requires or unseen, covers=(*covers, *merges), reads=every,
                needs=tuple(tables) or ("packets",),
                awaits=_awaited((*every, *(one for one in needs if isinstance(one, Rows))), more),
                parameters={p.name: p.default for p in arguments},
                explanation=_joined(finds, matters) or inspect.cleandoc(function.__doc__ or title),
                function=function, **_placed(id, more),
            )
        )  # fmt: skip
        return function

    return register


def declare(
    *,
    id: str,  # noqa: A002
    title: str,
    finds: str,
    matters: str,
    example: str,
    source: str,
    advice: str,
    severity: str,
    confidence: str,
    requires: str,
    judge: Judgement,
    parameters: dict[str, Any] | None = None,
    covers: Sequence[str] = (),
    **more: Any,
) -> Rule:
    """Registers a rule that needs no function; see `Rule` for what it says of itself.

    Args:
        finds: what it finds. matters: why that matters. example: a piece of its evidence.
        judge: its rows, which of them break it, per whom, in which sentence.
        parameters: values that a profile may change, by name: ``p.NAME`` in conditions.
        more: what else a `Rule` has: family, area, cause, smart_energy, absent, needs, broken_by, kept_by.

    Raises:
        RuleError: the id is taken, or something that the rule says cannot be.
    """
    given = parameters or {}
    if lacking := parameters_of(judge) - set(given):
        raise RuleError(f"rule {id}: no parameter {', '.join(sorted(lacking))}")
    if unknown := unknown_words(judge, given):
        raise RuleError(f"rule {id}: a sentence names {', '.join(sorted(unknown))}, which it does not know")
    needs = (*_tables([judge.rows]), *more.pop("needs", ()))
    return _add(
        Rule(
            id=id, title=title, severity=severity, source=source, confidence=confidence, advice=advice,
            requires=requires, covers=tuple(covers), reads=(judge.rows,), judge=judge, parameters=given, example=example,
            explanation=_joined(finds, matters), needs=needs, awaits=_awaited((judge.rows,), more), **_placed(id, more),
        )
    )  # fmt: skip


def describe(
    *,
    id: str,  # noqa: A002
    finds: str,
    matters: str,
    **more: Any,
) -> Rule:
    """Registers what a person must know of a rule whose evidence is not judged over tables, but brought by whoever
    measures a capture as a whole.

    Args:
        finds: what it finds. matters: why that matters.
        more: what else a `Rule` has: title, severity, source, confidence, advice, requires, family, area ...

    Raises:
        RuleError: the id is taken, or something that the rule says cannot be.
    """
    more.setdefault("needs", ("packets",))
    return _add(Rule(id=id, explanation=_joined(finds, matters), **_placed(id, more)))


def _add(one: Rule) -> Rule:
    if one.id in REGISTRY:
        raise RuleError(f"two rules are called {one.id}")
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", one.id):
        raise RuleError(f"rule {one.id}: an id is written in-kebab-case")
    for name, known in (("severity", SEVERITIES), ("confidence", CONFIDENCES), ("family", FAMILIES)):
        if getattr(one, name) not in known:
            raise RuleError(f"rule {one.id}: {name} {getattr(one, name)!r} is none of {', '.join(known)}")
    for name in ("title", "source", "advice", "requires", "explanation"):
        if not getattr(one, name):
            raise RuleError(f"rule {one.id}: it does not say its {name}")
    REGISTRY[one.id] = one
    return one


def _placed(id: str, more: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    return {"family": "compliance", "area": OWN, **more, "cause": more.get("cause") or id}


def _tables(rows: Iterable[Rows]) -> tuple[str, ...]:
    """The tables without which there are no such rows."""
    return tuple(dict.fromkeys(table for one in rows for table in one.tables))


def _tables_of(need: str | Rows) -> tuple[str, ...]:
    return (need,) if isinstance(need, str) else need.tables


def _awaited(rows: tuple[Rows, ...], more: Mapping[str, Any]) -> tuple[Rows, ...]:
    """The rows that a rule waits for; none for one that tells of what does not come: time alone may break it."""
    return () if more.get("absent") else tuple(replace(one, columns=(), fields=()) for one in rows)


def _joined(*texts: str) -> str:
    return " ".join(" ".join(texts).split())


def rules_of(family: str, area: str) -> partial[Callable[[Function], Function]]:
    """`rule` for the rules of one family and chapter."""
    return partial(rule, family=family, area=area)


def rules() -> list[Rule]:
    """All rules: ours, those of modules that entry points in group ``hanscope.rules`` name, and those of folders that
    were given (`analysis.rules.own.read_rules`)."""
    load_clusters()  # rules may name what they bring
    _import_all("analysis.rules")
    for entry in metadata.entry_points(group="hanscope.rules"):
        loaded(entry)
    return sorted(REGISTRY.values(), key=lambda r: (r.family, r.area, r.id))


def _import_all(package: str) -> None:
    """The modules in the folders of a package: each topic is one."""
    for folder in pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}."):
        if folder.ispkg:
            for module in pkgutil.iter_modules(
                importlib.import_module(folder.name).__path__, f"{folder.name}."
            ):
                importlib.import_module(module.name)
