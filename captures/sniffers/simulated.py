"""The simulated HAN as a sniffer: its frames arrive as if from the air, in their own time or faster."""

from __future__ import annotations

import time
from collections.abc import Iterator

from captures.errors import CaptureError
from captures.frame import CapturedFrame

__all__ = ["SimulatedSniffer"]

STEP = 0.2
"""Seconds of real time between two looks at the simulation; simulated ones when it runs as fast as it can."""


class SimulatedSniffer:
    """A scenario, played as long as it lasts.

    Args:
        place: ``install-day``, or with faults ``install-day+replay+weak-link``.
        speed: simulated seconds a second; 0 for as fast as possible.
        seed: same seed, same octets.
        seconds: how long, simulated; the scenario's own length when None.

    Raises:
        CaptureError: no such scenario or fault, or the home lacks a device that the fault needs.
    """

    def __init__(self, place: str, speed: float, seed: int, seconds: float | None = None) -> None:
        from captures.simulated.scenarios import SCENARIOS, stage

        scenario, *faults = (place or "install-day").split("+")
        self.name = f"simulated HAN, {place or 'install-day'}"
        if speed < 0:
            raise CaptureError(self.name, None, "the speed cannot be negative")
        try:
            self._han, self._left = stage(scenario, seed=seed, seconds=seconds, faults=faults)
        except KeyError as error:
            known = ", ".join(SCENARIOS)
            raise CaptureError(
                self.name, None, f"no scenario or fault {error}", hint=f"known are {known}"
            ) from None
        except ValueError as error:
            raise CaptureError(self.name, None, str(error)) from None
        self._speed = speed
        self._open = True

    def frames(self) -> Iterator[CapturedFrame | None]:
        """Frames in the order of their time; None whenever the air is quiet for a moment."""
        heard = self._han.medium.heard
        began = time.monotonic()
        played = 0.0
        while self._left > 0 and self._open:
            step = min(self._left, STEP * (self._speed or 50))
            self._han.run(step)
            self._left -= step
            played += step
            for one in sorted(heard, key=lambda h: h.time_ns):
                yield self._han.captured_frame(one)
            heard.clear()
            yield None
            if self._speed:
                time.sleep(max(0.0, began + played / self._speed - time.monotonic()))

    def close(self) -> None:
        """Stop playing."""
        self._open = False
