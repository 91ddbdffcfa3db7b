"""Octets of a capture: from a path, stdin, a FIFO or an open file; plain or compressed.

Strategy: `Source.readinto` gives what is there now (a FIFO's writer may pause for minutes), so a reader
can hand on whole records without waiting for a full buffer. `Window` keeps the unread octets in a buffer
with `PADDING` zero octets at both ends; each refill makes a new buffer, since the blocks that were
handed out are views over the old one.
"""

from __future__ import annotations

import io
import os
import select
import stat
import sys
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
import numpy.typing as npt

from captures.block import PADDING, Lost
from captures.errors import CaptureMissing
from captures.files.losses import Losses

__all__ = ["CHUNK", "Input", "Source", "Window", "open_input"]

CHUNK = 2 * 1024 * 1024
"""Octets of a buffer: about one block of 32 Ki radio frames, and small enough for a CPU's cache."""

Input = str | os.PathLike[str] | IO[bytes]


class Octets(Protocol):
    """What a source reads from: raw file, open file, or a decompressor over one of them."""

    def read(self, size: int, /) -> bytes | None: ...


class Source:
    """The (decompressed) octets of one capture.

    Attributes:
        name: how messages call it.
        path: where it lies, when it is a regular file.
        size: octets on disk (compressed, when it is); None when unknown.
    """

    def __init__(
        self,
        octets: Octets,
        name: str,
        path: Path | None = None,
        size: int | None = None,
        under: Source | None = None,
    ) -> None:
        self.octets = octets
        self.name = name
        self.path = path
        self.size = size
        self.taken = 0  # octets taken from the raw file, for progress
        self.under = under  # the compressed source that this one unfolds
        self.lost: Losses = under.lost if under else Losses()
        self.live: int | None = under.live if under else _live(octets)
        self._head = b""

    def peek(self, count: int) -> bytes:
        """The first `count` octets (fewer at the end), which stay unread."""
        while len(self._head) < count:
            piece = self._read(count - len(self._head))
            if not piece:
                break
            self._head += piece
        return self._head

    def read(self, size: int) -> bytes:
        """At least one octet and at most `size`, as soon as there are some; nothing at the end."""
        if self._head:
            piece, self._head = self._head[:size], self._head[size:]
            return piece
        return self._read(size)

    def readinto(self, memory: memoryview) -> int:
        """Like `read`, into `memory`; the number of octets."""
        readinto = getattr(self.octets, "readinto", None)
        if self._head or readinto is None:
            piece = self.read(len(memory))
            memory[: len(piece)] = piece
            return len(piece)
        try:
            count = int(readinto(memory) or 0)
        except OSError as error:
            self.lost.append(Lost(self.taken, f"reading stopped: {error.strerror or error}"))
            return 0
        self.taken += count
        return count

    def read_all(self, limit: int) -> bytes:
        """The rest, `limit` octets at most."""
        pieces = []
        while limit > 0 and (piece := self.read(min(limit, CHUNK))):
            pieces.append(piece)
            limit -= len(piece)
        return b"".join(pieces)

    def waiting(self) -> bool:
        """False when the next read of a live source would wait."""
        if self.live is None or self._head:
            return True
        return bool(select.select([self.live], [], [], 0)[0])

    def close(self) -> None:
        close = getattr(self.octets, "close", None)
        if close is not None:
            close()

    def _read(self, size: int) -> bytes:
        try:
            piece = self.octets.read(size) or b""
        except OSError as error:
            self.lost.append(Lost(self.taken, f"reading stopped: {error.strerror or error}"))
            return b""
        self.taken += len(piece)
        return piece

    @property
    def position(self) -> int:
        """Octets taken from the file so far (compressed ones, when it is), to be held against `size`."""
        return self.under.position if self.under else self.taken


def _live(octets: Any) -> int | None:
    """The file descriptor, when a read from it may wait for a writer."""
    try:
        descriptor = octets.fileno()
        mode = os.fstat(descriptor).st_mode
    except (AttributeError, OSError, ValueError):
        return None
    waits = stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or stat.S_ISCHR(mode)
    return int(descriptor) if waits else None


def open_input(target: Input, name: str | None = None) -> Source:
    """Open a path, ``-`` (stdin) or an open binary file, without decompressing.

    Raises:
        CaptureMissing: it is not there, is a folder, or may not be read.
    """
    if not isinstance(target, str | os.PathLike):
        return Source(_unbuffered(target), name or str(getattr(target, "name", "stream")))
    if os.fspath(target) == "-":
        return Source(_unbuffered(sys.stdin.buffer), name or "stdin")
    path, called = Path(target), name or os.fspath(target)  # a `Path` makes https:/ of https://
    try:
        octets = path.open("rb", buffering=0)
        info = os.fstat(octets.fileno())
    except (OSError, ValueError) as error:  # a zero octet in a name is a ValueError
        text = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise CaptureMissing(called, None, text, _way_out(called, error)) from error
    regular = stat.S_ISREG(info.st_mode)
    return Source(octets, called, path if regular else None, info.st_size if regular else None)


def _way_out(called: str, error: Exception) -> str:
    """What to do about a file that cannot be opened; empty when there is nothing to say."""
    if "://" in called:
        return "nothing is fetched from a network: download the file, and name it"
    return "is the path right?" if isinstance(error, FileNotFoundError) else ""


def _unbuffered(file: Any) -> Octets:
    """A reader whose `read` returns what is there: `read1` of a buffered file, or the file itself."""
    if isinstance(file, io.BufferedReader):
        return _Once(file)
    found: Octets = file
    return found


class _Once:
    """`read` as one call of the system, not as many as fill the size."""

    def __init__(self, file: io.BufferedReader) -> None:
        self.file = file
        self.read = file.read1

    def fileno(self) -> int:
        return self.file.fileno()


class Window:
    """The unread octets of a source: ``memory[begin:end]``, of which the first lies at offset `base`.

    `octets` is the same memory as an array. Both stay valid after the next `fill`, which makes new ones.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.memory = bytearray(2 * PADDING)
        self.octets: npt.NDArray[np.uint8] = np.frombuffer(self.memory, np.uint8)
        self.begin = self.end = PADDING
        self.base = 0
        self.ended = False

    def __len__(self) -> int:
        return self.end - self.begin

    def offset(self, index: int) -> int:
        """The offset in the capture of ``memory[index]``."""
        return self.base + index - self.begin

    def advance(self, index: int) -> None:
        """Everything before ``memory[index]`` has been read."""
        self.base += index - self.begin
        self.begin = index

    def fill(self, need: int = 1) -> bool:
        """True when at least `need` unread octets are there, if need be after taking more of them."""
        have = len(self)
        if self.ended or have >= need:
            return have >= need
        memory = bytearray(2 * PADDING + max(have + CHUNK, need))
        memory[PADDING : PADDING + have] = memoryview(self.memory)[self.begin : self.end]
        end, stop = PADDING + have, len(memory) - PADDING
        while end < stop and (end - PADDING < need or end == PADDING + have or self.source.waiting()):
            count = self.source.readinto(memoryview(memory)[end:stop])
            if not count:
                self.ended = True
                break
            end += count
        self.memory, self.begin, self.end = memory, PADDING, end
        self.octets = np.frombuffer(memory, np.uint8)
        return len(self) >= need
