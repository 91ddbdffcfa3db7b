"""How homes differ by what they have in common: models, firmware, suppliers, channels, buildings, and before and after.

Strategy: what fires in a group of homes and nowhere else is one cause, not many. Groups are tried by an exact test
(Fisher's, one-sided) with a bound that allows for how many were tried; the group that explains most is taken first and
its homes are left out of the next look, so that of two properties which go together only the better one is named.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import comb, erfc, exp, lgamma, sqrt

import numpy as np

__all__ = ["Group", "Home", "concentrated", "robust_distance", "shifted", "since_change"]

LEAST = 3
"""Homes of a group, below which nothing is said."""
SURE = 1e-3
"""Probability of being wrong, shared among all groups and properties that are tried."""
SHARE, TIMES = 0.5, 3.0
"""A group is meant when half of it shows something, and three times as often as others do."""
DEVIATIONS = 3.0
"""How far the median of a group lies from that of the others, in robust deviations of theirs."""


@dataclass(frozen=True, slots=True)
class Home:
    """One site, with all its captures taken together.

    Attributes:
        facts: what it has: models, firmware, supplier, building, channel.
        rules: rules that found something.
        numbers: see `analysis.fleet.home_facts.NUMBERS`; what was not measured is not there.
    """

    site: str
    facts: Mapping[str, str]
    rules: frozenset[str]
    numbers: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Group:
    """Homes that have something in common, and in how many of these and of the others something shows."""

    fact: str
    value: str
    sites: tuple[str, ...]
    size: int
    others: int
    all_others: int
    chance: float


def concentrated(homes: Sequence[Home], rules: Iterable[str]) -> dict[str, list[Group]]:
    """The groups in which each rule fires as it does not elsewhere."""
    names, groups = sorted(rules), _groups(homes)
    bound = SURE / max(len(names) * max(len(groups), 1), 1)
    found: dict[str, list[Group]] = {}
    for rule in names:
        left = {home.site for home in homes}
        hit = {home.site for home in homes if rule in home.rules}
        while best := _best(groups, left, hit, bound):
            found.setdefault(rule, []).append(best)
            left -= groups[best.fact, best.value]
            hit &= left
    return found


def _groups(homes: Sequence[Home]) -> dict[tuple[str, str], set[str]]:
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for home in homes:
        for fact, value in home.facts.items():
            found[fact, value].add(home.site)
    return {key: sites for key, sites in found.items() if LEAST <= len(sites) < len(homes)}


def _best(
    groups: Mapping[tuple[str, str], set[str]], left: set[str], hit: set[str], bound: float
) -> Group | None:
    best: Group | None = None
    for (fact, value), everybody in groups.items():
        members = everybody & left
        inside = members & hit
        if len(inside) < LEAST or len(members) == len(left):
            continue
        others = len(hit) - len(inside)
        share, elsewhere = len(inside) / len(members), others / (len(left) - len(members))
        if share < SHARE or share < TIMES * elsewhere:
            continue
        chance = _tail(len(inside), len(members), len(hit), len(left))
        if chance < bound and (best is None or (chance, len(members)) < (best.chance, best.size)):
            best = Group(
                fact, value, tuple(sorted(inside)), len(members), others, len(left) - len(members), chance
            )
    return best


def _tail(inside: int, members: int, hit: int, everybody: int) -> float:
    """Probability that of `members` drawn among `everybody`, of whom `hit` show it, so many or more do (Fisher)."""
    total = 0.0
    whole = _log_comb(everybody, members)
    for k in range(inside, min(members, hit) + 1):
        if members - k <= everybody - hit:
            total += exp(_log_comb(hit, k) + _log_comb(everybody - hit, members - k) - whole)
    return min(total, 1.0)


def _log_comb(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)


def shifted(homes: Sequence[Home], numbers: Iterable[str]) -> dict[str, list[tuple[Group, float, float]]]:
    """The groups in which a number differs from elsewhere, with the medians of the group and of the others."""
    names, groups = sorted(numbers), _groups(homes)
    bound = SURE / max(len(names) * max(len(groups), 1), 1)
    found: dict[str, list[tuple[Group, float, float]]] = {}
    for name in names:
        values = {home.site: home.numbers[name] for home in homes if name in home.numbers}
        left = set(values)
        while best := _farthest(groups, left, values, bound):
            found.setdefault(name, []).append(best)
            left -= groups[best[0].fact, best[0].value]
    return found


def _farthest(
    groups: Mapping[tuple[str, str], set[str]], left: set[str], values: Mapping[str, float], bound: float
) -> tuple[Group, float, float] | None:
    best: tuple[Group, float, float] | None = None
    for (fact, value), everybody in groups.items():
        members, others = everybody & left, left - everybody
        if len(members) < LEAST or len(others) < LEAST:
            continue
        own = np.array([values[site] for site in sorted(members)])
        rest = np.array([values[site] for site in sorted(others)])
        middle = float(np.median(own))
        if abs(robust_distance(middle, rest)) < DEVIATIONS:
            continue
        chance = _rank_chance(own, rest)
        if chance < bound and (best is None or (chance, len(members)) < (best[0].chance, best[0].size)):
            group = Group(fact, value, tuple(sorted(members)), len(members), 0, len(others), chance)
            best = (group, middle, float(np.median(rest)))
    return best


def robust_distance(value: float, others: np.ndarray) -> float:
    """How far a value lies from the median of others, in robust deviations, at least a fifth of the median each."""
    middle = float(np.median(others))
    scatter = 1.4826 * float(np.median(np.abs(others - middle)))
    return (value - middle) / max(scatter, abs(middle) / 5, 1e-3)


def _rank_chance(own: np.ndarray, rest: np.ndarray) -> float:
    """Two-sided probability of ranks like these, were there no difference (Mann and Whitney, normal, with ties)."""
    everything = np.concatenate([own, rest])
    order = np.argsort(everything, kind="stable")
    ranks = np.empty(len(order))
    ranks[order] = np.arange(1, len(order) + 1)
    _, inverse, counts = np.unique(everything, return_inverse=True, return_counts=True)
    ranks = (np.bincount(inverse, ranks) / counts)[inverse]
    n, m = len(own), len(rest)
    u = ranks[:n].sum() - n * (n + 1) / 2
    ties = float((counts**3 - counts).sum()) / ((n + m) * (n + m - 1))
    spread = sqrt(max(n * m / 12 * (n + m + 1 - ties), 1e-9))
    return erfc(max(abs(u - n * m / 2) - 0.5, 0) / spread / sqrt(2))


def since_change(
    pairs: Iterable[tuple[frozenset[str], frozenset[str]]],
) -> Iterator[tuple[str, int, int, float]]:
    """Rules that fire after a change and did not before: rule, homes in which it began, in which it ended, chance.

    Args:
        pairs: of each home the rules before and after.
    """
    began: dict[str, int] = defaultdict(int)
    ended: dict[str, int] = defaultdict(int)
    for before, after in pairs:
        for rule in after - before:
            began[rule] += 1
        for rule in before - after:
            ended[rule] += 1
    for rule in sorted(began):
        n = began[rule] + ended[rule]
        chance = sum(comb(n, k) for k in range(began[rule], n + 1)) / 2**n
        if began[rule] >= LEAST and chance < SURE * 50:
            yield rule, began[rule], ended[rule], chance
