"""TOML text to values; whatever is wrong with the text is one kind of error, with its place and without its words."""

from __future__ import annotations

import re
import tomllib
from typing import Any

__all__ = ["TomlError", "parse_toml"]


class TomlError(ValueError):
    """The text is no TOML that can be read; `line` and `column` count from 1, None where they are not known."""

    def __init__(self, text: str, line: int | None = None, column: int | None = None) -> None:
        place = f" at line {line}, column {column}" if line is not None else ""
        super().__init__(text + place)
        self.text = text
        self.line = line
        self.column = column


def parse_toml(text: str) -> dict[str, Any]:
    """The values of a TOML document.

    Raises:
        TomlError: it is none, arrays or tables stand too deep in each other, or a number is too long. What the
            text says is not repeated: it may be a key.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+), column (\d+)", str(error))
        place = (int(found.group(1)), int(found.group(2))) if found else (None, None)
        raise TomlError("not valid TOML", *place) from None
    except RecursionError:
        raise TomlError("arrays or tables stand too deep in each other") from None
    except ValueError:  # Python refuses numbers of more than 4,300 digits
        raise TomlError("a number that is too long") from None
