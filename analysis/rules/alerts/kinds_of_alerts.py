"""Alerts that should not have been sent."""

from typing import Any

from analysis.rules.declare import EachMessage, c, declare, messages
from dissectors.gbcs import alert_codes

ALERTS = messages.where(c.cra == "alert", c.alert_code.known)
LOG_ONLY = [one.code for one in alert_codes().values() if one.critical == "log only"]
SHARED: dict[str, Any] = {
    "family": "compliance",
    "area": "alerts",
    "smart_energy": True,
    "requires": "an alert with its code",
}

declare(
    id="log-only-alert",
    title="An alert of a code that is for logs only",
    finds="Alerts of events that are only written to the device's log and are not sent to anybody.",
    matters="A device that sends them costs air time and alarms a party that cannot act on it.",
    example="message 12 (GCA-DLMS alert): alert 0x8f47",
    source="Aclara SGM1400 manual page 101; dissectors/gbcs/tables/alert_codes.csv",
    advice="Makers differ: see the manual of the device",
    severity="info", confidence="secondary", cause="message format", covers=("spec:R175", "rules:G37"),
    judge=EachMessage(
        ALERTS,
        c.alert_code.isin(*LOG_ONLY),
        "alert {alert_code:#06x}", "of codes that travel",
    ),
    broken_by="planted: an alert that is for logs only", kept_by="ordinary-day --fault gbcs-tamper --seconds 1500",
    **SHARED,
)  # fmt: skip
