"""Whose certificates parties have, against what keys.toml says of them."""

from collections.abc import Iterator
from typing import Any

from analysis.features.judging import mask
from analysis.features.names import missing
from analysis.rules.declare import Evidence, Subject, View, broken, kept, rule

MAY_CHANGE = ("Supplier",)
"""Parties that a customer may change: another one only informs, where its certificate is trusted, or where it comes in an
update (CS02b) whose signature and MAC are right."""
UPDATE = "CS02b"


@rule(
    "party-certificate",
    "A certificate of another party than keys.toml names",
    finds="""A certificate in a message whose role is one for which keys.toml names a party, and which is another's; or
    whose party has another role in keys.toml.""",
    matters="With a wrong network operator's or supplier's certificate a device obeys, and alerts, somebody else.",
    example="""message 12: the certificate of 90b3d5fffef10000 says Network Operator, keys.toml has 90b3d5fffef20000 for
    it""",
    source="GBCS 12 (certificates name role and Entity Identifier); keys.toml of this analysis",
    advice="Read the device's trust anchor cells (CS02a), compare them with the order; replace the certificate (CS02b)",
    family="compliance", area="identity", severity="warning", confidence="derived", cause="gbcs protection",
    needs=("certificates", "devices", "messages"),
    requires="a certificate in a message, and a remote party with its role in keys.toml",
)  # fmt: skip
def party_certificate(view: View) -> Iterator[Evidence]:
    """Each certificate that was seen; a party is named by keys.toml when its role is known otherwise than from such."""
    certificates = view.tables["certificates"]
    seen = certificates[
        certificates["origin"].astype(str).str.contains("seen") & certificates["message"].notna()
    ]
    strangers = set(certificates["whose"][certificates["origin"].astype(str) == "seen"].dropna().astype(str))
    devices = view.tables["devices"]
    strangers -= {f"{int(eui):016x}" for eui in devices["eui64"][devices["name"].notna()].dropna()}
    messages = view.tables["messages"]
    proved = mask(messages["use_case"] == UPDATE) & mask(messages["cra"] == "command")
    proved &= mask(messages["signature"] == "valid") & mask(messages["mac"] == "valid")
    updates = {int(number) for number in messages["message"][proved]}
    roles = {f"{eui:016x}": role for eui, role in view.roles.items()}
    named: dict[str, set[str]] = {}
    for whose, role in roles.items():
        if whose not in strangers:
            named.setdefault(role, set()).add(whose)
    for row in seen.itertuples():
        if missing(row.whose) or missing(row.role) or str(row.role) == "device":
            continue
        orderly = int(row.message) in updates
        yield from _judged(row, roles.get(str(row.whose), ""), named.get(str(row.role), set()), orderly)


def _judged(row: Any, told: str, named: set[str], orderly: bool) -> Iterator[Evidence]:
    """What is said of one certificate: `told` is the role of its party, `named` are the parties of its role; `orderly`:
    it came in an update that is proved."""
    whose, role = str(row.whose), str(row.role)
    subject = Subject.of_message(int(row.message))
    frames = [] if missing(row.frame) else [int(row.frame)]
    if told and told != role:
        yield broken(subject, f"the certificate of {whose} says {role}, keys.toml says {told}", frames)
    elif named and whose not in named:
        text = f"the certificate of {whose} says {role}, keys.toml has {' and '.join(sorted(named))} for it"
        chain = str(row.chain)
        light = role in MAY_CHANGE and (chain == "trusted" or (orderly and chain != "untrusted"))
        yield broken(subject, text, frames, "info" if light else None)
    elif named or told:
        yield kept(subject, f"the certificate of {whose} is that of the {role}")
