"""What the octets say: from the 802.15.4 frame to the last COSEM value. No I/O of any kind in here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dissectors.deferred import deferred

if TYPE_CHECKING:
    from dissectors.dispatch import dissect_frame

__all__ = ["dissect_frame"]

# The ciphers take a while to load: only when the first frame is dissected.
__getattr__ = deferred(__name__, {"dissect_frame": "dispatch"})
