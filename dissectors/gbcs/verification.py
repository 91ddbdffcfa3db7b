"""Is a message what its originator sent: its signature, its MAC, and what its encrypted parts say.

Which pair of keys protects what: GBCS 4.x section 4.3 and 6; section 8 for encrypted attributes.
"""

from __future__ import annotations

from typing import NamedTuple

from dissectors.gbcs.keystore import AGREEMENT, SIGNATURE, Keystore
from dissectors.gbcs.layout import MAC_OCTETS, Layout
from dissectors.gbcs.names import use_case
from dissectors.gbcs.payload import SECURITY_HEADER
from dissectors.gbcs.protection import (
    ENCRYPTION_MODE,
    Verdict,
    decrypt,
    derive_key,
    gmac,
    verify_signature,
)

__all__ = ["Opened", "check_mac", "check_signature", "open_parts"]

_HAN_ONLY = "SME.C.PPMID-GSME"


class Opened(NamedTuple):
    """Encrypted parts after the attempt to open them: plain octets, or None; and why not."""

    plain: list[bytes | None]
    state: str  # none, all, some, no_key, bad_tag


def check_signature(layout: Layout, keystore: Keystore | None) -> Verdict:
    """The verdict on the signature of the business originator."""
    if layout.signature_length != 64:
        return "absent"
    if keystore is None:
        return "no_key"
    keys = keystore.public_keys(layout.originator, SIGNATURE)
    if not keys:
        return "no_key"
    raw, data = layout.raw_signature, layout.signed_octets
    for key in keys:
        if verify_signature(key, raw, data):
            return "valid"
    return "invalid"


def check_mac(layout: Layout, keystore: Keystore | None) -> tuple[Verdict, bytes | None]:
    """The verdict on the MAC, and the party whose key made it (for commands: the Access Control Broker)."""
    if layout.ciphering is None:
        return "absent", None
    if keystore is None:
        return "no_key", None
    if layout.mac is None:
        return "invalid", None
    octets, mac = layout.octets, layout.mac
    # security control and the five empty strings of the header, then the whole general-signing APDU
    data = octets[layout.ciphering : layout.ciphering + 1] + octets[1:6] + octets[layout.ciphering + 5 : mac]
    tag = octets[mac : mac + MAC_OCTETS]
    if octets[layout.ciphering : layout.ciphering + 5] != b"\x11\x00\x00\x00\x00":
        return "invalid", None
    if layout.cra != 1:
        return _answer_mac(layout, keystore, data, tag)
    row = use_case(layout.message_code)
    if row is not None and row.category == _HAN_ONLY:
        return _answer_mac(layout, keystore, data, tag)
    return _command_mac(layout, keystore, data, tag)


def _matches(layout: Layout, secret: bytes, data: bytes, tag: bytes) -> bool:
    key = derive_key(secret, layout.originator, layout.cra, layout.counter, layout.recipient)
    return gmac(key, layout.originator, data)[:MAC_OCTETS] == tag


def _answer_mac(layout: Layout, keystore: Keystore, data: bytes, tag: bytes) -> tuple[Verdict, bytes | None]:
    """Between originator and recipient themselves: responses, alerts, PPMID to GSME."""
    secrets = keystore.secrets(layout.originator, layout.recipient)
    for secret in secrets:
        if _matches(layout, secret, data, tag):
            return "valid", layout.originator
    return ("invalid" if secrets else "no_key"), None


def _command_mac(layout: Layout, keystore: Keystore, data: bytes, tag: bytes) -> tuple[Verdict, bytes | None]:
    """The Access Control Broker's key; the ids in the key derivation stay those of the header."""
    judged = False
    for broker in keystore.brokers():
        for secret in keystore.secrets(broker, layout.recipient):
            if _matches(layout, secret, data, tag):
                return "valid", broker
            judged = judged or keystore.known_broker(broker)
    return ("invalid" if judged else "no_key"), None


def open_parts(
    layout: Layout, sealed: list[tuple[int, int]], keystore: Keystore | None, certified: bytes | None = None
) -> Opened:
    """Decrypt the sealed parts of a message from a device.

    `certified`: public point of an Unknown Remote Party, from the certificate in its command.
    """
    if not sealed:
        return Opened([], "none")
    if keystore is None:
        return Opened([None] * len(sealed), "no_key")
    party = layout.supplementary_party or layout.recipient
    counter = layout.supplementary_originator_counter
    counter = layout.counter if counter is None else counter
    secrets = keystore.secrets(layout.originator, party, AGREEMENT)
    if not secrets and certified is not None:
        secrets = keystore.secrets_with(layout.originator, certified)
    if not secrets:
        return Opened([None] * len(sealed), "no_key")
    keys = [derive_key(z, layout.originator, ENCRYPTION_MODE, counter, party) for z in secrets]
    plain = [_open(layout, keys, start, end) for start, end in sealed]
    good = sum(p is not None for p in plain)
    return Opened(plain, "all" if good == len(plain) else "some" if good else "bad_tag")


def _open(layout: Layout, keys: list[bytes], start: int, end: int) -> bytes | None:
    part = layout.octets[start:end]
    if layout.octets[start - len(SECURITY_HEADER) : start] != SECURITY_HEADER:
        return None  # the tag is over the header that GBCS prescribes
    for key in keys:
        plain = decrypt(key, layout.originator, part)
        if plain is not None:
            return plain
    return None
