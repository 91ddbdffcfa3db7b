"""Credentials and join commands: what an update must and must not carry, by its mode (CS02b, CS02a, CS03)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from analysis.features.judging import mask
from analysis.features.view import View
from analysis.findings.model import Evidence
from analysis.rules.compliance.gbcs_messages import gbcs, judge_messages, message_items, payload_commands
from analysis.rules.registry import rules_of

rule = rules_of("compliance", "credentials")

CREDENTIALS_RULE: dict[str, Any] = {"needs": ("messages", "items"), "cause": "gbcs protection"}
UPDATE = "commands that update security credentials (CS02b), with a readable payload"
CONTROL = "update_security_credentials.control."
BROKER_BY_BROKER, BY_CONTINGENCY = 4, 9


def _mode(values: dict[str, str]) -> int:
    text = values.get(CONTROL + "mode", "")
    return int(text) if text.isdigit() else -1


def _updates(view: View, wrong: Callable[[Any], bool], text: str) -> Iterator[Evidence]:
    rows = payload_commands(view, "CS02b")
    rows = rows[mask([_mode(values) >= 0 for values in rows["values"]])]
    yield from judge_messages(view, rows, [wrong(row) for row in rows.itertuples()], text)


@rule(
    "contingency-key",
    "A symmetric key where none belongs, or none where one does",
    severity="error",
    source="GBCS v0.8.1 13.3 (page 179)",
    confidence="text",
    merges=("spec:R111",),
    unseen=UPDATE,
    advice="Look at the mode of the update: only the contingency mode brings its key along",
    **CREDENTIALS_RULE,
)
def contingency_key(view: View) -> Iterator[Evidence]:
    """An update by the contingency key unlocks that key with a symmetric key in the command. Every other mode
    carries none."""

    def wrong(row: Any) -> bool:
        return (CONTROL + "symmetric_key" in row.values) != (_mode(row.values) == BY_CONTINGENCY)

    yield from _updates(view, wrong, "the symmetric key does not fit the mode")


@rule(
    "path-validation-switch",
    "The switch for time checks holds another value than disapply",
    severity="warning",
    source="GBCS v0.8.1 13.3 (page 179)",
    confidence="text",
    merges=("spec:R112",),
    unseen=UPDATE,
    advice="Look at the command: the switch is left out unless time is to be ignored",
    **CREDENTIALS_RULE,
)
def path_validation_switch(view: View) -> Iterator[Evidence]:
    """Certificates are checked against the time unless the command says otherwise. The switch that says so
    has one useful value (disapply, 1); with any other it should not be there."""

    def wrong(row: Any) -> bool:
        return bool(row.values.get(CONTROL + "time_based_checks", "1") != "1")

    yield from _updates(view, wrong, "time-based checks are switched, but not off")


@rule(
    "authorising-cell",
    "An update that does not name who authorises it",
    severity="error",
    source="GBCS v0.8.1 13.3 (page 179)",
    confidence="text",
    merges=("spec:R113",),
    unseen=UPDATE,
    advice="Look at the mode: only the broker that replaces itself on a device may leave it out",
    **CREDENTIALS_RULE,
)
def authorising_cell(view: View) -> Iterator[Evidence]:
    """The command names the trust anchor cell of the party that authorises it. It is left out exactly when the
    Access Control Broker replaces its own credentials; on a hub the broker may name itself."""
    hubs = {f"{eui:016x}" for eui in view.with_role("CHF")}

    def wrong(row: Any) -> bool:
        named = any(name.startswith(CONTROL + "authorising_cell") for name in row.values)
        by_itself = _mode(row.values) == BROKER_BY_BROKER
        # The text wants it on a hub always; the reference set has a hub whose broker leaves it out.
        return not named if not by_itself else named and str(row.recipient).lower() not in hubs

    yield from _updates(view, wrong, "the authorising cell does not fit the mode")


@rule(
    "credential-floors",
    "New credentials without a floor for their counter",
    severity="warning",
    source="GBCS v0.8.1 13.3 (page 179)",
    confidence="text",
    merges=("spec:R114",),
    unseen="updates that put another party's certificate for digital signatures in place",
    advice="The new party must use counters above the old party's: see whether its commands are refused",
    **CREDENTIALS_RULE,
)
def credential_floors(view: View) -> Iterator[Evidence]:
    """At a change of control the new party's counters start from a floor that the update names; where one role
    replaces another's credentials, each role changed has its own. Judged: updates whose certificate belongs
    to another party than the sender."""
    rows = payload_commands(view, "CS02b")
    owner = "update_security_credentials.replacements.replacement.certificate.unique_identifier"
    sender = rows["originator"].astype(str).str.lower()
    other = [v.get(owner) not in (None, by) for v, by in zip(rows["values"], sender, strict=True)]
    rows = rows[mask(other)]
    floors = (CONTROL + "new_sequence_number_floor", CONTROL + "sequence_changes")
    lacking = [not any(name.startswith(floors) for name in values) for values in rows["values"]]
    yield from judge_messages(view, rows, lacking, "neither a new floor nor a sequence change")


@rule(
    "top-up-floor",
    "A floor for top-up counters outside a change of supplier",
    severity="warning",
    source="GBCS v0.8.1 13.3 (page 179)",
    confidence="text",
    merges=("spec:R115",),
    unseen=UPDATE,
    advice="Tokens below the floor will be refused: ask who meant that",
    **CREDENTIALS_RULE,
)
def top_up_floor(view: View) -> Iterator[Evidence]:
    """A separate floor for the counters of top-ups comes only with a new supplier whose tokens count on their
    own. In an update that touches no supplier's cell it has no place."""
    cell = "update_security_credentials.replacements.replacement.target_cell.role"

    def wrong(row: Any) -> bool:
        floor = any(".usage_floors." in name and name.startswith(CONTROL) for name in row.values)
        roles = set(view_roles.get(int(row.message), ()))
        return floor and bool(roles) and "2" not in roles

    items = message_items(view, "CS02b", "command", cell.replace(".", r"\."))
    view_roles = {int(n): set(part["value"].astype(str)) for n, part in items.groupby("message")}
    yield from _updates(view, wrong, "a floor for top-ups, but no cell of a supplier")


@rule(
    "trust-anchors-populated",
    "A device lacks the credentials of a party",
    severity="warning",
    source="GBCS v0.8.1 13.1.2 (page 148)",
    confidence="text",
    merges=("spec:R120",),
    unseen="answers to CS02a (provide security credentials)",
    advice="That party cannot command the device: its credentials have to be put in place",
    **CREDENTIALS_RULE,
)
def trust_anchors_populated(view: View) -> Iterator[Evidence]:
    """Every trust anchor cell of a device is filled and can be replaced in service. The answer to CS02a gives
    a status per party; anything but success means an empty or broken cell."""
    items = message_items(view, "CS02a", "response", r"credentials_held\.party\.status")
    empty = items[mask(items["value"].astype(str) != "0")]
    rows = gbcs(view, "response")
    rows = rows[mask(rows["message"].isin(items["message"]))]
    lacking = mask(rows["message"].isin(empty["message"]))
    yield from judge_messages(view, rows, lacking, "a party whose credentials are not there")


@rule(
    "device-certificate-identity",
    "A device certificate of another device",
    severity="error",
    source="GBCS v0.8.1 12 (page 145)",
    confidence="text",
    merges=("spec:R107",),
    unseen="commands that carry a device's certificate (CS02d, CS03)",
    advice="The device must refuse it: see whose certificate it is",
    **CREDENTIALS_RULE,
)
def device_certificate_identity(view: View) -> Iterator[Evidence]:
    """A device certificate names its device in the alternative name, by the serial number of its hardware: the
    Entity Identifier. In an update it is the recipient's, in a join that of the device to be joined."""
    serial = re.compile(r"(?:join_device\.)?certificate\.hardware_serial_number")
    rows = payload_commands(view, "CS02d|CS03.*")
    said = [next((v for n, v in values.items() if serial.fullmatch(n)), None) for values in rows["values"]]
    recipient = rows["recipient"].astype(str).str.lower()
    owner = [v.get("join_device.entity", to) for v, to in zip(rows["values"], recipient, strict=True)]
    held = [s is not None for s in said]
    wrong = [s != o for s, o, h in zip(said, owner, held, strict=True) if h]
    yield from judge_messages(view, rows[mask(held)], wrong, "the certificate belongs to another device")
