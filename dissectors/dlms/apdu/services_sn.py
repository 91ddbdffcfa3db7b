"""Short-name services: Read, Write, UnconfirmedWrite and InformationReport.

Source: IEC 62056-5-3 (Green Book), clauses on the Read, Write and InformationReport services and ASN.1.
"""

from __future__ import annotations

from dissectors.dlms.apdu.references import DATA, RAW_DATA, RESULT, DataPart
from dissectors.layout.axdr import (
    AxdrPart,
    Boolean,
    Choice,
    Flagged,
    Number,
    OctetString,
    Sequence,
)

__all__ = ["SN_SERVICES"]

BLOCK = Number("block_number", 2)
LAST = Boolean("last_block")


def short_name_words(value: int) -> str:
    """A base name plus attribute or method offset; FA00 is the association object."""
    base = 0xFA00
    if base <= value < base + 0x100:
        return f"association object (0-0:40.0.0.255) + 0x{value - base:02x}"
    return f"short name 0x{value:04x}"


NAME = Number("variable_name", 2, short_name_words)
DETAILED = (NAME, Number("access_selector"), OctetString("detail"))


VARIABLE = Choice(
    "variable_access",
    {
        2: ("variable-name", (NAME,)),
        3: ("detailed-access", DETAILED),
        4: ("parameterised-access", (NAME, Number("selector"), DataPart("parameters"))),
        5: ("block-number-access", (BLOCK,)),
        6: ("read-data-block-access", (LAST, BLOCK, RAW_DATA)),
        7: ("write-data-block-access", (LAST, BLOCK)),
    },
    least=3,
)
VARIABLES = Sequence("variables", VARIABLE)
VALUES = Sequence("values", DATA)
READ_RESULT = Choice(
    "read_result",
    {
        0: ("data", (DATA,)),
        1: ("data-access-error", (RESULT,)),
        2: ("data-block-result", (LAST, BLOCK, RAW_DATA)),
        3: ("block-number", (BLOCK,)),
    },
)
WRITE_RESULT = Choice(
    "write_result",
    {0: ("success", ()), 1: ("data-access-error", (RESULT,)), 2: ("block-number", (BLOCK,))},
)


CURRENT_TIME = OctetString("current_time", names=lambda value: value.decode("latin-1"))
"""Visible text: YYYYMMDDhhmmss[.f][Z or offset]."""

SN_SERVICES: dict[int, tuple[AxdrPart, ...]] = {
    0x05: (VARIABLES,),
    0x06: (VARIABLES, VALUES),
    0x0C: (Sequence("results", READ_RESULT),),
    0x0D: (Sequence("results", WRITE_RESULT),),
    0x16: (VARIABLES, VALUES),
    0x18: (Flagged(CURRENT_TIME), VARIABLES, VALUES),
}
