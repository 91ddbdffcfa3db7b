"""How the filter that somebody types may go on, grey behind the cursor; the right arrow takes it."""

from __future__ import annotations

from collections.abc import Iterable

from textual.suggester import Suggester

from analysis.tables.filter_completion import completions
from analysis.views.filters import names_of

__all__ = ["FilterSuggester"]


class FilterSuggester(Suggester):
    """Suggests the first expression that a text may become.

    Args:
        columns: what the list of packets has.
    """

    def __init__(self, columns: Iterable[str]) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._names = names_of("packets", columns)

    async def get_suggestion(self, value: str) -> str | None:
        """The text as it may go on; None where nothing is known."""
        if not value.strip():
            return None
        return next(
            (one for one in completions(value, self._names) if one != value and one.startswith(value)), None
        )
