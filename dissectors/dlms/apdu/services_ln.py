"""Logical-name services: GET, SET, ACTION and EventNotification, all choices.

Source: IEC 62056-5-3 (Green Book), clauses on the GET, SET, ACTION and EventNotification services and ASN.1.
"""

from __future__ import annotations

from dissectors.dlms.apdu.references import (
    ACTION_RESULT,
    ATTRIBUTE,
    BLOCK_NUMBER,
    DATA,
    DATE_TIME,
    GET_RESULT,
    INVOKE,
    METHOD,
    RAW_DATA,
    RESULT,
    SELECTED_ATTRIBUTE,
    SELECTION,
)
from dissectors.layout.axdr import AxdrPart, Boolean, Choice, Flagged, Group, Sequence

__all__ = ["LN_SERVICES"]

LAST_BLOCK = Boolean("last_block")
BLOCK = Group("datablock", LAST_BLOCK, BLOCK_NUMBER, RAW_DATA)
ATTRIBUTES = Sequence("attributes", SELECTED_ATTRIBUTE)
METHODS = Sequence("methods", METHOD)
VALUES = Sequence("values", DATA)
BLOCK_RESULT = Choice("block_result", {0: ("raw-data", (RAW_DATA,)), 1: ("data-access-result", (RESULT,))})


ANSWER = Group("answer", ACTION_RESULT, Flagged(Choice("return", GET_RESULT.options)), least=2)

Options = dict[int, tuple[str, tuple[AxdrPart, ...]]]

GET_REQUEST: Options = {
    1: ("normal", (INVOKE, ATTRIBUTE, SELECTION)),
    2: ("next", (INVOKE, BLOCK_NUMBER)),
    3: ("with-list", (INVOKE, ATTRIBUTES)),
}
GET_RESPONSE: Options = {
    1: ("normal", (INVOKE, GET_RESULT)),
    2: ("with-datablock", (INVOKE, LAST_BLOCK, BLOCK_NUMBER, BLOCK_RESULT)),
    3: ("with-list", (INVOKE, Sequence("results", GET_RESULT))),
}
SET_REQUEST: Options = {
    1: ("normal", (INVOKE, ATTRIBUTE, SELECTION, DATA)),
    2: ("with-first-datablock", (INVOKE, ATTRIBUTE, SELECTION, BLOCK)),
    3: ("with-datablock", (INVOKE, BLOCK)),
    4: ("with-list", (INVOKE, ATTRIBUTES, VALUES)),
    5: ("with-list-and-first-datablock", (INVOKE, ATTRIBUTES, BLOCK)),
}
SET_RESPONSE: Options = {
    1: ("normal", (INVOKE, RESULT)),
    2: ("datablock", (INVOKE, BLOCK_NUMBER)),
    3: ("last-datablock", (INVOKE, RESULT, BLOCK_NUMBER)),
    4: ("last-datablock-with-list", (INVOKE, Sequence("results", RESULT), BLOCK_NUMBER)),
    5: ("with-list", (INVOKE, Sequence("results", RESULT))),
}
ACTION_REQUEST: Options = {
    1: ("normal", (INVOKE, METHOD, Flagged(DATA))),
    2: ("next-pblock", (INVOKE, BLOCK_NUMBER)),
    3: ("with-list", (INVOKE, METHODS, VALUES)),
    4: ("with-first-pblock", (INVOKE, METHOD, BLOCK)),
    5: ("with-list-and-first-pblock", (INVOKE, METHODS, BLOCK)),
    6: ("with-pblock", (INVOKE, BLOCK)),
}
ACTION_RESPONSE: Options = {
    1: ("normal", (INVOKE, ANSWER)),
    2: ("with-pblock", (INVOKE, BLOCK)),
    3: ("with-list", (INVOKE, Sequence("answers", ANSWER))),
    4: ("next-pblock", (INVOKE, BLOCK_NUMBER)),
}
EVENT_NOTIFICATION: tuple[AxdrPart, ...] = (Flagged(DATE_TIME), ATTRIBUTE, DATA)

LN_SERVICES: dict[int, Options | tuple[AxdrPart, ...]] = {
    0xC0: GET_REQUEST,
    0xC1: SET_REQUEST,
    0xC2: EVENT_NOTIFICATION,
    0xC3: ACTION_REQUEST,
    0xC4: GET_RESPONSE,
    0xC5: SET_RESPONSE,
    0xC7: ACTION_RESPONSE,
}
