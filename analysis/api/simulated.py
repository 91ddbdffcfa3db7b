"""A home that never was: its frames, its truth and its keys, without a file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.api.captured import Capture

if TYPE_CHECKING:
    from captures.simulated.devices.han import Han

__all__ = ["Simulation", "simulate"]


class Simulation(Capture):
    """A scenario that was played: a capture, with all keys of the home, that lies in memory only.

    Attributes:
        han: the home, with all that was sent and heard.

    >>> home = simulate("ordinary-day", seconds=120, seed=3)
    >>> home.packets.nwk_security.dropna().unique().tolist()
    ['ok']
    >>> {row["kind"] for row in home.truth} >= {"key", "frame"}
    True
    """

    def __init__(self, han: Han) -> None:
        from analysis.keys.homes import keys_of_home

        ring = keys_of_home(han)
        assert ring is not None
        super().__init__(han, ring)
        self.han = han

    @property
    def truth(self) -> list[dict[str, Any]]:
        """What is so: keys, messages, faults, and each frame of the capture."""
        from captures.simulated.scenarios.recording import truth_rows

        return list(truth_rows(self.han))

    def write(self, path: str | os.PathLike[str]) -> int:
        """Write the capture (pcapng); returns the number of its frames.

        Raises:
            CaptureError: it cannot be written.
        """
        from captures.simulated.scenarios.recording import write_han

        return write_han(self.han, Path(path))

    def open(self) -> Capture:
        """The capture: the same object, which is one."""
        return self

    def __repr__(self) -> str:
        return f"<Simulation {self.name}: {len(self.han.medium.heard):,} frames>"


def simulate(
    name: str,
    *,
    faults: tuple[str, ...] | list[str] = (),
    seed: int = 1,
    seconds: float | None = None,
    strength: float = 1.0,
) -> Simulation:
    """Play a scenario (``hanscope simulate --list`` names them and the faults).

    Args:
        name: of the scenario.
        faults: faults and attacks that are injected into it.
        seed: the same seed gives the same octets.
        seconds: simulated time; the scenario's own by default.
        strength: of the faults, 1.0 as designed.

    Raises:
        ValueError: there is no such scenario or fault.

    >>> simulate("install-day", seconds=60).name
    'install-day'
    """
    from captures.simulated.faults import known
    from captures.simulated.scenarios import SCENARIOS
    from captures.simulated.scenarios import simulate as play

    if name not in SCENARIOS:
        raise ValueError(f"no scenario {name!r}: {', '.join(SCENARIOS)}")
    unknown = [one for one in faults if one not in known()]
    if unknown:
        raise ValueError(f"no fault {unknown[0]!r}: `hanscope simulate --list` names them")
    return Simulation(play(name, seed=seed, seconds=seconds, faults=tuple(faults), strength=strength))
