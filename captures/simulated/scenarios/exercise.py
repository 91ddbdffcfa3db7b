"""The proving exercise: every use case of GBCS that the tables give a template for, run end to end.

A command is built and protected, crosses the home's network, is verified and answered by its device, and the
answer comes back and is verified, decrypted and decoded; an alert goes one way. What is left out, and why, is
said at the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from captures.simulated.air.medium import Wait
from captures.simulated.devices.han import Han
from captures.simulated.remote import alerts
from captures.simulated.remote.dcc import Dcc, Exchange, dcc_of
from captures.simulated.remote.directory import role_of
from captures.simulated.stack.network import Role
from dissectors.gbcs import UseCase, has_template, use_cases

__all__ = ["Exercise", "play"]

ZSE_ONLY = "ZSE specified"
OF_TROUBLE = (0x00D5, 0x00F0, 0x00F2)
"""Alerts of a home in which something is wrong (0x8F84, 0x81A0): played when they are asked for, by name or as all."""


@dataclass(slots=True)
class Exercise:
    """What was asked for, what ran, and what was left out with its reason.

    Attributes:
        wanted: message codes.
        asked: whether somebody named them.
        done: the exchange of each code that was tried.
        left_out: code and reason of those that were not.
    """

    wanted: tuple[int, ...]
    asked: bool = False
    done: dict[int, Exchange] = field(default_factory=dict)
    left_out: dict[int, str] = field(default_factory=dict)

    @property
    def complete(self) -> list[int]:
        """Codes that ran end to end."""
        return [code for code, exchange in self.done.items() if exchange.complete and exchange.response]

    def reasons(self) -> dict[int, str]:
        """Every code that did not run end to end, and why."""
        complete = set(self.complete)
        failed = {c: e.trouble for c, e in self.done.items()}
        late = dict.fromkeys(self.wanted, "still on its way at the end")
        found = {**late, **self.left_out, **failed}
        return {code: found[code] for code in sorted(found) if code not in complete}

    def summary(self) -> list[str]:
        """For people: counts, then a line for each that is missing."""
        complete = self.complete
        on_air = sum(self.done[code].on_air for code in complete)
        lines = [
            f"{len(complete)} of {len(self.wanted)} use cases ran end to end: {on_air} over the air,"
            f" {len(complete) - on_air} within the hub"
        ]
        for code, reason in self.reasons().items():
            row = use_cases()[code]
            lines.append(f"  left out 0x{code:04x} {row.use_case or row.title}: {reason}")
        return lines


def selected(names: Sequence[str] | None) -> tuple[int, ...]:
    """Message codes of the use cases called `names` (or hexadecimal codes); for None and ``all`` all.

    Raises:
        ValueError: there is no such use case.
    """
    if names is None or list(names) == ["all"]:
        return tuple(sorted(use_cases()))
    found: list[int] = []
    for name in names:
        wanted = name.strip().lower()
        codes = [c for c, u in use_cases().items() if wanted in (u.use_case.lower(), f"0x{c:04x}")]
        if not codes:
            raise ValueError(f"no use case {name.strip()!r}")
        found += codes
    return tuple(sorted(set(found)))


def reason_to_leave_out(row: UseCase) -> str:
    """Why a use case cannot be exercised; empty when it can."""
    if row.category == ZSE_ONLY:
        return "a ZSE command between devices, no GBCS message"
    if row.message_code not in alerts.ALERTS and not has_template(row.message_code):
        return "the tables have no template for its command"
    return ""


def play(han: Han) -> Wait:
    """Run the use cases that `han` was asked for, one after the other; those of the gas meter all at once."""
    exercise = han.find(Exercise)
    assert exercise is not None
    dcc = dcc_of(han)
    yield han.wait(5)
    running = []
    for code in exercise.wanted:
        reason = reason_to_leave_out(use_cases()[code])
        if code in OF_TROUBLE and not exercise.asked:
            reason = "it tells of trouble, and the home has none: ask for it, or for all"
        if reason:
            exercise.left_out[code] = reason
            continue
        process = han.env.process(_one(dcc, exercise, code))
        if role_of(code) == Role.GSME and code not in alerts.ALERTS:
            running.append(process)  # waits for the meter to wake
            yield han.wait(0.01)
        else:
            yield process
    for process in running:
        yield process


def _one(dcc: Dcc, exercise: Exercise, code: int) -> Wait:
    if code in alerts.ALERTS:
        device, party = dcc.recipient(code), dcc.parties["Supplier A"]
        counter = dcc.counter(device)
        process = dcc.alert(
            code, device, alerts.payload(dcc, code, device, party, counter), to=party, counter=counter
        )
    else:
        process = dcc.exchange(code)
    exercise.done[code] = yield from process
