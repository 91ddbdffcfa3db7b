"""Certificates and private keys of the parties and devices of GBCS, and the secrets that pairs of them share.

Everything comes in as text or octets; nothing here reads a file (`analysis.keys.keystore_files` does). No key
value is in any `repr`. An ECDH is made once for each pair of keys and kept.

Source: GBCS 4.x sections 4 (keys of remote parties and devices), 12 (certificates), 14 (pre-payment key).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec

from dissectors.gbcs.catalogue.names import role_title
from dissectors.gbcs.trust.certificates import Certificate, check_chain, read_certificate
from dissectors.gbcs.trust.chains import Path, find_paths
from dissectors.gbcs.trust.key_forms import (
    AGREEMENT,
    PREPAYMENT,
    SIGNATURE,
    certificate_octets,
    point_of,
    read_keys,
)
from dissectors.gbcs.trust.revocation import RevocationList, read_revocation_list
from dissectors.gbcs.trust.signers import Trust, judge_certificate
from dissectors.model.errors import Malformed

__all__ = ["AGREEMENT", "PREPAYMENT", "SIGNATURE", "Keystore"]

ACCESS_CONTROL_BROKER = 4
MOST_PATHS = 4096
"""Certificates whose chains and trust are remembered."""

_CURVE = ec.SECP256R1()
_Slot = tuple[bytes, str]


class Signer(NamedTuple):
    """A public key that may have signed for an entity.

    `named`: it is one for signatures; `certificates`: those of the entity that hold it, none when it came alone.
    """

    key: ec.EllipticCurvePublicKey
    named: bool
    certificates: tuple[Certificate, ...]


class Keystore:
    """Keys by entity (8 octets) and use (digitalSignature, keyAgreement, prePaymentTopUp).

    Args:
        access_control_broker: entity of the Access Control Broker, whose key alone makes the MACs of commands. When
            it is not given, the parties with that role (`roles`, certificates) are meant.

    Attributes:
        roots: certificates that were given as roots; no other is one.
        crls: lists of revoked certificates.
        roles: what the user says an entity is (``ESME``, ``Supplier`` ...), which goes before its certificates.
    """

    def __init__(self, access_control_broker: bytes | None = None) -> None:
        self.access_control_broker = access_control_broker
        self.certificates: list[Certificate] = []
        self.roots: list[Certificate] = []
        self.crls: list[RevocationList] = []
        self.roles: dict[bytes, str] = {}
        self._held: dict[bytes, list[Certificate]] = {}
        self._authorities: list[Certificate] = []
        self._paths: dict[bytes, list[Path]] = {}
        self._trust: dict[bytes, Trust] = {}
        self._signers: dict[bytes, tuple[Signer, ...]] = {}
        self._kinds: dict[bytes, tuple[str, str]] = {}
        self._points: dict[_Slot, list[bytes]] = {}
        self._scalars: dict[_Slot, list[int]] = {}
        self._public: dict[_Slot, tuple[ec.EllipticCurvePublicKey, ...]] = {}
        self._private: dict[_Slot, tuple[ec.EllipticCurvePrivateKey, ...]] = {}
        self._secrets: dict[tuple[bytes, str, bytes, str], tuple[bytes, ...]] = {}
        self._brokers: tuple[bytes, ...] | None = None
        self._agreeing: tuple[bytes, ...] | None = None

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
        found = read_keys(data, name)
        for one in found:
            if isinstance(one.key, Certificate):
                self._hold(one.key, one.use)
            elif isinstance(one.key, bytes):
                self.add_public_point(one.entity, one.use or AGREEMENT, one.key)
            else:
                self.add_scalar(one.entity, one.use or AGREEMENT, one.key)
        return len(found)

    def add_certificate(self, der: bytes, *, use: str | None = None) -> Certificate:
        """Hold a certificate; `use` overrides its key usage (pre-payment certificates look like others)."""
        certificate = read_certificate(der)
        self._hold(certificate, use)
        return certificate

    def _hold(self, certificate: Certificate, use: str | None) -> None:
        same = (c.der == certificate.der for c in self._held.get(certificate.entity, ()))
        if use is None and any(same):
            return
        self.certificates.append(certificate)
        self._held.setdefault(certificate.entity, []).append(certificate)
        if certificate.authority:
            self._authorities.append(certificate)
        self._forget_chains()
        slot = use or (SIGNATURE if certificate.usage == SIGNATURE else AGREEMENT)
        if certificate.entity and not certificate.authority:
            self.add_public_point(certificate.entity, slot, certificate.point)

    def add_root(self, data: bytes | str) -> int:
        """Take certificates (PEM or DER) as roots that chains may end in; how many there were.

        Raises:
            Malformed: there is no certificate of an authority in it.
        """
        found = [read_certificate(der) for der in certificate_octets(data)]
        if not found or not all(one.authority for one in found):
            raise Malformed("not the certificate of a certification authority", layer="gbcs.keystore")
        self.roots += [one for one in found if all(one.der != root.der for root in self.roots)]
        self._forget_chains()
        return len(found)

    def add_revocation_list(self, data: bytes | str) -> None:
        """Take a list of revoked certificates (CRL or ARL, PEM or DER).

        Raises:
            Malformed: it is none.
        """
        self.crls.append(read_revocation_list(data.encode() if isinstance(data, str) else data))
        self._forget_chains()

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

    def _forget_chains(self) -> None:
        self._paths.clear()
        self._trust.clear()
        self._signers.clear()
        self._kinds.clear()
        self._brokers = None

    def _forget(self, entity: bytes, use: str) -> None:
        self._public.pop((entity, use), None)
        self._private.pop((entity, use), None)
        self._secrets.clear()
        self._signers.clear()
        self._brokers = self._agreeing = None

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
            if found:  # strangers are not remembered: a capture may name any number of them
                self._public[slot] = found
        return found

    def private_keys(self, entity: bytes, use: str) -> tuple[ec.EllipticCurvePrivateKey, ...]:
        """Private keys of `entity` for `use`."""
        slot = (entity, use)
        found = self._private.get(slot)
        if found is None:
            found = tuple(ec.derive_private_key(s, _CURVE) for s in self._scalars.get(slot, ()))
            if found:
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
            if found or (self._knows(one) and self._knows(other)):
                self._secrets[slot] = found
        return found

    def _knows(self, entity: bytes) -> bool:
        return any(
            (entity, use) in held for held in (self._points, self._scalars) for use in (AGREEMENT, PREPAYMENT)
        )

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
        """Entities that are the Access Control Broker: as configured, else those with that role.

        A certificate against whose chain something is proved (self-signed, a wrong issuer) makes no broker.
        """
        if self.access_control_broker is not None:
            return (self.access_control_broker,)
        if self._brokers is None:
            title = role_title(ACCESS_CONTROL_BROKER)
            said = [entity for entity, role in self.roles.items() if role == title]
            certified = [c for c in self.certificates if c.role == ACCESS_CONTROL_BROKER and c.entity]
            certified = [c for c in certified if any(not path.faults for path in self.paths(c))]
            self._brokers = tuple(dict.fromkeys([*said, *([] if said else (c.entity for c in certified))]))
        return self._brokers

    def name_roles(self, roles: Mapping[bytes, str]) -> None:
        """Hold what the user says entities are: a device's role (``ESME``) or a party's (``Supplier``)."""
        self.roles = dict(roles)
        self._forget_chains()

    def role(self, entity: bytes) -> int | None:
        """Remote party role of `entity` by its certificates; None for devices and strangers."""
        return next((c.role for c in self._held.get(entity, ()) if c.role is not None), None)

    def kind(self, entity: bytes) -> tuple[str, str]:
        """What `entity` is: ``party``, ``device`` or nothing when neither is known; and its role in words."""
        found = self._kinds.get(entity)
        if found is None:
            found = self._kind(entity)
            if found[0]:
                self._kinds[entity] = found
        return found

    def _kind(self, entity: bytes) -> tuple[str, str]:
        said = self.roles.get(entity)
        if said:
            return ("device" if said.isupper() else "party"), said
        held = [c for c in self._held.get(entity, ()) if c.entity]
        if not held:
            return "", ""
        role = next((c.role for c in held if c.role is not None), None)
        return ("device", "device") if role is None else ("party", role_title(role))

    def signers(self, entity: bytes) -> tuple[Signer, ...]:
        """The public keys that may have signed for `entity`, those for signatures first.

        A key of another use counts too (it is the originator's all the same): trust in it is another question.
        """
        found = self._signers.get(entity)
        if found is None:
            found = tuple(
                Signer(key, use == SIGNATURE, self._certificates_of(entity, key))
                for use in (SIGNATURE, AGREEMENT)
                for key in self.public_keys(entity, use)
            )
            if found:
                self._signers[entity] = found
        return found

    def _certificates_of(self, entity: bytes, key: ec.EllipticCurvePublicKey) -> tuple[Certificate, ...]:
        point = point_of(key)
        return tuple(c for c in self._held.get(entity, ()) if c.point == point)

    def agreeing(self) -> tuple[bytes, ...]:
        """Entities whose key agreement keys are held, those with a private key first."""
        if self._agreeing is None:
            slots = (*self._scalars, *self._points)
            self._agreeing = tuple(dict.fromkeys(entity for entity, use in slots if use == AGREEMENT))
        return self._agreeing

    def trust(self, certificate: Certificate) -> Trust:
        """Trust in a certificate for signatures, whatever the time and the message; worked out once for each."""
        found = self._trust.get(certificate.der)
        if found is None:
            found = judge_certificate(certificate, self, use=SIGNATURE)
            if len(self._trust) >= MOST_PATHS:
                self._trust.clear()
            self._trust[certificate.der] = found
        return found

    def paths(self, certificate: Certificate) -> list[Path]:
        """Every chain from `certificate` upwards, those to a root that was given first."""
        found = self._paths.get(certificate.der)
        if found is None:
            found = find_paths(certificate, self._authorities, self.roots)
            if len(self._paths) >= MOST_PATHS:
                self._paths.clear()
            self._paths[certificate.der] = found
        return found

    def check(self) -> list[tuple[Certificate, list[str]]]:
        """Certificates that do not fit the SMKI, and why: chain, role, key usage."""
        authorities = [*self.roots, *self._authorities]
        judged = ((c, check_chain(c, authorities)) for c in self.certificates)
        return [(c, faults) for c, faults in judged if faults]


def _public_key(point: bytes) -> ec.EllipticCurvePublicKey | None:
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, point)
    except ValueError:
        return None
