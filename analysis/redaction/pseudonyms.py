"""Other names for addresses and keys: the same for the same every time, and none can be turned back.

Strategy: everything is drawn from HMAC-SHA-256 under the salt. A salt that nobody knows makes the pseudonyms
of a capture its own; the same salt gives several captures the same pseudonyms.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Iterable

from dissectors.zigbee import WELL_KNOWN_LINK_KEY

__all__ = ["Leaks", "Pseudonyms"]

NOBODY = frozenset([0, 0xFFFF_FFFF_FFFF_FFFF])
BROADCAST_PAN = 0xFFFF
ROUNDS = 8
DISTINCT = 3
"""An EUI-64 of fewer different octets is not searched for: it would be found where it is not."""


class Pseudonyms:
    """What stands for what.

    Args:
        salt: octets from which all pseudonyms are drawn; random ones when there are none.
    """

    def __init__(self, salt: bytes = b"") -> None:
        self._salt = salt or secrets.token_bytes(32)
        self.addresses: dict[int, int] = {}
        self.pans: dict[int, int] = {}

    def octets(self, purpose: str, of: bytes, count: int) -> bytes:
        """`count` octets that look random: the same for the same `purpose` and `of`."""
        out = b""
        while len(out) < count:
            out += hmac.digest(self._salt, b"%s\0%d\0" % (purpose.encode(), len(out)) + of, "sha256")
        return out[:count]

    def eui64(self, value: int) -> int:
        """An address in the locally administered range, so that it is nobody's real one; 0 and all ones stay."""
        if value in NOBODY:
            return value
        found = self.addresses.get(value)
        if found is None:
            drawn = self.octets("eui64", value.to_bytes(8, "big"), 8)
            found = int.from_bytes(bytes([drawn[0] & 0xFC | 0x02]) + drawn[1:], "big")
            self.addresses[value] = found
        return found

    def pan(self, value: int) -> int:
        """A PAN ID; two never become one, and the broadcast PAN stays."""
        if value == BROADCAST_PAN:
            return value
        if value not in self.pans:
            drawn = self._shuffled(value)
            while drawn == BROADCAST_PAN:
                drawn = self._shuffled(drawn)
            self.pans[value] = drawn
        return self.pans[value]

    def _shuffled(self, value: int) -> int:
        """A permutation of the 16-bit numbers: a Feistel network over two octets."""
        left, right = value >> 8, value & 0xFF
        for number in range(ROUNDS):
            left, right = right, left ^ self.octets("pan", bytes([number, right]), 1)[0]
        return left << 8 | right

    def key(self, value: bytes) -> bytes:
        """Another key for `value`; the one that everybody knows stays."""
        return value if value == WELL_KNOWN_LINK_KEY else self.octets("key", value, 16)


class Leaks:
    """Finds what must not be there wherever it is: addresses in either byte order, and keys."""

    def __init__(self, names: Pseudonyms, addresses: Iterable[int], keys: Iterable[bytes]) -> None:
        self._instead: dict[bytes, bytes] = {}
        for value in addresses:
            octets = value.to_bytes(8, "big")
            if len(set(octets)) >= DISTINCT:
                other = names.eui64(value).to_bytes(8, "big")
                self._instead[octets] = other
                self._instead[octets[::-1]] = other[::-1]
        for key in keys:
            if key != WELL_KNOWN_LINK_KEY:
                self._instead[key] = self._instead[key[::-1]] = bytes(len(key))
        longest_first = sorted(self._instead, key=len, reverse=True)
        self._pattern = re.compile(b"|".join(map(re.escape, longest_first)), re.DOTALL)

    def stopped(self, octets: bytes) -> bytes:
        """`octets` with all that leaked replaced, of the same length."""
        if not self._instead:
            return octets
        return self._pattern.sub(lambda found: self._instead[found[0]], octets)
