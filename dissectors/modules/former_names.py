"""Modules that answer to the names that they had before they moved: scripts hold on to them."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import CodeType, ModuleType

__all__ = ["answer_to_former_names"]


class _Former(MetaPathFinder, InspectLoader):
    """Finds a module by its former name: the module itself, not a copy."""

    def __init__(self, moved: Mapping[str, str]) -> None:
        self._moved = moved
        self._specs: dict[str, ModuleSpec | None] = {}

    def _now(self, name: str) -> str | None:
        """The present name of a module, by its own former name or that of a package it is in."""
        head = name
        while head and head not in self._moved:
            head = head.rpartition(".")[0]
        return self._moved[head] + name[len(head) :] if head else None

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        now = self._now(fullname)
        return None if now is None else ModuleSpec(fullname, self, origin=now)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = import_module(str(spec.origin))
        self._specs[spec.name] = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """It was run where it is; only its own description has to be put back."""
        former = module.__spec__.name if module.__spec__ else ""
        module.__spec__ = self._specs.pop(former, module.__spec__)

    def get_code(self, fullname: str) -> CodeType | None:
        """For ``python -m FORMER.NAME``."""
        spec = find_spec(self._now(fullname) or fullname)
        loader = None if spec is None else spec.loader
        return loader.get_code(spec.name) if spec is not None and isinstance(loader, InspectLoader) else None

    def get_source(self, fullname: str) -> str | None:
        spec = find_spec(self._now(fullname) or fullname)
        loader = None if spec is None else spec.loader
        return (
            loader.get_source(spec.name) if spec is not None and isinstance(loader, InspectLoader) else None
        )


def answer_to_former_names(moved: Mapping[str, str]) -> None:
    """Let ``import`` find modules by their former names.

    Args:
        moved: former names of modules and packages, and where they are now.
    """
    sys.meta_path.insert(0, _Former(moved))  # before the folders of packages are searched
