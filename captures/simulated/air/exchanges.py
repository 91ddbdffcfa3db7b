"""What belongs together in a home's life, as it is: requests with answers, joins, sessions, for the truth file.

A frame's truth names its exchange (`FrameTruth.exchange`) and says whether it answers (`answer`); who sends a request
begins an exchange, who answers it looks it up.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from captures.simulated.air.truth import FrameTruth, TimedNote
from captures.simulated.air.world import World

__all__ = ["ExchangeNote", "Exchanges", "Outcome", "begin", "inside"]

Outcome = Literal["ok", "refused", "unanswered", "undelivered", "running"]


@dataclass(slots=True)
class ExchangeNote(TimedNote):
    """An exchange: of what type, between whom, and what became of it.

    Attributes:
        type: zcl, zdp (requests), delivery (no answer is due), poll, join, rejoin, key-establishment, tunnel, gbcs, ota.
        messages: numbers of the GBCS messages of a gbcs exchange.
    """

    kind: ClassVar[str] = "exchange"
    exchange: int
    type: str
    initiator: str
    responder: str
    outcome: Outcome = "unanswered"
    cluster: int | None = None
    command: int | None = None
    messages: list[int] | None = None

    def ended(self, outcome: Outcome) -> None:
        """Say what became of it; a refusal stays one."""
        if self.outcome != "refused":
            self.outcome = outcome


Asked = tuple[str, str, int, int]


@dataclass(slots=True)
class Exchanges:
    """How many there were, and requests by asker, asked, cluster and sequence number."""

    count: int = 0
    asked: dict[Asked, ExchangeNote] = field(default_factory=dict)


def begin(world: World, type: str, initiator: str, responder: str, **more: Any) -> ExchangeNote:  # noqa: A002
    """An exchange begins."""
    state = world.part(Exchanges)
    state.count += 1
    return world.note(ExchangeNote(state.count, type, initiator, responder, **more))


def inside(one: ExchangeNote, *, answer: bool = False) -> FrameTruth:
    """What is true of a frame of an exchange."""
    return {"exchange": one.exchange, "answer": True} if answer else {"exchange": one.exchange}
