"""Rules on load: what breaks each of them, and what keeps it."""

from typing import Any

import pytest

from analysis.engine.checking import check
from analysis.rules.load.rates import hourly, limits
from tests.analysis.anomalies.rows import Rows
from tests.analysis.frames import HUB, METER, decoded, packet, smart_energy
from tests.analysis.verdicts import Case, each_of


def asked(every: float, cluster: int = 0x0703, command: int = 0, number: int = 100, **more: Any) -> Rows:
    zcl = {
        "aps_cluster": cluster,
        "zcl_type": "cluster",
        "zcl_direction": "to-server",
        "zcl_command": command,
        **more,
    }
    return [
        smart_energy(n * every, METER, HUB, zcl_seq=n % 256, nwk_seq=n % 256, **zcl) for n in range(number)
    ]


def tunnels(*closed: int) -> Any:
    """Five tunnels that the hub opens to the meter; those named are closed before the next."""
    rows = []
    for n in range(5):
        said = {"time": packet(100 * n)["time"], "layer": "zcl", "cluster": 0x0704}
        granted = {
            **said,
            "frame": 2 * n + 1,
            "source": METER,
            "destination": HUB,
            "direction": "to-client",
            "command": 0,
        }
        rows += [{**granted, "field": name, "number": float(v), "value": str(v)}
                 for name, v in (("tunnel_id", n), ("tunnel_status", 0))]  # fmt: skip
        if n in closed:
            end = {
                **said,
                "frame": 2 * n + 2,
                "source": HUB,
                "destination": METER,
                "direction": "to-server",
                "command": 1,
            }
            end["time"] += 10**9
            rows.append({**end, "field": "tunnel_id", "number": float(n), "value": str(n)})
    return decoded([smart_energy(n * 50, METER, HUB) for n in range(12)], commands=rows)


def statuses(code: int) -> Any:
    rows = [
        {"frame": n + 1, "time": packet(60 * n)["time"], "layer": "nwk", "source": METER, "command": 3, "field": "status",
         "number": float(code), "value": str(code)}
        for n in range(3)
    ]  # fmt: skip
    return decoded([packet(60 * n) for n in range(3)], commands=rows)


CASES: dict[str, Case] = {
    "request-load": (lambda: asked(15), lambda: asked(120)),
    "tunnels-left-open": (tunnels, lambda: tunnels(0, 1, 2, 3, 4)),
    "address-conflict": (lambda: statuses(13), lambda: statuses(0)),
    "links-fail": (lambda: statuses(18), lambda: statuses(14)),
}

test_broken_and_kept = each_of(CASES)


def test_a_status_that_was_cut_is_no_failure_of_the_rule() -> None:
    for field, number in (("target", 5.0), ("status", None), ("target", None)):
        row = {"frame": 1, "time": packet(0)["time"], "layer": "nwk", "source": METER, "command": 3, "field": field,
               "number": number, "value": None}  # fmt: skip
        result = check(decoded([packet(0)], commands=[row]), rules=["links-fail"])
        assert not result.failures and not result.findings


@pytest.mark.parametrize(("asked_for", "most"), [
    (("zcl", "Messaging", "to-server", "Get Last Message", False), 60),
    (("zcl", "Messaging", "to-client", "Display Message", False), 12),
    (("zcl", "Time", "to-server", "Read Attributes", True), 90),
    (("zcl", "Metering", "to-server", "Read Attributes", True), 900),
    (("zdp", "", "", "Match_Desc_req", False), 40), (("nwk", "", "", "Network Status", False), 30),
    (("aps", "", "", "Request Key", False), 40), (("zcl", "OTA Upgrade", "to-server", "Image Block Request", False), None),
])  # fmt: skip
def test_each_kind_of_command_has_a_limit(asked_for: Any, most: float | None) -> None:
    assert hourly(*asked_for) == (float("inf") if most is None else most)
    assert limits()


def test_blocks_of_firmware_and_copies_of_a_frame_are_no_load() -> None:
    assert not check(decoded(asked(5, cluster=0x0019, command=3)), rules=["request-load"]).findings
    copies = [row for row in asked(240, number=20) for _ in range(6)]
    assert not check(decoded(copies), rules=["request-load"]).findings


def test_half_as_many_within_ten_minutes_are_too_many_too() -> None:
    [found] = check(decoded(asked(14, number=42)), rules=["request-load"]).findings
    assert "42 Get Last Message (Messaging) to" in found.evidence and "within 600 s" in found.evidence
