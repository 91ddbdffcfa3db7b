"""Sinks behind a filter: they are given the rows that it chooses, and what belongs to these.

Strategy: decoding itself sees everything, so that keys, addresses and counters of frames that are not chosen count all
the same. A filter that asks for other tables can only decide when it has seen all of them: until then the rows that may
be chosen are held, all others are let go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from analysis.pipeline.passes import DECODED_TABLES, DecodedBlock, DecodePass
from analysis.pipeline.sinks import Sink, tables_of
from analysis.tables.arrow import numpy_of
from analysis.tables.batches import rows_where
from analysis.views.filter_nodes import Node, Rows
from analysis.views.filters import Filter
from analysis.views.joined import Joined
from analysis.views.joins import Path, keys_of

__all__ = ["ChosenFrames", "FilteredSink", "LookingSink"]

FOLLOWING = {
    "attributes": "frame",
    "commands": "frame",
    "messages": "frame",
    "items": "message",
    "events": "message",
}
"""Tables whose rows go with the chosen frames, and by what."""


class FilteredSink(Sink):
    """Hands on to other sinks the rows that a filter chooses.

    Of the filter's own table these are the rows that fit. Where that is `packets`, the other tables follow: attributes
    and commands of the chosen frames, messages a frame of which is chosen, their items; at the end the exchanges that
    chosen frames belong to.
    """

    def __init__(self, chosen: Filter, sinks: Sequence[Sink]) -> None:
        self.chosen, self.sinks = chosen, tuple(sinks)
        wanted = {*tables_of(sinks), *chosen.tables, chosen.table}
        if {"items", "events"} & wanted and chosen.table == "packets":
            wanted.add("messages")
        self.handed_on = set(tables_of(sinks))
        self.tables = tuple(name for name in DECODED_TABLES if name in wanted)

    def restart(self, decode_pass: DecodePass) -> None:
        self._held: list[tuple[dict[str, Any], int]] = []
        self._frames: list[Any] = []
        self._messages: list[Any] = []
        self._exchanges: list[Any] = []
        self._theirs = Joined(
            "exchanges", Node("packets", lambda rows: np.ones(len(rows), np.bool_)), Path("exchange")
        )
        self.chosen.begin()
        for sink in self.sinks:
            sink.restart(decode_pass)

    def take(self, block: DecodedBlock) -> None:
        for table in {*self.chosen.tables, self.chosen.table}:
            if table in block.batches:
                self.chosen.see(table, block.batches[table])
        if not self.chosen.joins:
            self._hand_on(self._picked(block.batches), block)
            return
        self._held.append((self._possible(block.batches), block.frames))
        if block.last:
            self.chosen.finish()
            for number, (batches, frames) in enumerate(self._held, 1):
                last = number == len(self._held)
                self._hand_on(self._picked(batches), replace(block, frames=frames, last=last))
            self._held = []

    def _possible(self, batches: dict[str, Any]) -> dict[str, Any]:
        out = dict(batches)
        own = out.get(self.chosen.table)
        if own is None:
            return out
        out[self.chosen.table] = own = rows_where(own, self.chosen.possible(own))
        if self.chosen.table == "packets":
            frames = numpy_of(own.column("frame"))[0]
            for table in {"attributes", "commands"} & out.keys():
                out[table] = rows_where(out[table], np.isin(numpy_of(out[table].column("frame"))[0], frames))
        return out

    def _picked(self, batches: dict[str, Any]) -> dict[str, Any]:
        out = dict(batches)
        own = out.get(self.chosen.table)
        if own is not None:
            out[self.chosen.table] = own = rows_where(own, self.chosen.mask(own))
        if self.chosen.table == "packets":
            if own is not None:
                self._frames.append(numpy_of(own.column("frame"))[0].astype(np.uint64))
            for table, kind in FOLLOWING.items():
                if table in out:
                    out[table] = self._following(table, kind, out[table])
            self._note_exchanges(out)
        return out

    def _note_exchanges(self, batches: dict[str, Any]) -> None:
        """Hold the exchanges: that of a chosen frame may lie in one that ends later."""
        for table in ("packets", "exchanges"):
            if table in batches and "exchanges" in self.handed_on:
                self._theirs.see(table, batches[table])
        if "exchanges" in batches:
            self._exchanges.append(batches.pop("exchanges"))

    def _following(self, table: str, kind: str, batch: Any) -> Any:
        known = self._frames if kind == "frame" else self._messages
        if len(known) > 1:
            known[:] = [np.concatenate(known)]
        keys = keys_of(table, kind, batch)
        mask = np.zeros(batch.num_rows, np.bool_)
        if known:
            mask[keys.rows[np.isin(keys.values, known[0])]] = True
        if table == "messages":
            self._messages.append(numpy_of(batch.column("message"))[0][mask].astype(np.uint64))
        return rows_where(batch, mask)

    def _hand_on(self, batches: dict[str, Any], block: DecodedBlock) -> None:
        if block.last and self._exchanges:
            self._theirs.finish()
            held, self._exchanges = self._exchanges, []
            for batch in held:
                mask = self._theirs.bounds(Rows("exchanges", batch))[0]
                self._hand_on({"exchanges": rows_where(batch, mask)}, replace(block, last=False))
        given = {name: batch for name, batch in batches.items() if name in self.handed_on}
        for sink in self.sinks:
            sink.take(replace(block, batches=dict(given)))

    def end(self, decode_pass: DecodePass) -> None:
        for sink in self.sinks:
            sink.end(decode_pass)

    def abandon(self) -> None:
        for sink in self.sinks:
            sink.abandon()

    def quiet(self) -> None:
        for sink in self.sinks:
            sink.quiet()


class LookingSink(Sink):
    """Shows a filter all that it asks of other tables than its own, which somebody has elsewhere."""

    def __init__(self, chosen: Filter) -> None:
        self.chosen = chosen
        self.tables = chosen.tables

    def restart(self, decode_pass: DecodePass) -> None:
        self.chosen.begin()

    def take(self, block: DecodedBlock) -> None:
        for table in self.chosen.tables:
            if table in block.batches:
                self.chosen.see(table, block.batches[table])

    def end(self, decode_pass: DecodePass) -> None:
        self.chosen.finish()


class ChosenFrames(Sink):
    """Keeps the numbers of frames.

    Attributes:
        numbers: in rising order.
    """

    tables = ("packets",)

    def restart(self, decode_pass: DecodePass) -> None:
        self._found: list[Any] = []

    def take(self, block: DecodedBlock) -> None:
        if "packets" in block.batches:
            self._found.append(numpy_of(block.batches["packets"].column("frame"))[0])

    @property
    def numbers(self) -> Any:
        return np.concatenate(self._found) if self._found else np.zeros(0, np.uint64)
