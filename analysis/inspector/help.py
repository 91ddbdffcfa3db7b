"""The keys of the inspector, as a page over it."""

from __future__ import annotations

from typing import ClassVar

from rich.console import Group
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from analysis.inspector.packet_list import legend

__all__ = ["Help"]

ROWS = (
    ("Packets", "j k g G", "next, previous, first, last (arrows, home, end; ctrl+d ctrl+u a page)"),
    ("", "m  ] [", "mark it; the next, the one before of those marked or noted"),
    ("", "c  C", "note it, kept beside the capture; write a copy with notes as comments"),
    ("Panes", "tab  enter", "the next pane (shift+tab: the one before); from the list to the tree"),
    ("Tree", "h l space", "fold, unfold; the octets of the chosen field are lit"),
    ("", "< >", "the buffer before, the next: opened octets are tabs"),
    ("Filter", "f", "green: understood; red: not, and why; escape empties it, such as"),
    ("", "", 'protocol == ZCL and summary contains "Report"'),
    ("", "", "rssi < -80 or nwk_radius in (1, 2) and not security == ok"),
    ("Search", "/  n N", "text in any column; the next match, the one before"),
    ("Go to", ":", "1380, message 13, exchange 7, 12:30, 90s (after the first frame)"),
    ("Findings", "w", "what the rules say; enter: its first packet (! a finding names it)"),
    ("Follow", "F", "a ladder of the exchange it belongs to; enter: a step's packet"),
    ("List", "v  t", "which columns it has; times: seconds, differences, UTC, local"),
    ("Captures", "o O", "the next, the one before, where several were given"),
    ("Wireshark", "W", "opens it at this packet, with the filter where it has such a one"),
    ("Leave", "q", "escape closes a box or a pane first"),
)


class Help(ModalScreen[None]):
    """The keys."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark", "app.pop_screen", "close"),
        Binding("j,down", "scroll(1)", "down", show=False),
        Binding("k,up", "scroll(-1)", "up", show=False),
    ]
    CSS = """
    Help { align: center middle; }
    #help { width: 98; max-width: 100%; height: auto; max-height: 100%; padding: 0 1; border: round $accent;
        background: $surface; }
    """

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="help"):
            yield Static(Group(_table(), Text(), legend()))

    def action_scroll(self, by: int) -> None:
        """Some lines further, where the terminal is low."""
        self.query_one("#help", VerticalScroll).scroll_relative(y=by, animate=False)


def _table() -> Table:
    table = Table.grid(padding=(0, 2))
    for what, keys, says in ROWS:
        table.add_row(Text(what, "bold"), Text(keys), Text(says))
    return table
