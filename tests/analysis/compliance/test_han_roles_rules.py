"""Rules on han roles: what breaks each of them, and what keeps it."""

from typing import Any

from tests.analysis.compliance.rows import (
    home,
)
from tests.analysis.frames import GAS, HAN, HUB, METER, devices, smart_energy
from tests.analysis.verdicts import Case, each_of, finds

DISPLAY, SWITCH = 0x90B3D51F30030000, 0x90B3D51F30040000


def with_others(*rows: dict[str, Any]) -> Any:
    return home(*rows, devices=devices(**HAN, IHD=DISPLAY, HCALCS=SWITCH))


def display(**more: Any) -> Any:
    return with_others(smart_energy(1, METER, HUB, nwk_src_eui64=DISPLAY, nwk_sender=DISPLAY, **more))


def switched(by: int) -> Any:
    more = {"aps_cluster": 0x0701, "zcl_type": "cluster", "zcl_command": 0}
    return with_others(smart_energy(1, by, GAS, nwk_dst_eui64=SWITCH, **more))


CASES: dict[str, Case] = {
    "type-2-writes": (
        lambda: display(zcl_type="general", zcl_command=0x02),
        lambda: display(zcl_type="general", zcl_command=0x00),
    ),
    "han-data-source": (
        lambda: display(zcl_type="cluster", zcl_command=0, zcl_direction="to-client", aps_cluster=0x0700),
        lambda: with_others(
            smart_energy(1, zcl_type="cluster", zcl_command=0, zcl_direction="to-client", aps_cluster=0x0700)
        ),
    ),
    "load-control-source": (lambda: switched(HUB), lambda: switched(METER)),
}  # fmt: skip


test_broken_and_kept = each_of(CASES)


def test_a_display_may_not_pay_or_switch() -> None:
    finds(
        "type-2-writes",
        display(zcl_type="cluster", zcl_command=0, zcl_direction="to-server", aps_cluster=0x0705),
    )
