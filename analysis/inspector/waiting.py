"""What the inspector does while a person goes on: reading the rest of a capture, filtering, searching, running the rules.

Strategy: each is a worker in a thread of its own, which gives its result back to the thread of the terminal; what was
overtaken (by another filter, another search) is dropped. What is quick is done at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from textual.app import App
from textual.widgets import Input
from textual.worker import Worker, WorkerState, get_current_worker

from analysis.inspector.findings_pane import FindingsPane, Told
from analysis.inspector.ladder_pane import LadderPane
from analysis.inspector.listening import Heard
from analysis.inspector.model import AT_ONCE, Inspected
from analysis.inspector.notes import NotesError, copy_with_notes
from analysis.inspector.packet_list import PacketList
from analysis.pipeline.passes import Progress
from analysis.views.filters import Filter
from analysis.views.following import NotThere, Wanted
from analysis.views.ladder import Ladder
from captures import CaptureError

__all__ = ["Follow", "Judge", "Live", "Rest", "Waiting"]

Rest = Callable[[Progress], Inspected]
Judge = Callable[[], Sequence[Told]]
Follow = Callable[[Wanted], Ladder]
Live = Callable[[], Iterator[Heard]]
SO_FAR = "the rules found nothing so far"
STEP = 0.2
"""Seconds between two words on how far reading is."""


class Waiting(App[int]):
    """The part of the inspector that waits for nothing.

    Attributes:
        model: what is shown.
        doing: what goes on, in words, by its kind.
        wanted: what is searched for.
        place: which capture it is of how many.
        where: the filter that stands in its box.
        said: what the line at the bottom said last.
    """

    def __init__(
        self,
        model: Inspected,
        rest: Rest | None,
        judge: Judge | None,
        follow: Follow | None,
        live: Live | None = None,
        place: tuple[int, int] = (0, 1),
    ) -> None:
        super().__init__()
        self.place, self.where, self.said = place, "", ""
        self.model = model
        self.doing: dict[str, str] = {}
        self.wanted = ""
        self._rest, self._judge, self._follow, self._live = rest, judge, follow, live
        self._chosen: Filter | None = None

    def tell(self, said: str = "") -> None:
        """The line at the bottom."""
        raise NotImplementedError

    def action_other(self, step: int) -> None:
        """Leave for the next capture, or the one before."""
        at, count = self.place
        if 0 <= at + step < count:
            self.where = self.query_one("#filter", Input).value
            self.exit(step)
        else:
            self.tell(
                f"this is the {'last' if step > 0 else 'first'} capture"
                if count > 1
                else "there is one capture"
            )

    def begin(self) -> None:
        """Read what is not there yet."""
        if self._rest is not None:
            self._do("reading", "reading")
            self.run_worker(self._read_rest, thread=True, group="reading", exit_on_error=False)

        if self._live is not None:
            self._do("live", "listening")
            self.run_worker(partial(self._listen, self._live), thread=True, group="live", exit_on_error=False)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Say that something ended by a mistake of ours: what goes on would seem to go on for ever."""
        if event.state is WorkerState.ERROR:
            error = event.worker.error
            self._do(event.worker.group)
            self.tell(f"{event.worker.group} ended: {type(error).__name__}: {error}")

    def _listen(self, live: Live) -> None:
        worker = get_current_worker()
        for one in live():
            if worker.is_cancelled:
                return
            self.call_from_thread(self.take_heard, one)

    def take_heard(self, heard: Heard) -> None:
        """Show what has come of a live source meanwhile; who looks at the last packet goes on to the new last one."""
        packets = self.query_one(PacketList)
        at_end, seen = packets.cursor >= len(self.model) - 1, self.model.columns
        frame = self.model.frame(packets.cursor) if len(self.model) else 0
        model = Inspected(heard.content, notes=self.model.notes, times=self.model.times_form)
        model.show_columns(seen)
        if self._chosen is not None:
            model.view = model.places(self._chosen)
        self.model = packets.model = model
        row = len(model) - 1 if at_end else model.row_of(frame) or 0
        packets.grow(row, follow=at_end)
        pane = self.query_one(FindingsPane)
        if heard.findings != pane.findings:
            pane.put(heard.findings, SO_FAR)
        packets.named = frozenset(frame for one in heard.findings for frame in one.frames)
        self.doing["live"] = heard.words
        self.tell(self.said)

    def _do(self, what: str, words: str = "") -> None:
        """Say that something goes on; or, without words, that it is over."""
        if words:
            self.doing[what] = words
        else:
            self.doing.pop(what, None)
        self.tell()

    def _read_rest(self) -> None:
        assert self._rest is not None
        told = 0.0

        def step(position: int, size: int | None, frames: int) -> None:
            nonlocal told
            now = time.monotonic()
            if now - told > STEP:
                told = now
                share = f", {position / size:.0%}" if size else ""
                self.call_from_thread(self._do, "reading", f"reading: {frames:,} frames{share}")

        try:
            model = self._rest(step)
        except CaptureError as error:
            self.call_from_thread(self._do, "reading", str(error))
            return
        self.call_from_thread(self.take, model)

    def take(self, model: Inspected) -> None:
        """Show the whole capture from now on, where its beginning was shown."""
        packets = self.query_one(PacketList)
        frame = self.model.frame(packets.cursor) if len(self.model) else 1
        model.show_columns(self.model.columns)
        model.show_times(self.model.times_form)
        self.model = packets.model = model
        packets.renew(model.row_of(frame) or 0)
        self._do("reading")
        if self._chosen is not None:
            self.show_only(self._chosen)

    def show_only(self, found: Filter | None) -> None:
        """Show what a filter lets through; at once, or as soon as it is known."""
        self._chosen = found
        self.workers.cancel_group(self, "filter")
        if self.model.at_once(found):
            self._do("filter")
            self._view(self.model, self.model.places(found))
            return
        self._do("filter", "filtering")
        work = partial(self._filter, self.model, found)
        self.run_worker(work, thread=True, exclusive=True, group="filter", exit_on_error=False)

    def _filter(self, model: Inspected, found: Filter | None) -> None:
        worker = get_current_worker()
        places = model.places(found)
        if not worker.is_cancelled:
            self.call_from_thread(self._view, model, places)

    def _view(self, model: Inspected, places: Any) -> None:
        if model is not self.model:
            return  # the whole capture came in the meantime, and is filtered itself
        packets = self.query_one(PacketList)
        frame = model.frame(packets.cursor) if len(model) else 1
        model.view = places
        packets.renew(model.row_of(frame) or 0)
        self._do("filter")

    def search(self, step: int) -> None:
        """Go to the next row that holds what is wanted; at once, or as soon as it is found."""
        if not self.wanted or not len(self.model):
            return
        cursor = self.query_one(PacketList).cursor
        if len(self.model.packets) <= AT_ONCE:
            self._found(self.model, self.wanted, self.model.find(self.wanted, cursor, step))
            return
        self._do("search", f"searching {self.wanted!r}")
        work = partial(self._search, self.model, self.wanted, cursor, step)
        self.run_worker(work, thread=True, exclusive=True, group="search", exit_on_error=False)

    def _search(self, model: Inspected, wanted: str, cursor: int, step: int) -> None:
        worker = get_current_worker()
        row = model.find(wanted, cursor, step)
        if not worker.is_cancelled:
            self.call_from_thread(self._found, model, wanted, row)

    def _found(self, model: Inspected, wanted: str, row: int | None) -> None:
        self._do("search")
        if row is None:
            self.tell(f"{wanted!r} is nowhere in these packets")
        elif model is self.model:
            self.query_one(PacketList).choose(row)

    def judge_capture(self) -> None:
        """Run the rules, once."""
        pane = self.query_one(FindingsPane)
        if self._live is not None:
            pane.wait(SO_FAR)
            return
        if self._judge is None or "findings" in self.doing:
            pane.wait("no rules were given" if self._judge is None else "the rules are running")
            return
        pane.wait("the rules are running")
        self._do("findings", "rules running")
        self.run_worker(
            partial(self._run_rules, self._judge), thread=True, group="findings", exit_on_error=False
        )
        self._judge = None

    def _run_rules(self, judge: Judge) -> None:
        try:
            found = judge()
        except CaptureError as error:
            self.call_from_thread(self.query_one(FindingsPane).wait, str(error))
            self.call_from_thread(self._do, "findings")
            return
        self.call_from_thread(self._put_findings, found)

    def _put_findings(self, found: Sequence[Told]) -> None:
        self.query_one(FindingsPane).put(found)
        packets = self.query_one(PacketList)
        packets.named = frozenset(frame for one in found for frame in one.frames)
        packets.refresh()
        self._do("findings")

    def follow_packet(self) -> bool:
        """Draw the ladder of what the chosen packet belongs to; False says that it belongs to nothing."""
        if not self.model.whole and self._live is None:
            self.tell("the rest of the capture is still being read: what belongs together is known then")
            return False
        wanted = self.model.wanted_at(self.query_one(PacketList).cursor) if len(self.model) else None
        if self._follow is None or wanted is None:
            self.tell("this packet belongs to no exchange or message")
            return False
        self.query_one(LadderPane).wait(f"following {wanted.title()}")
        self._do("follow", f"following {wanted.title()}")
        work = partial(self._draw, self._follow, wanted)
        self.run_worker(work, thread=True, exclusive=True, group="follow", exit_on_error=False)
        return True

    def _draw(self, follow: Follow, wanted: Wanted) -> None:
        worker = get_current_worker()
        try:
            found: Ladder | str = follow(wanted)
        except (CaptureError, NotThere) as error:
            found = str(error)
        if not worker.is_cancelled:
            self.call_from_thread(self._put_ladder, found)

    def _put_ladder(self, found: Ladder | str) -> None:
        pane = self.query_one(LadderPane)
        if isinstance(found, str):
            pane.wait(found)
        else:
            pane.put(found, max(60, self.size.width - 4))
        self._do("follow")

    def name_of_copy(self) -> str:
        """Where a copy with notes goes, if nothing else is said."""
        path = self.model.path
        return (
            "notes.pcapng" if path is None else str(path.with_name(f"{path.name.split('.')[0]}-noted.pcapng"))
        )

    def write_copy(self, name: str) -> None:
        """Write the capture with notes as comments."""
        if name.strip():
            self._do("copy", "writing the copy")
            self.run_worker(
                partial(self._copy, Path(name.strip())), thread=True, group="copy", exit_on_error=False
            )

    def _copy(self, target: Path) -> None:
        try:
            count = copy_with_notes(self.model.content.source(), self.model.notes, target)
            said = f"{target}: {count:,} frames"
        except (NotesError, CaptureError) as error:
            said = str(error)
        self.call_from_thread(self._do, "copy")
        self.call_from_thread(self.tell, said)
