"""A capture that is still being made: a pipe, a file that grows, or a sniffer, as blocks that come soon.

Strategy: everything is read as a capture is (`captures.open_capture`), in a thread of its own. A file that grows is
copied into a pipe as it does, and a sniffer's frames are written into one: so there is one way in, and blocks have what
files tell. Whoever takes the blocks gets what has come meanwhile as one: a block is closed by its size, or some time
after its first frame, whichever comes first. A slow taker holds up a pipe, as pipes do. It never holds up what a sniffer
records into a file: then frames are left out of what is given here, and counted.
"""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import IO, Any, NamedTuple

from captures.block import BLOCK_FRAMES, FrameBlock, cut, joined
from captures.capture import CaptureFacts, open_capture
from captures.errors import CaptureMissing
from captures.frame import CapturedFrame
from captures.sniffers.recorder import Recording, Ring, record, with_losses_told
from captures.sniffers.source import Sniffer
from captures.steadying import Steady
from captures.writer import CaptureWriter
from dissectors import Key

__all__ = ["LiveBlock", "LiveCapture"]

LATENCY = 0.1
"""Seconds after its first frame at which a block is closed."""
WAITING = 64
"""Blocks, as they were read, that wait to be taken."""
PIECE = 65_536
"""Octets that are copied at a time from a file that grows."""


class LiveBlock(NamedTuple):
    """Frames that came together, and what the capture said up to them: its keys, names and facts."""

    frames: FrameBlock
    secrets: list[Key]
    names: dict[int, str]
    facts: CaptureFacts


class LiveCapture:
    """A source of frames of which no end is known; its blocks are to be iterated once.

    Args:
        source: path of a FIFO, or of a file that grows; ``-``; an open stream that has a descriptor; or a sniffer.
        latency: seconds after its first frame at which a block is closed.
        frames: at which a block is closed.
        record_to: file into which a sniffer's frames go before they are given here.
        ring: when to begin the next such file (`captures.sniffers.recorder.Ring`).

    Attributes:
        name: how messages call it.
        dropped: frames that were recorded, but came too fast to be given here.
    """

    def __init__(
        self,
        source: str | os.PathLike[str] | IO[bytes] | Sniffer,
        *,
        latency: float = LATENCY,
        frames: int = BLOCK_FRAMES,
        record_to: Path | None = None,
        ring: Ring | None = None,
    ) -> None:
        path = os.fspath(source) if isinstance(source, str | os.PathLike) else getattr(source, "name", None)
        self.name = "stdin" if path == "-" else path if isinstance(path, str) else "stream"
        self.latency, self.frames = latency, frames
        self.dropped = 0
        self._source, self._record_to, self._ring = source, record_to, ring
        self._waiting: Queue[LiveBlock | None] = Queue(WAITING)
        self._stopped, self._left = Event(), Event()
        self._error: BaseException | None = None

    def stop(self) -> None:
        """Take no more frames; `blocks` ends with what has come."""
        self._stopped.set()

    def blocks(self) -> Iterator[LiveBlock | None]:
        """What came, soon after it came; None when nothing did for a while, so that the taker can look at the clock.

        Raises:
            CaptureError: the source cannot be read at all.
        """
        self._begin(self._read, self._opened())
        more = True
        try:
            while more:
                held, more = self._gathered()
                if held:
                    last = held[-1]
                    yield last._replace(frames=joined([one.frames for one in held]))
                elif more and self._stopped.is_set():
                    break
                elif more:
                    yield None
        finally:
            self.stop()
            self._left.set()
        if self._error is not None:
            raise self._error

    def _gathered(self) -> tuple[list[LiveBlock], bool]:
        """What came until a block is to be closed, and whether more may come."""
        held: list[LiveBlock] = []
        count, closes = 0, time.monotonic() + self.latency
        while count < self.frames:
            try:
                one = self._waiting.get(timeout=max(0.0, closes - time.monotonic()))
            except Empty:
                break
            if one is None:
                return held, False
            if not held:
                closes = time.monotonic() + self.latency
            held.append(one)
            count += len(one.frames)
        return held, True

    def _opened(self) -> str | os.PathLike[str] | IO[bytes]:
        """What is to be read, after a thread was begun that fills it, where one must."""
        source = self._source
        if isinstance(source, str | os.PathLike):
            if os.fspath(source) == "-" or not Path(source).is_file():
                return source
            try:
                file = Path(source).open("rb", buffering=0)  # noqa: SIM115 - the thread closes it
            except OSError as error:
                raise CaptureMissing(self.name, None, error.strerror or str(error)) from error
            return self._piped(self._follow, file)
        if hasattr(source, "frames"):
            return self._piped(self._sniff, source)
        return source

    def _piped(self, fill: Callable[[Any, IO[bytes]], None], source: Any) -> IO[bytes]:
        """The end of a pipe to read from; a thread fills the other one from `source`."""
        ours, theirs = os.pipe()
        self._begin(fill, source, os.fdopen(theirs, "wb", buffering=0))
        return os.fdopen(ours, "rb", buffering=0)

    def _begin(self, deed: Callable[..., None], *given: Any) -> None:
        """Do something in a thread of its own; the first error is kept for whoever takes the blocks."""

        def done() -> None:
            try:
                deed(*given)
            except BrokenPipeError:
                pass  # nobody reads any more
            except BaseException as error:
                self._error = self._error or error

        Thread(target=done, name="hanscope live", daemon=True).start()

    def _read(self, source: str | os.PathLike[str] | IO[bytes]) -> None:
        """Read it as a capture, and let its blocks wait to be taken."""
        try:
            with open_capture(source, name=self.name) as capture:
                capture.pass_through(Steady(capture.warnings))
                for block in capture:
                    if self._left.is_set():
                        return
                    said = list(capture.secrets), dict(capture.names), capture.facts
                    for at in range(0, len(block), self.frames):
                        self._put(LiveBlock(joined([cut(block, at, at + self.frames)]), *said))
        finally:
            self._put(None)

    def _put(self, block: LiveBlock | None) -> None:
        while not self._left.is_set():
            with suppress(Full):
                self._waiting.put(block, timeout=self.latency)
                return

    def _follow(self, file: IO[bytes], pipe: IO[bytes]) -> None:
        """Copy a file as it grows, until it shrinks or nobody reads."""
        at = 0
        with file, pipe:
            while not self._stopped.is_set() and os.fstat(file.fileno()).st_size >= at:
                piece = file.read(PIECE)
                if piece:
                    at += len(piece)
                    pipe.write(piece)
                else:
                    time.sleep(self.latency / 2)

    def _sniff(self, sniffer: Sniffer, pipe: IO[bytes]) -> None:
        """Write what a sniffer hears into the pipe, and first of all into its file, if there is one."""
        with pipe:
            target: Path | IO[bytes] = pipe if self._record_to is None else self._record_to
            heard = None if self._record_to is None else _Shown(self, pipe).heard
            record(sniffer, target, ring=self._ring, stop=self._stopped.is_set, heard=heard)


class _Shown:
    """Writes frames that are recorded elsewhere into a pipe, as long as there is room in it."""

    def __init__(self, live: LiveCapture, pipe: IO[bytes]) -> None:
        self._live, self._pipe = live, pipe
        self._octets = io.BytesIO()
        self._writer = CaptureWriter(self._octets, interface=live.name)
        pipe.write(self._octets.getvalue())  # the head of a capture, for which an empty pipe has room
        os.set_blocking(pipe.fileno(), False)

    def heard(self, frame: CapturedFrame, _recording: Recording) -> None:
        """A frame that is safe in its file. A write of so few octets is done whole or not at all."""
        self._octets.seek(0)
        self._octets.truncate()
        self._writer.write(with_losses_told(frame))
        try:
            done = self._pipe.write(self._octets.getvalue())
        except BrokenPipeError:
            return  # nobody looks any more
        self._live.dropped += done is None
