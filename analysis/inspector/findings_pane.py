"""The findings of a capture as a pane: the gravest first, each with whom it is about and where it shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from dissectors.text import printable

__all__ = ["FindingsPane", "Told"]

LOOKS = {"critical": "bold red", "error": "red", "warning": "yellow", "info": "cyan"}


class Told(NamedTuple):
    """A finding, as far as the pane shows it."""

    severity: str
    title: str
    device: str
    evidence: str
    frames: tuple[int, ...]


class FindingsPane(OptionList):
    """One entry a finding; to choose one asks for its first packet."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", "down", show=False),
        Binding("k", "cursor_up", "up", show=False),
    ]

    class Wanted(Message):
        """The packet of this frame number is wanted."""

        def __init__(self, frame: int) -> None:
            super().__init__()
            self.frame = frame

    findings: Sequence[Told] = ()

    def put(self, findings: Sequence[Told]) -> None:
        """Show these."""
        self.findings = findings
        self.clear_options()
        self.add_options(
            [Option(_line(one)) for one in findings] or [Option("the rules found nothing", disabled=True)]
        )
        if findings:
            self.highlighted = 0

    def wait(self, words: str) -> None:
        """Say that they are not there yet, or why they never will be."""
        if not self.findings:
            self.clear_options()
            self.add_option(Option(Text(printable(words)), disabled=True))

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if self.findings and self.findings[event.option_index].frames:
            self.post_message(self.Wanted(self.findings[event.option_index].frames[0]))


def _line(one: Told) -> Text:
    where = f"  frame {one.frames[0]}" if one.frames else ""
    more = f" and {len(one.frames) - 1:,} more" if len(one.frames) > 1 else ""
    said = printable(f" {one.title} ({one.device}): {one.evidence}{where}{more}")
    return Text.assemble((f"{one.severity:<8}", LOOKS.get(one.severity, "")), said)
