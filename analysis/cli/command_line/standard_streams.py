"""Standard streams that whoever started this process had closed, or whose encoding holds few characters: what uses one is
told so, and nothing else suffers."""

from __future__ import annotations

import codecs
import errno
import os
import sys
from contextlib import suppress
from typing import Any, NoReturn

__all__ = ["escape_what_no_encoding_holds", "stand_in_for_closed_streams"]

NAMES = ("stdin", "stdout", "stderr")
ESCAPED = "hanscope.escaped"
"""Name of the error handler that `escape_what_no_encoding_holds` gives to streams."""


def escape_what_no_encoding_holds() -> None:
    r"""Let stdout and stderr write what their encoding has no octets for (ASCII in the C locale, a Windows code page) as
    ``\u00e9``, so that text can be read and JSON stays what it was (RFC 8259, 7)."""
    for stream in (sys.stdout, sys.stderr):
        encoding = getattr(stream, "encoding", None) or "utf-8"
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None and not encoding.lower().replace("_", "-").startswith("utf"):
            codecs.register_error(ESCAPED, _escaped)
            reconfigure(errors=ESCAPED)


def _escaped(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2)), error.end


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
