"""Certificates that are replaced in order: of a party by itself, of a supplier by another, of a device; and a tenant or a
supplier that changes, with what parties, devices and displays do about it."""

from __future__ import annotations

import struct
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID, ObjectIdentifier

from dissectors.gbcs import (
    Keystore,
    MessageHeader,
    build,
    build_der,
    dissect_message,
    oid,
    response_payload,
    structure,
)
from tests.analysis.homes.air import Device, Process
from tests.analysis.homes.life import Home
from tests.analysis.homes.remote import USES, Remote, blocks, octets_of, remote_of
from tests.analysis.homes.speech import zcl

__all__ = ["another_supplier", "another_tenant", "new_device_certificates", "new_party_certificates"]

SIGNATURE, AGREEMENT, TOP_UP = USES
BITS = {SIGNATURE: b"\x80", AGREEMENT: b"\x08", TOP_UP: b"\x08"}
SUPPLIER, NETWORK_OPERATOR, BROKER, CHANGE_OF_SUPPLIER = 2, 3, 4, 5
UPDATED, OWN_SIGNATURE, OWN_AGREEMENT = 0x8F70, 0x8F4D, 0x8F4F
ROLES = {"Supplier": SUPPLIER, "Network Operator": NETWORK_OPERATOR, "Access Control Broker": BROKER}
MODES = {"Supplier": 0x0102, "Network Operator": 0x0103, "Access Control Broker": 0x0104}
BY_CHANGE_OF_SUPPLIER = 0x0107
FOREVER = datetime(9999, 12, 31, 23, 59, 59)  # GBCS 12: certificates of devices
DEVICE_MANAGEMENT, MESSAGING = 0x0708, 0x0703


class Authority:
    """Who issues certificates in a home (GBCS 12, RFC 5280)."""

    def __init__(self, home: Home) -> None:
        self.home, self.key = home, ec.derive_private_key(home.air.rng.getrandbits(250) + 1, ec.SECP256R1())
        unit = x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "07")
        self.name = x509.Name([unit, x509.NameAttribute(NameOID.COMMON_NAME, "authority of homes")])

    def certificate(self, entity: bytes, use: str, scalar: int, role: int | None) -> bytes:
        """A certificate of a party (its role) or of a device (None); of the authority where `entity` is empty."""
        public = (ec.derive_private_key(scalar, ec.SECP256R1()) if entity else self.key).public_key()
        since = datetime.fromtimestamp(self.home.air.start + int(self.home.air.now) - 86_400, UTC)
        builder = (
            x509.CertificateBuilder()
            .serial_number(self.home.air.rng.getrandbits(120) + 1)
            .issuer_name(self.name)
            .subject_name(self._subject(entity, role))
            .public_key(public)
            .not_valid_before(since.replace(tzinfo=None))
            .not_valid_after(FOREVER if entity and role is None else datetime(2056, 1, 1))
            .add_extension(_usage(use, not entity), critical=True)
            .add_extension(x509.SubjectKeyIdentifier(_identifier(public)), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier(_identifier(self.key.public_key()), None, None), critical=False
            )
        )
        if entity and role is None:
            kind = build_der(oid("hardware_type"), "1.2.826.0.1.8641679.1.2.2")
            body = kind + b"\x04\x08" + entity
            other = x509.OtherName(
                ObjectIdentifier("1.3.6.1.5.5.7.8.4"), b"\x30" + bytes((len(body),)) + body
            )
            builder = builder.add_extension(x509.SubjectAlternativeName([other]), critical=True)
        made = builder.sign(self.key, hashes.SHA256(), ecdsa_deterministic=True)
        return made.public_bytes(serialization.Encoding.DER)

    def _subject(self, entity: bytes, role: int | None) -> x509.Name:
        if not entity:
            return self.name
        if role is None:
            return x509.Name([])
        kind: Any = x509.name._ASN1Type.BitString
        unique = x509.NameAttribute(ObjectIdentifier("2.5.4.45"), b"\0" + entity, kind, _validate=False)
        return x509.Name([x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, f"{role:02X}"), unique])


def _identifier(public: ec.EllipticCurvePublicKey) -> bytes:
    """RFC 5280 4.2.1.2, the second way."""
    form = serialization.PublicFormat.UncompressedPoint
    digest = hashes.Hash(hashes.SHA256())
    digest.update(public.public_bytes(serialization.Encoding.X962, form))
    octets = digest.finalize()[:8]
    return bytes([octets[0] & 0x0F | 0x40]) + octets[1:]


def _usage(use: str, authority: bool) -> x509.KeyUsage:
    flags = dict.fromkeys(("content_commitment", "key_encipherment", "data_encipherment"), False)
    return x509.KeyUsage(
        digital_signature=use == SIGNATURE and not authority, key_agreement=use != SIGNATURE and not authority,
        key_cert_sign=authority, crl_sign=authority, encipher_only=False, decipher_only=False, **flags,
    )  # fmt: skip


def new_keys(remote: Remote, who: bytes, uses: tuple[str, ...]) -> dict[str, int]:
    """New key pairs, which are used from now on; what was before is still among the keys that are known."""
    made = {use: remote.home.air.rng.getrandbits(250) + 1 for use in uses}
    remote.scalars += [(who, use, scalar) for use, scalar in made.items()]
    remote.keystore = Keystore(remote.parties["Access Control Broker"])
    for (entity, use), scalar in {(entity, use): scalar for entity, use, scalar in remote.scalars}.items():
        remote.keystore.add_scalar(entity, use, scalar)
    return made


def _update(
    remote: Remote, code: int, originator: bytes, device: Device, counter: int, body: dict[str, Any]
) -> bytes:
    payload = build_der(structure(code, 1), body)  # type: ignore[arg-type]
    return build.command(
        code, originator=originator, recipient=octets_of(device), keystore=remote.keystore, counter=counter,
        payload=payload,
    )  # fmt: skip


def _outcome(
    remote: Remote, asked: bytes, mode: int, cells: list[tuple[int, str]], subjects: tuple[bytes, bytes]
) -> bytes:
    """The response that says what was replaced."""
    told = dissect_message(asked, remote.keystore)
    rng, code = remote.home.air.rng, told.layout.message_code or 0
    outcomes = [
        {
            "cell": {"role": role, "key_usage": BITS[use], **({"cell_usage": 1} if use == TOP_UP else {})},
            "status": 0, "existing_subject": subjects[0], "existing_key_identifier": rng.randbytes(8),
            "replacing_subject": subjects[1], "replacing_key_identifier": rng.randbytes(8),
        }
        for role, use in cells
    ]  # fmt: skip
    values = {
        "execution_outcome": {
            "authorising_sequence_number": told.layout.counter, "mode": mode, "sequence_changes": [],
            "replacement_outcomes": outcomes,
        },
    }  # fmt: skip
    header = MessageHeader(2, told.layout.counter, told.layout.recipient, told.layout.originator, code)
    return build.response(
        told, keystore=remote.keystore, payload=response_payload(code, header, remote.keystore, values)
    )


def _carried_out(remote: Remote, device: Device, asked: bytes, answer: bytes) -> Process:
    if not (yield from remote.opened(device)):
        return False
    for piece in blocks(asked):
        if not (yield from remote.carry(device, piece, to_device=True)):
            return False
    yield remote.home.air.rng.uniform(*remote.slow)
    return (yield from remote.carry(device, answer, to_device=False))


def new_party_certificates(home: Home) -> Process:
    """A supplier, and a network operator, replace their own certificates (CS02b); commands go on under the new keys."""
    remote, rng, meter, authority = remote_of(home), home.air.rng, home.meter, Authority(home)
    remote.meet(octets_of(meter))
    root = authority.certificate(b"", SIGNATURE, 0, 7)
    for name in rng.sample(("Supplier", "Network Operator"), 2):
        yield rng.uniform(200, 1200)
        who, role, code = remote.parties[name], ROLES[name], MODES[name]
        uses = (SIGNATURE, AGREEMENT)
        counter = remote.counter(who)
        scalars = {use: rng.getrandbits(250) + 1 for use in uses}
        replacements = [
            {
                "certificate": authority.certificate(who, use, scalars[use], role),
                "target_cell": {"role": role, "key_usage": BITS[use]},
            }
            for use in uses
        ]
        control = {
            "mode": code - 0x100, "authorising_cell": {"role": role, "key_usage": BITS[SIGNATURE]},
            "authorising_sequence_number": counter,
        }  # fmt: skip
        body = {"control": control, "replacements": replacements, "certification_path": [root]}
        asked = _update(remote, code, who, meter, counter, body)
        answer = _outcome(remote, asked, code - 0x100, [(role, use) for use in uses], (who, who))
        if not (yield from _carried_out(remote, meter, asked, answer)):
            return False
        yield from remote.tell(meter, remote.alert(meter, UPDATED))
        _take_into_use(remote, who, scalars)
        yield rng.uniform(5, 60)
        asks = ("ECS17b", "ECS38", "ECS66") if name == "Supplier" else ("ECS22a",)
        for use_case in asks:
            yield from remote.exchange(meter, remote.command(use_case, meter))
            yield rng.uniform(3, 40)
    return True


def _take_into_use(remote: Remote, who: bytes, scalars: dict[str, int]) -> None:
    new_keys(remote, who, ())
    for use, scalar in scalars.items():
        remote.scalars.append((who, use, scalar))
    new_keys(remote, who, ())


def new_device_certificates(home: Home) -> Process:
    """A meter makes a key pair (CS02c), gets its certificate (CS02d), says so in an alert, and uses it."""
    remote, rng, meter, authority = remote_of(home), home.air.rng, home.meter, Authority(home)
    who = octets_of(meter)
    remote.meet(who)
    for use, alert in ((SIGNATURE, OWN_SIGNATURE), (AGREEMENT, OWN_AGREEMENT)):
        yield rng.uniform(200, 900)
        counter, supplier = remote.counter(remote.parties["Supplier"]), remote.parties["Supplier"]
        asked = _update(remote, 0x000A, supplier, meter, counter, {"key_usage": BITS[use]})
        yield from remote.exchange(meter, asked)
        yield rng.uniform(30, 400)
        scalar = rng.getrandbits(250) + 1
        counter = remote.counter(supplier)
        asked = build.command(
            "CS02d", originator=supplier, recipient=who, keystore=remote.keystore, counter=counter,
            payload=authority.certificate(who, use, scalar, None),
        )  # fmt: skip
        yield from remote.exchange(meter, asked)
        _take_into_use(remote, who, {use: scalar})
        yield rng.uniform(1, 10)
        yield from remote.tell(meter, remote.alert(meter, alert))
        for use_case in ("CS02e", "ECS17b", "ECS66"):
            yield from remote.exchange(meter, remote.command(use_case, meter))
            yield rng.uniform(5, 60)
    return True


def another_supplier(home: Home) -> Process:
    """The supplier changes: its certificates are replaced by who is there for that (CS02b), the new one begins with counters of its own,
    sets tariff and payment mode, and displays are told."""
    remote, rng, meter, authority = remote_of(home), home.air.rng, home.meter, Authority(home)
    prefix = remote.parties["Supplier"][:4]
    changer, new = prefix + b"\0\x07\0\0", bytes([prefix[0] ^ 0x11]) + prefix[1:] + b"\0\x09\0\0"
    remote.parties["Transitional Change of Supplier"] = changer
    remote.meet(changer, new, octets_of(meter))
    yield rng.uniform(300, 1500)
    old, counter = remote.parties["Supplier"], remote.counter(changer)
    held = {use: scalar for who, use, scalar in remote.scalars if who == new}
    replacements = [
        {
            "certificate": authority.certificate(new, use, held[use], SUPPLIER),
            "target_cell": {
                "role": SUPPLIER, "key_usage": BITS[use], **({"cell_usage": 1} if use == TOP_UP else {}),
            },
        }
        for use in USES
    ]  # fmt: skip
    floor = (round(home.air.start + home.air.now) - 3600) << 32
    control = {
        "mode": 7, "authorising_cell": {"role": CHANGE_OF_SUPPLIER, "key_usage": BITS[SIGNATURE]},
        "authorising_sequence_number": counter, "new_sequence_number_floor": floor,
        "usage_floors": [{"usage": 0, "sequence_number_floor": floor}],
    }  # fmt: skip
    root = authority.certificate(b"", SIGNATURE, 0, 7)
    body = {"control": control, "replacements": replacements, "certification_path": [root]}
    asked = _update(remote, BY_CHANGE_OF_SUPPLIER, changer, meter, counter, body)
    answer = _outcome(remote, asked, 7, [(SUPPLIER, use) for use in USES], (old, new))
    if not (yield from _carried_out(remote, meter, asked, answer)):
        return False
    yield from remote.tell(meter, remote.alert(meter, UPDATED))
    remote.parties["Supplier"], remote.parties["Former Supplier"] = new, old
    for name in ("ECS01a", "ECS38", "ECS39a", "ECS66", "ECS17b"):
        yield rng.uniform(5, 120)
        yield from remote.exchange(meter, remote.command(name, meter))
    for one in home.shown(meter):
        title = b"Another Energy"
        body_ = (
            struct.pack("<IIBIII", 0x10, home.air.utc, 0, 0x20, home.air.utc, 0)
            + bytes([len(title)])
            + title
            + b"\0"
        )
        asdu = zcl(0x01, body_, sequence=meter.next("zcl"), to_client=True)
        yield from home.speech.say(meter, one, DEVICE_MANAGEMENT, asdu)
    return True


def another_tenant(home: Home) -> Process:
    """A tenant moves out: what was stored is restricted (ECS12, GCS09), the PIN is taken away, displays are told, a message
    is shown."""
    remote, rng, meter = remote_of(home), home.air.rng, home.meter
    yield rng.uniform(200, 1500)
    for name in ("ECS12", "ECS14", "ECS16", "ECS10"):
        yield from remote.exchange(meter, remote.command(name, meter))
        yield rng.uniform(3, 60)
    for one in home.shown(meter):
        body = struct.pack("<IIBII", 0x10, home.air.utc, 0, home.air.utc, 0)
        asdu = zcl(0x00, body, sequence=meter.next("zcl"), to_client=True)
        yield from home.speech.say(meter, one, DEVICE_MANAGEMENT, asdu)
        text = b"Welcome to your new home."
        body = struct.pack("<IBIH", home.air.utc, 0, home.air.utc, 60) + bytes([len(text)]) + text + b"\0"
        asdu = zcl(0x00, body, sequence=meter.next("zcl"), to_client=True)
        yield from home.speech.say(meter, one, MESSAGING, asdu)
    return True
