"""Whether the protection of GBCS messages verifies, and what must not be read by others."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.features.identifiers import message_code
from analysis.features.judging import mask
from analysis.features.view import View
from analysis.findings.model import Evidence
from analysis.rules.compliance.gbcs_messages import TABLES, gbcs, judge_messages, use_cases
from analysis.rules.registry import rules_of

rule = rules_of("compliance", "gbcs verification")

TAP_OFF = [
    message_code("GCS01a", "Set Tariff"),
    *(message_code(name) for name in ("GCS01b", "GCS05", "GCS07", "CS11", "GCS23", "GCS25", "GCS44")),
]


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
    counter, GMAC over header and payload) and differs: a single changed octet does that. Or it fits under the keys of
    others than the two parties that GBCS names for such a message (commands: the access control broker and the
    device): then it proves that one of them made it."""
    rows = gbcs(view)
    rows = rows[mask(rows["mac"].isin(["valid", "invalid"]))]
    why = rows["mac_reason"].astype(object)
    rows = rows.assign(why=(": " + why.astype(str)).where(why.notna(), ""))
    yield from judge_messages(view, rows, rows["mac"] == "invalid", "the MAC is wrong{why}", "verified")


@rule(
    "signer-not-trusted",
    "A message is signed with a certificate that is not to be trusted",
    severity="error",
    source="GBCS 4.x sections 12 and 17; RFC 5280 section 6 (path validation)",
    confidence="derived",
    needs=TABLES,
    cause="gbcs protection",
    smart_energy=True,
    unseen="a signed message whose signer's certificate can be judged (keys.toml, [gbcs]: certificates, roots, crls)",
    advice="See the reason: who issued the certificate, when it was valid, and whether its role may send this",
)
def signer_not_trusted(view: View) -> Iterator[Evidence]:
    """The signature verifies, and the certificate behind it is at fault: no chain to a root that was given, expired or
    not yet valid at the time of the message, of a role that may not send this use case, of another key usage, or
    revoked. A device must refuse such a message."""
    rows = gbcs(view)
    rows = rows[mask(rows["signature"] == "valid") & mask(rows["trust"].isin(["trusted", "untrusted"]))]
    text = "the signature verifies, its certificate is not to be trusted: {trust_reason}"
    yield from judge_messages(
        view, rows, rows["trust"] == "untrusted", text, "signed by a trusted certificate"
    )


@rule(
    "signature-altered",
    "A message came with two forms of one signature",
    severity="warning",
    source="FIPS 186-4 section 6.4: (r, s) and (r, n - s) both verify",
    confidence="text",
    needs=TABLES,
    cause="gbcs protection",
    smart_energy=True,
    unseen="a signed message",
    advice="The content is the signer's; look for what stands between signer and receiver, and takes part in messages",
)
def signature_altered(view: View) -> Iterator[Evidence]:
    """Two messages are equal but for the second half of their signature, which is s in one and n - s in the other.
    A signer does not sign twice with the same random number: somebody changed one of them, which needs no key."""
    rows = gbcs(view)
    rows = rows[~mask(rows["signature"] == "absent")]
    text = "its signature is that of message {signature_twin} with n - s in place of s"
    yield from judge_messages(view, rows, rows["signature_twin"].notna(), text, "with signatures of one form")


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
    rows = rows[mask(rows["message_code"].isin(TAP_OFF))]
    hidden = rows["decrypted"].isin(["all", "some", "no_key", "bad_tag"])
    yield from judge_messages(view, rows, hidden, "with encrypted parts", "in clear")
