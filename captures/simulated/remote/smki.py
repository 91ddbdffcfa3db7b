"""A test SMKI: the key pairs and certificates of the remote parties and of the home's devices (GBCS section 12).

Keys are derived from the home's seed and certificates are signed deterministically, so that the same seed
gives the same octets. Root, organisation and device certificates have the fields that GBCS asks for: role in
the organisational unit, the entity in x500UniqueIdentifier or hardwareModuleName.
"""

from __future__ import annotations

import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID, ObjectIdentifier

from dissectors.gbcs import Keystore, build_der, oid

__all__ = ["AGREEMENT", "PREPAYMENT", "SIGNATURE", "KeyPair", "Smki"]

SIGNATURE, AGREEMENT, PREPAYMENT = "digitalSignature", "keyAgreement", "prePaymentTopUp"
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ROOT = bytes(8)
UNIQUE_IDENTIFIER = ObjectIdentifier("2.5.4.45")
HARDWARE_MODULE = ObjectIdentifier("1.3.6.1.5.5.7.8.4")
HARDWARE_TYPE = build_der(oid("hardware_type"), "1.2.826.0.1.8641679.1.2.2")


@lru_cache(maxsize=1024)
def scalar(seed: int, entity: bytes, use: str, generation: int = 0) -> int:
    """A private key out of seed and name: for the simulation only."""
    text = f"hanscope simulated key {seed} {entity.hex()} {use} {generation}"
    return int.from_bytes(sha256(text.encode()).digest(), "big") % (ORDER - 1) + 1


@lru_cache(maxsize=1024)
def private_key(number: int) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(number, ec.SECP256R1())


def identifier(public: ec.EllipticCurvePublicKey) -> bytes:
    """Eight octets of key identifier (RFC 5280 clause 4.2.1.2, method 2)."""
    point = public.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    digest = sha256(point).digest()[:8]
    return bytes([digest[0] & 0x0F | 0x40]) + digest[1:]


class KeyPair(NamedTuple):
    """A key pair of an entity: its key usage, the cell that it is held in, and its private scalar in hex."""

    usage: str
    cell: str
    scalar: str


class Smki:
    """All keys of one simulated home.

    Attributes:
        keystore: every private key; each device and party uses its own only.
    """

    def __init__(self, seed: int, start: int, broker: bytes) -> None:
        self.seed = seed
        self.start = start
        self.keystore = Keystore(broker)
        self.roles: dict[bytes, int | None] = {}

    def enrol(self, entity: bytes, role: int | None, *uses: str) -> list[KeyPair]:
        """Make the keys of an entity (role None: a device)."""
        self.roles[entity] = role
        made = []
        for use in uses:
            number = scalar(self.seed, entity, use)
            self.keystore.add_scalar(entity, use, number)
            usage, cell = (AGREEMENT, PREPAYMENT) if use == PREPAYMENT else (use, "management")
            made.append(KeyPair(usage, cell, f"{number:064x}"))
        return made

    def certificate(self, entity: bytes, use: str, *, generation: int = 0) -> bytes:
        """A certificate in DER; `generation` 1 is the one that replaces the first."""
        return _certificate(self.seed, self.start, entity, use, self.roles.get(entity), generation)

    def root(self) -> bytes:
        """The certificate of the authority that issued all others."""
        return _certificate(self.seed, self.start, ROOT, "root", 7, 0)


NO_END = datetime.datetime(9999, 12, 31, 23, 59, 59)  # device certificates last for ever (GBCS 12)


@lru_cache(maxsize=256)
def _certificate(seed: int, start: int, entity: bytes, use: str, role: int | None, generation: int) -> bytes:
    authority = entity == ROOT
    root = private_key(scalar(seed, ROOT, "root"))
    private = root if authority else private_key(scalar(seed, entity, use, generation))
    serial = int.from_bytes(sha256(entity + use.encode() + bytes([generation])).digest()[:15], "big")
    since = datetime.datetime.fromtimestamp(start - 365 * 86_400 * (1 - generation), datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .serial_number(serial)
        .issuer_name(_root_name())
        .subject_name(_root_name() if authority else _subject(entity, role))
        .public_key(private.public_key())
        .not_valid_before(since.replace(tzinfo=None, microsecond=0))
        .not_valid_after(NO_END if role is None else datetime.datetime(2056, 1, 1))
        .add_extension(_usage(use, authority=authority), critical=True)
        .add_extension(x509.SubjectKeyIdentifier(identifier(private.public_key())), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier(identifier(root.public_key()), None, None), critical=False)
    )
    if not authority and role is None:
        body = HARDWARE_TYPE + b"\x04\x08" + entity
        name = x509.OtherName(HARDWARE_MODULE, b"\x30" + bytes((len(body),)) + body)
        builder = builder.add_extension(x509.SubjectAlternativeName([name]), critical=True)
    made = builder.sign(root, hashes.SHA256(), ecdsa_deterministic=True)
    return made.public_bytes(serialization.Encoding.DER)


def _root_name() -> x509.Name:
    unit = x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "07")
    return x509.Name([unit, x509.NameAttribute(NameOID.COMMON_NAME, "hanscope simulated authority")])


def _subject(entity: bytes, role: int | None) -> x509.Name:
    if role is None:
        return x509.Name([])
    kind: Any = x509.name._ASN1Type.BitString
    unique = x509.NameAttribute(UNIQUE_IDENTIFIER, b"\0" + entity, kind, _validate=False)
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, f"{role:02X}"), unique])


def _usage(use: str, *, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=use == SIGNATURE,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=use in (AGREEMENT, PREPAYMENT),
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )
