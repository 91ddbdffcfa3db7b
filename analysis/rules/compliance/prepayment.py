"""Prepayment: tokens that repeat or fail, and their counters."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.features.identifiers import class_attribute, interface_class, message_code, to_client, to_server
from analysis.features.judging import mask, plural
from analysis.features.view import Frame, View
from analysis.findings.model import Evidence, broken, kept
from analysis.findings.subject import Subject
from analysis.rules.compliance.gbcs_messages import (
    TABLES,
    gbcs,
    judge_items,
    judge_messages,
    message_items,
    numbers_of,
    party,
)
from analysis.rules.compliance.han_commands import (
    ACCEPTED,
    PREPAYMENT,
    commands,
    field_of,
)
from analysis.rules.named_rows import ClusterCommands
from analysis.rules.registry import rules_of

rule = rules_of("compliance", "prepayment")

TOP_UPS = [message_code("CS01a"), message_code("CS01b")]
AT_THE_METER = message_code("PCS01")
TOP_UP, TOP_UP_ANSWER = (
    to_server(PREPAYMENT, "Consumer Top Up"),
    to_client(PREPAYMENT, "Consumer Top Up Response"),
)
CODE, RESULT = TOP_UP.field("top_up_code"), TOP_UP_ANSWER.field("result_type")
ACCOUNT, EXTENDED_DATA = interface_class("account"), interface_class("extended_data")
PERIOD, PASSIVE_VALUE = (
    class_attribute(ACCOUNT, "max_provision_period"),
    class_attribute(EXTENDED_DATA, "value_passive"),
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
    tokens = items[mask(items["object"].astype(str).str.contains(": top_up_code|PrepaymentCredit: enter"))]
    tokens = tokens[mask(tokens["value"].notna())][["message", "value"]]
    tried = commands.merge(tokens, on="message")
    for (recipient, _), part in tried.groupby(["recipient", "value"], sort=False):
        if len(part) < 2 or part["originator_counter"].nunique() < 2:
            yield kept(party(recipient), f"{plural(len(part), 'top-up')} with one token")
            continue
        good = _answers(view, part)
        if mask(good["outcome"] == "success").sum() > 1:
            frames = [f for fs in part["frames"] for f in fs]
            yield broken(party(recipient), f"messages {numbers_of(part)} with one token both succeed", frames)
        else:
            yield kept(party(recipient), "the second use of a token was refused")


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
    """Five failed top-ups within an hour: typing errors, wrong tokens, or somebody who tries numbers. The
    meter should suspend entry and raise an alert."""
    rows = gbcs(view, "response")
    rows = rows[mask(rows["message_code"].isin([*TOP_UPS, AT_THE_METER]))]
    for device, part in rows.groupby("originator", sort=False):
        failed = part[mask(part["outcome"] == "failure")]
        seconds = failed["seconds"].to_numpy(dtype=float)
        most = max((int(((seconds >= s) & (seconds <= s + window)).sum()) for s in seconds), default=0)
        if most >= failures:
            frames = [f for fs in failed["frames"] for f in fs]
            yield broken(party(device), f"{most} failed top-ups within {window:.0f} s", frames)
        else:
            yield kept(party(device), f"{len(failed)} of {plural(len(part), 'top-up')} failed")


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
    rows = rows[mask(rows["message_code"].isin(TOP_UPS)) & mask(rows["originator_counter"].notna())]
    low = [int(c) & 0xFFFFFFFF != 0 for c in rows["originator_counter"]]
    yield from judge_messages(
        view, rows, low, "counter {originator_counter} has a lower half", "with whole counters"
    )


@rule(
    "debt-cap-period",
    "The debt recovery cap has another period than a week",
    severity="warning",
    source="GBCS v4.0 use-case annex GCS21b (SMETS 5.7.4.13)",
    confidence="text",
    merges=("spec:R161",),
    needs=("messages", "items"),
    cause="prepayment",
    unseen="the period of the debt recovery rate cap, written or read (ECS08a, ECS26a)",
    advice="Debt may be recovered faster than allowed: look at the command or the meter's setting",
)
def debt_cap_period(view: View, *, seconds: int = 604_800) -> Iterator[Evidence]:
    """How much debt a meter may take is capped for a fixed period: one week."""
    rows = message_items(view, "ECS.*", "", "DebtRecoveryRateCap.*")
    extended = mask(rows["obis"].astype(str) == "0-0:94.44.128.13") & mask(rows["attribute"] == PASSIVE_VALUE)
    account = mask(rows["class_id"] == ACCOUNT) & mask(rows["attribute"] == PERIOD)
    rows = rows[extended | account].reset_index(drop=True)
    other = ~mask(rows["value"].astype(str) == str(seconds))
    yield from judge_items(rows, other, "{object} is {value} s")


@rule(
    "top-up-code-again",
    "A top-up code was accepted twice",
    severity="error",
    source="GBCS 14 (UTRN counter cache); ZSE prepayment cluster (Consumer Top Up)",
    confidence="derived",
    merges=("rules:P02", "attacks:A33"),
    needs=(ClusterCommands("Prepayment"),),
    cause="prepayment",
    smart_energy=True,
    unseen="a code entered at a display twice, and the meter's answers",
    advice="The meter must refuse a code that it has used: report its firmware version",
)
def top_up_code_again(view: View, *, seconds: float = 60.0) -> Iterator[Evidence]:
    """The code of a top-up is good once. Entered again at a display, the meter must refuse it."""
    tried = commands(view, TOP_UP)
    tried = tried.assign(code=field_of(view, tried, CODE, text=True))
    answers = commands(view, TOP_UP_ANSWER)
    answers = answers.assign(result=field_of(view, answers, RESULT))
    good = answers[mask(answers["result"].isin(ACCEPTED))]
    for (meter, _), part in tried[mask(tried["code"].notna())].groupby(["destination", "code"], sort=False):
        mine = good[mask(good["source"] == meter)]
        times = mine["seconds"].to_numpy(dtype=float)
        taken = [
            row
            for row in part.itertuples()
            if ((times >= row.seconds) & (times < row.seconds + seconds)).any()
        ]
        spent = [row for row in taken if row.seconds > taken[0].seconds + 2.0]  # no retry of the first
        if spent:
            text = f"one code accepted {len(spent) + 1} times"
            yield broken(Subject.device(meter), text, [taken[0].frame, *(row.frame for row in spent)])
        else:
            yield kept(Subject.device(meter), "a code, accepted once or not at all")
