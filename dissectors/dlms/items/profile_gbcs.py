"""Departures from what GBCS permits of DLMS/COSEM: a rule set (``tables/gbcs_profile.csv``) over read APDUs.

The rules say what differs from GBCS, not that the message is bad DLMS: a meter outside Great Britain breaks
most of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

from dissectors.dlms.apdu.general import HEADER
from dissectors.dlms.apdu.layouts import Apdu
from dissectors.dlms.association import Association
from dissectors.dlms.items.pairs import Pair, pairs_of
from dissectors.layout.tables import table
from dissectors.model.field import Issue

__all__ = ["profile_violations"]

LAYER = "dlms.gbcs"
_USED = frozenset((0x0F, 0xD9, 0xDA, 0xDD, 0xDF, 0xE0))
_ACSE = range(0x60, 0x64)
_SHORT_NAMES = frozenset((0x05, 0x06, 0x0C, 0x0D, 0x16, 0x18))
_WRITING = frozenset(("set", "action", "set-with-selection"))

Broken = tuple[str, int]


@cache
def _rules() -> dict[str, dict[str, str]]:
    return {row["rule"]: row for row in table("dlms", "gbcs_profile")}


@cache
def _objects() -> frozenset[tuple[str, str]]:
    return frozenset((row["class_id"], row["obis"]) for row in table("dlms", "obis") if row["scope"] == "gb")


def profile_violations(apdus: Sequence[Apdu]) -> list[Issue]:
    """What in the APDUs of one message (outermost first) departs from GBCS, one issue each."""
    counter: int | None = None
    found: list[Broken] = []
    for apdu in apdus:
        found += _service(apdu)
        if apdu.tag == 0xDD:
            found += _ciphering(apdu)
        elif apdu.tag == 0xDF:
            found += _signing(apdu)
            transaction = apdu.parts[0][1] if apdu.parts else b""
            counter = int.from_bytes(transaction[1:], "big") if len(transaction) == 9 else None
        elif apdu.tag in (0x0F, 0xD9, 0xDA):
            found += _access(apdu, counter)
            found += _targets(apdu)
    return [_issue(rule, offset) for rule, offset in found]


def _issue(rule: str, offset: int) -> Issue:
    row = _rules()[rule]
    return Issue(row["severity"], LAYER, offset, f"{row['text']} [{row['source']}, {row['confidence']}]")  # type: ignore[arg-type]


def _service(apdu: Apdu) -> Iterator[Broken]:
    if apdu.tag in _USED:
        return
    if apdu.tag in _ACSE or apdu.name in ("initiate-request", "initiate-response"):
        yield "association", apdu.start
    elif apdu.tag in _SHORT_NAMES:
        yield "short-names", apdu.start
    elif apdu.part("protected") is not None:
        yield "ciphering", apdu.start
    else:
        yield "service", apdu.start


def _ciphering(apdu: Apdu) -> Iterator[Broken]:
    names = {element.name for element in HEADER}
    for part in apdu.parts:
        if (part[0].name in names and part[1]) or (part[0].name == "key_info" and part[1] is not None):
            yield "ciphering-header", part[2]
    protected = apdu.part("protected")
    if protected is None:
        return
    if protected[1].control != 0x11:
        yield "security-control", protected[2]
    if protected[1].counter:
        yield "invocation-counter", protected[2]


def _signing(apdu: Apdu) -> Iterator[Broken]:
    if len(apdu.parts) < 4:
        return
    transaction, originator, recipient, moment = apdu.parts[:4]
    if len(transaction[1]) != 9 or transaction[1][0] not in (1, 2, 3):
        yield "transaction-id", transaction[2]
    for title in (originator, recipient):
        if len(title[1]) != 8:
            yield "system-title", title[2]
    if len(moment[1]) not in (0, 12):
        yield "signing-date-time", moment[2]
    signature = apdu.part("signature")
    if signature is not None and signature[1] is not None and len(signature[1]) not in (0, 64):
        yield "signature", signature[2]


def _access(apdu: Apdu, counter: int | None) -> Iterator[Broken]:
    if len(apdu.parts) < 3:
        return
    invoke, moment = apdu.parts[:2]
    if invoke[1] >> 24 != 0x20:
        yield "invoke-id", invoke[2]
    if counter is not None and invoke[1] & 0xFFFFFF != counter & 0xFFFFFF:
        yield "invoke-counter", invoke[2]
    if moment[1]:
        yield "date-time", moment[2]
    if apdu.tag == 0xDA and apdu.parts[2][1] is not None:
        yield "response-specification", apdu.parts[2][2]


def _targets(apdu: Apdu) -> Iterator[Broken]:
    if apdu.tag != 0xD9 or len(apdu.parts) < 3:
        return
    for part, pair in zip(apdu.parts[2][1], pairs_of(apdu, Association()), strict=False):
        kind = part[0].options[part[1][0]][0]
        yield from ((rule, part[2]) for rule in _target(kind, pair))


def _target(kind: str, pair: Pair) -> Iterator[str]:
    where = pair.target
    if where is None:
        return
    writes = kind in _WRITING
    if pair.selection is not None and (pair.selection[0] != 1 or where.class_id != 7):
        yield "selector"
    if where.class_id == 18:
        yield "image-transfer"
    if where.class_id == 17 and kind == "action":
        yield "sap-assignment-method"
    if where.class_id in (15, 64) and writes:
        yield "fixed-security"
    if where.class_id == 111:
        passive = where.obis.startswith("0-1:")
        if writes and not passive:
            yield "active-account"
        elif not writes and passive:
            yield "passive-account"
    if (str(where.class_id), where.obis) not in _objects():
        yield "unknown-object"
