"""Rules on metering: what breaks each of them, and what keeps it."""

from typing import Any

from tests.analysis.compliance.rows import (
    METERING,
    REPORT,
    Rows,
    attribute,
    home,
    reported,
)
from tests.analysis.frames import GAS, HUB, METER, smart_energy
from tests.analysis.verdicts import Case, each_of


def refused(code: int) -> Any:
    rows: Rows = []
    general = {"zcl_type": "general", "aps_cluster": METERING}
    for n in range(4):
        rows.append(smart_energy(1 + n * 60, GAS, HUB, zcl_command=REPORT, **general))
        rows.append(smart_energy(1.5 + n * 60, HUB, GAS, zcl_command=0x0B, zcl_status=code, **general))
    return home(*rows)


def typed(kind: int, cluster: int = METERING, number: int = 0) -> Any:
    return home(attributes=[attribute(1, cluster, number, 5, METER, type=kind, attribute_name="X")])


def power(every: float) -> Any:
    return home(attributes=[reported(n * every, 300 + n, number=0x0400, source=METER) for n in range(20)])


CASES: dict[str, Case] = {
    "reports-refused": (lambda: refused(0x86), lambda: refused(0x00)),
    "attribute-type": (lambda: typed(0x21), lambda: typed(0x25)),
    "power-refresh": (lambda: power(60), lambda: power(10)),
}  # fmt: skip


test_broken_and_kept = each_of(CASES)
