"""Rules on key establishment: what breaks each of them, and what keeps it."""

from typing import Any

from tests.analysis.compliance.cbke_runs import (
    CONFIRM,
    EPHEMERAL,
    INITIATE,
    TERMINATE,
    run,
    runs,
    step,
)
from tests.analysis.compliance.rows import home
from tests.analysis.frames import GAS, HUB, mac_only, smart_energy
from tests.analysis.verdicts import Case, each_of, passes


def joined(*clusters: int) -> Any:
    association = mac_only(1, "command", sender=GAS, mac_command=1, mac_src=GAS, mac_src_mode="extended")
    return home(association, *(smart_energy(5 + n, GAS, aps_cluster=c) for n, c in enumerate(clusters)))


CASES: dict[str, Case] = {
    "cbke-order": (lambda: runs(*step(1, INITIATE), *step(2, CONFIRM)), lambda: runs(*run())),
    "cbke-terminated": (lambda: runs(*step(1, INITIATE), *step(2, TERMINATE, HUB)), lambda: runs(*run())),
    "cbke-retry-too-soon": (
        lambda: runs(*step(1, INITIATE), *step(2, TERMINATE, HUB), *step(10, INITIATE)),
        lambda: runs(*step(1, INITIATE), *step(2, TERMINATE, HUB), *step(40, INITIATE)),
    ),
    "cbke-flood": (
        lambda: runs(*(r for n in range(5) for r in run(1 + n * 60)), until=900),
        lambda: runs(*(r for n in range(5) for r in run(1 + n * 400)), until=3000),
    ),
    "cbke-incomplete": (
        lambda: runs(*step(1, INITIATE), *step(2, EPHEMERAL), *step(2.5, EPHEMERAL, HUB)),
        lambda: runs(*run()),
    ),
    "smart-energy-before-cbke": (lambda: joined(0x0702, 0x0800), lambda: joined(0x0800, 0x0702)),
}  # fmt: skip


test_broken_and_kept = each_of(CASES)


def test_a_run_that_was_terminated_is_not_incomplete() -> None:
    passes("cbke-incomplete", runs(*step(1, INITIATE), *step(2, TERMINATE, HUB)))
