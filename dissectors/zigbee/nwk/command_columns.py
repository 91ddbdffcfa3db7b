"""NWK commands of many frames at once: those that end where their declaration says.

Strategy: which commands are read here, and how long they are, is asked of their layers (`NWK_COMMANDS`). Commands
with the same identifier, the same octet after it and the same length have their fields in the same places. One frame
of each such shape is dissected by the one-frame path, and its tree of fields says where all others have theirs. What
a value means is asked of the same layers, once for each distinct value.

Source: ZigBee specification (05-3474) clause 3.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import numpy.typing as npt

from dissectors.layout import Layer, ListOf, Part, Records, UInt
from dissectors.layout.shapes import shapes_of
from dissectors.layout.tables import names
from dissectors.model.cursor import Cursor
from dissectors.model.field import Field
from dissectors.vectors import Columns, Index, OctetArray, Span, distinct, first_places, stable_order
from dissectors.zcl.columns.values import integer_texts, places, text_array
from dissectors.zigbee.columns.frames import Frames, NwkAddresses

__all__ = ["read_nwk_commands"]

NWK = "ZigBee NWK"
KEPT = 65_536
"""Distinct values whose meaning is kept."""


@dataclass(slots=True, eq=False, repr=False)
class Meanings:
    """What values of fields were found to mean, by command, field and value (kept in the context)."""

    codes: dict[tuple[int, str, int], int] = field(default_factory=dict)
    texts: list[str | None] = field(default_factory=lambda: [None])

    def learn(self, command: int, leaves: Sequence[Field]) -> None:
        """Take in what the fields of one frame mean."""
        for leaf in leaves:
            key = (command, leaf.name, int(leaf.value))
            if key in self.codes:
                continue
            self.codes[key] = len(self.texts) if leaf.meaning else 0
            if leaf.meaning:
                self.texts.append(leaf.meaning)

    def forget(self) -> None:
        """Start again when it is full; codes given before are void."""
        if len(self.codes) > KEPT:
            self.codes.clear()
            del self.texts[1:]


@dataclass(slots=True, eq=False, repr=False)
class Cells:
    """Values of fields: frame, field (place in `names`) and value, in the order of frames and fields."""

    names: list[tuple[int, str]]
    frame: Index
    name: Index
    value: npt.NDArray[np.uint64]


def read_nwk_commands(frames: Frames, octets: OctetArray, payloads: Span, ends: NwkAddresses) -> None:
    """Finish the commands that are whole."""
    long = payloads.length >= 2
    payloads, ends = payloads.where(long), ends.where(long)
    command, options = octets.u8(payloads.offset), octets.u8(payloads.offset + 1)
    chosen = _whole(octets, payloads, command)
    if not len(chosen):
        return
    payloads, ends, command, options = (
        payloads.where(chosen),
        ends.where(chosen),
        command[chosen],
        options[chosen],
    )
    frames.out.put("nwk_command", payloads.rows, command)
    known = names("zigbee", "nwk_command")
    texts = [known.get(code, "Unknown NWK command") for code in range(max(known) + 1)]
    frames.finish(payloads.rows, NWK, texts, command.astype(np.int64))
    if "commands" in frames.tables:
        _put_rows(frames, octets, payloads, ends, command, options)


@cache
def _lengths_follow() -> dict[int, type[Layer]]:
    """Commands of unsigned numbers, words and lists of these only: where each part lies follows from words and counts.
    All others leave the vector path."""
    from dissectors.zigbee.nwk.commands import NWK_COMMANDS

    return {code: layer for code, layer in NWK_COMMANDS.items() if all(map(_of_numbers, layer.parts))}


def _of_numbers(part: Part) -> bool:
    if isinstance(part, ListOf):
        return _of_numbers(part.item)
    if isinstance(part, Records):
        kind = part.kind
        return isinstance(kind, type) and issubclass(kind, Layer) and all(map(_of_numbers, kind.parts))
    return isinstance(part, UInt) and not part.signed


def _whole(octets: OctetArray, payloads: Span, command: npt.NDArray[np.uint8]) -> Index:
    """Which commands end where the payload does. Those with an empty list are left: their one row says so in words."""
    found = [np.zeros(0, np.intp)]
    for code, layer in _lengths_follow().items():
        mine = np.flatnonzero(command == code)
        if not len(mine):
            continue
        bodies = Span(mine, payloads.offset[mine] + 1, payloads.end[mine])
        read = shapes_of(layer).read(octets, bodies)
        whole = read.length == read.span.length
        for part in layer.parts:
            if isinstance(part, ListOf | Records):
                whole &= read.offset(part.name).take(read.shape) < read.length
        found.append(read.span.rows[whole])
    return np.sort(np.concatenate(found))


def _put_rows(
    frames: Frames,
    octets: OctetArray,
    payloads: Span,
    ends: NwkAddresses,
    command: npt.NDArray[np.uint8],
    options: npt.NDArray[np.uint8],
) -> None:
    """The rows of the `commands` table."""
    from dissectors.vectors import kernels

    meanings = frames.context.state(Meanings)
    meanings.forget()
    cells = _cells(octets, payloads, command, options, meanings)
    out = Columns(len(cells.frame))
    mask = np.ones(out.count, np.bool_)
    frame = cells.frame
    out.fill_words("layer", np.zeros(out.count), ("nwk",), mask)
    out.fill("source", ends.source[frame], mask)
    out.fill("destination", ends.destination[frame], mask)
    out.fill("command", command[frame], mask)
    known = names("zigbee", "nwk_command")
    titles = [known.get(code, "") for code in range(max(known) + 1)]
    out.fill_words("command_name", command[frame], titles, mask)
    out.fill_words("field", cells.name, [name for _, name in cells.names], mask)
    out.fill("number", cells.value.astype(np.float64), mask)
    out.values["value"] = integer_texts(cells.value)
    codes = places(_codes(octets, payloads, cells, meanings))  # this may add texts
    out.values["meaning"] = kernels.take(text_array(meanings.texts), codes)
    frames.command_parts.append((payloads.rows[frame], out))


def _cells(
    octets: OctetArray,
    payloads: Span,
    command: npt.NDArray[np.uint8],
    options: npt.NDArray[np.uint8],
    meanings: Meanings,
) -> Cells:
    """The values of all fields, shape by shape."""
    key = command.astype(np.int64) << 24 | options.astype(np.int64) << 16 | payloads.length
    shapes, shape = distinct(key)
    numbers: dict[tuple[int, str], int] = {}
    parts: list[tuple[Index, Index, npt.NDArray[np.uint64]]] = []
    for one in range(len(shapes)):
        members = np.flatnonzero(shape == one)
        code = int(shapes[one]) >> 24
        leaves = _leaves(octets, payloads, int(members[0]), code)
        meanings.learn(code, leaves)
        at = np.array([leaf.offset for leaf in leaves], np.int64)
        shift = np.array([leaf.bits[0] if leaf.bits else 0 for leaf in leaves], np.uint64)
        width = [leaf.bits[1] if leaf.bits else 8 * leaf.length for leaf in leaves]
        most = np.array([(1 << w) - 1 for w in width], np.uint64)
        value = (octets.u64(payloads.offset[members, None] + at) >> shift) & most
        name = np.array([numbers.setdefault((code, leaf.name), len(numbers)) for leaf in leaves], np.int64)
        parts.append((np.repeat(members, len(leaves)), np.tile(name, len(members)), value.reshape(-1)))
    frame, name, value = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = stable_order(frame)
    return Cells(list(numbers), frame[order], name[order], value[order])


def _leaves(octets: OctetArray, payloads: Span, frame: int, command: int) -> list[Field]:
    """The fields of one command as the one-frame path reads them; offsets from the identifier."""
    from dissectors.zigbee.nwk.commands import NWK_COMMANDS

    begin, end = int(payloads.offset[frame]), int(payloads.end[frame])
    layer = NWK_COMMANDS[command].read(Cursor(octets.data[begin:end].tobytes(), 1, layer="zigbee.nwk"))
    return [leaf for leaf in layer.tree().leaves() if leaf.name not in ("mic", "command")]


def _codes(octets: OctetArray, payloads: Span, cells: Cells, meanings: Meanings) -> Index:
    """The code of what each value means."""
    values, value = distinct(cells.value)
    pairs, which = distinct(cells.name << 32 | value)
    first = cells.frame[first_places(which, len(pairs))]
    found = np.zeros(len(pairs), np.int64)
    for i, pair in enumerate(pairs.tolist()):
        command, name = cells.names[pair >> 32]
        key = (command, name, int(values[pair & 0xFFFFFFFF]))
        if key not in meanings.codes:
            meanings.learn(command, _leaves(octets, payloads, int(first[i]), command))
        found[i] = meanings.codes[key]
    return found[which]
