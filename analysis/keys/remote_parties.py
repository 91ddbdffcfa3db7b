"""Remote parties of GBCS: suppliers, network operators and others that no radio of the home belongs to.

Source: GBCS 4.3, table of remote party roles (dissectors/gbcs/tables/remote_party_roles.csv)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dissectors import Keyring
from dissectors.model import DeviceName

__all__ = ["REMOTE_PARTIES", "remote_parties"]

REMOTE_PARTIES = {
    1: "Recovery",
    2: "Supplier",
    3: "Network Operator",
    4: "Access Control Broker",
    5: "Transitional Change of Supplier",
    6: "WAN Provider",
    8: "Load Controller",
}
"""Role of a remote party by the number that its certificates carry."""


def remote_parties(keyring: Keyring) -> Iterator[DeviceName]:
    """Remote parties whose role keys.toml says, or a certificate in the keystore."""
    known = {one.eui64 for one in keyring.devices.values() if one.role in REMOTE_PARTIES.values()}
    yield from (keyring.devices[eui64] for eui64 in sorted(known))
    certificates: list[Any] = keyring.gbcs.certificates if keyring.gbcs is not None else []
    for certificate in certificates:
        role = REMOTE_PARTIES.get(certificate.role)
        eui64 = int.from_bytes(certificate.entity, "big") if certificate.entity else None
        if role is not None and eui64 is not None and eui64 not in known:
            known.add(eui64)
            named = keyring.devices.get(eui64)
            yield DeviceName(eui64, (named.name if named else "") or role, role)
