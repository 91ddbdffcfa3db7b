"""Which value belongs to which object: pairs of target and Data for every service, and rows of them.

Responses carry no names; they come from the request of the same invoke id, which the association remembers.
Pushes name their values in one of the ways that meters use (list of objects first, pairs, alternating).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from dissectors.dlms.apdu.layouts import Apdu
from dissectors.dlms.association import Association, Request, Scaler
from dissectors.dlms.cosem.codes import code_name
from dissectors.dlms.cosem.data import Node
from dissectors.dlms.cosem.obis import Target, target
from dissectors.dlms.items.pushes import Named, push_pairs
from dissectors.layout.axdr import ReadPart

__all__ = ["Pair", "pairs_of", "short_name_target", "value_pair"]

_ACCESS_METHOD = 3


class Pair(NamedTuple):
    """One object and what is said of it: a value, a result, a selection.

    Where there is no target there may be a `label` (short names), or OBIS octets and a scaler (pushes).
    """

    target: Target | None
    node: Node | None = None
    result: str | None = None
    selection: tuple[int, Node] | None = None
    label: str | None = None
    obis: bytes | None = None
    scaler: Scaler | None = None


def pairs_of(apdu: Apdu, association: Association) -> list[Pair]:
    """The pairs of an APDU; requests are remembered in `association`, answers look theirs up."""
    reader = _READERS.get(apdu.tag)
    return reader(apdu, association) if reader else []


def _selection(part: Any) -> tuple[int, Node] | None:
    """(selector, parameters) of an optional selection part."""
    if part is None:
        return None
    parts = part[1]
    return (parts[0][1], parts[1][1]) if len(parts) == 2 else None


def _invoke(apdu: Apdu) -> int:
    return int(apdu.parts[0][1]) & (0xFFFFFF if apdu.tag in (0xD9, 0xDA) else 15) if apdu.parts else 0


def _remember(apdu: Apdu, association: Association, pairs: list[Pair]) -> list[Pair]:
    targets = [pair.target for pair in pairs if pair.target is not None]
    if targets:
        request = Request(apdu.name, targets, [pair.selection for pair in pairs])
        association.requests[_invoke(apdu)] = request
    return pairs


def _requested(apdu: Apdu, association: Association, count: int) -> list[tuple[Target | None, Any]]:
    """Targets and selections of the request that this answers; None where it was not seen."""
    request = association.requests.get(_invoke(apdu))
    if request is None or not _answers(request.service, apdu.name) or len(request.targets) != count:
        return [(None, None)] * count
    return list(zip(request.targets, request.selections, strict=False))


def _answers(service: str, response: str) -> bool:
    return service.split("-")[0] == response.split("-")[0]


def _part(apdu: Apdu, name: str) -> Any:
    found = apdu.part(name)
    return None if found is None else found[1]


def _requests(apdu: Apdu, association: Association) -> list[Pair]:
    """GET, SET and ACTION requests in their normal and list forms, with first blocks too."""
    pairs: list[Pair] = []
    values = [part[1] for part in _part(apdu, "values") or []]
    listed = _part(apdu, "attributes")
    if listed is not None:
        for i, part in enumerate(listed):
            group = part[1]
            selection = _selection(group[1][1]) if len(group) > 1 else None
            node = values[i] if i < len(values) else None
            pairs.append(Pair(target(group[0][1]), node, None, selection))
    for i, part in enumerate(_part(apdu, "methods") or []):
        pairs.append(Pair(target(part[1], True), values[i] if i < len(values) else None))
    for name, method in (("attribute", False), ("method", True)):
        octets = _part(apdu, name)
        if octets is not None:
            node = _part(apdu, "data")
            if node is not None and len(node) == 4 and not isinstance(node[0], int):
                node = node[1]
            pairs.append(Pair(target(octets, method), node, None, _selection(_part(apdu, "selection"))))
    return _remember(apdu, association, pairs)


def _get_result(value: Any) -> tuple[Node | None, str]:
    """(Data, result) of a Get-Data-Result choice; a broken one has neither."""
    code, parts = value
    if not parts:
        return None, "unreadable"
    return (parts[0][1], "success") if code == 0 else (None, code_name("data-access-result", parts[0][1]))


def _get_response(apdu: Apdu, association: Association) -> list[Pair]:
    single = apdu.part("get_result")
    results = [single] if single is not None else _part(apdu, "results") or []
    block = _part(apdu, "block_result")
    if block is not None and block[0] == 1 and block[1]:
        return [Pair(None, None, code_name("data-access-result", block[1][0][1]))]
    requested = _requested(apdu, association, len(results))
    return [
        Pair(where, *_get_result(part[1]), selection)
        for part, (where, selection) in zip(results, requested, strict=True)
    ]


def _set_response(apdu: Apdu, association: Association) -> list[Pair]:
    single = apdu.part("result")
    results = [single] if single is not None else _part(apdu, "results") or []
    requested = _requested(apdu, association, len(results))
    return [
        Pair(where, None, code_name("data-access-result", part[1]))
        for part, (where, _) in zip(results, requested, strict=True)
    ]


def _action_response(apdu: Apdu, association: Association) -> list[Pair]:
    single = apdu.part("answer")
    answers = [single] if single is not None else _part(apdu, "answers") or []
    requested = _requested(apdu, association, len(answers))
    pairs = []
    for part, (where, _) in zip(answers, requested, strict=True):
        group: list[ReadPart] = part[1]
        node, result = None, code_name("action-result", group[0][1])
        if len(group) > 1 and group[1][1] is not None:
            node, returned = _get_result(group[1][1][1])
            result = result if returned == "success" else f"{result}, return: {returned}"
        pairs.append(Pair(where, node, result))
    return pairs


def _specifications(parts: list[ReadPart]) -> list[tuple[Target, tuple[int, Node] | None]]:
    out = []
    for part in parts:
        code, group = part[1]
        if not group:
            continue
        selection = None
        if len(group) > 1 and len(group[1][1]) == 2:
            selection = (group[1][1][0][1], group[1][1][1][1])
        out.append((target(group[0][1], code == _ACCESS_METHOD), selection))
    return out


def _access_request(apdu: Apdu, association: Association) -> list[Pair]:
    values = [part[1] for part in _part(apdu, "values") or []]
    specifications = _part(apdu, "specifications") or []
    pairs = []
    for i, (where, selection) in enumerate(_specifications(specifications)):
        node = values[i] if i < len(values) else None
        kind = specifications[i][1][0]
        given = node if kind in (2, 5) or (kind == _ACCESS_METHOD and node and node[0]) else None
        pairs.append(Pair(where, given, None, selection))
    return _remember(apdu, association, pairs)


def _access_response(apdu: Apdu, association: Association) -> list[Pair]:
    values = [part[1] for part in _part(apdu, "values") or []]
    responses = _part(apdu, "responses") or []
    own = _part(apdu, "specifications")
    count = max(len(values), len(responses))
    requested: list[tuple[Target | None, Any]] = []
    requested += _specifications(own[1]) if own is not None else _requested(apdu, association, count)
    results = [_access_result(*part[1]) for part in responses] + [None] * (count - len(responses))
    nodes = [None if part[0] == 0 else part for part in values] + [None] * (count - len(values))
    requested += [(None, None)] * (count - len(requested))
    return [
        Pair(where, node, result, selection)
        for (where, selection), node, result in zip(requested, nodes, results, strict=False)
    ]


def _access_result(code: int, parts: list[ReadPart]) -> str | None:
    return (
        code_name("action-result" if code == _ACCESS_METHOD else "data-access-result", parts[0][1])
        if parts
        else None
    )


def _event(apdu: Apdu, association: Association) -> list[Pair]:
    octets = _part(apdu, "attribute")
    return [] if octets is None else [Pair(target(octets), _part(apdu, "data"))]


def _notification(apdu: Apdu, association: Association) -> list[Pair]:
    node = _part(apdu, "data")
    if node is None:
        return []
    return [value_pair(named) for named in push_pairs(node)]


def value_pair(named: Named) -> Pair:
    """The pair of a pushed value."""
    return Pair(named.target, named.node, label=named.label, obis=named.obis, scaler=named.scaler)


def short_name_target(name: int, association: Association) -> Target | None:
    """The attribute behind a short name, when the object list of the association was seen.

    Names of attributes are base + 8 * (attribute - 1) (Green Book, short-name referencing).
    """
    base = association.short_name_before(name)
    if base is None:
        return None
    class_id, octets = association.short_names[base]
    number = (name - base) // 8 + 1
    if (name - base) % 8 or number > 127:
        return None
    return target(class_id.to_bytes(2, "big") + octets + bytes((number,)))


def _variables(apdu: Apdu, association: Association) -> list[Pair]:
    """Read, write and information-report: the variables and the values that pair with them."""
    values = [part[1] for part in _part(apdu, "values") or []]
    pairs = []
    for i, part in enumerate(_part(apdu, "variables") or []):
        code, group = part[1]
        node = values[i] if i < len(values) else None
        if code in (2, 3, 4) and group:
            where = short_name_target(group[0][1], association)
            selection = (group[1][1], group[2][1]) if code == 4 and len(group) == 3 else None
            pairs.append(Pair(where, node, None, selection, f"short name 0x{group[0][1]:04x}"))
    if apdu.tag == 0x05 and pairs:
        association.last_read = [(pair.target, pair.label) for pair in pairs]
    return pairs


def _read_response(apdu: Apdu, association: Association) -> list[Pair]:
    results = _part(apdu, "results") or []
    asked = (
        association.last_read if len(association.last_read) == len(results) else [(None, None)] * len(results)
    )
    pairs = []
    for part, (where, label) in zip(results, asked, strict=True):
        code, group = part[1]
        if code == 0 and group:
            pairs.append(Pair(where, group[0][1], "success", None, label))
        elif code == 1 and group:
            pairs.append(Pair(where, None, code_name("data-access-result", group[0][1]), None, label))
    return pairs


def _write_response(apdu: Apdu, association: Association) -> list[Pair]:
    pairs = []
    for part in _part(apdu, "results") or []:
        code, group = part[1]
        if code == 0:
            pairs.append(Pair(None, None, "success"))
        elif code == 1 and group:
            pairs.append(Pair(None, None, code_name("data-access-result", group[0][1])))
    return pairs


_READERS: dict[int, Callable[[Apdu, Association], list[Pair]]] = {
    0xC0: _requests,
    0xC1: _requests,
    0xC3: _requests,
    0xC4: _get_response,
    0xC5: _set_response,
    0xC7: _action_response,
    0xC2: _event,
    0xD9: _access_request,
    0xDA: _access_response,
    0x0F: _notification,
    0x05: _variables,
    0x06: _variables,
    0x16: _variables,
    0x18: _variables,
    0x0C: _read_response,
    0x0D: _write_response,
}
