"""Alerts: which must follow which event, in which order, and which only go to a log."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from analysis.features.identifiers import ALERTS as ALERT_CODES
from analysis.features.identifiers import STATUS, message_code
from analysis.features.judging import mask, plural
from analysis.rules.compliance.gbcs_messages import (
    ALERTS,
    COMMANDS,
    OF_SUBJECT,
    RESPONSES,
    judge_messages,
    party,
)
from analysis.rules.declare import (
    TO_SERVER,
    Command,
    Evidence,
    Frame,
    Subject,
    View,
    broken,
    c,
    field,
    items,
    kept,
    messages,
)
from analysis.rules.registry import rules_of
from dissectors.gbcs import alert_code

rule = rules_of("compliance", "gbcs alerts")

RESTORED = ALERT_CODES.some("Supply Outage Restored", "Supply Outage Restored - Outage >= 3 minutes")
DUTY_CYCLE = ALERT_CODES.some(
    "Limited Duty Cycle Action Taken", "Duty Cycle fallen below Normal-Limited Duty Cycle Threshold",
    "Critical Duty Cycle Action Taken", "Duty Cycle fallen below Limited-Critical Duty Cycle Threshold",
    "Regulated Duty Cycle Action Taken", "Duty Cycle fallen below Critical-Regulated Duty Cycle Threshold",
)  # fmt: skip
"""Begin and end of each state, one after the other."""
LOG_CHANGES, LOG_CHANGED = (message_code("CCS01"), message_code("CCS02")), message_code("CS14")
ACTIVATE, OUTAGE = message_code("CS06", "Activate Firmware"), message_code("ECS80")
OF_NETWORK_OPERATORS, CONFIGURABLE = 0x80, 0x81  # the high octets of their codes


@rule(
    "device-log-alert",
    "The device log changed without its alert",
    severity="warning",
    source="GBCS v4.0 use-case annex CS14",
    confidence="text",
    merges=("rules:N06", "spec:R131", "disapplied:8", "disapplied:88", "rules:N05"),
    cause="join attack",
    absent=1,
    unseen="a successful CCS01 or CCS02 response",
    advice="The hub must report every change with message 0x0018, alert 0x8F12",
    reads=[
        RESPONSES.where(c.message_code.isin(*LOG_CHANGES), c.outcome == "success", c.seconds.known)[
            *OF_SUBJECT, c.seconds
        ],
        ALERTS.where(c.message_code == LOG_CHANGED)[c.seconds],
    ],
    smart_energy=True,
)
def device_log_alert(
    view: View, rows: Frame, alerts: Frame, *, seconds: float = 300.0, early: float = 5.0
) -> Iterator[Evidence]:
    """Adding or removing a device is reported to the access control broker by alert 0x8F12."""
    rows = rows[mask(rows["seconds"] + seconds < view.duration)]
    told = alerts["seconds"].to_numpy(dtype=float)
    missing = [not ((told >= s - early) & (told <= s + seconds)).any() for s in rows["seconds"]]
    yield from judge_messages(
        view, rows, missing, f"no alert 0x8F12 within {seconds:.0f} s", "followed by their alert"
    )


@rule(
    "duty-cycle-alert-order",
    "Duty-cycle alerts out of order",
    severity="warning",
    source="alert list (0x8F20 to 0x8F25); use cases DBCH03, DBCH04",
    confidence="derived",
    merges=("rules:N18", "spec:R134"),
    cause="duty cycle",
    unseen="duty-cycle alerts of a hub",
    advice="An end without its begin: an alert was lost, or the hub restarted",
    reads=[ALERTS.where(c.alert_code.isin(*DUTY_CYCLE))[c.originator, c.alert_code, c.frames]],
    smart_energy=True,
)
def duty_cycle_alert_order(view: View, rows: Frame) -> Iterator[Evidence]:
    """Alerts tell when the hub's sub-GHz air time becomes limited, critical or regulated (0x8F20, 22, 24)
    and when that ends (21, 23, 25). An end without a beginning, or two beginnings, means lost alerts or a
    restart."""
    for hub, part in rows.groupby("originator", sort=False):
        odd = []
        running: set[int] = set()
        for number, code in enumerate(part["alert_code"].astype(int)):
            state, ends = divmod(DUTY_CYCLE.index(code), 2)
            if ends and state not in running and number:
                odd.append(number)
            running = running - {state} if ends else running | {state}
        if odd:
            frames = [f for n in odd for f in part["frames"].iloc[n]]
            yield broken(party(hub), f"{plural(len(odd), 'end')} without a beginning", frames)
        else:
            yield kept(party(hub), f"{plural(len(part), 'alert')} in order")


@rule(
    "firmware-alerts",
    "A firmware activation without its result",
    severity="info",
    source="GBCS v0.8.1 11.5 (page 140)",
    confidence="text",
    merges=("spec:R098", "spec:R099", "spec:R100", "rules:G33"),
    cause="ota",
    unseen="a CS06 command and what follows",
    advice="A future-dated activation reports later (0x00CA); otherwise the response says what happened",
    reads=[
        COMMANDS.where(c.message_code == ACTIVATE)[OF_SUBJECT],
        RESPONSES.where(c.answers.known)[c.answers],
    ],
    smart_energy=True,
)
def firmware_alerts(view: View, rows: Frame, answers: Frame) -> Iterator[Evidence]:
    """An activation answers at once: with its outcome, or without one when it is dated for later."""
    missing = ~mask(rows["message"].isin(answers["answers"]))
    yield from judge_messages(view, rows, missing, "no response was seen", "answered")


@rule(
    "firmware-receipt",
    "A meter did not report the firmware that it took",
    severity="warning",
    source="GBCS use-case tables (0x00CE, 0x00CF); Honeywell AS302P manual page 42",
    confidence="secondary",
    merges=("rules:O05", "spec:R101"),
    reads=[
        Command("OTA Upgrade", TO_SERVER, "Upgrade End Request", "status").where(
            field("status") == STATUS["SUCCESS"], c.source.known
        )[c.frame, c.seconds, c.source],
        messages[c.originator, c.cra, c.seconds, c.message_code],
    ],
    smart_energy=True,
    cause="ota",
    absent=3,
    unseen="an Upgrade End request with success of a meter that sends GBCS messages, and an hour after it",
    advice="The supplier cannot activate what it does not know of: see whether the image's signature was refused",
)
def firmware_receipt(view: View, ends: Frame, said: Frame, *, seconds: float = 3600.0) -> Iterator[Evidence]:
    """When an image has come and its signature is right, a meter says so by an alert of its own (0x00CE of electricity
    meters, 0x00CF of gas meters) that names the image; when it is wrong, by another alert."""
    ends = ends[mask(ends["seconds"] + seconds < view.duration)]
    alerts = said[mask(said["cra"] == "alert")]
    for row in ends.itertuples():
        device, role = f"{int(row.source):016x}", view.roles.get(int(row.source))
        if not mask(said["originator"] == device).any() or role not in (None, "ESME", "GSME"):
            continue
        mine = alerts[mask(alerts["originator"] == device)]
        near = mine[mask(mine["seconds"] >= row.seconds - 5) & mask(mine["seconds"] <= row.seconds + seconds)]
        subject = Subject.device(row.source)
        if near.empty:
            yield broken(subject, f"no alert within {seconds:,.0f} s of the end of the transfer", [row.frame])
        else:
            yield kept(subject, f"alert {int(near['message_code'].iloc[0]):#06x} after the transfer")


@rule(
    "outage-order",
    "Supply was restored before it failed",
    severity="warning",
    source="GBCS v4.0 use-case annex ECS80",
    confidence="text",
    merges=("spec:R166",),
    reads=[
        ALERTS.where(c.message_code == OUTAGE)[OF_SUBJECT],
        *(
            items.where(c.object == name, c.value.known)[c.message, c.value]
            for name in ("outage_start", "outage_end")
        ),
    ],
    smart_energy=True,
    cause="clock",
    unseen="an outage alert (ECS80)",
    advice="The clock of the meter was wrong in between",
)
def outage_order(view: View, rows: Frame, starts: Frame, ends: Frame) -> Iterator[Evidence]:
    """An outage alert names when supply failed and when it came back. A return before the failure means
    that the meter's clock was wrong at one of these times."""
    for name, part in (("outage_start", starts), ("outage_end", ends)):
        rows = rows.merge(part.rename(columns={"value": name}), on="message")
    bad = rows["outage_start"].astype(str) > rows["outage_end"].astype(str)
    yield from judge_messages(view, rows, bad, "from {outage_start} to {outage_end}", "in order")


@rule(
    "alert-recipient",
    "An alert went to another party than a maker's manual has it for",
    severity="info",
    source="Aclara SGM1400 manual (Y20974-TUM B) pages 101 to 104",
    confidence="secondary",
    merges=("spec:R176", "spec:R177"),
    reads=[
        ALERTS.where(c.alert_code.known, c.recipient_role.search("operator|supplier", ignore_case=True))[
            *OF_SUBJECT, c.originator, c.recipient, c.recipient_role, c.alert_code, c.seconds
        ]
    ],
    needs=("devices",),
    cause="message format",
    unseen="alerts of supply, voltage or configurable events, to a party whose role is known",
    advice="Makers and event configurations differ: see whether the party that should act learns of it in another way",
)
def alert_recipient(view: View, rows: Frame) -> Iterator[Evidence]:
    """Alerts of a restored supply (8F35, 8F36) and of voltage (80xx) are for the network operator, those of
    configurable events (81xx) for the supplier: so one maker's manual. Devices may be configured otherwise, and may tell
    both; an alert that went to the right party too has reached it. So this informs, and accuses nobody."""
    code = rows["alert_code"].astype("int64")
    operator = mask(code.isin(RESTORED)) | mask(code // 256 == OF_NETWORK_OPERATORS)
    chosen = operator | mask(code // 256 == CONFIGURABLE)
    wanted = ["network operator" if one else "supplier" for one in operator[chosen]]
    said = rows[chosen].assign(wanted=wanted)
    party_of = said["recipient_role"].astype(str).str.lower().str.replace(r"[^a-z]", "", regex=True)
    right = [has.endswith(want.replace(" ", "")) for has, want in zip(party_of, wanted, strict=True)]
    told = [*zip(said["originator"], said["alert_code"], said["seconds"], strict=True)]
    reached = [one for one, good in zip(told, right, strict=True) if good]
    wrong = [not good and not _also(one, reached) for one, good in zip(told, right, strict=True)]
    text = "alert {alert_code:#06x} went to the {recipient_role} ({recipient}), and not to the {wanted}"
    yield from judge_messages(view, said, wrong, text)


def _also(
    alert: tuple[str, int, float], reached: list[tuple[str, int, float]], within: float = 600.0
) -> bool:
    """Whether the same alert of the same device went to the right party as well."""
    device, code, seconds = alert
    return any(device == d and code == c and abs(seconds - t) <= within for d, c, t in reached)


@rule(
    "alert-flood",
    "A device raises one alert over and over",
    severity="warning",
    source="GBCS v0.8.1 16 (alerts); robust limit on repeats",
    confidence="derived",
    cause="duty cycle",
    unseen="an alert with its code",
    advice="Each goes through the tunnel and over the wide area: find what makes the device repeat it",
    reads=[ALERTS.where(c.alert_code.known)[c.originator, c.alert_code, c.seconds, c.frames]],
    smart_energy=True,
)
def alert_flood(
    view: View, rows: Frame, *, alerts: int = 8, window: float = 600.0, hourly: int = 12, hour: float = 3600.0
) -> Iterator[Evidence]:
    """An alert says that something happened, once. One code many times within minutes, or all the time for an hour, is a
    fault of the device, an event that is provoked again and again, or a flood."""
    for (device, code), part in rows.groupby(["originator", "alert_code"], sort=False):
        times = part["seconds"].to_numpy(dtype=float)
        known = alert_code(int(code))
        name = f'alert 0x{int(code):04x} "{known.name}"' if known else f"alert 0x{int(code):04x}"
        for limit, length in ((alerts, window), (hourly, hour)):
            within = np.searchsorted(times, times + length, side="right") - np.arange(len(times))
            most, at = int(within.max()), int(within.argmax())
            if most >= limit:
                frames = [f for fs in part["frames"].iloc[at : at + most] for f in fs]
                yield broken(party(device), f"{name} {most} times within {length:.0f} s", frames)
                break
        else:
            yield kept(party(device), f"{name} {plural(len(part), 'time')}")
