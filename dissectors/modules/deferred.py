"""What is made when somebody asks for it: public names of a package (PEP 562), and attributes of an object."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Generic, TypeVar

__all__ = ["deferred", "lazy"]

T = TypeVar("T")


class lazy(Generic[T]):  # noqa: N801 (used like `property`)
    """An attribute that is made by a method at the first look, and kept: ``functools.cached_property`` without the
    lock that it has before Python 3.12."""

    def __init__(self, make: Callable[[Any], T]) -> None:
        self.make, self.name = make, make.__name__
        self.__doc__ = make.__doc__

    def __get__(self, owner: Any, kind: Any = None) -> T:
        value: T = self.make(owner)
        owner.__dict__[self.name] = value
        return value


def deferred(package: str, homes: Mapping[str, str], former: str = "") -> Callable[[str], Any]:
    """What a package takes for its ``__getattr__``, so that importing it does not load what nobody asks for.

    Args:
        package: its name.
        homes: for each public name the module of the package that it comes from.
        former: the module that had the package's name before there was one; its other names are found, too.
    """

    def find(name: str) -> Any:
        if name in homes:
            return getattr(import_module(f"{package}.{homes[name]}"), name)
        if former and not name.startswith("__"):
            found = getattr(import_module(f"{package}.{former}"), name, None)
            if found is not None:
                return found
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return find
