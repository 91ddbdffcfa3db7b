"""Follows the Key Establishment cluster: certificates, ephemeral keys and MACs of both devices (ZSE annex C).

Where a private scalar of either device is in the keyring, the link key is computed when both ephemeral
keys have been seen, and held as ``CBKE in frame N``; the MACs are then checked.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from dissectors.model.errors import Malformed
from dissectors.model.field import Field
from dissectors.model.keyring import CbkeScalars, Key
from dissectors.security.key_proofs import KeyChanges
from dissectors.zcl.catalogue import Command
from dissectors.zcl.command import DecodedCommand
from dissectors.zcl.reading import Reading
from dissectors.zcl.stateful.cbke import Agreement, Side, agree
from dissectors.zcl.stateful.certificates import SUITES, Certificate, certificate_fields, read_certificate

__all__ = ["CarriedCertificates", "Establishment", "Establishments", "follow_key_establishment"]

INITIATOR, RESPONDER = "initiator", "responder"
EPHEMERAL_OCTETS = {22: 1, 37: 2}


@dataclass(slots=True)
class Establishment:
    """One exchange: what each role has sent so far; `agreement` once it could be computed; `settled` is the frame
    since which all is there that the key is made of."""

    certificates: dict[str, Certificate] = field(default_factory=dict)
    ephemerals: dict[str, bytes] = field(default_factory=dict)
    agreement: Agreement | None = None
    settled: int = 0
    failed: bool = False


@dataclass(slots=True)
class CarriedCertificate:
    """Where a certificate was sent first (frame 0: it has no number), and in which frame its holder proved to have the
    private key: 0 where that was not seen, or cannot be told without a private scalar."""

    certificate: Certificate
    frame: int
    time_ns: int
    proven: int = 0


@dataclass(slots=True, eq=False, repr=False)
class CarriedCertificates:
    """The certificates that key establishments carried, by their octets (kept in the context)."""

    seen: dict[bytes, CarriedCertificate] = field(default_factory=dict)


@dataclass(slots=True)
class Establishments:
    """Exchanges by (initiator, responder), the last one of each pair."""

    of: dict[tuple[Any, Any], Establishment] = field(default_factory=dict)


def follow_key_establishment(reading: Reading, command: Command, found: DecodedCommand) -> None:
    """Take note of a Key Establishment command; names the parts of certificates, checks MACs."""
    role = RESPONDER if reading.to_client else INITIATOR
    client, server = (reading.destination, reading.source) if reading.to_client else _ends(reading)
    held = reading.context.state(Establishments).of
    octets = next((f for f in found.fields if isinstance(f.value, bytes) and f.name != "undecoded"), None)
    if command.id == 0 and role == INITIATOR:
        held[client, server] = Establishment()
    exchange = held.setdefault((client, server), Establishment())
    if octets is None:
        return
    if command.id == 0:
        _certificate(reading, exchange, role, octets)
    elif command.id == 1:
        _ephemeral(reading, exchange, role, octets)
    elif command.id == 2:
        _check(reading, exchange, role, octets)


def _ends(reading: Reading) -> tuple[Any, Any]:
    return reading.source, reading.destination


def _certificate(reading: Reading, exchange: Establishment, role: str, octets: Field) -> None:
    octets.children = certificate_fields(octets.value, octets.offset, octets.buffer)
    try:
        certificate = read_certificate(octets.value)
    except Malformed as error:
        reading.issue("warning", octets.offset, error.text)
        return
    octets.meaning = f"certificate of {certificate.subject:016x}, suite {certificate.suite}"
    exchange.certificates[role] = certificate
    envelope = reading.envelope
    carried = CarriedCertificate(certificate, envelope.frame, envelope.time_ns)
    reading.context.state(CarriedCertificates).seen.setdefault(certificate.octets, carried)


def _ephemeral(reading: Reading, exchange: Establishment, role: str, octets: Field) -> None:
    suite = EPHEMERAL_OCTETS.get(octets.length)
    if suite is None:
        reading.issue("warning", octets.offset, f"an ephemeral key has 22 or 37 octets, not {octets.length}")
        return
    octets.meaning = f"compressed point on {SUITES[suite].name}"
    exchange.ephemerals[role] = octets.value
    exchange.settled = reading.envelope.frame
    _compute(reading, exchange)


def _compute(reading: Reading, exchange: Establishment) -> None:
    """Compute the link key when everything for it is there."""
    complete = len(exchange.certificates) == 2 and len(exchange.ephemerals) == 2
    if not complete or exchange.agreement is not None or exchange.failed or not reading.context.keyring.cbke:
        return
    try:
        initiator, responder = _side(reading, exchange, INITIATOR), _side(reading, exchange, RESPONDER, False)
        if initiator.static_private is None:
            responder = _side(reading, exchange, RESPONDER)
            if responder.static_private is None:
                return
        exchange.agreement = agree(initiator, responder)
    except (Malformed, ValueError) as error:
        exchange.failed = True
        reading.issue("warning", 0, f"no link key could be computed: {error}")
        return
    pair = (exchange.certificates[INITIATOR].subject, exchange.certificates[RESPONDER].subject)
    frame = reading.envelope.frame
    key = Key(
        "link",
        exchange.agreement.link_key,
        origin=f"CBKE in frame {frame}",
        devices=pair,
        first_frame=frame,
    )
    reading.context.keyring.add(key)
    reading.out.learnt.append(key)
    reading.issue("note", 0, "the link key of this exchange was computed from a private scalar")


def _side(reading: Reading, exchange: Establishment, role: str, private: bool = True) -> Side:
    """A side; if `private` with those scalars from the keyring that made the ephemeral key that was sent."""
    certificate, ephemeral = exchange.certificates[role], exchange.ephemerals[role]
    for scalars in reading.context.keyring.cbke if private else ():
        if scalars.device == certificate.subject and _made(certificate, ephemeral, scalars):
            return Side(certificate, ephemeral, scalars.static_private, scalars.ephemeral_private)
    return Side(certificate, ephemeral)


def _made(certificate: Certificate, ephemeral: bytes, scalars: CbkeScalars) -> bool:
    curve = certificate.curve
    point = curve.times(scalars.ephemeral_private % curve.order)
    return point is not None and curve.compress(point) == ephemeral


def _note_change(reading: Reading, exchange: Establishment) -> None:
    """The responder has confirmed: from now on the pair has another link key, whether or not it is known here."""
    certified = [one.subject for one in exchange.certificates.values()]
    known = [one for one in (reading.envelope.source, reading.envelope.destination) if one is not None]
    ends = certified if len(certified) == 2 else known
    reading.context.state(KeyChanges).note(tuple(sorted(set(ends))), reading.envelope.frame, exchange.settled)


def _check(reading: Reading, exchange: Establishment, role: str, octets: Field) -> None:
    octets.meaning = "MACU, by the initiator" if role == INITIATOR else "MACV, by the responder"
    _compute(reading, exchange)
    if role == RESPONDER:
        _note_change(reading, exchange)
    if exchange.agreement is None:
        return
    wanted = exchange.agreement.mac_initiator if role == INITIATOR else exchange.agreement.mac_responder
    if octets.value == wanted:
        octets.meaning += ": matches"
        carried = reading.context.state(CarriedCertificates).seen.get(exchange.certificates[role].octets)
        if carried is not None:
            carried.proven = carried.proven or reading.envelope.frame
    else:
        octets.meaning += ": does not match"
        reading.issue("warning", octets.offset, "the key confirmation code does not match the computed key")
