"""May the certificate behind a signature be believed: chain, validity, role, key usage, revocation.

Strategy: what the octets of the certificates say (paths to a root, key usage, profile) does not depend on time and
is worked out once for each certificate (`Keystore.paths`); a message adds its time, its use case and its direction.
Three answers: ``untrusted`` when something is proved against it, ``trusted`` when everything was checked and held,
``unchecked`` when something to check with is missing (a root, an issuer, the time): the reason says what.

Source: GBCS 4.x section 12 (certificates), 13 (trust anchors), 17 (who may do what); RFC 5280 section 6.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple

from dissectors.gbcs.catalogue.names import CRA, originator_roles, role_title, use_case
from dissectors.gbcs.trust.certificates import Certificate
from dissectors.gbcs.trust.chains import Path, shown_time, x509_facts
from dissectors.gbcs.trust.revocation import revocation

if TYPE_CHECKING:
    from dissectors.gbcs.trust.keystore import Keystore

__all__ = ["Trust", "TrustState", "judge_certificate", "judge_signer"]

TrustState = Literal["trusted", "untrusted", "unchecked", "absent"]
_SIGNATURE = "digitalSignature"
_COMMAND = 1
_ORDER = ("trusted", "unchecked", "untrusted")


class Trust(NamedTuple):
    """Whether a certificate may be believed, and why or why not, in words."""

    state: TrustState
    reason: str


def judge_signer(
    certificates: Sequence[Certificate],
    keystore: Keystore,
    *,
    code: int | None,
    cra: int,
    at: datetime | None,
) -> Trust:
    """The best that can be said of the certificates whose key made a signature.

    Args:
        certificates: all that hold that key; none when the key came without a certificate.
        code, cra: message code and CRA flag: they say which roles may sign.
        at: when the message was there; None leaves validity unchecked.
    """
    if not certificates:
        return Trust("unchecked", "the key came without a certificate: give it in certificates = [...]")
    verdicts = [_for_message(one, keystore, code, cra, at) for one in certificates]
    return min(verdicts, key=lambda trust: _ORDER.index(trust.state))


def _for_message(
    certificate: Certificate, keystore: Keystore, code: int | None, cra: int, at: datetime | None
) -> Trust:
    trust = keystore.trust(certificate)
    if at is not None:
        trust = judge_certificate(certificate, keystore, at=at, use=_SIGNATURE)
    faults = role_faults(certificate.role, code, cra)
    if not faults:
        return trust
    return Trust("untrusted", "; ".join([*faults, *([trust.reason] if trust.state == "untrusted" else [])]))


def judge_certificate(
    certificate: Certificate,
    keystore: Keystore,
    *,
    at: datetime | None = None,
    use: str | None = None,
    paths: Sequence[Path] | None = None,
) -> Trust:
    """Trust in one certificate for `use` (a key usage; None for any) at a time.

    `paths` are those to judge, where they are not the ones that the keystore knows.
    """
    found = _usage_faults(certificate, use)
    judged = [_judge_path(path, keystore, at) for path in paths or keystore.paths(certificate)]
    state, against, missing, kept = min(judged, key=lambda one: _ORDER.index(one[0]))
    found += against
    if found:
        return Trust("untrusted", "; ".join(found))
    who = _who(certificate)
    if state == "unchecked":
        return Trust("unchecked", "; ".join([*missing, who, *kept]))
    return Trust("trusted", "; ".join([who, *kept]))


_Judged = tuple[str, list[str], list[str], list[str]]


def _judge_path(path: Path, keystore: Keystore, at: datetime | None) -> _Judged:
    """State, what is proved against the path, what is missing, and what was checked and held."""
    against, missing, kept = list(path.faults), [], []
    if path.rooted:
        kept.append(f"chain to the root {path.links[-1].name}")
    elif path.missing:
        missing.append(path.missing)
    if at is None:
        missing.append("expiry not checked: no time")
    else:
        expired = [fault for one in path.links if (fault := _expiry(one, at))]
        against += expired
        kept += [] if expired else ["valid at that time"]
    revoked, said = revocation(path.links, keystore.crls, at)
    against += revoked
    kept += said
    return ("untrusted" if against else "unchecked" if missing else "trusted"), against, missing, kept


def _expiry(certificate: Certificate, at: datetime) -> str | None:
    facts = x509_facts(certificate.der)
    if facts is None:
        return None  # a fault of the path already
    if at < facts.not_before:
        return f"{certificate.name} is valid from {shown_time(facts.not_before)}, the message is of {shown_time(at)}"
    if at > facts.not_after:
        return (
            f"{certificate.name} expired on {shown_time(facts.not_after)}, the message is of {shown_time(at)}"
        )
    return None


def _usage_faults(certificate: Certificate, use: str | None) -> list[str]:
    if use is None or certificate.usage == use:
        return []
    return [f"its key usage is {certificate.usage or 'not said'}, {use} is needed"]


@lru_cache(maxsize=4096)
def role_faults(role: int | None, code: int | None, cra: int) -> tuple[str, ...]:
    """May a party with `role` (None: a device) send messages of this kind: role for commands, a device for the rest."""
    kind = CRA.get(cra, "message")
    if cra != _COMMAND:
        if role is None:
            return ()
        return (f"{role_title(role)}: only a device makes a GBCS {kind}",)
    if role is None:
        return ("a device: only a remote party makes a signed command",)
    allowed = originator_roles(code) if code is not None else frozenset()
    if not allowed or role_title(role) in allowed:
        return ()
    row = use_case(code)
    name = row.use_case if row is not None else f"message code {code:04x}"
    return (f"role {role_title(role)} may not send {name}: only {', '.join(sorted(allowed))}",)


def _who(certificate: Certificate) -> str:
    role = "device" if certificate.role is None else f"role {role_title(certificate.role)}"
    return f"{role}, {certificate.usage}"
