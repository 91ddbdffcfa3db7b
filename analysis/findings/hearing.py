"""How much of what was on the air a capture holds: the estimate that reports show, and on which some findings hang."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from analysis.findings.subject import NO_NAMES, station_text

__all__ = ["Hearing"]

LEAST = 20  # numbered frames from which a device's share is told
NAMED = 2  # devices that a sentence names


@dataclass(slots=True)
class Hearing:
    """What the sniffer heard and missed, as far as the numbers in frames tell.

    Attributes:
        devices: by station: numbered frames that were heard, and those that are missing between them.
        by: what counts: ``frame counters`` (of the NWK layer), ``sequence numbers`` (of the MAC), ``acknowledgements``;
            empty where nothing does.
        unnumbered: the share that is missing where no device has numbers.
    """

    devices: dict[int, tuple[int, int]] = field(default_factory=dict)
    by: str = ""
    unnumbered: float = 0.0

    @property
    def share(self) -> float | None:
        """Of all frames, those that were not heard or were damaged, 0 to 1; None where nothing tells it."""
        if not self.by:
            return None
        heard, lost = (
            (sum(part) for part in zip(*self.devices.values(), strict=True)) if self.devices else (0, 0)
        )
        return lost / (heard + lost) if heard + lost else self.unnumbered

    def add(self, other: Hearing) -> None:
        """Take in what another part of the capture tells."""
        for station, (heard, lost) in other.devices.items():
            before = self.devices.get(station, (0, 0))
            self.devices[station] = before[0] + heard, before[1] + lost
        self.by = self.by or other.by
        self.unnumbered = max(self.unnumbered, other.unnumbered)

    def worst(self) -> list[tuple[int, float]]:
        """Devices of which most is missing, and the share."""
        known = {s: lost / (heard + lost) for s, (heard, lost) in self.devices.items() if heard >= LEAST}
        return sorted(known.items(), key=lambda entry: (-entry[1], entry[0]))

    def words(self, names: Mapping[int, str] = NO_NAMES) -> str:
        """A sentence, without a full stop.

        >>> Hearing({0x90B3D51F30010000: (97, 3)}, "frame counters").words()
        'the sniffer missed about 3% of the frames (by frame counters; of 90b3d51f30010000 3%)'
        """
        share = self.share
        if share is None:
            return "how much the sniffer missed is not known: no device's frames are numbered"
        worst = [
            f"of {station_text(s, names)} {part:.0%}" for s, part in self.worst()[:NAMED] if part >= 0.01
        ]
        about = "less than 1%" if 0 < share < 0.01 else f"about {share:.0%}"
        return (
            f"the sniffer missed {about} of the frames (by {self.by}{''.join('; ' + one for one in worst)})"
        )

    def to_json(self, names: Mapping[int, str] = NO_NAMES) -> dict[str, Any]:
        """What JSON has of it."""
        devices = [
            {
                "device": station_text(s, names),
                "heard": self.devices[s][0],
                "missed": self.devices[s][1],
                "share": part,
            }
            for s, part in self.worst()
        ]
        return {"share": self.share, "by": self.by or None, "devices": devices}
