"""One certificate as GBCS uses it: whose, for what, by whom; and the checks of the SMKI profile.

Source: GBCS 4.x section 12; RFC 5280.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from dissectors.gbcs.asn1.der import Reader
from dissectors.gbcs.asn1.x509 import CERTIFICATE, key_usage_names
from dissectors.gbcs.catalogue.names import role_name, role_title
from dissectors.model.errors import DissectionError, Malformed
from dissectors.model.field import Field

__all__ = ["Certificate", "certificates_in", "check_chain", "of_field", "read_certificate"]

_P256 = "1.2.840.10045.3.1.7"


@dataclass(slots=True, eq=False)
class Certificate:
    """What a certificate says.

    Attributes:
        entity: EUI-64 of the party or device; empty for a certification authority.
        role: remote party role from the subject's OU; None for devices.
        usage: names of the key usage bits, as ``digitalSignature`` or ``keyAgreement``.
        point: the public key as an uncompressed point, 65 octets.
        serial, key_identifier, authority_identifier: as in the certificate.
        valid: not before, not after, as written (ASN.1 times).
        signed, signature: the octets that the issuer signed, and its DER signature.
    """

    der: bytes = field(repr=False)
    entity: bytes
    role: int | None
    usage: str
    point: bytes = field(repr=False)
    serial: int
    key_identifier: bytes
    authority_identifier: bytes
    valid: tuple[str, str]
    signed: bytes = field(repr=False)
    signature: bytes = field(repr=False)

    @property
    def name(self) -> str:
        """What people call it: the role of its party and its entity, or the key identifier of an authority."""
        if self.entity and not self.authority:
            return f"{self.entity.hex()} ({'device' if self.role is None else role_title(self.role)})"
        return f"authority {self.key_identifier.hex() or f'{self.serial:x}'}"

    @property
    def authority(self) -> bool:
        """A certification authority's certificate."""
        return "keyCertSign" in self.usage

    def issued_by(self, issuer: Certificate) -> bool:
        """Did the key of `issuer` sign this certificate?"""
        return _verifies(issuer.point, self.signature, self.signed)


@lru_cache(1024)
def _verifies(point: bytes, signature: bytes, signed: bytes) -> bool:
    """Whether this key made the signature: asked once, as certificates of a few authorities come again and again."""
    try:
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
        key.verify(signature, signed, ec.ECDSA(SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True


def read_certificate(der: bytes) -> Certificate:
    """The certificate in `der`.

    Raises:
        Malformed: it is not a certificate with a P-256 key.
    """
    reader = Reader(der, "certificate")
    fields = reader.read(CERTIFICATE, 0, len(der))
    if not fields or any(i.severity == "error" for i in reader.issues):
        raise Malformed("not a readable X.509 certificate", layer="gbcs.certificate")
    return of_field(fields[0], der)


def of_field(root: Field, der: bytes) -> Certificate:
    """The certificate whose field is `root`; `der` is the buffer that the spans of `root` count in."""
    named: dict[str, Field] = {}
    for one in root.walk():
        named.setdefault(one.name, one)
    tbs, point, curve = named.get("tbs_certificate"), _value(named, "public_key"), _value(named, "curve")
    if tbs is None or not isinstance(point, bytes) or len(point) != 65 or curve != _P256:
        raise Malformed("not a certificate with a P-256 key", layer="gbcs.certificate", offset=root.offset)
    subject, serial = named.get("subject"), _value(named, "serial_number")
    signature = root.children[-1]
    usage = _value(named, "key_usage")
    start = signature.children[0].end + 1 if signature.children else signature.offset
    return Certificate(
        der=der[root.offset : root.end],
        entity=_entity(named, subject),
        role=_role(subject),
        usage=key_usage_names(usage) or "" if isinstance(usage, bytes) else "",
        point=point,
        serial=serial if isinstance(serial, int) else 0,
        key_identifier=_bytes(named, "subject_key_identifier"),
        authority_identifier=_bytes(named, "key_identifier"),
        valid=_validity(named),
        signed=der[tbs.offset : tbs.end],
        signature=der[start : signature.end],
    )


def certificates_in(fields: Iterable[Field], octets: bytes) -> Iterator[tuple[Field, Certificate]]:
    """Every readable certificate among `fields` of a message, in wire order, with the field that it is."""
    for top in fields:
        for one in top.walk() if top.buffer == "message" else ():
            if one.name.partition("[")[0] == "certificate" and one.children:
                try:
                    yield one, of_field(one, octets)
                except DissectionError:
                    continue  # its own issues say what is wrong with it


def _value(named: Mapping[str, Field], name: str) -> object:
    found = named.get(name)
    return found.value if found is not None else None


def _bytes(named: Mapping[str, Field], name: str) -> bytes:
    value = _value(named, name)
    return value if isinstance(value, bytes) else b""


def _entity(named: Mapping[str, Field], subject: Field | None) -> bytes:
    hardware = _bytes(named, "hardware_serial_number")
    if hardware:
        return hardware
    unique = subject.find("unique_identifier") if subject is not None else None
    value = unique.value if unique is not None else None
    return value if isinstance(value, bytes) and len(value) == 8 else b""


def _role(subject: Field | None) -> int | None:
    if subject is None:
        return None
    for attribute in subject.walk():
        kind = attribute.children[1] if len(attribute.children) == 3 else None
        if kind is not None and kind.value == "2.5.4.11":
            try:
                return int(str(attribute.children[2].value), 16)
            except ValueError:
                return None
    return None


def _validity(named: Mapping[str, Field]) -> tuple[str, str]:
    begin, end = named.get("not_before"), named.get("not_after")
    return (str(begin.value), str(end.value)) if begin is not None and end is not None else ("", "")


def check_chain(
    certificate: Certificate, issuers: Iterable[Certificate], *, role: int | None = None, root: bool = True
) -> list[str]:
    """What is wrong with `certificate` in the SMKI (GBCS 12); empty when nothing is.

    Its issuer is looked for among `issuers` by key identifier, up to a self-signed root. `role` is the role
    that the certificate must have, where one is expected. `root` False lets the chain end at an authority whose
    own issuer is not at hand (devices hold the root themselves).
    """
    faults = []
    if len(certificate.usage.split(", ")) != 1 and not certificate.authority:
        faults.append(f"key usage must be a single one, it is: {certificate.usage}")
    if len(certificate.key_identifier) != 8:
        faults.append(f"subject key identifier of {len(certificate.key_identifier)} octets, 8 expected")
    if role is not None and certificate.role != role:
        held = "none" if certificate.role is None else role_name(certificate.role)
        faults.append(f"role {held}, {role_name(role)} expected")
    known = list(issuers)
    current, seen = certificate, set()
    while current.key_identifier not in seen:
        seen.add(current.key_identifier)
        if current.issued_by(current):
            return faults
        named = [c for c in known if c.key_identifier == current.authority_identifier]
        if not named and current.authority and not root:
            return faults
        if not named:
            faults.append(f"issuer {current.authority_identifier.hex()} is not at hand")
            return faults
        issuer = next((c for c in named if current.issued_by(c)), None)
        if issuer is None:
            faults.append(f"not signed by {current.authority_identifier.hex()}, which it names as its issuer")
            return faults
        if not issuer.authority:
            faults.append(f"issuer {issuer.key_identifier.hex()} is not a certification authority")
        current = issuer
    faults.append("the chain runs in a circle")
    return faults
