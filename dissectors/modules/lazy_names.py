"""What is made when somebody asks for it: public names of a package (PEP 562), and attributes of an object."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Generic, TypeVar

__all__ = ["lazy", "public_names"]

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


def public_names(
    package: str, homes: Mapping[str, str], *, modules: str = "", former: str = ""
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """What a package takes for its ``__getattr__``, ``__dir__`` and ``__all__``: nothing is loaded unasked.

    Args:
        package: its name.
        homes: modules of the package (or, with dots in front, beside it), and the public names that come from each,
            with spaces between them; after a colon: what a name is called there.
        modules: those modules of it (or, with dots inside, of its rooms) that are public themselves.
        former: the module that had the package's name before there was one; its other names are found, too.
    """
    home_of, called = {}, {}
    for home, names in homes.items():
        for one in names.split():
            name, _, there = one.partition(":")
            home_of[name], called[name] = home, there or name
    module_of = {one.rpartition(".")[2]: one for one in modules.split()}
    public = sorted((*home_of, *module_of))

    def find(name: str) -> Any:
        home = home_of.get(name, former if not name.startswith("__") else "")
        missing = AttributeError(f"module {package!r} has no attribute {name!r}")
        if name in module_of:
            return import_module(f"{package}.{module_of[name]}")
        if not home:
            raise missing
        try:
            found = getattr(
                import_module(home if home[0] == "." else f".{home}", package), called.get(name, name)
            )
        except AttributeError:
            raise missing from None
        setattr(sys.modules[package], name, found)
        return found

    return find, lambda: sorted({*vars(sys.modules[package]), *public}), public
