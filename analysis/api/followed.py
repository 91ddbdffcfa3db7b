"""What belongs together, followed through a capture: a ladder to print, to draw and to go through."""

from __future__ import annotations

from typing import Any

from analysis.views.ladder import Ladder, Step

__all__ = ["Followed"]


class Followed:
    """A ladder of what was followed.

    Attributes:
        ladder: parties, steps and what is told between them.

    >>> import hanscope as hs
    >>> sample = "captures/samples/install-day"
    >>> found = hs.open(f"{sample}.pcapng", keys=f"{sample}.keys.toml").follow(join="esme")
    >>> found.steps[0].text, found.steps[1].text
    ('Association Request', 'Data Request')
    >>> [one.name for one in found.ladder.parties]
    ['Electricity meter', 'Communications hub']
    >>> found.to_json()["parties"][0]["address"], found.svg().startswith("<svg")
    ('90b3d5fffe0000a0', True)
    """

    def __init__(self, ladder: Ladder) -> None:
        self.ladder = ladder

    @property
    def steps(self) -> list[Step]:
        """Its steps, one a datagram."""
        return self.ladder.steps

    def text(self, width: int = 100, *, plain: bool = False) -> str:
        """What ``hanscope follow`` prints; `plain`: in ASCII."""
        from analysis.views.ladder_text import ASCII, LINES, text_lines

        return "\n".join(line for _, line in text_lines(self.ladder, width, ASCII if plain else LINES))

    def svg(self) -> str:
        """It as a picture."""
        from analysis.views.ladder_svg import svg

        return svg(self.ladder)

    def html(self) -> str:
        """It as a page that needs nothing else."""
        from analysis.views.ladder_svg import page

        return page(self.ladder)

    def to_json(self) -> dict[str, Any]:
        """What ``hanscope follow --json`` prints."""
        return self.ladder.to_json()

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return f"<Followed {self.ladder.title}: {len(self.steps)} steps>"

    def _repr_html_(self) -> str:
        return self.svg()
