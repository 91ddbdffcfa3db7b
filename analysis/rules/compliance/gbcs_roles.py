"""Who may send which message to whom."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.features.identifiers import class_attribute, interface_class, message_code
from analysis.features.judging import mask
from analysis.features.view import View
from analysis.findings.model import Evidence
from analysis.rules.compliance.gbcs_messages import DEVICES, gbcs, judge_messages, roles_of
from analysis.rules.registry import rules_of
from dissectors.gbcs import originator_roles

rule = rules_of("compliance", "gbcs roles")

AT_THE_DISPLAY = [message_code("PCS01"), message_code("PCS02")]
ACCOUNT = interface_class("account")
ACCOUNT_STATUS = class_attribute(ACCOUNT, "account_mode_and_status")

TARGETS = {
    "ECS": {"ESME"}, "GCS": {"GSME", "GPF"}, "CCS": {"CHF"}, "DBC": {"CHF"}, "PCS": {"GSME", "PPMID"},
    "HCS": {"HCALCS", "PPMID"},
}  # fmt: skip
GPF_TOO = {"CHF", "GPF"}


@rule(
    "wrong-target",
    "A message for another kind of device",
    severity="error",
    source="GBCS use-case tables; GBCS v0.8.1 page 79",
    confidence="derived",
    merges=("rules:G19",),
    needs=("messages", "devices"),
    cause="message format",
    smart_energy=True,
    unseen="a command to a device whose role is known (keys.toml)",
    advice="Look at the sender's addressing; the device must refuse it",
)
def wrong_target(view: View) -> Iterator[Evidence]:
    """The prefix of a use case says for whom it is: ECS electricity meter, GCS gas meter or gas proxy, CCS
    and DBCH communications hub."""
    rows = gbcs(view, "command")
    role = roles_of(view, rows["recipient"])
    wanted = rows["use_case"].astype(str).str[:3].map(TARGETS)
    judged = mask(role.isin(DEVICES)) & mask(wanted.notna())
    rows, role, wanted = rows[judged], role[judged], wanted[judged]
    fits = [r in w or (r in GPF_TOO and bool(w & GPF_TOO)) for r, w in zip(role, wanted, strict=True)]
    rows = rows.assign(role=role)
    yield from judge_messages(
        view, rows, [not f for f in fits], "{use_case} went to a {role}", "to the right device"
    )


@rule(
    "role-not-allowed",
    "A party gave a command that its role may not give",
    severity="error",
    source="GBCS use-case tables (roles); GBCS v0.8.1 7.3.8 (page 81)",
    confidence="derived",
    merges=("rules:G18", "rules:T03", "spec:R014", "spec:R016", "disapplied:57", "disapplied:61"),
    needs=("messages", "devices"),
    cause="gbcs protection",
    smart_energy=True,
    unseen="a command whose originator's role is known (keys.toml: Supplier, Network Operator ...)",
    advice="The device must refuse it with a failure; if it did not, report it",
)
def role_not_allowed(view: View) -> Iterator[Evidence]:
    """Each use case lists the parties that may use it. The device chooses the association by originator and
    message code; what is not listed must fail."""
    rows = gbcs(view, "command")
    role = roles_of(view, rows["originator"])
    allowed = rows["message_code"].map(lambda c: ", ".join(sorted(originator_roles(int(c))))).astype(str)
    judged = mask(role.notna()) & mask(allowed != "") & ~mask(role.isin(DEVICES))
    rows, role, allowed = rows[judged], role[judged], allowed[judged]
    bad = [r not in a.split(", ") for r, a in zip(role, allowed, strict=True)]
    rows = rows.assign(role=role, allowed=allowed)
    yield from judge_messages(view, rows, bad, "{role} is not among {allowed}", "by a party that may")


@rule(
    "ppmid-message-parties",
    "A display's gas command between other parties",
    severity="error",
    source="GBCS mapping table PCS01, PCS02; GBCS v0.8.1 page 195",
    confidence="derived",
    merges=("rules:G20", "disapplied:43"),
    needs=("messages", "devices"),
    cause="gbcs protection",
    smart_energy=True,
    unseen="a PCS01 or PCS02 command between devices whose roles are known",
    advice="Only the prepayment display that was joined to the gas meter may send it",
)
def ppmid_message_parties(view: View) -> Iterator[Evidence]:
    """Top-up and emergency credit from the display to the gas meter are messages between these two, under a
    key that their join gave them."""
    rows = gbcs(view, "command")
    rows = rows[mask(rows["message_code"].isin(AT_THE_DISPLAY))]
    sender, target = roles_of(view, rows["originator"]), roles_of(view, rows["recipient"])
    known = mask(sender.notna()) & mask(target.notna())
    bad = ~(mask(sender == "PPMID") & mask(target.isin(["GSME", "GPF"])))
    yield from judge_messages(
        view, rows[known], bad[known], "not from a PPMID to a GSME", "from PPMID to GSME"
    )


@rule(
    "account-twins",
    "The wrong account object is used",
    severity="warning",
    source="GBCS v0.8.1 7.3.9 (page 88)",
    confidence="text",
    merges=("spec:R023", "spec:R024", "disapplied:81"),
    needs=("messages", "items"),
    cause="message format",
    smart_energy=True,
    unseen="a command on a DLMS Account object (class 111)",
    advice="Writes go to the passive account (0-1), reads come from the active one (0-0)",
)
def account_twins(view: View) -> Iterator[Evidence]:
    """The meter has two accounts: the active one is only read, the passive one only written and then
    activated."""
    commands = gbcs(view, "command")
    items = view.tables["items"]
    account = items[mask(items["class_id"] == ACCOUNT) & mask(items["message"].isin(commands["message"]))]
    written = account[
        mask(account["value"].notna()) & mask(account["obis"].astype(str).str.startswith("0-0:"))
    ]
    written = written[mask(written["attribute"] > ACCOUNT_STATUS)]
    rows = commands[mask(commands["message"].isin(account["message"]))]
    yield from judge_messages(
        view, rows, mask(rows["message"].isin(written["message"])), "writes the active account"
    )
