"""The verbs of the command: each a function that returns its exit code, registered under its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

__all__ = ["GROUPS", "VERBS", "Verb", "every_verb", "verb"]

Function = Callable[..., int]


class Verb(NamedTuple):
    """A verb: its function, whose annotated parameters say what it takes, and examples of its use."""

    function: Function
    examples: tuple[str, ...]


VERBS: dict[str, Verb] = {}
"""The verbs by name (those of a group behind its name: ``fleet decode``), in the order in which help lists them."""
GROUPS: dict[str, str] = {}
"""Groups of verbs, and what each is about."""


def every_verb() -> dict[str, Verb]:
    """`VERBS`, with those of plug-ins.

    Raises:
        PlugInError: one of them does not load.
    """
    from dissectors.modules import plug_ins

    plug_ins("hanscope.verbs")  # to import one declares its verbs
    return VERBS


def verb(name: str, *examples: str) -> Callable[[Function], Function]:
    """Registers a function as the verb `name`."""

    def register(function: Function) -> Function:
        VERBS[name] = Verb(function, examples)
        return function

    return register
