"""Names for the codes of GBCS: use cases, alerts, roles, results. Tables as data, open to unknown codes.

Sources stand in the tables (GBCS 4.x sections 15, 16, 17 and the use-case annex of 4.0; RTDS 4.5.0).
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from dissectors.layout.tables import table

__all__ = [
    "CRA",
    "AlertCode",
    "UseCase",
    "alert_code",
    "alert_codes",
    "alert_name",
    "asn1_meaning",
    "code_words",
    "coded",
    "eui64",
    "mac_demanded",
    "originator_roles",
    "role_name",
    "role_title",
    "signature_demanded",
    "use_case",
    "use_case_by_name",
    "use_cases",
]

PACKAGE = "gbcs"
CRA = {1: "command", 2: "response", 3: "alert"}


class UseCase(NamedTuple):
    """One row of the GBCS mapping table.

    Attributes:
        critical: True when its messages are signed, False when not, None when the tables don't say.
        category: message category of GBCS section 6 (SME.C.C and so on); empty when not known.
        service_reference: DCC service reference variant; empty when there is none.
    """

    message_code: int
    use_case: str
    title: str
    payload_kind: str
    category: str
    critical: bool | None
    future_dated: str
    replay_protection: str
    read_or_update: str
    roles: str
    service_reference: str
    confidence: str


_CRITICAL = {"critical": True, "non-critical": False}


@cache
def use_cases() -> dict[int, UseCase]:
    """Every use case by message code."""
    out: dict[int, UseCase] = {}
    newer = table(PACKAGE, "usecase_types_newer")
    categories = {row["use_case"]: row["message_type"] for row in newer if row["message_type"][:3] == "SME"}
    for row in table(PACKAGE, "usecases"):
        code = int(row["message_code"], 16)
        short = row["use_case"].replace("CS02bSupplierBySupplier", "CS02b")
        title = row["name"].removesuffix(" (name inferred)")
        title = title.removeprefix(short + " ")
        out[code] = UseCase(
            code,
            short or title,
            title,
            row["payload_kind"],
            row["message_category"] or categories.get(short, ""),
            _critical(row, categories.get(short, "")),
            row["future_dated"],
            row["replay_protection"],
            row["read_or_update"],
            row["roles"],
            _reference(row),
            row["confidence"] or "",
        )
    return out


def _critical(row: dict[str, str], newer: str) -> bool | None:
    """Critical by the annex; else by the message category of the newer list of use cases."""
    if row["critical"] in _CRITICAL:
        return _CRITICAL[row["critical"]]
    return {"SME.C.C": True, "SME.A.C": True, "SME.C.NC": False, "SME.A.NC": False}.get(newer)


def _reference(row: dict[str, str]) -> str:
    """Service reference variant: of the annex, else of the service request sheet, else as in RTDS."""
    held = (row["srv_usecase_doc"], row["srv_sheet"], row["srv_rtds"])
    return next((r for r in held if r and r not in ("N/A", "NA", "See GBCS")), "")


def use_case(code: int | None) -> UseCase | None:
    """The use case of a message code; None when the tables have none."""
    return use_cases().get(code) if code is not None else None


def code_words(code: int) -> str:
    """Use case and title of a message code."""
    row = use_case(code)
    return f"{row.use_case} {row.title}" if row is not None else f"unknown message code {code:04x}"


@cache
def use_case_by_name(name: str) -> UseCase | None:
    """The use case called `name` (``ECS17b``, in any case); the first of several codes."""
    wanted = name.lower()
    return next((u for u in use_cases().values() if u.use_case.lower() == wanted), None)


class AlertCode(NamedTuple):
    """What an alert code says, and who must learn of it (`tables/alert_codes.csv`).

    Attributes:
        about: power, supply, battery, valve, tamper, security, radio, join, certificate, credit, firmware, clock, log,
            configuration, other; empty when no table says.
        severity: ``warning`` where somebody must act, ``info`` otherwise.
        devices: roles that send it.
        critical: ``yes``, ``no``, ``log only`` (written to a log, sent to nobody); empty when not known.
        paired_with: the alert that ends or begins the same state.
        check: what a person in the field looks at.
        must: whether it must be sent to a remote party whenever it happens (``mandated`` and ``wan_alert`` of the table).
    """

    code: int
    name: str
    about: str
    severity: str
    devices: str
    critical: str
    log: str
    recipient: str
    paired_with: int | None
    check: str
    source: str
    must: bool = False


@cache
def alert_codes() -> dict[int, AlertCode]:
    """Alert codes (GBCS section 16) and their meaning."""
    return {code.code: code for code in map(_alert_code, table(PACKAGE, "alert_codes"))}


def _alert_code(row: dict[str, str]) -> AlertCode:
    pair = row["paired_with"]
    return AlertCode(
        int(row["alert_code"], 16), row["name"].partition(" [from use case")[0], row["class"], row["severity"] or "info",
        row["devices"], row["critical"], row["log"], row["recipient"], int(pair, 16) if pair else None, row["check"],
        row["meaning_source"] or row["source"], row["mandated"] == row["wan_alert"] == "yes",
    )  # fmt: skip


def alert_code(code: int) -> AlertCode | None:
    """The meaning of an alert code; None when the tables don't have it."""
    return alert_codes().get(code)


def alert_name(code: int) -> str | None:
    """What an alert code says."""
    found = alert_codes().get(code)
    return None if found is None else found.name


@cache
def coded(name: str, key: str = "value", text: str = "name") -> dict[int, str]:
    """A table of codes as a dictionary: column `key` to column `text`."""
    return {int(row[key], 0): row[text] for row in table(PACKAGE, name) if row[key]}


def role_name(role: int) -> str:
    """Name of a remote party role."""
    return coded("remote_party_roles").get(role) or f"unknown role {role}"


@cache
def role_title(role: int) -> str:
    """A remote party role as people and keys.toml write it: ``Network Operator``."""
    return coded("remote_party_roles", text="title").get(role) or role_name(role)


@cache
def originator_roles(code: int) -> frozenset[str]:
    """Roles that may send the command with this message code (titles as in `role_title`); empty where no table
    says (GBCS section 17; `tables/usecase_originators.csv` where the annex leaves it open)."""
    extra = {int(r["message_code"], 16): r["roles"] for r in table(PACKAGE, "usecase_originators")}
    row = use_case(code)
    known = set(coded("remote_party_roles", text="title").values()) - {""}
    said = extra.get(code) or (row.roles if row is not None else "")
    return frozenset(name.strip() for name in said.split(";") if name.strip() in known)


@cache
def _observed(code: int, cra: int) -> str:
    column = f"{CRA.get(cra)}_protection_observed"
    rows = (row for row in table(PACKAGE, "usecases") if int(row["message_code"], 16) == code)
    return next((row.get(column) or "" for row in rows), "")


@cache
def signature_demanded(code: int, cra: int) -> bool | None:
    """Must a message (code, CRA flag) be signed: as seen in RTDS 4.5.0, else by its category (GBCS section 6);
    None where both ways are right or nothing says."""
    seen, row = _observed(code, cra), use_case(code)
    if seen:
        return None if "|" in seen else seen.startswith("signed")
    return row.critical if row is not None else None


@cache
def mac_demanded(code: int, cra: int) -> bool | None:
    """Must a message carry a MAC: all commands but those that are signed only, and responses and alerts that are
    not signed (GBCS section 6); None where both ways are right or nothing says."""
    seen, signed = _observed(code, cra), signature_demanded(code, cra)
    if seen:
        return None if "|" in seen else "mac" in seen
    return None if signed is None else cra == 1 or not signed


@cache
def _asn1() -> dict[str, dict[int, str]]:
    out: dict[str, dict[int, str]] = {}
    for row in table(PACKAGE, "asn1_codes"):
        out.setdefault(row["type"].split(" (")[0], {})[int(row["value"])] = row["meaning"]
    return out


def asn1_meaning(type_: str, value: int) -> str | None:
    """Meaning of an INTEGER or ENUMERATED of a named ASN.1 type of GBCS."""
    return _asn1().get(type_, {}).get(value)


def eui64(octets: bytes) -> str:
    """An entity identifier as people write it: ``00-DB-12-34-56-78-90-A0``."""
    return octets.hex("-").upper()
