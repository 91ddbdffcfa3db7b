"""Link keys of ZigBee: the well-known one, install codes, and the keys that are derived from a link key.

Sources: ZigBee 05-3474 R22 clauses 4.4.1.5 and 4.5.3; Smart Energy 07-5356 annex E.3 (install codes).
"""

from __future__ import annotations

from functools import lru_cache

from dissectors.crypto.crc import crc16_x25
from dissectors.crypto.mmo import aes_mmo, hmac_mmo
from dissectors.model.errors import Malformed

__all__ = [
    "WELL_KNOWN_LINK_KEY",
    "install_code_crc",
    "install_code_key",
    "install_code_trouble",
    "key_load_key",
    "key_transport_key",
    "verify_key_hash",
]

WELL_KNOWN_LINK_KEY = b"ZigBeeAlliance09"
"""The default trust centre link key that everybody knows (05-3474 R22 clause 4.4.1.5)."""

CODE_OCTETS = (6, 8, 12, 16)


@lru_cache(maxsize=4096)
def key_transport_key(link_key: bytes) -> bytes:
    """What a network key is sent under."""
    return hmac_mmo(link_key, b"\x00")


@lru_cache(maxsize=4096)
def key_load_key(link_key: bytes) -> bytes:
    """What a link key is sent under."""
    return hmac_mmo(link_key, b"\x02")


def verify_key_hash(link_key: bytes) -> bytes:
    """What a Verify-Key command carries as proof of a link key."""
    return hmac_mmo(link_key, b"\x03")


def install_code_crc(code: bytes) -> bytes:
    """The two CRC octets that are printed behind an install code (CRC-16/X-25, least significant first)."""
    return crc16_x25(code).to_bytes(2, "little")


def install_code_trouble(code: bytes) -> str | None:
    """What is wrong with an install code and its CRC, as the rest of a sentence; None when nothing is."""
    body, crc = code[:-2], code[-2:]
    if len(body) in CODE_OCTETS and install_code_crc(body) == crc:
        return None
    if len(body) in CODE_OCTETS and install_code_crc(body) == crc[::-1]:
        return "has the two octets of its CRC swapped: the least significant one comes first"
    if len(code) in CODE_OCTETS and len(body) not in CODE_OCTETS:
        return f"has {2 * len(code)} hex digits: its CRC is missing, the last four digits that are printed behind it"
    if len(body) not in CODE_OCTETS:
        return f"has {2 * len(code)} hex digits, not 16, 20, 28 or 36 with its CRC"
    absent = " (or missing)" if len(code) in CODE_OCTETS else ""
    return f"has a CRC that is wrong{absent}: a digit is mistyped"


@lru_cache(maxsize=4096)
def install_code_key(code: bytes) -> bytes:
    """The link key of an install code given with its CRC.

    Raises:
        Malformed: the length is none of 8, 10, 14, 18 octets, or the CRC is wrong, swapped or missing.
    """
    trouble = install_code_trouble(code)
    if trouble is not None:
        raise Malformed(f"the install code {trouble}", layer="install code", offset=max(0, len(code) - 2))
    return aes_mmo(code)
