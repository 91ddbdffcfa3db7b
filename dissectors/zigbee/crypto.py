"""The cryptography of ZigBee: CCM*, AES-MMO, its HMAC, install codes, derived keys.

Sources: ZigBee 05-3474 R22 annexes A (CCM*), B.6 (AES-MMO), C (HMAC, test vectors), clause 4.5.3 (keys
derived from a link key); Smart Energy 07-5356 annex E.3 (install codes); IEEE 802.15.4-2006 annex B.
"""

from __future__ import annotations

from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESCCM

from dissectors.errors import Malformed

__all__ = [
    "WELL_KNOWN_LINK_KEY",
    "aes_mmo",
    "ccm_open",
    "ccm_seal",
    "hmac_mmo",
    "install_code_crc",
    "install_code_key",
    "install_code_trouble",
    "key_load_key",
    "key_transport_key",
    "verify_key_hash",
]

WELL_KNOWN_LINK_KEY = b"ZigBeeAlliance09"
"""The default trust centre link key that everybody knows (05-3474 R22 clause 4.4.1.5)."""

BLOCK = 16
LONG_MESSAGE_BITS = 1 << 16
CODE_OCTETS = (6, 8, 12, 16)


@lru_cache(maxsize=512)
def _ccm(key: bytes, tag: int) -> AESCCM:
    return AESCCM(key, tag_length=tag)


def _stream(key: bytes, nonce: bytes, octets: bytes) -> bytes:
    """Encryption alone, for a code of no octets: counter mode from counter 1 (L = 2)."""
    start = b"\x01" + nonce + b"\x00\x01"
    return Cipher(algorithms.AES(key), modes.CTR(start)).encryptor().update(octets)


def ccm_open(key: bytes, nonce: bytes, header: bytes, payload: bytes, mic: bytes) -> bytes | None:
    """`payload` in clear, or None when `mic` does not match. An empty `mic` means encryption only."""
    if not mic:
        return _stream(key, nonce, payload)
    try:
        return _ccm(key, len(mic)).decrypt(nonce, payload + mic, header)
    except InvalidTag:
        return None


def ccm_seal(key: bytes, nonce: bytes, header: bytes, payload: bytes, mic_octets: int) -> tuple[bytes, bytes]:
    """`payload` enciphered, and its integrity code of 0, 4, 8 or 16 octets."""
    if not mic_octets:
        return _stream(key, nonce, payload), b""
    sealed = _ccm(key, mic_octets).encrypt(nonce, payload, header)
    return sealed[:-mic_octets], sealed[-mic_octets:]


def _padded(message: bytes) -> bytes:
    """Annex B.6: bit 1, zeros, the length in bits; from 2^16 bits on a longer length field."""
    bits = 8 * len(message)
    length = bits.to_bytes(2, "big") if bits < LONG_MESSAGE_BITS else bits.to_bytes(4, "big") + b"\0\0"
    zeros = -(len(message) + 1 + len(length)) % BLOCK
    return message + b"\x80" + bytes(zeros) + length


def aes_mmo(message: bytes) -> bytes:
    """The Matyas-Meyer-Oseas hash of `message`, 16 octets.

    >>> aes_mmo(b"\\xc0").hex()
    'ae3a102a28d43ee0d4a09e22788b206c'
    """
    state = bytes(BLOCK)
    padded = _padded(message)
    for at in range(0, len(padded), BLOCK):
        block = padded[at : at + BLOCK]
        out = Cipher(algorithms.AES(state), modes.ECB()).encryptor().update(block)
        state = (int.from_bytes(out, "big") ^ int.from_bytes(block, "big")).to_bytes(BLOCK, "big")
    return state


def hmac_mmo(key: bytes, message: bytes) -> bytes:
    """HMAC with AES-MMO; a key longer than a block is hashed first."""
    block = (aes_mmo(key) if len(key) > BLOCK else key).ljust(BLOCK, b"\0")
    inner = aes_mmo(bytes(o ^ 0x36 for o in block) + message)
    return aes_mmo(bytes(o ^ 0x5C for o in block) + inner)


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
    crc = 0xFFFF
    for octet in code:
        crc ^= octet
        for _ in range(8):
            crc = crc >> 1 ^ (0x8408 if crc & 1 else 0)
    return (crc ^ 0xFFFF).to_bytes(2, "little")


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
