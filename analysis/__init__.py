"""What the frames mean: pandas frames, findings, reports, and the command line.

A person begins with `import hanscope as hs`; each room of this folder has a public face of its own. Names resolve on
first use. The modules that stood here before there were rooms answer to their old names, too: scripts hold on to them.
"""

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

__all__ = ["resolved"]

_WHERE = {
    **dict.fromkeys(("Capture", "Captures", "open_captures"), "analysis.api.captured"),
    **dict.fromkeys(("FoundFrame", "FoundMessage", "message"), "analysis.api.seen"),
    **dict.fromkeys(("Simulation", "simulate"), "analysis.api.simulated"),
    "Findings": "analysis.api.judged",
    "Keys": "analysis.api.keys",
}
_FORMER = {
    "keys": "keyfile keystore_files parties",
    "tables": "schema python_values batches output scribe text_output pandas_columns lazy",
    "pipeline": "source ahead side_by_side uncollected decode session devices blocks columns rows payload_rows"
    " payloads conversations certificates ceilings keytable windows",
    "features": "stations selection view change_points polls repeats judging inference completeness"
    " shut names",
    "rules": "profile compliance anomalies",
    "engine": "checking merging incidents provenance",
    "findings": "findings_output modifications waivers",
    "views": "tree filters statistics diff agreement tshark messages message_inputs",
    "cli": "console command_line verbs",
}
MOVED = {
    f"analysis.{name}": f"analysis.{room}.{name}" for room, names in _FORMER.items() for name in names.split()
}
"""Former names of modules, and where they are now."""


def resolved(package: str, name: str, where: Mapping[str, str]) -> Any:
    """The public name of a package, from the module that defines it.

    Raises:
        AttributeError: it is none of its names.
    """
    if name not in where:
        raise AttributeError(f"module {package!r} has no attribute {name!r}")
    return getattr(import_module(where[name]), name)


def __getattr__(name: str) -> Any:
    return resolved(__name__, name, _WHERE)


class _Former(MetaPathFinder, Loader):
    """Finds a module by its former name: the module itself, not a copy."""

    def __init__(self) -> None:
        self._specs: dict[str, ModuleSpec | None] = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        head = ".".join(fullname.split(".")[:2])
        if head not in MOVED:
            return None
        return ModuleSpec(fullname, self, origin=MOVED[head] + fullname[len(head) :])

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = import_module(str(spec.origin))
        self._specs[spec.name] = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """It was run where it is; only its own description has to be put back."""
        former = module.__spec__.name if module.__spec__ else ""
        module.__spec__ = self._specs.pop(former, module.__spec__)


sys.meta_path.insert(0, _Former())  # before the folders of packages are searched
