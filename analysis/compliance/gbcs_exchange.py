"""Commands and what answers them: counters, replay, pairing, time to answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from analysis.compliance.gbcs_messages import gbcs, judge_messages, name_of, party, use_cases
from analysis.findings import Evidence, broken, kept, rule
from analysis.judging import mask, plural
from analysis.view import Frame, View

TABLES = ("messages",)
COMMANDS = "two commands from one originator to one device"


def _times(rows: Frame) -> str:
    return ", ".join(str(int(m)) for m in rows["message"][:5])


@rule(
    "command-replayed",
    "A command came again",
    severity="error",
    source="GBCS 4.3.1.5, 9.2 (v0.8.1 release note page 2)",
    confidence="derived",
    merges=("rules:G06", "rules:G08", "attacks:A31", "spec:R031", "disapplied:66"),
    needs=TABLES,
    cause="gbcs replay",
    smart_energy=True,
    unseen=COMMANDS,
    advice=(
        "See whether the device answered both with success; an identical copy may be re-delivery "
        "after a lost answer"
    ),
)
def command_replayed(view: View, *, redelivery: float = 600.0) -> Iterator[Evidence]:
    """Commands with replay protection carry a counter that only rises for each originator and device. The
    same or a lower one again is a replay; identical octets within ten minutes, while no answer was seen, may
    be the hub's re-delivery and only inform."""
    rows = gbcs(view, "command")
    answers = gbcs(view, "response")
    flagged = rows["message_code"].map(
        lambda c: use_cases().get(int(c), {}).get("replay_protection") == "Yes"
    )
    rows = rows[mask(flagged)]
    tokens = mask(
        rows["message_code"].isin([0x0007, 0x0097])
    )  # top-ups count on their own (13.3, floor per usage)
    for (originator, recipient, _), part in rows.groupby(["originator", "recipient", tokens], sort=False):
        if len(part) < 2:
            continue
        counter = part["originator_counter"].astype("float64")
        top = counter.cummax().shift(1)
        old = part[mask(counter <= top)]
        subject = f"{party(view, originator)} to {party(view, recipient)}"
        if old.empty:
            yield kept(subject, f"{plural(len(part), 'command')} with rising counters")
        for row in old.itertuples():
            yield _replay(part, row, subject, redelivery, answers)


def _replay(part: Frame, row: Any, subject: str, redelivery: float, answers: Frame) -> Evidence:
    same = part[
        mask(part["originator_counter"] == row.originator_counter) & mask(part["message"] < row.message)
    ]
    text = f"{name_of(row)} has counter {int(row.originator_counter):,}"
    if len(same):
        first = same.iloc[0]
        near = abs(row.seconds - first["seconds"]) <= redelivery
        equal = row.digest == first["digest"] if pd.notna(first["digest"]) else True
        answered = (
            mask(answers["originator"] == row.recipient)
            & mask(answers["originator_counter"] == row.originator_counter)
            & mask(answers["seconds"] < row.seconds)
        ).any()
        level = "info" if near and equal and not answered else None
        return broken(subject, f"{text}, used before by message {int(first['message'])}", row.frames, level)
    return broken(subject, f"{text}, lower than one before", row.frames)


@rule(
    "replay-accepted",
    "A replayed command was carried out",
    severity="critical",
    source="GBCS 4.3.1.5, 9.2",
    confidence="derived",
    merges=("rules:G06", "attacks:A31"),
    needs=TABLES,
    cause="gbcs replay",
    smart_energy=True,
    unseen="a replayed command and its response",
    advice="A fault of the device: report firmware version and both messages",
)
def replay_accepted(view: View) -> Iterator[Evidence]:
    """Two successful responses with one counter, to copies of one command: the device carried the second
    one out."""
    commands = gbcs(view, "command")
    flagged = commands["message_code"].map(
        lambda c: use_cases().get(int(c), {}).get("replay_protection") == "Yes"
    )
    commands = commands[mask(flagged)]
    keys = ["originator", "recipient", "message_code", "originator_counter"]
    again = commands[commands.duplicated(keys, keep=False)]
    answers = gbcs(view, "response")
    for (originator, recipient, code, counter), part in again.groupby(keys, sort=False):
        mine = answers[
            mask(answers["originator"] == recipient)
            & mask(answers["recipient"] == originator)
            & mask(answers["message_code"] == code)
            & mask(answers["originator_counter"] == counter)
        ]
        if mine.empty:
            continue
        good = mine[mask(mine["outcome"] == "success")]
        if len(good) > 1 and good["digest"].nunique(dropna=False) > 1:
            frames = [f for m in (part, good) for fs in m["frames"] for f in fs]
            yield broken(party(view, recipient), f"messages {_times(good)} both report success", frames)
        else:
            yield kept(party(view, recipient), f"answered {plural(len(mine), 'time')}, carried out once")


@rule(
    "counter-reused",
    "Two different messages under one counter",
    severity="critical",
    source="GBCS v0.8.1 4.3 (page 27): a derived key serves one message",
    confidence="text",
    merges=("rules:G07", "spec:R005"),
    needs=TABLES,
    cause="gbcs replay",
    smart_energy=True,
    unseen="two messages from one originator",
    advice="Key and nonce were used twice: report the sender's software version",
)
def counter_reused(view: View) -> Iterator[Evidence]:
    """The keys of a message are derived from originator, kind, counter and recipient. Two different
    messages with all four the same share key and nonce, which breaks the protection of both."""
    rows = gbcs(view)
    rows = rows[mask(rows["originator_counter"].notna()) & mask(rows["digest"].notna())]
    keys = ["originator", "cra", "originator_counter", "recipient", "message_code"]
    twice = rows[rows.duplicated(keys, keep=False)]
    reused = False
    for (originator, *_), part in twice.groupby(keys, sort=False, observed=True):
        if part["digest"].nunique() > 1:
            reused = True
            frames = [f for fs in part["frames"] for f in fs]
            counter = int(part["originator_counter"].iloc[0])
            text = f"messages {_times(part)} differ under counter {counter:,}"
            yield broken(party(view, originator), text, frames)
    if len(rows) > 1 and not reused:
        yield kept("network", f"{plural(len(rows), 'message')}, each under a counter of its own")


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
    """A response carries the message code of the command that it answers."""
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


@rule(
    "top-up-repeated",
    "A used token was accepted again",
    severity="error",
    source="GBCS 14 (UTRN counter cache)",
    confidence="recalled",
    merges=("rules:P02", "rules:P03", "attacks:A33"),
    needs=("messages", "items"),
    cause="prepayment",
    smart_energy=True,
    unseen="two top-ups with a readable token for one meter",
    advice="The meter must refuse a token that it has used: report its firmware version",
)
def top_up_repeated(view: View) -> Iterator[Evidence]:
    """Each top-up token is good once. The same token again must be answered with a failure."""
    items, commands = view.tables["items"], gbcs(view, "command")
    tokens = items[mask(items["object"].astype(str).str.contains("TopUp Code|PrepaymentCredit: enter"))]
    tokens = tokens[mask(tokens["value"].notna())][["message", "value"]]
    tried = commands.merge(tokens, on="message")
    for (recipient, _), part in tried.groupby(["recipient", "value"], sort=False):
        if len(part) < 2 or part["originator_counter"].nunique() < 2:
            yield kept(party(view, recipient), f"{plural(len(part), 'top-up')} with one token")
            continue
        good = _answers(view, part)
        if mask(good["outcome"] == "success").sum() > 1:
            frames = [f for fs in part["frames"] for f in fs]
            yield broken(
                party(view, recipient), f"messages {_times(part)} with one token both succeed", frames
            )
        else:
            yield kept(party(view, recipient), "the second use of a token was refused")


def _answers(view: View, commands: Frame) -> Frame:
    answers = gbcs(view, "response")
    counters = commands["originator_counter"].tolist()
    return answers[
        mask(answers["originator_counter"].isin(counters))
        & mask(answers["originator"].isin(commands["recipient"]))
    ]


@rule(
    "top-up-failures",
    "Many failed top-ups",
    severity="warning",
    source="GBCS 14; alert list (0x81C4, 0x81C5)",
    confidence="derived",
    merges=("rules:P04", "attacks:A33"),
    needs=TABLES,
    cause="prepayment",
    smart_energy=True,
    unseen="responses to top-ups",
    advice="Typing errors, or somebody tries tokens: see whether the meter locked entry and raised an alert",
)
def top_up_failures(view: View, *, failures: int = 5, window: float = 3600.0) -> Iterator[Evidence]:
    """Five failed top-ups within an hour. The meter should suspend entry and say so."""
    rows = gbcs(view, "response")
    rows = rows[mask(rows["message_code"].isin([0x0007, 0x0097, 0x009B]))]
    for device, part in rows.groupby("originator", sort=False):
        failed = part[mask(part["outcome"] == "failure")]
        seconds = failed["seconds"].to_numpy(dtype=float)
        most = max((int(((seconds >= s) & (seconds <= s + window)).sum()) for s in seconds), default=0)
        if most >= failures:
            frames = [f for fs in failed["frames"] for f in fs]
            yield broken(party(view, device), f"{most} failed top-ups within {window:.0f} s", frames)
        else:
            yield kept(party(view, device), f"{len(failed)} of {plural(len(part), 'top-up')} failed")


@rule(
    "set-clock-daily",
    "The clock was set twice within a day",
    severity="warning",
    source="Honeywell AS302P manual section 26 (page 47)",
    confidence="secondary",
    merges=("rules:T02", "rules:T04", "spec:R173", "spec:R172"),
    needs=TABLES,
    cause="clock",
    smart_energy=True,
    unseen="two Set Clock commands for one meter",
    advice="See why: a clock that drifts so much, or somebody who plays with time",
)
def set_clock_daily(view: View, *, seconds: float = 86400.0) -> Iterator[Evidence]:
    """A meter lets its clock be set once in 24 hours."""
    rows = gbcs(view, "response")
    rows = rows[mask(rows["message_code"].isin([0x0062, 0x007F])) & mask(rows["outcome"] == "success")]
    for device, part in rows.groupby("originator", sort=False):
        near = part[mask(part["seconds"].diff() < seconds) & mask(part["digest"].diff() != 0)]
        if len(near):
            frames = [f for fs in part["frames"] for f in fs]
            yield broken(
                party(view, device), f"set again after {part['seconds'].diff().min():,.0f} s", frames
            )
        else:
            yield kept(party(view, device), f"clock set {plural(len(part), 'time')}")


@rule(
    "utrn-counter-low-half",
    "A top-up whose counter is not a token's",
    severity="info",
    source="GBCS v0.8.1 table 27 (page 258)",
    confidence="text",
    merges=("rules:G09", "spec:R123"),
    needs=TABLES,
    cause="prepayment",
    smart_energy=True,
    unseen="a top-up command (CS01a, CS01b)",
    advice="Look at how the supplier's system makes tokens",
)
def utrn_counter_low_half(view: View) -> Iterator[Evidence]:
    """The counter of a token is the upper half of a 64-bit originator counter whose lower half is zero. The
    test messages published for GBCS do not keep to it, so this only informs."""
    rows = gbcs(view, "command")
    rows = rows[mask(rows["message_code"].isin([0x0007, 0x0097])) & mask(rows["originator_counter"].notna())]
    low = [int(c) & 0xFFFFFFFF != 0 for c in rows["originator_counter"]]
    yield from judge_messages(
        view, rows, low, "counter {originator_counter} has a lower half", "with whole counters"
    )
