"""Many different homes out of the simulated HAN: drawn from a stated distribution, with the truth about each.

Strategy: each home is drawn from the seed and its own number, so it is the same however many there are and whoever makes
it; it is made by the same engine that decodes.
"""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import resources
from typing import Any

from analysis.fleet.engine import Work, carried_out
from analysis.fleet.locations import FleetError, located, write_octets
from analysis.fleet.store import Entry
from captures.toml_text import parse_toml

__all__ = ["SimulatedHome", "causes", "drawn", "simulate_fleet"]

FIRST_DAY = datetime(2026, 2, 2, tzinfo=UTC)
CHANNELS = (11, 15, 20, 24, 25)
"""2.4 GHz channels that hubs take."""


@cache
def _stated() -> dict[str, Any]:
    return parse_toml((resources.files("analysis.fleet") / "homes.toml").read_text("utf-8"))


def causes() -> dict[str, str]:
    """What many homes may have in common, by name, with what it is."""
    return {name: cause["summary"] for name, cause in _stated()["causes"].items()}


@dataclass(frozen=True, slots=True)
class SimulatedHome:
    """One capture of one home that is to be made.

    Attributes:
        number: of the home, from 1 on.
        day: 0-based.
        out: URL of the folder.
        facts: models, firmware, supplier, building.
        causes: those of the fleet that it takes part in.
    """

    number: int
    day: int
    seed: int
    out: str
    scenario: str
    seconds: float
    channel: int
    facts: Mapping[str, str]
    faults: tuple[str, ...]
    causes: tuple[str, ...]
    profile: Mapping[str, Any] = field(default_factory=dict)
    keys: bool = False

    @property
    def site(self) -> str:
        return f"site{self.number:05d}"

    @property
    def date(self) -> str:
        return f"{FIRST_DAY + timedelta(days=self.day):%Y-%m-%d}"

    @property
    def capture(self) -> str:
        """Where its capture lies within the folder."""
        return f"{self.date}/{self.site}/han.pcapng"

    @property
    def name(self) -> str:
        return f"simulate-{self.seed}-{self.number}-{self.day}"


def drawn(
    number: int, *, out: str, seed: int = 1, day: int = 0, chosen: Sequence[str] = (), keys: bool = False,
    seconds: float | None = None,
) -> SimulatedHome:  # fmt: skip
    """A home as it falls out for a number.

    Args:
        number: from 1 on.
        out: URL of the folder.
        seed: of the fleet.
        day: which of its days.
        chosen: names of the fleet's causes.
        keys: write its keys, too.
        seconds: how long each capture is; what is stated by default.

    Raises:
        FleetError: there is no such cause.
    """
    stated = _stated()
    if unknown := [name for name in chosen if name not in stated["causes"]]:
        raise FleetError(f"no cause {unknown[0]!r}", "causes: " + ", ".join(stated["causes"]))
    own = random.Random(f"home {seed} {number}")
    facts: dict[str, str] = {}
    for fact in ("hub_model", "esme_model", "gsme_model", "supplier"):
        value = _weighted(own, {name: one["weight"] for name, one in stated[fact].items()})
        facts[fact] = value
        if firmware := stated[fact][value].get("firmware"):
            facts[fact.replace("_model", "_firmware")] = _weighted(own, firmware)
    if number <= stated["buildings"]["homes"] or own.random() < stated["buildings"]["share"]:
        facts["building"] = f"block {(number - 1) // stated['buildings']['homes'] + 1}"
    faults: list[str] = []
    if own.random() < stated["faults"]["share"]:
        faults.append(_weighted(own, stated["faults"]["weights"]))
    profile: dict[str, Any] = {}
    taken = []
    for name in chosen:
        cause = stated["causes"][name]
        if _takes_part(cause, facts, number):
            taken.append(name)
            faults += [one for one in cause.get("faults", ()) if one not in faults]
            profile |= cause.get("profile", {})
    today = random.Random(f"day {seed} {number} {day}")
    scenario = _weighted(today, {name: one[0] for name, one in stated["scenarios"].items()})
    length = stated["scenarios"][scenario][1] if seconds is None else seconds
    return SimulatedHome(
        number,
        day,
        seed,
        out,
        scenario,
        length,
        own.choice(CHANNELS),
        facts,
        tuple(faults),
        tuple(taken),
        profile,
        keys,
    )


def _takes_part(cause: Mapping[str, Any], facts: Mapping[str, str], number: int) -> bool:
    if "homes" in cause:
        return bool(number == cause["homes"])
    return all(facts.get(fact) == value for fact, value in cause["where"].items())


def _weighted(draw: random.Random, weights: Mapping[str, float]) -> str:
    return draw.choices(list(weights), list(weights.values()))[0]


def made(home: SimulatedHome) -> Entry:
    """Make a home and write its capture; its row of the truth."""
    from captures.simulated.air.profile import profile
    from captures.simulated.scenarios import simulate
    from captures.simulated.scenarios.keyfile import keys_text
    from captures.simulated.scenarios.recording import write_han

    values = {"home.number": home.number, "radio.channel": home.channel, **home.profile}
    begin = FIRST_DAY + timedelta(days=home.day, minutes=home.number % 60)
    han = simulate(
        home.scenario, seed=home.seed * 1_000_003 + home.number * 101 + home.day, seconds=home.seconds,
        faults=home.faults, start=int(begin.timestamp()),
        profile=profile().changed(**{name.replace(".", "__"): value for name, value in values.items()}),
    )  # fmt: skip
    octets = io.BytesIO()
    frames = write_han(han, octets)
    fs, root = located(home.out)
    write_octets(fs, f"{root.rstrip('/')}/{home.capture}", octets.getvalue())
    if home.keys:
        write_octets(fs, f"{root.rstrip('/')}/keys/{home.site}.toml", keys_text(han).encode())
    return {
        "capture": home.capture, "site": home.site, "date": home.date, "frames": frames, "state": "ok",
        "scenario": home.scenario, "faults": list(home.faults), "causes": list(home.causes), "facts": dict(home.facts),
    }  # fmt: skip


def not_made(home: SimulatedHome, error: BaseException) -> Entry:
    """What stands for a home that could not be made."""
    return {
        "capture": home.capture,
        "site": home.site,
        "state": "failed",
        "error": f"{type(error).__name__}: {error}",
    }


def simulate_fleet(
    number: int,
    out: str,
    *,
    seed: int = 1,
    days: int = 1,
    chosen: Sequence[str] = (),
    keys: bool = False,
    seconds: float | None = None,
    scheduler: str = "local",
    workers: int | None = None,
    told: Callable[[int, int, Entry], None] | None = None,
) -> list[Entry]:
    """Make homes into a folder: ``DATE/SITE/han.pcapng``, ``sites.csv`` and ``truth.jsonl``; returns the truth.

    Args:
        number: how many homes.
        out: URL or path of the folder.
        seed, chosen, keys, seconds: see `drawn`.
        days: captures of each.
        scheduler, workers: see `analysis.fleet.engine.carried_out`.
        told: called after each capture.

    Raises:
        FleetError: no such cause, the folder cannot be reached, or a home could not be made.
    """
    homes = [
        drawn(one, out=out, seed=seed, day=day, chosen=chosen, keys=keys and day == 0, seconds=seconds)
        for one in range(1, number + 1)
        for day in range(days)
    ]
    truth = []
    for entry in carried_out(Work(made, not_made), homes, scheduler, workers):
        if entry["state"] == "failed":
            raise FleetError(f"{entry['capture']}: {entry['error']}")
        truth.append(entry)
        if told is not None:
            told(len(truth), len(homes), entry)
    truth.sort(key=lambda one: str(one["capture"]))
    fs, root = located(out)
    lines = "".join(json.dumps(one, sort_keys=True) + "\n" for one in truth)
    write_octets(fs, f"{root.rstrip('/')}/truth.jsonl", lines.encode())
    write_octets(fs, f"{root.rstrip('/')}/sites.csv", _sites(truth).encode())
    return truth


def _sites(truth: Sequence[Entry]) -> str:
    facts = sorted({fact for one in truth for fact in one["facts"]})
    text = io.StringIO()
    rows = csv.DictWriter(text, ["capture", "site", "date", *facts], lineterminator="\n")
    rows.writeheader()
    for one in truth:
        rows.writerow({name: one[name] for name in ("capture", "site", "date")} | one["facts"])
    return text.getvalue()
