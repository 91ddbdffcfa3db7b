"""Standard streams that whoever started this process had closed: what uses one is told so, and nothing else suffers."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from typing import Any, NoReturn

__all__ = ["stand_in_for_closed_streams"]

NAMES = ("stdin", "stdout", "stderr")


def stand_in_for_closed_streams() -> None:
    """Put something in the place of each standard stream that is closed (Python has None there).

    The next files to be opened must not get the number of a standard stream: a library that writes to its
    stderr would write into a capture. So /dev/null takes the number. Talk goes nowhere then; whoever reads
    stdin or writes data to stdout gets an OSError.
    """
    for number, name in enumerate(NAMES):
        if getattr(sys, name) is not None:
            continue
        with suppress(OSError):
            while (taken := os.open(os.devnull, os.O_RDWR)) < number:
                pass
            if taken > number:  # it is in use after all
                os.close(taken)
        stream: Any = open(os.devnull, "w") if name == "stderr" else ClosedStream(name)  # noqa: PTH123, SIM115
        setattr(sys, name, stream)


class ClosedStream:
    """A text stream, and the binary one below it, that is closed."""

    encoding, errors = "utf-8", "strict"

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def buffer(self) -> ClosedStream:
        return self

    def _refuse(self, *_: object) -> NoReturn:
        raise OSError(errno.EBADF, "is closed", self.name)

    read = read1 = readinto = readline = write = writelines = fileno = seek = _refuse

    def flush(self) -> None:
        """Nothing waits."""

    def isatty(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False
