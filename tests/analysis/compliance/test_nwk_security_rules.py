"""Rules of the security of the network layer, each with what breaks it and what keeps it.

Those on unsecured frames, rejoins and key sequences are in ``tests/analysis/test_anomaly_rules.py``."""

from typing import Any

import pytest

from tests.analysis.compliance.rows import Case, at, finds, home, passes
from tests.analysis.frames import GAS, HUB, METER, packet, smart_energy


def aps_command(number: int, **more: Any) -> Any:
    base = {"aps_type": "command", "aps_command": number, "aps_security": "ok", "aps_key_id": "key-transport"}
    return home(packet(1, HUB, GAS, **{**base, **more}))


def data(**more: Any) -> Any:
    return home(smart_energy(1, METER, **more))


CASES: dict[str, Case] = {
    "zigbee-3-key-update": (lambda: aps_command(0x0F), lambda: aps_command(0x05)),
    "smart-energy-without-link-key": (
        lambda: data(aps_security="none", aps_key_id=None),
        lambda: home(smart_energy(1), packet(2, aps_type="data", aps_profile=0, aps_cluster=0x13, aps_security="none")),
    ),
    "smart-energy-key-id": (lambda: data(aps_key_id="key-load"), lambda: data(aps_key_id="link")),
    "transport-key-key-id": (lambda: aps_command(0x05, aps_key_id="network"), lambda: aps_command(0x05)),
    "smart-energy-profile": (lambda: data(aps_profile=0x0104), lambda: data(aps_profile=0x0000)),
    "manufacturer-clusters": (lambda: data(aps_cluster=0xFC01), lambda: data(aps_cluster=0x0704)),
}  # fmt: skip


def request_key(kind: int) -> Any:
    asks = {"frame": 2, "time": at(1), "layer": "aps", "command": 0x08, "field": "key_type", "number": kind}
    return home(packet(1, aps_type="command", aps_command=0x08), commands=[asks])


def test_only_a_request_for_the_trust_centres_key_is_of_the_update() -> None:
    finds("zigbee-3-key-update", request_key(0x04))
    passes("zigbee-3-key-update", request_key(0x02))


def test_a_manufacturers_profile_is_found_as_its_clusters_are() -> None:
    finds("manufacturer-clusters", data(aps_profile=0xC00F))


@pytest.mark.parametrize("rule", CASES)
def test_rule_finds_its_fault(rule: str) -> None:
    finds(rule, CASES[rule][0]())


@pytest.mark.parametrize("rule", CASES)
def test_rule_passes_the_healthy_twin(rule: str) -> None:
    passes(rule, CASES[rule][1]())
