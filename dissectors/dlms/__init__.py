"""DLMS/COSEM: carriers, APDUs, security, values by name (IEC 62056; GBCS uses a part of it)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dissectors.modules.deferred import deferred

if TYPE_CHECKING:
    from dissectors.dlms.apdu import Apdu, build, build_apdu, read_apdu
    from dissectors.dlms.association import Association
    from dissectors.dlms.data import Data, build_data
    from dissectors.dlms.data_fields import read_data
    from dissectors.dlms.message import dissect_message, dissect_vector

__all__ = [
    "Apdu",
    "Association",
    "Data",
    "build",
    "build_apdu",
    "build_data",
    "dissect_message",
    "dissect_vector",
    "read_apdu",
    "read_data",
]

HOMES = {
    **dict.fromkeys(("Apdu", "build", "build_apdu", "read_apdu"), "apdu"),
    "Association": "association",
    **dict.fromkeys(("Data", "build_data"), "data"),
    "read_data": "data_fields",
    **dict.fromkeys(("dissect_message", "dissect_vector"), "message"),
}
__getattr__ = deferred(__name__, HOMES)
