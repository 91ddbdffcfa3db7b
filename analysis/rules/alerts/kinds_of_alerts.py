"""What the code of an alert says."""

from typing import Any

from analysis.rules.declare import EachMessage, c, declare, messages

ALERTS = messages.where(c.cra == "alert", c.alert_code.known)
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
    source="Aclara SGM1400 manual page 101",
    advice="Makers differ: see the manual of the device",
    severity="info", confidence="secondary", cause="message format", covers=("spec:R175", "rules:G37"),
    judge=EachMessage(
        ALERTS,
        c.alert_code.isin(
            "Clock adjusted (within tolerance)", "Change in the executing Firmware version",
            "Credit would cause Meter Balance to exceed Maximum Meter Balance Threshold", "Device joining failed",
            "Device joining succeeded", "Device Unjoining failed", "Device Unjoining succeeded",
            "Device's own Digital Signing Certificate replacement failed",
            "Device's own Digital Signing Certificate replacement succeeded",
        ),
        "alert {alert_code:#06x}", "of codes that travel",
    ),
    broken_by="planted: an alert that is for logs only", kept_by="ordinary-day --fault gbcs-tamper --seconds 1500",
    **SHARED,
)  # fmt: skip

declare(
    id="security-alert",
    title="A device raises a security alert",
    finds="Alerts of failed integrity or authentication, missing authority, unauthorised communication, or tampering.",
    matters="""The device itself says that something touched its security. The cause is usually a message a moment
    before.""",
    example="message 2 (GCA-DLMS alert): alert 0x8f3d",
    source="alert list; Aclara SGM1400 manual page 101",
    advice="Look for the message that made it: wrong MAC or signature, no authority, or tampering",
    severity="warning", confidence="derived", cause="gbcs protection",
    covers=("rules:G36", "rules:C05", "spec:R174", "attacks:A32"),
    judge=EachMessage(
        ALERTS,
        c.alert_code.isin(
            "Integrity check of content or format of command failed", "Source Does not have Authority for Command",
            "Trusted Source Authentication Failure", "Unauthorised Communication Access attempted",
            "Unauthorised Physical Access - Tamper Detect",
        ),
        "alert {alert_code:#06x}", "of other kinds",
    ),
    broken_by="ordinary-day --fault gbcs-tamper --seconds 1500", kept_by="proving-exercise", **SHARED,
)  # fmt: skip
