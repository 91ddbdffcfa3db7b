"""Who may send which message to whom."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial, reduce
from operator import or_

from analysis.features.identifiers import class_attribute, interface_class, message_code
from analysis.features.judging import mask
from analysis.rules.compliance.gbcs_messages import COMMANDS, DEVICES, OF_SUBJECT, judge_messages
from analysis.rules.declare import EachMessage, Evidence, Frame, View, c, declare, having, items
from analysis.rules.registry import rules_of
from dissectors.gbcs import originator_roles

AREA = "gbcs roles"
rule = rules_of("compliance", AREA)
declared = partial(declare, family="compliance", area=AREA, smart_energy=True)

AT_THE_DISPLAY = (message_code("PCS01"), message_code("PCS02"))
ACCOUNT = interface_class("account")
ACCOUNT_STATUS = class_attribute(ACCOUNT, "account_mode_and_status")
ON_ACCOUNTS = items.where(c.class_id == ACCOUNT)
TARGETS = {
    "ECS": ("ESME",), "GCS": ("GSME", "GPF", "CHF"), "CCS": ("CHF", "GPF"), "DBC": ("CHF", "GPF"),
    "PCS": ("GSME", "PPMID"), "HCS": ("HCALCS", "PPMID"),
}  # fmt: skip
"""Kinds of device by the prefix of the use case; the gas proxy is a part of the hub."""

declared(
    id="wrong-target",
    title="A message for another kind of device",
    finds="""The prefix of a use case says for whom it is: ECS electricity meter, GCS gas meter or gas proxy, CCS and DBCH
    communications hub.""",
    matters="The device must refuse it, and what the sender wanted is not done.",
    example="message 14 (GCS38 command): GCS38 went to a ESME",
    severity="error", confidence="derived", cause="message format",
    source="GBCS use-case tables; GBCS v0.8.1 page 79",
    covers=("rules:G19",), needs=("devices",),
    requires="a command to a device whose role is known (keys.toml)",
    advice="Look at the sender's addressing; the device must refuse it",
    broken_by="planted: a gas command for the electricity meter", kept_by="proving-exercise",
    judge=EachMessage(
        COMMANDS.where(c.recipient_role.isin(*DEVICES), c.use_case.search(f"^(?:{'|'.join(TARGETS)})")),
        ~reduce(or_, (c.use_case.search(f"^{n}") & c.recipient_role.isin(*to) for n, to in TARGETS.items())),
        says="{use_case} went to a {recipient_role}", good="to the right device",
    ),
)  # fmt: skip


@rule(
    "role-not-allowed",
    "A party gave a command that its role may not give",
    severity="error",
    source="GBCS use-case tables (roles); GBCS v0.8.1 7.3.8 (page 81)",
    confidence="derived",
    merges=("rules:G18", "rules:T03", "spec:R014", "spec:R016", "disapplied:57", "disapplied:61"),
    reads=[
        COMMANDS.where(c.originator_role.known, ~c.originator_role.isin(*DEVICES))[
            *OF_SUBJECT, c.message_code, c.originator_role
        ]
    ],
    needs=("devices",),
    cause="gbcs protection",
    smart_energy=True,
    unseen="a command whose originator's role is known (keys.toml: Supplier, Network Operator ...)",
    advice="The device must refuse it with a failure; if it did not, report it",
)
def role_not_allowed(view: View, rows: Frame) -> Iterator[Evidence]:
    """Each use case lists the parties that may use it. The device chooses the association by originator and
    message code; what is not listed must fail."""
    rows = rows.assign(
        allowed=[", ".join(sorted(originator_roles(int(one)))) for one in rows["message_code"]]
    )
    rows = rows[mask(rows["allowed"] != "")]
    pairs = zip(rows["originator_role"], rows["allowed"], strict=True)
    bad = [role not in allowed.split(", ") for role, allowed in pairs]
    text = "{originator_role} is not among {allowed}"
    yield from judge_messages(view, rows, bad, text, "by a party that may")


declared(
    id="ppmid-message-parties",
    title="A display's gas command between other parties",
    finds="""Top-up and emergency credit from the display to the gas meter are messages between these two, under a key
    that their join gave them.""",
    matters="Anybody else who says it buys gas for somebody, or credits it.",
    example="message 9 (PCS02 command): not from a PPMID to a GSME",
    severity="error", confidence="derived", cause="gbcs protection",
    source="GBCS mapping table PCS01, PCS02; GBCS v0.8.1 page 195",
    covers=("rules:G20", "disapplied:43"), needs=("devices",),
    requires="a PCS01 or PCS02 command between devices whose roles are known",
    advice="Only the prepayment display that was joined to the gas meter may send it",
    broken_by="planted: a supplier activates emergency credit in the display's place", kept_by="proving-exercise",
    judge=EachMessage(
        COMMANDS.where(c.message_code.isin(*AT_THE_DISPLAY), c.originator_role.known, c.recipient_role.known),
        ~((c.originator_role == "PPMID") & c.recipient_role.isin("GSME", "GPF")),
        says="not from a PPMID to a GSME", good="from PPMID to GSME",
    ),
)  # fmt: skip

declared(
    id="account-twins",
    title="The wrong account object is used",
    finds="The meter has two accounts: the active one is only read, the passive one only written and then activated.",
    matters="What is written into the active account is refused, or takes effect at once and not when it should.",
    example="message 11 (ECS02 command): writes the active account",
    severity="warning", confidence="text", cause="message format",
    source="GBCS v0.8.1 7.3.9 (page 88)",
    covers=("spec:R023", "spec:R024", "disapplied:81"),
    requires="a command on a DLMS Account object (class 111)",
    advice="Writes go to the passive account (0-1), reads come from the active one (0-0)",
    broken_by="planted: the active account is written", kept_by="proving-exercise",
    judge=EachMessage(
        COMMANDS.where(having(ON_ACCOUNTS)),
        having(ON_ACCOUNTS.where(c.value.known, c.obis.search("^0-0:"), c.attribute > ACCOUNT_STATUS)),
        says="writes the active account",
    ),
)  # fmt: skip
