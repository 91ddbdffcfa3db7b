"""Originator counters: replay, and counters used twice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from analysis.features.identifiers import message_code
from analysis.features.judging import mask, plural
from analysis.features.view import Frame, View
from analysis.findings.model import Evidence, broken, kept
from analysis.findings.subject import NETWORK, Subject
from analysis.rules.compliance.gbcs_messages import (
    TABLES,
    gbcs,
    name_of,
    numbers_of,
    party,
    station_of,
    use_cases,
)
from analysis.rules.registry import rules_of

TOP_UPS = [message_code("CS01a"), message_code("CS01b")]
rule = rules_of("compliance", "gbcs counters")

COMMANDS = "two commands from one originator to one device"


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
            text = f"messages {numbers_of(part)} differ under counter {counter:,}"
            yield broken(party(originator), text, frames)
    if len(rows) > 1 and not reused:
        yield kept(NETWORK, f"{plural(len(rows), 'message')}, each under a counter of its own")
