"""Lists of revoked certificates (CRL of an issuing authority, ARL of the root) held against a chain.

A list counts when an authority of the chain that may sign lists has signed it; one that merely names it is told
and not believed. Source: RFC 5280 sections 5 and 6.3; GBCS 4.x section 12.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from dissectors.gbcs.trust.certificates import Certificate
from dissectors.gbcs.trust.chains import shown_time, x509_facts
from dissectors.model.errors import Malformed

__all__ = ["RevocationList", "read_revocation_list", "revocation"]

_PEM = b"-----BEGIN X509 CRL-----"


class RevocationList:
    """One list of revoked certificates, as its issuer wrote it.

    Attributes:
        issuer: name of the issuer in DER.
        issued, next_issue: when it was made, and when the next one is due (None: not said).
    """

    def __init__(self, octets: bytes) -> None:
        try:
            load = x509.load_pem_x509_crl if octets.lstrip().startswith(_PEM) else x509.load_der_x509_crl
            self._list = load(octets)
            self.issuer = self._list.issuer.public_bytes()
            self.issued = self._list.last_update_utc.astimezone(UTC)
            due = self._list.next_update_utc
            self.next_issue = None if due is None else due.astimezone(UTC)
        except (ValueError, TypeError) as error:
            raise Malformed("not a readable list of revoked certificates", layer="gbcs.revocation") from error
        self._signed: dict[bytes, bool] = {}

    def signed_by(self, authority: Certificate) -> bool:
        """Did the key of `authority` sign this list, and may it?"""
        if authority.der not in self._signed:
            self._signed[authority.der] = "cRLSign" in authority.usage and self._verify(authority)
        return self._signed[authority.der]

    def _verify(self, authority: Certificate) -> bool:
        try:
            key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), authority.point)
            return self._list.is_signature_valid(key)
        except (ValueError, TypeError):
            return False

    def revoked(self, serial: int) -> tuple[datetime, str] | None:
        """Since when a serial number is revoked, and why; None when it is not listed."""
        entry = self._list.get_revoked_certificate_by_serial_number(serial)
        if entry is None:
            return None
        try:
            why = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason.value
        except (x509.ExtensionNotFound, ValueError):
            why = "no reason given"
        return entry.revocation_date_utc.astimezone(UTC), why


def read_revocation_list(octets: bytes) -> RevocationList:
    """A CRL or ARL in DER or PEM.

    Raises:
        Malformed: it is none.
    """
    return RevocationList(octets)


def revocation(
    links: Sequence[Certificate], lists: Sequence[RevocationList], at: datetime | None
) -> tuple[list[str], list[str]]:
    """Which certificates of a chain are revoked at a time (None: ever), and what was checked, in words."""
    if not lists:
        return [], ["revocation not checked: crls = [...] gives no list"]
    faults: list[str] = []
    said: list[str] = []
    for below, authority in pairwise(links):
        facts = x509_facts(authority.der)
        named = [one for one in lists if facts is not None and one.issuer == facts.subject]
        believed = [one for one in named if one.signed_by(authority)]
        for one in believed:
            faults += _revoked(below, authority, one, at)
        said.append(_checked(authority, believed, len(named) - len(believed), at))
    return faults, [*dict.fromkeys(said)] or ["revocation not checked: no issuer at hand"]


def _revoked(
    below: Certificate, authority: Certificate, one: RevocationList, at: datetime | None
) -> list[str]:
    found = one.revoked(below.serial)
    if found is None or (at is not None and at < found[0]):
        return []
    return [f"{below.name} was revoked on {shown_time(found[0])} by {authority.name} ({found[1]})"]


def _checked(
    authority: Certificate, believed: Sequence[RevocationList], disbelieved: int, at: datetime | None
) -> str:
    if not believed:
        forged = f" ({disbelieved} that name it are not signed by it)" if disbelieved else ""
        return f"revocation not checked: no list of {authority.name}{forged}"
    newest = max(one.issued for one in believed)
    due = max((one.next_issue for one in believed if one.next_issue is not None), default=None)
    late = ", which was out of date" if at is not None and due is not None and at > due else ""
    return f"not revoked in the list of {authority.name} of {shown_time(newest)}{late}"
