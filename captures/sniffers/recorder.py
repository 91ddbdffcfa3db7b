"""Writes what a sniffer hears into a capture, or a ring of them, so that nothing heard is lost.

Strategy: each frame is one complete pcapng block and goes to the operating system in one write before the
next frame is read. Whatever kills the program, the file holds every frame that was counted, and at most the
block in the making is cut. Only a failing machine can take more; `sync` guards against that too.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

from captures.block import FcsState
from captures.frame import CapturedFrame
from captures.sniffers.source import Sniffer
from captures.writer import CaptureWriter

__all__ = ["Recording", "Ring", "record", "with_losses_told"]


@dataclass(frozen=True, slots=True)
class Ring:
    """When to start the next file, and how many to keep.

    Attributes:
        octets, seconds: size and age at which a file is closed; None for no such limit.
        files: the oldest is removed when there are more; None keeps all.
    """

    octets: int | None = None
    seconds: float | None = None
    files: int | None = None


@dataclass(slots=True)
class Recording:
    """What was recorded: frames written, frames known to be lost, files in the order of their making."""

    frames: int = 0
    dropped: int = 0
    bad_fcs: int = 0
    files: list[Path] = field(default_factory=list)


@dataclass(slots=True)
class _Output:
    """The file of the moment."""

    target: Path | IO[bytes]
    ring: Ring | None
    interface: str
    recording: Recording
    kept: deque[Path] = field(default_factory=deque)
    writer: CaptureWriter | None = None
    opened: float = 0.0
    stream: IO[bytes] | None = None

    def write(self, frame: CapturedFrame) -> None:
        self.begin()
        if self._full():
            self.next()
        assert self.writer is not None and self.stream is not None
        self.writer.write(frame)
        self.writer.flush()

    def begin(self) -> None:
        """Open the first file, if none is open."""
        if self.writer is None:
            self.next()

    def _full(self) -> bool:
        ring = self.ring
        if ring is None or self.stream is None:
            return False
        old = ring.seconds is not None and time.monotonic() - self.opened >= ring.seconds
        return old or (ring.octets is not None and self.stream.tell() >= ring.octets)

    def next(self) -> None:
        """Close the file of the moment and open the next one."""
        self.close()
        if isinstance(self.target, Path):
            path = self._path(self.target)
            self.stream = path.open("wb", buffering=0)
            self.recording.files.append(path)
            self.kept.append(path)
            if self.ring is not None and self.ring.files is not None and len(self.kept) > self.ring.files:
                self.kept.popleft().unlink(missing_ok=True)
        else:
            self.stream = self.target
        self.opened = time.monotonic()
        self.writer = CaptureWriter(self.stream, interface=self.interface)
        self.writer.flush()

    def _path(self, target: Path) -> Path:
        if self.ring is None:
            return target
        stamp = time.strftime("%Y%m%d%H%M%S", time.gmtime())
        return target.with_name(f"{target.stem}_{len(self.recording.files) + 1:05d}_{stamp}{target.suffix}")

    def close(self) -> None:
        if self.writer is None:
            return
        self.writer.close()
        if self.stream is not None and self.stream is not self.target:
            os.fsync(self.stream.fileno())
            self.stream.close()
        self.writer = None


def record(
    sniffer: Sniffer,
    target: Path | IO[bytes],
    *,
    ring: Ring | None = None,
    stop: Callable[[], bool] = lambda: False,
    frames: int | None = None,
    seconds: float | None = None,
    heard: Callable[[CapturedFrame, Recording], None] | None = None,
) -> Recording:
    """Record until the sniffer ends, `stop` says so, or a limit is reached; then close the sniffer.

    Args:
        target: the file to write (a ring numbers and dates it), or an open stream such as a FIFO.
        frames, seconds: limits; None for none.
        heard: called with each frame once it is safe in the file.

    Raises:
        CaptureError: the sniffer cannot be read or the file cannot be written.
    """
    recording = Recording()
    output = _Output(target, ring, sniffer.name, recording)
    ends = None if seconds is None else time.monotonic() + seconds
    try:
        if not isinstance(target, Path):
            output.next()  # whoever reads a stream waits for its header
        for frame in sniffer.frames():
            # A file is begun when the sniffer is seen to work: a mistyped name must not cost the last recording.
            output.begin()
            if frame is not None:
                output.write(with_losses_told(frame))
                recording.frames += 1
                recording.dropped += frame.dropped
                recording.bad_fcs += frame.fcs is FcsState.BAD
                if heard is not None:
                    heard(frame, recording)
            if stop() or (frames is not None and recording.frames >= frames):
                break
            if ends is not None and time.monotonic() >= ends:
                break
        output.begin()
    except BrokenPipeError:
        pass  # Wireshark closed its end: that is how it stops a capture
    except KeyboardInterrupt:
        pass  # interrupted by the person: the recording is complete up to here
    finally:
        sniffer.close()
        with contextlib.suppress(BrokenPipeError):
            output.close()
    return recording


def with_losses_told(frame: CapturedFrame) -> CapturedFrame:
    """A frame whose comment says what else the sniffer told: losses before it, a wrong FCS that is not there."""
    comments = [frame.comment] if frame.comment else []
    if frame.dropped:
        comments.append(f"{frame.dropped} frames lost before this one")
    if frame.fcs is FcsState.BAD and not frame.trailer.octets:
        comments.append("the sniffer says that the FCS was wrong")
    return replace(frame, comment="; ".join(comments))
