"""Messages that a capture carried in blocks (GBT), while blocks are missing."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from analysis.pipeline.session import Session
from dissectors import Message
from dissectors.model import Origin, origins_within

__all__ = ["Joined", "Streams"]

OPEN_STREAMS = 1024
"""Messages of which blocks are missing."""
FORGOTTEN = "messages in blocks (GBT) of which some were still missing were forgotten"
OPEN_OCTETS = 16 * 1024 * 1024
"""Octets of all their blocks, and what these cost besides."""
BLOCK_OCTETS = 512
"""What a block costs besides its data, about."""


class Joined(NamedTuple):
    """A message put together from blocks: which block each frame carried, and which octets."""

    octets: bytes
    carriers: dict[int, int]
    origins: tuple[Origin, ...]


@dataclass(slots=True, eq=False, repr=False)
class _Open:
    """A message of which blocks are missing: what came, which block each frame carried, octets that this costs.

    `origins` are those of the octets of each block that is kept, by its number.
    """

    stream: Any
    carriers: dict[int, int] = field(default_factory=dict)
    origins: dict[int, list[Origin]] = field(default_factory=dict)
    cost: int = 0

    def joined(self) -> Joined:
        """The message, which is whole."""
        origins: list[Origin] = []
        start, held = 0, self.stream.held
        for number in range(1, self.stream.end + 1):
            length = len(held[number].data)
            origins += origins_within(self.origins[number], 0, length, start)
            start += length
        return Joined(self.stream.octets, self.carriers, tuple(origins))


@dataclass(slots=True, eq=False, repr=False)
class Streams:
    """GBT blocks of messages that are not whole yet.

    Attributes:
        open: the messages by what their blocks have in common, the one that grew last behind the others.
        size: octets that all of them cost.
        forgotten: messages that were let go because there was too much.
    """

    open: OrderedDict[Any, _Open] = field(default_factory=OrderedDict)
    size: int = 0
    forgotten: int = 0

    def take(self, message: Message, frames: tuple[int, ...]) -> Joined | None:
        """Take in a block; with the last one that was missing, the whole message."""
        if message.kind != "gbcs" or message.facts.get("gbt_block") is None:
            return None
        from dissectors.gbcs import GbcsMessage, Stream, read_block

        assert isinstance(message, GbcsMessage)
        block = read_block(message.layout.octets)
        one = self.open.setdefault(block.key, _Open(Stream()))
        issue = one.stream.add(block)
        if one.stream.held.get(block.number) is block:
            begin = len(message.octets) - len(message.layout.octets) + block.data_offset
            one.origins[block.number] = origins_within(message.origins, begin, len(block.data))
        if issue is not None:
            message.issues.append(issue)
        one.carriers.update(dict.fromkeys(frames, block.number))
        cost = BLOCK_OCTETS + len(block.data)
        one.cost += cost
        self.size += cost
        self.open.move_to_end(block.key)
        if one.stream.complete:
            self._close(block.key)
            return one.joined()
        while len(self.open) > OPEN_STREAMS or self.size > OPEN_OCTETS:
            self._close(next(iter(self.open)))
            self.forgotten += 1
        return None

    def unfinished(self) -> Iterator[int]:
        """Numbers of the frames that carried a block of a message of which blocks are missing."""
        for one in self.open.values():
            yield from one.carriers

    def _close(self, key: Any) -> None:
        self.size -= self.open.pop(key).cost

    def tell(self, session: Session) -> None:
        """Count in the session what was forgotten since this was last asked for."""
        if self.forgotten:
            session.forgotten[FORGOTTEN] += self.forgotten
            self.forgotten = 0
