"""Whether octets begin as a frame of IEEE 802.15.4 does.

Strategy: the frame control field (IEEE 802.15.4-2015, 7.2.1) leaves few values to real frames: no reserved frame
type or addressing mode, no addresses in an acknowledgement of the old versions, a header that fits. One octet string
in about thirty passes by chance, so one frame proves nothing, and ten do.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from captures.gather import gather

__all__ = ["plausible_starts"]

BEACON, DATA, ACK, COMMAND = range(4)
ADDRESS_OCTETS = np.array([0, 0, 2, 8], np.int64)


def plausible_starts(
    data: npt.NDArray[np.uint8], offset: npt.NDArray[np.int64], length: npt.NDArray[np.int32]
) -> npt.NDArray[np.bool_]:
    """Which of ``data[offset : offset + length]`` can be frames. `data` needs two octets behind the last offset."""
    control = gather(data, np.minimum(offset, len(data) - 2), "<u2").astype(np.int64)
    kind, version = control & 7, control >> 12 & 3
    target, source = control >> 10 & 3, control >> 14 & 3
    addresses = ADDRESS_OCTETS[target] + ADDRESS_OCTETS[source]
    pans = 2 * (target > 0) + 2 * ((source > 0) & (control & 0x40 == 0))
    found = (kind <= COMMAND) & (version <= 2) & (target != 1) & (source != 1) & (control & 0x80 == 0)
    found &= length >= 3 + addresses + np.where(version < 2, pans, 0)
    old = version < 2
    found &= ~old | (kind != ACK) | ((addresses == 0) & (length <= 9) & (control & 0x68 == 0))
    found &= ~old | (kind != BEACON) | ((target == 0) & (source > 0))
    found &= ~old | ((kind != DATA) & (kind != COMMAND)) | (addresses > 0)
    return np.asarray(found & (control & 0x40 == 0) | found & (target > 0) & (source > 0) | found & ~old)
