"""Findings as a person looks at them: a list, a table, an HTML page in a notebook."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, overload

from analysis.tables import html

if TYPE_CHECKING:
    import pandas as pd

    from analysis.findings.model import CheckResult, Finding, Verdict
    from analysis.findings.waivers import Accepted

__all__ = ["Findings"]


class Findings(Sequence["Finding"]):
    """What the rules say of one or several captures, gravest first; a sequence of findings.

    Attributes:
        results: the result of each capture, by its name: findings, verdicts, incidents, profile.

    >>> import hanscope as hs
    >>> home = hs.simulate("ordinary-day", seconds=600, faults=["association-flood"])
    >>> found = home.check(rules=["association-flood", "nwk-replay"])
    >>> [(one.rule, one.severity) for one in found]
    [('association-flood', 'error')]
    >>> list(found.table().frames.iloc[0]) == list(found[0].frames)
    True
    >>> {one.state for one in found.verdicts} >= {"fail", "pass"}
    True
    >>> found.at_least("error") == list(found), found.accepted
    (True, [])
    >>> found.to_json()[0]["findings"][0]["rule"]
    'association-flood'
    """

    def __init__(self, results: Sequence[tuple[str, CheckResult]]) -> None:
        self.results = list(results)
        self._found = [(name, one) for name, result in self.results for one in result.findings]

    @property
    def verdicts(self) -> list[Verdict]:
        """What each rule says of each subject, also where it is kept or nothing was seen."""
        return [one for _, result in self.results for one in result.verdicts]

    @property
    def accepted(self) -> list[Accepted]:
        """Findings that waivers take out of the list, with the waiver of each."""
        return [one for _, result in self.results for one in result.accepted]

    def at_least(self, severity: str) -> list[Finding]:
        """Findings of `severity` (info, warning, error, critical) or graver."""
        return [one for _, result in self.results for one in result.at_least(severity)]

    def table(self) -> pd.DataFrame:
        """The `findings` table, with the capture of each in front."""
        import pandas as pd

        from analysis.findings.findings_output import findings_table

        table = findings_table([one for _, one in self._found])
        table.insert(0, "capture", pd.Series([name for name, _ in self._found], dtype="string[pyarrow]"))
        return table

    def to_json(self) -> list[dict[str, Any]]:
        """What ``hanscope check --json`` prints, one document a capture."""
        from analysis.findings.findings_output import to_json

        return [to_json(result, name) for name, result in self.results]

    @overload
    def __getitem__(self, index: int) -> Finding: ...
    @overload
    def __getitem__(self, index: slice) -> list[Finding]: ...
    def __getitem__(self, index: int | slice) -> Finding | list[Finding]:
        if isinstance(index, slice):
            return [one for _, one in self._found[index]]
        return self._found[index][1]

    def __iter__(self) -> Iterator[Finding]:
        return (one for _, one in self._found)

    def __len__(self) -> int:
        return len(self._found)

    def __repr__(self) -> str:
        return f"<Findings: {len(self)} in {len(self.results)} capture{'s' * (len(self.results) != 1)}>"

    def _repr_html_(self) -> str:
        rows = [
            (one.severity, one.rule, one.title, one.device, one.evidence, _frames(one.frames))
            for _, one in self._found
        ]
        return html.rows_table(("severity", "rule", "title", "subject", "evidence", "frames"), rows)


def _frames(frames: Sequence[int]) -> str:
    shown = ", ".join(map(str, frames[:6]))
    return f"{shown} and {len(frames) - 6} more" if len(frames) > 6 else shown
