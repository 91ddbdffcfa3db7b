"""What devices do with commands: which they may accept, and which may be future dated."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from analysis.features.identifiers import ALERTS as ALERT_CODES
from analysis.features.identifiers import message_code
from analysis.features.judging import mask, plural
from analysis.rules.compliance.gbcs_messages import (
    ALERTS,
    COMMANDS,
    OF_SUBJECT,
    RESPONSES,
    judge_messages,
    party,
    use_cases,
)
from analysis.rules.declare import EachMessage, Evidence, Frame, Item, View, broken, c, declare, having, kept
from analysis.rules.registry import rules_of

AREA = "gbcs execution"
rule = rules_of("compliance", AREA)
declared = partial(declare, family="compliance", area=AREA, smart_energy=True)

OF_CLOCK = c.message_code.isin(message_code("ECS70"), message_code("GCS28"))
NOT_ADJUSTED = ALERT_CODES.some(
    "Clock not adjusted (outside tolerance)", "Clock not adjusted (adjustment greater than 10 seconds)"
)
DATED = (
    r".*(?:activation_time|activate_passive\w*time).*|(?:Change Supply|Update CIN): implementation_\w*time"
)
INVALID = 1  # of DeviceTimeStatus (GCS28)
ACTIVATE, ACTIVATED = message_code("CS06", "Activate Firmware"), message_code("CS06", "Activation Alert")
AT_ONCE = [code for code, row in use_cases().items() if row["future_dated"] == "No" and code != ACTIVATE]


@rule(
    "bad-command-accepted",
    "A message that fails its checks was carried out",
    severity="critical",
    source="alert list; GBCS 6.2",
    confidence="derived",
    merges=("rules:G36", "rules:C04"),
    reads=[
        COMMANDS.where((c.mac == "invalid") | (c.signature == "invalid"))[c.message, c.recipient, c.frames],
        RESPONSES.where(c.outcome == "success", c.answers.known)[c.answers],
    ],
    cause="gbcs protection",
    smart_energy=True,
    unseen="a command whose MAC or signature is wrong, and its response",
    advice="A fault of the device: report firmware version and both messages",
)
def bad_command_accepted(view: View, bad: Frame, good: Frame) -> Iterator[Evidence]:
    """A command with a wrong MAC or signature must have no effect. A successful response to it is a fault."""
    done = set(good["answers"])
    for row in bad.itertuples():
        if row.message in done:
            yield broken(
                party(row.recipient), f"message {row.message} fails its checks, yet succeeds", row.frames
            )
        else:
            yield kept(party(row.recipient), f"message {row.message} was not carried out")


declared(
    id="future-dated-not-allowed",
    title="A command is future dated that may not be",
    finds="""Only some use cases may carry a date for later; the others act at once. (The execution time of a billing
    calendar is no such date: it is what is set.)""",
    matters="A date on another command is refused by a correct device, or, worse, ignored.",
    example="message 12 (GCS32 command): GCS32 for later",
    severity="warning", confidence="derived", cause="message format",
    source="GBCS use-case tables (future dated)",
    covers=("rules:G33", "spec:R025", "spec:R026", "spec:R027"),
    requires="a command with an activation time",
    advice="Look at the command: only flagged use cases may wait",
    broken_by="talk: messages", kept_by="planted: nothing is said of a payment mode for later",
    judge=EachMessage(
        COMMANDS.where(having(Item(".*", "command", DATED).where(c.value.search(r"^20\d\d")))),
        c.message_code.isin(*AT_ONCE), says="{use_case} for later", good="that may wait",
    ),
)  # fmt: skip


@rule(
    "set-clock-daily",
    "The clock was set twice within a day",
    severity="warning",
    source="Honeywell AS302P manual section 26 (page 47)",
    confidence="secondary",
    merges=("rules:T04", "spec:R173", "spec:R172"),
    reads=[
        RESPONSES.where(OF_CLOCK, c.outcome == "success")[
            c.originator, c.recipient, c.seconds, c.digest, c.frames
        ]
    ],
    cause="clock",
    smart_energy=True,
    unseen="two Set Clock commands for one meter",
    advice="See why: a clock that drifts so much, or somebody who plays with time",
)
def set_clock_daily(view: View, rows: Frame, *, seconds: float = 86400.0) -> Iterator[Evidence]:
    """A meter lets its clock be set by a remote command once in 24 hours. A second success within a day is
    a fault of the meter; many attempts are a drifting clock or somebody who plays with time. A supplier that has just
    taken the meter over may set it, too: where each did it once, that informs."""
    for device, part in rows.groupby("originator", sort=False):
        near = part[mask(part["seconds"].diff() < seconds) & mask(part["digest"].diff() != 0)]
        if len(near):
            frames = [f for fs in part["frames"] for f in fs]
            each = near["recipient"].nunique() == len(near) and part["recipient"].nunique() > len(near)
            text = f"set again after {part['seconds'].diff().min():,.0f} s"
            yield broken(party(device), text, frames, "info" if each else None)
        else:
            yield kept(party(device), f"clock set {plural(len(part), 'time')}")


@rule(
    "clock-not-adjusted",
    "A meter did not adjust its clock",
    severity="warning",
    source="Honeywell AS302P manual section 26 (page 47); alert list (0x81C6, 0x8F0C)",
    confidence="secondary",
    merges=("rules:T02",),
    reads=[
        ALERTS.where(c.alert_code.isin(*NOT_ADJUSTED))[c.alert_code, c.originator, c.seconds, c.frames],
        RESPONSES.where(OF_CLOCK, c.outcome.known)[c.message, c.originator, c.outcome, c.seconds, c.frames],
    ],
    besides=[
        Item("GCS28", "response", r"clock\.time_status", "number").where(c.number != 0)[
            c.message, c.originator, c.number, c.result, c.frames
        ]
    ],
    cause="clock",
    smart_energy=True,
    unseen="the response to a Set Clock command, or an alert that a clock was not adjusted",
    advice="Compare the meter's time with the hub's: a clock that is far off, or a time outside the allowed window",
)
def clock_not_adjusted(
    view: View, alerts: Frame, answers: Frame, odd: Frame, *, seconds: float = 300.0
) -> Iterator[Evidence]:
    """A meter that is told a time outside the window it allows, or more than ten seconds away from its own, keeps
    its clock, writes that to its security log and raises an alert. A refusal without that alert is said as such. So is
    an answer that calls the clock invalid (it warns) or not yet reliable (it informs)."""
    for row in odd.itertuples():
        severity = "warning" if row.number == INVALID else "info"
        text = f"message {int(row.message)}: it calls its clock {row.result}"
        yield broken(party(row.originator), text, row.frames, severity)
    for row in alerts.itertuples():
        yield broken(party(row.originator), f"alert {int(row.alert_code):#06x}", row.frames)
    for row in answers.itertuples():
        device, message = party(row.originator), f"message {int(row.message)}"
        if row.outcome == "success":
            yield kept(device, f"{message} set the clock")
            continue
        near = mask(alerts["originator"] == row.originator) & mask(
            abs(alerts["seconds"] - row.seconds) < seconds
        )
        why = "" if near.any() else ", and no alert says why"
        yield broken(device, f"{message}: the clock was not set{why}", row.frames)


@rule(
    "counter-in-activation-alert",
    "An activation alert names another counter",
    severity="info",
    source="GBCS v0.8.1 11.5 (page 140)",
    confidence="text",
    merges=("spec:R099",),
    reads=[
        COMMANDS.where(c.message_code == ACTIVATE, c.originator_counter.known)[c.originator_counter],
        ALERTS.where(c.message_code == ACTIVATED)[OF_SUBJECT],
        Item("CS06", "alert", r"activation_alert\.originator_counter", "number")[c.message, c.number],
    ],
    smart_energy=True,
    cause="ota",
    unseen="a CS06 command dated for later, and its alert 0x00CA",
    advice="It reports another command than the one that was seen",
)
def counter_in_activation_alert(
    view: View, commands: Frame, alerts: Frame, named: Frame
) -> Iterator[Evidence]:
    """The alert that a future-dated command took effect repeats the originator counter of that command.
    Another counter means that it reports a command which this capture does not show, or the wrong one."""
    known = {
        float(one) for one in commands["originator_counter"]
    }  # an item's float cuts what is beyond 2**53
    pairs = alerts.merge(named, on="message")
    if known:
        wrong = [one not in known for one in pairs["number"]]
        yield from judge_messages(view, pairs, wrong, "counter {number:.0f} was not seen")
