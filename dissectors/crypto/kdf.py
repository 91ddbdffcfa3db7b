"""The single-step key derivation function of NIST SP 800-56A (5.8.1), as DLMS and GBCS use it."""

from __future__ import annotations

from hashlib import sha256, sha384

__all__ = ["derive_key"]


def derive_key(secret: bytes, other_info: bytes, suite: int = 1) -> bytes:
    """A key of 16 octets by SHA-256, in suite 2 of 32 by SHA-384: the digest of 00000001, secret and OtherInfo.

    >>> derive_key(bytes(32), b"info").hex()
    '4585a9c116cb80389418da6b35bc6d32'
    """
    digest = sha384 if suite == 2 else sha256
    return digest(b"\0\0\0\1" + secret + other_info).digest()[: 32 if suite == 2 else 16]
