"""What belongs together as a ladder in a pane: who said what to whom, each step leading to its frame."""

from __future__ import annotations

from rich.text import Text

from analysis.inspector.frame_pane import FramePane
from analysis.views.ladder import Ladder, Line, Step
from analysis.views.ladder_text import lines_of_entries

__all__ = ["LadderPane"]

LOOKS = {"ok": "green", "refused": "red", "failed": "red", "unanswered": "yellow", "incomplete": "yellow"}


class LadderPane(FramePane):
    """One entry a line of the ladder."""

    def put(self, ladder: Ladder, width: int) -> None:
        """Show a ladder in so many columns."""
        self.put_lines(
            (Text(line, _look(one), no_wrap=True), one.frames[0] if isinstance(one, Step) else None)
            for one, _, line in lines_of_entries(ladder, width)
        )


def _look(one: Step | Line | None) -> str:
    return LOOKS.get(one.outcome, "") if isinstance(one, Line) else "" if one is not None else "bold"
