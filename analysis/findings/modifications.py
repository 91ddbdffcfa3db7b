"""What GBCS modifies or dis-applies in ZigBee Smart Energy and DLMS COSEM, with the rules that judge it: a family of
rules across all areas, per version of the specification."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from analysis.findings.model import CheckResult, Rule
from dissectors.layout import rows_in

__all__ = ["Modification", "is_modification", "modifications", "states"]

MARK = "disapplied:"
GRAVEST = ("fail", "warn", "pass", "not seen")


@dataclass(frozen=True, slots=True)
class Modification:
    """A feature of ZigBee or DLMS, and what GBCS makes of it.

    Attributes:
        number: row of ``compliance/modifications.csv``.
        protocol: ``zigbee`` or ``dlms``.
        gbcs: modified, restricted, required or dis-applied.
        details: what holds instead.
        source: document and page.
    """

    number: int
    protocol: str
    feature: str
    gbcs: str
    details: str
    source: str


@cache
def modifications() -> tuple[Modification, ...]:
    """All features in order of their number."""
    rows = rows_in("analysis.rules.compliance", "modifications")
    return tuple(Modification(int(r.pop("number")), **r) for r in rows)


def is_modification(rule: Rule) -> bool:
    """Whether a rule judges what GBCS makes of ZigBee or DLMS."""
    return any(source.startswith(MARK) for source in rule.covers)


def judging(rules: Iterable[Rule]) -> dict[int, list[str]]:
    """Ids of the rules that judge each feature, by its number."""
    out: dict[int, list[str]] = {}
    for rule in rules:
        for source in rule.covers:
            if source.startswith(MARK):
                out.setdefault(int(source.removeprefix(MARK)), []).append(rule.id)
    return out


def states(result: CheckResult) -> list[tuple[Modification, str, list[str]]]:
    """Each feature with the gravest verdict of its rules: fail, warn, pass, not seen, or ``not judged`` where the
    profile's version has no rule for it; and these rules."""
    by_rule: dict[str, set[str]] = {}
    for verdict in result.verdicts:
        by_rule.setdefault(verdict.rule, set()).add(verdict.state)
    known = judging(result.rules)
    out = []
    for one in modifications():
        said = set().union(*(by_rule.get(rule, set()) for rule in known.get(one.number, ())))
        state = next((s for s in GRAVEST if s in said), "not judged")
        out.append((one, state, known.get(one.number, [])))
    return out
