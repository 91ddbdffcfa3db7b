"""What the frames mean: pandas frames, findings, reports, and the command line.

A person begins with `import hanscope as hs`; each room of this folder has a public face of its own. Names resolve on
first use. The modules that stood here before there were rooms answer to their old names, too: scripts hold on to them.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from dissectors.modules import answer_to_former_names

__all__ = ["resolved"]

_WHERE = {
    "Capture": "analysis.api.captured",
    **dict.fromkeys(("Captures", "open_captures"), "analysis.api.several"),
    **dict.fromkeys(("FoundFrame", "FoundMessage", "message"), "analysis.api.seen"),
    **dict.fromkeys(("Simulation", "simulate"), "analysis.api.simulated"),
    "Findings": "analysis.api.judged",
    "Keys": "analysis.api.keys",
}
_FORMER = {
    "keys": "keyfile keystore_files parties:remote_parties",
    "tables": "schema python_values batches output scribe:writer_thread text_output pandas_columns lazy",
    "pipeline": "source ahead:prefetch side_by_side:parallel decode session devices blocks columns rows payload_rows"
    " payloads conversations:dlms_streams certificates ceilings keytable windows",
    "features": "stations selection view change_points polls repeats judging inference completeness"
    " shut names",
    "rules": "profile compliance anomalies",
    "engine": "checking merging incidents provenance",
    "findings": "findings_output modifications waivers",
    "views": "tree filters statistics diff agreement:crosscheck tshark messages message_inputs",
    "cli": "console command_line verbs",
}
MOVED = {
    f"analysis.{former}": f"analysis.{room}.{now or former}"
    for room, names in _FORMER.items()
    for former, _, now in (name.partition(":") for name in names.split())
}
MOVED["analysis.api.html"] = "analysis.tables.html"
"""Former names of modules, and where they are now (after a colon: what they are called now)."""


def resolved(package: str, name: str, where: Mapping[str, str]) -> Any:
    """The public name of a package, from the module that defines it (after a colon: what it is called there).

    Raises:
        AttributeError: it is none of its names.
    """
    if name not in where:
        raise AttributeError(f"module {package!r} has no attribute {name!r}")
    module, _, called = where[name].partition(":")
    return getattr(import_module(module), called or name)


def __getattr__(name: str) -> Any:
    return resolved(__name__, name, _WHERE)


answer_to_former_names(MOVED)
