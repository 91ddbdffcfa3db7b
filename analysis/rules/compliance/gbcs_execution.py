"""What devices do with commands: which they may accept, and which may be future dated."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.features.identifiers import ALERTS, message_code
from analysis.features.judging import mask, plural
from analysis.features.view import View
from analysis.findings.model import Evidence, broken, kept
from analysis.rules.compliance.gbcs_messages import (
    MESSAGE_RULE,
    TABLES,
    gbcs,
    judge_messages,
    message_items,
    party,
    use_cases,
)
from analysis.rules.registry import rules_of

rule = rules_of("compliance", "gbcs execution")

SET_CLOCK = [message_code("ECS70"), message_code("GCS28")]
NOT_ADJUSTED = ALERTS.some(
    "Clock not adjusted (outside tolerance)", "Clock not adjusted (adjustment greater than 10 seconds)"
)
DATED = (
    r".*(?:activation_time|activate_passive\w*time).*|(?:Change Supply|Update CIN): implementation_\w*time"
)
INVALID = 1  # of DeviceTimeStatus (GCS28)
ACTIVATE, ACTIVATED = message_code("CS06", "Activate Firmware"), message_code("CS06", "Activation Alert")


@rule(
    "bad-command-accepted",
    "A message that fails its checks was carried out",
    severity="critical",
    source="alert list; GBCS 6.2",
    confidence="derived",
    merges=("rules:G36", "rules:C04"),
    cause="gbcs protection",
    unseen="a command whose MAC or signature is wrong, and its response",
    advice="A fault of the device: report firmware version and both messages",
    **MESSAGE_RULE,
)
def bad_command_accepted(view: View) -> Iterator[Evidence]:
    """A command with a wrong MAC or signature must have no effect. A successful response to it is a fault."""
    commands = gbcs(view, "command")
    bad = commands[mask(commands["mac"] == "invalid") | mask(commands["signature"] == "invalid")]
    answers = gbcs(view, "response")
    for row in bad.itertuples():
        mine = answers[mask(answers["answers"] == row.message)]
        good = mine[mask(mine["outcome"] == "success")]
        if len(good):
            yield broken(
                party(row.recipient),
                f"message {row.message} fails its checks, yet succeeds",
                row.frames,
            )
        else:
            yield kept(party(row.recipient), f"message {row.message} was not carried out")


@rule(
    "future-dated-not-allowed",
    "A command is future dated that may not be",
    severity="warning",
    source="GBCS use-case tables (future dated)",
    confidence="derived",
    merges=("rules:G33", "spec:R025", "spec:R026", "spec:R027"),
    needs=("messages", "items"),
    smart_energy=True,
    cause="message format",
    unseen="a command with an activation time",
    advice="Look at the command: only flagged use cases may wait",
)
def future_dated_not_allowed(view: View) -> Iterator[Evidence]:
    """Only some use cases may carry a date for later; the others act at once. A date on such a command is
    refused by a correct device, or, worse, ignored. (The execution time of a billing calendar is no such date: it is
    what is set.)"""
    rows = gbcs(view, "command")
    dated = message_items(view, ".*", "command", DATED)
    value = dated["value"].astype(str)
    later = dated[mask(value.str.match(r"20\d\d")) & ~mask(value.str.startswith("9999"))]
    rows = rows[mask(rows["message"].isin(later["message"]))]
    allowed = rows["message_code"].map(lambda c: use_cases().get(int(c), {}).get("future_dated", ""))
    yield from judge_messages(
        view,
        rows,
        mask(allowed == "No") & ~mask(rows["message_code"] == ACTIVATE),
        "{use_case} for later",
        "that may wait",
    )


@rule(
    "set-clock-daily",
    "The clock was set twice within a day",
    severity="warning",
    source="Honeywell AS302P manual section 26 (page 47)",
    confidence="secondary",
    merges=("rules:T04", "spec:R173", "spec:R172"),
    needs=TABLES,
    cause="clock",
    smart_energy=True,
    unseen="two Set Clock commands for one meter",
    advice="See why: a clock that drifts so much, or somebody who plays with time",
)
def set_clock_daily(view: View, *, seconds: float = 86400.0) -> Iterator[Evidence]:
    """A meter lets its clock be set by a remote command once in 24 hours. A second success within a day is
    a fault of the meter; many attempts are a drifting clock or somebody who plays with time. A supplier that has just
    taken the meter over may set it, too: where each did it once, that informs."""
    rows = gbcs(view, "response")
    rows = rows[mask(rows["message_code"].isin(SET_CLOCK)) & mask(rows["outcome"] == "success")]
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
    needs=TABLES,
    cause="clock",
    smart_energy=True,
    unseen="the response to a Set Clock command, or an alert that a clock was not adjusted",
    advice="Compare the meter's time with the hub's: a clock that is far off, or a time outside the allowed window",
)
def clock_not_adjusted(view: View, *, seconds: float = 300.0) -> Iterator[Evidence]:
    """A meter that is told a time outside the window it allows, or more than ten seconds away from its own, keeps
    its clock, writes that to its security log and raises an alert. A refusal without that alert is said as such. So is
    an answer that calls the clock invalid (it warns) or not yet reliable (it informs)."""
    for row in message_items(view, "GCS28", "response", r"clock\.time_status", "number").itertuples():
        if row.number:
            severity = "warning" if row.number == INVALID else "info"
            yield broken(
                party(row.originator),
                f"message {int(row.message)}: it calls its clock {row.result}",
                row.frames,
                severity,
            )
    alerts = gbcs(view, "alert")
    alerts = alerts[mask(alerts["alert_code"].isin(NOT_ADJUSTED))]
    for row in alerts.itertuples():
        yield broken(party(row.originator), f"alert {int(row.alert_code):#06x}", row.frames)
    answers = gbcs(view, "response")
    answers = answers[mask(answers["message_code"].isin(SET_CLOCK)) & mask(answers["outcome"].notna())]
    for row in answers.itertuples():
        if row.outcome == "success":
            yield kept(party(row.originator), f"message {int(row.message)} set the clock")
            continue
        near = mask(alerts["originator"] == row.originator) & mask(
            abs(alerts["seconds"] - row.seconds) < seconds
        )
        why = "" if near.any() else ", and no alert says why"
        yield broken(
            party(row.originator), f"message {int(row.message)}: the clock was not set{why}", row.frames
        )


@rule(
    "counter-in-activation-alert",
    "An activation alert names another counter",
    severity="info",
    source="GBCS v0.8.1 11.5 (page 140)",
    confidence="text",
    merges=("spec:R099",),
    needs=("messages", "items"),
    smart_energy=True,
    cause="ota",
    unseen="a CS06 command dated for later, and its alert 0x00CA",
    advice="It reports another command than the one that was seen",
)
def counter_in_activation_alert(view: View) -> Iterator[Evidence]:
    """The alert that a future-dated command took effect repeats the originator counter of that command.
    Another counter means that it reports a command which this capture does not show, or the wrong one."""
    commands = gbcs(view, "command")
    counters = commands.loc[mask(commands["message_code"] == ACTIVATE), "originator_counter"].dropna()
    known = {float(c) for c in counters}  # items hold numbers as floats, which cut a counter beyond 2**53
    alerts = gbcs(view, "alert")
    alerts = alerts[mask(alerts["message_code"] == ACTIVATED)]
    items = view.tables["items"]
    named = items[
        mask(items["object"] == "activation_alert.originator_counter") & mask(items["number"].notna())
    ]
    pairs = alerts.merge(named[["message", "number"]].rename(columns={"number": "named"}), on="message")
    if known:
        yield from judge_messages(
            view, pairs, [n not in known for n in pairs["named"]], "counter {named:.0f} was not seen"
        )
