"""Every plant by name: what it is, what it is planted in, and which rules must tell it."""

from __future__ import annotations

import tempfile
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from analysis.engine.checking import check
from analysis.findings.model import SEVERITIES, CheckResult, Finding
from analysis.keys.keyfile import read_keys
from analysis.pipeline.decode import DECODED_TABLES, decode
from captures.simulated.scenarios import simulate
from captures.simulated.scenarios.keyfile import keys_text
from captures.simulated.scenarios.recording import write_han
from tests.analysis.planted.recording import Recording
from tests.key_files import key_file

__all__ = ["BASES", "PLANTS", "Plant", "Told", "base", "decoded_of", "plant", "try_plant"]

BASES: Mapping[str, tuple[str, float]] = {
    "quarter": ("ordinary-day", 1000),
    "hour": ("ordinary-day", 3000),
    "evening": ("ordinary-day", 14_400),
    "installation": ("install-day", 1500),
    "installed": ("install-day", 6000),
    "prepayment": ("prepayment", 4800),
    "firmware": ("firmware-update", 1500),
    "cad": ("cad-pairing", 1200),
    "supplier": ("change-of-supplier", 1500),
    "sub-ghz": ("sub-ghz-day", 4800),
}
"""Clean captures: scenario and seconds."""


@dataclass(frozen=True, slots=True)
class Plant:
    """One way to spoil a capture.

    Attributes:
        rules: one of these must tell it, at `least` that severity, with a frame that was planted.
        base: name of the clean capture. `strengths`: how loud it is played.
        silent: leaves no frame of its own: the rule must name the device that the plant returns.
    """

    name: str
    rules: tuple[str, ...]
    base: str
    strengths: tuple[float, ...]
    behaviour: Callable[[Recording], Any] = field(repr=False)
    silent: bool = False
    least: str = "warning"


PLANTS: dict[str, Plant] = {}


def plant(
    name: str,
    *rules: str,
    base: str = "quarter",
    strengths: tuple[float, ...] = (0.5, 1.0, 2.0),
    silent: bool = False,
    least: str = "warning",
) -> Callable[[Callable[[Recording], Any]], Callable[[Recording], Any]]:
    """Registers a plant under its name."""

    def register(behaviour: Callable[[Recording], Any]) -> Callable[[Recording], Any]:
        PLANTS[name] = Plant(name, rules, base, strengths, behaviour, silent, least)
        return behaviour

    return register


@dataclass(slots=True)
class Told:
    """What the rules said of a planted capture, and its tables."""

    plant: Plant
    truth: set[int]
    device: str
    result: CheckResult
    tables: dict[str, Any] = field(repr=False)

    def hits(self, finding: Finding) -> int:
        if self.plant.silent:
            return int(bool(self.device) and self.device in finding.device)
        return len(self.truth.intersection(finding.frames))

    @property
    def rules(self) -> dict[str, int]:
        """Rules that tell it at that severity or above, with how many planted frames they name."""
        out: dict[str, int] = {}
        for one in self.result.findings:
            if SEVERITIES.index(one.severity) >= SEVERITIES.index(self.plant.least) and self.hits(one):
                out[one.rule] = out.get(one.rule, 0) + self.hits(one)
        return out

    @property
    def found(self) -> bool:
        return bool(set(self.rules) & set(self.plant.rules))


@cache
def base(name: str, seed: int) -> tuple[bytes, str, dict[str, Any]]:
    """A clean capture's octets, its keys, and its tables."""
    scenario, seconds = BASES[name]
    han = simulate(scenario, seed=seed, seconds=seconds)
    with tempfile.TemporaryDirectory() as folder:
        capture = Path(folder) / "clean.pcapng"
        write_han(han, capture)
        keys = _with_parties(keys_text(han))
        return capture.read_bytes(), keys, decoded_of(capture, keys)


def _with_parties(keys: str) -> str:
    """Keys in which the remote parties have their roles, as a person who knows them writes it."""
    head, gbcs, tail = keys.partition("[gbcs]")
    parties = "".join(
        f'[[device]]\neui64 = "{party}"\nname = "{role}"\nrole = "{role}"\n\n'
        for party, role in (("90b3d5fffef10000", "Supplier"), ("90b3d5fffef20000", "Network Operator"))
    )
    return head + parties + gbcs + tail


def decoded_of(capture: Path, keys: str) -> dict[str, Any]:
    """The tables of a capture, decoded with keys of this text."""
    held = key_file(capture.with_suffix(".toml"), keys)
    done = decode(str(capture), read_keys(held))
    return {name: done.arrow[name] for name in DECODED_TABLES}


def try_plant(one: Plant, seed: int, strength: float, rules: list[str] | None = None) -> Told:
    """Plants it in a clean capture, and asks the rules."""
    octets, keys, tables = base(one.base, 901 + seed % 2)
    with tempfile.TemporaryDirectory() as folder:
        capture = Path(folder) / "planted.pcapng"
        capture.write_bytes(octets)
        recording = Recording(capture, tomllib.loads(keys), tables, seed)
        recording.strength = strength
        device = one.behaviour(recording)
        truth = recording.write(capture)
        said = f"{device:016x}" if isinstance(device, int) else str(device or "")
        decoded = decoded_of(capture, keys)
        return Told(one, truth, said, check(decoded, rules=rules), decoded)
