"""Is a message what its originator sent: its signature, its MAC, and what its encrypted parts say.

Who may make which MAC: `dissectors.gbcs.trust.entitlement`. Which pair of keys protects what: GBCS 4.x section 4.3 and 6;
section 8 for encrypted attributes.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

from dissectors.crypto.ecdsa import verify_signature
from dissectors.gbcs.envelope import ID_OCTETS, Envelope
from dissectors.gbcs.trust.certificates import Certificate
from dissectors.gbcs.trust.keystore import AGREEMENT, Keystore
from dissectors.gbcs.trust.protection import ENCRYPTION_MODE, SECURITY_HEADER, Verdict, decrypt, message_key

__all__ = ["GROUP_ORDER", "OpenedParts", "Signature", "check_signature", "open_parts", "signature_twins"]

GROUP_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""n of P-256 (FIPS 186-4 D.1.2.3)."""


class OpenedParts(NamedTuple):
    """Encrypted parts after the attempt to open them: plain octets, or None; and why not."""

    plain: list[bytes | None]
    state: str  # none, all, some, no_key, bad_tag


class Signature(NamedTuple):
    """The verdict on a signature, and the certificates that hold the key that made it."""

    verdict: Verdict
    certificates: Sequence[Certificate]


_ABSENT, _NO_KEY, _INVALID = Signature("absent", ()), Signature("no_key", ()), Signature("invalid", ())


def check_signature(layout: Envelope, keystore: Keystore | None) -> Signature:
    """The verdict on the signature of the business originator; trust in the key is another question
    (`dissectors.gbcs.trust.signers`)."""
    if layout.signature_length != 64:
        return _ABSENT
    if keystore is None:
        return _NO_KEY
    raw, data = layout.raw_signature, layout.signed_octets
    signers = keystore.signers(layout.originator)
    for signer in signers:
        if verify_signature(signer.key, raw, data):
            return Signature("valid", signer.certificates)
    return _INVALID if any(signer.named for signer in signers) else _NO_KEY


def signature_twins(layout: Envelope) -> tuple[bytes, bytes] | None:
    """Two marks of a signed message: the first is the same for its twin with n - s in place of s, which verifies
    as well and which anybody can make; the second tells the two apart. None without a signature.
    """
    if layout.signature_length != 64:
        return None
    raw = layout.raw_signature
    s = int.from_bytes(raw[32:], "big")
    least = min(s, (GROUP_ORDER - s) % GROUP_ORDER)
    return sha256(layout.signed_octets + raw[:32] + least.to_bytes(32, "big")).digest(), raw[32:]


def open_parts(
    layout: Envelope, sealed: list[tuple[int, int]], keystore: Keystore | None, certified: bytes | None = None
) -> OpenedParts:
    """Decrypt the sealed parts of a message from a device.

    `certified`: public point of an Unknown Remote Party, from the certificate in its command.
    """
    if not sealed:
        return OpenedParts([], "none")
    if keystore is None or len(layout.originator) != ID_OCTETS:
        return OpenedParts([None] * len(sealed), "no_key")
    party = layout.supplementary_party or layout.recipient
    counter = layout.supplementary_originator_counter
    counter = layout.counter if counter is None else counter
    secrets = keystore.secrets(layout.originator, party, AGREEMENT)
    if not secrets and certified is not None:
        secrets = keystore.secrets_with(layout.originator, certified)
    if not secrets:
        return OpenedParts([None] * len(sealed), "no_key")
    keys = [message_key(z, layout.originator, ENCRYPTION_MODE, counter, party) for z in secrets]
    plain = [_open(layout, keys, start, end) for start, end in sealed]
    good = sum(p is not None for p in plain)
    return OpenedParts(plain, "all" if good == len(plain) else "some" if good else "bad_tag")


def _open(layout: Envelope, keys: list[bytes], start: int, end: int) -> bytes | None:
    part = layout.octets[start:end]
    if layout.octets[start - len(SECURITY_HEADER) : start] != SECURITY_HEADER:
        return None  # the tag is over the header that GBCS prescribes
    for key in keys:
        plain = decrypt(key, layout.originator, part)
        if plain is not None:
            return plain
    return None
