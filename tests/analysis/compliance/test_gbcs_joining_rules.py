"""Rules on gbcs joining: what breaks each of them, and what keeps it."""

import pytest

from tests.analysis.compliance.gbcs_tables import (
    DISPLAY,
    GAS,
    HUB,
    METER,
    Row,
    alert,
    broken_and_kept,
    capture,
    command,
    item,
    response,
)
from tests.analysis.frames import mac_only, smart_energy

Rows = list[Row]
CASES: list[tuple[str, Rows, Rows]] = [
    ("restored-network", [command(0x03, to=HUB)], [command(0x02, to=HUB)]),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "bad", "good"), CASES, ids=[c[0] for c in CASES])
def test_broken_and_kept(rule: str, bad: Rows, good: Rows) -> None:
    broken_and_kept(rule, capture(bad), capture(good))


def test_device_log_new_key() -> None:
    def listed(hashed: str) -> object:
        log = "DeviceLog(CHF): backup_PAN: devices_to_backup[0]."
        items = [
            item(1, object="DeviceLog(CHF): register_device: ieee_address", value=f"{METER:016x}"),
            item(3, object=f"{log}MAC_address", value=f"{METER:016x}"),
            item(3, object=f"{log}hashed_TC_link_key", value=hashed),
        ]
        told = [command(0x01, 0, to=HUB), response(0x01, 1, by=HUB, answers=1), alert(0x18, 9, by=HUB)]
        return capture(told, items)

    broken_and_kept("device-log-new-key", listed("(hidden: a key)"), listed(""))


def test_join_window() -> None:
    def joins(seconds: float) -> object:
        answer = mac_only(seconds, "command", mac_command=0x02, mac_dst_mode="extended", mac_dst=METER)
        listed = [item(object="DeviceLog(CHF): join_timeout", value="300", number=300.0)]
        return capture([command(0x01, 0, to=HUB)], listed, [smart_energy(0), answer, smart_energy(2000)])

    broken_and_kept("join-window", joins(1000), joins(200))


def test_join_not_listed() -> None:
    def keyed(listed: int) -> object:
        items = [item(object="DeviceLog(CHF): register_device: ieee_address", value=f"{listed:016x}")]
        key = smart_energy(5, HUB, METER, aps_command=0x05, aps_type="command")
        return capture([command(0x01, 0, to=HUB)], items, [smart_energy(0), key])

    broken_and_kept("join-not-listed", keyed(HUB), keyed(METER))


def join(code: int, method: int, kind: int, to: int, *, certified: bool = False) -> object:
    shown = {"join_method": str(method), "device_type": str(kind)}
    shown |= {"certificate.serial_number": "1"} if certified else {}
    rows = [item(object=f"join_device.{name}", value=value) for name, value in shown.items()]
    return capture([command(code, to=to, use_case="CS03C")], rows)


def test_join_method_code() -> None:
    broken_and_kept("join-method-code", join(0x000E, 0, 1, METER), join(0x000E, 2, 1, METER))


def test_join_peer_certificate() -> None:
    broken_and_kept("join-peer-certificate", join(0xAF, 3, 5, GAS), join(0xAF, 3, 5, GAS, certified=True))
    broken_and_kept(
        "join-peer-certificate", join(0xAB, 1, 1, DISPLAY, certified=True), join(0xAB, 1, 1, DISPLAY)
    )
