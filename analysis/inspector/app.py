"""The inspector: packets, the tree of the chosen one, its octets; all three linked.

Strategy: the list comes from the table of packets, decoded once; a tree is made only for the row that is
chosen. Choosing a field shows its buffer and lights its octets.
"""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import events, on
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Footer, Input, Static, Tab, Tabs, Tree

from analysis.inspector.field_tree import FieldTree
from analysis.inspector.hexadecimal import HexPane, hex_text
from analysis.inspector.model import Inspected
from analysis.inspector.packet_list import FEW, PacketList, heading, legend
from analysis.inspector.places import FORMS, frame_at
from analysis.inspector.suggesting import FilterSuggester
from analysis.views.filters import FilterError
from analysis.views.frame import Shown
from analysis.views.octets import OctetMap, Place, frame_octets
from analysis.views.tree import issue_lines
from dissectors import Field
from dissectors.text import printable

__all__ = ["FieldTree", "Inspector"]

HELP = """\
[b]Packets[/b]     j k, arrows      next, previous          g G   first, last
            ctrl+d ctrl+u    page down, page up      m     mark      ] \\[   next, previous mark
[b]Panes[/b]       tab shift+tab    next, previous pane     enter  from the list to the tree
[b]Tree[/b]        j k              next, previous field    h l, space   fold, unfold
            the octets of the chosen field are lit below; opened buffers are tabs ( < > )
[b]Filter[/b]      f                protocol == ZCL and nwk_src == 0x1234
                             summary contains "Report"      source == "Gas meter"
                             not security == "ok"           rssi < -80 or nwk_radius in (1, 2)
                             green: understood; red: not, and why
[b]Search[/b]      /                text in any column      n N   next, previous match
[b]Go to[/b]       :                1380, message 13, exchange 7, 12:30, 90s (after the first frame)
[b]Leave[/b]       q                escape closes a box, then empties the filter

"""


LOW = 30
"""Lines of a terminal below which what is not needed stays away."""


class Help(ModalScreen[None]):
    """The keys."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,question_mark", "app.pop_screen", "close")]
    CSS = """
    Help { align: center middle; }
    #help { width: 92; height: auto; padding: 1 2; border: round $accent; background: $surface; }
    """

    def compose(self) -> ComposeResult:
        yield Static(Text.assemble(Text.from_markup(HELP), legend()), id="help")


class Inspector(App[None]):
    """The three panes."""

    TITLE = "hanscope"
    ENABLE_COMMAND_PALETTE = False
    CSS = """
    #filter { height: 3; border: round $panel; }
    #filter.good { border: round green; }
    #filter.bad { border: round red; }
    #wrong { display: none; height: auto; color: $error; padding: 0 2; }
    #wrong.told { display: block; }
    #search, #goto { display: none; height: 3; border: round $accent; }
    #search.open, #goto.open { display: block; }
    #legend { height: 1; }
    .low #legend { display: none; }
    .narrow #lower { layout: vertical; height: 2fr; }
    .narrow #octets { width: 1fr; height: 1fr; border-left: none; border-top: solid $panel; }
    .narrow FieldTree { height: 1fr; }
    .low #filter, .low #search, .low #goto { height: 1; border: none; }
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
        Binding("m", "mark", "mark"),
        Binding("right_square_bracket", "marked(1)", "next mark", show=False),
        Binding("left_square_bracket", "marked(-1)", "previous mark", show=False),
        Binding("less_than_sign", "buffer(-1)", "previous buffer", show=False),
        Binding("greater_than_sign", "buffer(1)", "next buffer", show=False),
        Binding("enter", "tree", "tree"),
        Binding("question_mark", "help", "help", key_display="?"),
        Binding("escape", "leave", "back", show=False),
        Binding("q", "quit", "quit"),
    ]

    def __init__(self, model: Inspected, *, reveal: bool = False, where: str = "") -> None:
        super().__init__()
        self.model = model
        self.reveal = reveal
        self.shown: Shown | None = None
        self.known = OctetMap()
        self.field: Field | None = None
        self.wanted = ""
        self.where = where

    def compose(self) -> ComposeResult:
        yield Input(
            self.where,
            placeholder='filter, such as protocol == ZCL and summary contains "Report"',
            suggester=FilterSuggester(self.model.packets.columns),
            id="filter",
        )
        yield Static(id="wrong")
        yield Input(placeholder="search", id="search")
        yield Input(placeholder=f"go to: {FORMS}", id="goto")
        yield Static(heading(), id="heading")
        yield PacketList(self.model, id="packets")
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
        for line in self.query("#heading").results(Static):
            line.update(heading(event.size.width))

    def on_mount(self) -> None:
        self.query_one("#tree", FieldTree).show_root = False
        self.query_one(PacketList).focus()
        self.tell()

    def tell(self, said: str = "") -> None:
        """The line at the bottom."""
        count, whole = len(self.model), len(self.model.packets)
        marks = f", {len(self.model.marked)} marked" if self.model.marked else ""
        places = sum(one.times for one in self.model.facts.lost)
        lost = f", {places:,} places could not be read" if places else ""
        line = f" {self.model.name}: {count:,} of {whole:,} packets{marks}{lost}  {said}"
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
        self.tell(issues[0] if issues else self.shown.comment or "")

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
        """Green when it is understood; the list follows at once."""
        box, packets = event.input, self.query_one(PacketList)
        frame = self.model.frame(packets.cursor) if len(self.model) else 1
        try:
            found = self.model.filter(event.value)
        except FilterError as error:
            box.set_classes("bad")
            self._tell_wrong(f"column {error.position + 1}: {error}", error.position)
            return
        box.set_classes("good" if found is not None else "")
        self._tell_wrong("")
        packets.renew(self.model.row_of(frame) or 0)
        self.tell()

    def _tell_wrong(self, text: str, position: int = 0) -> None:
        """What is wrong with the filter, below it, with a mark under the place; it stays until the filter is right."""
        line = self.query_one("#wrong", Static)
        mark = f"{' ' * position}^ " if text and position < 60 else ""
        line.update(Text(printable(mark + text)))
        line.set_class(bool(text), "told")

    @on(Input.Submitted)
    def leave_box(self, event: Input.Submitted) -> None:
        """Do what the box asks for; one that names no place stays open and says so."""
        if event.input.id == "goto":
            try:
                self.go_to(event.value)
            except ValueError as error:
                self.tell(str(error))
                return
        event.input.remove_class("open")
        if event.input.id == "search":
            self.wanted = event.value
            self.action_again(1)
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

    def action_search(self) -> None:
        box = self.query_one("#search", Input)
        box.set_classes("open")
        box.focus()

    def action_goto(self) -> None:
        box = self.query_one("#goto", Input)
        box.value = ""
        box.add_class("open")
        box.focus()

    def action_again(self, step: int) -> None:
        """The next match of what was searched."""
        packets = self.query_one(PacketList)
        if not self.wanted or not len(self.model):
            return
        row = self.model.find(self.wanted, packets.cursor, step)
        if row is None:
            self.tell(f"{self.wanted!r} is nowhere in these packets")
        else:
            packets.choose(row)

    def action_mark(self) -> None:
        packets = self.query_one(PacketList)
        if len(self.model):
            self.model.marked ^= {self.model.frame(packets.cursor)}
            packets.refresh()
            self.tell()

    def action_marked(self, step: int) -> None:
        """The next packet that is marked, as far as the filter shows it."""
        packets = self.query_one(PacketList)
        rows = {self.model.row_of(frame): frame for frame in self.model.marked} if len(self.model) else {}
        there = sorted(r for r, frame in rows.items() if r is not None and self.model.frame(r) == frame)
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
        for box in ("#search", "#goto"):
            self.query_one(box, Input).remove_class("open")
        if packets.has_focus:
            self.query_one("#filter", Input).value = ""
        packets.focus()


def _place_text(place: Place) -> str:
    """Where octets lie, in words: buffer, offset and length, and which bits."""
    bits = f" bits {place.bits[0]}-{sum(place.bits) - 1}" if place.bits is not None else ""
    return f"{place.buffer} 0x{place.offset:x}+{place.length}{bits}"
