"""What every sniffer gives, whatever it speaks: captured frames, and its troubles in sentences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from captures.block import FcsState
from captures.frame import CapturedFrame

__all__ = ["SniffedFrame", "SnifferTrouble"]

SnifferTrouble = Callable[[str], None]
"""Called with one sentence when a sniffer says something that is no frame (an error line, a bad checksum)."""


def SniffedFrame(  # noqa: N802 - the former name of what sniffers give
    octets: bytes,
    host_ns: int,
    device_ns: int | None = None,
    time_ns: int = 0,
    *,
    fcs: Any = "unknown",
    **more: Any,
) -> CapturedFrame:
    """A captured frame, by the arguments of the class that sniffers had; `fcs` may be good, bad or unknown."""
    verdict = FcsState[fcs.upper()] if isinstance(fcs, str) else fcs
    return CapturedFrame(octets, time_ns, fcs=verdict, host_ns=host_ns, device_ns=device_ns, **more)
