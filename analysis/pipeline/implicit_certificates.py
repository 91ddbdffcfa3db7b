"""Rows of the `certificates` table for implicit certificates (ECQV), which devices exchange in key establishments.

Source: ZSE annex C (CBKE, suites 1 and 2); SEC 4. Such a certificate has no signature: whose it is and that one authority
issued it and its partner's is proved by a key establishment whose confirmation codes fit, and by nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from analysis.pipeline.session import Session
from dissectors.zcl import CarriedCertificate, CarriedCertificates, Certificate

__all__ = ["implicit_rows"]

USES = {"digital signature": "digitalSignature", "key agreement": "keyAgreement"}
"""Names of uses as X.509 has them."""
WITHOUT_END = "9999-12-31T23:59:59Z"
ISO = "%Y-%m-%dT%H:%M:%SZ"


def implicit_rows(session: Session) -> Iterator[dict[str, Any]]:
    """A row for each that was seen, without its number."""
    for one in session.context.state(CarriedCertificates).seen.values():
        certificate = one.certificate
        named = session.context.keyring.devices.get(certificate.subject)
        state, reason = _judged(one)
        yield {
            "whose": f"{certificate.subject:016x}",
            "name": (named.name if named is not None else "") or f"{certificate.subject:016x} (device)",
            "role": "device",
            "use": ", ".join(USES[use] for use in certificate.uses) or None,
            "issuer": f"{certificate.issuer:016x}",
            "serial": None if certificate.serial is None else f"{certificate.serial:x}",
            "chain": state,
            "chain_reason": reason,
            "validity": _validity(certificate),
            "origin": "seen",
            "frame": one.frame or None,
            "kind": f"implicit (ECQV) {certificate.curve.name}",
        }


def _judged(one: CarriedCertificate) -> tuple[str, str]:
    """State and reason, at the time at which it was sent."""
    certificate = one.certificate
    if certificate.faults:
        return "untrusted", "; ".join(certificate.faults)
    if "key agreement" not in certificate.uses:
        return "untrusted", "its key usage does not allow key agreement, which it was sent for"
    span, now = certificate.validity, one.time_ns // 1_000_000_000
    if span is not None and now > 0 and now < span[0]:
        return "untrusted", f"not valid before {_moment(span[0])}"
    if span is not None and now > 0 and span[1] is not None and now > span[1]:
        return "untrusted", f"expired: valid until {_moment(span[1])}"
    if one.proven:
        text = f"its holder proved the private key in frame {one.proven}, and that its partner's authority issued it"
        return "unchecked", f"{text}; that authority's key is not checked against a root"
    text = "an implicit certificate has no signature: only a key establishment proves it"
    return "unchecked", f"{text}, which cannot be followed without a private key of one of both devices"


def _validity(certificate: Certificate) -> str | None:
    span = certificate.validity
    if span is None:
        return None
    return f"{_moment(span[0])}/{WITHOUT_END if span[1] is None else _moment(span[1])}"


def _moment(seconds: int) -> str:
    """A time in ISO 8601; seconds since 1970 where no calendar has it."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime(ISO)
    except (ValueError, OverflowError, OSError):
        return f"{seconds} s since 1970-01-01"
