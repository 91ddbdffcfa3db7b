"""CCM* of one message: ZigBee 05-3474 R22 annex A, IEEE 802.15.4-2006 annex B."""

from __future__ import annotations

from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESCCM

__all__ = ["ccm_open", "ccm_seal"]


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
