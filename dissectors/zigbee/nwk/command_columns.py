"""NWK commands of many frames at once: those whose length says that they are whole.

Strategy: commands with the same identifier, the same octet after it and the same length have their fields in
the same places. One frame of each such shape is dissected by the one-frame path, and its tree of fields says
where all others have theirs. What a value means is asked of the same layers, once for each distinct value.

Source: ZigBee specification (05-3474) clause 3.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dissectors.layout.tables import names
from dissectors.model.cursor import Cursor
from dissectors.model.field import Field
from dissectors.vectors import Columns, Index, OctetArray, Span, distinct, first_places, stable_order
from dissectors.zcl.columns.values import integer_texts, places, text_array
from dissectors.zigbee.columns.frames import Frames, NwkAddresses

__all__ = ["LENGTHS", "Length", "read_nwk_commands"]

NWK = "ZigBee NWK"
KEPT = 65_536
"""Distinct values whose meaning is kept."""


class Length(NamedTuple):
    """Octets of a command, identifier included: `base`, 8 for each bit of `addresses` that is set in the
    octet after the identifier, and `each` times the count in the bits `counted` of it.
    """

    base: int
    addresses: int = 0
    each: int = 0
    counted: int = 0


LENGTHS = {
    1: Length(6, addresses=0x20),  # route request
    2: Length(8, addresses=0x30),  # route reply
    4: Length(2),  # leave
    5: Length(2, each=2, counted=0xFF),  # route record
    8: Length(2, each=3, counted=0x1F),  # link status
    11: Length(3),  # end device timeout request
    12: Length(3),  # end device timeout response
}
"""Commands that are read here; all others leave the vector path."""


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
    whole = np.zeros(len(payloads), np.bool_)
    for code, length in LENGTHS.items():
        needed = length.base + length.each * (options & length.counted).astype(np.int64)
        for bit in range(8):
            if length.addresses >> bit & 1:
                needed += 8 * ((options >> bit) & 1)
        # Lists without entries are left: their one row says so in words.
        some = (length.each == 0) | ((options & length.counted) > 0)
        whole |= (command == code) & (payloads.length == needed) & some
    chosen = np.flatnonzero(whole)
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
    texts = [known.get(code, "Unknown NWK command") for code in range(max(LENGTHS) + 1)]
    frames.finish(payloads.rows, NWK, texts, command.astype(np.int64))
    if "commands" in frames.tables:
        _put_rows(frames, octets, payloads, ends, command, options)


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
    titles = [known.get(code, "") for code in range(max(LENGTHS) + 1)]
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
