"""The ZigBee Cluster Library: every general command, every data type, the clusters of the tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dissectors.modules.deferred import deferred

if TYPE_CHECKING:
    from dissectors.zcl.build import build_attribute_records, build_command
    from dissectors.zcl.frame import dissect, dissect_payload
    from dissectors.zcl.header import Header, build_header, read_header

__all__ = [
    "Header",
    "build_attribute_records",
    "build_command",
    "build_header",
    "dissect",
    "dissect_payload",
    "read_header",
]

# The column path takes single modules from here: what it does not take is not loaded.
HOMES = {
    **dict.fromkeys(("build_attribute_records", "build_command"), "build"),
    **dict.fromkeys(("dissect", "dissect_payload"), "frame"),
    **dict.fromkeys(("Header", "build_header", "read_header"), "header"),
}
__getattr__ = deferred(__name__, HOMES)
