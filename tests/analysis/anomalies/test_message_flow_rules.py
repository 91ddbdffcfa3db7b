"""Rules on message flow: what breaks each of them, and what keeps it."""

from typing import Any

import pytest

from tests.analysis.anomalies.rows import stream
from tests.analysis.frames import METER, decoded, packet
from tests.analysis.verdicts import Case, each_of, passes

TUNNEL = {"aps_type": "data", "aps_profile": 0x0109, "aps_cluster": 0x0704, "aps_security": "ok"}


def message(number: int, cra: str, seconds: float, payload: str = "plain", **more: Any) -> dict[str, Any]:
    meter, supplier = f"{METER:016x}", "90b3d51f30000002"
    ends = (supplier, meter) if cra == "command" else (meter, supplier)
    row = {
        "message": number, "kind": "gbcs", "cra": cra, "message_code": 0x0059, "use_case": "ECS52",
        "time": packet(seconds)["time"], "frames": [1], "originator": ends[0], "recipient": ends[1],
        "originator_counter": number, "payload_kind": payload, "length": 80,
    }  # fmt: skip
    return {**row, **more}


def commands_answered(answered: bool) -> Any:
    rows = [message(n, "command", n * 10) for n in (1, 2, 3)]
    answers = [message(n + 10, "response", n * 10 + 1, originator_counter=n) for n in (1, 2, 3) if answered]
    return decoded(stream(100, step=30, **TUNNEL), messages=[*rows, *answers])


def blocks(whole: bool) -> Any:
    rows = [message(n, "response", n, "gbt", originator_counter=9) for n in (1, 2)]
    rows += [message(3, "response", 3, originator_counter=9)] if whole else []
    return decoded(stream(100, step=30, **TUNNEL), messages=rows)


def fragmented(whole: bool) -> Any:
    """Four payloads of three blocks; the last block makes a payload whole."""
    rows = []
    for n in range(12):
        last = {"zcl_command": 2} if whole and n % 3 == 2 else {"summary": "APS data, fragment"}
        rows.append(packet(n * 20.0 / 3, aps_counter=n // 3, mac_seq=n, **TUNNEL, **last))
    return decoded([*rows, packet(200.0, **TUNNEL, zcl_command=0)])


def cut(bare: bool) -> Any:
    rows = [message(1, "command", 1), message(2, "command", 2, **({"kind": "dlms"} if bare else {}))]
    return decoded(stream(5, **TUNNEL), messages=rows)


def codes(result: int) -> Any:
    shared = {"cluster": 0x0705, "command": 3, "direction": "to-client", "field": "result_type"}
    rows = [
        {"frame": n + 1, "time": packet(n * 60)["time"], "source": METER, "number": result, **shared}
        for n in range(5)
    ]
    return decoded(stream(5, **TUNNEL), commands=rows)


CASES: dict[str, Case] = {
    "device-unresponsive": (lambda: commands_answered(False), lambda: commands_answered(True)),
    "block-missing": (lambda: blocks(False), lambda: blocks(True)),
    "fragments-missing": (lambda: fragmented(False), lambda: fragmented(True)),
    "message-cut": (lambda: cut(True), lambda: cut(False)),
    "top-up-guessing": (lambda: codes(1), lambda: codes(0)),
}  # fmt: skip


test_broken_and_kept = each_of(CASES)


@pytest.mark.parametrize("result", [0x10, 0x11, 0x12])
def test_a_top_up_that_switches_the_supply_is_accepted(result: int) -> None:
    """ResultType 0x10 to 0x12 (ZSE D.7.2.4.4): accepted, and the supply is now on, off or armed."""
    passes("top-up-guessing", codes(result))
