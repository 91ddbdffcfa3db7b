"""Whole messages from their fields: headers, signature, MAC (`dissectors.gbcs.envelope`).

Source: GBCS 4.x sections 4.3 (protections), 7.2 (structure).
"""

from __future__ import annotations

from dataclasses import dataclass

from dissectors.crypto import ecdsa
from dissectors.gbcs.envelope import GroupingHeader, MessageMacHeader, SignatureBlock
from dissectors.gbcs.trust.keystore import SIGNATURE, Keystore
from dissectors.gbcs.trust.protection import ENCRYPTION_MODE, MAC_LENGTH, gmac, message_key
from dissectors.model.errors import KeyMissing

__all__ = ["MessageHeader", "authenticated", "content_key", "content_keys", "grouping", "sign", "signed"]

LAYER = "gbcs.build"
SECURITY = b"\x11\x00\x00\x00\x00"  # authenticated, suite 1; the counter is always zero (GBCS 7.2.4)


@dataclass(frozen=True, slots=True)
class MessageHeader:
    """Everything in front of the payload.

    Attributes:
        cra: 1 command, 2 response, 3 alert.
        date_time: 12 octets, or empty.
        supplementary_party, supplementary_counter: of the party on whose behalf the Access Control Broker
            speaks; `supplementary_originator_counter` in answers to an Unknown Remote Party, `certificate`
            (DER) in the command that asks for one.
        rest: octets of other-information that no part of it takes.
        security: security control and invocation counter of the MAC header.
    """

    cra: int
    counter: int
    originator: bytes
    recipient: bytes
    message_code: int
    date_time: bytes = b""
    supplementary_party: bytes | None = None
    supplementary_counter: int | None = None
    supplementary_originator_counter: int | None = None
    certificate: bytes = b""
    rest: bytes = b""
    security: bytes = SECURITY

    def layer(self, payload: int) -> GroupingHeader:
        """The grouping header in front of a payload of so many octets."""
        supplementary = {
            "supplementary_remote_party": self.supplementary_party,
            "supplementary_remote_party_counter": self.supplementary_counter,
            "supplementary_originator_counter": self.supplementary_originator_counter,
            "certificate": self.certificate or None,
            "rest": self.rest or None,
        }
        return GroupingHeader(
            cra_flag=self.cra, originator_counter=self.counter, originator=self.originator, recipient=self.recipient,
            date_time=self.date_time, message_code=self.message_code, content_length=payload,
            **{name: value for name, value in supplementary.items() if value is not None},
        )  # fmt: skip


def grouping(header: MessageHeader, payload: bytes) -> bytes:
    """The general-signing APDU up to the end of its payload, without the signature's length octet."""
    return bytes(header.layer(len(payload))) + payload


def sign(keystore: Keystore, originator: bytes, body: bytes) -> bytes:
    """The signature (64 octets) of `originator` over a grouping (with its tag ``DF``).

    Deterministic (RFC 6979) where the library can, so that the same message is the same octets again.

    Raises:
        KeyMissing: no private digital signature key of `originator` is held.
    """
    keys = keystore.private_keys(originator, SIGNATURE)
    if not keys:
        text = f"no private signature key of {originator.hex()} is held"
        raise KeyMissing(text, layer=LAYER)
    return ecdsa.sign(keys[0], body[1:])


def signed(body: bytes, signature: bytes | None) -> bytes:
    """`body` (see `grouping`) with its signature; empty for none, None leaves the length octet out too."""
    return body if signature is None else body + bytes(SignatureBlock(signature=signature))


def authenticated(
    message: bytes, header: MessageHeader, secret: bytes | None, *, mac: bytes | None = None
) -> bytes:
    """`message` (a general-signing APDU) in a MAC header, with the MAC by `secret`, or a given one."""
    if mac is None:
        if secret is None:
            raise KeyMissing("no key for the MAC is held", layer=LAYER)
        key = message_key(secret, header.originator, header.cra, header.counter, header.recipient)
        mac = gmac(key, header.originator, header.security[:1] + bytes(5) + message)[:MAC_LENGTH]
    control, counter = header.security[0], int.from_bytes(header.security[1:], "big")
    length = len(header.security) + len(message) + len(mac)
    return (
        bytes(MessageMacHeader(length=length, security_control=control, invocation_counter=counter))
        + message
        + mac
    )


def content_key(keystore: Keystore, header: MessageHeader) -> bytes:
    """The key of the encrypted parts of a response or alert with this header.

    Raises:
        KeyMissing: no key pair of the device and the party that may read is held.
    """
    keys = content_keys(keystore, header)
    if not keys:
        party = header.supplementary_party or header.recipient
        text = f"no key agreement of {header.originator.hex()} and {party.hex()} is held"
        raise KeyMissing(text, layer=LAYER)
    return keys[0]


def content_keys(keystore: Keystore, header: MessageHeader) -> list[bytes]:
    """As `content_key`, one for each key pair that is held; empty without."""
    party = header.supplementary_party or header.recipient
    counter = header.supplementary_originator_counter
    counter = header.counter if counter is None else counter
    secrets = keystore.secrets(header.originator, party)
    return [message_key(z, header.originator, ENCRYPTION_MODE, counter, party) for z in secrets]
