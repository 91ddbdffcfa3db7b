"""Signature, MAC and encryption of GBCS messages: which use case has which, and whether they verify."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.compliance.gbcs_messages import gbcs, judge_messages, use_cases
from analysis.findings import Evidence, rule
from analysis.judging import mask
from analysis.view import Frame, View

TABLES = ("messages",)
CATEGORIES = "GBCS use-case mapping table (npm @smartdcc/duis-templates 0.7.0); GBCS v0.8.1 13.3.3.1"
SIGNED_ONLY_MODES = r"\((?:anyByContingency|anyExceptAbnormalRootByRecovery)"
MAC_ONLY_MODE = r"\(accessControlBrokerByACB"


def _category(rows: Frame) -> Frame:
    return (
        rows["message_code"]
        .map(lambda c: use_cases().get(int(c), {}).get("message_category", ""))
        .astype(str)
    )


def _observed(rows: Frame, cra: str) -> Frame:
    column = f"{cra}_protection_observed"
    return rows["message_code"].map(lambda c: use_cases().get(int(c), {}).get(column, "")).astype(str)


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
    rows = rows[mask(_category(rows) == "SME.C.C")]
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
    rows = rows[mask(_category(rows) == "SME.C.C")]
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
    rows = rows[mask(_category(rows).str.startswith(("SME.C.NC", "SME.C.PPMID")))]
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
    """Non-critical commands have an empty signature field."""
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
    rows = rows[mask(_observed(rows, "response") == "signed")]
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
    rows = rows[mask(_observed(rows, "response") == "unsigned+mac")]
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
    rows = rows[mask(_category(rows) == "SME.A.C") | mask(_observed(rows, "alert") == "signed")]
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
    rows = rows[mask(_category(rows) == "SME.A.NC") | mask(_observed(rows, "alert") == "unsigned+mac")]
    yield from judge_messages(view, rows, rows["mac"] == "absent", "{use_case} without MAC", "with MAC")


@rule(
    "signature-invalid",
    "A signature does not verify",
    severity="critical",
    source="GBCS v0.8.1 4.3 (page 27): ECDSA P-256 with SHA-256, plain format",
    confidence="text",
    merges=("rules:G17", "rules:G11", "attacks:A32", "spec:R001", "spec:R003", "disapplied:76"),
    needs=TABLES,
    cause="gbcs protection",
    smart_energy=True,
    unseen="a signed message and the certificate of its originator (keys.toml, [gbcs] certificates)",
    advice="Check that the certificate is the right one; if it is, the message was changed or forged",
)
def signature_invalid(view: View) -> Iterator[Evidence]:
    """The signature was checked with the originator's certificate and is wrong: other content, other
    signer, or the wrong certificate was given."""
    rows = gbcs(view)
    rows = rows[mask(rows["signature"].isin(["valid", "invalid"]))]
    yield from judge_messages(
        view, rows, rows["signature"] == "invalid", "the signature is wrong", "verified"
    )


@rule(
    "mac-invalid",
    "A message authentication code does not verify",
    severity="critical",
    source="GBCS v0.8.1 4.3.3 (pages 27 to 31): static unified model, SHA-256 KDF, GMAC of 96 bits",
    confidence="text",
    merges=(
        "rules:G10", "rules:G14", "rules:G16", "attacks:A32", "spec:R002", "spec:R004", "spec:R007",
        "spec:R008",
        "spec:R009", "spec:R010", "spec:R011", "spec:R012", "disapplied:67", "disapplied:68", "disapplied:70",
        "disapplied:71",
    ),
    needs=TABLES,
    cause="gbcs protection",
    smart_energy=True,
    unseen="a message with MAC and the key agreement keys of both parties (keys.toml, [gbcs])",
    advice="Check the certificates of both sides; if they are right, the message was changed or forged",
)  # fmt: skip
def mac_invalid(view: View) -> Iterator[Evidence]:
    """The MAC was recomputed as GBCS says (key agreement, derivation from the header's identifiers and
    counter, GMAC over header and payload) and differs. A single changed octet does that."""
    rows = gbcs(view)
    rows = rows[mask(rows["mac"].isin(["valid", "invalid"]))]
    yield from judge_messages(view, rows, rows["mac"] == "invalid", "the MAC is wrong", "verified")


@rule(
    "decryption-fails",
    "An encrypted part does not decrypt",
    severity="error",
    source="GBCS v0.8.1 8.1 (page 90)",
    confidence="text",
    merges=("spec:R038",),
    needs=TABLES,
    cause="gbcs protection",
    smart_energy=True,
    unseen="a message with encrypted parts and the keys for them",
    advice="Check the keys; if they are right, the part was changed",
)
def decryption_fails(view: View) -> Iterator[Evidence]:
    """The authentication tag of an encrypted part is wrong under the keys that were given."""
    rows = gbcs(view)
    rows = rows[mask(rows["decrypted"].isin(["all", "some", "bad_tag"]))]
    yield from judge_messages(view, rows, rows["decrypted"] == "bad_tag", "wrong tag", "decrypted")


@rule(
    "sensitive-data-in-clear",
    "Sensitive data is not encrypted",
    severity="error",
    source="GBCS v0.8.1 8.1 (page 90); templates of the use-case annex of GBCS 4.0",
    confidence="text",
    merges=("spec:R033", "spec:R034", "spec:R035", "spec:R036", "spec:R037", "disapplied:84"),
    needs=("messages", "items"),
    cause="gbcs protection",
    smart_energy=True,
    unseen="a successful response or alert of a use case that carries consumption, debt or billing data",
    advice="The device must encrypt it: note firmware version and use case",
)
def sensitive_data_in_clear(view: View) -> Iterator[Evidence]:
    """Consumption, debt and billing data leave the device encrypted, so that no party on the way can read
    them. Judged are responses and alerts with data in use cases that carry such data."""
    rows = gbcs(view)
    rows = rows[mask(rows["cra"].isin(["response", "alert"])) & ~mask(rows["outcome"] == "failure")]
    codes = [c for c, row in use_cases().items() if row.get("sensitive_content") == "yes"]
    rows = rows[mask(rows["message_code"].isin(codes))]
    items = view.tables["items"]
    filled = items[mask(items["number"].notna())]
    rows = rows[mask(rows["message"].isin(filled["message"])) | ~mask(rows["decrypted"] == "none")]
    yield from judge_messages(view, rows, rows["decrypted"] == "none", "data in clear", "encrypted")


@rule(
    "tap-off-encrypted",
    "A tap-off message holds encrypted data",
    severity="error",
    source="GBCS v0.8.1 10.3.4.1 (page 111)",
    confidence="text",
    merges=("rules:G26", "spec:R057", "spec:R055"),
    needs=TABLES,
    cause="message format",
    smart_energy=True,
    unseen="a message of one of the eight tap-off codes",
    advice="The gas proxy cannot read it: look at the sender's software",
)
def tap_off_encrypted(view: View) -> Iterator[Evidence]:
    """The gas proxy reads eight kinds of command on their way to the gas meter, and their responses. They
    hold nothing encrypted."""
    rows = gbcs(view)
    rows = rows[mask(rows["message_code"].isin([0x6B, 0x6F, 0x71, 0x15, 0x7C, 0x7E, 0x88, 0xA3]))]
    hidden = rows["decrypted"].isin(["all", "some", "no_key", "bad_tag"])
    yield from judge_messages(view, rows, hidden, "with encrypted parts", "in clear")
