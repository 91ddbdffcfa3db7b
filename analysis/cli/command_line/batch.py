"""Several captures in one command: one that cannot be read is told, and does not keep the others from being read.

Strategy: with ``--jobs`` each capture is read in a process of its own, a copy of this one; what it prints is kept and
printed when those before it were.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Generic, TypeVar

from analysis.cli.command_line.inputs import meant, stem_of
from captures import CaptureError

__all__ = ["Batch", "places_in"]

T = TypeVar("T")
WORK: list[Callable[[str, int], Any]] = []
"""What copies of this process do; a function made in a verb cannot be sent to them."""


class Batch(Generic[T]):
    """The captures of a command.

    Args:
        words: files, folders, patterns and URLs.
        jobs: captures that are read at a time.

    Attributes:
        words, captures: what was given, and what it means.
        failed: what could not be read, and why.
        many: several captures were meant, or what may be several.
        unreadable: whether one of them could not be read, which the exit code tells at the end.
    """

    def __init__(self, words: Sequence[str], jobs: int = 1) -> None:
        found = list(meant(words))
        self.captures = [one for one in found if isinstance(one, str)]
        self.words = list(words)
        self.many = len(words) > 1 or self.captures != list(words)
        self.jobs = min(jobs, len(self.captures))
        self.unreadable = False
        self.failed: list[tuple[str, str]] = []
        for error in (one for one in found if isinstance(one, CaptureError)):
            if len(words) == 1:
                raise error
            self.failed.append((error.path, error.text))
            self.tell(error)

    def each(self, work: Callable[[str, int], T]) -> Iterator[tuple[str, T]]:
        """What `work` makes of each capture that can be read and its place among them, in their order."""
        for capture, result in self._side_by_side(work) if self.jobs > 1 else self._in_turn(work):
            if isinstance(result, CaptureError):
                self.unreadable = True
                self.failed.append((capture, result.text))
            else:
                yield capture, result

    def _in_turn(self, work: Callable[[str, int], T]) -> Iterator[tuple[str, T | CaptureError]]:
        for number, capture in enumerate(self.captures):
            try:
                yield capture, work(capture, number)
            except CaptureError as error:
                if not self.many:
                    raise
                self.tell(error)
                yield capture, error

    def tell(self, error: CaptureError) -> None:
        """Say that a capture could not be read."""
        from analysis.cli.command_line.guard import explained

        self.unreadable = True
        explained(error)

    def _side_by_side(self, work: Callable[[str, int], T]) -> Iterator[tuple[str, T | CaptureError]]:
        import multiprocessing

        from analysis.pipeline.parallel import can_copy

        if not can_copy():
            yield from self._in_turn(work)
            return
        WORK[:] = [work]
        with (
            multiprocessing.get_context("fork").Pool(self.jobs) as pool,
            tempfile.TemporaryDirectory() as folder,
        ):
            places = [
                (capture, number, os.path.join(folder, str(number)))  # noqa: PTH118
                for number, capture in enumerate(self.captures)
            ]
            for (capture, _, place), (result, error) in zip(
                places, pool.imap(_kept_apart, places), strict=True
            ):
                for stream, name in ((sys.stdout, ".out"), (sys.stderr, ".err")):
                    _replay(place + name, stream)
                if error is not None and not isinstance(error, CaptureError):
                    raise error
                if error is not None:
                    self.tell(error)
                yield capture, result if error is None else error


def places_in(batch: Batch[Any], folder: str, ending: str) -> list[str]:
    """A file for each capture in a folder, which is made; named after the captures."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    found: list[str] = []
    for capture in batch.captures:
        stem, count = stem_of(capture), 1
        place = os.fspath(Path(folder) / (stem + ending))
        while place in found:
            count += 1
            place = os.fspath(Path(folder) / f"{stem}-{count}{ending}")
        found.append(place)
    return found


def _kept_apart(place: tuple[str, int, str]) -> tuple[Any, Exception | None]:
    """Do the work for one capture in this copy; what it prints goes to files."""
    capture, number, path = place
    with _printing_to(path):
        try:
            return WORK[0](capture, number), None
        except Exception as error:
            return None, error


@contextmanager
def _printing_to(path: str) -> Iterator[None]:
    out, err, place = sys.stdout, sys.stderr, Path(path)
    with (
        place.with_suffix(".out").open("w", encoding="utf-8") as mine,
        place.with_suffix(".err").open("w", encoding="utf-8") as said,
    ):
        sys.stdout, sys.stderr = mine, said
        try:
            yield
        finally:
            sys.stdout, sys.stderr = out, err


def _replay(path: str, stream: IO[str]) -> None:
    with Path(path).open(encoding="utf-8") as file:
        shutil.copyfileobj(file, stream)
    stream.flush()
