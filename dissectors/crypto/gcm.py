"""AES-GCM with tags of 12 octets (NIST SP 800-38D), as DLMS and GBCS use it, and its encryption alone."""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR, GCM

__all__ = ["TAG_LENGTH", "counter_mode", "gcm_open", "gcm_seal", "gmac"]

TAG_LENGTH = 12


def gcm_open(key: bytes, iv: bytes, ciphertext: bytes, aad: bytes, tag: bytes) -> bytes | None:
    """The plain text; None when the tag does not match."""
    cipher = Cipher(AES(key), GCM(iv, tag, min_tag_length=TAG_LENGTH)).decryptor()
    cipher.authenticate_additional_data(aad)
    try:
        return cipher.update(ciphertext) + cipher.finalize()
    except InvalidTag:
        return None


def gcm_seal(key: bytes, iv: bytes, plaintext: bytes, aad: bytes) -> tuple[bytes, bytes]:
    """Cipher text and 12-octet tag."""
    sealed = AESGCM(key).encrypt(iv, plaintext, aad)
    return sealed[: len(plaintext)], sealed[len(plaintext) :][:TAG_LENGTH]


def gmac(key: bytes, iv: bytes, data: bytes) -> bytes:
    """The full tag of 16 octets over `data`, of which a message carries the first 12."""
    return AESGCM(key).encrypt(iv, b"", data)


def counter_mode(key: bytes, iv: bytes, octets: bytes) -> bytes:
    """Encryption without the tag: CTR from block 2 (section 7.1)."""
    cipher = Cipher(AES(key), CTR(iv + b"\0\0\0\2")).encryptor()
    return cipher.update(octets) + cipher.finalize()
