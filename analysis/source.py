"""A capture that can be read twice: files are opened again, streams are kept on disk while they pass."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from pathlib import Path
from typing import IO, Any, cast

from captures import Capture, open_capture

__all__ = ["Replay", "Source"]

Source = str | os.PathLike[str] | IO[bytes]
"""A path, ``-`` for stdin, or an open binary file."""

HELD = 64 * 1024 * 1024
"""Octets of a stream that are held in memory; what exceeds them goes to a temporary file."""


class Replay:
    """Opens `source` as often as needed. A stream is spooled the first time, and read from the spool after.

    Args:
        source: path, ``-``, or open binary file.
        once: never to be read again: streams are not copied.
    """

    def __init__(self, source: Source, *, once: bool = False) -> None:
        self.source = source
        self.once = once
        self._spool: tempfile.SpooledTemporaryFile[bytes] | None = None
        self._stream: Any = None
        self._start: int | None = None

    @property
    def name(self) -> str:
        """How the tables call it."""
        if isinstance(self.source, str | os.PathLike):
            return "stdin" if os.fspath(self.source) == "-" else os.fspath(self.source)
        return str(getattr(self.source, "name", "stream"))

    @property
    def path(self) -> Path | None:
        """Where it lies, when it is a file."""
        if isinstance(self.source, str | os.PathLike) and not _is_stream(self.source):
            return Path(self.source)
        return None

    def __enter__(self) -> Replay:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self) -> Capture:
        """The capture, from its start.

        Raises:
            CaptureError: as `captures.open_capture`.
        """
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
