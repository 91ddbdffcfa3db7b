"""Rules on gbcs roles: what breaks each of them, and what keeps it."""

import pytest

from tests.analysis.compliance.gbcs_tables import (
    DISPLAY,
    GAS,
    OPERATOR,
    Row,
    broken_and_kept,
    capture,
    command,
    item,
)

ASK, ANSWER = "dlms-access-request", "dlms-access-response"


CASES: list[tuple[str, Row, Row]] = [
    ("wrong-target", command(0x1B, to=GAS), command(0x1B)),
    ("role-not-allowed", command(0x1B, by=OPERATOR), command(0x1B)),
    ("ppmid-message-parties", command(0x9B, to=GAS), command(0x9B, by=DISPLAY, to=GAS)),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "bad", "good"), CASES, ids=[c[0] for c in CASES])
def test_broken_and_kept(rule: str, bad: Row, good: Row) -> None:
    # A message of GBCS comes along, by which the capture is known as Smart Energy.
    broken_and_kept(rule, capture([good, bad, command()]), capture([good, command()]))


def test_account_twins() -> None:
    active = item(class_id=111, obis="0-0:19.0.0.255", attribute=3, value="1")
    passive = {**active, "obis": "0-1:19.0.0.255"}
    broken_and_kept("account-twins", capture([command()], [active]), capture([command()], [passive]))


@pytest.mark.parametrize(("code", "wrong"), [(0x0103, {}), (0x0107, {}), (0x0012, {"by": OPERATOR})])
def test_roles_that_the_mode_or_the_service_request_names(code: int, wrong: Row) -> None:
    """The mode of a CS02b says who may send it; ``Supplier`` is no part of ``Transitional Change of Supplier``."""
    broken_and_kept(
        "role-not-allowed", capture([command(code, **wrong), command()]), capture([command(0x1B), command()])
    )
