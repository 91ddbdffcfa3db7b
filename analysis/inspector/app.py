"""The inspector: packets, the tree of the chosen one, its octets; all three linked.

Strategy: the list comes from the table of packets, decoded once; a tree is made only for the row that is
chosen. Choosing a field shows its buffer and lights its octets.
"""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Footer, Input, Static, Tab, Tabs, Tree

from analysis.inspector.field_tree import FieldTree
from analysis.inspector.findings_pane import FindingsPane
from analysis.inspector.frame_pane import FramePane
from analysis.inspector.help import Help
from analysis.inspector.hexadecimal import HexPane, hex_text
from analysis.inspector.ladder_pane import LadderPane
from analysis.inspector.model import COLUMNS, Inspected
from analysis.inspector.notes import NotesError
from analysis.inspector.packet_list import FEW, PacketList, heading, legend
from analysis.inspector.places import FORMS, frame_at
from analysis.inspector.suggesting import FilterSuggester
from analysis.inspector.waiting import Follow, Judge, Live, Rest, Waiting
from analysis.tables.row_form import TIME_FORMS, RowForm
from analysis.views.filters import FilterError
from analysis.views.frame import Shown
from analysis.views.octets import OctetMap, Place, frame_octets
from analysis.views.tree import issue_lines
from analysis.wireshark.opening import open_at
from dissectors import Field
from dissectors.text import printable

__all__ = ["FieldTree", "Inspector"]

LOW = 30
"""Lines of a terminal below which what is not needed stays away."""


class Inspector(Waiting):
    """The three panes."""

    TITLE = "hanscope"
    ENABLE_COMMAND_PALETTE = False
    CSS = """
    #filter { height: 3; border: round $panel; }
    #filter.good { border: round green; }
    #filter.bad { border: round red; }
    #wrong { display: none; height: auto; color: $error; padding: 0 2; }
    #wrong.told { display: block; }
    .box { display: none; height: 3; border: round $accent; }
    .box.open { display: block; }
    FramePane { display: none; height: 1fr; border-top: solid $panel; }
    FramePane.open { display: block; }
    .low FramePane.open { height: 2fr; }
    #ladder > .option-list--option-disabled { color: $text; }
    #legend { height: 1; }
    .low #legend { display: none; }
    .narrow #lower { layout: vertical; height: 2fr; }
    .narrow #octets { width: 1fr; height: 1fr; border-left: none; border-top: solid $panel; }
    .narrow FieldTree { height: 1fr; }
    .low #filter, .low .box { height: 1; border: none; }
    #heading { height: 1; text-style: bold; background: $panel; }
    PacketList { height: 1fr; }
    PacketList:focus { background-tint: $foreground 4%; }
    #lower { height: 1fr; border-top: solid $panel; }
    FieldTree { width: 1fr; }
    #octets { width: 77; border-left: solid $panel; }
    #hex { padding: 0 1; width: auto; }
    #state { height: 1; background: $panel; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "filter", "filter"),
        Binding("slash", "search", "search", key_display="/"),
        Binding("colon", "goto", "go to", key_display=":"),
        Binding("n", "again(1)", "next", show=False),
        Binding("N", "again(-1)", "previous", show=False),
        Binding("m", "mark", "mark", show=False),
        Binding("c", "note", "note"),
        Binding("C", "copy", "copy with notes", show=False),
        Binding("w", "findings", "findings"),
        Binding("F", "follow", "follow"),
        Binding("v", "columns", "columns", show=False),
        Binding("o", "other(1)", "next capture", show=False),
        Binding("O", "other(-1)", "previous capture", show=False),
        Binding("W", "wireshark", "Wireshark", show=False),
        Binding("t", "times", "times", show=False),
        Binding("right_square_bracket", "marked(1)", "next mark", show=False),
        Binding("left_square_bracket", "marked(-1)", "previous mark", show=False),
        Binding("less_than_sign", "buffer(-1)", "previous buffer", show=False),
        Binding("greater_than_sign", "buffer(1)", "next buffer", show=False),
        Binding("enter", "tree", "tree"),
        Binding("question_mark", "help", "help", key_display="?"),
        Binding("escape", "leave", "back", show=False),
        Binding("q", "quit", "quit"),
    ]

    def __init__(
        self,
        model: Inspected,
        *,
        reveal: bool = False,
        where: str = "",
        rest: Rest | None = None,
        judge: Judge | None = None,
        follow: Follow | None = None,
        live: Live | None = None,
        place: tuple[int, int] = (0, 1),
    ) -> None:
        """`rest` reads the whole capture, of which `model` has the first frames; `judge` gives the findings, and `follow`
        a ladder; `live` gives what has come of a source that still speaks. `place`: which of how many captures it is.
        """
        super().__init__(model, rest, judge, follow, live, place)
        self.reveal = reveal
        self.shown: Shown | None = None
        self.known = OctetMap()
        self.field: Field | None = None
        self.where = where
        self.zone = model.times_form.zone if model.times_form.times == "local" else None

    def compose(self) -> ComposeResult:
        yield Input(
            self.where,
            placeholder='filter, such as protocol == ZCL and summary contains "Report"',
            suggester=FilterSuggester(self.model.packets.columns),
            id="filter",
        )
        yield Static(id="wrong")
        yield Input(placeholder="search", id="search", classes="box")
        yield Input(placeholder=f"go to: {FORMS}", id="goto", classes="box")
        yield Input(placeholder="what you note of this packet", id="note", classes="box")
        yield Input(placeholder="the copy with notes as comments (pcapng)", id="copy", classes="box")
        yield Input(
            placeholder="columns, such as frame, time, nwk_src, rssi, summary", id="columns", classes="box"
        )
        yield Static(heading(self.model), id="heading")
        yield PacketList(self.model, id="packets")
        yield FindingsPane(id="findings")
        yield LadderPane(id="ladder")
        with Horizontal(id="lower"):
            yield FieldTree(reveal=self.reveal, id="tree")
            with Vertical(id="octets"):
                yield Tabs(id="buffers")
                with VerticalScroll(can_focus=False):
                    yield HexPane(id="hex")
        yield Static(legend(), id="legend")
        yield Static(id="state")
        yield Footer()

    def on_resize(self, event: events.Resize) -> None:
        """Panes stand below each other in a narrow terminal."""
        self.screen.set_class(event.size.width < FEW, "narrow")
        self.screen.set_class(event.size.height < LOW, "low")
        self._head(event.size.width)

    def _head(self, width: int) -> None:
        for line in self.query("#heading").results(Static):
            line.update(Text(heading(self.model, width)))

    def on_mount(self) -> None:
        self.query_one("#tree", FieldTree).show_root = False
        self.query_one(PacketList).focus()
        self.begin()
        self.tell()

    def tell(self, said: str = "") -> None:
        """The line at the bottom."""
        self.said = said
        count, whole = len(self.model), len(self.model.packets)
        notes = self.model.notes
        marks = f", {len(notes.marks)} marked" if notes.marks else ""
        marks += f", {len(notes.texts)} noted" if notes.texts else ""
        places = sum(one.times for one in self.model.facts.lost)
        lost = f", {places:,} places could not be read" if places else ""
        doing = f"  [{'; '.join(self.doing.values())}]" if self.doing else ""
        which = f" ({self.place[0] + 1} of {self.place[1]})" if self.place[1] > 1 else ""
        line = f" {self.model.name}{which}: {count:,} of {whole:,} packets{marks}{lost}{doing}  {said}"
        self.query_one("#state", Static).update(Text(printable(line)))

    @on(PacketList.Chosen)
    def show_packet(self, message: PacketList.Chosen) -> None:
        """Make the tree of the chosen packet."""
        if message.row >= len(self.model) or message.row != self.query_one(PacketList).cursor:
            return  # the cursor went on, or the filter changed, in the meantime
        self.shown = self.model.shown_at(message.row)
        self.field = None
        self.known = frame_octets(self.shown)
        self.query_one("#tree", FieldTree).put(self.shown, self.known)
        self.run_worker(self._put_buffers(), exclusive=True, group="buffers")
        issues = [*issue_lines(self.shown.dissection.issues)]
        noted = self.model.notes.texts.get(self.shown.number, "")
        self.tell(noted or (issues[0] if issues else self.shown.comment or ""))

    @property
    def buffers(self) -> dict[str, bytes]:
        """The buffers of the chosen packet; the capture's record last."""
        found = {**self.known.buffers}
        record = {"record": found.pop("record")} if "record" in found else {}
        return {**found, **record}

    async def _put_buffers(self) -> None:
        tabs = self.query_one("#buffers", Tabs)
        names = list(self.buffers)
        if [tab.id for tab in tabs.query(Tab)] != names:
            await tabs.clear()
            for name in names:
                await tabs.add_tab(Tab(name, id=name))
        if names and self.field is None:
            tabs.active = names[0]
        self._light()

    @on(Tree.NodeHighlighted)
    def show_field(self, event: Tree.NodeHighlighted[Field]) -> None:
        """Light the octets of the chosen field."""
        if event.node.data is None or self.shown is None:
            return
        self.field = event.node.data
        places = self.known.places(self.field)
        tabs = self.query_one("#buffers", Tabs)
        if places[0].buffer in [tab.id for tab in tabs.query(Tab)]:
            tabs.active = places[0].buffer
        self._light()
        self.tell(" = ".join(_place_text(place) for place in places))

    @on(HexPane.Chosen)
    def show_octet(self, event: HexPane.Chosen) -> None:
        """Go to the innermost field that an octet belongs to."""
        node = self.known.innermost(str(self.query_one("#buffers", Tabs).active), event.offset)
        if node is not None:
            self.query_one("#tree", FieldTree).choose(node.field)

    @on(Tabs.TabActivated)
    def show_buffer(self) -> None:
        self._light()

    def _light(self) -> None:
        """Draw the active buffer."""
        name = self.query_one("#buffers", Tabs).active
        octets = self.buffers.get(name, b"")
        spans = {} if self.reveal else self.known.secrets()
        places = self.known.places(self.field) if self.field is not None else []
        place = next((one for one in places if one.buffer == name), None)
        lit = (place.offset, place.offset + place.length) if place is not None else (0, 0)
        view = self.query_one("#hex", HexPane)
        view.update(hex_text(octets, lit, spans.get(name, [])))
        if place is not None and isinstance(view.parent, VerticalScroll):
            view.parent.scroll_to(y=max(0, place.offset // 16 - 3), animate=False)

    @on(Input.Changed, "#filter")
    def try_filter(self, event: Input.Changed) -> None:
        """Green when it is understood; the list follows."""
        try:
            found = self.model.parsed(event.value)
        except FilterError as error:
            event.input.set_classes("bad")
            self._tell_wrong(f"column {error.position + 1}: {error}", error.position)
            return
        event.input.set_classes("good" if found is not None else "")
        self._tell_wrong("")
        self.show_only(found)

    def _tell_wrong(self, text: str, position: int = 0) -> None:
        """What is wrong with the filter, below it, with a mark under the place; it stays until the filter is right."""
        line = self.query_one("#wrong", Static)
        mark = f"{' ' * position}^ " if text and position < 60 else ""
        line.update(Text(printable(mark + text)))
        line.set_class(bool(text), "told")

    @on(Input.Submitted)
    def leave_box(self, event: Input.Submitted) -> None:
        """Do what the box asks for; one that names no place or column stays open and says so."""
        asked = {
            "goto": self.go_to,
            "note": self.put_note,
            "copy": self.write_copy,
            "columns": self.show_columns,
        }
        try:
            if event.input.id in asked:
                asked[event.input.id](event.value)
        except ValueError as error:
            self.tell(str(error))
            return
        event.input.remove_class("open")
        if event.input.id == "search":
            self.wanted = event.value
            self.search(1)
        self.query_one(PacketList).focus()

    def go_to(self, text: str) -> None:
        """Choose the packet that `text` names. Raises ValueError: there is none, or the filter does not show it."""
        frame = frame_at(self.model, text)
        row = self.model.row_of(frame)
        if row is None or self.model.frame(row) != frame:
            raise ValueError(f"frame {frame} is not among the packets that the filter shows")
        self.query_one(PacketList).choose(row)

    def action_filter(self) -> None:
        self.query_one("#filter", Input).focus()

    def _open(self, name: str, value: str | None = None) -> None:
        box = self.query_one(name, Input)
        box.value = box.value if value is None else value
        box.add_class("open")
        box.focus()

    def action_search(self) -> None:
        self._open("#search")

    def action_goto(self) -> None:
        self._open("#goto", "")

    def action_note(self) -> None:
        if len(self.model):
            frame = self.model.frame(self.query_one(PacketList).cursor)
            self._open("#note", self.model.notes.texts.get(frame, ""))

    def action_copy(self) -> None:
        self._open("#copy", self.name_of_copy())

    def action_again(self, step: int) -> None:
        """The next match of what was searched."""
        self.search(step)

    def action_findings(self) -> None:
        """What the rules say: open or close the pane."""
        self._toggle(self.query_one(FindingsPane))
        if self.query_one(FindingsPane).has_class("open"):
            self.judge_capture()

    def action_follow(self) -> None:
        """The ladder of what the chosen packet belongs to: open or close the pane."""
        pane = self.query_one(LadderPane)
        if pane.has_class("open") or self.follow_packet():
            self._toggle(pane)

    def _toggle(self, pane: FramePane) -> None:
        """Open or close a pane, and close the others."""
        there = not pane.has_class("open")
        self.query(FramePane).remove_class("open")
        pane.set_class(there, "open")
        (pane if there else self.query_one(PacketList)).focus()

    def action_wireshark(self) -> None:
        """The chosen packet in Wireshark, with the filter where it is one of Wireshark's, too."""
        if self.model.path is None or not len(self.model):
            self.tell("Wireshark opens files only" if len(self.model) else "there is no packet")
            return
        frame = self.model.frame(self.query_one(PacketList).cursor)
        self.tell(open_at(self.model.path, frame, self.query_one("#filter", Input).value))

    def action_columns(self) -> None:
        self._open("#columns", ", ".join(self.model.columns))

    def show_columns(self, text: str) -> None:
        """Show the columns that `text` names, the usual ones where it names none. Raises ValueError: no such column."""
        names = [one.strip() for one in text.split(",") if one.strip()]
        self.model.show_columns(names or COLUMNS)
        self._redraw()

    def action_times(self) -> None:
        """The next form of times: seconds, differences, UTC, local."""
        form = self.model.times_form
        following = TIME_FORMS[(TIME_FORMS.index(form.times) + 1) % len(TIME_FORMS)]
        self.model.show_times(RowForm(times=following, zone=self.zone))
        self._redraw()
        self.tell(f"times: {following}")

    def _redraw(self) -> None:
        self._head(self.size.width)
        self.query_one(PacketList).refresh()

    @on(FramePane.Wanted)
    def show_wanted(self, message: FramePane.Wanted) -> None:
        """Go to the packet that a finding or a step names."""
        try:
            self.go_to(str(message.frame))
        except ValueError as error:
            self.tell(str(error))

    def action_mark(self) -> None:
        if len(self.model):
            self.model.notes.mark(self.model.frame(self.query_one(PacketList).cursor))
            self._keep()

    def put_note(self, text: str) -> None:
        """Note `text` of the chosen packet."""
        if len(self.model):
            self.model.notes.note(self.model.frame(self.query_one(PacketList).cursor), text)
            self._keep()

    def _keep(self) -> None:
        self.query_one(PacketList).refresh()
        try:
            self.model.notes.keep()
        except NotesError as error:
            self.tell(str(error))
            return
        self.tell()

    def action_marked(self, step: int) -> None:
        """The next packet that is marked or noted, as far as the filter shows it."""
        packets = self.query_one(PacketList)
        there = self.model.rows_of(self.model.notes.marks | self.model.notes.texts.keys())
        ahead = [row for row in there[::step] if (row - packets.cursor) * step > 0]
        if there:
            packets.choose(ahead[0] if ahead else there[::step][0])

    def action_buffer(self, step: int) -> None:
        names = list(self.buffers)
        tabs = self.query_one("#buffers", Tabs)
        if tabs.active in names:
            tabs.active = names[(names.index(tabs.active) + step) % len(names)]

    def action_tree(self) -> None:
        self.query_one("#tree", FieldTree).focus()

    def action_help(self) -> None:
        self.push_screen(Help())

    def action_leave(self) -> None:
        """Out of a box, back to the list; from there, without the filter."""
        packets = self.query_one(PacketList)
        self.query(".box").remove_class("open")
        self.query(FramePane).remove_class("open")
        if packets.has_focus:
            self.query_one("#filter", Input).value = ""
        packets.focus()


def _place_text(place: Place) -> str:
    """Where octets lie, in words: buffer, offset and length, and which bits."""
    bits = f" bits {place.bits[0]}-{sum(place.bits) - 1}" if place.bits is not None else ""
    return f"{place.buffer} 0x{place.offset:x}+{place.length}{bits}"
