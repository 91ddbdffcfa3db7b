"""Captures of whole homes, from the simulated HAN: a day, an installation, GBCS messages one after the other."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from captures.simulated.scenarios import simulate
from captures.simulated.scenarios.keyfile import keys_text
from captures.simulated.scenarios.recording import write_han
from tests.key_files import key_file

__all__ = ["HOMES", "Home", "Played"]


@dataclass(frozen=True)
class Home:
    """A scenario of the simulated HAN, and how it is played."""

    name: str
    scenario: str
    settings: dict[str, Any] = field(default_factory=dict)


HOMES = (
    Home("a home's day", "ordinary-day"),
    Home("a home's installation", "install-day"),
    Home("every GBCS use case", "proving-exercise", {"use_cases": ("all",)}),
)


@dataclass(frozen=True)
class Played:
    """A home's capture with its keys, for us and for tshark."""

    capture: Path
    keys: Path
    wireshark: Path
    frames: int

    @classmethod
    def of(cls, home: Home, folder: Path, seed: int = 3) -> Played:
        """Play `home` into `folder`."""
        stem = folder / home.scenario
        capture, keys, wireshark = stem.with_suffix(".pcapng"), stem.with_suffix(".toml"), stem
        han = simulate(home.scenario, seed=seed, **home.settings)
        count = write_han(han, capture)
        text = keys_text(han)
        key_file(keys, text)
        held = tomllib.loads(text)
        values = [one["key"] for kind in ("network_key", "link_key") for one in held.get(kind, ())]
        lines = [f'"{":".join(v[i : i + 2] for i in range(0, 32, 2))}","Normal","home"' for v in values]
        wireshark.mkdir(exist_ok=True)
        (wireshark / "zigbee_pc_keys").write_text("\n".join(lines) + "\n")
        return cls(capture, keys, wireshark, count)
