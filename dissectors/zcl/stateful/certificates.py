"""Implicit (ECQV) certificates of CBKE (ZSE C.4.2.2.3, suite 2 as well; SEC 4), read, issued and used."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from dissectors.crypto.binary_curves import SECT163K1, SECT283K1, Curve, Point
from dissectors.crypto.mmo import aes_mmo
from dissectors.layout import Layer, Octets, UInt
from dissectors.model.cursor import Cursor
from dissectors.model.errors import Malformed
from dissectors.model.field import Field

__all__ = [
    "SUITES",
    "Certificate",
    "ca_terms",
    "certificate_fields",
    "issue_certificate",
    "make_ca_key",
    "own_term",
    "public_key",
    "read_certificate",
    "subject_private",
]

Term = tuple[int, Point]
"""A multiple of a point: scalar and point."""
SUITES: dict[int, Curve] = {1: SECT163K1, 2: SECT283K1}

LAYER = "zcl.cbke"
FOREVER = 0xFFFFFFFF
CURVES = {0x0D: "sect283k1"}
HASHES = {0x08: "AES-MMO"}
# Bits of keyUsage, most significant first as in X.509 (SEC 4 minimal encoding scheme).
KEY_USAGES = {0x80: "digital signature", 0x08: "key agreement"}


def _point(suite: int, size: int) -> Octets:
    return Octets("public_key", size, names=lambda v: f"reconstruction point on {SUITES[suite].name}")


def _end_words(seconds: int) -> str:
    return "without end" if seconds == FOREVER else f"{seconds} s after valid_from"


def _usage_words(bits: int) -> str:
    return ", ".join(label for bit, label in KEY_USAGES.items() if bits & bit) or "none"


SUBJECT = UInt("subject", 0, 8, order="big", names=lambda v: f"{v:016x}")
ISSUER = UInt("issuer", 0, 8, order="big", names=lambda v: f"{v:016x}")


class Certificate1(Layer):
    """An implicit certificate of suite 1 (ZSE C.4.2.2.3.1)."""

    parts = (_point(1, 22), SUBJECT, ISSUER, Octets("profile_attribute_data", 10))


class Certificate2(Layer):
    """An implicit certificate of suite 2 (ZSE C.4.2.2.3.2)."""

    parts = (
        UInt("type", 0, 1),
        UInt("serial_number", 0, 8, order="big"),
        UInt("curve", 0x0D, 1, names=CURVES),
        UInt("hash", 0x08, 1, names=HASHES),
        ISSUER,
        UInt("valid_from", 0, 5, order="big", names=lambda v: f"{v} s since 1970-01-01"),
        UInt("valid_to", FOREVER, 4, order="big", names=_end_words),
        SUBJECT,
        UInt("key_usage", 0x88, 1, names=_usage_words),
        _point(2, 37),
    )


LAYERS: dict[int, type[Layer]] = {1: Certificate1, 2: Certificate2}
SIZES = {len(bytes(layer())): suite for suite, layer in LAYERS.items()}
"""Suites by the length of their certificates."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """An implicit certificate: all its octets, and its reconstruction point in compressed form."""

    suite: int
    octets: bytes
    public_key: bytes
    subject: int
    issuer: int

    @property
    def curve(self) -> Curve:
        return SUITES[self.suite]

    def part(self, name: str) -> int | None:
        """The number that a part of it says; None where its suite has no such part."""
        found: int | None = LAYERS[self.suite].read(Cursor(self.octets, layer=LAYER)).get(name)
        return found

    @property
    def serial(self) -> int | None:
        """Serial number; suite 1 has none."""
        return self.part("serial_number")

    @property
    def uses(self) -> tuple[str, ...]:
        """What its key may be used for. Suite 1 does not say it: its keys agree on link keys (ZSE C.4.2.2.3)."""
        bits = self.part("key_usage")
        if bits is None:
            return ("key agreement",)
        return tuple(label for bit, label in KEY_USAGES.items() if bits & bit)

    @property
    def validity(self) -> tuple[int, int | None] | None:
        """From which second since 1970 to which it is valid (None: without end); None for suite 1, which has no end."""
        start, length = self.part("valid_from"), self.part("valid_to")
        if start is None or length is None:
            return None
        return start, None if length == FOREVER else start + length

    @property
    def faults(self) -> list[str]:
        """What it says of itself that its suite does not allow."""
        if self.suite == 1:
            return []
        known = (("type", {0: ""}), ("curve", CURVES), ("hash", HASHES))
        return [
            f"{name} {self.part(name)} is not that of suite 2"
            for name, values in known
            if self.part(name) not in values
        ]

    @property
    def digest(self) -> int:
        """The hash that binds key and certificate: AES-MMO over all octets."""
        return int.from_bytes(aes_mmo(self.octets), "big")


def read_certificate(octets: bytes) -> Certificate:
    """The certificate in `octets`. Raises Malformed for another length than 48 or 74."""
    suite = SIZES.get(len(octets))
    if suite is None:
        raise Malformed(f"a certificate has 48 or 74 octets, not {len(octets)}", layer=LAYER)
    layer = LAYERS[suite].read(Cursor(octets, layer=LAYER))
    return Certificate(suite, octets, layer.public_key, layer.subject, layer.issuer)


def certificate_fields(octets: bytes, offset: int, buffer: str) -> list[Field]:
    """The parts of a certificate as fields; none when it is no certificate by its length."""
    suite = SIZES.get(len(octets))
    fields = [] if suite is None else LAYERS[suite].read(Cursor(octets, layer=LAYER)).tree(buffer).children
    for field in fields:
        field.offset += offset
    return fields


def public_key(certificate: Certificate, ca_public: Point) -> Point:
    """The subject's public key: e R + Qca (SEC 4, 2.5). Raises Malformed when R is no point."""
    return certificate.curve.combine([own_term(certificate), (1, ca_public)])


@lru_cache(maxsize=256)
def own_term(certificate: Certificate) -> Term:
    """e and R: the multiple that a certificate adds to the CA's public key. Raises Malformed when R is no point."""
    curve = certificate.curve
    return certificate.digest % curve.order, curve.expand(certificate.public_key)


def ca_terms(certificate: Certificate, static_private: int) -> list[Term]:
    """The CA's public key as a sum of multiples, from a certificate and the private key that belongs to it: d G - e R."""
    scalar, point = own_term(certificate)
    return [(static_private, certificate.curve.base), (-scalar, point)]


def make_ca_key(suite: int, private: int) -> tuple[int, bytes]:
    """A CA's key pair from a chosen private scalar: (private, compressed public). For simulation only."""
    curve = SUITES[suite]
    reduced = private % curve.order or 1
    return reduced, curve.compress(curve.times(reduced))


def issue_certificate(
    suite: int,
    ca_private: int,
    subject: int,
    issuer: int,
    *,
    request: int,
    contribution: int,
    profile: bytes = bytes.fromhex("01090006000000000000"),
    serial: int = 1,
    valid_from: int = 0,
    valid_for: int = 0xFFFFFFFF,
) -> tuple[Certificate, int]:
    """A certificate for `subject`, and its private key (SEC 4, 2.3 to 2.5). For simulation only.

    Args:
        request: the subject's own scalar, never 0.
        contribution: the CA's scalar of this certificate, never 0.
        profile: the ten octets of profile attribute data of suite 1.
        serial, valid_from, valid_for: of suite 2; valid without end unless `valid_for` gives seconds.
    """
    curve = SUITES[suite]
    point = curve.times((request + contribution) % curve.order)
    values: dict[str, Any] = {"public_key": curve.compress(point), "subject": subject, "issuer": issuer}
    if suite == 1:
        values["profile_attribute_data"] = profile
    else:
        values |= {"serial_number": serial, "valid_from": valid_from, "valid_to": valid_for}
    certificate = read_certificate(bytes(LAYERS[suite](**values)))
    reconstruction = (certificate.digest * contribution + ca_private) % curve.order
    return certificate, subject_private(certificate, request, reconstruction)


def subject_private(certificate: Certificate, request: int, reconstruction: int) -> int:
    """The subject's private key from its own scalar and what the CA sent back: e k + r (SEC 4, 2.5)."""
    return (certificate.digest * request + reconstruction) % certificate.curve.order
