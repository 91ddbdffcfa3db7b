"""Signature, MAC and encryption: what breaks each rule is found, what keeps it passes."""

import pytest

from tests.analysis.compliance.gbcs_tables import (
    Row,
    alert,
    broken_and_kept,
    capture,
    command,
    item,
    response,
)

# Codes: 0x1B ECS03 critical, 0x01 CCS01 and 0x27 ECS17b not, 0x67 ECS80 a critical alert, 0x18 CS14 one that is not.
CASES: list[tuple[str, Row, Row]] = [
    ("critical-command-unsigned", command(0x1B), command(0x1B, signature="no_key")),
    ("critical-command-without-mac", command(0x1B, mac="absent"), command(0x1B)),
    ("non-critical-command-without-mac", command(0x01, mac="absent"), command(0x01, mac="no_key")),
    ("non-critical-command-signed", command(0x01, signature="no_key"), command(0x01)),
    ("critical-response-unsigned", response(0x0A), response(0x0A, signature="valid")),
    ("non-critical-response-without-mac", response(0x01, mac="absent"), response(0x01)),
    ("critical-alert-unsigned", alert(0x67), alert(0x67, signature="valid")),
    ("non-critical-alert-without-mac", alert(0x18, mac="absent"), alert(0x18)),
    ("signature-invalid", command(0x1B, signature="invalid"), command(0x1B, signature="valid")),
    ("mac-invalid", command(0x01, mac="invalid"), command(0x01)),
    ("decryption-fails", response(0x27, decrypted="bad_tag"), response(0x27, decrypted="all")),
    ("tap-off-encrypted", response(0x6B, decrypted="no_key"), response(0x6B)),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "bad", "good"), CASES, ids=[c[0] for c in CASES])
def test_broken_and_kept(rule: str, bad: Row, good: Row) -> None:
    broken_and_kept(rule, capture([good, bad]), capture([good]))


@pytest.mark.parametrize(
    ("rule", "mode", "good"),
    [
        ("critical-command-unsigned", "accessControlBrokerByACB", {}),
        ("critical-command-without-mac", "anyByContingency", {"signature": "valid", "mac": "absent"}),
    ],
)
def test_credential_updates_that_are_protected_otherwise(rule: str, mode: str, good: Row) -> None:
    other = command(0x1B, signature="valid")
    named = command(0x1B, name=f"CS02b Update Security Credentials ({mode})", **good)
    broken_and_kept(rule, capture([other, command(0x1B, **good)]), capture([other, named]))


def test_sensitive_data_in_clear() -> None:
    filled = [item(1, number=4711.0, value="4711")]
    bad, good = capture([response()], filled), capture([response(decrypted="all")], filled)
    broken_and_kept("sensitive-data-in-clear", bad, good)
