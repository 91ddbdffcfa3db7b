"""All faults by name, and how one is injected into a home."""

from __future__ import annotations

from captures.simulated.air.medium import Wait
from captures.simulated.air.truth import FaultNote
from captures.simulated.devices.han import Han
from captures.simulated.faults import (  # noqa: F401 (they register faults when they are imported)
    answering,
    application,
    bands,
    counters,
    field,
    flooding,
    forging,
    identity,
    installing,
    jamming,
    keys,
    load,
    messages,
    presence,
    raised_alerts,
    refusing,
    tariffs,
    values,
)
from captures.simulated.faults.registry import FAULTS, Fault, Play

__all__ = ["inject", "known"]


def known() -> dict[str, Fault]:
    """All faults by their names."""
    return FAULTS


def inject(han: Han, name: str, *, at: float = 0.0, strength: float = 1.0) -> Play:
    """Start a fault `at` seconds from now.

    Raises:
        KeyError: there is no fault of that name.
        ValueError: the home lacks a role that the fault needs.
    """
    found = FAULTS[name]
    missing = [role for role in found.needs if han.having(role) is None]
    if missing:
        raise ValueError(f"fault {name} needs a {' and a '.join(missing)} in the home")
    row = han.note(FaultNote(name, str(found.kind), found.attack, found.summary))
    play = Play(han, name, han.stream(f"fault {name}"), row, strength)

    def process() -> Wait:
        yield han.wait(at)
        row.time_ns = han.now
        yield from found.behaviour(play)
        row.end_ns = han.now

    han.env.process(process())
    return play
