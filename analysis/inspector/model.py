"""What the inspector shows, without any terminal: rows, filter, names, and the dissection of one frame."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import lru_cache
from threading import Lock
from typing import Any

import numpy as np

from analysis.inspector.cells import Cells, Moments, Numbers, Seconds, Words
from analysis.inspector.content import Content, read_content
from analysis.inspector.notes import Notes
from analysis.pipeline.decode import DECODED_TABLES, Progress, decode
from analysis.pipeline.kept import KeptMessage
from analysis.pipeline.session import Session
from analysis.pipeline.source import ReopenableSource
from analysis.tables.filter_language import close_names
from analysis.tables.row_form import RowForm
from analysis.views.ends import end_text, names_of_devices
from analysis.views.filters import Filter, FilterError, parse_filter
from analysis.views.following import Wanted
from analysis.views.frame import Shown, shown_row
from captures.block import cut
from dissectors import Keyring
from dissectors.text import printable

__all__ = ["COLUMNS", "NARROW", "STATES", "Inspected"]

COLUMNS = ("frame", "time", "source", "destination", "protocol", "security", "summary")
"""Columns of the packet list, unless others are chosen."""
WIDTHS = {
    "frame": 8,
    "time": 13,
    "source": 20,
    "destination": 20,
    "protocol": 12,
    "security": 8,
    "summary": 60,
}
"""Their widths; others are as wide as what stands in them, up to `WIDEST`; the last one takes the rest."""
WIDEST = 24
TIMES_WIDE = 30
"""Width of a time with date and zone."""
NARROW = {"frame": 6, "time": 9, "source": 10, "destination": 10, "protocol": 8, "security": 7}
"""Their widths where the terminal has few columns."""
LEAD = 256
"""Frames before the chosen one that are read with it, for the fragments and tunnels that they began."""
AT_ONCE = 50_000
"""Packets that are filtered and searched while one types; of more, while one goes on."""
VERDICTS = ("bad_mic", "replay", "no_key", "ok")
STATES = ("bad MIC", "forged", "replay", "bad FCS", "no key", "issue")
"""What a row as a whole is coloured by, gravest first."""
SAID = {"bad_mic": "bad MIC", "replay": "replay", "no_key": "no key", "ok": "ok"}


class Inspected:
    """A capture under inspection.

    Attributes:
        packets: the table of packets, with `source` and `destination` by name.
        columns: names of the columns of the list.
        notes: what a person marked and noted.
        whole: whether all of the capture was read; else its first frames.
    """

    def __init__(
        self,
        content: Content,
        chosen: Filter | None = None,
        notes: Notes | None = None,
        times: RowForm | None = None,
    ) -> None:
        """`times` is the form of times in the list: seconds after the first packet where none is given."""
        self.content, self.name, self.path = content, content.name, content.path
        self._reading = Lock()
        self.messages, self.whole, self.facts = content.messages, content.whole, content.facts
        self.packets = content.packets
        self._tables: dict[str, Any] = dict(content.tables)
        self.names = names_of_devices(content.devices.select(["eui64", "name"]).to_pylist())
        for column in ("source", "destination"):
            self.packets[column] = self._ends("src" if column == "source" else "dst")
        self.packets["security"] = self._security()
        self._all = (
            np.arange(len(self.packets)) if chosen is None else np.flatnonzero(chosen.mask(self.packets))
        )
        self._states = self._state_codes()
        self._view = self._all
        self.notes = Notes() if notes is None else notes
        self.numbers = self.packets["frame"].to_numpy(dtype=np.int64)
        self._blocks = content.blocks
        self._starts = np.cumsum([0] + [len(block) for block in self._blocks])
        self.shown: Callable[[int], Shown] = lru_cache(maxsize=64)(self._shown)
        self.times_form = times or RowForm(times="relative")
        self._known_cells: dict[str, Cells] = {}
        self.columns: tuple[str, ...] = ()
        self.show_columns(COLUMNS)

    @classmethod
    def read(
        cls,
        replay: ReopenableSource,
        keyring: Keyring,
        progress: Progress | None = None,
        chosen: Filter | None = None,
        limit: int | None = None,
        notes: Notes | None = None,
        times: RowForm | None = None,
    ) -> Inspected:
        """A capture, or its first `limit` frames and some more. Raises CaptureError: it cannot be read."""
        return cls(read_content(replay, keyring, progress, limit), chosen, notes, times)

    def __len__(self) -> int:
        return len(self.view)

    @property
    def view(self) -> Any:
        """Places of the rows that pass the filter."""
        return self._view

    @view.setter
    def view(self, places: Any) -> None:
        self._view = places
        if self.times_form.times == "delta":
            self._known_cells.pop("time", None)  # the row before is another one
            self.show_columns(self.columns)

    def show_columns(self, names: Sequence[str]) -> None:
        """Show these columns of `packets`, in this order.

        Raises:
            ValueError: there is none of a name, or no name; the columns stay as they were.
        """
        if not names:
            raise ValueError("no column is named")
        for name in names:
            if name not in self.packets.columns:
                close = close_names(name, [*self.packets.columns], 3)
                raise ValueError(f"no column {name!r}" + (f": {' or '.join(close)}?" if close else ""))
        for name in names:
            if name not in self._known_cells:
                self._known_cells[name] = self._cells_of(name)
        self.columns = tuple(dict.fromkeys(names))
        self._cells = [self._known_cells[name] for name in self.columns]
        self._holding = lru_cache(maxsize=4)(self._places_holding)

    def show_times(self, form: RowForm) -> None:
        """Show times in another form."""
        self.times_form = form
        self._known_cells.pop("time", None)
        self.show_columns(self.columns)

    def width(self, name: str) -> int:
        """How wide a column of the list is."""
        if name == "time":
            return TIMES_WIDE if self.times_form.times in ("utc", "local") else WIDTHS["time"]
        cells = self._known_cells[name]
        if name in WIDTHS or not isinstance(cells, Words):
            return WIDTHS.get(name, WIDTHS["frame"])
        return max(len(name), min(WIDEST, max(map(len, cells.texts), default=0)))

    def filter(self, text: str) -> Filter | None:
        """Show only what `text` describes; everything when it is empty.

        Raises:
            FilterError: it is no expression, or asks for findings; the view stays as it was.
        """
        found = self.parsed(text)
        self.view = self.places(found)
        return found

    def parsed(self, text: str) -> Filter | None:
        """What `text` describes; None when it is empty. Raises as `filter`."""
        if not text.strip():
            return None
        found = parse_filter(text, self.packets.columns)
        if "findings" in found.tables:
            raise FilterError("findings are known to hanscope check and report", 0)
        return found

    def places(self, found: Filter | None) -> Any:
        """Places of the packets that a filter lets through; may read the capture again; for any thread."""
        if found is None:
            return self._all
        if found.joins:
            found.look_at(self._table)
        return self._all[found.mask(self.packets)[self._all]]

    def at_once(self, found: Filter | None) -> bool:
        """Whether its places are there before anybody waits."""
        return found is None or (len(self.packets) <= AT_ONCE and not found.joins)

    def _table(self, name: str) -> Any:
        """A table that a filter asks for, read when the first one does."""
        with self._reading:
            if name not in self._tables:
                self._read_tables(name)
        return self._tables[name]

    def _read_tables(self, name: str) -> None:
        many = ("packets", "attributes", "commands")
        wanted = (name,) if name in many else tuple(one for one in DECODED_TABLES if one not in many)
        found = decode(self.content.source(), self.content.keyring, tables=wanted).arrow
        self._tables |= {one: found[one] for one in wanted}

    def cells(self, row: int) -> list[str]:
        """The texts of a row of the view, column by column."""
        place = int(self.view[row])
        return [cells.text(place) for cells in self._cells]

    def state(self, row: int) -> str:
        """What a row is coloured by: one of `STATES`, or nothing."""
        code = int(self._states[int(self.view[row])])
        return STATES[code] if code < len(STATES) else ""

    def frame(self, row: int) -> int:
        """Frame number of a row of the view."""
        return int(self.numbers[int(self.view[row])])

    def shown_at(self, row: int) -> Shown:
        """The dissection of a row of the view."""
        return self.shown(int(self.view[row]))

    def wanted_at(self, row: int) -> Wanted | None:
        """What a row of the view belongs to, as one follows it: its message's exchange, else its innermost one."""
        import pandas as pd

        one = self.packets.iloc[int(self.view[row])]
        if pd.notna(one["message"]):
            return Wanted(message=int(one["message"]))
        return Wanted(exchange=int(one["exchange"])) if pd.notna(one["exchange"]) else None

    def row_of(self, frame: int) -> int | None:
        """The row of the view at which `frame` is, or would be."""
        numbers = self.numbers[self.view]
        exact = np.flatnonzero(numbers == frame)
        if len(exact):
            return int(exact[0])
        return min(int(np.searchsorted(numbers, frame)), len(numbers) - 1) if len(numbers) else None

    def rows_of(self, frames: Collection[int]) -> list[int]:
        """The rows of the view at which these frames are."""
        rows: list[int] = np.flatnonzero(
            np.isin(self.numbers[self.view], np.array([*frames], np.int64))
        ).tolist()
        return rows

    def find(self, text: str, start: int, step: int) -> int | None:
        """The next row of the view, from `start` on, one of whose cells holds `text`; it wraps around."""
        rows = np.flatnonzero(self._holding(text.casefold())[self.view])
        if not len(rows):
            return None
        at = np.searchsorted(rows, start, side="right" if step > 0 else "left") - (step < 0)
        return int(rows[at % len(rows)])

    def _places_holding(self, wanted: str) -> Any:
        """Which packets have a cell that holds `wanted`."""
        return np.logical_or.reduce([cells.holding(wanted) for cells in self._cells])

    def _shown(self, place: int) -> Shown:
        import pandas as pd

        from dissectors import dissect_frame

        number = int(np.searchsorted(self._starts, place, side="right")) - 1
        block, row = self._blocks[number], place - int(self._starts[number])
        known = self.content.learnt
        session = Session(self.content.keyring, capture=self.name, tables=("packets",), hindsight=known)
        for lead in cut(block, max(0, row - LEAD), row).frames():
            dissect_frame(lead, session.context)
        one = shown_row(block, row, session)
        one.messages = self._messages(place)
        if pd.notna(message := self.packets["message"].iloc[place]):
            one.columns["message"] = int(message)
        return one

    def _messages(self, place: int) -> list[KeptMessage]:
        """The messages that a frame carried a part of, or the one whose part it repeats."""
        import pandas as pd

        repeated = self.packets["message"].iloc[place]
        numbers = self.messages.of(int(self.packets["frame"].iloc[place]))
        if not numbers and pd.notna(repeated):
            numbers = [int(repeated)]
        found = (self.messages.message(number) for number in numbers)
        return [one for one in found if one is not None]

    def _ends(self, side: str) -> Any:
        """Names of the senders or receivers: as a person calls them, else by address."""
        import pandas as pd

        columns = [self.packets[f"{layer}_{side}{kind}"] for layer, kind in ENDS]
        cells = zip(*(column.astype(object).where(column.notna(), None) for column in columns), strict=True)
        told = [end_text(self.names, eui64, short, mac) for eui64, short, mac in cells]
        return pd.Series(told, dtype="string")

    def _security(self) -> Any:
        """The worst verdict of the layers."""
        import pandas as pd

        found = np.full(len(self.packets), "", object)
        for verdict in reversed(VERDICTS):
            for layer in ("mac_security", "nwk_security", "aps_security"):
                column = self.packets[layer].astype("string")
                found[(column == verdict).fillna(False).to_numpy(dtype=bool)] = SAID[verdict]
        return pd.Series(found, dtype="string")

    @property
    def times(self) -> Any:
        """Times of all packets in nanoseconds since 1970; negative where they have none."""
        return self.packets["time"].astype("int64[pyarrow]").fillna(-1).to_numpy(dtype=np.int64)

    def _state_codes(self) -> Any:
        """The place in `STATES` of each packet; one more where all is well."""
        packets = self.packets
        summary = packets["summary"].astype("string")
        found = {
            "issue": packets["issue"].notna(),
            "no key": packets["security"] == "no key",
            "bad FCS": packets["fcs_ok"] == False,  # noqa: E712
            "replay": packets["security"] == "replay",
            "forged": summary.str.contains("MAC invalid|signature invalid", regex=True),
            "bad MIC": packets["security"] == "bad MIC",
        }
        codes = np.full(len(packets), len(STATES), np.uint8)
        for name, mask in found.items():
            codes[mask.fillna(False).to_numpy(dtype=bool)] = STATES.index(name)
        return codes

    def _cells_of(self, name: str) -> Cells:
        column = self.packets[name]
        if name == "time":
            return self._cells_of_times(column.astype("int64[pyarrow]"))
        if name == "frame":
            return Numbers(column.to_numpy(dtype=np.int64))
        codes, words = column.factorize()
        return Words(codes, [printable(str(word)) for word in words])

    def _cells_of_times(self, column: Any) -> Cells:
        form = self.times_form
        if form.times in ("utc", "local"):
            return Moments(column.fillna(-1).to_numpy(dtype=np.int64), form)
        times = column.fillna(0).to_numpy(dtype=np.int64)
        if form.times == "relative":
            return Seconds(times - times[:1].sum())
        since = np.zeros(len(times), np.int64)
        since[self._view[1:]] = np.diff(times[self._view])
        return Seconds(since)


ENDS = (("nwk", "_eui64"), ("nwk", ""), ("mac", ""))
