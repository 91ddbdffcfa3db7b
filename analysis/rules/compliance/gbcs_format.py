"""The form of GBCS messages: codes there are, formats, DLMS services that are not used."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.features.identifiers import message_code
from analysis.features.judging import mask
from analysis.features.view import View
from analysis.findings.model import Evidence
from analysis.rules.compliance.gbcs_messages import MESSAGE_RULE, TABLES, gbcs, judge_messages, use_cases
from analysis.rules.registry import rules_of
from dissectors.gbcs import has_use_case

rule = rules_of("compliance", "gbcs format")

HAN_ONLY = [message_code(name) for name in ("PECS01", "PECS02", "PECS03", "HECS01")]


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
    "use-case-of-version",
    "A use case that this version of GBCS does not have",
    severity="warning",
    source="code tables made for GBCS 3.1 and 4.0; RTDS 4.5.0",
    confidence="derived",
    merges=("rules:G04",),
    unseen="GBCS messages with a message code whose first version is known",
    advice="One side runs newer software than the profile says: compare versions, or choose another profile",
    **MESSAGE_RULE,
)
def use_case_of_version(view: View, *, version: str = "4.x") -> Iterator[Evidence]:
    """Use cases came with versions of GBCS. Under a profile for an early version, a message of a later use case
    says that its sender is of another version than was thought."""
    rows = gbcs(view)
    known = {int(c): has_use_case(int(c), version)[0] for c in rows["message_code"].unique()}
    rows = rows[mask([known[int(c)] != "unknown" for c in rows["message_code"]])]
    later = [known[int(c)] == "no" for c in rows["message_code"]]
    yield from judge_messages(view, rows, later, f"{{use_case}} is not in GBCS {version}", "of this version")


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
    plain = mask(rows["message_code"].isin(HAN_ONLY))
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
        "disapplied:76", "disapplied:78",
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
    yield from judge_messages(view, rows, mask(rows["issue"].notna()), "{issue}", "well formed")
