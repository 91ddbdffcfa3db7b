"""The form of GBCS messages: codes there are, formats, DLMS services that are not used."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from analysis.features.identifiers import message_code
from analysis.features.judging import mask
from analysis.rules.compliance.gbcs_messages import BLOCKS_TOO, OF_SUBJECT, judge_messages, use_cases
from analysis.rules.declare import EachMessage, Evidence, Frame, View, c, declare, messages
from analysis.rules.registry import rules_of
from dissectors.gbcs import has_use_case

AREA = "gbcs format"
rule = rules_of("compliance", AREA)
declared = partial(declare, family="compliance", area=AREA, cause="message format", smart_energy=True)

HAN_ONLY = tuple(message_code(name) for name in ("PECS01", "PECS02", "PECS03", "HECS01"))
KNOWN = c.message_code.isin(*use_cases())

declared(
    id="message-code-unknown",
    title="A message code that GBCS does not have",
    finds="""Every message names its use case by a code of a closed list; makers may add non-critical ones only.""",
    matters="No device is bound to know such a code, and nobody can say what the message is to do.",
    example="message 4 (code 0x0f00 command): code 0x0f00",
    severity="warning", confidence="derived",
    source="GBCS use-case tables (224 codes)",
    covers=("rules:G04", "spec:R020", "disapplied:91"),
    requires="a GBCS message",
    advice="A newer version than the tables, or a damaged or invented message",
    broken_by="planted: a message code that GBCS does not have", kept_by="proving-exercise",
    judge=EachMessage(messages, ~KNOWN, says="code {message_code:#06x}", good="of known codes"),
)  # fmt: skip


@rule(
    "use-case-of-version",
    "A use case that this version of GBCS does not have",
    severity="warning",
    source="code tables made for GBCS 3.1 and 4.0; RTDS 4.5.0",
    confidence="derived",
    merges=("rules:G04",),
    unseen="GBCS messages with a message code whose first version is known",
    advice="One side runs newer software than the profile says: compare versions, or choose another profile",
    reads=[messages[*OF_SUBJECT, c.message_code]],
    smart_energy=True,
)
def use_case_of_version(view: View, rows: Frame, *, version: str = "4.x") -> Iterator[Evidence]:
    """Use cases came with versions of GBCS. Under a profile for an early version, a message of a later use case
    says that its sender is of another version than was thought."""
    known = {int(code): has_use_case(int(code), version)[0] for code in rows["message_code"].unique()}
    rows = rows[mask([known[int(code)] != "unknown" for code in rows["message_code"]])]
    later = [known[int(code)] == "no" for code in rows["message_code"]]
    yield from judge_messages(view, rows, later, f"{{use_case}} is not in GBCS {version}", "of this version")


declared(
    id="critical-code-unknown",
    title="A signed command with an unknown code",
    finds="Critical commands are exactly those of GBCS: makers must not add any.",
    matters="A device that carries it out has a door that nobody looked at.",
    example="message 4 (command): unknown critical code",
    severity="error", confidence="text",
    source="GBCS v0.8.1 7.3 introduction (page 79): the list of critical commands is closed",
    covers=("spec:R020", "disapplied:91"),
    requires="a signed command",
    advice="See whether the device answered it with success, which it must not",
    broken_by="planted: a signed command of a code that GBCS does not have", kept_by="proving-exercise",
    judge=EachMessage(
        messages.where(c.cra == "command", c.signature.isin("valid", "invalid", "no_key")),
        ~KNOWN, says="unknown critical code",
    ),
)  # fmt: skip

declared(
    id="han-only-code-as-message",
    title="A plain ZigBee function travels as a remote message",
    finds="""Functions between display and electricity meter (0x0116 to 0x0118) and load switching (0x0119) are plain
    ZigBee commands; their codes appear in logs, never on a message.""",
    matters="No device has a use case for such a message: whoever made it does not build messages as GBCS says.",
    example="message 7 (PECS01 command): code 0x0116 as a message",
    severity="warning", confidence="text",
    source="GBCS v4.0 use-case annex PECS01-03; mapping table HECS01",
    covers=("rules:G21", "rules:G22", "spec:R168", "disapplied:44", "disapplied:55"),
    requires="a GBCS message",
    advice="These codes exist for logs only: look at who made the message",
    broken_by="planted: what a display asks a meter comes as a remote message", kept_by="proving-exercise",
    judge=EachMessage(
        messages, c.message_code.isin(*HAN_ONLY),
        says="code {message_code:#06x} as a message", good="of remote codes",
    ),
)  # fmt: skip

declared(
    id="message-format",
    title="A message that breaks the format",
    finds="""Fixed octets of the headers, lengths, domains of flags, and the structure of the payload. What the dissector
    could not read as it should be is a finding here.""",
    matters="A device refuses such a message, or two devices read it in two ways.",
    example="message 13 (ECS52 command): signature length 65 at octet 40, 0 or 64 expected",
    severity="error", confidence="derived",
    source="GBCS 7.2.5, 7.2.7; GBCS v0.8.1 pages 27 to 31",
    covers=(
        "rules:G01", "rules:G02", "rules:G03", "rules:G10", "rules:G11", "rules:G35", "spec:R076", "spec:R029",
        "spec:R144", "spec:R146", "disapplied:65", "disapplied:72", "disapplied:73", "disapplied:74", "disapplied:76",
        "disapplied:78",
    ),
    requires="a GBCS message",
    advice="Open the message: the issue names layer and octet",
    broken_by="planted: one bit of a command is turned", kept_by="proving-exercise",
    judge=EachMessage(BLOCKS_TOO, c.issue.known, says="{issue}", good="well formed"),
)  # fmt: skip
