"""Keys that a general-ciphering message brings along: wrapped, or agreed by elliptic curves.

Source: IEC 62056-5-3 (Green Book), clauses on key wrapping (RFC 3394), key agreement (NIST SP 800-56A:
one-pass and static unified model) and the single-step KDF. The order of the KDF's
OtherInfo for static agreement (transaction-id with its length first) is as constructed vectors have it.
"""

from __future__ import annotations

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import keywrap
from cryptography.hazmat.primitives.asymmetric import ec

from dissectors.crypto.kdf import derive_key
from dissectors.layout.lengths import build_octets

__all__ = ["agreed_key", "public_octets", "unwrap_key"]

_ALGORITHM = bytes.fromhex("608574050803")
ONE_PASS, STATIC = b"\x01", b"\x02"


def _curve(suite: int) -> ec.EllipticCurve:
    return ec.SECP384R1() if suite == 2 else ec.SECP256R1()


def _size(suite: int) -> int:
    return 48 if suite == 2 else 32


def unwrap_key(master_key: bytes, wrapped: bytes) -> bytes | None:
    """The key that `wrapped` holds (RFC 3394); None when the master key does not open it."""
    try:
        return keywrap.aes_key_unwrap(master_key, wrapped)
    except (keywrap.InvalidUnwrap, ValueError):
        return None


def public_octets(private: bytes, suite: int) -> bytes:
    """x and y of the public key of a private scalar."""
    numbers = (
        ec.derive_private_key(int.from_bytes(private, "big"), _curve(suite)).public_key().public_numbers()
    )
    size = _size(suite)
    return numbers.x.to_bytes(size, "big") + numbers.y.to_bytes(size, "big")


def agreed_key(
    parameters: bytes,
    data: bytes,
    suite: int,
    titles: tuple[bytes, bytes, bytes],
    private: bytes,
    public: bytes | None,
) -> bytes | None:
    """The key agreed by the scheme in `parameters` (01 one-pass, 02 static); None when it cannot be.

    Args:
        data: key-ciphered-data: the ephemeral public key (a signature may follow) for one-pass.
        titles: transaction-id, originator's and recipient's system title.
        private: own private scalar; public: the peer's static public key.
    """
    size = 2 * _size(suite)
    transaction, originator, recipient = titles
    other = _ALGORITHM + bytes((1 if suite == 2 else 0,))
    if parameters == ONE_PASS and len(data) >= size:
        peer, other = data[:size], other + originator + recipient
    elif parameters == STATIC and public:
        peer, other = public, other + build_octets(transaction) + originator + recipient
    else:
        return None
    try:
        curve = _curve(suite)
        point = ec.EllipticCurvePublicKey.from_encoded_point(curve, b"\4" + peer)
        own = ec.derive_private_key(int.from_bytes(private, "big"), curve)
    except (ValueError, UnsupportedAlgorithm):
        return None
    return derive_key(own.exchange(ec.ECDH(), point), other, suite)
