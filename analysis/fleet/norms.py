"""One home against a fleet: what is usual in the others, and what of this one is not.

Strategy: the home is measured as those of the store were (`analysis.fleet.home_facts`). A number is unusual when it lies
far from the others' median and further out than nearly all of them do; a rule is when hardly another home breaks it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.features.judging import plural
from analysis.findings.model import Evidence, broken, kept
from analysis.findings.subject import CAPTURE
from analysis.fleet.cases import homes_of
from analysis.fleet.comparing import DEVIATIONS, Home, robust_distance
from analysis.fleet.home_facts import NUMBERS, HomeFacts
from analysis.fleet.locations import FleetError
from analysis.fleet.store import Store

__all__ = ["FleetNorms", "HomeAgainstFleet", "against_fleet"]

RULE = "differs-from-fleet"
FEWEST = 8
"""Homes below which nothing is called usual."""
RARE = 0.05
"""Share of the homes that may lie as far out, or break the same rule, while it is still called unusual."""
SHARES = ("retry_share", "unacknowledged_share", "damaged_share", "shut_share")


@dataclass(frozen=True, slots=True)
class FleetNorms:
    """What the homes of a store are like.

    Attributes:
        homes: how many there are.
        numbers: of each of `NUMBERS` the values of the homes in which it was measured.
        broken: in how many homes each rule found something.
    """

    homes: int
    numbers: Mapping[str, np.ndarray]
    broken: Mapping[str, int]

    @classmethod
    def of(cls, homes: Sequence[Home]) -> FleetNorms:
        """Those of some homes."""
        numbers = {
            name: np.array([home.numbers[name] for home in homes if name in home.numbers]) for name in NUMBERS
        }
        return cls(len(homes), numbers, Counter(rule for home in homes for rule in home.rules))

    def unusual(self, name: str, value: float) -> str:
        """What is unusual about a number, in words; empty where it is not."""
        others = self.numbers[name]
        if len(others) < FEWEST or abs(robust_distance(value, others)) < DEVIATIONS:
            return ""
        middle = float(np.median(others))
        as_far = int((others >= value).sum() if value > middle else (others <= value).sum())
        if as_far > RARE * len(others):
            return ""
        side = "more" if value > middle else "less"
        told = "none" if not as_far else f"{as_far:,}"
        homes = f"{told} of {plural(len(others), 'home')} has as much or {side}"
        return f"{NUMBERS[name]}: {_shown(name, value)}, usual is {_shown(name, middle)} ({homes})"

    def rare(self, rules: Collection[str]) -> list[str]:
        """Those of the rules that hardly a home breaks, each with how many do."""
        if self.homes < FEWEST:
            return []
        return [
            f"{rule} ({self.broken.get(rule, 0):,} of {plural(self.homes, 'home')})"
            for rule in sorted(rules)
            if self.broken.get(rule, 0) <= RARE * self.homes
        ]


class HomeAgainstFleet(HomeFacts):
    """Counts as `HomeFacts`, and says at the end how the home differs from the others."""

    def __init__(self, norms: FleetNorms) -> None:
        super().__init__()
        self.norms = norms

    def judged(self, rules: Collection[str]) -> Iterator[tuple[str, Evidence]]:
        """The evidence of `RULE`.

        Args:
            rules: those that found something in this home.
        """
        facts = self.facts()
        told = [
            text
            for name in NUMBERS
            if facts[name] is not None and (text := self.norms.unusual(name, facts[name]))
        ]
        rare = self.norms.rare(rules)
        if rare:
            told.append("found in hardly another home: " + ", ".join(rare))
        if told:
            yield RULE, broken(CAPTURE, "; ".join(told), [])
        else:
            yield RULE, kept(CAPTURE, f"as usual in {plural(self.norms.homes, 'home')}")


def against_fleet(url: str) -> Callable[[], HomeAgainstFleet] | None:
    """Who compares a home with those of a store, made anew for each reading; None where there is no store.

    Raises:
        FleetError: the store cannot be read, or holds too few homes to say what is usual.
    """
    store = Store(url)
    if not store.exists():
        return None
    entries = store.entries()
    findings = store.table("findings", entries, ["site", "rule"]).to_pylist()
    norms = FleetNorms.of(homes_of(entries, findings))
    if norms.homes < FEWEST:
        raise FleetError(
            f"{store.url} holds {plural(norms.homes, 'home')}: too few to say what is usual",
            f"at least {FEWEST} are needed",
        )
    return lambda: HomeAgainstFleet(norms)


def _shown(name: str, value: float) -> str:
    if name in SHARES:
        return f"{value:.1%}"
    return f"{value:,.1f}" if abs(value) < 100 else f"{value:,.0f}"
