"""Radio frames of a block under way through the column path: what was read, and what is learnt from it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from dissectors.model.context import HanContext
from dissectors.model.frame import Dissection, Followed
from dissectors.security.counter_columns import CounterUses
from dissectors.security.counters import FrameCounters, Pair
from dissectors.security.verdicts import BAD_MIC, NO_KEY
from dissectors.vectors import (
    Columns,
    Index,
    Mask,
    OctetArray,
    RowFields,
    WordList,
    stable_order,
    stacked,
    unique_values,
)
from dissectors.zigbee.nwk.address_columns import AddressChanges
from dissectors.zigbee.security.verdict_columns import Proofs

__all__ = ["Frames", "NwkAddresses", "SummaryWords"]

KEPT = 1 << 16
"""Distinct lines that are kept from block to block."""


class Payloads(Protocol):
    """Frames of a block that are opened, and read one by one from there (`dissectors.zigbee.aps.open_payloads`)."""

    def __contains__(self, row: object) -> bool:
        """Whether the frame in `row` is one of them."""

    def follow(self, frames: Frames, row: int) -> Followed | None:
        """What the frame in `row` says, if that neither needs nor changes anything else; None: see `read`."""

    def read(self, frames: Frames, row: int) -> Dissection:
        """What the layers above say of the frame in `row`."""


class Learnt(Protocol):
    """What a layer learnt from the frames of a block, published to the context a row after the other."""

    def publish_before(self, context: HanContext, row: int) -> None:
        """Write to the context what rows before `row` showed, and was not written before."""

    def mark_read_singly(self, row: int) -> None:
        """The one-frame path wrote to the context what `row` shows."""


@dataclass(slots=True, eq=False, repr=False)
class SummaryWords:
    """The distinct protocols and summaries, as words of their columns (kept in the context)."""

    texts: dict[str, WordList] = field(
        default_factory=lambda: {"protocol": WordList(), "summary": WordList()}
    )
    codes: dict[tuple[str, str], int] = field(default_factory=dict)

    def code(self, column: str, text: str) -> int:
        """The code of `text`."""
        code = self.codes.get((column, text))
        if code is None:
            code = self.codes[column, text] = len(self.texts[column])
            self.texts[column].append(text)
        return code

    def forget(self) -> None:
        """Start again when it is full; codes given before stay those of the lists that were given with them."""
        if len(self.codes) > KEPT:
            self.codes.clear()
            self.texts = {column: WordList() for column in self.texts}

    def set_summaries(
        self,
        out: Columns,
        rows: Index,
        protocol: str,
        summaries: Sequence[str],
        which: npt.NDArray[Any] | int,
    ) -> None:
        """Set both columns of `rows`: one protocol, and ``summaries[which]``."""
        out.put_words("protocol", rows, self.code("protocol", protocol), self.texts["protocol"])
        codes = np.array([self.code("summary", text) for text in summaries], np.int32)
        chosen = np.full(len(rows), codes[which]) if isinstance(which, int) else codes[which]
        out.put_words("summary", rows, chosen, self.texts["summary"])


@dataclass(eq=False, repr=False)
class NwkAddresses(RowFields):
    """Source and destination of NWK frames: PAN, short addresses, and EUI-64s where known."""

    pan: npt.NDArray[np.uint16]
    src: npt.NDArray[np.uint16]
    src_eui64: npt.NDArray[np.uint64]
    has_src: Mask
    dst: npt.NDArray[np.uint16]
    dst_eui64: npt.NDArray[np.uint64]
    has_dst: Mask

    def put(self, out: Columns, rows: Index) -> None:
        """The EUI-64 columns."""
        out.put("nwk_src_eui64", rows[self.has_src], self.src_eui64[self.has_src])
        out.put("nwk_dst_eui64", rows[self.has_dst], self.dst_eui64[self.has_dst])

    @property
    def source(self) -> npt.NDArray[np.uint64]:
        """The source as the tables show it: EUI-64 where known, else short address."""
        return np.where(self.has_src, self.src_eui64, self.src)

    @property
    def destination(self) -> npt.NDArray[np.uint64]:
        """The destination as the tables show it."""
        return np.where(self.has_dst, self.dst_eui64, self.dst)


@dataclass(slots=True, eq=False, repr=False)
class Frames:
    """Radio frames of a block under way, and what became of them.

    Attributes:
        number, time_ns: of every row of the block.
        out: columns of the `packets` table.
        done: rows that the vector path read to their end.
        opened_layers: how many layers of each row were opened here (0 to 2).
        addresses: whose addresses change in the block.
        issues: texts of the `issue` column, by row.
        attributes, attribute_rows: columns of the `attributes` table, and the row that each record came from.
        commands, command_rows: the same for the `commands` table, put together from `command_parts`.
        unopened: frames that a key is missing for, by what the session needs to know of them.
        payloads: APS payloads in clear that the layers above read one by one.
    """

    octets: OctetArray
    number: npt.NDArray[np.int64]
    time_ns: npt.NDArray[np.int64]
    context: HanContext
    out: Columns
    done: Mask
    opened_layers: npt.NDArray[np.uint8]
    summary_words: SummaryWords
    tables: frozenset[str]
    addresses: AddressChanges
    uses: list[CounterUses] = field(default_factory=list)
    proofs: list[Proofs] = field(default_factory=list)
    scales: list[Learnt] = field(default_factory=list)
    issues: dict[int, str] = field(default_factory=dict)
    attributes: Columns | None = None
    attribute_rows: Index = field(default_factory=lambda: np.zeros(0, np.int64))
    commands: Columns | None = None
    command_rows: Index = field(default_factory=lambda: np.zeros(0, np.int64))
    command_parts: list[tuple[Index, Columns]] = field(default_factory=list)
    unopened: list[tuple[dict[str, Any], Index]] = field(default_factory=list)
    payloads: Payloads | None = None

    def finish(
        self, rows: Index, protocol: str, summaries: Sequence[str], which: npt.NDArray[Any] | int = 0
    ) -> None:
        """`rows` end here: set protocol and summary (``summaries[which]``)."""
        if len(rows):
            self.summary_words.set_summaries(self.out, rows, protocol, summaries, which)
            self.done[rows] = True

    def publish_for_application(self, row: int) -> None:
        """As `publish_before`, but of addresses and scaling only: what the layers above the APS ask for."""
        self.addresses.publish_before(self.context, row)
        for scales in self.scales:
            scales.publish_before(self.context, row)

    def publish_before(self, row: int) -> None:
        """Write to the context what is learnt from the frames of rows before `row`, and was not written before."""
        self.publish_for_application(row)
        for uses in self.uses:
            uses.publish_before(self.context, row)
        for proofs in self.proofs:
            proofs.publish_before(self.context, row)

    def join_commands(self) -> None:
        """Put the parts of the `commands` table together, in the order of the frames."""
        if self.command_parts:
            rows = np.concatenate([part[0] for part in self.command_parts])
            order = stable_order(rows)
            self.commands = stacked([part[1] for part in self.command_parts]).take(order)
            self.command_rows = rows[order]

    def finish_block(self, row: int) -> None:
        """The block ends before `row`: what was learnt is published, and counters are kept."""
        self.publish_before(row)
        memory = self.context.state(FrameCounters)
        memory.unwritten = []
        for uses in self.uses:
            uses.finish_block(memory, row)

    def mark_read_singly(self, row: int) -> None:
        """The one-frame path dissected `row`, and wrote to the context itself."""
        learnt: list[Learnt] = [self.addresses, *self.uses, *self.scales]
        for one in learnt:
            one.mark_read_singly(row)

    def later_rows_depend_on(self, row: int, pairs: Iterable[Pair]) -> bool:
        """Whether frames after `row` would be judged otherwise for what was opened in it by the one-frame path
        alone: `pairs` are those whose counters it used."""
        for proofs in self.proofs:
            shut = (proofs.verdict == NO_KEY) | (proofs.verdict == BAD_MIC)
            if (shut & (proofs.rows > row)).any():
                return True
        known = {uses.pairs[place] for uses in self.uses for place in uses.pair[uses.row == row].tolist()}
        for uses in self.uses:
            later = {uses.pairs[place] for place in set(uses.pair[uses.row > row].tolist())}
            if any(pair in later and pair not in known for pair in pairs):
                return True
        return False

    def truncate(self, count: int) -> None:
        """Forget all rows from `count` on."""
        self.out.cut(count)
        self.issues = {row: text for row, text in self.issues.items() if row < count}
        self.done = self.done[:count]
        self.unopened = [(columns, rows[rows < count]) for columns, rows in self.unopened]
        for table in ("attributes", "commands"):
            rows = getattr(self, f"{table[:-1]}_rows")
            kept = int(np.searchsorted(rows, count, side="left"))
            columns = getattr(self, table)
            if columns is not None:
                columns.cut(kept)
                setattr(self, f"{table[:-1]}_rows", rows[:kept])

    def missing_keys(self) -> list[tuple[dict[str, Any], Index]]:
        """Frames that a key is missing for and that ended here, by what their columns say."""
        found = [(columns, rows[self.done[rows]]) for columns, rows in self.unopened]
        return [(columns, rows) for columns, rows in found if len(rows)]

    def add_missing_key(self, rows: Index, columns: dict[str, Any]) -> None:
        """Frames that stay shut for want of a key, by the PAN that their header names first."""
        pan = np.where(
            self.out.valid["mac_dst_pan"][rows],
            self.out.values["mac_dst_pan"][rows],
            self.out.values["mac_src_pan"][rows],
        )
        for one in unique_values(pan):
            self.unopened.append(({"mac_dst_pan": one, **columns}, rows[pan == one]))

    def add_missing_link_key(self, rows: Index) -> None:
        """APS frames that stay shut, by PAN and sender; whether the sender's EUI-64 is known matters."""
        source = self.out.values["nwk_src"][rows].astype(np.int64)
        known = (
            self.out.valid["aps_sender"][rows]
            if "aps_sender" in self.out.valid
            else np.zeros(len(rows), bool)
        )
        kinds = source << 1 | known
        for one in unique_values(kinds):
            columns = {"aps_security": "no_key", "nwk_src": one >> 1}
            self.add_missing_key(rows[kinds == one], columns | ({"aps_sender": 0} if one & 1 else {}))
