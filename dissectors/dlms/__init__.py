"""DLMS/COSEM: carriers, APDUs, security, values by name (IEC 62056; GBCS uses a part of it)."""

from dissectors.dlms.apdu import Apdu, build, build_apdu, read_apdu
from dissectors.dlms.association import Association
from dissectors.dlms.data import Data, build_data, read_data
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
