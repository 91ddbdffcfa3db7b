"""NWK commands of many frames at once: those whose length says that they are whole.

Source: ZigBee specification (05-3474) clause 3.4.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dissectors.facts import names
from dissectors.vectors import Octets, Span
from dissectors.zigbee.frames import Ends, Frames

__all__ = ["LENGTHS", "Length", "read_nwk_commands"]

NWK = "ZigBee NWK"


class Length(NamedTuple):
    """Octets of a command, identifier included: `base`, 8 for each bit of `addresses` that is set in the
    octet after the identifier, and `each` times the count in the bits `counted` of it.
    """

    base: int
    addresses: int = 0
    each: int = 0
    counted: int = 0


LENGTHS = {
    1: Length(6, addresses=0x20),  # route request
    2: Length(8, addresses=0x30),  # route reply
    4: Length(2),  # leave
    5: Length(2, each=2, counted=0xFF),  # route record
    8: Length(2, each=3, counted=0x1F),  # link status
    11: Length(3),  # end device timeout request
    12: Length(3),  # end device timeout response
}
"""Commands that are read here; all others leave the vector path."""


def read_nwk_commands(frames: Frames, octets: Octets, payloads: Span, ends: Ends) -> None:
    """Finish the commands that are whole."""
    payloads = payloads.where(payloads.length >= 2)
    command, options = octets.u8(payloads.offset), octets.u8(payloads.offset + 1)
    whole = np.zeros(len(payloads), np.bool_)
    for code, length in LENGTHS.items():
        octets_needed = length.base + length.each * (options & length.counted).astype(np.int64)
        for bit in range(8):
            if length.addresses >> bit & 1:
                octets_needed += 8 * ((options >> bit) & 1)
        whole |= (command == code) & (payloads.length == octets_needed)
    rows, command = payloads.rows[whole], command[whole]
    frames.out.put("nwk_command", rows, command)
    known = names("zigbee", "nwk_command")
    texts = [known.get(code, "Unknown NWK command") for code in range(max(LENGTHS) + 1)]
    if "commands" not in frames.tables:
        frames.finish(rows, NWK, texts, command.astype(np.int64))
    del ends
