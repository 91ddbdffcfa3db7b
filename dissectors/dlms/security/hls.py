"""High-level security: the answers to challenges, and checking them when the secrets are there.

Source: IEC 62056-5-3 (Green Book), clause on authentication procedures (HLS passes 3 and 4).
"""

from __future__ import annotations

import hashlib
import hmac
from typing import NamedTuple

from dissectors.crypto.ecdsa import public_key, verify_signature
from dissectors.crypto.gcm import gcm_seal
from dissectors.model.keyring import DlmsKeys

__all__ = ["Challenge", "check_answer", "gmac_answer", "hash_answer"]


class Challenge(NamedTuple):
    """Who answers what: the challenge answered, the other one, and the titles of answerer and peer."""

    challenge: bytes
    other: bytes
    own_title: bytes
    peer_title: bytes


def hash_answer(mechanism: str, challenge: Challenge, secret: bytes) -> bytes | None:
    """The answer by MD5, SHA-1 or SHA-256; None for another mechanism."""
    if mechanism == "HLS-MD5":
        return hashlib.md5(challenge.challenge + secret, usedforsecurity=False).digest()
    if mechanism == "HLS-SHA1":
        return hashlib.sha1(challenge.challenge + secret, usedforsecurity=False).digest()
    if mechanism == "HLS-SHA256":
        titles = challenge.own_title + challenge.peer_title
        return hashlib.sha256(secret + titles + challenge.challenge + challenge.other).digest()
    return None


def gmac_answer(challenge: Challenge, keys: DlmsKeys, control: int, counter: bytes) -> bytes | None:
    """SC, IC and tag over SC, authentication key and challenge; None without both keys."""
    if not keys.encryption_key or keys.authentication_key is None:
        return None
    head = bytes((control,))
    iv = challenge.own_title + counter
    if len(iv) != 12:
        return None
    aad = head + keys.authentication_key + challenge.challenge
    return head + counter + gcm_seal(keys.encryption_key, iv, b"", aad)[1]


def check_answer(mechanism: str, answer: bytes, challenge: Challenge, keys: list[DlmsKeys]) -> str:
    """``valid``, ``invalid`` or ``no_key`` for the answer to a challenge.

    Hashes are tried in both orders, as meters differ.
    """
    checked = False
    for entry in keys:
        for expected in _expected(mechanism, answer, challenge, entry):
            checked = True
            if hmac.compare_digest(expected, answer):
                return "valid"
        if mechanism == "HLS-ECDSA" and entry.signing_public:
            checked = True
            titles = challenge.own_title + challenge.peer_title
            signed = titles + challenge.challenge + challenge.other
            if verify_signature(public_key(entry.signing_public), answer, signed):
                return "valid"
    return "invalid" if checked else "no_key"


def _expected(mechanism: str, answer: bytes, challenge: Challenge, entry: DlmsKeys) -> list[bytes]:
    if mechanism == "HLS-GMAC":
        found = gmac_answer(challenge, entry, answer[0], answer[1:5]) if len(answer) == 17 else None
        return [found] if found else []
    if not entry.secret:
        return []
    found = hash_answer(mechanism, challenge, entry.secret)
    if found is None:
        return []
    if mechanism == "HLS-SHA256":
        return [found]
    name = "md5" if mechanism == "HLS-MD5" else "sha1"
    reverse = hashlib.new(name, entry.secret + challenge.challenge, usedforsecurity=False).digest()
    return [found, reverse]
