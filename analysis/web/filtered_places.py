"""Which rows a filter chooses, found once and kept up while more rows come."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any

import numpy as np

from analysis.tables.filter_language import FilterError
from analysis.views.filters import Filter, parse_filter
from analysis.web.endpoints import BadRequest, NotYet
from analysis.web.store import CaptureStore, Places

__all__ = ["FilteredPlaces", "understood"]


def understood(where: str, table: str) -> Filter:
    """A filter of a table. Raises BadRequest: it is none; the answer says where the mistake is."""
    try:
        return parse_filter(where, table=table)
    except FilterError as error:
        raise BadRequest(str(error), position=error.position) from None


class FilteredPlaces:
    """The places of the rows of `table` that fit.

    Raises BadRequest: `where` is no filter.
    """

    def __init__(self, where: str, table: str) -> None:
        self.table, self.where = table, where
        self._filter = understood(where, table)
        self._lock = Lock()
        self._generation, self._done = -1, 0
        self._parts: list[Places] = []

    def places(self, store: CaptureStore, findings: Callable[[], Any] | None = None) -> Places:
        """All of them, as far as the capture has been decoded.

        Args:
            findings: gives that table in Arrow, where it is asked for.

        Raises:
            NotYet: it asks for other tables, and these are not whole yet.
        """
        with self._lock:
            content = store.content(self.table)
            live = store.most is not None
            if live and self._filter.tables and not content.complete:
                self._generation = -1  # what other tables have may change with each frame
            elif self._filter.tables and not content.complete:
                raise NotYet("this filter asks for other tables: they are known at the capture's end")
            if content.generation != self._generation:
                self._begin(content.generation, store, findings)
            starts = content.starts.tolist()
            first = max(0, int(np.searchsorted(content.starts, self._done, side="right")) - 1)
            for batch, start in zip(content.batches[first:], starts[first:], strict=False):
                done = max(0, self._done - start)  # batches are joined while they come
                self._parts.append(np.flatnonzero(self._filter.mask(batch.slice(done))) + start + done)
            self._done = len(content)
            if len(self._parts) > 1:
                self._parts = [np.concatenate(self._parts)]
            return self._parts[0] if self._parts else np.zeros(0, np.int64)

    def _begin(self, generation: int, store: CaptureStore, findings: Callable[[], Any] | None) -> None:
        self._filter = understood(self.where, self.table)
        self._done, self._parts = 0, []
        if not self._filter.tables:
            self._generation = generation
            return
        if "findings" in self._filter.tables:
            if findings is None:
                raise BadRequest("findings cannot be asked for here")
            self._filter.give("findings", findings())
        self._filter.begin()
        for table in self._filter.tables:
            for batch in store.content(table).batches:
                self._filter.see(table, batch)
        self._filter.finish()
        self._generation = generation
