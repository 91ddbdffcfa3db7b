"""Keys and certificates in the forms in which people hold them: PEM, DER, CSV of scalars. Octets in, keys out.

Source: GBCS 4.x sections 4 (keys of remote parties and devices), 14 (pre-payment key); RFC 5208, 5280, 7468.
"""

from __future__ import annotations

import base64
import csv
import re
from typing import NamedTuple

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from dissectors.gbcs.trust.certificates import Certificate, read_certificate
from dissectors.model.errors import DissectionError, Malformed

__all__ = ["AGREEMENT", "PREPAYMENT", "SIGNATURE", "Named", "certificate_octets", "point_of", "read_keys"]

LAYER = "gbcs.keystore"
SIGNATURE = "digitalSignature"
AGREEMENT = "keyAgreement"
PREPAYMENT = "prePaymentTopUp"
_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----(.+?)-----END \1-----", re.DOTALL)
_NAME = re.compile(r"([0-9a-fA-F]{16})[-_.](pp-ka|ka|ds)")
_SUFFIX = {"ds": SIGNATURE, "ka": AGREEMENT, "pp-ka": PREPAYMENT}


class Named(NamedTuple):
    """A certificate, the point of a public key or the scalar of a private one: whose, and for what (None: as it says)."""

    key: Certificate | bytes | int
    entity: bytes = b""
    use: str | None = None


def read_keys(data: bytes | str, name: str = "") -> list[Named]:
    """The keys and certificates in PEM text, DER octets, or a CSV of scalars.

    `name` (a file's name such as ``90b3d51f30010000-pp-ka``) says entity and use where the data does not.

    Raises:
        Malformed: nothing in `data` could be read as a key or a certificate.
    """
    raw = data.encode() if isinstance(data, str) else data
    if raw[:1] == b"\x30":
        return [_read_der(raw, name)]
    words = raw.decode("utf-8", "replace")
    blocks = _blocks(words)
    if blocks:
        return [_read_der(der, name) for label, der in blocks if label != "EC PARAMETERS"]
    if "p256_scalar" in words.split("\n", 1)[0]:
        return [_read_scalar(row, number) for number, row in enumerate(csv.DictReader(words.splitlines()), 1)]
    raise Malformed("neither PEM, DER nor a CSV of scalars", layer=LAYER)


def certificate_octets(data: bytes | str) -> list[bytes]:
    """The certificates in PEM text or DER octets, in DER."""
    raw = data.encode() if isinstance(data, str) else data
    if raw[:1] == b"\x30":
        return [raw]
    return [der for label, der in _blocks(raw.decode("utf-8", "replace")) if label == "CERTIFICATE"]


def _blocks(words: str) -> list[tuple[str, bytes]]:
    """Label and octets of each PEM block."""
    try:
        return [(m[1], base64.b64decode("".join(m[2].split()), validate=True)) for m in _PEM.finditer(words)]
    except ValueError as error:
        raise Malformed("a PEM block is not base64", layer=LAYER) from error


def _read_scalar(row: dict[str, str], number: int) -> Named:
    """A row with the columns entity_id, key_usage, cell_usage, p256_scalar_hex."""
    try:
        entity, scalar = bytes.fromhex(row["entity_id"].replace("-", "")), int(row["p256_scalar_hex"], 16)
        prepayment = (row.get("cell_usage") or "").strip() == PREPAYMENT
        return Named(scalar, entity, PREPAYMENT if prepayment else row["key_usage"].strip())
    except (KeyError, ValueError, AttributeError, TypeError) as error:
        raise Malformed(f"row {number} of the scalars cannot be read", layer=LAYER) from error


def _read_der(der: bytes, name: str) -> Named:
    hint = _NAME.search(name)
    use = _SUFFIX[hint[2].lower()] if hint else None
    try:
        return Named(read_certificate(der), use=PREPAYMENT if use == PREPAYMENT else None)
    except DissectionError:
        pass
    if hint is None:
        text = f"a key without a name that says whose it is ({name or 'no name'})"
        raise Malformed(text, layer=LAYER)
    key = _load(der)
    if key is None:
        raise Malformed("neither certificate nor key on P-256", layer=LAYER)
    return Named(key, bytes.fromhex(hint[1]), use)


def _load(der: bytes) -> bytes | int | None:
    """A public key as its point, a private one as its scalar; None when it is neither."""
    try:
        public = serialization.load_der_public_key(der)
    except (ValueError, TypeError):
        public = None
    if isinstance(public, ec.EllipticCurvePublicKey):
        return point_of(public)
    try:
        private = serialization.load_der_private_key(der, None)
    except (ValueError, TypeError):
        return None
    return (
        private.private_numbers().private_value if isinstance(private, ec.EllipticCurvePrivateKey) else None
    )


def point_of(key: ec.EllipticCurvePublicKey) -> bytes:
    """A public key as an uncompressed point."""
    return key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
