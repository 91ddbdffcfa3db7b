"""What a fault is, how it is registered under its name, and what it may use while it plays."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Unpack

from captures.simulated.air.events import simpy
from captures.simulated.air.medium import Disturbance, Place, Receiver, Transmission, Wait
from captures.simulated.air.truth import FaultNote, FrameTruth
from captures.simulated.devices.han import Han
from captures.simulated.stack.network import Role
from captures.simulated.stack.node import Node

__all__ = ["FAULTS", "Fault", "FaultKind", "Phase", "Play", "fault"]

Behaviour = Callable[["Play"], Wait]


class FaultKind(StrEnum):
    """Whether somebody means harm, or something is broken."""

    ATTACK = "attack"
    FAULT = "fault"


class Phase(StrEnum):
    """Whether a fault plays while the home lives, or before devices join."""

    LIFE = "life"
    JOIN = "join"


@dataclass(frozen=True, slots=True)
class Fault:
    """What can go wrong.

    Attributes:
        name: as `--fault` takes it.
        kind: attack or fault.
        summary: what happens, in a sentence.
        attack: identifier in the attack table (facts/captures/attacks.csv), if it is one of those.
        needs: roles that must be in the home.
        profile: parameters that the home must have (dots written as double underscores).
        phase: when it is injected.
    """

    name: str
    kind: FaultKind
    summary: str
    behaviour: Behaviour
    attack: str = ""
    needs: tuple[Role, ...] = ()
    phase: Phase = Phase.LIFE
    profile: Mapping[str, Any] = field(default_factory=dict)


FAULTS: dict[str, Fault] = {}


def fault(
    name: str,
    summary: str,
    *,
    kind: FaultKind = FaultKind.ATTACK,
    attack: str = "",
    needs: tuple[Role, ...] = (),
    phase: Phase = Phase.LIFE,
    profile: Mapping[str, Any] | None = None,
) -> Callable[[Behaviour], Behaviour]:
    """Register a fault under its name."""

    def register(behaviour: Behaviour) -> Behaviour:
        FAULTS[name] = Fault(name, kind, summary, behaviour, attack, needs, phase, profile or {})
        return behaviour

    return register


@dataclass(slots=True)
class Play:
    """What a fault may use: the home, a random stream of its own, and its marks in the truth.

    Attributes:
        row: the note of the fault in the truth; a fault adds what it knows (`device`, `detail`).
        strength: 1.0 as designed; larger is louder.
    """

    han: Han
    name: str
    rng: random.Random
    row: FaultNote
    strength: float = 1.0

    @property
    def mark(self) -> tuple[str, ...]:
        return (self.name,)

    def count(self, number: float) -> int:
        """`number` times the strength, at least one."""
        return max(1, round(number * self.strength))

    def intruder(self, place: Place | None = None) -> Node:
        """A radio that does not belong to the home, out on the pavement unless placed."""
        return Node(
            f"intruder {self.name}",
            place or Place(self.rng.uniform(8, 14), self.rng.uniform(-8, 8), walls=1),
            self.han.channel,
            tx_dbm=10.0,
            han=self.han,
            eui64=self.rng.getrandbits(64) | 1,
            role=Role.INTRUDER,
        )

    def victim(self, *roles: Role) -> Node:
        """A joined device of one of the roles, or any but the hub.

        Raises:
            ValueError: none of them has joined when the fault begins.
        """
        able = [
            n for n in self.han.nodes if n.joined and n.role != Role.CHF and (not roles or n.role in roles)
        ]
        if not able:
            whom = " or ".join(role.value for role in roles) or "device"
            raise ValueError(
                f"{self.name}: no {whom} has joined yet when it is to begin: a longer run is needed"
            )
        chosen = self.rng.choice(able)
        self.row.device = chosen.address
        return chosen

    def display_and_meter(self) -> tuple[Node, Node]:
        """The joined display and the electricity meter; of faults that need both. Raises as `victim`."""
        display, meter = self.victim(Role.PPMID), self.han.having(Role.ESME)
        assert meter is not None
        return display, meter

    def send(
        self, sender: Node, octets: bytes, receiver: Node | None = None, /, **truth: Unpack[FrameTruth]
    ) -> Wait:
        """Send one marked frame."""
        fact: FrameTruth = {**sender.says("forged"), **truth}
        arrived = yield from sender.put(octets, receiver, fact, self.mark)
        return arrived

    def transmit_now(self, sender: Node, octets: bytes, /, **truth: Unpack[FrameTruth]) -> int:
        """Put a marked frame on the air at once, without listening before; returns its duration in ns."""
        fact: FrameTruth = {**sender.says("forged"), **truth}
        return self.han.medium.put_on_air(Transmission(sender, octets, truth=fact, faults=self.mark))

    def interfere(
        self, applies: Callable[[Transmission, Receiver | None], float], *, corrupts: bool = True
    ) -> Disturbance:
        """Disturb the air until `stop_interference`."""
        disturbance = Disturbance(self.name, applies, corrupts)
        self.han.medium.disturbances.append(disturbance)
        return disturbance

    def stop_interference(self, disturbance: Disturbance) -> None:
        """Leave the air alone again."""
        self.han.medium.disturbances.remove(disturbance)

    @contextmanager
    def marking(self, *nodes: Node) -> Iterator[None]:
        """All that `nodes` send meanwhile belongs to the fault."""
        for node in nodes:
            node.marks = (*node.marks, self.name)
        try:
            yield
        finally:
            for node in nodes:
                node.marks = tuple(mark for mark in node.marks if mark != self.name)

    def wait(self, low: float, high: float | None = None) -> simpy.Event:
        """Some seconds, random between the two limits."""
        return self.han.wait(low if high is None else self.rng.uniform(low, high))
