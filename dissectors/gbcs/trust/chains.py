"""Paths from a certificate to a root that the user gave, and what is wrong with each.

Source: RFC 5280 section 6.1 (path validation); GBCS 4.x section 12.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

from cryptography import x509

from dissectors.gbcs.trust.certificates import Certificate

__all__ = ["Path", "X509Facts", "find_paths", "shown_time", "x509_facts"]

MOST_LINKS = 8
MOST_PATHS = 16
_UNDERSTOOD = frozenset(
    ["2.5.29.15", "2.5.29.17", "2.5.29.19", "2.5.29.32", "2.5.29.35", "2.5.29.14", "2.5.29.30", "2.5.29.36"]
)
"""Extensions that may be critical: key usage, alternative name, basic constraints, policies, key identifiers."""


class X509Facts(NamedTuple):
    """What path validation needs of a certificate.

    Attributes:
        issuer, subject: names in DER. issuer_text: the issuer as RFC 4514 writes it.
        authority: basic constraints say that it is a certification authority; None without that extension.
        path_length: authorities that may follow below it; None for any number.
        strange: critical extensions that are not understood.
    """

    not_before: datetime
    not_after: datetime
    issuer: bytes
    subject: bytes
    issuer_text: str
    authority: bool | None
    path_length: int | None
    strange: tuple[str, ...]


class Path(NamedTuple):
    """Certificates from the leaf upwards, the last one issued by nobody that is known.

    Attributes:
        rooted: the last one is a root that was given.
        faults: what is proved against the path, whatever the time.
        missing: what would be needed to reach a root; empty when it is reached.
    """

    links: tuple[Certificate, ...]
    rooted: bool
    faults: tuple[str, ...]
    missing: str


def shown_time(at: datetime) -> str:
    """A time as people read it: ``2026-01-05 00:01:15 UTC``."""
    return at.strftime("%Y-%m-%d %H:%M:%S UTC")


@lru_cache(maxsize=4096)
def x509_facts(der: bytes) -> X509Facts | None:
    """The facts of a certificate; None when it is not sound X.509 (the tree says where), or when its two signature
    algorithms differ: only the inner one is signed (RFC 5280 4.1.1.2)."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # of serial numbers and times that a profile forbids: not our reader's talk
            one = x509.load_der_x509_certificate(der)
        signed = one.tbs_certificate_bytes
        outer = der.index(signed) + len(signed)
        if der[outer : outer + 2 + der[outer + 1]] not in signed:
            return None
        basic = _basic_constraints(one)
        strange = (e.oid.dotted_string for e in one.extensions if e.critical)
        return X509Facts(
            one.not_valid_before_utc.astimezone(UTC),
            one.not_valid_after_utc.astimezone(UTC),
            one.issuer.public_bytes(),
            one.subject.public_bytes(),
            one.issuer.rfc4514_string(),
            None if basic is None else basic.ca,
            None if basic is None else basic.path_length,
            tuple(name for name in strange if name not in _UNDERSTOOD),
        )
    except (ValueError, TypeError, LookupError, OverflowError, x509.DuplicateExtension, x509.InvalidVersion):
        return None  # a LookupError: of a kind of text in a name that is none, in cryptography before 50


def _basic_constraints(one: x509.Certificate) -> x509.BasicConstraints | None:
    try:
        return one.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        return None


def find_paths(
    certificate: Certificate, authorities: Sequence[Certificate], roots: Sequence[Certificate]
) -> list[Path]:
    """Every path upwards from `certificate`, those to a root first; at least one, if only to say what is missing."""
    paths = []
    for path in _climb((certificate,), authorities, roots):
        paths.append(path)
        if len(paths) == MOST_PATHS:
            break
    return sorted(paths, key=lambda path: (not path.rooted, len(path.faults)))


def _climb(
    links: tuple[Certificate, ...], authorities: Sequence[Certificate], roots: Sequence[Certificate]
) -> Iterator[Path]:
    current = links[-1]
    facts = x509_facts(current.der)
    if facts is None:
        yield _ended(links, roots, [f"{current.name} is not sound X.509"], "")
        return
    if any(current.der == root.der for root in roots) and len(links) > 1:
        yield _ended(links, roots, [], "")
        return
    if current.issued_by(current):
        yield from _own_issuer(links, roots)
        return
    named = [one for one in (*roots, *authorities) if _names(current, one) and one not in links]
    issuers = [one for one in dict.fromkeys(named) if current.issued_by(one)]
    if not issuers:
        yield _without_issuer(links, roots, named, facts)
    elif len(links) == MOST_LINKS:
        yield _ended(links, roots, [f"a chain of more than {MOST_LINKS} certificates"], "")
    for one in issuers if len(links) < MOST_LINKS else ():
        yield from _climb((*links, one), authorities, roots)


def _names(current: Certificate, issuer: Certificate) -> bool:
    """Does `current` name `issuer` as the one that issued it: by name, and by key identifier where it has one."""
    below, above = x509_facts(current.der), x509_facts(issuer.der)
    if below is None or above is None or below.issuer != above.subject:
        return False
    wanted = current.authority_identifier
    return not wanted or wanted == issuer.key_identifier


def _own_issuer(links: tuple[Certificate, ...], roots: Sequence[Certificate]) -> Iterator[Path]:
    current = links[-1]
    if any(current.der == root.der for root in roots):
        yield _ended(links, roots, [], "")
    elif not current.authority:
        yield _ended(links, roots, [f"{current.name} is self-signed: no authority issued it"], "")
    elif roots:
        yield _ended(
            links, roots, [f"the chain ends in {current.name}, which is not a root that was given"], ""
        )
    else:
        yield _ended(
            links, roots, [], f"not checked against a root: roots = [...] gives none ({current.name} is held)"
        )


def _without_issuer(
    links: tuple[Certificate, ...],
    roots: Sequence[Certificate],
    named: Sequence[Certificate],
    facts: X509Facts,
) -> Path:
    current = links[-1]
    if named:
        return _ended(
            links, roots, [f"{current.name} is not signed by {named[0].name}, which it names as issuer"], ""
        )
    issuer = f"{facts.issuer_text} {current.authority_identifier.hex()}".strip()
    start = "not checked against a root: " + ("" if roots else "roots = [...] gives none, and ")
    return _ended(links, roots, [], f"{start}the issuer of {current.name} is not at hand ({issuer})")


def _ended(
    links: tuple[Certificate, ...], roots: Sequence[Certificate], faults: list[str], missing: str
) -> Path:
    found = [*_authority_faults(links), *faults]
    for one in links:
        facts = x509_facts(one.der)
        found += (
            [f"{one.name} has a critical extension {name} that is not known" for name in facts.strange]
            if facts
            else []
        )
    rooted = any(links[-1].der == root.der for root in roots)
    return Path(links, rooted, tuple(found), missing)


def _authority_faults(links: tuple[Certificate, ...]) -> Iterator[str]:
    """What forbids one of the issuers to issue: key usage, basic constraints, path length (RFC 5280 6.1.4)."""
    for below, one in enumerate(links[1:]):
        facts = x509_facts(one.der)
        anchor = below == len(links) - 2 and one.issued_by(one)
        if not one.authority:
            yield f"{one.name} issued {links[below].name}, and its key usage is not that of an authority"
        elif facts is not None and (facts.authority is False or (facts.authority is None and not anchor)):
            yield f"{one.name} issued {links[below].name}, and is no certification authority"
        if facts is not None and facts.path_length is not None and below > facts.path_length:
            yield f"{one.name} may have {facts.path_length} authorities below it, there are {below}"
