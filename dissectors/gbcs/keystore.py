"""Certificates and private keys of the parties and devices of GBCS, and the secrets that pairs of them share.

Everything comes in as text or octets; nothing here reads a file (`analysis.keystore_files` does). No key
value is in any `repr`. An ECDH is made once for each pair of keys and kept.

Source: GBCS 4.x sections 4 (keys of remote parties and devices), 12 (certificates), 14 (pre-payment key).
"""

from __future__ import annotations

import base64
import csv
import re
from collections.abc import Iterator

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from dissectors.errors import DissectionError, Malformed
from dissectors.gbcs.certificates import Certificate, check_chain, read_certificate

__all__ = ["AGREEMENT", "PREPAYMENT", "SIGNATURE", "Keystore"]

SIGNATURE = "digitalSignature"
AGREEMENT = "keyAgreement"
PREPAYMENT = "prePaymentTopUp"
ACCESS_CONTROL_BROKER = 4

_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----(.+?)-----END \1-----", re.DOTALL)
_NAME = re.compile(r"([0-9a-fA-F]{16})[-_.](pp-ka|ka|ds)")
_SUFFIX = {"ds": SIGNATURE, "ka": AGREEMENT, "pp-ka": PREPAYMENT}
_CURVE = ec.SECP256R1()
_Slot = tuple[bytes, str]


class Keystore:
    """Keys by entity (8 octets) and use (digitalSignature, keyAgreement, prePaymentTopUp).

    Args:
        access_control_broker: entity of the Access Control Broker whose keys protect commands. When it is
            not given, every party whose certificate has that role is tried, then every other one.
    """

    def __init__(self, access_control_broker: bytes | None = None) -> None:
        self.access_control_broker = access_control_broker
        self.certificates: list[Certificate] = []
        self._points: dict[_Slot, list[bytes]] = {}
        self._scalars: dict[_Slot, list[int]] = {}
        self._public: dict[_Slot, tuple[ec.EllipticCurvePublicKey, ...]] = {}
        self._private: dict[_Slot, tuple[ec.EllipticCurvePrivateKey, ...]] = {}
        self._secrets: dict[tuple[bytes, str, bytes, str], tuple[bytes, ...]] = {}
        self._brokers: tuple[bytes, ...] | None = None

    def __repr__(self) -> str:
        return f"Keystore({len(self.certificates)} certificates, {len(self._scalars)} private keys)"

    # --- what comes in

    def add(self, data: bytes | str, name: str = "") -> int:
        """Take certificates or keys from PEM text, DER octets, or a CSV of scalars; how many were taken.

        `name` (a file's name such as ``90b3d51f30010000-pp-ka``) says entity and use where the data does
        not: bare public keys, private keys, pre-payment certificates.

        Raises:
            Malformed: nothing in `data` could be read as a key or a certificate.
        """
        raw = data.encode() if isinstance(data, str) else data
        if raw[:1] == b"\x30":
            return self._add_der(raw, name)
        words = raw.decode("utf-8", "replace")
        blocks = _PEM.findall(words)
        if blocks:
            return sum(self._add_pem(label, body, name) for label, body in blocks)
        if "p256_scalar" in words.split("\n", 1)[0]:
            return self.add_scalars(words)
        raise Malformed("neither PEM, DER nor a CSV of scalars", layer="gbcs.keystore")

    def add_certificate(self, der: bytes, *, use: str | None = None) -> Certificate:
        """Hold a certificate; `use` overrides its key usage (pre-payment certificates look like others)."""
        certificate = read_certificate(der)
        if any(c.der == der for c in self.certificates) and use is None:
            return certificate
        self.certificates.append(certificate)
        slot = use or (SIGNATURE if certificate.usage == SIGNATURE else AGREEMENT)
        if certificate.entity and not certificate.authority:
            self.add_public_point(certificate.entity, slot, certificate.point)
        self._brokers = None
        return certificate

    def add_public_point(self, entity: bytes, use: str, point: bytes) -> None:
        """Hold a public key (uncompressed point of P-256)."""
        points = self._points.setdefault((entity, use), [])
        if point not in points:
            points.append(point)
            self._forget(entity, use)

    def add_scalar(self, entity: bytes, use: str, scalar: int) -> None:
        """Hold a private key, given as its scalar."""
        scalars = self._scalars.setdefault((entity, use), [])
        if scalar not in scalars:
            scalars.append(scalar)
            self._forget(entity, use)

    def add_scalars(self, text: str) -> int:
        """Private keys from CSV text with the columns entity_id, key_usage, cell_usage, p256_scalar_hex.

        Raises:
            Malformed: a row lacks a column or has something else in it.
        """
        count = 0
        for row in csv.DictReader(text.splitlines()):
            try:
                entity = bytes.fromhex(row["entity_id"].replace("-", ""))
                use = row["key_usage"].strip()
                scalar = int(row["p256_scalar_hex"], 16)
            except (KeyError, ValueError, AttributeError, TypeError) as error:
                words = f"row {count + 1} of the scalars cannot be read"
                raise Malformed(words, layer="gbcs.keystore") from error
            if (row.get("cell_usage") or "").strip() == PREPAYMENT:
                use = PREPAYMENT
            self.add_scalar(entity, use, scalar)
            count += 1
        return count

    def _add_pem(self, label: str, body: str, name: str) -> int:
        try:
            der = base64.b64decode("".join(body.split()), validate=True)
        except ValueError as error:
            raise Malformed(f"PEM block {label} is not base64", layer="gbcs.keystore") from error
        if label == "EC PARAMETERS":
            return 0
        return self._add_der(der, name)

    def _add_der(self, der: bytes, name: str) -> int:
        hint = _NAME.search(name)
        use = _SUFFIX[hint[2].lower()] if hint else None
        try:
            self.add_certificate(der, use=PREPAYMENT if use == PREPAYMENT else None)
            return 1
        except DissectionError:
            pass
        if hint is None or use is None:
            words = f"a key without a name that says whose it is ({name or 'no name'})"
            raise Malformed(words, layer="gbcs.keystore")
        entity = bytes.fromhex(hint[1])
        for loader in (_load_public, _load_private):
            key = loader(der)
            if isinstance(key, bytes):
                self.add_public_point(entity, use, key)
                return 1
            if key is not None:
                self.add_scalar(entity, use, key)
                return 1
        raise Malformed("neither certificate nor key on P-256", layer="gbcs.keystore")

    def _forget(self, entity: bytes, use: str) -> None:
        self._public.pop((entity, use), None)
        self._private.pop((entity, use), None)
        self._secrets.clear()
        self._brokers = None

    # --- what is asked

    def public_keys(self, entity: bytes, use: str) -> tuple[ec.EllipticCurvePublicKey, ...]:
        """Public keys of `entity` for `use`; from its private key where there is no certificate."""
        slot = (entity, use)
        found = self._public.get(slot)
        if found is None:
            points = self._points.get(slot, [])
            keys = [_public_key(p) for p in points]
            found = tuple(k for k in keys if k is not None)
            found += tuple(k.public_key() for k in self.private_keys(entity, use)) if not found else ()
            self._public[slot] = found
        return found

    def private_keys(self, entity: bytes, use: str) -> tuple[ec.EllipticCurvePrivateKey, ...]:
        """Private keys of `entity` for `use`."""
        slot = (entity, use)
        found = self._private.get(slot)
        if found is None:
            found = tuple(ec.derive_private_key(s, _CURVE) for s in self._scalars.get(slot, ()))
            self._private[slot] = found
        return found

    def secrets(
        self, one: bytes, other: bytes, use: str = AGREEMENT, other_use: str = AGREEMENT
    ) -> tuple[bytes, ...]:
        """Shared secrets Z of two entities, from the private key of either; empty when neither is held."""
        slot = (one, use, other, other_use)
        found = self._secrets.get(slot)
        if found is None:
            found = self._secrets.get((other, other_use, one, use))
            if found is None:
                found = tuple(dict.fromkeys(self._agree(one, use, other, other_use)))
            self._secrets[slot] = found
        return found

    def secrets_with(self, entity: bytes, point: bytes) -> tuple[bytes, ...]:
        """Shared secrets of the private key agreement keys of `entity` with a public point."""
        public = _public_key(point)
        if public is None:
            return ()
        return tuple(k.exchange(ec.ECDH(), public) for k in self.private_keys(entity, AGREEMENT))

    def _agree(self, one: bytes, use: str, other: bytes, other_use: str) -> Iterator[bytes]:
        sides = ((one, use, other, other_use), (other, other_use, one, use))
        for mine, my_use, theirs, their_use in sides:
            held = False
            for private in self.private_keys(mine, my_use):
                for public in self.public_keys(theirs, their_use):
                    held = True
                    yield private.exchange(ec.ECDH(), public)
            if held:
                return

    def brokers(self) -> tuple[bytes, ...]:
        """Entities that may be the Access Control Broker, the likeliest first."""
        if self.access_control_broker is not None:
            return (self.access_control_broker,)
        if self._brokers is None:
            named = [c.entity for c in self.certificates if c.role == ACCESS_CONTROL_BROKER and c.entity]
            others = [entity for entity, use in self._scalars if use == AGREEMENT]
            parties = [c.entity for c in self.certificates if c.role is not None and c.entity]
            self._brokers = tuple(dict.fromkeys((*named, *others, *parties)))
        return self._brokers

    def known_broker(self, entity: bytes) -> bool:
        """Is `entity` the Access Control Broker by configuration or by its certificate's role?"""
        if self.access_control_broker is not None:
            return entity == self.access_control_broker
        return any(c.role == ACCESS_CONTROL_BROKER and c.entity == entity for c in self.certificates)

    def role(self, entity: bytes) -> int | None:
        """Remote party role of `entity` by its certificates; None for devices and strangers."""
        return next((c.role for c in self.certificates if c.entity == entity), None)

    def check(self) -> list[tuple[Certificate, list[str]]]:
        """Certificates that do not fit the SMKI, and why: chain, role, key usage."""
        authorities = [c for c in self.certificates if c.authority]
        judged = ((c, check_chain(c, authorities)) for c in self.certificates)
        return [(c, faults) for c, faults in judged if faults]


def _public_key(point: bytes) -> ec.EllipticCurvePublicKey | None:
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, point)
    except ValueError:
        return None


def _load_public(der: bytes) -> bytes | int | None:
    try:
        key = serialization.load_der_public_key(der)
    except (ValueError, TypeError):
        return None
    if not isinstance(key, ec.EllipticCurvePublicKey):
        return None
    form = serialization.PublicFormat.UncompressedPoint
    return key.public_bytes(serialization.Encoding.X962, form)


def _load_private(der: bytes) -> bytes | int | None:
    try:
        key = serialization.load_der_private_key(der, None)
    except (ValueError, TypeError):
        return None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        return None
    return key.private_numbers().private_value
