"""ECDSA on P-256 with SHA-256 and on P-384 with SHA-384; signatures are r and s, one after the other (FIPS 186-4)."""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384

__all__ = ["public_key", "sign", "verify_signature"]

_P256, _P384 = ec.ECDSA(SHA256()), ec.ECDSA(SHA384())


def public_key(point: bytes) -> ec.EllipticCurvePublicKey | None:
    """The key of a point's x and y (64 or 96 octets); None when they are no point."""
    curve = ec.SECP384R1() if len(point) == 96 else ec.SECP256R1()
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(curve, b"\4" + point)
    except (ValueError, UnsupportedAlgorithm):
        return None


def verify_signature(key: ec.EllipticCurvePublicKey | None, signature: bytes, signed: bytes) -> bool:
    """Whether `signature` (r and s) of the octets `signed` fits `key`; never without a key."""
    if key is None or len(signature) != key.key_size // 4:
        return False
    half = len(signature) // 2
    r, s = int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")
    try:
        key.verify(encode_dss_signature(r, s), signed, _P384 if half == 48 else _P256)
    except InvalidSignature:
        return False
    return True


def sign(key: ec.EllipticCurvePrivateKey, data: bytes) -> bytes:
    """The signature (64 octets) of `data` by a key on P-256; the same one each time (RFC 6979) where the library can."""
    try:
        found = key.sign(data, ec.ECDSA(SHA256(), deterministic_signing=True))
    except UnsupportedAlgorithm:
        found = key.sign(data, _P256)
    return b"".join(one.to_bytes(32, "big") for one in decode_dss_signature(found))
