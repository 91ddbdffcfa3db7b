"""Prepayment: tokens that repeat or fail, and their counters."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from analysis.features.identifiers import class_attribute, interface_class, message_code
from analysis.features.judging import mask, plural
from analysis.rules.compliance.gbcs_messages import COMMANDS, ENDS, RESPONSES, numbers_of, party
from analysis.rules.compliance.han_commands import ACCEPTED
from analysis.rules.declare import (
    TO_CLIENT,
    TO_SERVER,
    Command,
    EachItem,
    EachMessage,
    Evidence,
    Frame,
    Item,
    Subject,
    View,
    broken,
    c,
    declare,
    field,
    items,
    kept,
    p,
)
from analysis.rules.registry import rules_of

AREA = "prepayment"
rule = rules_of("compliance", AREA)
declared = partial(declare, family="compliance", area=AREA, cause="prepayment", confidence="text")

TOP_UPS = (message_code("CS01a"), message_code("CS01b"))
AT_THE_METER = message_code("PCS01")
ACCOUNT, EXTENDED_DATA = interface_class("account"), interface_class("extended_data")
LOWER_HALF = (1 << 32) - 1
CODE, RESULT = "top_up_code:text", "result_type"
PERIOD, PASSIVE_VALUE = (
    class_attribute(ACCOUNT, "max_provision_period"),
    class_attribute(EXTENDED_DATA, "value_passive"),
)
OF_THE_CAP = ((c.obis == "0-0:94.44.128.13") & (c.attribute == PASSIVE_VALUE)) | (
    (c.class_id == ACCOUNT) & (c.attribute == PERIOD)
)


@rule(
    "top-up-repeated",
    "A used token was accepted again",
    severity="error",
    source="GBCS 14 (UTRN counter cache)",
    confidence="recalled",
    merges=("rules:P02", "rules:P03", "attacks:A33"),
    reads=[
        COMMANDS[c.message, *ENDS, c.frames],
        items.where(c.object.search(": top_up_code|PrepaymentCredit: enter"), c.value.known)[
            c.message, c.value
        ],
        RESPONSES[c.message, *ENDS, c.outcome],
    ],
    cause="prepayment",
    smart_energy=True,
    unseen="two top-ups with a readable token for one meter",
    advice="The meter must refuse a token that it has used: report its firmware version",
)
def top_up_repeated(view: View, commands: Frame, tokens: Frame, answers: Frame) -> Iterator[Evidence]:
    """Each top-up token is good once. The same token again must be answered with a failure."""
    tried = commands.merge(tokens, on="message")
    for (recipient, _), part in tried.groupby(["recipient", "value"], sort=False):
        if len(part) < 2 or part["originator_counter"].nunique() < 2:
            yield kept(party(recipient), f"{plural(len(part), 'top-up')} with one token")
            continue
        mine = mask(answers["originator_counter"].isin(part["originator_counter"].tolist()))
        good = answers[mine & mask(answers["originator"] == recipient)]
        if mask(good["outcome"] == "success").sum() > 1:
            frames = [f for fs in part["frames"] for f in fs]
            yield broken(party(recipient), f"messages {numbers_of(part)} with one token both succeed", frames)
        else:
            yield kept(party(recipient), "the second use of a token was refused")


@rule(
    "top-up-failures",
    "Many failed top-ups",
    severity="warning",
    source="GBCS 14; alert list (0x81C4, 0x81C5)",
    confidence="derived",
    merges=("rules:P04", "attacks:A33"),
    reads=[
        RESPONSES.where(c.message_code.isin(*TOP_UPS, AT_THE_METER))[
            c.originator, c.outcome, c.seconds, c.frames
        ]
    ],
    cause="prepayment",
    smart_energy=True,
    unseen="responses to top-ups",
    advice="Typing errors, or somebody tries tokens: see whether the meter locked entry and raised an alert",
)
def top_up_failures(
    view: View, rows: Frame, *, failures: int = 5, window: float = 3600.0
) -> Iterator[Evidence]:
    """Five failed top-ups within an hour: typing errors, wrong tokens, or somebody who tries numbers. The
    meter should suspend entry and raise an alert."""
    for device, part in rows.groupby("originator", sort=False):
        failed = part[mask(part["outcome"] == "failure")]
        seconds = failed["seconds"].to_numpy(dtype=float)
        most = max((int(((seconds >= s) & (seconds <= s + window)).sum()) for s in seconds), default=0)
        if most >= failures:
            frames = [f for fs in failed["frames"] for f in fs]
            yield broken(party(device), f"{most} failed top-ups within {window:.0f} s", frames)
        else:
            yield kept(party(device), f"{len(failed)} of {plural(len(part), 'top-up')} failed")


declared(
    id="utrn-counter-low-half",
    title="A top-up whose counter is not a token's",
    finds="The counter of a token is the upper half of a 64-bit originator counter whose lower half is zero.",
    matters="The test messages published for GBCS do not keep to it, so this only informs.",
    example="message 27 (CS01a command): counter 7696581394432000001 has a lower half",
    severity="info", smart_energy=True,
    source="GBCS v0.8.1 table 27 (page 258)",
    covers=("rules:G09", "spec:R123"),
    requires="a top-up command (CS01a, CS01b)",
    advice="Look at how the supplier's system makes tokens",
    broken_by="planted: a top-up under a counter that no token has", kept_by="prepayment",
    judge=EachMessage(
        COMMANDS.where(c.message_code.isin(*TOP_UPS), c.originator_counter.known),
        c.originator_counter.has_bits(LOWER_HALF),
        says="counter {originator_counter} has a lower half", good="with whole counters",
    ),
)  # fmt: skip

declared(
    id="debt-cap-period",
    title="The debt recovery cap has another period than a week",
    finds="How much debt a meter may take is capped for a fixed period: one week.",
    matters="Under a shorter one more money is taken than is allowed.",
    example="message 8 (ECS08a): DebtRecoveryRateCap: periodNext is 86400 s",
    severity="warning", parameters={"seconds": 604_800},
    source="GBCS v4.0 use-case annex GCS21b (SMETS 5.7.4.13)",
    covers=("spec:R161",),
    requires="the period of the debt recovery rate cap, written or read (ECS08a, ECS26a)",
    advice="Debt may be recovered faster than allowed: look at the command or the meter's setting",
    broken_by="planted: debt is capped for a day and not for a week", kept_by="prepayment",
    judge=EachItem(
        Item("ECS.*", "", "DebtRecoveryRateCap.*").where(OF_THE_CAP), ~(c.number == p.seconds),
        says="{object} is {value} s",
    ),
)  # fmt: skip


@rule(
    "top-up-code-again",
    "A top-up code was accepted twice",
    severity="error",
    source="GBCS 14 (UTRN counter cache); ZSE prepayment cluster (Consumer Top Up)",
    confidence="derived",
    merges=("rules:P02", "attacks:A33"),
    reads=[
        Command("Prepayment", TO_SERVER, "Consumer Top Up", CODE)[
            c.frame, c.seconds, c.destination, field(CODE)
        ],
        Command("Prepayment", TO_CLIENT, "Consumer Top Up Response", RESULT)[
            c.seconds, c.source, field(RESULT)
        ],
    ],
    cause="prepayment",
    smart_energy=True,
    unseen="a code entered at a display twice, and the meter's answers",
    advice="The meter must refuse a code that it has used: report its firmware version",
)
def top_up_code_again(
    view: View, tried: Frame, answers: Frame, *, seconds: float = 60.0
) -> Iterator[Evidence]:
    """The code of a top-up is good once. Entered again at a display, the meter must refuse it."""
    good = answers[mask(answers[RESULT].isin(ACCEPTED))]
    for (meter, _), part in tried.groupby(["destination", CODE], sort=False):
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
