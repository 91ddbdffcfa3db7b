"""Rules on cbke data: what breaks each of them, and what keeps it."""

import pytest

from tests.analysis.compliance.cbke_runs import EPHEMERAL, INITIATE, certificate, run, runs, step
from tests.analysis.frames import GAS, HUB, METER
from tests.analysis.verdicts import Case, each_of, finds, passes

SAME = "02" + "5a" * 36


CASES: dict[str, Case] = {
    "cbke-field-sizes": (lambda: runs(*run(meter_ephemeral="02" * 30)), lambda: runs(*run())),
    "cbke-certificate-subject": (
        lambda: runs(*run(meter_initiate=certificate(GAS))),
        lambda: runs(*run()),
    ),
    "cbke-confirm-equal": (
        lambda: runs(*run(meter_confirm="77" * 16, hub_confirm="77" * 16)),
        lambda: runs(*run()),
    ),
    "cbke-ephemeral-reused": (
        lambda: runs(*run(1, meter_ephemeral=SAME), *run(100, meter_ephemeral=SAME)),
        lambda: runs(*run(1, meter_ephemeral=SAME), *run(100)),
    ),
    "cbke-two-ephemerals": (
        lambda: runs(*run(), *step(3.2, EPHEMERAL, HUB, SAME)),
        lambda: runs(*run(), *run(8)),
    ),
}  # fmt: skip


test_broken_and_kept = each_of(CASES)


@pytest.mark.parametrize("field", ["meter_initiate", "hub_initiate", "meter_ephemeral"])
def test_a_field_cut_short_has_the_wrong_size(field: str) -> None:
    finds("cbke-field-sizes", runs(*run(**{field: "02" * 5})))


def test_the_subject_of_a_suite_1_certificate_is_judged_too() -> None:
    passes("cbke-certificate-subject", runs(*step(1, INITIATE, METER, certificate(METER, 1))))
    finds("cbke-certificate-subject", runs(*step(1, INITIATE, METER, certificate(GAS, 1))))


def test_an_ephemeral_retry_within_the_run_is_no_reuse() -> None:
    passes("cbke-ephemeral-reused", runs(*run(1, meter_ephemeral=SAME), *step(5, EPHEMERAL, METER, SAME)))
