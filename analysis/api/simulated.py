"""A home that never was: its frames, its truth and its keys, without a file."""

from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis.api.captured import Capture

__all__ = ["Simulation", "simulate"]


class _Named(BytesIO):
    """A file in memory that tables can call by a name."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name


class Simulation:
    """A scenario that was played.

    Attributes:
        name: of the scenario.
        han: the home, with all that was sent and heard.
    """

    def __init__(self, name: str, han: Any) -> None:
        self.name = name
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
        """The capture as `hs.open` gives it, with all keys of the home."""
        from analysis.api.captured import Capture
        from captures.simulated.scenarios.recording import write_han

        stream = _Named(self.name)
        write_han(self.han, stream)
        stream.seek(0)
        return Capture(stream, self._keyring())

    def _keyring(self) -> Any:
        from analysis.keys.keyfile import read_keys_text
        from captures.simulated.scenarios.keyfile import keys_text

        return read_keys_text(keys_text(self.han))

    def __repr__(self) -> str:
        return f"<Simulation {self.name}: {sum(1 for _ in self.han.records()):,} frames>"


def simulate(
    name: str,
    *,
    faults: tuple[str, ...] | list[str] = (),
    seed: int = 1,
    seconds: float | None = None,
) -> Simulation:
    """Play a scenario (``hanscope simulate --list`` names them and the faults).

    Args:
        name: of the scenario.
        faults: faults and attacks that are planted in it.
        seed: the same seed gives the same octets.
        seconds: simulated time; the scenario's own by default.

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
    return Simulation(name, play(name, seed=seed, seconds=seconds, faults=tuple(faults)))
