"""X.509 certificates and PKCS#10 requests as shapes, and what GBCS reads from them: role, entity, key.

Source: RFC 5280, RFC 2986, RFC 4108 (hardwareModuleName); GBCS 4.x section 12 (certificate profile).
"""

from __future__ import annotations

from collections.abc import Sequence

from dissectors.gbcs.asn1.der import (
    Shape,
    bits,
    choice,
    integer,
    octets,
    oid,
    sequence,
    sequence_of,
    text,
    time,
)
from dissectors.gbcs.catalogue.names import coded, eui64, role_name
from dissectors.model.field import Field

__all__ = ["CERTIFICATE", "CERTIFICATION_REQUEST", "OIDS", "key_usage_names"]

OIDS = {
    "1.2.840.10045.2.1": "id-ecPublicKey",
    "1.2.840.10045.3.1.7": "prime256v1 (P-256)",
    "1.2.840.10045.4.3.2": "ecdsa-with-SHA256",
    "1.2.840.113549.1.9.14": "extensionRequest",
    "2.5.4.3": "commonName",
    "2.5.4.5": "serialNumber",
    "2.5.4.6": "countryName",
    "2.5.4.10": "organizationName",
    "2.5.4.11": "organizationalUnitName",
    "2.5.4.45": "x500UniqueIdentifier",
    "2.5.29.14": "subjectKeyIdentifier",
    "2.5.29.15": "keyUsage",
    "2.5.29.17": "subjectAltName",
    "2.5.29.19": "basicConstraints",
    "2.5.29.32": "certificatePolicies",
    "2.5.29.35": "authorityKeyIdentifier",
    "1.3.6.1.5.5.7.8.4": "hardwareModuleName",
    "1.2.826.0.1.8641679.1.2.2": "hwType of a smart metering device",
    "1.2.826.0.1.8641679.1.2.1.4": "SMKI certificate policy",
}


def _oid_meaning(value: str) -> str:
    return OIDS.get(value, f"object identifier {value}")


def key_usage_names(value: bytes) -> str | None:
    """Names of the bits of a key usage (RFC 5280 4.2.1.3), first bit first."""
    if not value:
        return "no key usage"
    names = coded("key_usage", "bit")
    set_ = [names.get(bit, f"bit {bit}") for bit in range(8) if value[0] & 0x80 >> bit]
    return ", ".join(set_) or "no key usage"


def _identifier(value: bytes) -> str:
    return f"key identifier {value.hex()}"


def _entity(value: bytes) -> str:
    return eui64(value) if len(value) == 8 else value.hex()


def _name_text(value: str | bytes) -> str:
    if isinstance(value, bytes):
        return f"octets {value.hex()}"
    if len(value) == 2 and all(c in "0123456789abcdefABCDEF" for c in value):
        return f"role {int(value, 16)}: {role_name(int(value, 16))}"
    return f"text {value!r}"


_STRINGS = (
    text("text", _name_text, 0x13),
    text("text", _name_text, 0x0C),
    text("text", _name_text, 0x16),
    bits("unique_identifier", _entity),
)
_ATTRIBUTE = sequence("attribute", oid("type", _oid_meaning), choice("value", *_STRINGS))
_RDN = sequence_of("relative_name", _ATTRIBUTE, 0x31)
_VALIDITY = sequence(
    "validity",
    *(choice(name, time(name, tag=0x17), time(name, tag=0x18)) for name in ("not_before", "not_after")),
)
_ALGORITHM = sequence("signature_algorithm", oid("algorithm", _oid_meaning))
_PUBLIC_KEY = sequence(
    "public_key_info",
    sequence("algorithm", oid("algorithm", _oid_meaning), oid("curve", _oid_meaning)),
    bits("public_key", lambda v: f"uncompressed point, {len(v)} octets" if v[:1] == b"\x04" else "key"),
)
_HARDWARE = sequence(
    "hardware_module_name", oid("hardware_type", _oid_meaning), octets("hardware_serial_number", _entity)
)
_OTHER_NAME = sequence(
    "other_name",
    oid("type", _oid_meaning),
    sequence("value", _HARDWARE, tag=0xA0),
    tag=0xA0,
)
_INSIDE = {
    "2.5.29.15": bits("key_usage", key_usage_names),
    "2.5.29.14": octets("subject_key_identifier", _identifier),
    "2.5.29.35": sequence("authority_key_identifier", octets("key_identifier", _identifier, 0x80)),
    "2.5.29.17": sequence_of("alternative_names", choice("name", _OTHER_NAME)),
    "2.5.29.32": sequence_of("policies", sequence("policy", oid("policy_identifier", _oid_meaning))),
    "2.5.29.19": sequence(
        "basic_constraints",
        Shape("ca", 0x01, "boolean", optional=True, meaning=lambda v: "CA" if v else "not a CA"),
        integer("path_length", lambda v: f"at most {v} CAs below").maybe(),
    ),
}


def _extension_inside(before: Sequence[Field]) -> Shape | None:
    named = next((f.value for f in before if f.name == "extension_id"), "")
    return _INSIDE.get(str(named))


_EXTENSION = sequence(
    "extension",
    oid("extension_id", _oid_meaning),
    Shape("critical", 0x01, "boolean", optional=True, meaning=lambda v: "critical" if v else "not critical"),
    octets("extension_value")._replace(inside=_extension_inside),
)
_SIGNATURE_VALUE = sequence(
    "ecdsa_signature",
    integer("r", lambda _: "raw signature, r"),
    integer("s", lambda _: "raw signature, s"),
)
_SIGNATURE = bits("signature")._replace(inside=lambda _: _SIGNATURE_VALUE)

_TBS = sequence(
    "tbs_certificate",
    sequence("version", integer("version", lambda v: f"X.509 v{v + 1}"), tag=0xA0).maybe(),
    integer("serial_number", lambda v: f"serial number {v:x}"),
    _ALGORITHM,
    sequence_of("issuer", _RDN),
    _VALIDITY,
    sequence_of("subject", _RDN),
    _PUBLIC_KEY,
    sequence("extensions", sequence_of("extensions", _EXTENSION), tag=0xA3).maybe(),
)

CERTIFICATE = sequence("certificate", _TBS, _ALGORITHM, _SIGNATURE)

_REQUESTED = sequence(
    "attribute",
    oid("type", _oid_meaning),
    sequence_of("values", sequence_of("extensions", _EXTENSION), 0x31),
)
CERTIFICATION_REQUEST = sequence(
    "certification_request",
    sequence(
        "request_info",
        integer("version", lambda v: f"PKCS#10 v{v + 1}"),
        sequence_of("subject", _RDN),
        _PUBLIC_KEY,
        sequence_of("attributes", _REQUESTED, 0xA0).maybe(),
    ),
    _ALGORITHM,
    _SIGNATURE,
)
