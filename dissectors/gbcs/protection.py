"""Signatures, message authentication codes and encrypted attributes of GBCS.

Source: GBCS 4.x section 4 (cryptographic protections) and section 8 (encryption); NIST SP 800-56A
(static-static ECDH with the concatenation KDF over SHA-256), SP 800-38D (GCM, tag of 96 bits), FIPS 186-4.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Literal

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.base import Cipher
from cryptography.hazmat.primitives.ciphers.modes import GCM
from cryptography.hazmat.primitives.hashes import SHA256

__all__ = [
    "ENCRYPTION_MODE",
    "MAC_LENGTH",
    "Verdict",
    "decrypt",
    "derive_key",
    "encrypt",
    "gmac",
    "sign",
    "verify_signature",
]

Verdict = Literal["absent", "valid", "invalid", "no_key"]
MAC_LENGTH = 12
ENCRYPTION_MODE = 4
"""The octet that stands for the CRA flag in the key derivation of encrypted attributes."""

# key derivation counter, then (after Z) algorithm identifier aes128-gcm in DER without its tag
_ROUND = b"\x00\x00\x00\x01"
_ALGORITHM = b"\x60\x85\x74\x06\x08\x03\x00"
_ENCRYPTION_CONTROL = b"\x31"
_ZERO_COUNTER = b"\x00\x00\x00\x00"
_ECDSA = ec.ECDSA(SHA256())


def derive_key(secret: bytes, originator: bytes, mode: int, counter: int, recipient: bytes) -> bytes:
    """The AES-128 key of one message (GBCS 4.3.3.3).

    `mode` is the CRA flag for a MAC, `ENCRYPTION_MODE` for encrypted attributes. `secret` is the ECDH shared
    secret Z (32 octets).

    >>> z = bytes.fromhex("42da8fad4c8c9d613976f39f1e79ccc88571efa43933d57146b533bc6d253e0f")
    >>> device, supplier = bytes.fromhex("00db1234567890a0"), bytes.fromhex("90b3d51f30010000")
    >>> derive_key(z, device, 2, 1000, supplier).hex()
    'd288091f13f120da8d2649c3aa543058'
    """
    transaction = b"\x09" + bytes((mode,)) + counter.to_bytes(8, "big")
    return sha256(_ROUND + secret + _ALGORITHM + originator + transaction + recipient).digest()[:16]


def gmac(key: bytes, originator: bytes, data: bytes) -> bytes:
    """The full 16-octet tag over `data`; a message carries its first 12 octets."""
    return AESGCM(key).encrypt(originator + _ZERO_COUNTER, b"", data)


def encrypt(key: bytes, originator: bytes, plain: bytes) -> bytes:
    """Ciphertext and its 12-octet tag (GBCS section 8.4), without the security header ``31 00000000``."""
    sealed = AESGCM(key).encrypt(originator + _ZERO_COUNTER, plain, _ENCRYPTION_CONTROL)
    return sealed[: len(plain) + MAC_LENGTH]


def decrypt(key: bytes, originator: bytes, sealed: bytes) -> bytes | None:
    """The plain octets of ciphertext and 12-octet tag; None when the tag does not match."""
    if len(sealed) < MAC_LENGTH:
        return None
    mode = GCM(originator + _ZERO_COUNTER, sealed[-MAC_LENGTH:], min_tag_length=MAC_LENGTH)
    decryptor = Cipher(AES(key), mode).decryptor()
    decryptor.authenticate_additional_data(_ENCRYPTION_CONTROL)
    try:
        return decryptor.update(sealed[:-MAC_LENGTH]) + decryptor.finalize()
    except InvalidTag:
        return None


def verify_signature(key: ec.EllipticCurvePublicKey, raw: bytes, data: bytes) -> bool:
    """Does the raw signature r||s (64 octets) over `data` belong to `key`?"""
    encoded = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    try:
        key.verify(encoded, data, _ECDSA)
    except InvalidSignature:
        return False
    return True


def sign(key: ec.EllipticCurvePrivateKey, data: bytes) -> bytes:
    """The raw signature r||s (64 octets) over `data`."""
    r, s = decode_dss_signature(key.sign(data, _ECDSA))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")
