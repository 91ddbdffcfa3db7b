"""Several captures in one command: one that cannot be read does not keep the others from being read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

__all__ = ["Batch"]


class Batch:
    """The captures of a command.

    Attributes:
        unreadable: whether one of them could not be read, which the exit code tells at the end.
    """

    def __init__(self, captures: Sequence[str]) -> None:
        self.many = len(captures) > 1
        self.unreadable = False

    @contextmanager
    def reading(self) -> Iterator[None]:
        """What is done with one capture. That it cannot be read is said, and ends a command of one capture only."""
        from analysis.cli.command_line.guard import explained
        from captures import CaptureError

        try:
            yield
        except CaptureError as error:
            if not self.many:
                raise
            self.unreadable = True
            explained(error)
