"""Commands, their responses and their future-dated alerts: who answered whom, when, and with what outcome.

A response repeats the originator counter of its command with the parties swapped; a future-dated alert names
message code and originator counter of the instruction. An originator counter must grow from one command to
the next where a use case has replay protection.

Source: GBCS 4.x sections 4.3.1 (originator counters), 9.2 (future dated commands), 16.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from dissectors.gbcs.catalogue.names import use_case
from dissectors.gbcs.message import GbcsMessage

__all__ = ["Correlation", "Exchange", "Repeat", "correlate"]

_Key = tuple[str, str, int]


@dataclass(slots=True)
class Exchange:
    """A command and what came back; all places are 0-based numbers in the order that was given.

    Attributes:
        seconds: from command to response; None without times or response.
        outcome: success, failure, or None while nothing says so; a future-dated alert goes before the
            response, which only acknowledged.
        items: (object, result) of each item of the response.
    """

    command: int
    response: int | None = None
    alerts: list[int] = field(default_factory=list)
    seconds: float | None = None
    outcome: str | None = None
    items: list[tuple[str, str | None]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Repeat:
    """A command whose originator counter is not above the last one of its originator to its recipient.

    `kind`: ``same message`` (the very octets again), ``replayed`` (same counter, other octets) or
    ``out of order`` (a lower counter).
    """

    message: int
    kind: Literal["same message", "replayed", "out of order"]
    counter: int
    highest: int


@dataclass(slots=True)
class Correlation:
    """What `correlate` found. `orphans`: responses and future-dated alerts without their command."""

    exchanges: list[Exchange] = field(default_factory=list)
    orphans: list[int] = field(default_factory=list)
    repeats: list[Repeat] = field(default_factory=list)

    @property
    def unanswered(self) -> list[int]:
        """Commands without a response."""
        return [exchange.command for exchange in self.exchanges if exchange.response is None]


def correlate(messages: Iterable[tuple[float | None, GbcsMessage]]) -> Correlation:
    """Match messages given with their times in seconds (any epoch, None where unknown), in order of time.

    Pre-commands are passed over: the device never sees them.
    """
    out = Correlation()
    commands: dict[_Key, Exchange] = {}
    counters: dict[tuple[str, str], tuple[int, bytes]] = {}
    times: list[float | None] = []
    answers: list[tuple[int, GbcsMessage]] = []
    for index, (time, message) in enumerate(messages):
        times.append(time)
        if message.facts["cra"] == "command" and not message.facts["pre_command"]:
            _check_counter(out, counters, index, message)
            exchange = Exchange(index)
            if _command_key(message) not in commands:
                commands[_command_key(message)] = exchange
                out.exchanges.append(exchange)
        elif message.facts["cra"] in ("response", "alert"):
            answers.append((index, message))
    for index, message in answers:
        _answer(out, commands, times, index, message)
    return out


def _command_key(message: GbcsMessage) -> _Key:
    facts = message.facts
    return str(facts["originator"]), str(facts["recipient"]), int(facts["originator_counter"] or 0)


def _check_counter(
    out: Correlation,
    counters: dict[tuple[str, str], tuple[int, bytes]],
    index: int,
    message: GbcsMessage,
) -> None:
    row = use_case(message.layout.message_code)
    protected = row is None or row.replay_protection not in ("No", "N/A")
    originator, recipient, counter = _command_key(message)
    highest, octets = counters.get((originator, recipient), (-1, b""))
    if counter > highest:
        counters[originator, recipient] = (counter, message.octets)
        return
    if message.octets == octets:
        out.repeats.append(Repeat(index, "same message", counter, highest))
    elif protected:
        kind: Any = "replayed" if counter == highest else "out of order"
        out.repeats.append(Repeat(index, kind, counter, highest))


def _answer(
    out: Correlation,
    commands: dict[_Key, Exchange],
    times: list[float | None],
    index: int,
    message: GbcsMessage,
) -> None:
    facts = message.facts
    alert = facts["cra"] == "alert"
    if alert and "instruction_counter" not in facts:
        return
    counter = facts["instruction_counter"] if alert else facts["originator_counter"]
    parties = [facts["recipient"], facts.get("supplementary_remote_party")]
    keys = [(str(party), str(facts["originator"]), int(counter or 0)) for party in parties if party]
    exchange = next((commands[key] for key in keys if key in commands), None)
    if exchange is None:
        out.orphans.append(index)
        return
    done = message.columns.get("outcome")
    if alert:
        exchange.alerts.append(index)
        exchange.outcome = done or exchange.outcome
        return
    if exchange.response is not None:
        return
    exchange.response = index
    exchange.outcome = exchange.outcome or done
    exchange.items = [(str(row["object"]), row["result"]) for row in message.items]
    asked, answered = times[exchange.command], times[index]
    if asked is not None and answered is not None:
        exchange.seconds = answered - asked
