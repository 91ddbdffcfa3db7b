"""The certificates in an Update Security Credentials command (CS02b, CS02g) held against one another.

Does each replacement chain to the certification path that came with it, and does it fit the trust anchor cell
that it is for (role and key usage)? Notes, not errors: the device, not the reader, decides.

Source: GBCS 4.x section 13.2; RFC 5280.
"""

from __future__ import annotations

from dissectors.gbcs.asn1.x509 import key_usage_names
from dissectors.gbcs.catalogue.names import role_name
from dissectors.gbcs.trust.certificates import Certificate, certificates_in, check_chain
from dissectors.model.field import Field, Issue

__all__ = ["check_replacements"]

LAYER = "gbcs.replacements"


def check_replacements(command: Field, octets: bytes) -> list[Issue]:
    """What does not fit in the `update_security_credentials` structure that `command` is."""
    path = command.find("certification_path")
    authorities = list(certificates_in([path], octets)) if path is not None else []
    known = [certificate for _, certificate in authorities]
    out: list[Issue] = []
    replacements = command.find("replacements")
    for one in replacements.children if replacements is not None else ():
        held = list(certificates_in([one], octets))
        if held:
            field, certificate = held[0]
            faults = [*check_chain(certificate, known, root=False), *_cell_faults(one, certificate)]
            out += [Issue("note", LAYER, field.offset, f"replacement certificate: {f}") for f in faults]
    return out


def _cell_faults(replacement: Field, certificate: Certificate) -> list[str]:
    """Role and key usage of the target cell against those of the certificate."""
    cell = replacement.find("target_cell")
    role, usage = (cell.find("role"), cell.find("key_usage")) if cell is not None else (None, None)
    faults = []
    if role is not None and certificate.role is not None and role.value != certificate.role:
        faults.append(f"role {role_name(certificate.role)}, for a cell of {role_name(role.value)}")
    if usage is not None and isinstance(usage.value, bytes):
        wanted = key_usage_names(usage.value)
        if wanted != certificate.usage:
            faults.append(f"key usage {certificate.usage}, for a cell of {wanted}")
    return faults
