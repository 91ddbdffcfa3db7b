"""Rules on inter pan: what breaks each of them, and what keeps it."""

from typing import Any

from analysis.engine.checking import check
from tests.analysis.compliance.rows import home
from tests.analysis.frames import HUB, METER, STRANGER, packet
from tests.analysis.verdicts import Case, each_of, passes


def inter_pan(seconds: float, cluster: int, **more: Any) -> dict[str, Any]:
    base = {"nwk_type": "inter-pan", "aps_type": "inter-pan", "aps_cluster": cluster, "aps_security": "none"}
    return packet(seconds, STRANGER, HUB, **{**base, **more})


CASES: dict[str, Case] = {
    "inter-pan-window": (
        lambda: home(inter_pan(4000, 0x0800), until=5000),
        lambda: home(inter_pan(100, 0x0800), until=5000),
    ),
    "inter-pan-clusters": (lambda: home(inter_pan(1, 0x0702)), lambda: home(inter_pan(1, 0x0800))),
    "touchlink": (lambda: home(inter_pan(1, 0x1000)), lambda: home(inter_pan(1, 0x0800))),
}  # fmt: skip


test_broken_and_kept = each_of(CASES)


def test_a_network_without_inter_pan_frames_keeps_its_window() -> None:
    passes("inter-pan-window", home(until=4000))


def test_an_inter_pan_hand_over_under_a_key_is_allowed() -> None:
    passes("inter-pan-clusters", home(inter_pan(5, 0x0702, aps_security="ok")))


def test_a_neighbours_remote_that_looks_for_lamps_informs() -> None:
    """Scan Requests to all inform; a reset to all, or any of it to a device of the home, warns."""
    stub = dict.fromkeys(("nwk_src", "nwk_dst", "nwk_src_eui64", "nwk_dst_eui64"))
    stub |= {"mac_src": STRANGER, "mac_src_mode": "extended", "mac_dst_mode": "extended"}
    to_all = {"mac_dst": 0xFFFF, "mac_dst_mode": "short"}
    lamp, meter = {"mac_dst": STRANGER + 1}, {"mac_dst": METER}
    found = []
    for command, whom in ((0x00, to_all), (0x07, to_all), (0x07, lamp), (0x00, meter)):
        rows = home(inter_pan(1, 0x1000, zcl_command=command, **{**stub, **whom}))
        found.append([one.severity for one in check(rows, rules=["touchlink"]).findings])
    assert found == [["info"], ["warning"], ["info"], ["warning"]]
