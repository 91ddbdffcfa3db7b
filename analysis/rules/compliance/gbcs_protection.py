"""Message protection per use case: which messages carry a signature, which a MAC."""

from __future__ import annotations

from functools import partial

from analysis.rules.compliance.gbcs_messages import use_cases
from analysis.rules.declare import EachMessage, c, declare, messages
from analysis.rules.expression import Condition
from dissectors.gbcs import mac_demanded, signature_demanded

CATEGORIES = "GBCS use-case mapping table (npm @smartdcc/duis-templates 0.7.0); GBCS v0.8.1 13.3.3.1"
MAC_ONLY_MODE = r"\(accessControlBrokerByACB"
SIGNED_ONLY_MODES = r"\((?:anyByContingency|anyExceptAbnormalRootByRecovery)"
KINDS = {"command": 1, "response": 2, "alert": 3}
UNSIGNED, WITHOUT_MAC = "{use_case} without signature", "{use_case} without MAC"


def _demanding(cra: str, *, signature: bool | None = None, mac: bool | None = None) -> Condition:
    """Messages of a kind whose use case demands a signature (or none) and a MAC (or none), as far as the tables say."""
    codes = (
        code
        for code in use_cases()
        if signature in (None, signature_demanded(code, KINDS[cra]))
        and mac in (None, mac_demanded(code, KINDS[cra]))
    )
    return (c.cra == cra) & c.message_code.isin(*codes)


def _called(pattern: str) -> Condition:
    """Messages whose name or summary says that they are of a mode of their use case."""
    return c.name.search(pattern) | c.summary.search(pattern)


declared = partial(
    declare, family="compliance", area="gbcs protection", cause="gbcs protection", smart_energy=True, source=CATEGORIES,
    confidence="derived",
)  # fmt: skip

declared(
    id="critical-command-unsigned",
    title="A critical command without signature",
    finds="""Commands that can hurt (supply, credentials, clock, firmware) carry the signature of the party that gives
    them, and the MAC of the access control broker.""",
    matters="Without signature anybody with the broker's key could have made it.",
    example="message 20 (ECS52 command): ECS52 without signature",
    severity="critical",
    covers=("rules:G12", "rules:T03", "spec:R096", "spec:R110", "spec:R138", "spec:R003"),
    requires="a critical command (message category SME.C.C)",
    advice="The device must refuse it: see its answer, and who sent it",
    broken_by="planted: a critical command without signature", kept_by="proving-exercise",
    judge=EachMessage(
        messages.where(_demanding("command", signature=True), ~_called(MAC_ONLY_MODE)),
        c.signature == "absent", says=UNSIGNED, good="signed",
    ),
)  # fmt: skip

declared(
    id="critical-command-without-mac",
    title="A critical command without MAC",
    finds="Every command that comes from a remote party passes the access control broker, which adds its MAC.",
    matters="Only credential updates by contingency or by recovery are signed without MAC.",
    example="message 20 (ECS52 command): ECS52 without MAC",
    severity="error",
    covers=("rules:G12", "spec:R108", "spec:R110"),
    requires="a critical command (message category SME.C.C)",
    advice="It did not pass the access control broker: see how it came to the device",
    broken_by="planted: a critical command without MAC", kept_by="proving-exercise",
    judge=EachMessage(
        messages.where(_demanding("command", signature=True, mac=True), ~_called(SIGNED_ONLY_MODES)),
        c.mac == "absent", says=WITHOUT_MAC, good="with MAC",
    ),
)  # fmt: skip

declared(
    id="non-critical-command-without-mac",
    title="A non-critical command without MAC",
    finds="Non-critical commands carry the MAC of the party that sends them:",
    matters="nothing else protects them.",
    example="message 6 (ECS70 command): ECS70 without MAC",
    severity="error",
    covers=("rules:G13", "spec:R109", "spec:R138"),
    requires="a non-critical command (message category SME.C.NC)",
    advice="The device must refuse it: see its answer, and who sent it",
    broken_by="planted: a question without MAC", kept_by="proving-exercise",
    judge=EachMessage(
        messages.where(_demanding("command", signature=False, mac=True)),
        c.mac == "absent", says=WITHOUT_MAC, good="with MAC",
    ),
)  # fmt: skip

declared(
    id="non-critical-command-signed",
    title="A non-critical command with a signature",
    finds="Non-critical commands are protected by a MAC alone; the length of their signature is 0.",
    matters="A signature there means that the sender took the use case for a critical one.",
    example="message 6 (ECS17b command): ECS17b with a signature",
    severity="warning",
    covers=("rules:G13",),
    requires="a non-critical command (message category SME.C.NC)",
    advice="Look at the sender's software: the signature length must be 0",
    broken_by="planted: a question with a signature", kept_by="proving-exercise",
    judge=EachMessage(
        messages.where(
            c.cra == "command",
            c.message_code.isin(
                *(one for one, row in use_cases().items() if row.get("message_category", "").startswith("SME.C.NC"))
            ),
        ),
        c.signature.isin("valid", "invalid", "no_key"), says="{use_case} with a signature", good="unsigned",
    ),
)  # fmt: skip

declared(
    id="critical-response-unsigned",
    title="A critical response without signature",
    finds="The device signs its response to a critical command itself,",
    matters="so that every party can check it.",
    example="message 21 (ECS52 response): ECS52 without signature",
    severity="error",
    source=CATEGORIES + "; protection seen in 794 RTDS messages",
    covers=("rules:G12", "spec:R138"),
    requires="a response to a critical command",
    advice="The sender is not the device, or its software is at fault: check its certificates",
    broken_by="planted: an unsigned answer to a critical command", kept_by="proving-exercise",
    judge=EachMessage(
        messages.where(_demanding("response", signature=True)), c.signature == "absent", says=UNSIGNED, good="signed"
    ),
)  # fmt: skip

declared(
    id="non-critical-response-without-mac",
    title="A response without MAC",
    finds="The response to a non-critical command carries a MAC under the key that device and remote party share.",
    matters="Without it nobody can say that the device said so.",
    example="message 7 (ECS17b response): ECS17b without MAC",
    severity="error", confidence="text",
    source="GBCS v0.8.1 6.4.5 (page 54)",
    covers=("rules:G14", "spec:R012", "spec:R138"),
    requires="a response to a non-critical command",
    advice="The sender is not the device, or its software is at fault",
    broken_by="planted: an answer without MAC", kept_by="proving-exercise",
    judge=EachMessage(
        messages.where(_demanding("response", mac=True)), c.mac == "absent", says=WITHOUT_MAC, good="with MAC"
    ),
)  # fmt: skip

declared(
    id="critical-alert-unsigned",
    title="A critical alert without signature",
    finds="Critical alerts (billing data, outage, load control, certificate change) are signed by the device.",
    matters="Without a signature anybody in the tunnel could have made it.",
    example="message 40 (ECS68 alert): ECS68 without signature",
    severity="error",
    covers=("rules:G15", "spec:R139", "rules:G37"),
    requires="a critical alert (SME.A.C)",
    advice="Do not trust it: anybody in the tunnel could have made it",
    broken_by="planted: a critical alert without signature", kept_by="proving-exercise",
    judge=EachMessage(
        messages.where(_demanding("alert", signature=True)), c.signature == "absent", says=UNSIGNED, good="signed"
    ),
)  # fmt: skip

declared(
    id="non-critical-alert-without-mac",
    title="A non-critical alert without MAC",
    finds="Non-critical alerts (device log, low power, sub-GHz) carry a MAC for the party that gets them.",
    matters="Without it anybody in the tunnel could have made it.",
    example="message 41 (GCS53 alert): GCS53 without MAC",
    severity="error",
    covers=("rules:G15", "spec:R140"),
    requires="a non-critical alert (SME.A.NC)",
    advice="Do not trust it: anybody in the tunnel could have made it",
    broken_by="planted: an alert without MAC", kept_by="proving-exercise",
    judge=EachMessage(
        messages.where(_demanding("alert", mac=True)), c.mac == "absent", says=WITHOUT_MAC, good="with MAC"
    ),
)  # fmt: skip
