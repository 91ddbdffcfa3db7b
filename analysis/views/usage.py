"""What is wrong with what a person asked for."""

from __future__ import annotations

__all__ = ["UsageError"]


class UsageError(Exception):
    """The person asked for something that makes no sense; `hint` says what would, `pointed` are lines that show where."""

    def __init__(self, text: str, hint: str = "", pointed: tuple[str, ...] = ()) -> None:
        super().__init__(text)
        self.hint = hint
        self.pointed = pointed
