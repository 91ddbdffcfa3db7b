"""A capture that arrives through a pipe: whsniff, tcpdump, zigpy-cli, any extcap, another hanscope."""

from __future__ import annotations

from collections.abc import Iterator

from captures.capture import open_capture
from captures.frame import CapturedFrame, captured_frames

__all__ = ["PipeSniffer"]


class PipeSniffer:
    """pcap or pcapng from a FIFO, a file or standard input (``-``)."""

    def __init__(self, path: str) -> None:
        self.name = "standard input" if path == "-" else path
        self._path = path

    def frames(self) -> Iterator[CapturedFrame | None]:
        """Frames until the pipe is closed at the other end. Records that are no radio frames are left out."""
        with open_capture(self._path) as self._capture:
            for block in self._capture:
                yield from (frame for frame in captured_frames(block) if frame.link_type is None)
                yield None

    def close(self) -> None:
        """The capture closes itself when its frames are through."""
