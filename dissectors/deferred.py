"""Public names of a package that are loaded when somebody asks for the first of them (PEP 562)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

__all__ = ["deferred"]


def deferred(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """What a package takes for its ``__getattr__``, so that importing it does not load what nobody asks for.

    Args:
        package: its name.
        homes: for each public name the module of the package that it comes from.
    """

    def find(name: str) -> Any:
        if name in homes:
            return getattr(import_module(f"{package}.{homes[name]}"), name)
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return find
