"""What stands where an APDU belongs and is none: text of a customer port, Data alone, values without their tags.

Meters put all of these under their ciphers, or send them bare (field practice: Sagemcom S211 and T210-D, EasyMeter,
XT211); each is read as far as it goes, and what departs from the standard is said.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from dissectors.dlms.apdu.layouts import Apdu
from dissectors.dlms.carriers.p1 import is_telegram, line_pairs, read_telegram, telegram_field
from dissectors.dlms.cosem.data import Node, read_node
from dissectors.dlms.cosem.data_fields import data_field
from dissectors.dlms.cosem.obis import target
from dissectors.dlms.decoding.tree import LazyField, Tree
from dissectors.dlms.items.pairs import Pair, value_pair
from dissectors.dlms.items.pushes import push_pairs
from dissectors.model.errors import DissectionError, Malformed, Truncated
from dissectors.model.field import Field

if TYPE_CHECKING:
    from dissectors.dlms.decoding.apdu_decoder import ApduDecoder

__all__ = ["bare_data", "read_nonconforming", "read_plaintext", "text_telegram"]

Found = tuple[list[Tree], DissectionError | None]
LISTS = (1, 2)
NOTIFICATION = 0x0F
DESCRIPTOR = 9
ENOUGH_ENTRIES = 3
"""So many descriptors in a row, each with a value behind it that reads, are no chance."""


def read_plaintext(decoder: ApduDecoder, data: bytes, buffer: str, depth: int) -> Found:
    """What was under a cipher: an APDU, text of the customer port, or Data alone."""
    if is_telegram(data):
        return text_telegram(decoder, data, 0, len(data), buffer), None
    before = decoder.state
    fields, error = decoder.unwrap(data, 0, len(data), buffer, depth + 1)
    if error is None or data[0] not in LISTS:
        return fields, error
    decoder.restore(before)
    return bare_data(decoder, data, 0, len(data), buffer)


def text_telegram(decoder: ApduDecoder, data: bytes, start: int, end: int, buffer: str) -> list[Tree]:
    """The tree of a P1 telegram; its lines become rows."""
    lines, issues = read_telegram(data, start, end)
    decoder.issues += issues
    pairs = [Pair(None, node, obis=obis, scaler=scaler) for obis, node, scaler in line_pairs(lines)]
    decoder.add_pairs(pairs, buffer)
    return [LazyField(partial(telegram_field, lines, start, end, buffer))]


def bare_data(decoder: ApduDecoder, data: bytes, start: int, end: int, buffer: str = "message") -> Found:
    """The tree of one Data with no APDU around it, as far as it goes; its values become rows."""
    error: DissectionError | None = None
    node: Node | None
    try:
        node, stop = read_node(data, start, end)
        if stop < end:
            text = f"{end - stop} octets left over after the data"
            error = Malformed(text, layer="dlms.data", offset=stop)
    except DissectionError as failure:
        error = failure.kept()
        node, stop = failure.partial or (None, start)
        if stop == end and not isinstance(failure, Truncated):
            text = f"truncated: the data ends before its elements do ({failure.text})"
            error = Malformed(text, layer=failure.layer, offset=failure.offset)
    trees: list[Tree] = []
    if node is not None:
        decoder.nodes.append(node)
        trees.append(LazyField(partial(data_field, node, "data", buffer)))
        if node[0] in LISTS:
            decoder.add_pairs([value_pair(named) for named in push_pairs(node)], buffer)
    if stop < end:
        trees.append(Field("unread", data[stop:end], None, stop, end - stop, buffer))
    return trees, error


def read_nonconforming(decoder: ApduDecoder, apdu: Apdu, end: int, buffer: str) -> Found | None:
    """A notification whose body is no Data, as some meters send it all the same; None when it is neither.

    Either Data after Data without a structure around them, or structures whose attribute descriptor (class, logical
    name, attribute) stands without its type tags. The error says how it departs from the standard.
    """
    if apdu.tag != NOTIFICATION or len(apdu.parts) < 2:
        return None
    body = apdu.parts[1][3]
    for reader in (_data_in_a_row, _untagged):
        found = reader(decoder, apdu.data, body, end, buffer)
        if found is not None:
            head = Apdu(apdu.tag, apdu.name, apdu.type, apdu.parts[:2], apdu.data, apdu.start, body)
            decoder.apdus.append(head.name)
            return [LazyField(partial(head.field, buffer)), *found[0]], found[1]
    return None


def _data_in_a_row(decoder: ApduDecoder, data: bytes, start: int, end: int, buffer: str) -> Found | None:
    nodes: list[Node] = []
    at = start
    try:
        while at < end:
            node, at = read_node(data, at, end)
            nodes.append(node)
    except DissectionError:
        return None
    if len(nodes) < ENOUGH_ENTRIES:
        return None
    decoder.nodes += nodes
    decoder.add_pairs([value_pair(named) for named in push_pairs((2, nodes, start, end))], buffer)
    trees: list[Tree] = [LazyField(partial(data_field, node, f"{i}", buffer)) for i, node in enumerate(nodes)]
    text = f"not conforming: {len(nodes)} Data in a row, without the structure that should hold them"
    return trees, Malformed(text, layer="dlms.data", offset=start)


def _untagged(decoder: ApduDecoder, data: bytes, start: int, end: int, buffer: str) -> Found | None:
    first = next((at for at in range(start, min(start + 8, end)) if _entries(data, at, end)[0]), None)
    if first is None:
        return None
    entries, stop, failure = _entries(data, first, end)
    if len(entries) < ENOUGH_ENTRIES:
        return None
    trees: list[Tree] = []
    if first > start:
        trees.append(Field("unread", data[start:first], None, start, first - start, buffer))
    pairs = []
    for at, node in entries:
        where = target(data[at + 2 : at + 2 + DESCRIPTOR])
        pairs.append(Pair(where, node))
        trees += [
            Field("type_and_count", 2, "structure, 2 elements", at, 2, buffer),
            Field("descriptor", data[at + 2 : node[2]], where.text, at + 2, DESCRIPTOR, buffer),
            LazyField(partial(data_field, node, "value", buffer)),
        ]
    decoder.nodes += [node for _, node in entries]
    decoder.add_pairs(pairs, buffer)
    if stop < end:
        trees.append(Field("unread", data[stop:end], None, stop, end - stop, buffer))
    text = f"not conforming: {len(entries)} attribute descriptors without their type tags"
    text += f"; {failure.text} at offset {failure.offset}" if failure is not None else ""
    return trees, Malformed(text, layer="dlms.data", offset=first)


def _entries(data: bytes, at: int, end: int) -> tuple[list[tuple[int, Node]], int, DissectionError | None]:
    """Structures of an untagged attribute descriptor and a value, from `at` on: (place, value) of each, where the last
    one ends, and what stopped the reading."""
    entries: list[tuple[int, Node]] = []
    while at + 2 + DESCRIPTOR < end and data[at : at + 2] == b"\2\2" and data[at + 2] == 0:
        if data[at + 9] != 0xFF and not data[at + 4] <= 1:
            break
        try:
            node, stop = read_node(data, at + 2 + DESCRIPTOR, end)
        except DissectionError as error:
            return entries, at, error.kept()
        entries.append((at, node))
        at = stop
    return entries, at, None if at == end else Truncated(1, 0, layer="dlms.data", offset=at)
