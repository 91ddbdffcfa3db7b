"""The steps that a device goes through, from a table: what proves each, and what to check where it failed.

A step is a row of `steps.csv`: new steps are written there, not here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from dissectors.layout import rows_in

__all__ = ["OTHERS", "Step", "all_steps", "roles", "steps_of"]

OTHERS = "(others)"
ALL, APART = "all", ("CHF", "GPF")
"""The hub joins nobody, and the gas proxy is a part of it without a radio of its own."""


class Step(NamedTuple):
    """One step.

    Attributes:
        step: its id.
        roles: whose it is; ``all`` for every device that joins.
        title: what the device or the hub does in it.
        kinds: of the signs that tell of it: those of the table `exchanges`, and ``scan``, ``transport-key``, ``secured``,
            ``link-secured``, which are counted from frames.
        names: a regular expression over names and use cases of these; empty for all, `OTHERS` for what no step took.
        party: which end of them the device is: initiator, responder, either; home: they are about no device.
        peer: the role of the other end; empty for any.
        part: of a join: which of its parts.
        asks: attributes that it is about; a request for others only does not prove that it failed.
        proves: earlier steps that it cannot be reached without.
        rules: whose findings prove that it failed.
        every: seconds between two of them; 0: once, or when somebody commands it (`asked`).
        check: what to check next.
        source: document and clause.
    """

    step: str
    roles: tuple[str, ...]
    title: str
    kinds: tuple[str, ...]
    names: str
    party: str
    peer: str
    part: str
    asks: tuple[str, ...]
    proves: tuple[str, ...]
    rules: tuple[str, ...]
    every: int
    check: str
    source: str
    asked: bool = False

    def of_role(self, role: str) -> bool:
        """Whether a device of `role` goes through it."""
        return role in self.roles or (ALL in self.roles and role not in APART)

    def takes(self, name: str, use_case: str) -> bool:
        """Whether something of this name, or of this use case, is about it."""
        return not self.names or any(re.fullmatch(self.names, one) for one in (name, use_case) if one)


@cache
def all_steps() -> tuple[Step, ...]:
    """All steps, in their order."""
    return tuple(_step(row) for row in rows_in("analysis.diagnosis", "steps"))


def _step(row: dict[str, str]) -> Step:
    words = ("roles", "kinds", "asks", "proves", "rules")
    told: dict[str, Any] = {
        name: tuple(text.split()) if name in words else text for name, text in row.items()
    }
    every = row["every"]
    return Step(**{**told, "every": int(every) if every.isdigit() else 0, "asked": every == "ask"})


def steps_of(role: str | None) -> Sequence[Step]:
    """The steps of a device of `role`, in their order; of one without a role those that every device goes through.

    >>> [step.step for step in steps_of("GSME")][:3]
    ['beacon', 'association', 'network-key']
    """
    return [step for step in all_steps() if step.of_role(role or "")]


@cache
def roles() -> frozenset[str]:
    """The roles of devices that steps know."""
    return frozenset(role for step in all_steps() for role in step.roles if role != ALL)
