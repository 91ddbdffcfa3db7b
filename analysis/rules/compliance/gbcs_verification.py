"""Whether the protection of GBCS messages verifies, and what must not be read by others."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from analysis.features.identifiers import message_code
from analysis.features.judging import mask
from analysis.rules.compliance.gbcs_messages import OF_SUBJECT, judge_messages, use_cases
from analysis.rules.declare import EachMessage, Evidence, Frame, View, c, declare, items, messages
from analysis.rules.registry import rules_of

AREA = "gbcs verification"
rule = rules_of("compliance", AREA)
declared = partial(declare, family="compliance", area=AREA, smart_energy=True)

TAP_OFF = (
    message_code("GCS01a", "Set Tariff"),
    *(message_code(name) for name in ("GCS01b", "GCS05", "GCS07", "CS11", "GCS23", "GCS25", "GCS44")),
)
SENSITIVE = tuple(code for code, row in use_cases().items() if row.get("sensitive_content") == "yes")

declared(
    id="signature-invalid",
    title="A signature does not verify",
    finds="The signature was checked with the originator's certificate and is wrong:",
    matters="other content, other signer, or the wrong certificate was given.",
    example="message 20 (ECS52 command): the signature is wrong",
    severity="critical", confidence="text", cause="gbcs protection",
    source="GBCS v0.8.1 4.3 (page 27): ECDSA P-256 with SHA-256, plain format",
    covers=("rules:G17", "rules:G11", "attacks:A32", "spec:R001", "spec:R003", "disapplied:76"),
    requires="a signed message and the certificate of its originator (keys.toml, [gbcs] certificates)",
    advice="Check that the certificate is the right one; if it is, the message was changed or forged",
    broken_by="planted: a signature by the wrong party", kept_by="proving-exercise",
    judge=EachMessage(
        messages.where(c.signature.isin("valid", "invalid")), c.signature == "invalid",
        says="the signature is wrong", good="verified",
    ),
)  # fmt: skip


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
    reads=[messages.where(c.mac.isin("valid", "invalid"))[*OF_SUBJECT, c.mac, c.mac_reason]],
    cause="gbcs protection",
    smart_energy=True,
    unseen="a message with MAC and the key agreement keys of both parties (keys.toml, [gbcs])",
    advice="Check the certificates of both sides; if they are right, the message was changed or forged",
)  # fmt: skip
def mac_invalid(view: View, rows: Frame) -> Iterator[Evidence]:
    """The MAC was recomputed as GBCS says (key agreement, derivation from the header's identifiers and
    counter, GMAC over header and payload) and differs: a single changed octet does that. Or it fits under the keys of
    others than the two parties that GBCS names for such a message (commands: the access control broker and the
    device): then it proves that one of them made it."""
    why = rows["mac_reason"].astype(object)
    rows = rows.assign(why=(": " + why.astype(str)).where(why.notna(), ""))
    yield from judge_messages(view, rows, rows["mac"] == "invalid", "the MAC is wrong{why}", "verified")


@rule(
    "signer-not-trusted",
    "A message is signed with a certificate that is not to be trusted",
    severity="error",
    source="GBCS 4.x sections 12 and 17; RFC 5280 section 6 (path validation)",
    confidence="derived",
    reads=[
        messages.where(c.signature == "valid", c.trust.isin("trusted", "untrusted"))[
            *OF_SUBJECT, c.trust, c.trust_reason
        ]
    ],
    cause="gbcs protection",
    smart_energy=True,
    unseen="a signed message whose signer's certificate can be judged (keys.toml, [gbcs]: certificates, roots, crls)",
    advice="See the reason: who issued the certificate, when it was valid, and whether its role may send this",
)  # fmt: skip
def signer_not_trusted(view: View, rows: Frame) -> Iterator[Evidence]:
    """The signature verifies, and the certificate behind it is at fault: no chain to a root that was given, expired or
    not yet valid at the time of the message, of a role that may not send this use case, of another key usage, or
    revoked. A device must refuse such a message."""
    text = "the signature verifies, its certificate is not to be trusted: {trust_reason}"
    yield from judge_messages(
        view, rows, rows["trust"] == "untrusted", text, "signed by a trusted certificate"
    )


declared(
    id="signature-altered",
    title="A message came with two forms of one signature",
    finds="""Two messages are equal but for the second half of their signature, which is s in one and n - s in the other.
    A signer does not sign twice with the same random number:""",
    matters="somebody changed one of them, which needs no key.",
    example="message 9 (CS06 command): its signature is that of message 4 with n - s in place of s",
    severity="warning", confidence="text", cause="gbcs protection",
    source="FIPS 186-4 section 6.4: (r, s) and (r, n - s) both verify",
    requires="a signed message",
    advice="The content is the signer's; look for what stands between signer and receiver, and takes part in messages",
    broken_by="planted: a signature in its other form", kept_by="proving-exercise",
    judge=EachMessage(
        messages.where(~(c.signature == "absent")), c.signature_twin.known,
        says="its signature is that of message {signature_twin} with n - s in place of s",
        good="with signatures of one form",
    ),
)  # fmt: skip

declared(
    id="decryption-fails",
    title="An encrypted part does not decrypt",
    finds="The authentication tag of an encrypted part is wrong under the keys that were given.",
    matters="What the part says cannot be read, and if the keys are right it is not what its sender wrote.",
    example="message 31 (ECS20a response): wrong tag",
    severity="error", confidence="text", cause="gbcs protection",
    source="GBCS v0.8.1 8.1 (page 90)",
    covers=("spec:R038",),
    requires="a message with encrypted parts and the keys for them",
    advice="Check the keys; if they are right, the part was changed",
    broken_by="planted: a part that is encrypted was changed", kept_by="proving-exercise",
    judge=EachMessage(
        messages.where(c.decrypted.isin("all", "some", "bad_tag")), c.decrypted == "bad_tag",
        says="wrong tag", good="decrypted",
    ),
)  # fmt: skip


@rule(
    "sensitive-data-in-clear",
    "Sensitive data is not encrypted",
    severity="error",
    source="GBCS v0.8.1 8.1 (page 90); templates of the use-case annex of GBCS 4.0",
    confidence="text",
    merges=("spec:R033", "spec:R034", "spec:R035", "spec:R036", "spec:R037", "disapplied:84"),
    reads=[
        messages.where(
            c.cra.isin("response", "alert"), ~(c.outcome == "failure"), c.message_code.isin(*SENSITIVE)
        )[*OF_SUBJECT, c.decrypted],
        items.where(c.message_code.isin(*SENSITIVE), c.number.known)[c.message],
    ],
    cause="gbcs protection",
    smart_energy=True,
    unseen="a successful response or alert of a use case that carries consumption, debt or billing data",
    advice="The device must encrypt it: note firmware version and use case",
)  # fmt: skip
def sensitive_data_in_clear(view: View, rows: Frame, filled: Frame) -> Iterator[Evidence]:
    """Consumption, debt and billing data leave the device encrypted, so that no party on the way can read
    them. Judged are responses and alerts with data in use cases that carry such data."""
    rows = rows[mask(rows["message"].isin(filled["message"])) | ~mask(rows["decrypted"] == "none")]
    yield from judge_messages(view, rows, rows["decrypted"] == "none", "data in clear", "encrypted")


@rule(
    "tap-off-encrypted",
    "A tap-off message holds encrypted data",
    severity="error",
    source="GBCS v0.8.1 10.3.4.1 (page 111)",
    confidence="text",
    merges=("rules:G26", "spec:R057", "spec:R055"),
    reads=[messages.where(c.message_code.isin(*TAP_OFF))[*OF_SUBJECT, c.decrypted]],
    cause="message format",
    smart_energy=True,
    unseen="a message of one of the eight tap-off codes",
    advice="The gas proxy cannot read it: look at the sender's software",
)
def tap_off_encrypted(view: View, rows: Frame) -> Iterator[Evidence]:
    """The gas proxy reads eight kinds of command on their way to the gas meter, and their responses. They
    hold nothing encrypted."""
    hidden = rows["decrypted"].isin(["all", "some", "no_key", "bad_tag"])
    yield from judge_messages(view, rows, hidden, "with encrypted parts", "in clear")
