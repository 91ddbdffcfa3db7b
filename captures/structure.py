"""A structure of octets that is put together when it is first used.

`construct` takes as long to be imported as ten thousand frames to be decoded, and who reads captures in bulk needs
no structure: only who looks at one record, or writes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

__all__ = ["Structure"]


class Structure:
    """A declaration of `construct`, with its methods (`parse`, `build`, `sizeof` ...).

    Args:
        declare: makes the declaration; it is given the module `construct`.

    >>> Structure(lambda c: c.Struct("channel" / c.Int8ul, "page" / c.Int8ul)).build({"channel": 11, "page": 0}).hex()
    '0b00'
    """

    def __init__(self, declare: Callable[[Any], Any]) -> None:
        self._declare = declare

    @cached_property
    def declared(self) -> Any:
        """The declaration itself."""
        import construct

        return self._declare(construct)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # copying and pickling ask for what nobody declares
            raise AttributeError(name)
        return getattr(self.declared, name)
