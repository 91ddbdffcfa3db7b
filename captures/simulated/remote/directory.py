"""Who takes part in GBCS messages: remote parties and the home's devices, their keys, certificates and counters.

Sources: GBCS 4.x sections 4.3 (counters, roles), 13.3 (remote party roles).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cache

from captures.simulated.air.truth import PartyNote
from captures.simulated.devices.han import Han
from captures.simulated.remote.smki import AGREEMENT, PREPAYMENT, SIGNATURE, Smki
from captures.simulated.stack.network import Role
from captures.simulated.stack.node import Node
from dissectors.gbcs import use_cases
from dissectors.layout import table

__all__ = ["PARTIES", "Directory", "Entity", "PartyRole", "role_of"]

HAN_ONLY = "SME.C.PPMID-GSME"
GPF_EUI64 = 0x90B3D5FFFE0000A3


class PartyRole(IntEnum):
    """Remote party roles (GBCS table 13.3)."""

    RECOVERY = 1
    SUPPLIER = 2
    NETWORK_OPERATOR = 3
    ACCESS_CONTROL_BROKER = 4
    TRANSITIONAL_COS = 5
    WAN_PROVIDER = 6
    LOAD_CONTROLLER = 8


@dataclass(frozen=True, slots=True)
class Entity:
    """Who sends or receives messages; `node` is None for remote parties and the gas proxy function."""

    name: str
    eui64: int
    role: Role | PartyRole
    node: Node | None = None

    @property
    def octets(self) -> bytes:
        return self.eui64.to_bytes(8, "big")

    @property
    def address(self) -> str:
        """Its EUI-64 in hex digits."""
        return f"{self.eui64:016x}"


PARTIES = (
    Entity("Recovery", 0x90B3D5FFFEF00001, PartyRole.RECOVERY),
    Entity("Access control broker", 0x90B3D5FFFEF00002, PartyRole.ACCESS_CONTROL_BROKER),
    Entity("Transitional change of supplier", 0x90B3D5FFFEF00004, PartyRole.TRANSITIONAL_COS),
    Entity("WAN provider", 0x90B3D5FFFEF00007, PartyRole.WAN_PROVIDER),
    Entity("Supplier A", 0x90B3D5FFFEF10000, PartyRole.SUPPLIER),
    Entity("Load controller", 0x90B3D5FFFEF10008, PartyRole.LOAD_CONTROLLER),
    Entity("Network operator", 0x90B3D5FFFEF20000, PartyRole.NETWORK_OPERATOR),
    Entity("Supplier B", 0x90B3D5FFFEF30000, PartyRole.SUPPLIER),
)
"""Test identifiers."""

ROLE_NAMES = {
    "Supplier": PartyRole.SUPPLIER, "Network Operator": PartyRole.NETWORK_OPERATOR,
    "Access Control Broker": PartyRole.ACCESS_CONTROL_BROKER, "Load Controller": PartyRole.LOAD_CONTROLLER,
}  # fmt: skip
BY_MODE = {
    "BySupplier": PartyRole.SUPPLIER, "ByNetworkOperator": PartyRole.NETWORK_OPERATOR,
    "ByACB": PartyRole.ACCESS_CONTROL_BROKER, "ByWanProvider": PartyRole.WAN_PROVIDER,
    "ByTransCoS": PartyRole.TRANSITIONAL_COS, "ByRecovery": PartyRole.RECOVERY,
    "ByContingency": PartyRole.RECOVERY, "ByLoadController": PartyRole.LOAD_CONTROLLER,
}  # fmt: skip
"""Who sends the modes of CS02b and CS02g, by the end of the mode's name."""

TO_PPMID = frozenset(["CS03A2", "CS03C"])
TO_GPF = frozenset(["GCS59", "GCS62"])
TO_HCALCS = frozenset(["CS07"])
TO_GSME = frozenset(["CS01b", "CS03B", "CS10a", "CS10b", "CS11"])


@cache
def _targets() -> dict[int, Role]:
    """Device by message code, where the table of objects says it."""
    found: dict[int, Role] = {}
    for row in table("gbcs", "dlms_objects_by_usecase"):
        if row["target"].startswith("CHF"):
            found[int(row["message_code"], 16)] = Role.CHF if ";" not in row["target"] else Role.ESME
    return found


def role_of(code: int) -> Role:
    """The role of the device that takes the commands, or sends the alerts, of a message code.

    From the tables' targets and, where they are silent, from the devices that the published test messages
    are addressed to.
    """
    row = use_cases()[code]
    name = row.use_case
    for role, names in (
        (Role.PPMID, TO_PPMID), (Role.GPF, TO_GPF), (Role.HCALCS, TO_HCALCS), (Role.GSME, TO_GSME),
    ):  # fmt: skip
        if name in names:
            return role
    if name.startswith(("GCS", "PCS")) or row.payload_kind == "GBZ":
        return Role.GSME
    if name.startswith(("CCS", "DBCH")):
        return Role.CHF
    return _targets().get(code, Role.ESME)


class Directory:
    """Everybody's keys and counters.

    Attributes:
        parties: remote parties by their names.
        keystore: every private key; each device and party uses its own only.
        certificates: the signature certificate of everybody enrolled, in DER, by their EUI-64.
        accepted: the last originator counter that a device accepted of a party.
    """

    def __init__(self, han: Han) -> None:
        self.han = han
        self.parties = {party.name: party for party in PARTIES}
        self.broker = self.parties["Access control broker"]
        self.smki = Smki(han.seed, han.start, self.broker.octets)
        self.keystore = self.smki.keystore
        self.certificates: dict[str, bytes] = {}
        self.accepted: dict[tuple[int, bytes], int] = {}
        self._counters: dict[int, int] = {}
        self._enrolled: dict[int, Entity] = {}
        for party in PARTIES:
            supplier = party.role == PartyRole.SUPPLIER
            self._enrol(party, (SIGNATURE, AGREEMENT, PREPAYMENT) if supplier else (SIGNATURE, AGREEMENT))
        self.gpf = Entity("Gas proxy function", han.own(GPF_EUI64), Role.GPF)
        self._enrol(self.gpf, (SIGNATURE, AGREEMENT))

    def _enrol(self, entity: Entity, uses: tuple[str, ...]) -> None:
        self._enrolled[entity.eui64] = entity
        role = int(entity.role) if isinstance(entity.role, PartyRole) else None
        names = {int(r["value"]): r["name"] for r in table("gbcs", "remote_party_roles")}
        said = str(entity.role) if role is None else names[role]
        enrolled = self.smki.enrol(entity.octets, role, *uses)
        self.certificates[entity.address] = self.smki.certificate(entity.octets, SIGNATURE)
        for pair in enrolled:
            self.han.note(PartyNote(entity.address, entity.name, said, pair.usage, pair.cell, pair.scalar))

    @property
    def root(self) -> bytes:
        """The certificate of the authority that issued all others."""
        return self.smki.root()

    def device(self, role: Role) -> Entity:
        """The home's device of a role (GPF lives in the hub), with its key pairs.

        Raises:
            ValueError: the home has none.
        """
        if role == Role.GPF:
            return self.gpf
        node = self.han.having(role)
        if node is None:
            raise ValueError(f"there is no {role} in the home")
        return self.entity(node)

    def entity(self, node: Node) -> Entity:
        """A device of the home, enrolled when it is first asked for."""
        found = self._enrolled.get(node.eui64)
        if found is None:
            found = Entity(node.name, node.eui64, node.role, node)
            self._enrol(found, (SIGNATURE, AGREEMENT))
        return found

    def originator(self, code: int) -> Entity:
        """Who sends the commands of a message code: the first role that the tables allow."""
        row = use_cases()[code]
        if row.category == HAN_ONLY:
            return self.device(Role.PPMID)
        for end, role in BY_MODE.items():
            if row.title.removesuffix(")").endswith(end):
                return self._party(role)
        first = row.roles.split(";")[0]
        return self._party(ROLE_NAMES.get(first, PartyRole.SUPPLIER))

    def _party(self, role: PartyRole) -> Entity:
        return next(p for p in self.parties.values() if p.role == role)

    def recipient(self, code: int) -> Entity:
        """Which device of the home takes the commands of a message code."""
        return self.device(role_of(code))

    def counter(self, entity: Entity, *, token: bool = False) -> int:
        """The next originator counter: seconds since 1970 above, a number below; tokens have zero below."""
        last = self._counters.get(entity.eui64, 0)
        now = self.han.now // 10**9
        fresh = max((last >> 32) + 1, now) << 32 if token else max(last + 1, now << 32 | 1)
        self._counters[entity.eui64] = fresh
        return fresh
