"""The packet list: rows are drawn when they come into view, so that a million of them cost nothing."""

from __future__ import annotations

from typing import Any, ClassVar

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from analysis.inspector.model import NARROW, STATES, Inspected

__all__ = ["FEW", "PacketList", "heading", "legend"]

COLOURS = {"bad MIC": "bold red", "replay": "bold magenta", "no key": "yellow", "ok": "green"}
ROWS = {
    "bad MIC": "bold red",
    "forged": "bold white on red",
    "replay": "magenta",
    "bad FCS": "red",
    "no key": "yellow",
    "issue": "cyan",
}
"""How a row looks whose packet is in this state."""
GAP = " "
FEW = 110
"""Columns of a terminal below which the list has narrow columns."""


class PacketList(ScrollView, can_focus=True):
    """One line a packet; the chosen one is `cursor`, a row of the view."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "down", show=False),
        Binding("up,k", "move(-1)", "up", show=False),
        Binding("pagedown,ctrl+f,ctrl+d", "page(1)", "page down", show=False),
        Binding("pageup,ctrl+b,ctrl+u", "page(-1)", "page up", show=False),
        Binding("home,g", "edge(0)", "first", show=False),
        Binding("end,G", "edge(-1)", "last", show=False),
    ]
    cursor: reactive[int] = reactive(0)

    class Chosen(Message):
        """Another row was chosen."""

        def __init__(self, row: int) -> None:
            super().__init__()
            self.row = row

    def __init__(self, model: Inspected, **options: Any) -> None:
        super().__init__(**options)
        self.model = model
        self.named: frozenset[int] = frozenset()

    def on_mount(self) -> None:
        self.renew(0)

    def on_resize(self) -> None:
        self.virtual_size = Size(self.scrollable_content_region.width, len(self.model))
        self.call_after_refresh(self.scroll_to_region, Region(0, self.cursor, 1, 1), animate=False)

    def renew(self, cursor: int) -> None:
        """The view changed: draw it again, with row `cursor` chosen."""
        self.virtual_size = Size(self.scrollable_content_region.width, len(self.model))
        self.set_reactive(PacketList.cursor, min(max(cursor, 0), max(len(self.model) - 1, 0)))
        self._chosen()

    def grow(self, cursor: int, *, follow: bool) -> None:
        """The view has grown: draw it again. Row `cursor` is chosen, as which it was before but when one follows."""
        self.virtual_size = Size(self.scrollable_content_region.width, len(self.model))
        self.set_reactive(PacketList.cursor, min(max(cursor, 0), max(len(self.model) - 1, 0)))
        if follow:
            self._chosen()
        else:
            self.refresh()

    def watch_cursor(self) -> None:
        self._chosen()

    def _chosen(self) -> None:
        if len(self.model):
            self.scroll_to_region(Region(0, self.cursor, 1, 1), animate=False)
            self.post_message(self.Chosen(self.cursor))
        self.refresh()

    def action_move(self, by: int) -> None:
        self.choose(self.cursor + by)

    def action_page(self, by: int) -> None:
        self.choose(self.cursor + by * max(1, self.scrollable_content_region.height - 1))

    def action_edge(self, row: int) -> None:
        self.choose(row if row >= 0 else len(self.model) - 1)

    def choose(self, row: int) -> None:
        """Choose a row, the nearest that there is."""
        self.cursor = min(max(row, 0), max(len(self.model) - 1, 0))

    def on_click(self, event: events.Click) -> None:
        row = event.y + self.scroll_offset.y
        if row < len(self.model):
            self.choose(row)

    def _sign(self, row: int) -> str:
        """What stands before a row: whether it is marked, noted, or named by a finding."""
        frame, notes = self.model.frame(row), self.model.notes
        return (
            "*"
            if frame in notes.marks
            else "+"
            if frame in notes.texts
            else "!"
            if frame in self.named
            else " "
        )

    def render_line(self, y: int) -> Strip:
        row, width = y + self.scroll_offset.y, self.scrollable_content_region.width
        if row >= len(self.model):
            return Strip.blank(width, self.rich_style)
        state = Style.parse(ROWS[found]) if (found := self.model.state(row)) else Style()
        base = Style(reverse=True, bold=True) if row == self.cursor else state
        segments = [Segment(self._sign(row), self.rich_style + base + Style.parse("bold yellow"))]
        for (name, size), text in zip(widths(self.model, width), self.model.cells(row), strict=True):
            style = base
            if name == "security" and text in COLOURS and row != self.cursor:
                style = Style.parse(COLOURS[text])
            segments.append(Segment(_cell(name, text, size), self.rich_style + style))
        return Strip(segments).adjust_cell_length(width, self.rich_style + base)


def _cell(name: str, text: str, size: int) -> str:
    if not size:
        return text
    if len(text) > size:
        text = text[:size] if name == "time" else text[: size - 1] + "…"
    return (text.rjust(size) if name in ("frame", "time") else text.ljust(size)) + GAP


def widths(model: Inspected, terminal: int) -> list[tuple[str, int]]:
    """The columns of the list and their widths, in a terminal of so many columns; 0 takes the rest."""
    sizes = [model.width(name) for name in model.columns]
    if terminal < FEW:
        few = model.times_form.times in ("relative", "delta")
        sizes = [
            size if name == "time" and not few else min(size, NARROW.get(name, size))
            for name, size in zip(model.columns, sizes, strict=True)
        ]
    return [*zip(model.columns, (*sizes[:-1], 0), strict=True)]


def heading(model: Inspected, terminal: int = FEW) -> str:
    """The names of the columns above the list."""
    return " " + "".join(_cell(name, name, size) for name, size in widths(model, terminal))


def legend() -> Text:
    """What the colours of rows say."""
    out = Text("rows: ", no_wrap=True)
    for state in STATES:
        out.append(f" {state} ", ROWS[state])
        out.append(" ")
    return out
