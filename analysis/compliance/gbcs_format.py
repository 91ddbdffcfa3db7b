"""The form of GBCS messages: codes there are, formats, DLMS services that are not used."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.compliance.gbcs_messages import TABLES, gbcs, judge_messages, use_cases
from analysis.findings import Evidence, rule
from analysis.judging import mask
from analysis.view import View


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
