"""Rules on installations: what breaks them, what keeps them, and how the step is named."""

from typing import Any

import pytest

from analysis.engine.checking import check
from analysis.rules.commissioning.installation import steps, steps_of
from tests.analysis.compliance.rows import at
from tests.analysis.frames import HUB, METER, decoded, smart_energy
from tests.analysis.verdicts import Case, each_of

SUPPLIER = 0x90B3D51F30000001


def installed(*more: dict[str, Any], key: bool = True, until: float = 3600) -> Any:
    """A meter that joins, perhaps under a link key, and what follows."""
    times = [*range(1, 30), until]
    frames = [smart_energy(n, METER, HUB, aps_key_id="link" if key else "network") for n in times]
    join = {"kind": "join", "name": "join", "initiator": METER, "responder": HUB, "outcome": "ok"}
    rows = [
        {"exchange": n, "start": at(n), "first_frame": n, "last_frame": n, **row}
        for n, row in enumerate([join, *more], 1)
    ]
    return decoded(frames, exchanges=rows)


def command(name: str, outcome: str, status: str | None = None) -> dict[str, Any]:
    return {
        "kind": "gbcs", "name": name, "initiator": SUPPLIER, "responder": METER, "outcome": outcome, "status": status,
    }  # fmt: skip


CASES: dict[str, Case] = {
    "installation-step": (
        lambda: installed(command("ECS70", "refused", "other-reason")),
        lambda: installed(command("ECS70", "ok")),
    ),
}

test_broken_and_kept = each_of(CASES)


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        (
            lambda: installed(key=False),
            ("step 2 of 9 (link key) did not come within 10 min", "done: joining"),
        ),
        (
            lambda: installed(
                command("ECS70", "ok"), command("ECS01a", "unanswered", "no response in 120 min")
            ),
            (
                "step 8 of 9 (tariff, ECS01a) unanswered (no response in 120 min)",
                "link key, clock and commissioning",
            ),
        ),
    ],
)
def test_the_step_is_named_with_what_was_done_before(tables: Any, words: tuple[str, ...]) -> None:
    [found] = check(tables(), rules=["installation-step"]).findings
    assert found.severity == "warning" and "to check: " in found.evidence
    assert all(word in found.evidence for word in words), found.evidence


def test_an_answer_that_the_sniffer_may_have_missed_informs() -> None:
    tables = installed(command("ECS70", "unanswered"))
    numbered = tables["packets"].assign(nwk_counter=range(0, 10 * len(tables["packets"]), 10))
    numbered["nwk_sender"] = METER
    [found] = check({**tables, "packets": numbered}, rules=["installation-step"]).findings
    assert found.severity == "info" and "perhaps the answer too" in found.evidence


def test_what_was_carried_out_later_is_done() -> None:
    rows = [command("ECS70", "refused"), command("ECS70", "ok")]
    assert not check(installed(*rows), rules=["installation-step"]).findings
    assert not check(installed(key=False, until=300), rules=["installation-step"]).findings, (
        "there is time yet"
    )


def test_each_role_has_its_steps_in_order() -> None:
    for role in ("ESME", "GSME", "PPMID", "HCALCS", "IHD", None):
        numbers = [one.step for one in steps_of(role)]
        assert numbers == list(range(1, len(numbers) + 1)), role
    assert all(one.check and one.source and one.what for one in steps())
