"""The ZigBee Cluster Library: every general command, every data type, the clusters of the tables."""

from dissectors.zcl.build import build, build_attribute_records, build_command
from dissectors.zcl.frame import dissect, dissect_payload
from dissectors.zcl.header import Header, build_header, read_header

__all__ = [
    "Header",
    "build",
    "build_attribute_records",
    "build_command",
    "build_header",
    "dissect",
    "dissect_payload",
    "read_header",
]
