"""The ACCESS service: one request, many gets, sets and actions; the three lists must pair up.

Source: IEC 62056-5-3 (Green Book), clause on the ACCESS service; GBCS section 7 uses nothing else.
"""

from __future__ import annotations

from dissectors.dlms.apdu.references import (
    ACTION_RESULT,
    ATTRIBUTE,
    DATA,
    DATE_TIME,
    LONG_INVOKE,
    METHOD,
    RESULT,
    SELECTION_BODY,
)
from dissectors.layout.axdr import AxdrPart, Choice, Flagged, ReadPart, Sequence
from dissectors.model.errors import Malformed

__all__ = ["ACCESS_SERVICES", "RESPONSE", "SPECIFICATION", "check_counts"]


class _Specification(Choice):
    """The short way for a bare descriptor: these lists are long in GBCS."""

    __slots__ = ()

    def read(self, data: bytes, pos: int, end: int) -> tuple[tuple[int, list[ReadPart]], int]:
        stop = pos + 10
        if stop <= end and 1 <= data[pos] <= 3:
            element = METHOD if data[pos] == 3 else ATTRIBUTE
            return (data[pos], [(element, data[pos + 1 : stop], pos + 1, stop)]), stop
        return super().read(data, pos, end)


class _Response(Choice):
    __slots__ = ()

    def read(self, data: bytes, pos: int, end: int) -> tuple[tuple[int, list[ReadPart]], int]:
        stop = pos + 2
        if stop <= end and 1 <= data[pos] <= 3:
            element = ACTION_RESULT if data[pos] == 3 else RESULT
            return (data[pos], [(element, data[pos + 1], pos + 1, stop)]), stop
        return super().read(data, pos, end)


SPECIFICATION = _Specification(
    "specification",
    {
        1: ("get", (ATTRIBUTE,)),
        2: ("set", (ATTRIBUTE,)),
        3: ("action", (METHOD,)),
        4: ("get-with-selection", (ATTRIBUTE, SELECTION_BODY)),
        5: ("set-with-selection", (ATTRIBUTE, SELECTION_BODY)),
    },
    least=10,
)
RESPONSE = _Response(
    "response",
    {
        1: ("get", (RESULT,)),
        2: ("set", (RESULT,)),
        3: ("action", (ACTION_RESULT,)),
        4: ("get-with-selection", (RESULT,)),  # these two are no choices of a response, and devices send them
        5: ("set-with-selection", (RESULT,)),
    },
    least=2,
)
SPECIFICATIONS = Sequence("specifications", SPECIFICATION)
VALUES = Sequence("values", DATA)

ACCESS_SERVICES: dict[int, tuple[AxdrPart, ...]] = {
    0xD9: (LONG_INVOKE, DATE_TIME, SPECIFICATIONS, VALUES),
    0xDA: (LONG_INVOKE, DATE_TIME, Flagged(SPECIFICATIONS), VALUES, Sequence("responses", RESPONSE)),
}


def check_counts(tag: int, parts: list[ReadPart]) -> Malformed | None:
    """The error that says which lists differ in length; None when they pair up."""
    lists = [(part[0].name, len(part[1])) for part in parts if isinstance(part[0], Sequence)]
    if tag == 0xDA and parts[2][1] is not None:
        lists.append(("specifications", len(parts[2][1][1])))
    if len({count for _, count in lists}) == 1:
        return None
    text = ", ".join(f"{count} {name}" for name, count in lists)
    return Malformed(f"access lists differ in length: {text}", layer="dlms.access", offset=parts[2][2])
