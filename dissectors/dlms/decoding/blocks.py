"""Service-specific block transfer: which APDUs carry a block, and what the joined octets are.

The blocks of a GET or ACTION response and of a SET or ACTION request join to the Data (or list of Data or
results) that the APDU without blocks would hold; those of Read and Write to the lists of those services.
Source: IEC 62056-5-3 (Green Book), clauses on service-specific block transfer.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

from dissectors.dlms.apdu.layouts import Apdu
from dissectors.dlms.apdu.references import DATA, GET_RESULT
from dissectors.dlms.apdu.services_sn import READ_RESULT, VALUES, VARIABLES
from dissectors.dlms.association import Request
from dissectors.dlms.cosem.codes import code_name
from dissectors.dlms.cosem.data import Node
from dissectors.dlms.cosem.obis import Target, target
from dissectors.dlms.decoding.tree import LazyField, Tree
from dissectors.dlms.items.pairs import Pair
from dissectors.layout.axdr import AxdrPart, Sequence
from dissectors.model.errors import DissectionError, Malformed
from dissectors.model.field import Field

__all__ = ["Block", "block_of", "block_values"]


class Block(NamedTuple):
    """One block: service and invoke id, number, whether it is the last, octets, targets when it has them."""

    service: str
    invoke: int
    number: int
    last: bool
    octets: bytes
    detail: list[Target] | None


_TYPED = {0xC1: "set", 0xC3: "action", 0xC4: "get", 0xC7: "action-response"}
_BLOCKS = frozenset((*_TYPED, 0x05, 0x0C))


def block_of(apdu: Apdu) -> Block | None:
    """The block that `apdu` carries, if any."""
    if apdu.tag not in _BLOCKS or (apdu.tag in _TYPED and "block" not in apdu.type):
        return None
    values = {part[0].name: part[1] for part in apdu.parts}
    if apdu.tag == 0xC4 and apdu.type == "with-datablock" and len(apdu.parts) == 4:
        code, parts = values["block_result"]
        if code or not parts:
            return None
        invoke = values["invoke_id_and_priority"] & 15
        return Block("get", invoke, values["block_number"], values["last_block"], parts[0][1], None)
    if "datablock" in values and len(values["datablock"]) == 3:
        last, number, octets = (part[1] for part in values["datablock"])
        service = _TYPED[apdu.tag]
        invoke = values["invoke_id_and_priority"] & 15
        return Block(service, invoke, number, last, octets, _targets(values))
    if apdu.tag in (0x05, 0x0C) and len(apdu.parts) == 1 and len(apdu.parts[0][1]) == 1:
        code, parts = apdu.parts[0][1][0][1]
        if code == (6 if apdu.tag == 0x05 else 2) and len(parts) == 3:
            last, number, octets = (part[1] for part in parts)
            service = "write" if apdu.tag == 0x05 else "read"
            return Block(service, 0, number, last, octets, None)
    return None


def _targets(values: dict[str, Any]) -> list[Target] | None:
    if "attribute" in values:
        return [target(values["attribute"])]
    if "method" in values:
        return [target(values["method"], True)]
    if "attributes" in values:
        return [target(part[1][0][1]) for part in values["attributes"]]
    if "methods" in values:
        return [target(part[1], True) for part in values["methods"]]
    return None


_FORMS: dict[str, tuple[AxdrPart, ...]] = {
    "get": (DATA, Sequence("results", GET_RESULT)),
    "set": (DATA, Sequence("values", DATA)),
    "action": (DATA, Sequence("values", DATA)),
    "action-response": (DATA, GET_RESULT, Sequence("results", GET_RESULT)),
    "read": (Sequence("results", READ_RESULT),),
}

Read = tuple[list[Tree], list[Pair], list[Node], DissectionError | None]


def block_values(
    service: str, whole: bytes, buffer: str, detail: list[Target] | None, request: Request | None
) -> Read:
    """(fields, pairs, values, error) of joined blocks; the first form that fits them whole is taken."""
    if service == "write":
        return _written(whole, buffer)
    forms = _FORMS[service]
    targets: list[Target] = detail or []
    if service in ("get", "action-response") and request and request.service.startswith(service[:3]):
        targets = request.targets
    if len(targets) > 1:
        forms = forms[1:]
    failure: DissectionError = Malformed("nothing that can be read", layer="dlms.blocks", offset=0)
    for form in forms:
        try:
            value, stop = form.read(whole, 0, len(whole))
        except DissectionError as error:
            failure = error.kept()
            continue
        if stop == len(whole):
            pairs, nodes = _pairs(form, value, targets, request)
            return [LazyField(partial(form.field, value, 0, stop, buffer))], pairs, nodes, None
    return [Field("unread", whole, None, 0, len(whole), buffer)], [], [], failure


def _pairs(
    form: AxdrPart, value: Any, targets: list[Target], request: Request | None
) -> tuple[list[Pair], list[Node]]:
    selections = request.selections if request and len(request.selections) == len(targets) else []
    found: list[tuple[Node | None, str | None]] = []
    if form is DATA:
        found = [(value, None)]
    else:
        for part in [(form, value)] if form is GET_RESULT else value:
            item = part[1]
            if isinstance(item[0], int) and isinstance(item[1], list) and len(item) == 2:
                code, parts = item
                if code == 0 and parts:
                    found.append((parts[0][1], "success"))
                elif parts:
                    found.append((None, code_name("data-access-result", parts[0][1])))
            else:
                found.append((item, None))
    pairs = [
        Pair(
            targets[i] if i < len(targets) else None,
            node,
            result,
            selections[i] if i < len(selections) else None,
        )
        for i, (node, result) in enumerate(found)
    ]
    return pairs, [node for node, _ in found if node is not None]


def _written(whole: bytes, buffer: str) -> Read:
    """A write-request without its tag: variables, then values."""
    try:
        variables, at = VARIABLES.read(whole, 0, len(whole))
        values, stop = VALUES.read(whole, at, len(whole))
    except DissectionError as error:
        return [Field("unread", whole, None, 0, len(whole), buffer)], [], [], error.kept()
    fields: list[Tree] = [VARIABLES.field(variables, 0, at, buffer), VALUES.field(values, at, stop, buffer)]
    if stop < len(whole):
        fields.append(Field("unread", whole[stop:], None, stop, len(whole) - stop, buffer))
    nodes = [part[1] for part in values]
    return fields, [Pair(None, node) for node in nodes], nodes, None
