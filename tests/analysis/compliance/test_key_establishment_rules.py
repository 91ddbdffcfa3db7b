"""Rules of key establishment, each with a run that breaks it and a run that keeps it."""

from typing import Any

import pytest

from tests.analysis.compliance.rows import Case, Rows, command, finds, home, passes
from tests.analysis.frames import GAS, HUB, METER, mac_only, smart_energy

INITIATE, EPHEMERAL, CONFIRM, TERMINATE = range(4)
LAYOUTS = {1: (22, 18), 2: (28, 38)}  # octets before and after the subject


def certificate(eui: int, suite: int = 2) -> str:
    before, after = LAYOUTS[suite]
    return "0a" * before + f"{eui:016x}" + "0b" * after


def step(
    seconds: float, number: int, side: int = METER, value: str | None = None, frame: int | None = None
) -> Rows:
    """One step of a run between METER (the initiator) and HUB, with field names of the cluster's table."""
    octets = {
        INITIATE: {"identity": value or certificate(side)},
        EPHEMERAL: {"ephemeral_data": value or f"02{side:016x}{int(seconds):056x}"},
        CONFIRM: {"secure_message_authentication_code": value or f"{side:016x}{int(seconds):016x}"},
        TERMINATE: {"status_code": 3, "wait_time": 30},
    }[number]
    times = (
        {"ephemeral_data_generate_time": 10, "confirm_key_generate_time": 10} if number == INITIATE else {}
    )
    own = {} if frame is None else {"frame": frame}
    return command(seconds, 0x0800, number, side, METER if side == HUB else HUB, **times, **octets, **own)


def run(start: float = 1.0, **swapped: str) -> Rows:
    """A whole run; `swapped` gives another value to a step of a side: ``hub_confirm="00.."``."""
    rows: Rows = []
    names = {"initiate": INITIATE, "ephemeral": EPHEMERAL, "confirm": CONFIRM}
    for n, (name, number) in enumerate(names.items()):
        rows += step(start + n, number, METER, swapped.get(f"meter_{name}"))
        rows += step(start + n + 0.5, number, HUB, swapped.get(f"hub_{name}"))
    return rows


def runs(*rows: dict[str, Any], until: float = 200.0) -> Any:
    return home(until=until, commands=list(rows))


def joined(*clusters: int) -> Any:
    association = mac_only(1, "command", sender=GAS, mac_command=1, mac_src=GAS, mac_src_mode="extended")
    return home(association, *(smart_energy(5 + n, GAS, aps_cluster=c) for n, c in enumerate(clusters)))


SAME = "02" + "5a" * 36
CASES: dict[str, Case] = {
    "cbke-order": (lambda: runs(*step(1, INITIATE), *step(2, CONFIRM)), lambda: runs(*run())),
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


@pytest.mark.parametrize("field", ["meter_initiate", "hub_initiate", "meter_ephemeral"])
def test_a_field_cut_short_has_the_wrong_size(field: str) -> None:
    finds("cbke-field-sizes", runs(*run(**{field: "02" * 5})))


def test_the_subject_of_a_suite_1_certificate_is_judged_too() -> None:
    passes("cbke-certificate-subject", runs(*step(1, INITIATE, METER, certificate(METER, 1))))
    finds("cbke-certificate-subject", runs(*step(1, INITIATE, METER, certificate(GAS, 1))))


def test_a_run_that_was_terminated_is_not_incomplete() -> None:
    passes("cbke-incomplete", runs(*step(1, INITIATE), *step(2, TERMINATE, HUB)))


def test_an_ephemeral_retry_within_the_run_is_no_reuse() -> None:
    passes("cbke-ephemeral-reused", runs(*run(1, meter_ephemeral=SAME), *step(5, EPHEMERAL, METER, SAME)))


@pytest.mark.parametrize("rule", CASES)
def test_rule_finds_its_fault(rule: str) -> None:
    finds(rule, CASES[rule][0]())


@pytest.mark.parametrize("rule", CASES)
def test_rule_passes_the_healthy_twin(rule: str) -> None:
    passes(rule, CASES[rule][1]())
