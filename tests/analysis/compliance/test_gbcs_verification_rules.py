"""Rules on gbcs verification: what breaks each of them, and what keeps it."""

import pytest

from analysis.engine.checking import check
from tests.analysis.compliance.gbcs_tables import (
    Row,
    broken_and_kept,
    capture,
    command,
    item,
    response,
)

CASES: list[tuple[str, Row, Row]] = [
    ("signature-invalid", command(0x1B, signature="invalid"), command(0x1B, signature="valid")),
    ("mac-invalid", command(0x01, mac="invalid"), command(0x01)),
    (
        "signer-not-trusted",
        command(0x1B, signature="valid", trust="untrusted", trust_reason="self-signed"),
        command(0x1B, signature="valid", trust="trusted", trust_reason="chain"),
    ),
    ("signature-altered", command(0x1B, signature="valid", signature_twin=1), command(0x1B, signature="valid")),
    ("decryption-fails", response(0x27, decrypted="bad_tag"), response(0x27, decrypted="all")),
    ("tap-off-encrypted", response(0x6B, decrypted="no_key"), response(0x6B)),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "bad", "good"), CASES, ids=[c[0] for c in CASES])
def test_broken_and_kept(rule: str, bad: Row, good: Row) -> None:
    broken_and_kept(rule, capture([good, bad]), capture([good]))


def test_sensitive_data_in_clear() -> None:
    filled = [item(1, number=4711.0, value="4711")]
    bad, good = capture([response()], filled), capture([response(decrypted="all")], filled)
    broken_and_kept("sensitive-data-in-clear", bad, good)


def test_the_maker_of_a_wrong_mac_is_named() -> None:
    bad = command(0x01, mac="invalid", mac_reason="made by 00db0000 (GSME), who is not entitled")
    found = check(capture([bad, command(0x01, mac="invalid")]), rules=["mac-invalid"])
    assert [f.evidence.count("made by 00db0000 (GSME)") for f in found.findings][:1] == [1]
    assert all("nan" not in f.evidence and "None" not in f.evidence for f in found.findings)


def test_what_could_not_be_checked_is_no_finding() -> None:
    unchecked = command(0x1B, signature="valid", trust="unchecked", trust_reason="not checked against a root")
    result = check(capture([unchecked]), rules=["signer-not-trusted"])
    assert {v.state for v in result.verdicts} == {"not seen"}
