"""Rules on inter pan: what breaks each of them, and what keeps it."""

from typing import Any

from tests.analysis.compliance.rows import home
from tests.analysis.frames import HUB, STRANGER, packet
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
