"""Certificate Based Key Establishment (ZSE annex C): ECMQV, the key derivation and both MACs.

For analysis of captures whose private scalars are given, and for simulation; never to protect live traffic.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from dissectors.crypto.binary_curves import Curve, Point
from dissectors.crypto.mmo import aes_mmo, hmac_mmo
from dissectors.model.errors import Malformed
from dissectors.zcl.stateful.certificates import Certificate, ca_terms, own_term

__all__ = ["Agreement", "Side", "agree", "derive", "exchange", "shared_secret"]


@dataclass(frozen=True, slots=True)
class Side:
    """One device in the exchange: what it sends; scalars only where they are known.

    Attributes:
        ephemeral: its ephemeral public key, compressed.
        static_private, ephemeral_private: its scalars; never in `repr`.
    """

    certificate: Certificate
    ephemeral: bytes
    static_private: int | None = field(default=None, repr=False)
    ephemeral_private: int | None = field(default=None, repr=False)

    @property
    def address(self) -> bytes:
        """Its EUI-64, most significant octet first, as certificates and MACs have it."""
        return self.certificate.subject.to_bytes(8, "big")


@dataclass(frozen=True, slots=True)
class Agreement:
    """What both sides hold at the end; key octets never in `repr`."""

    link_key: bytes = field(repr=False)
    mac_key: bytes = field(repr=False)
    mac_initiator: bytes = b""
    mac_responder: bytes = b""


def _half(curve: Curve, ephemeral: bytes) -> int:
    """The associate value of a compressed point: half of its x coordinate (SEC 1, 3.4)."""
    bits = (curve.order.bit_length() + 1) // 2
    return int.from_bytes(ephemeral[1:], "big") & (1 << bits) - 1 | 1 << bits


def shared_secret(own: Side, peer: Side, ca_public: Point | None = None) -> bytes:
    """Z of ECMQV (SEC 1, 6.2), from the scalars of `own` and the public parts of `peer`.

    The CA's public key follows from `own` when it is not given. All is one sum of multiples, which is sooner done than
    each public key on the way. Raises Malformed for keys that are no points, ValueError when `own` lacks a scalar.
    """
    if own.static_private is None or own.ephemeral_private is None:
        raise ValueError("the scalars of this side are not known")
    curve = own.certificate.curve
    ca_key = [(1, ca_public)] if ca_public else ca_terms(own.certificate, own.static_private)
    factor = own.ephemeral_private + _half(curve, own.ephemeral) * own.static_private
    factor = curve.cofactor * (factor % curve.order)
    peer_factor = factor * _half(curve, peer.ephemeral)
    static_key = [own_term(peer.certificate), *ca_key]
    terms = [(peer_factor * scalar, point) for scalar, point in static_key]
    secret = curve.combine([(factor, curve.expand(peer.ephemeral)), *terms])
    if secret is None:
        raise Malformed("the keys agree on the point at infinity", layer="zcl.cbke")
    return secret[0].to_bytes(curve.octets, "big")


def derive(secret: bytes) -> tuple[bytes, bytes]:
    """MacKey and KeyData (the link key) from Z (ZSE C.4.2.2.2: AES-MMO over Z and a counter)."""
    return aes_mmo(secret + b"\0\0\0\1"), aes_mmo(secret + b"\0\0\0\2")


def confirmation(mac_key: bytes, role: Literal[2, 3], sender: Side, receiver: Side) -> bytes:
    """MACU (role 2, by the initiator) or MACV (role 3, by the responder)."""
    text = bytes((role,)) + sender.address + receiver.address + sender.ephemeral + receiver.ephemeral
    return hmac_mmo(mac_key, text)


def agree(initiator: Side, responder: Side, ca_public: Point | None = None) -> Agreement:
    """What the exchange comes to, by whichever side has its scalars.

    Raises ValueError when neither has, or when the certificates are of two suites; Malformed as
    `shared_secret` does.
    """
    if initiator.certificate.suite != responder.certificate.suite:
        raise ValueError("the certificates belong to two suites")
    known = initiator.static_private is not None and initiator.ephemeral_private is not None
    own, peer = (initiator, responder) if known else (responder, initiator)
    mac_key, link_key = derive(shared_secret(own, peer, ca_public))
    return Agreement(
        link_key,
        mac_key,
        confirmation(mac_key, 2, initiator, responder),
        confirmation(mac_key, 3, responder, initiator),
    )


def exchange(certificate: Certificate, static_private: int, ephemeral_private: int) -> Side:
    """A side that takes part itself: its ephemeral public key is made from its scalar. For simulation."""
    curve = certificate.curve
    scalar = ephemeral_private % curve.order or 1
    return Side(certificate, curve.compress(curve.times(scalar)), static_private, scalar)
