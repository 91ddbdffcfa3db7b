"""Commands and what answers them: pairing, codes, time to answer."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.features.judging import mask
from analysis.features.view import View
from analysis.findings.model import Evidence
from analysis.rules.compliance.gbcs_messages import TABLES, gbcs, judge_messages
from analysis.rules.registry import rules_of

rule = rules_of("compliance", "gbcs exchange")


@rule(
    "response-without-command",
    "A response to no command",
    severity="info",
    source="GBCS 7.2.7, 6.4",
    confidence="recalled",
    merges=("rules:G05",),
    needs=TABLES,
    cause="gbcs replay",
    smart_energy=True,
    unseen="a response",
    advice="The command may lie before the capture, or was not heard",
)
def response_without_command(view: View) -> Iterator[Evidence]:
    """A response repeats the counter and message code of its command, with originator and recipient
    swapped."""
    rows = gbcs(view, "response")
    known = gbcs(view, "command", blocks=True)
    keys = set(zip(known["originator"], known["recipient"], known["originator_counter"], strict=True))
    mine = zip(rows["recipient"], rows["originator"], rows["originator_counter"], strict=True)
    alone = [key not in keys for key in mine]
    yield from judge_messages(
        view, rows, alone, "no command with counter {originator_counter} was seen", "answer one"
    )


@rule(
    "response-code-differs",
    "A response with another message code than its command",
    severity="warning",
    source="GBCS 7.2.7, 6.4",
    confidence="recalled",
    merges=("rules:G05",),
    needs=TABLES,
    cause="message format",
    smart_energy=True,
    unseen="a command and its response",
    advice="Look at the device's software",
)
def response_code_differs(view: View) -> Iterator[Evidence]:
    """A response carries the message code of the command that it answers. Another code means that the
    device mixed up two commands, or that the response belongs to a command which was not captured."""
    rows = gbcs(view, "response")
    rows = rows[mask(rows["answers"].notna())]
    codes = view.tables["messages"].set_index("message")["message_code"]
    asked = rows["answers"].map(codes)
    rows = rows.assign(asked=asked)
    bad = mask(asked.notna()) & ~mask(asked == rows["message_code"])
    yield from judge_messages(
        view, rows, bad, "the command had code {asked}", "with the code of their command"
    )


@rule(
    "command-unanswered",
    "A command without an answer",
    severity="info",
    source="GBCS 6.4",
    confidence="recalled",
    merges=("rules:G05",),
    needs=TABLES,
    cause="silence",
    smart_energy=True,
    unseen="a command, with the capture going on after it",
    advice="See whether the device got it, whether it is awake, and whether a tunnel is open",
)
def command_unanswered(view: View, *, seconds: float = 7200.0) -> Iterator[Evidence]:
    """Commands are answered. A sleeping gas meter fetches its messages once in half an hour."""
    rows = gbcs(view, "command")
    rows = rows[mask(rows["seconds"] + seconds < view.duration)]
    answers = gbcs(view, blocks=True)
    answers = answers[mask(answers["cra"].isin(["response", "alert"]))]
    keys = set(zip(answers["recipient"], answers["originator"], answers["originator_counter"], strict=True))
    mine = zip(rows["originator"], rows["recipient"], rows["originator_counter"], strict=True)
    yield from judge_messages(
        view, rows, [k not in keys for k in mine], f"no answer in {seconds:.0f} s", "answered"
    )
