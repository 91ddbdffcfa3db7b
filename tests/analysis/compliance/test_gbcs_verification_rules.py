"""Rules on gbcs verification: what breaks each of them, and what keeps it."""

import pytest

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
