"""A block of frames to Arrow batches: columns for the bulk, the one-frame path for the seldom.

Strategy: the vector path reads all frames of the block and leaves over those that it has no columns for. These
are dissected one by one, in order, each with the context as the frames before it left it. Should one of them
teach something that the vector path could not foresee (a key, a new owner of an address, a multiplier), the
block ends behind it, and what follows is read again as a block of its own. So the tables are those of the
one-frame path to the last value, whatever the size of the blocks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import InitVar, dataclass, field
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.pipeline.payload_rows import PayloadRows
from analysis.pipeline.rows import Rows, dissect_rows
from analysis.pipeline.session import Session
from analysis.tables.arrow import batch_of
from analysis.tables.batches import batch_with, in_words, joined
from analysis.tables.vocabulary import Vocabulary
from captures.block import NO_TIME, FcsState, FrameBlock, Kind, TrailerKind, cut
from dissectors.security import FrameCounters, KeyChanges
from dissectors.vectors import Columns, Index, OctetArray, Span
from dissectors.zcl import Scales
from dissectors.zigbee import Frames, StatelessLayers, read_frames, read_stateless_layers

__all__ = ["NEAREST", "frame_batches", "stateless_layers"]

NEAREST = 256
"""Rows that are read after a surprise, at least: the next one may be near. Doubled while there is none."""
CLOSE = 16
SURPRISES = 4
ALONE = 64
"""When so many surprises came, each within so many rows of the one before, so many rows are dissected one by one:
reading many rows at once, of which one counts, costs more."""
TRAILERS = np.array([kind.octets for kind in TrailerKind], np.int64)
RADIO = (Kind.RADIO, Kind.DOUBLE)
OPENED = frozenset({"ok", "replay"})


def stateless_layers(block: FrameBlock, session: Session) -> StatelessLayers:
    """The stateless layers of a block's frames, with the keys that the session holds, and what the capture itself says
    of each record."""
    sound = np.flatnonzero((block.kind == Kind.RADIO) & (block.fcs != FcsState.BAD))
    offset = block.offset[sound].astype(np.int64)
    end = offset + block.length[sound] - TRAILERS.take(block.trailer[sound])
    stateless = read_stateless_layers(
        OctetArray(block.data), Span(sound, offset, end), len(block), session.context
    )
    _put_capture(block, session.capture, stateless.out)
    return stateless


def frame_batches(
    block: FrameBlock, session: Session, stateless: StatelessLayers | None = None
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Rows of `block` in order: how many, and the batches of `packets`, `attributes` and `commands`.

    Args:
        block: some frames.
        session: what the frames before them taught.
        stateless: their stateless layers, where these were read ahead. They are used up.
    """
    begin, reach, near = 0, len(block), 0
    while begin < len(block):
        if near >= SURPRISES:
            part = cut(block, begin, min(begin + ALONE, len(block)))
            yield len(part), _one_by_one(part, session)
            begin, near = begin + len(part), near - 1
            continue
        part = cut(block, begin, min(begin + reach, len(block)))
        segment = _Segment(part, session, stateless)
        stateless = None
        segment.dissect_others()
        yield segment.count, segment.batches()
        begin += segment.count
        near = near + 1 if segment.count < min(CLOSE, len(part)) else 0
        reach = max(NEAREST, segment.count) * 2 if segment.count < len(part) else reach * 2


def _one_by_one(block: FrameBlock, session: Session) -> dict[str, Any]:
    """The batches of a block whose rows all go through the one-frame path."""
    rows = dissect_rows(block, session)
    singles = batch_of("packets", rows.packets, session.refuse)
    vocabulary = session.context.state(Vocabulary)
    out = {"packets": batch_with("packets", Columns(len(block)), vocabulary, singles, np.arange(len(block)))}
    for table in ("attributes", "commands"):
        out[table] = _in_words(table, rows.of(table), session) if session.wants(table) else _empty(table)
    return out


def _in_words(table: str, rows: list[Any], session: Session) -> Any:
    """The batch of rows from the one-frame path alone, its texts in the words of the vocabulary."""
    return in_words(table, batch_of(table, rows, session.refuse), session.context.state(Vocabulary))


@dataclass(slots=True, eq=False, repr=False)
class _Segment:
    """A block, or what is left of one, on its way through both paths."""

    block: FrameBlock
    session: Session
    stateless: InitVar[StatelessLayers | None]
    frames: Frames = field(init=False)
    count: int = field(init=False)
    rows: Rows = field(default_factory=Rows)
    payloads: PayloadRows = field(init=False)
    packets: list[int] = field(default_factory=list)
    attributes: list[int] = field(default_factory=list)
    commands: list[int] = field(default_factory=list)

    def __post_init__(self, stateless: StatelessLayers | None) -> None:
        block, session = self.block, self.session
        self.count = len(block)
        if stateless is None or not stateless.holds(session.context):
            stateless = stateless_layers(block, session)
        self.frames = read_frames(stateless, block.number, block.time_ns, session.context, session.tables)
        self.payloads = PayloadRows(block, session, self.frames)

    def dissect_others(self) -> None:
        """Dissect what the vector path left, in order; end the block early after a surprise."""
        self.session.context.state(FrameCounters).unwritten = list(self.frames.uses)
        for row in np.flatnonzero(~self.frames.done).tolist():
            if self.payloads.takes(row):
                surprised = self._read_payload(row)
            else:
                self.frames.publish_before(row)
                surprised = self._dissect(row)
            if surprised:
                self.count = row + 1
                break
        self.frames.finish_block(self.count)
        self.payloads.put()

    def _marks(self, expected: int = 0) -> tuple[int, ...]:
        """What tells whether a row taught something that later rows of the block should have known."""
        context = self.session.context
        return (
            context.keyring.revision,
            context.state(Scales).revision,
            context.addresses.changes + expected,
            context.state(FrameCounters).restarts,
            context.state(KeyChanges).revision,
        )

    def _read_payload(self, row: int) -> bool:
        """Read one row from its payload; whether it taught what was not foreseen."""
        rows, attributes, commands = self.rows, len(self.rows.attributes), len(self.rows.commands)
        surprised = False
        if not self.payloads.follow(row, rows):
            self.frames.publish_for_application(row + 1)
            marks = self._marks()
            self.payloads.read(row, rows)
            surprised = self._marks() != marks
        self.attributes += [row] * (len(rows.attributes) - attributes)
        self.commands += [row] * (len(rows.commands) - commands)
        return surprised

    def _dissect(self, row: int) -> bool:
        """Dissect one row; whether it taught what was not foreseen."""
        context, frames = self.session.context, self.frames
        expected, owners = frames.addresses.expected(row)
        marks = self._marks(expected)
        counters = context.state(FrameCounters)
        counters.requested.clear()
        found = dissect_rows(self.block, self.session, [row])
        frames.mark_read_singly(row)
        self.rows.packets += found.packets
        self.rows.attributes += found.attributes
        self.rows.commands += found.commands
        self.packets.append(row)
        self.attributes += [row] * len(found.attributes)
        self.commands += [row] * len(found.commands)
        columns = found.packets[0]
        opened = sum(columns.get(layer) in OPENED for layer in ("nwk_security", "aps_security"))
        foreseen = int(frames.opened_layers[row])
        surprised = self._marks() != marks or opened < foreseen
        surprised = surprised or (opened > foreseen and frames.later_rows_depend_on(row, counters.requested))
        return surprised or any(context.addresses.pairs.get(k) != v for k, v in owners.items())

    def batches(self) -> dict[str, Any]:
        """The batches of the rows that count."""
        session, frames = self.session, self.frames
        if self.count < len(self.block):
            self.block = cut(self.block, 0, self.count)
            frames.truncate(self.count)
        vocabulary = session.context.state(Vocabulary)
        _put_issues(self.block, frames)
        _note_shut(self.block, session, frames)
        singles = batch_of("packets", self.rows.packets, session.refuse) if self.packets else None
        packets = batch_with("packets", frames.out, vocabulary, singles, np.array(self.packets, np.int64))
        out = {"packets": packets}
        parts = {
            "attributes": (frames.attributes, frames.attribute_rows, self.attributes),
            "commands": (frames.commands, frames.command_rows, self.commands),
        }
        for table, (columns, rows, single_rows) in parts.items():
            if not session.wants(table):
                out[table] = _empty(table)
                continue
            out[table] = self._table(table, columns, rows, np.array(single_rows, np.int64), vocabulary)
        return out

    def _table(
        self, table: str, columns: Columns | None, rows: Index, single_rows: Index, vocabulary: Vocabulary
    ) -> Any:
        if columns is None:
            return _in_words(table, self.rows.of(table), self.session)
        singles = batch_of(table, self.rows.of(table), self.session.refuse)
        columns.put("frame", np.arange(columns.count), self.block.number[rows].astype(np.uint64))
        _put_time(columns, self.block.time_ns[rows])
        return joined(table, batch_with(table, columns, vocabulary), rows, singles, single_rows, vocabulary)


@cache
def _empty(table: str) -> Any:
    return batch_of(table, [])


def _put_time(out: Columns, time_ns: npt.NDArray[np.int64]) -> None:
    out.fill("time", time_ns, time_ns != NO_TIME)


def _put_capture(block: FrameBlock, capture: str, out: Columns) -> None:
    """What the capture itself says of each record: as `analysis.pipeline.rows.capture_columns`."""
    every = np.arange(len(block))
    mask = np.ones(len(block), np.bool_)
    length = np.where(np.isin(block.kind, RADIO), block.length, block.record_length)
    out.put("frame", every, block.number.astype(np.uint64), mask)
    _put_time(out, block.time_ns)
    out.put_words("capture", every, 0, (capture,), mask)
    out.put("length", every, length.astype(np.uint32), mask)
    out.put("link_type", every, block.link_type, mask)
    out.put("interface", every, block.interface, mask)
    if block.double_of is not None:
        out.fill("double_of", block.double_of.astype(np.uint64), block.double_of > 0)
    for name, values, has in (
        ("channel", block.channel, block.channel != 255),
        ("page", block.page, block.page != 255),
        ("rssi", block.rssi, block.rssi != -128),
        ("lqi", block.lqi, block.has_lqi),
        ("fcs_ok", block.fcs == FcsState.GOOD, block.fcs != FcsState.UNKNOWN),
    ):
        out.fill(name, values, has)


def _put_issues(block: FrameBlock, frames: Frames) -> None:
    """Texts of the `issue` column; troubles of the encapsulation come before those of the frame."""
    issues = dict(frames.issues)
    if block.issues:
        at = {int(number): row for row, number in enumerate(block.number.tolist())}
        issues |= {at[number]: text for number, text in block.issues.items() if number in at}
    if issues:
        rows = np.array(sorted(issues), np.int64)
        frames.out.put_words("issue", rows, np.arange(len(rows)), [issues[row] for row in rows.tolist()])


def _note_shut(block: FrameBlock, session: Session, frames: Frames) -> None:
    """Tell the session which frames want a key: the first of each kind."""
    for columns, rows in frames.missing_keys():
        for row in rows[:1].tolist():
            session.shut.note(columns, int(block.number[row]))
