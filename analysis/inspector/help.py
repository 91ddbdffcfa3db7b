"""The keys of the inspector, as a page over it."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets import Static

from analysis.inspector.packet_list import legend

__all__ = ["Help"]

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
[b]Notes[/b]       c                note it, kept beside the capture    C   a copy with notes as comments
[b]Findings[/b]    w                what the rules say; enter: its first packet (! a finding names it)
[b]Follow[/b]      F                a ladder of the exchange that the packet belongs to; enter: a step's packet
[b]Columns[/b]     v                which columns the list has      t     times: seconds, differences, UTC, local
[b]Captures[/b]    o O              the next, the one before, where several were given
[b]Wireshark[/b]   W                opens it at this packet, with the filter where Wireshark has such a one
[b]Leave[/b]       q                escape closes a box, then empties the filter

"""


class Help(ModalScreen[None]):
    """The keys."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,question_mark", "app.pop_screen", "close")]
    CSS = """
    Help { align: center middle; }
    #help { width: 92; height: auto; padding: 1 2; border: round $accent; background: $surface; }
    """

    def compose(self) -> ComposeResult:
        yield Static(Text.assemble(Text.from_markup(HELP), legend()), id="help")
