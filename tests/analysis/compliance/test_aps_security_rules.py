"""Rules on aps security: what breaks each of them, and what keeps it."""

from typing import Any

from analysis.engine.checking import check
from tests.analysis.compliance.rows import aps_command, home
from tests.analysis.frames import METER, packet, smart_energy
from tests.analysis.verdicts import Case, each_of, finds


def data(**more: Any) -> Any:
    return home(smart_energy(1, METER, **more))


CASES: dict[str, Case] = {
    "smart-energy-without-link-key": (
        lambda: data(aps_security="none", aps_key_id=None),
        lambda: home(smart_energy(1), packet(2, aps_type="data", aps_profile=0, aps_cluster=0x13, aps_security="none")),
    ),
    "smart-energy-key-id": (lambda: data(aps_key_id="key-load"), lambda: data(aps_key_id="link")),
    "transport-key-key-id": (lambda: aps_command(0x05, aps_key_id="network"), lambda: aps_command(0x05)),
    "smart-energy-profile": (lambda: data(aps_profile=0x0104), lambda: data(aps_profile=0x0000)),
    "manufacturer-clusters": (lambda: data(aps_cluster=0xFC01), lambda: data(aps_cluster=0x0704)),
}  # fmt: skip


test_broken_and_kept = each_of(CASES)


def test_a_manufacturers_profile_is_found_as_its_clusters_are() -> None:
    finds("manufacturer-clusters", data(aps_profile=0xC00F))


def test_a_makers_cluster_under_a_link_key_informs() -> None:
    found = check(data(aps_cluster=0xFC01, aps_key_id="link"), rules=["manufacturer-clusters"]).findings
    assert [one.severity for one in found] == ["info"]
