"""What the octets say: from the 802.15.4 frame to the last COSEM value. No I/O of any kind in here."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dissectors.dispatch import dissect_frame

__all__ = ["dissect_frame"]


def __getattr__(name: str) -> Any:
    # Scapy and the ciphers take a while to load: only when the first frame is dissected.
    if name == "dissect_frame":
        return import_module("dissectors.dispatch").dissect_frame
    raise AttributeError(f"module 'dissectors' has no attribute {name!r}")
