"""Commands and what answers them: pairing, codes, time to answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from analysis.features.judging import mask
from analysis.rules.compliance.gbcs_messages import (
    BLOCKS_TOO,
    COMMANDS,
    ENDS,
    OF_SUBJECT,
    RESPONSES,
    judge_messages,
)
from analysis.rules.declare import Evidence, Frame, View, all_messages, c
from analysis.rules.registry import rules_of

rule = rules_of("compliance", "gbcs exchange")


def _ends(rows: Frame, *, swapped: bool = False) -> list[tuple[Any, ...]]:
    """Originator, recipient and counter of each message; of an answer those of its command when `swapped`."""
    names = ("recipient", "originator") if swapped else ("originator", "recipient")
    return list(zip(*(rows[name] for name in names), rows["originator_counter"], strict=True))


@rule(
    "response-without-command",
    "A response to no command",
    severity="info",
    source="GBCS 7.2.7, 6.4",
    confidence="recalled",
    merges=("rules:G05",),
    reads=[RESPONSES[*OF_SUBJECT, *ENDS], BLOCKS_TOO.where(c.cra == "command")[ENDS]],
    cause="gbcs replay",
    smart_energy=True,
    unseen="a response",
    advice="The command may lie before the capture, or was not heard",
)
def response_without_command(view: View, responses: Frame, commands: Frame) -> Iterator[Evidence]:
    """A response repeats the counter and message code of its command, with originator and recipient
    swapped."""
    known = set(_ends(commands))
    alone = [one not in known for one in _ends(responses, swapped=True)]
    text = "no command with counter {originator_counter} was seen"
    yield from judge_messages(view, responses, alone, text, "answer one")


@rule(
    "response-code-differs",
    "A response with another message code than its command",
    severity="warning",
    source="GBCS 7.2.7, 6.4",
    confidence="recalled",
    merges=("rules:G05",),
    reads=[
        RESPONSES.where(c.answers.known)[*OF_SUBJECT, c.answers, c.message_code],
        all_messages[c.message, c.message_code],
    ],
    cause="message format",
    smart_energy=True,
    unseen="a command and its response",
    advice="Look at the device's software",
)
def response_code_differs(view: View, rows: Frame, every: Frame) -> Iterator[Evidence]:
    """A response carries the message code of the command that it answers. Another code means that the
    device mixed up two commands, or that the response belongs to a command which was not captured."""
    asked = rows["answers"].map(every.set_index("message")["message_code"])
    bad = mask(asked.notna()) & ~mask(asked == rows["message_code"])
    text = "the command had code {asked}"
    yield from judge_messages(view, rows.assign(asked=asked), bad, text, "with the code of their command")


@rule(
    "command-unanswered",
    "A command without an answer",
    severity="info",
    source="GBCS 6.4",
    confidence="recalled",
    merges=("rules:G05",),
    reads=[COMMANDS[*OF_SUBJECT, *ENDS, c.seconds], BLOCKS_TOO.where(c.cra.isin("response", "alert"))[ENDS]],
    cause="silence",
    smart_energy=True,
    unseen="a command, with the capture going on after it",
    advice="See whether the device got it, whether it is awake, and whether a tunnel is open",
)
def command_unanswered(
    view: View, rows: Frame, answers: Frame, *, seconds: float = 7200.0
) -> Iterator[Evidence]:
    """Commands are answered. A sleeping gas meter fetches its messages once in half an hour."""
    rows, known = rows[mask(rows["seconds"] + seconds < view.duration)], set(_ends(answers, swapped=True))
    lacking = [one not in known for one in _ends(rows)]
    yield from judge_messages(view, rows, lacking, f"no answer in {seconds:.0f} s", "answered")
