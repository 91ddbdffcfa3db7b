"""The keys of GBCS messages, and encrypted attributes.

Source: GBCS 4.x section 4 (cryptographic protections) and section 8 (encryption); NIST SP 800-56A
(static-static ECDH with the concatenation KDF over SHA-256), SP 800-38D (GCM, tag of 96 bits).
"""

from __future__ import annotations

from typing import Literal

from dissectors.crypto.gcm import TAG_LENGTH, gcm_open, gcm_seal
from dissectors.crypto.gcm import gmac as tag
from dissectors.crypto.kdf import derive_key

__all__ = [
    "ENCRYPTION_MODE",
    "MAC_LENGTH",
    "SECURITY_HEADER",
    "Verdict",
    "decrypt",
    "encrypt",
    "gmac",
    "message_key",
]

Verdict = Literal["absent", "valid", "invalid", "no_key"]
MAC_LENGTH = TAG_LENGTH
ENCRYPTION_MODE = 4
"""The octet that stands for the CRA flag in the key derivation of encrypted attributes."""

# algorithm identifier aes128-gcm in DER without its tag
_ALGORITHM = b"\x60\x85\x74\x06\x08\x03\x00"
_ENCRYPTION_CONTROL = b"\x31"
_ZERO_COUNTER = b"\x00\x00\x00\x00"
SECURITY_HEADER = _ENCRYPTION_CONTROL + _ZERO_COUNTER
"""Security control and invocation counter in front of everything that is encrypted (GBCS 8.4)."""


def message_key(secret: bytes, originator: bytes, mode: int, counter: int, recipient: bytes) -> bytes:
    """The AES-128 key of one message (GBCS 4.3.3.3).

    `mode` is the CRA flag for a MAC, `ENCRYPTION_MODE` for encrypted attributes. `secret` is the ECDH shared
    secret Z (32 octets).

    >>> z = bytes.fromhex("42da8fad4c8c9d613976f39f1e79ccc88571efa43933d57146b533bc6d253e0f")
    >>> device, supplier = bytes.fromhex("00db1234567890a0"), bytes.fromhex("90b3d51f30010000")
    >>> message_key(z, device, 2, 1000, supplier).hex()
    'd288091f13f120da8d2649c3aa543058'
    """
    transaction = b"\x09" + bytes((mode,)) + counter.to_bytes(8, "big")
    return derive_key(secret, _ALGORITHM + originator + transaction + recipient)


def gmac(key: bytes, originator: bytes, data: bytes) -> bytes:
    """The full 16-octet tag over `data`; a message carries its first 12 octets."""
    return tag(key, originator + _ZERO_COUNTER, data)


def encrypt(key: bytes, originator: bytes, plain: bytes) -> bytes:
    """Ciphertext and its 12-octet tag (GBCS section 8.4), without the security header ``31 00000000``."""
    return b"".join(gcm_seal(key, originator + _ZERO_COUNTER, plain, _ENCRYPTION_CONTROL))


def decrypt(key: bytes, originator: bytes, sealed: bytes) -> bytes | None:
    """The plain octets of ciphertext and 12-octet tag; None when the tag does not match."""
    if len(sealed) < MAC_LENGTH:
        return None
    text, end = sealed[:-MAC_LENGTH], sealed[-MAC_LENGTH:]
    return gcm_open(key, originator + _ZERO_COUNTER, text, _ENCRYPTION_CONTROL, end)
