"""What somebody calls a live source: a sniffer, a simulated home, a pipe, a file that grows."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any, NamedTuple

from analysis.cli import console
from dissectors import Keyring

__all__ = ["FILES", "LiveOptions", "is_live", "opened_live"]

SIMULATED = "simulate:"


class LiveOptions(NamedTuple):
    """How a live source is listened to; `asked`: a file is taken for one that grows."""

    asked: bool = False
    channel: int = 11
    speed: float = 1.0
    record: Path | None = None
    seed: int = 1


FILES = LiveOptions()
"""Files are read to their end."""


def is_live(source: str) -> bool:
    """Whether a source is a sniffer, a simulated home, or a pipe."""
    if source == "-":
        return True
    path = Path(source)
    return path.is_fifo() if path.exists() else ":" in source and "://" not in source


def opened_live(
    source: str | IO[bytes], channel: int, speed: float, seed: int, record: Path | None, quiet: bool
) -> tuple[Any, Keyring | None]:
    """The source, and the keys of the simulated home where it is one.

    Raises:
        UsageError, CaptureError: there is no such source.
    """
    from analysis.live.kept_frames import KeptFrames

    if not isinstance(source, str) or source == "-" or Path(source).exists():
        if record is not None:
            raise console.UsageError("--record is for sniffers: a file or pipe is there already")
        return KeptFrames(source), None
    from captures.sniffers import open_sniffer

    place = "simulated:" + source.removeprefix(SIMULATED) if source.startswith(SIMULATED) else source
    try:
        sniffer = open_sniffer(
            place, channel=channel, speed=speed, seed=seed,
            trouble=(lambda text: None) if quiet else (lambda text: console.say(f"note: {text}")),
        )  # fmt: skip
    except ValueError as error:
        raise console.UsageError(str(error)) from None
    own = _keys_of_home(place.removeprefix("simulated:"), seed) if place.startswith("simulated:") else None
    return KeptFrames(sniffer, record_to=record), own


def _keys_of_home(place: str, seed: int) -> Keyring | None:
    """All keys of a simulated home, those among them that its devices will agree upon: it is played beforehand."""
    from analysis.keys.homes import keys_of_home
    from captures.simulated.scenarios import simulate

    scenario, *faults = (place or "install-day").split("+")
    return keys_of_home(simulate(scenario, seed=seed, faults=faults))
