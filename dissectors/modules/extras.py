"""Packages that not every installation has: who needs one that is missing is told which extra brings it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["MissingExtra", "needed"]


class MissingExtra(ImportError):
    """A package that only an extra of hanscope brings is not installed.

    Attributes:
        name: the package.
        hint: how to install it.
    """

    def __init__(self, package: str, extra: str, use: str) -> None:
        self.hint = f"pip install 'hanscope[{extra}]'"
        super().__init__(f"{use} needs {package}, which is not installed: {self.hint}", name=package)
        self.text = f"{use} needs {package}, which is not installed"


def needed(package: str, *, extra: str, use: str) -> Any:
    """A package, imported.

    Args:
        package: its name.
        extra: the extra of hanscope that brings it.
        use: what needs it, as a sentence about it begins.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        return import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package.partition(".")[0]:
            raise
        raise MissingExtra(error.name, extra, use) from None
