"""The one record that every sniffer produces, whatever it speaks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from captures.block import TrailerKind

__all__ = ["FcsVerdict", "SniffedFrame", "SnifferTrouble"]

FcsVerdict = Literal["good", "bad", "unknown"]


@dataclass(frozen=True, slots=True)
class SniffedFrame:
    """A frame as a sniffer heard it.

    Attributes:
        octets: the PSDU, with the trailer that `trailer` names.
        host_ns: when the host received it, nanoseconds since 1970-01-01 UTC.
        device_ns: the device clock, unwrapped, nanoseconds since an arbitrary start; None without one.
        time_ns: the time to write: host time fitted to the device clock (`captures.sniffers.clock`).
        frequency_khz: centre frequency, where the channel number does not say it all (sub-GHz).
        rssi: dBm; lqi: 0 to 255; None where the device does not tell.
        dropped: frames that the device or the host lost since the frame before.
    """

    octets: bytes
    host_ns: int
    device_ns: int | None = None
    time_ns: int = 0
    trailer: TrailerKind = TrailerKind.ABSENT
    fcs: FcsVerdict = "unknown"
    channel: int | None = None
    page: int | None = None
    frequency_khz: float | None = None
    rssi: int | None = None
    lqi: int | None = None
    dropped: int = 0

    def at(self, time_ns: int) -> SniffedFrame:
        """The same frame with its time settled."""
        return replace(self, time_ns=time_ns)


SnifferTrouble = Callable[[str], None]
"""Called with one sentence when a sniffer says something that is no frame (an error line, a bad checksum)."""
