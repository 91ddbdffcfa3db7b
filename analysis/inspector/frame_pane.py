"""A pane of lines, each of which may lead to a frame."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from dissectors.text import printable

__all__ = ["FramePane"]


class FramePane(OptionList):
    """One entry a line; to choose one asks for its frame."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", "down", show=False),
        Binding("k", "cursor_up", "up", show=False),
    ]

    class Wanted(Message):
        """The packet of this frame number is wanted."""

        def __init__(self, frame: int) -> None:
            super().__init__()
            self.frame = frame

    frames: tuple[int | None, ...] = ()

    def put_lines(self, lines: Iterable[tuple[Text, int | None]]) -> None:
        """Show these, each with the frame that it leads to."""
        listed = [*lines]
        self.frames = tuple(frame for _, frame in listed)
        self.clear_options()
        self.add_options([Option(text, disabled=frame is None) for text, frame in listed])
        self.highlighted = next((place for place, frame in enumerate(self.frames) if frame is not None), None)

    def wait(self, words: str) -> None:
        """Say that they are not there yet, or why they never will be."""
        self.put_lines([(Text(printable(words)), None)])

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        frame = self.frames[event.option_index]
        if frame is not None:
            self.post_message(self.Wanted(frame))
