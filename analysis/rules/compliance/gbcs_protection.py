"""Message protection per use case: which messages carry a signature, which a MAC."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from analysis.features.judging import mask
from analysis.features.view import Frame, View
from analysis.findings.model import Evidence
from analysis.rules.compliance.gbcs_messages import TABLES, gbcs, judge_messages, use_cases
from analysis.rules.registry import rules_of
from dissectors.gbcs import mac_demanded, signature_demanded

rule = rules_of("compliance", "gbcs protection")

CATEGORIES = "GBCS use-case mapping table (npm @smartdcc/duis-templates 0.7.0); GBCS v0.8.1 13.3.3.1"
SIGNED_ONLY_MODES = r"\((?:anyByContingency|anyExceptAbnormalRootByRecovery)"
MAC_ONLY_MODE = r"\(accessControlBrokerByACB"


def _category(rows: Frame) -> Frame:
    return (
        rows["message_code"]
        .map(lambda c: use_cases().get(int(c), {}).get("message_category", ""))
        .astype(str)
    )


def _demanding(rows: Frame, cra: int, *, signature: bool | None = None, mac: bool | None = None) -> Frame:
    """Messages whose use case demands a signature (or none) and a MAC (or none), as far as the tables say."""
    codes = [int(code) for code in rows["message_code"]]
    fits = [
        signature in (None, signature_demanded(code, cra)) and mac in (None, mac_demanded(code, cra))
        for code in codes
    ]
    return rows[np.array(fits, np.bool_)]


def _names(rows: Frame) -> Frame:
    texts = [rows[column].astype(object).fillna("").astype(str) for column in ("name", "summary")]
    return texts[0] + " " + texts[1]


@rule(
    "critical-command-unsigned",
    "A critical command without signature",
    severity="critical",
    source=CATEGORIES,
    confidence="derived",
    merges=("rules:G12", "rules:T03", "spec:R096", "spec:R110", "spec:R138", "spec:R003"),
    needs=TABLES,
    cause="gbcs protection",
    smart_energy=True,
    unseen="a critical command (message category SME.C.C)",
    advice="The device must refuse it: see its answer, and who sent it",
)
def critical_command_unsigned(view: View) -> Iterator[Evidence]:
    """Commands that can hurt (supply, credentials, clock, firmware) carry the signature of the party that
    gives them, and the MAC of the access control broker. Without signature anybody with the broker's key
    could have made it."""
    rows = gbcs(view, "command")
    rows = _demanding(rows, 1, signature=True)
    rows = rows[~mask(_names(rows).str.contains(MAC_ONLY_MODE))]
    yield from judge_messages(
        view, rows, rows["signature"] == "absent", "{use_case} without signature", "signed"
    )


@rule(
    "critical-command-without-mac",
    "A critical command without MAC",
    severity="error",
    source=CATEGORIES,
    confidence="derived",
    merges=("rules:G12", "spec:R108", "spec:R110"),
    needs=TABLES,
    cause="gbcs protection",
    smart_energy=True,
    unseen="a critical command (message category SME.C.C)",
    advice="It did not pass the access control broker: see how it came to the device",
)
def critical_command_without_mac(view: View) -> Iterator[Evidence]:
    """Every command that comes from a remote party passes the access control broker, which adds its MAC. Only
    credential updates by contingency or by recovery are signed without MAC."""
    rows = gbcs(view, "command")
    rows = _demanding(rows, 1, signature=True, mac=True)
    rows = rows[~mask(_names(rows).str.contains(SIGNED_ONLY_MODES))]
    yield from judge_messages(view, rows, rows["mac"] == "absent", "{use_case} without MAC", "with MAC")


@rule(
    "non-critical-command-without-mac",
    "A non-critical command without MAC",
    severity="error",
    source=CATEGORIES,
    confidence="derived",
    merges=("rules:G13", "spec:R109", "spec:R138"),
    needs=TABLES,
    cause="gbcs protection",
    smart_energy=True,
    unseen="a non-critical command (message category SME.C.NC)",
    advice="The device must refuse it: see its answer, and who sent it",
)
def non_critical_command_without_mac(view: View) -> Iterator[Evidence]:
    """Non-critical commands carry the MAC of the party that sends them: nothing else protects them."""
    rows = gbcs(view, "command")
    rows = _demanding(rows, 1, signature=False, mac=True)
    yield from judge_messages(view, rows, rows["mac"] == "absent", "{use_case} without MAC", "with MAC")


@rule(
    "non-critical-command-signed",
    "A non-critical command with a signature",
    severity="warning",
    source=CATEGORIES,
    confidence="derived",
    merges=("rules:G13",),
    needs=TABLES,
    cause="gbcs protection",
    smart_energy=True,
    unseen="a non-critical command (message category SME.C.NC)",
    advice="Look at the sender's software: the signature length must be 0",
)
def non_critical_command_signed(view: View) -> Iterator[Evidence]:
    """Non-critical commands are protected by a MAC alone; the length of their signature is 0. A signature
    there means that the sender took the use case for a critical one."""
    rows = gbcs(view, "command")
    rows = rows[mask(_category(rows).str.startswith("SME.C.NC"))]
    signed = mask(rows["signature"].isin(["valid", "invalid", "no_key"]))
    yield from judge_messages(view, rows, signed, "{use_case} with a signature", "unsigned")


@rule(
    "critical-response-unsigned",
    "A critical response without signature",
    severity="error",
    source=CATEGORIES + "; protection seen in 794 RTDS messages",
    confidence="derived",
    merges=("rules:G12", "spec:R138"),
    needs=TABLES,
    cause="gbcs protection",
    smart_energy=True,
    unseen="a response to a critical command",
    advice="The sender is not the device, or its software is at fault: check its certificates",
)
def critical_response_unsigned(view: View) -> Iterator[Evidence]:
    """The device signs its response to a critical command itself, so that every party can check it."""
    rows = gbcs(view, "response")
    rows = _demanding(rows, 2, signature=True)
    yield from judge_messages(
        view, rows, rows["signature"] == "absent", "{use_case} without signature", "signed"
    )


@rule(
    "non-critical-response-without-mac",
    "A response without MAC",
    severity="error",
    source="GBCS v0.8.1 6.4.5 (page 54)",
    confidence="text",
    merges=("rules:G14", "spec:R012", "spec:R138"),
    needs=TABLES,
    cause="gbcs protection",
    smart_energy=True,
    unseen="a response to a non-critical command",
    advice="The sender is not the device, or its software is at fault",
)
def non_critical_response_without_mac(view: View) -> Iterator[Evidence]:
    """The response to a non-critical command carries a MAC under the key that device and remote party
    share."""
    rows = gbcs(view, "response")
    rows = _demanding(rows, 2, mac=True)
    yield from judge_messages(view, rows, rows["mac"] == "absent", "{use_case} without MAC", "with MAC")


@rule(
    "critical-alert-unsigned",
    "A critical alert without signature",
    severity="error",
    source=CATEGORIES,
    confidence="derived",
    merges=("rules:G15", "spec:R139", "rules:G37"),
    needs=TABLES,
    cause="gbcs protection",
    smart_energy=True,
    unseen="a critical alert (SME.A.C)",
    advice="Do not trust it: anybody in the tunnel could have made it",
)
def critical_alert_unsigned(view: View) -> Iterator[Evidence]:
    """Critical alerts (billing data, outage, load control, certificate change) are signed by the device."""
    rows = gbcs(view, "alert")
    rows = _demanding(rows, 3, signature=True)
    yield from judge_messages(
        view, rows, rows["signature"] == "absent", "{use_case} without signature", "signed"
    )


@rule(
    "non-critical-alert-without-mac",
    "A non-critical alert without MAC",
    severity="error",
    source=CATEGORIES,
    confidence="derived",
    merges=("rules:G15", "spec:R140"),
    needs=TABLES,
    cause="gbcs protection",
    smart_energy=True,
    unseen="a non-critical alert (SME.A.NC)",
    advice="Do not trust it: anybody in the tunnel could have made it",
)
def non_critical_alert_without_mac(view: View) -> Iterator[Evidence]:
    """Non-critical alerts (device log, low power, sub-GHz) carry a MAC for the party that gets them."""
    rows = gbcs(view, "alert")
    rows = _demanding(rows, 3, mac=True)
    yield from judge_messages(view, rows, rows["mac"] == "absent", "{use_case} without MAC", "with MAC")
