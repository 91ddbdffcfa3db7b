"""A fuzz target: a function of octets that raises when a property does not hold, and inputs to begin with."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module

__all__ = ["NAMES", "Target", "target"]

NAMES = (
    "containers",
    "frames",
    "columns",
    "gbcs",
    "dlms",
    "zcl",
    "keys",
    "text",
    "filters",
    "build",
)


@dataclass(frozen=True, slots=True)
class Target:
    """What `tests/fuzz/targets/<name>.py` declares.

    Attributes:
        check: raises when the input shows a fault; what is refused in the ways that are documented, it passes over.
        seeds: inputs of our own making that reach what random octets would not.
        limit: octets of the longest input that is tried.
        seconds: processor time that one input may take.
    """

    name: str
    check: Callable[[bytes], None]
    seeds: Callable[[], Iterable[bytes]]
    limit: int = 1024
    seconds: float = 5.0


def target(name: str) -> Target:
    """The target called `name`.

    Raises:
        KeyError: there is none.
    """
    if name not in NAMES:
        raise KeyError(name)
    module = import_module(f"tests.fuzz.targets.{name}")
    return Target(name, module.check, module.seeds, module.LIMIT, getattr(module, "SECONDS", 5.0))
