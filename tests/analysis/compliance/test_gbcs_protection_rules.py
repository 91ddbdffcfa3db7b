"""Rules on gbcs protection: what breaks each of them, and what keeps it."""

import pytest

from tests.analysis.compliance.gbcs_tables import (
    Row,
    alert,
    broken_and_kept,
    capture,
    command,
    response,
)

CASES: list[tuple[str, Row, Row]] = [
    ("critical-command-unsigned", command(0x1B), command(0x1B, signature="no_key")),
    ("critical-command-without-mac", command(0x1B, mac="absent"), command(0x1B)),
    ("non-critical-command-without-mac", command(0x01, mac="absent"), command(0x01, mac="no_key")),
    ("non-critical-command-signed", command(0x01, signature="no_key"), command(0x01)),
    ("critical-response-unsigned", response(0x0A), response(0x0A, signature="valid")),
    ("non-critical-response-without-mac", response(0x01, mac="absent"), response(0x01)),
    ("critical-alert-unsigned", alert(0x67), alert(0x67, signature="valid")),
    ("non-critical-alert-without-mac", alert(0x18, mac="absent"), alert(0x18)),
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


@pytest.mark.parametrize("code", [0x0012, 0x007F, 0x0102, 0x0125, 0x001F])
def test_use_cases_without_a_category_demand_their_signature_too(code: int) -> None:
    broken_and_kept(
        "critical-command-unsigned", capture([command(code)]), capture([command(code, signature="valid")])
    )
