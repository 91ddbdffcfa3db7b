"""The findings of a capture as a pane: the gravest first, each with whom it is about and where it shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.text import Text

from analysis.inspector.frame_pane import FramePane
from dissectors.text import printable

__all__ = ["FindingsPane", "Told"]

LOOKS = {"critical": "bold red", "error": "red", "warning": "yellow", "info": "cyan"}


class Told(NamedTuple):
    """A finding, as far as the pane shows it."""

    severity: str
    title: str
    device: str
    evidence: str
    frames: tuple[int, ...]


class FindingsPane(FramePane):
    """One entry a finding, leading to its first packet."""

    findings: Sequence[Told] = ()

    def put(self, findings: Sequence[Told], nothing: str = "the rules found nothing") -> None:
        """Show these, with the one chosen that was, should it still be there; or say that there is none."""
        before = self.findings[self.highlighted] if self.findings and self.highlighted is not None else None
        self.findings = findings
        if not findings:
            self.wait(nothing)
            return
        self.put_lines((_line(one), one.frames[0] if one.frames else None) for one in findings)
        same = (at for at, one in enumerate(findings) if before is not None and one[1:3] == before[1:3])
        self.highlighted = next(same, self.highlighted)

    def wait(self, words: str) -> None:
        """Say that they are not there yet, or why they never will be; findings that are there stay."""
        if not self.findings:
            super().wait(words)


def _line(one: Told) -> Text:
    where = f"  frame {one.frames[0]}" if one.frames else ""
    more = f" and {len(one.frames) - 1:,} more" if len(one.frames) > 1 else ""
    said = printable(f" {one.title} ({one.device}): {one.evidence}{where}{more}")
    return Text.assemble((f"{one.severity:<8}", LOOKS.get(one.severity, "")), said)
