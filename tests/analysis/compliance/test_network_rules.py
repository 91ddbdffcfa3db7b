"""Rules on network: what breaks each of them, and what keeps it."""

from typing import Any

from tests.analysis.compliance.rows import Rows, home
from tests.analysis.frames import HUB, METER, PAN, STRANGER, mac_only, packet, table
from tests.analysis.verdicts import Case, each_of


def beacon(epid: int) -> dict[str, Any]:
    return mac_only(1, "beacon", sender=HUB, beacon_epid=epid, mac_dst=None)


def update(sender: int, *times: float) -> Rows:
    return [
        packet(t, sender, None, nwk_type="command", nwk_command=0x0A, nwk_seq=n) for n, t in enumerate(times)
    ]


def permit(sender: int) -> dict[str, Any]:
    """Mgmt_Permit_Joining to all."""
    return packet(1, sender, None, aps_type="data", aps_profile=0, aps_cluster=0x0036)


def on_channels(*channels: int) -> Any:
    return home(*(packet(n, channel=c) for n, c in enumerate(channels)))


def log_of(count: int) -> Any:
    joined = [
        {"eui64": METER + n, "short": 0x1001 + n, "pan": PAN, "join_state": "announced"} for n in range(count)
    ]
    return home(devices=table("devices", joined))


CASES: dict[str, Case] = {
    "epid-is-hub": (lambda: home(beacon(0x1122334455667788)), lambda: home(beacon(HUB))),
    "network-update-source": (lambda: home(*update(STRANGER, 1)), lambda: home(*update(HUB, 1))),
    "network-management-source": (lambda: home(permit(STRANGER)), lambda: home(permit(HUB))),
    "pan-id-changes": (lambda: home(*update(HUB, 1, 60, 120)), lambda: home(*update(HUB, 1))),
    "channel-constant": (lambda: on_channels(*[11, 15] * 15), lambda: on_channels(*[15] * 30, *[20] * 30)),
    "channel-allowed": (lambda: home(packet(1, page=31, channel=3)), lambda: home(packet(1, page=28, channel=26))),
    "device-log-capacity": (lambda: log_of(25), lambda: log_of(8)),
}  # fmt: skip


test_broken_and_kept = each_of(CASES)
