"""The captures that a command line means: files, folders, patterns, URLs of fsspec, and ``-`` for stdin."""

from __future__ import annotations

import glob
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from captures import CaptureError

if TYPE_CHECKING:
    from analysis.pipeline.source import ReopenableSource

__all__ = ["meant", "name_of", "opened", "stem_of"]

URL = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*(::[^/]+)?://")
ENDINGS = re.compile(r"\.(pcap|pcapng|ntar|cap|dcf|psd|isd|cubx|ubiqua)(\.(gz|zst|lz4))?$", re.IGNORECASE)
"""Names of captures, where a whole folder is meant."""
WILD = "*?["


def meant(words: Sequence[str]) -> Iterator[str | CaptureError]:
    """The captures that some words mean, each once, in their order; for a word that means none, why.

    A folder means the captures in it and in its folders, a pattern the files that fit; both in order of their names.
    """
    seen: set[str] = set()
    for word in words:
        try:
            found = _of_url(word) if URL.match(word) else _of_path(word)
        except CaptureError as error:
            yield error
            continue
        for one in found:
            if one not in seen or one == word:  # who names a file twice wants it twice
                seen.add(one)
                yield one


def _of_path(word: str) -> list[str]:
    path = Path(word)
    if word != "-" and path.is_dir():
        inside = sorted(one for one in path.rglob("*") if ENDINGS.search(one.name) and one.is_file())
        if not inside:
            raise CaptureError(
                word, None, "a folder without a capture", "captures end in .pcapng, .pcap, .dcf ..."
            )
        return [os.fspath(one) for one in inside]
    if not any(sign in word for sign in WILD) or path.exists():
        return [word]
    fitting = sorted(one for one in glob.glob(word, recursive=True) if not Path(one).is_dir())  # noqa: PTH207
    if not fitting:
        raise CaptureError(word, None, "no file has such a name")
    return fitting


def _of_url(word: str) -> list[str]:
    from analysis.fleet.locations import FleetError, inside, located, shown

    try:
        fs, path = located(word)
        files = inside(fs, path, ENDINGS.search)
    except FleetError as error:
        raise CaptureError(shown(word), None, _said(error), error.hint) from None
    except Exception as error:  # whatever a file system of somebody else raises
        raise CaptureError(shown(word), None, f"cannot be reached: {type(error).__name__}") from None
    if files is None:
        return [word]
    if not files:
        raise CaptureError(shown(word), None, "no capture there")
    return [str(fs.unstrip_protocol(one)) for one in sorted(one["name"] for one in files)]


def _said(error: Exception) -> str:
    return "URLs need fsspec" if "fsspec, dask" in str(error) else str(error).rpartition(": ")[2]


def name_of(capture: str) -> str:
    """What people are told of a capture: its path, or its URL without user and query."""
    if not URL.match(capture):
        return capture
    from analysis.fleet.locations import shown

    return shown(capture)


def stem_of(capture: str) -> str:
    """The name of a capture's file without its endings, for the names of what is written about it."""
    return Path(name_of(capture).rstrip("/")).name.split(".")[0] or "capture"


@contextmanager
def opened(capture: str, *, apart: bool = False) -> Iterator[ReopenableSource]:
    """A capture, to be read as often as needed; of a URL a copy on this machine, for as long as that takes.

    Raises:
        CaptureError: a URL cannot be fetched.
    """
    from analysis.pipeline.source import ReopenableSource

    if not URL.match(capture):
        with ReopenableSource(capture, apart=apart) as replay:
            yield replay
        return
    with tempfile.TemporaryDirectory(
        prefix="hanscope-"
    ) as folder:  # Windows opens no file twice that goes by itself
        place = Path(folder) / (Path(name_of(capture)).name or "capture")
        with place.open("wb") as copy:
            _fetch(capture, copy)
        with ReopenableSource(place, apart=apart, name=name_of(capture)) as replay:
            yield replay


def _fetch(capture: str, copy: IO[bytes]) -> None:
    from analysis.fleet.locations import FleetError, located

    try:
        fs, path = located(capture)
        with fs.open(path, "rb") as file:
            shutil.copyfileobj(file, copy)
        copy.flush()
    except FleetError as error:
        raise CaptureError(name_of(capture), None, _said(error), error.hint) from None
    except FileNotFoundError:
        raise CaptureError(name_of(capture), None, "No such file") from None
    except Exception as error:  # whatever a file system of somebody else raises
        raise CaptureError(name_of(capture), None, f"cannot be fetched: {type(error).__name__}") from None
