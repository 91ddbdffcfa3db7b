"""How rules are registered, and where all of them are found."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from importlib import metadata
from typing import Any

from analysis.findings.model import CONFIDENCES, FAMILIES, SEVERITIES, Evidence, Rule

__all__ = ["REGISTRY", "rule", "rules", "rules_of"]

REGISTRY: dict[str, Rule] = {}


def rule(
    id: str,  # noqa: A002
    title: str,
    *,
    severity: str,
    source: str,
    confidence: str,
    unseen: str,
    advice: str,
    needs: Sequence[str] = ("packets",),
    merges: Sequence[str] = (),
    cause: str = "",
    smart_energy: bool = False,
    absent: int = 0,
    family: str = "compliance",
    area: str = "own rules",
) -> Callable[[Callable[..., Iterable[Evidence]]], Callable[..., Iterable[Evidence]]]:
    """Registers a function ``(view, *, parameter=default, ...) -> evidence`` as a rule; see `Rule`.

    Raises ValueError for an id that is taken, or an unknown severity, confidence or family.
    """
    if id in REGISTRY:
        raise ValueError(f"two rules are called {id}")
    if severity not in SEVERITIES or confidence not in CONFIDENCES:
        raise ValueError(f"rule {id}: severity {severity}, confidence {confidence}")
    if family not in FAMILIES:
        raise ValueError(f"rule {id}: family {family}")

    def register(function: Callable[..., Iterable[Evidence]]) -> Callable[..., Iterable[Evidence]]:
        arguments = list(inspect.signature(function).parameters.values())[1:]
        explanation = inspect.cleandoc(function.__doc__ or title)
        parameters = {p.name: p.default for p in arguments}
        REGISTRY[id] = Rule(
            id, title, area, family, severity, source, confidence, unseen, advice, tuple(needs),
            tuple(merges), cause or id, smart_energy, absent, explanation, parameters, function,
        )  # fmt: skip
        return function

    return register


def rules_of(family: str, area: str) -> partial[Callable[..., Any]]:
    """`rule` for the rules of one family and chapter."""
    return partial(rule, family=family, area=area)


def rules() -> list[Rule]:
    """All rules: ours, and those of modules that entry points in group ``hanscope.rules`` name."""
    for name in ("analysis.rules.compliance", "analysis.rules.anomalies"):
        package = importlib.import_module(name)
        for module in pkgutil.iter_modules(package.__path__, f"{name}."):
            importlib.import_module(module.name)
    for entry in metadata.entry_points(group="hanscope.rules"):
        entry.load()
    return sorted(REGISTRY.values(), key=lambda r: (r.family, r.area, r.id))
