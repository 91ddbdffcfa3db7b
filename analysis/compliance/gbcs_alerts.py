"""Alerts: which must follow which event, in which order, and which codes may travel."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from analysis.compliance.gbcs_messages import gbcs, judge_messages, party
from analysis.findings import Evidence, broken, kept, rule
from analysis.judging import mask, plural
from analysis.view import View

SHOWN: dict[str, Any] = {"needs": ("messages",), "smart_energy": True}
LOG_ONLY = [0x8145, 0x8F43, 0x8F47, 0x8F48, 0x8F49, 0x8F4A, 0x8F4B, 0x8F4C, 0x8F4D]
SECURITY = [0x8F1E, 0x8F30, 0x8F3D, 0x8F3E, 0x8F3F]


@rule(
    "device-log-alert",
    "The device log changed without its alert",
    severity="warning",
    source="GBCS v4.0 use-case annex CS14",
    confidence="text",
    merges=("rules:N06", "spec:R126", "spec:R131", "disapplied:8", "disapplied:88", "rules:N05"),
    cause="join attack",
    unseen="a successful CCS01 or CCS02 response",
    advice="The hub must report every change with message 0x0018, alert 0x8F12",
    **SHOWN,
)
def device_log_alert(view: View, *, seconds: float = 300.0) -> Iterator[Evidence]:
    """Adding or removing a device is reported to the access control broker by alert 0x8F12."""
    rows = gbcs(view, "response")
    rows = rows[mask(rows["message_code"].isin([1, 2])) & mask(rows["outcome"] == "success")]
    rows = rows[mask(rows["seconds"].notna()) & mask(rows["seconds"] + seconds < view.duration)]
    alerts = gbcs(view, "alert")
    told = alerts.loc[mask(alerts["message_code"] == 0x0018), "seconds"].to_numpy(dtype=float)
    missing = [not ((told >= s - 5) & (told <= s + seconds)).any() for s in rows["seconds"]]
    yield from judge_messages(
        view, rows, missing, f"no alert 0x8F12 within {seconds:.0f} s", "followed by their alert"
    )


@rule(
    "log-only-alert",
    "An alert of a code that is for logs only",
    severity="info",
    source="Aclara SGM1400 manual page 101",
    confidence="secondary",
    merges=("spec:R175", "rules:G37"),
    cause="message format",
    unseen="an alert with its code",
    advice="Makers differ: see the manual of the device",
    **SHOWN,
)
def log_only_alert(view: View) -> Iterator[Evidence]:
    """Some events are written to a log and not sent."""
    rows = gbcs(view, "alert")
    rows = rows[mask(rows["alert_code"].notna())]
    yield from judge_messages(
        view, rows, mask(rows["alert_code"].isin(LOG_ONLY)), "alert {alert_code:#06x}", "of codes that travel"
    )


@rule(
    "security-alert",
    "A device raises a security alert",
    severity="warning",
    source="alert list; Aclara SGM1400 manual page 101",
    confidence="derived",
    merges=("rules:G36", "rules:C05", "spec:R174", "attacks:A32"),
    cause="gbcs protection",
    unseen="an alert with its code",
    advice="Look for the message that made it: wrong MAC or signature, no authority, or tampering",
    **SHOWN,
)
def security_alert(view: View) -> Iterator[Evidence]:
    """Failed integrity, missing authority, failed authentication, unauthorised communication, tampering."""
    rows = gbcs(view, "alert")
    rows = rows[mask(rows["alert_code"].notna())]
    yield from judge_messages(
        view, rows, mask(rows["alert_code"].isin(SECURITY)), "alert {alert_code:#06x}", "of other kinds"
    )


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
    **SHOWN,
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
                party(view, row.recipient),
                f"message {row.message} fails its checks, yet succeeds",
                row.frames,
            )
        else:
            yield kept(party(view, row.recipient), f"message {row.message} was not carried out")


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
    **SHOWN,
)
def duty_cycle_alert_order(view: View) -> Iterator[Evidence]:
    """Limited, critical and regulated states begin (0x8F20, 22, 24) and end (21, 23, 25)."""
    rows = gbcs(view, "alert")
    rows = rows[mask(rows["alert_code"].isin(range(0x8F20, 0x8F26)))]
    for hub, part in rows.groupby("originator", sort=False):
        odd = []
        running: set[int] = set()
        for number, code in enumerate(part["alert_code"].astype(int)):
            state = (code - 0x8F20) // 2
            if code % 2 and state not in running and number:
                odd.append(number)
            running = running - {state} if code % 2 else running | {state}
        if odd:
            frames = [f for n in odd for f in part["frames"].iloc[n]]
            yield broken(party(view, hub), f"{plural(len(odd), 'end')} without a beginning", frames)
        else:
            yield kept(party(view, hub), f"{plural(len(part), 'alert')} in order")


@rule(
    "firmware-alerts",
    "A firmware activation without its result",
    severity="info",
    source="GBCS v0.8.1 11.5 (page 140)",
    confidence="text",
    merges=("spec:R098", "spec:R099", "spec:R100", "rules:O04", "rules:O05", "spec:R097", "rules:G33"),
    cause="ota",
    unseen="a CS06 command and what follows",
    advice="A future-dated activation reports later (0x00CA); otherwise the response says what happened",
    **SHOWN,
)
def firmware_alerts(view: View) -> Iterator[Evidence]:
    """An activation answers at once: with its outcome, or without one when it is dated for later."""
    commands = gbcs(view, "command")
    rows = commands[mask(commands["message_code"] == 0x0012)]
    answers = gbcs(view, "response")
    known = set(answers["answers"].dropna().astype(int))
    missing = [int(m) not in known for m in rows["message"]]
    yield from judge_messages(view, rows, missing, "no response was seen", "answered")


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
    """The alert repeats the originator counter of the command that it reports on."""
    commands = gbcs(view, "command")
    counters = commands.loc[mask(commands["message_code"] == 0x0012), "originator_counter"].dropna()
    known = {float(c) for c in counters}  # items hold numbers as floats, which cut a counter beyond 2**53
    alerts = gbcs(view, "alert")
    alerts = alerts[mask(alerts["message_code"] == 0x00CA)]
    items = view.tables["items"]
    named = items[
        mask(items["object"] == "activation_alert.originator_counter") & mask(items["number"].notna())
    ]
    pairs = alerts.merge(named[["message", "number"]].rename(columns={"number": "named"}), on="message")
    if known:
        yield from judge_messages(
            view, pairs, [n not in known for n in pairs["named"]], "counter {named:.0f} was not seen"
        )


@rule(
    "outage-order",
    "Supply was restored before it failed",
    severity="warning",
    source="GBCS v4.0 use-case annex ECS80",
    confidence="text",
    merges=("spec:R166",),
    needs=("messages", "items"),
    smart_energy=True,
    cause="clock",
    unseen="an outage alert (ECS80)",
    advice="The clock of the meter was wrong in between",
)
def outage_order(view: View) -> Iterator[Evidence]:
    """An outage alert names when supply failed and when it came back."""
    rows = gbcs(view, "alert")
    rows = rows[mask(rows["message_code"] == 0x0067)]
    items = view.tables["items"]
    for name in ("outage_start", "outage_end"):
        part = items[mask(items["object"] == name)][["message", "value"]].rename(columns={"value": name})
        rows = rows.merge(part, on="message")
    rows = rows[mask(rows["outage_start"].notna()) & mask(rows["outage_end"].notna())]
    bad = rows["outage_start"].astype(str) > rows["outage_end"].astype(str)
    yield from judge_messages(view, rows, bad, "from {outage_start} to {outage_end}", "in order")


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
    """Only some use cases may carry a date for later."""
    from analysis.compliance.gbcs_messages import use_cases

    rows = gbcs(view, "command")
    items = view.tables["items"]
    dated = items[
        mask(
            items["object"].astype(str).str.contains("activation_time|activate_passive.*time|execution_time")
        )
    ]
    value = dated["value"].astype(str)
    later = dated[mask(value.str.match(r"20\d\d")) & ~mask(value.str.startswith("9999"))]
    rows = rows[mask(rows["message"].isin(later["message"]))]
    allowed = rows["message_code"].map(lambda c: use_cases().get(int(c), {}).get("future_dated", ""))
    yield from judge_messages(
        view,
        rows,
        mask(allowed == "No") & ~mask(rows["message_code"] == 0x12),
        "{use_case} for later",
        "that may wait",
    )


@rule(
    "restored-network",
    "A hub took over a network",
    severity="info",
    source="GBCS v4.0 use-case annex CCS02, CCS03",
    confidence="text",
    merges=("rules:N07", "spec:R129", "spec:R130", "disapplied:7"),
    cause="network change",
    unseen="a CCS03 command",
    advice="Each device must rejoin through the trust centre and establish its key again",
    **SHOWN,
)
def restored_network(view: View) -> Iterator[Evidence]:
    """CCS03 gives a new hub the identity and device log of the old one."""
    rows = gbcs(view, "command")
    yield from judge_messages(
        view, rows, mask(rows["message_code"] == 3), "the device log was restored", "of other kinds"
    )


@rule(
    "join-window",
    "A device joins outside a joining window",
    severity="warning",
    source="GBCS v4.0 use-case annex CCS01",
    confidence="text",
    merges=("rules:N04", "rules:N05", "spec:R125", "spec:R127", "spec:R128", "disapplied:6", "attacks:A05"),
    needs=("messages", "items", "packets"),
    smart_energy=True,
    cause="join attack",
    unseen="a readable CCS01 command and an association",
    advice="The window was opened by nobody that the capture shows: see who permits joining",
)
def join_window(view: View) -> Iterator[Evidence]:
    """Joining is opened by CCS01 for join_timeout seconds. An association answered at another time had no
    permission that the capture shows."""
    items, commands = view.tables["items"], gbcs(view, "command")
    opened = commands[mask(commands["message_code"] == 1) & mask(commands["seconds"].notna())]
    timeout = items[mask(items["object"].astype(str).str.endswith("join_timeout"))][["message", "number"]]
    windows = opened.merge(timeout, on="message")
    if windows.empty:
        return
    packets = view.good
    answers = packets[mask(packets["mac_command"] == 0x02)]
    spans = [
        (float(s), float(s) + float(n)) for s, n in zip(windows["seconds"], windows["number"], strict=True)
    ]
    for row in answers.itertuples():
        inside = any(a <= row.seconds <= b for a, b in spans)
        if inside:
            yield kept(view.label(row.mac_dst), f"joined within a window at frame {row.frame}")
        elif row.seconds > spans[0][0]:
            yield broken(
                view.label(row.mac_dst), f"was associated at frame {row.frame}, outside a window", [row.frame]
            )


@rule(
    "join-not-listed",
    "A device got a key that was never added to the device log",
    severity="warning",
    source="GBCS v4.0 use-case annex CCS01; GBCS v0.8.1 page 195",
    confidence="text",
    merges=("rules:N05", "attacks:A04", "spec:R088"),
    needs=("messages", "items", "packets"),
    smart_energy=True,
    cause="join attack",
    unseen="a readable CCS01 command and a Transport-Key to a device",
    advice="Only devices of the log may join: see how this one came in",
)
def join_not_listed(view: View) -> Iterator[Evidence]:
    """The hub lets only devices join that CCS01 added to its log."""
    items = view.tables["items"]
    named = items[
        mask(
            items["object"]
            .astype(str)
            .str.endswith(("register_device: ieee_address", "mac_address", "MAC_address"))
        )
    ]
    listed = {str(v).lower() for v in named["value"].dropna()}
    if not listed:
        return
    packets = view.good
    keys = packets[
        mask(packets["aps_command"] == 0x05)
        & mask(packets["target"].notna())
        & mask(packets["target"] >= 1 << 32)
    ]
    for target, part in keys.groupby(keys["target"].astype("UInt64"), sort=False):
        if f"{int(target):016x}" in listed:
            yield kept(view.label(target), "is in the device log")
        else:
            yield broken(
                view.label(target),
                f"got a key at frame {int(part['frame'].iloc[0])}, never listed",
                part["frame"],
            )
