"""A capture that can be read twice: files are opened again, streams are kept on disk while they pass, frames in memory
stay where they are."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import tempfile
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import IO, Any, cast

from captures import Capture, CapturedFrame, FrameBlock, open_capture
from captures.memory import FrameSource, MemoryCapture, frames_of
from captures.merging import Merging, find_merging, merged, several_interfaces
from captures.steadying import Steady

__all__ = ["ReopenableSource", "Source"]

Source = str | os.PathLike[str] | IO[bytes] | FrameSource | Iterable[CapturedFrame | FrameBlock]
"""A path, ``-`` for stdin, an open binary file; or what is in memory: a simulated network, frames, blocks."""

LOOKED_AT = 1024 * 1024
"""Octets at the beginning of a file in which interfaces are looked for."""
HELD = 64 * 1024 * 1024
"""Octets of a stream that are held in memory; what exceeds them goes to a temporary file."""


class ReopenableSource:
    """Opens `source` as often as needed. A stream is spooled the first time, and read from the spool after.

    Args:
        source: path, ``-``, open binary file, a network, or frames.
        once: never to be read again: streams are not copied.
        apart: every record counts, in the order of the file, also where several interfaces hear one network.
        name: how the tables call it, where that is not its path.
    """

    def __init__(
        self, source: Source, *, once: bool = False, apart: bool = False, name: str | None = None
    ) -> None:
        self._name = name
        self.frames = frames_of(source)
        self.source: Any = source
        self.once = once
        self.apart = apart
        self._spool: tempfile.SpooledTemporaryFile[bytes] | None = None
        self._stream: Any = None
        self._start: int | None = None
        self._merging: Merging | None = None
        self._looked = False

    @property
    def name(self) -> str:
        """How the tables call it."""
        if self._name is not None:
            return self._name
        if isinstance(self.source, str | os.PathLike):
            return "stdin" if os.fspath(self.source) == "-" else os.fspath(self.source)
        return str(getattr(self.frames or self.source, "name", "stream"))

    @property
    def path(self) -> Path | None:
        """Where it lies, when it is a file."""
        if isinstance(self.source, str | os.PathLike) and not _is_stream(self.source):
            return Path(self.source)
        return None

    def __enter__(self) -> ReopenableSource:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self) -> Capture:
        """The capture, from its start.

        Raises:
            CaptureError: as `captures.open_capture`.
        """
        if self.frames is not None:
            return MemoryCapture(self.frames)
        if self._stream is not None:
            return self._copied(self._stream)
        if isinstance(self.source, str | os.PathLike):
            if not _is_stream(self.source):
                return open_capture(self.source)
            if self.once:
                return open_capture(self.source)
            stream: Any = sys.stdin.buffer if os.fspath(self.source) == "-" else None
            return self._copied(stream or Path(self.source).open("rb", buffering=0))
        if _seekable(self.source):
            if self._start is None:
                self._start = self.source.tell()
            self.source.seek(self._start)
            return open_capture(_kept(self.source), name=self.name)
        return open_capture(self.source, name=self.name) if self.once else self._copied(self.source)

    def open_merged(self) -> Capture:
        """As `open`, with steady times (`captures.steadying`); where several interfaces hear one network, as one stream:
        doubles marked, times on one clock. A stream that cannot be read twice has no such interfaces.
        """
        if self.apart:
            return self.open()
        if not self._looked:
            self._looked = True
            if self._several():
                self._merging = find_merging(self._open_steady)
        capture = self._open_steady()
        if self._merging is not None:
            found = self._merging
            capture.pass_through(partial(merged, doubles=found.doubles, ranks=found.ranks), found.text())
            capture.clocks = [fit.to_json() for fit in found.doubles.fits]
        return capture

    def _several(self) -> bool:
        """Whether more than one interface recorded it."""
        if self.frames is not None:
            return len({frame.interface for frame in self.frames.captured()}) > 1
        return several_interfaces(self._head())

    def _open_steady(self) -> Capture:
        capture = self.open()
        capture.pass_through(Steady(capture.warnings))
        return capture

    @property
    def merging(self) -> Merging | None:
        """How several interfaces were made one stream; None when they were not."""
        return self._merging

    def _head(self) -> bytes:
        """The first octets of a file; none of a stream."""
        if self.path is not None:
            try:
                with self.path.open("rb") as file:
                    return file.read(LOOKED_AT)
            except OSError:
                return b""
        if isinstance(self.source, str | os.PathLike) or not _seekable(self.source):
            return b""
        at = self.source.tell() if self._start is None else self._start
        self.source.seek(at)
        head: bytes = self.source.read(LOOKED_AT)
        self.source.seek(at)
        return head

    def digest(self) -> tuple[int | None, str | None]:
        """Number of octets and SHA-256 of all that there is; None for what was not kept."""
        try:
            if self.path is not None:
                with self.path.open("rb") as whole:
                    return self.path.stat().st_size, hashlib.file_digest(whole, "sha256").hexdigest()
            file: Any = self._spool or (self.source if self._start is not None else None)
            if file is None:
                return None, None
            at = file.tell()
            file.seek(self._start or 0)
            found = hashlib.file_digest(file, "sha256").hexdigest()
            octets = file.tell() - (self._start or 0)
            file.seek(at)
            return octets, found
        except (OSError, ValueError):
            return None, None

    def close(self) -> None:
        """Give the spool back."""
        if self._spool is not None:
            self._spool.close()

    def _copied(self, stream: IO[bytes]) -> Capture:
        self._stream = stream
        if self._spool is None:
            self._spool = tempfile.SpooledTemporaryFile(max_size=HELD)  # noqa: SIM115
        return open_capture(cast(IO[bytes], _Spooled(stream, self._spool)), name=self.name)


class _Spooled:
    """A stream from its start: what was read of it before is in the spool, and what is read now goes there."""

    def __init__(self, stream: Any, spool: Any) -> None:
        self._read = getattr(stream, "read1", stream.read)
        self._stream = stream
        self._spool = spool
        self._at = 0

    def read(self, size: int = -1, /) -> bytes:
        self._spool.seek(self._at)
        piece: bytes = self._spool.read(size)
        if not piece:  # a reading may have been given up before the stream's end
            piece = self._read(size) or b""
            self._spool.write(piece)
        self._at += len(piece)
        return piece

    def fileno(self) -> int:
        descriptor: int = self._stream.fileno()
        return descriptor


class _Kept:
    """A file that stays open when its capture is closed."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def read(self, size: int = -1, /) -> bytes:
        piece: bytes = self._file.read(size)
        return piece


def _kept(file: Any) -> IO[bytes]:
    return cast(IO[bytes], _Kept(file))


def _is_stream(path: str | os.PathLike[str]) -> bool:
    if os.fspath(path) == "-":
        return True
    try:
        return not stat.S_ISREG(Path(path).stat().st_mode) and not Path(path).is_dir()
    except OSError:
        return False


def _seekable(file: Any) -> bool:
    try:
        return bool(file.seekable())
    except AttributeError:
        return False
