"""The hash of Matyas, Meyer and Oseas over AES, and its HMAC: ZigBee 05-3474 R22 annexes B.6 and C."""

from __future__ import annotations

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

__all__ = ["aes_mmo", "hmac_mmo"]

BLOCK = 16
LONG_MESSAGE_BITS = 1 << 16


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
