"""Short-name services: Read, Write, UnconfirmedWrite and InformationReport.

Source: IEC 62056-5-3 (Green Book), clauses on the Read, Write and InformationReport services and ASN.1.
"""

from __future__ import annotations

from typing import Any

from dissectors.dlms.layout import (
    Boolean,
    Choice,
    DataElement,
    Element,
    Flagged,
    Number,
    OctetString,
    Sequence,
)
from dissectors.dlms.references import DATA, RAW_DATA, RESULT

__all__ = ["SN_SERVICES"]

BLOCK = Number("block_number", 2)
LAST = Boolean("last_block")


class ShortName(Number):
    """A base name plus attribute or method offset; FA00 is the association object."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__("variable_name", 2)

    def meaning(self, value: Any) -> str:
        base = 0xFA00
        if base <= value < base + 0x100:
            return f"association object (0-0:40.0.0.255) + 0x{value - base:02x}"
        return f"short name 0x{value:04x}"


NAME = ShortName()
DETAILED = (NAME, Number("access_selector"), OctetString("detail"))


class _Variable(Choice):
    __slots__ = ()
    least = 3


VARIABLE = _Variable(
    "variable_access",
    {
        2: ("variable-name", (NAME,)),
        3: ("detailed-access", DETAILED),
        4: ("parameterised-access", (NAME, Number("selector"), DataElement("parameters"))),
        5: ("block-number-access", (BLOCK,)),
        6: ("read-data-block-access", (LAST, BLOCK, RAW_DATA)),
        7: ("write-data-block-access", (LAST, BLOCK)),
    },
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


class GeneralizedTime(OctetString):
    """A time as visible text: YYYYMMDDhhmmss[.f][Z or offset]."""

    __slots__ = ()

    def meaning(self, value: Any) -> str:
        text: str = value.decode("latin-1")
        return text


SN_SERVICES: dict[int, tuple[Element, ...]] = {
    0x05: (VARIABLES,),
    0x06: (VARIABLES, VALUES),
    0x0C: (Sequence("results", READ_RESULT),),
    0x0D: (Sequence("results", WRITE_RESULT),),
    0x16: (VARIABLES, VALUES),
    0x18: (Flagged(GeneralizedTime("current_time")), VARIABLES, VALUES),
}
