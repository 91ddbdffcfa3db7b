"""Every fault by name, and how one is planted."""

from __future__ import annotations

import pkgutil
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Literal

from captures.simulated.han import Han
from captures.simulated.medium import Disturbance, Place, Receiver, Transmission, Wait
from captures.simulated.node import Node

__all__ = ["FAULTS", "Fault", "Play", "fault", "known", "plant"]

Behaviour = Callable[["Play"], Wait]


@dataclass(frozen=True, slots=True)
class Fault:
    """What can go wrong.

    Attributes:
        name: as `--fault` takes it.
        kind: ``attack`` (somebody means harm) or ``fault`` (something is broken).
        summary: what happens, in a sentence.
        attack: identifier in the attack table (facts/captures/attacks.csv), if it is one of those.
        needs: roles that must be in the home.
        profile: parameters that the home must have (dots written as double underscores).
        phase: ``life`` is planted when the home lives; ``join`` before devices join.
    """

    name: str
    kind: Literal["attack", "fault"]
    summary: str
    behaviour: Behaviour
    attack: str = ""
    needs: tuple[str, ...] = ()
    phase: Literal["life", "join"] = "life"
    profile: Mapping[str, Any] = field(default_factory=dict)


FAULTS: dict[str, Fault] = {}


def fault(
    name: str,
    summary: str,
    *,
    kind: Literal["attack", "fault"] = "attack",
    attack: str = "",
    needs: tuple[str, ...] = (),
    phase: Literal["life", "join"] = "life",
    profile: Mapping[str, Any] | None = None,
) -> Callable[[Behaviour], Behaviour]:
    """Register a fault under its name."""

    def register(behaviour: Behaviour) -> Behaviour:
        FAULTS[name] = Fault(name, kind, summary, behaviour, attack, needs, phase, profile or {})
        return behaviour

    return register


def known() -> dict[str, Fault]:
    """All faults, with the modules that hold them imported."""
    from captures.simulated import faults

    for module in pkgutil.iter_modules(faults.__path__):
        import_module(f"captures.simulated.faults.{module.name}")
    return FAULTS


@dataclass(slots=True)
class Play:
    """What a fault may use: the home, a random stream of its own, and its marks in the truth.

    Attributes:
        row: the fault's row in the truth; a fault adds what it knows (``device``, ``detail``).
        strength: 1.0 as designed; larger is louder.
    """

    han: Han
    name: str
    rng: random.Random
    row: dict[str, Any]
    strength: float = 1.0

    @property
    def mark(self) -> tuple[str, ...]:
        return (self.name,)

    def count(self, number: float) -> int:
        """`number` times the strength, at least one."""
        return max(1, round(number * self.strength))

    def intruder(self, place: Place | None = None, **more: Any) -> Node:
        """A radio that does not belong to the home, out on the pavement unless placed."""
        node = Node(
            f"intruder {self.name}",
            place or Place(self.rng.uniform(8, 14), self.rng.uniform(-8, 8), walls=1),
            self.han.channel,
            tx_dbm=10.0,
            han=self.han,
            eui64=self.rng.getrandbits(64) | 1,
            role="intruder",
            **more,
        )
        import simpy

        node.turn = simpy.Resource(self.han.env)
        return node

    def victim(self, *roles: str) -> Node:
        """A joined device of one of the roles, or any but the hub."""
        able = [n for n in self.han.nodes if n.joined and n.role != "CHF" and (not roles or n.role in roles)]
        chosen = self.rng.choice(able)
        self.row["device"] = f"{chosen.eui64:016x}"
        return chosen

    def send(self, sender: Node, octets: bytes, receiver: Node | None = None, **truth: Any) -> Wait:
        """Send one marked frame."""
        fact = {"mac": "forged", "sender": f"{sender.eui64:016x}", **truth}
        arrived = yield from sender.put(octets, receiver, fact, self.mark)
        return arrived

    def blurt(self, sender: Node, octets: bytes, **truth: Any) -> int:
        """Put a marked frame on the air at once, without listening before; returns its duration in ns."""
        fact = {"mac": "forged", "sender": f"{sender.eui64:016x}", **truth}
        return self.han.medium.put_on_air(Transmission(sender, octets, truth=fact, faults=self.mark))

    def disturb(
        self, applies: Callable[[Transmission, Receiver | None], float], *, corrupts: bool = True
    ) -> Disturbance:
        """Disturb the air until `calm`."""
        disturbance = Disturbance(self.name, applies, corrupts)
        self.han.medium.disturbances.append(disturbance)
        return disturbance

    def calm(self, disturbance: Disturbance) -> None:
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

    def wait(self, low: float, high: float | None = None) -> Any:
        """Some seconds, random between the two limits."""
        return self.han.wait(low if high is None else self.rng.uniform(low, high))


def plant(han: Han, name: str, *, at: float = 0.0, strength: float = 1.0) -> Play:
    """Start a fault `at` seconds from now.

    Raises:
        KeyError: there is no fault of that name.
        ValueError: the home lacks a role that the fault needs.
    """
    found = known()[name]
    missing = [role for role in found.needs if han.having(role) is None]
    if missing:
        raise ValueError(f"fault {name} needs a {' and a '.join(missing)} in the home")
    row = han.note("fault", name=name, fault_kind=found.kind, attack=found.attack, summary=found.summary)
    play = Play(han, name, han.stream(f"fault {name}"), row, strength)

    def process() -> Wait:
        yield han.wait(at)
        row["time_ns"] = han.now
        yield from found.behaviour(play)
        row["end_ns"] = han.now

    han.env.process(process())
    return play
