"""The `certificates` table: every certificate that was given or that a message carried, and what to think of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from analysis.pipeline.implicit_certificates import implicit_rows
from analysis.pipeline.session import Session
from dissectors import Message

__all__ = ["MOST_CERTIFICATES", "certificate_rows", "moment", "note_certificates"]

MOST_CERTIFICATES = 4096
"""Different certificates that are kept of those that messages carried; the rest is counted."""


@dataclass(slots=True, eq=False)
class Sighting:
    """Where a certificate was seen first, and when."""

    certificate: Any
    message: int
    frame: int | None
    at: datetime | None


def moment(time_ns: int | None) -> datetime | None:
    """A capture's time as `dissectors.gbcs` takes it; None where there is none, or none that a calendar has."""
    if time_ns is None:
        return None
    try:
        return datetime.fromtimestamp(time_ns // 1_000_000_000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def note_certificates(
    session: Session, message: Message, number: int, frames: tuple[int, ...], time_ns: int | None
) -> None:
    """Keep the certificates that a message carries: replacements, a device's own, an unknown party's."""
    if message.kind != "gbcs" or not session.wants("certificates"):
        return
    at = moment(time_ns)
    layout, payload = getattr(message, "layout", None), getattr(message, "payload", None)
    der = payload is not None and payload.kind == "der"
    if layout is None or not (der or layout.certificate is not None):
        return
    from dissectors.gbcs import certificates_in

    for _, certificate in certificates_in(message.fields, message.octets):
        if certificate.der in session.certificates:
            continue
        if len(session.certificates) >= MOST_CERTIFICATES:
            session.certificates_forgotten += 1
            continue
        sighting = Sighting(certificate, number, frames[0] if frames else None, at)
        session.certificates[certificate.der] = sighting


def certificate_rows(session: Session) -> list[dict[str, Any]]:
    """Rows of the `certificates` table: roots, those held, those seen in messages, those of key establishments."""
    rows = [*_x509_rows(session), *implicit_rows(session)]
    return [{"certificate": number, **row} for number, row in enumerate(rows, 1)]


def _x509_rows(session: Session) -> Iterator[dict[str, Any]]:
    ring = session.context.keyring
    if ring.gbcs is None and not session.certificates:
        return
    from dissectors.gbcs import Keystore

    store = ring.gbcs if ring.gbcs is not None else Keystore()
    seen: dict[bytes, Sighting] = session.certificates
    held = {one.der: one for one in (*store.roots, *store.certificates)}
    roots = {one.der for one in store.roots}
    strangers = {der: one.certificate for der, one in seen.items() if der not in held}
    between = [one for one in strangers.values() if one.authority]
    between += [one for one in store.certificates if one.authority] if between else []
    for der, certificate in (held | strangers).items():
        sighting = seen.get(der)
        origin = "root" if der in roots else "held" if der in held else ""
        row = {**_said(certificate), **_judged(certificate, store, between, sighting, session)}
        row["origin"] = " and ".join(word for word in (origin, "seen" if sighting else "") if word)
        named = ring.devices.get(int.from_bytes(certificate.entity, "big")) if row["whose"] else None
        row["name"] = (named.name if named is not None else "") or certificate.name
        if sighting is not None:
            row |= {"message": sighting.message, "frame": sighting.frame}
        yield row


def _said(certificate: Any) -> dict[str, Any]:
    """What a certificate says of itself."""
    from dissectors.gbcs import role_title, x509_facts

    facts = x509_facts(certificate.der)
    entity = certificate.entity and not certificate.authority
    iso = "%Y-%m-%dT%H:%M:%SZ"
    return {
        "kind": "X.509",
        "whose": certificate.entity.hex() if entity else None,
        "role": role_title(certificate.role)
        if certificate.role is not None
        else "device"
        if entity
        else None,
        "use": certificate.usage or None,
        "issuer": facts.issuer_text if facts is not None else None,
        "issuer_key": certificate.authority_identifier.hex() or None,
        "serial": f"{certificate.serial:x}",
        "key_identifier": certificate.key_identifier.hex() or None,
        "validity": None
        if facts is None
        else "/".join(t.strftime(iso) for t in (facts.not_before, facts.not_after)),
    }


def _judged(
    certificate: Any, store: Any, between: list[Any], sighting: Sighting | None, session: Session
) -> dict[str, str]:
    """Chain, validity and revocation; authorities that messages carried may stand between it and a root."""
    from dissectors.gbcs import find_paths, judge_certificate

    at = sighting.at if sighting is not None else moment(session.last_time)
    paths = find_paths(certificate, between, store.roots) if between else store.paths(certificate)
    trust = judge_certificate(certificate, store, at=at, paths=paths)
    return {"chain": trust.state, "chain_reason": trust.reason}
