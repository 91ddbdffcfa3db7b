"""Frames that are in memory already, as a capture: what the simulated home heard, or what a program made.

Strategy: blocks are made of the frames themselves; nothing is written and read again. What is known of a frame besides
its octets is believed, but for a check sequence that is there: it is checked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Protocol, cast, runtime_checkable

from captures.block import BLOCK_FRAMES, FrameBlock, TrailerKind
from captures.capture import Capture
from captures.encapsulations import Unwrapper
from captures.files.losses import Losses
from captures.files.records import Facts, Interface, Reader
from captures.files.source import Source
from captures.frame import CapturedFrame, block_of, captured_frames

__all__ = ["CapturedFrame", "FrameSource", "Frames", "MemoryCapture", "frames_of"]

WITH_FCS, WITHOUT_FCS = 195, 230


@runtime_checkable
class FrameSource(Protocol):
    """What has frames in memory, such as a simulated home.

    Attributes:
        name: how tables call it.
        names: names of devices by EUI-64.
    """

    name: str

    @property
    def names(self) -> Mapping[int, str]: ...

    def captured(self) -> Iterator[CapturedFrame]:
        """The frames, in their order; as often as asked for."""


class Frames:
    """Frames of any origin as a source."""

    def __init__(
        self,
        frames: Iterable[CapturedFrame | FrameBlock],
        name: str = "frames",
        names: Mapping[int, str] | None = None,
    ) -> None:
        self.name = name
        self.names: Mapping[int, str] = names or {}
        self._frames = [
            one
            for part in frames
            for one in (captured_frames(part) if isinstance(part, FrameBlock) else (part,))
        ]

    def captured(self) -> Iterator[CapturedFrame]:
        return iter(self._frames)


def frames_of(source: Any) -> FrameSource | None:
    """`source` as frames in memory; None when it is a path or a file.

    Raises:
        TypeError: it is neither, nor frames.
    """
    if isinstance(source, str | bytes) or hasattr(source, "read") or hasattr(source, "__fspath__"):
        return None
    if isinstance(source, FrameSource):
        return source
    frames = list(source)
    strange = [one for one in frames if not isinstance(one, CapturedFrame | FrameBlock)]
    if strange:
        raise TypeError(f"a capture is a path, a file, frames or a network, not {type(strange[0]).__name__}")
    return Frames(frames)


class MemoryCapture(Capture):
    """Frames in memory, opened: as any `Capture`, to be iterated once."""

    def __init__(self, source: FrameSource) -> None:
        self.source = cast(Source, _NoFile(source.name))
        self.name = source.name
        self.format = "frames"
        facts = Facts()
        facts.name(dict(source.names))
        self._reader = cast(Reader, _Described(facts))
        self._unwrapper = Unwrapper()
        self._blocks = self._made(source.captured(), facts)
        self.clocks: list[dict[str, Any]] = []

    def _made(self, frames: Iterator[CapturedFrame], facts: Facts) -> Iterator[FrameBlock]:
        count = 0
        while part := list(islice(frames, BLOCK_FRAMES)):
            for frame in part:
                while len(facts.interfaces) <= frame.interface:
                    facts.describe(Interface(_link_type(frame)))
            block = block_of(part, count + 1, [_link_type(frame) for frame in part])
            self._unwrapper.check(block)
            count += len(part)
            yield block


def _link_type(frame: CapturedFrame) -> int:
    if frame.link_type is not None:
        return frame.link_type
    return WITHOUT_FCS if frame.trailer is TrailerKind.ABSENT else WITH_FCS


class _NoFile:
    """What stands for a file where there is none."""

    size = None
    position = 0

    def __init__(self, name: str) -> None:
        self.name = name
        self.lost = Losses()

    def close(self) -> None:
        """There is nothing to close."""


class _Described:
    def __init__(self, facts: Facts) -> None:
        self.facts = facts
