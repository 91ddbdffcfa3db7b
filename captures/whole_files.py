"""Files that appear whole or not at all: written beside their place, and moved there when all of it is on disk.

Strategy: a file in the making is called ``.NAME.PID.xxxxxxxx.part``. A run that fails or is interrupted removes its own;
one that gets SIGTERM leaves as if it were interrupted (`analysis.cli`); what a killed one left is removed
by the next run that writes to the same place, since no process of that number lives any more.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

__all__ = [
    "SUFFIX",
    "abandon_file",
    "begin_file",
    "complete_file",
    "errors_about",
    "move_file",
    "remove_left_overs",
    "whole_file",
    "write_whole",
]

SUFFIX = ".part"
_PART = re.compile(r"\..*\.(\d+)\.[^.]*" + re.escape(SUFFIX))


@contextmanager
def whole_file(path: str | os.PathLike[str], *, mode: int | None = None) -> Iterator[IO[bytes]]:
    """A binary file that gets its name `path` when the block ends well; until then the old file stays as it is.

    A FIFO or a device is written to as it is: it has no second name. A symbolic link stays, and what it points to is
    written anew.

    Args:
        mode: permissions, such as 0o600 for keys; those of the file that is there, or else what the umask allows.

    Raises:
        OSError: it cannot be written, with the name of the file that was meant.
    """
    place = Path(path)
    if place.exists() and not place.is_file():
        with place.open("wb") as stream:
            yield stream
        return
    file = begin_file(place)
    try:
        with errors_about(place):
            yield file
            complete_file(file, place, mode=mode)
            move_file(file, place)
    except BaseException:
        abandon_file(file)
        raise


def write_whole(path: str | os.PathLike[str], text: str, *, mode: int | None = None) -> None:
    """Write text (UTF-8) as `whole_file` does."""
    with whole_file(path, mode=mode) as file:
        file.write(text.encode("utf-8"))


def begin_file(place: Path) -> IO[bytes]:
    """A file beside `place`, in which it is made. Left-overs of killed runs that made the same are removed.

    Raises:
        OSError: the folder is not there, or cannot be written to.
    """
    target = Path(os.path.realpath(place))
    remove_left_overs(target.parent, target.name)
    with errors_about(place):
        return tempfile.NamedTemporaryFile(
            dir=target.parent, prefix=f".{target.name}.{os.getpid()}.", suffix=SUFFIX, delete=False
        )


def complete_file(file: IO[bytes], place: Path, *, mode: int | None = None) -> None:
    """All of a file that `begin_file` made is on the disk, and it is closed; it is not in its place yet."""
    with errors_about(place):
        file.flush()
        os.fsync(file.fileno())
        file.close()
        Path(file.name).chmod(mode if mode is not None else _usual_mode(Path(os.path.realpath(place))))


def move_file(file: IO[bytes], place: Path) -> None:
    """Put a completed file into its place."""
    with errors_about(place):
        Path(file.name).replace(os.path.realpath(place))


def abandon_file(file: IO[bytes]) -> None:
    """Remove a file that `begin_file` made and that will not be finished."""
    with suppress(OSError):  # a full disk refuses even what it still held back
        file.close()
    Path(file.name).unlink(missing_ok=True)


def remove_left_overs(folder: Path, name: str) -> None:
    """Remove the unfinished files of `name` whose process is no more."""
    with suppress(OSError):
        for path in folder.glob(f".{_escaped(name)}.*{SUFFIX}"):
            found = _PART.fullmatch(path.name)
            if found is not None and not _lives(int(found[1])):
                path.unlink(missing_ok=True)


def _escaped(name: str) -> str:
    return re.sub(r"([*?[])", r"[\1]", name)


def _lives(process: int) -> bool:
    if os.name != "posix":
        return True  # no way to ask there that does no harm
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _usual_mode(target: Path) -> int:
    try:
        return target.stat().st_mode & 0o777
    except OSError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask


@contextmanager
def errors_about(place: Path) -> Iterator[None]:
    """An error about the file in the making is about the one that is meant."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        ours = error.filename is None or str(error.filename).endswith(SUFFIX)
        if error.errno is None or not ours:
            raise
        raise type(error)(error.errno, error.strerror, str(place)) from error
