"""Rules on gbcs format: what breaks each of them, and what keeps it."""

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
    ("message-code-unknown", command(0x7FFF), command()),
    ("critical-code-unknown", command(0x7FFF, signature="valid"), command(0x1B, signature="valid")),
    ("han-only-code-as-message", command(0x0117), command()),
    ("message-format", command(issue="gbcs: offset 3: a length too long"), command(issue="gbcs: no key for it")),
    ("dlms-association-attempt", command(kind="dlms", name="aarq"), command(kind="dlms", name="data-notification")),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "bad", "good"), CASES, ids=[c[0] for c in CASES])
def test_broken_and_kept(rule: str, bad: Row, good: Row) -> None:
    # A message of GBCS comes along, by which the capture is known as Smart Energy.
    broken_and_kept(rule, capture([good, bad, command()]), capture([good, command()]))


@pytest.mark.parametrize("code", [15, 17, 18, 64])
def test_image_transfer_over_dlms(code: int) -> None:
    touched = item(class_id=code, result="success")
    refused = item(class_id=code, result="object-unavailable")
    broken_and_kept(
        "image-transfer-over-dlms", capture([response()], [touched]), capture([response()], [refused])
    )
