"""Messages that somebody asked for, by their number or by a frame that carried a part of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from dissectors import Message

__all__ = ["KeptMessage", "KeptMessages"]


class KeptMessage(NamedTuple):
    """A message of a capture.

    Attributes:
        message: its number in the table `messages`; None where that table was not asked for.
        frames: numbers of the frames that carried it.
        time_ns: time of the last of them; None where the capture has none.
        content: what it says.
    """

    message: int | None
    frames: tuple[int, ...]
    time_ns: int | None
    content: Message


@dataclass(slots=True, eq=False, repr=False)
class KeptMessages:
    """What a session keeps for whoever shows it.

    Attributes:
        numbers: numbers of messages that are wanted.
        frames: numbers of frames all of whose messages are wanted.
        found: those of them that came, in order.
    """

    numbers: set[int] = field(default_factory=set)
    frames: set[int] = field(default_factory=set)
    found: list[KeptMessage] = field(default_factory=list)

    def note(self, one: KeptMessage) -> None:
        """Keep a message that is wanted."""
        if one.message in self.numbers or not self.frames.isdisjoint(one.frames):
            self.found.append(one)

    def of(self, frame: int, repeated: int | None = None) -> list[KeptMessage]:
        """The messages that `frame` carried a part of, or whose number is that of the one that it `repeated`."""
        return [one for one in self.found if frame in one.frames or (repeated and one.message == repeated)]
