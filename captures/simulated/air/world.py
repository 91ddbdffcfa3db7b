"""The ground that a simulation stands on: its clock, its random streams, its air, and the notes of what is true."""

from __future__ import annotations

import random
from typing import Any, Self, TypeVar

from captures.simulated.air.events import simpy
from captures.simulated.air.medium import SECOND, Medium, Wait
from captures.simulated.air.profile import Profile
from captures.simulated.air.profile import profile as named_profile
from captures.simulated.air.truth import Note, TimedNote

__all__ = ["EPOCH_2000", "Parts", "World"]

EPOCH_2000 = 946_684_800
"""Seconds from 1970 to 2000-01-01 UTC, where ZigBee and GBCS times start."""

P = TypeVar("P")
N = TypeVar("N", bound=Note)


class Parts:
    """Something that other modules keep their own state at: one object of a type.

    A tunnel's state belongs to the tunnel's module and to a device; neither has to know the other's fields.
    """

    __slots__ = ()
    parts: dict[type, Any]

    def part(self, kind: type[P]) -> P:
        """The part of this type, made (without arguments) when it is first asked for."""
        found = self.find(kind)
        return self.attach(kind()) if found is None else found

    def find(self, kind: type[P]) -> P | None:
        """The part of this type, if there is one."""
        found: P | None = self.parts.get(kind)
        return found

    def attach(self, part: P) -> P:
        """Keep a part in the place of any of its type."""
        self.parts[type(part)] = part
        return part


class World(Parts):
    """Time, chance, air and truth; it knows of no device.

    Args:
        seed: same seed, same octets.
        start: when the capture starts, seconds since 1970 UTC.
        profile: the parameters; the SMETS2 profile unless given.
    """

    def __init__(self, seed: int = 1, *, start: int = 1_767_571_200, profile: Profile | None = None) -> None:
        self.seed = seed
        self.start = start
        self.profile = profile or named_profile()
        self.env = simpy.Environment()
        self.rng = random.Random(f"{seed}:han")
        self.medium = Medium(self.env, self.profile, seed)
        self.notes: list[Note] = []
        self.parts = {}

    # --- randomness that does not shift when a fault is added ------------------------------------------

    def stream(self, purpose: str) -> random.Random:
        """A random stream of its own for `purpose`."""
        return random.Random(f"{self.seed}:{purpose}")

    def octets(self, purpose: str, count: int) -> bytes:
        """Octets that belong to `purpose`, the same for the same seed."""
        return self.stream(purpose).randbytes(count)

    # --- time ------------------------------------------------------------------------------------------

    @property
    def now(self) -> int:
        """Simulated time in nanoseconds since 1970 UTC."""
        return self.start * SECOND + int(self.env.now)

    @property
    def utc(self) -> int:
        """Seconds since 2000-01-01 UTC: ZigBee UTCTime."""
        return self.now // SECOND - EPOCH_2000

    def wait(self, seconds: float) -> simpy.Event:
        """An event `seconds` from now."""
        return self.env.timeout(max(0, round(seconds * SECOND)))

    def run(self, seconds: float) -> Self:
        """Let `seconds` of the home's life pass."""
        self.env.run(until=self.env.now + round(seconds * SECOND))
        return self

    def do(self, process: Wait) -> Any:
        """Let life pass until `process` is through, and return its result."""
        return self.env.run(until=self.env.process(process))

    # --- truth -----------------------------------------------------------------------------------------

    def note(self, fact: N) -> N:
        """Write a fact down; returns it, because it may be completed later."""
        if isinstance(fact, TimedNote) and fact.time_ns < 0:
            fact.time_ns = self.now
        self.notes.append(fact)
        return fact

    @property
    def truth(self) -> list[dict[str, Any]]:
        """All notes as rows of the truth file."""
        return [note.row() for note in self.notes]
