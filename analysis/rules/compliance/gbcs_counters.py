"""Originator counters: replay, and counters used twice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from analysis.features.identifiers import message_code
from analysis.features.judging import mask, plural
from analysis.rules.compliance.gbcs_messages import (
    COMMANDS,
    ENDS,
    OF_SUBJECT,
    RESPONSES,
    name_of,
    numbers_of,
    party,
    station_of,
    use_cases,
)
from analysis.rules.declare import NETWORK, Evidence, Frame, Subject, View, broken, c, kept, messages
from analysis.rules.registry import rules_of

TOP_UPS = [message_code("CS01a"), message_code("CS01b")]
rule = rules_of("compliance", "gbcs counters")

PROTECTED = COMMANDS.where(
    c.message_code.isin(*(code for code, row in use_cases().items() if row["replay_protection"] == "Yes"))
)


@rule(
    "command-replayed",
    "A command came again",
    severity="error",
    source="GBCS 4.3.1.5, 9.2 (v0.8.1 release note page 2)",
    confidence="derived",
    merges=("rules:G06", "rules:G08", "attacks:A31", "spec:R031", "disapplied:66"),
    reads=[
        PROTECTED[*OF_SUBJECT, *ENDS, c.message_code, c.seconds, c.digest],
        RESPONSES[c.originator, c.originator_counter, c.seconds],
    ],
    cause="gbcs replay",
    smart_energy=True,
    unseen="two commands from one originator to one device",
    advice=(
        "See whether the device answered both with success; an identical copy may be re-delivery "
        "after a lost answer"
    ),
)
def command_replayed(
    view: View, rows: Frame, answers: Frame, *, redelivery: float = 600.0
) -> Iterator[Evidence]:
    """Commands with replay protection carry a counter that only rises for each originator and device. The
    same or a lower one again is a replay; identical octets within ten minutes, while no answer was seen, may
    be the hub's re-delivery and only inform."""
    tokens = mask(rows["message_code"].isin(TOP_UPS))  # top-ups count on their own (13.3, floor per usage)
    for (originator, recipient, _), part in rows.groupby(["originator", "recipient", tokens], sort=False):
        if len(part) < 2:
            continue
        known = part[mask(part["originator_counter"].notna())]
        counter = known["originator_counter"].to_numpy(dtype="uint64")  # a float cannot hold 64 bits
        old = known[1:][counter[1:] <= np.maximum.accumulate(counter)[:-1]]
        subject = Subject.pair(station_of(originator), station_of(recipient))
        if old.empty:
            yield kept(subject, f"{plural(len(part), 'command')} with rising counters")
        for row in old.itertuples():
            yield _replay(part, row, subject, redelivery, answers)


def _replay(part: Frame, row: Any, subject: Subject, redelivery: float, answers: Frame) -> Evidence:
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
    reads=[
        PROTECTED[*ENDS, c.message_code, c.frames],
        RESPONSES[c.message, *ENDS, c.message_code, c.outcome, c.digest, c.frames],
    ],
    cause="gbcs replay",
    smart_energy=True,
    unseen="a replayed command and its response",
    advice="A fault of the device: report firmware version and both messages",
)
def replay_accepted(view: View, commands: Frame, answers: Frame) -> Iterator[Evidence]:
    """Two successful responses with one counter, to copies of one command: the device carried the second
    one out."""
    keys = ["originator", "recipient", "message_code", "originator_counter"]
    again = commands[commands.duplicated(keys, keep=False)]
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
            yield broken(party(recipient), f"messages {numbers_of(good)} both report success", frames)
        else:
            yield kept(party(recipient), f"answered {plural(len(mine), 'time')}, carried out once")


@rule(
    "counter-reused",
    "Two different messages under one counter",
    severity="critical",
    source="GBCS v0.8.1 4.3 (page 27): a derived key serves one message",
    confidence="text",
    merges=("rules:G07", "spec:R005"),
    reads=[
        messages.where(c.originator_counter.known, c.digest.known)[
            c.message, c.frames, c.cra, *ENDS, c.message_code, c.digest
        ]
    ],
    cause="gbcs replay",
    smart_energy=True,
    unseen="two messages from one originator",
    advice="Key and nonce were used twice: report the sender's software version",
)
def counter_reused(view: View, rows: Frame) -> Iterator[Evidence]:
    """The keys of a message are derived from originator, kind, counter and recipient. Two different
    messages with all four the same share key and nonce, which breaks the protection of both."""
    keys = ["originator", "cra", "originator_counter", "recipient", "message_code"]
    twice = rows[rows.duplicated(keys, keep=False)]
    reused = False
    for (originator, *_), part in twice.groupby(keys, sort=False, observed=True):
        if part["digest"].nunique() > 1:
            reused = True
            frames = [f for fs in part["frames"] for f in fs]
            counter = int(part["originator_counter"].iloc[0])
            text = f"messages {numbers_of(part)} differ under counter {counter:,}"
            yield broken(party(originator), text, frames)
    if len(rows) > 1 and not reused:
        yield kept(NETWORK, f"{plural(len(rows), 'message')}, each under a counter of its own")
