"""Who may send which message to whom, and which codes there are."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.compliance.gbcs_messages import gbcs, judge_messages, use_cases
from analysis.findings import Evidence, rule
from analysis.judging import mask
from analysis.view import Frame, View

TABLES = ("messages",)
NETWORK_ROLES = ("coordinator", "router", "end device")
DEVICES = ("ESME", "GSME", "CHF", "GPF", "PPMID", "IHD", "CAD", "HCALCS")
TARGETS = {
    "ECS": {"ESME"}, "GCS": {"GSME", "GPF"}, "CCS": {"CHF"}, "DBC": {"CHF"}, "PCS": {"GSME", "PPMID"},
    "HCS": {"HCALCS", "PPMID"},
}  # fmt: skip
GPF_TOO = {"CHF", "GPF"}


def _roles(view: View, identifiers: Frame) -> Frame:
    # What a radio is to the network says nothing of its role in GBCS.
    known = {f"{eui:016x}": role for eui, role in view.roles.items() if role not in NETWORK_ROLES}
    return identifiers.astype(str).str.lower().map(known)


@rule(
    "message-code-unknown",
    "A message code that GBCS does not have",
    severity="warning",
    source="GBCS use-case tables (224 codes)",
    confidence="derived",
    merges=("rules:G04", "spec:R020", "disapplied:91"),
    needs=TABLES,
    cause="message format",
    smart_energy=True,
    unseen="a GBCS message",
    advice="A newer version than the tables, or a damaged or invented message",
)
def message_code_unknown(view: View) -> Iterator[Evidence]:
    """Every message names its use case by a code of a closed list; makers may add non-critical ones only."""
    rows = gbcs(view)
    known = mask(rows["message_code"].isin(list(use_cases())))
    yield from judge_messages(view, rows, ~known, "code {message_code:#06x}", "of known codes")


@rule(
    "critical-code-unknown",
    "A signed command with an unknown code",
    severity="error",
    source="GBCS v0.8.1 7.3 introduction (page 79): the list of critical commands is closed",
    confidence="text",
    merges=("spec:R020", "disapplied:91"),
    needs=TABLES,
    cause="message format",
    smart_energy=True,
    unseen="a signed command",
    advice="See whether the device answered it with success, which it must not",
)
def critical_code_unknown(view: View) -> Iterator[Evidence]:
    """Critical commands are exactly those of GBCS: makers must not add any."""
    rows = gbcs(view, "command")
    rows = rows[mask(rows["signature"].isin(["valid", "invalid", "no_key"]))]
    yield from judge_messages(
        view, rows, ~mask(rows["message_code"].isin(list(use_cases()))), "unknown critical code"
    )


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
    role = _roles(view, rows["recipient"])
    wanted = rows["use_case"].astype(str).str[:3].map(TARGETS)
    judged = mask(role.isin(DEVICES)) & mask(wanted.notna())
    rows, role, wanted = rows[judged], role[judged], wanted[judged]
    fits = [r in w or (r in GPF_TOO and bool(w & GPF_TOO)) for r, w in zip(role, wanted, strict=True)]
    rows = rows.assign(role=role)
    yield from judge_messages(
        view, rows, [not f for f in fits], "{use_case} went to a {role}", "to the right device"
    )


@rule(
    "dlms-to-non-dlms-device",
    "A DLMS message for a device without DLMS",
    severity="error",
    source="GBCS v0.8.1 7.3 introduction (page 79)",
    confidence="text",
    merges=("rules:G19", "spec:R021", "disapplied:62"),
    needs=("messages", "devices"),
    cause="message format",
    smart_energy=True,
    unseen="a DLMS command to a device whose role is known",
    advice="Look at the sender's addressing",
)
def dlms_to_non_dlms_device(view: View) -> Iterator[Evidence]:
    """Only the electricity meter, and a hub that has a DLMS server, speak DLMS COSEM."""
    rows = gbcs(view)
    dlms = mask(rows["payload_kind"].astype(str).str.startswith("dlms-access-request"))
    rows = rows[dlms]
    role = _roles(view, rows["recipient"])
    rows, role = rows[mask(role.isin(DEVICES))], role[mask(role.isin(DEVICES))]
    bad = mask(role.isin(["GSME", "PPMID", "IHD", "CAD"]))
    yield from judge_messages(view, rows.assign(role=role), bad, "DLMS to a {role}", "to a device with DLMS")


@rule(
    "dlms-roles-reversed",
    "A device asks, or a remote party answers, in DLMS",
    severity="error",
    source="GBCS v0.8.1 4.2, 4.3 (page 27)",
    confidence="text",
    merges=("spec:R006",),
    needs=("messages", "devices"),
    cause="gbcs protection",
    smart_energy=True,
    unseen="DLMS messages between parties whose roles are known",
    advice="The originator is not what it says: check certificates",
)
def dlms_roles_reversed(view: View) -> Iterator[Evidence]:
    """The access control broker is always the DLMS client and the device the server: a device never sends
    an access request."""
    rows = gbcs(view)
    kind = rows["payload_kind"].astype(str)
    rows = rows[mask(kind.isin(["dlms-access-request", "dlms-access-response"]))]
    role = _roles(view, rows["originator"])
    rows, role = rows[mask(role.notna())], role[mask(role.notna())]
    device = mask(role.isin(DEVICES))
    asks = mask(rows["payload_kind"] == "dlms-access-request")
    yield from judge_messages(
        view, rows.assign(role=role), device == asks, "{payload_kind} by {role}", "in role"
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
    role = _roles(view, rows["originator"])
    allowed = rows["message_code"].map(lambda c: use_cases().get(int(c), {}).get("roles", ""))
    judged = mask(role.notna()) & mask(
        allowed.astype(str).str.contains("Supplier|Operator|Broker|Controller")
    )
    judged &= ~mask(role.isin(DEVICES))
    rows, role, allowed = rows[judged], role[judged], allowed[judged]
    bad = [r.lower() not in a.lower() for r, a in zip(role, allowed, strict=True)]
    rows = rows.assign(role=role, allowed=allowed)
    yield from judge_messages(view, rows, bad, "{role} is not among {allowed}", "by a party that may")


@rule(
    "han-only-code-as-message",
    "A plain ZigBee function travels as a remote message",
    severity="warning",
    source="GBCS v4.0 use-case annex PECS01-03; mapping table HECS01",
    confidence="text",
    merges=("rules:G21", "rules:G22", "spec:R168", "disapplied:44", "disapplied:55"),
    needs=TABLES,
    cause="message format",
    smart_energy=True,
    unseen="a GBCS message",
    advice="These codes exist for logs only: look at who made the message",
)
def han_only_code_as_message(view: View) -> Iterator[Evidence]:
    """Functions between display and electricity meter (0x0116 to 0x0118) and load switching (0x0119) are
    plain ZigBee commands; their codes appear in logs, never on a message."""
    rows = gbcs(view)
    plain = mask(rows["message_code"].isin([0x0116, 0x0117, 0x0118, 0x0119]))
    yield from judge_messages(view, rows, plain, "code {message_code:#06x} as a message", "of remote codes")


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
    rows = rows[mask(rows["message_code"].isin([0x0090, 0x009B]))]
    sender, target = _roles(view, rows["originator"]), _roles(view, rows["recipient"])
    known = mask(sender.notna()) & mask(target.notna())
    bad = ~(mask(sender == "PPMID") & mask(target.isin(["GSME", "GPF"])))
    yield from judge_messages(
        view, rows[known], bad[known], "not from a PPMID to a GSME", "from PPMID to GSME"
    )


@rule(
    "message-format",
    "A message that breaks the format",
    severity="error",
    source="GBCS 7.2.5, 7.2.7; GBCS v0.8.1 pages 27 to 31",
    confidence="derived",
    merges=(
        "rules:G01", "rules:G02", "rules:G03", "rules:G10", "rules:G11", "rules:G35", "spec:R076",
        "spec:R029",
        "spec:R144", "spec:R146", "disapplied:65", "disapplied:72", "disapplied:73", "disapplied:74",
        "disapplied:76", "disapplied:35",
    ),
    needs=TABLES,
    cause="message format",
    smart_energy=True,
    unseen="a GBCS message",
    advice="Open the message: the issue names layer and octet",
)  # fmt: skip
def message_format(view: View) -> Iterator[Evidence]:
    """Fixed octets of the headers, lengths, domains of flags, and the structure of the payload. What the
    dissector could not read as it should be is a finding here."""
    rows = gbcs(view, blocks=True)
    issue = rows["issue"].astype(str)
    note = issue.str.contains("no key|name them surely|could not be named") | ~mask(rows["issue"].notna())
    yield from judge_messages(view, rows, ~mask(note), "{issue}", "well formed")


@rule(
    "dlms-association-attempt",
    "Somebody tries to open or release an association",
    severity="warning",
    source="GBCS v0.8.1 7.3.8 (page 81)",
    confidence="text",
    merges=("rules:G34", "spec:R013", "disapplied:56", "disapplied:64", "spec:R017", "spec:R019"),
    needs=TABLES,
    cause="gbcs protection",
    smart_energy=True,
    unseen="DLMS messages in tunnels",
    advice="Associations are set at manufacture: the meter must reject it; see who tries",
)
def dlms_association_attempt(view: View) -> Iterator[Evidence]:
    """The associations of a meter are fixed at manufacture. An AARQ or RLRQ, or a bare GET, SET or ACTION,
    is an attempt to get in some other way; a positive answer to it is a fault."""
    messages = view.tables["messages"]
    rows = messages[mask(messages["kind"] == "dlms")]
    name = rows["name"].astype(str).str.lower()
    tried = mask(name.str.contains("aarq|aare|rlrq|rlre|^get|^set|^action|initiate"))
    yield from judge_messages(view, rows, tried, "{name} in a tunnel", "of pre-established associations")
    if rows.empty:
        yield from judge_messages(view, gbcs(view), [False] * len(gbcs(view)), "", "within GBCS")


@rule(
    "image-transfer-over-dlms",
    "Firmware or associations are touched through DLMS",
    severity="error",
    source="GBCS v0.8.1 7.3.8 (page 81), 11 (page 129)",
    confidence="text",
    merges=("spec:R017", "spec:R019", "spec:R022", "disapplied:83", "disapplied:59", "disapplied:60"),
    needs=("messages", "items"),
    cause="gbcs protection",
    smart_energy=True,
    unseen="a DLMS response with results",
    advice="These objects are fixed at manufacture or not reachable: report a success",
)
def image_transfer_over_dlms(view: View) -> Iterator[Evidence]:
    """Association (class 15), SAP assignment (17), image transfer (18) and security setup (64) are not
    changed over the air. A successful result for one of them is a fault of the meter."""
    answers = gbcs(view, "response")
    items = view.tables["items"]
    inside = items[mask(items["message"].isin(answers["message"])) & mask(items["class_id"].notna())]
    touched = inside[mask(inside["class_id"].isin([15, 17, 18, 64])) & mask(inside["result"] == "success")]
    judged = answers[mask(answers["message"].isin(inside["message"]))]
    bad = mask(judged["message"].isin(touched["message"]))
    yield from judge_messages(view, judged, bad, "success on a fixed object", "of ordinary objects")


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
    account = items[mask(items["class_id"] == 111) & mask(items["message"].isin(commands["message"]))]
    written = account[
        mask(account["value"].notna()) & mask(account["obis"].astype(str).str.startswith("0-0:"))
    ]
    written = written[mask(written["attribute"] > 2)]
    rows = commands[mask(commands["message"].isin(account["message"]))]
    yield from judge_messages(
        view, rows, mask(rows["message"].isin(written["message"])), "writes the active account"
    )
