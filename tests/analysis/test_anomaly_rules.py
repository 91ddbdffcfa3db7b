"""Each rule finds what it is for in a small capture made by hand, and is quiet on the healthy twin of it."""

from collections.abc import Callable
from typing import Any

import pytest

from analysis.findings import CheckResult, check
from tests.analysis.frames import GAS, HUB, METER, SHORTS, STRANGER, decoded, mac_only, packet

Rows = list[dict[str, Any]]


def run(rule: str, tables: Any) -> CheckResult:
    tables = decoded(tables) if isinstance(tables, list) else tables
    result = check(tables, rules=[rule])
    assert not result.failures
    return result


def stream(count: int = 20, sender: int = METER, step: float = 1.0, start: float = 0.0, **more: Any) -> Rows:
    return [packet(start + n * step, sender, mac_seq=n % 256, **more) for n in range(count)]


def key_frame(**more: Any) -> Rows:
    base = {"aps_type": "command", "aps_command": 5, "aps_security": "ok", "aps_key": "keys.toml"}
    return [packet(1, HUB, GAS, **{**base, "nwk_security": "none", "aps_key_id": "key-transport", **more})]


def acked(row: dict[str, Any], delay: float = 0.002, **more: Any) -> Rows:
    seconds = row["time"] / 1e9 - 1_700_000_000 + delay
    return [
        row,
        {**mac_only(seconds, "ack", mac_seq=row["mac_seq"], mac_src=None, mac_src_mode="none"), **more},
    ]


def beacon(seconds: float, epid: int = HUB, permit: bool = False, **more: Any) -> dict[str, Any]:
    return mac_only(
        seconds, "beacon", sender=HUB, beacon_epid=epid, beacon_permit=permit, mac_dst=None, **more
    )


def command(seconds: float, number: int, **more: Any) -> dict[str, Any]:
    return mac_only(seconds, "command", mac_command=number, **more)


def associate(seconds: float, eui: int) -> dict[str, Any]:
    return command(seconds, 1, mac_src=eui, mac_src_mode="extended", nwk_sender=None)


def numbered(*counters: int, step: float = 1.0, **more: Any) -> Rows:
    return [
        packet(n * step, nwk_counter=c, nwk_digest=1000 + n, mac_seq=n, **more)
        for n, c in enumerate(counters)
    ]


def polls(kept: bool) -> Rows:
    rows: Rows = []
    for n in range(10):
        poll = command(n * 10.0, 4, sender=GAS, mac_seq=n)
        rows += acked(poll, mac_pending=True)
        if kept:
            rows.append(packet(n * 10.0 + 0.01, HUB, GAS, mac_seq=100 + n))
    return rows


def retried(answered: bool) -> Rows:
    rows: Rows = []
    for n in range(30):
        first = packet(n * 1.0, mac_seq=n, nwk_counter=n + 1, nwk_digest=n)
        again = packet(n * 1.0 + 0.01, mac_seq=n, nwk_counter=n + 1, nwk_digest=n)
        rows += acked(first) if answered or n > 20 else [first, again]
    return rows


def damaged(every: int, **more: Any) -> Rows:
    return [packet(n * 0.5, mac_seq=n % 256, fcs_ok=n % every != 0, **more) for n in range(240)]


def by_length(bad: int) -> Rows:
    good = [packet(100 + n, length=bad or 28) for n in range(4)]
    mixed = [
        packet(n, mac_seq=n, length=size, fcs_ok=size != bad) for n in range(20) for size in (28, 60, 90)
    ]
    return good + mixed


def jammed_acks(answered: bool) -> Rows:
    rows: Rows = stream(200, start=500)
    for n in range(8):
        bad = packet(n * 5.0, mac_seq=n, fcs_ok=False)
        rows += acked(bad) if answered else [bad]
    return rows


def beacons_of_two(bad: bool) -> Rows:
    rows = [*stream(80), *(beacon(n, fcs_ok=not bad) for n in range(10))]
    return rows + [beacon(n + 0.5, epid=5, mac_src_pan=0x2222, fcs_ok=True) for n in range(10)]


def cloned(second: bool) -> Rows:
    rows = [packet(n * 1.0, mac_seq=n, rssi=-50) for n in range(60)]
    return rows + [
        packet(n * 5.0 + 0.5, mac_seq=(n * 7 + 130) % 256, rssi=-80 if second else -50)
        for n in range(12 * second)
    ]


def leave(request: int, sender: int) -> Any:
    rows = [packet(1, sender, GAS, nwk_type="command", nwk_command=4)]
    fields = [{"frame": 1, "layer": "nwk", "command": 4, "field": "request", "number": request}]
    return decoded(rows, commands=fields)


def announce(moves: bool) -> Any:
    rows = [packet(1, METER, None), packet(5, METER, nwk_src=0x7777 if not moves else SHORTS[METER])]
    fields = [
        {
            "frame": 1,
            "layer": "zdp",
            "cluster": 0x13,
            "field": "nwk_address",
            "number": 0x7777,
            "value": "0x7777",
        },
        {"frame": 1, "layer": "zdp", "cluster": 0x13, "field": "ieee_address", "value": f"{METER:016x}"},
    ]
    times = [{**f, "time": rows[0]["time"]} for f in fields]
    return decoded(rows, commands=times)


def asks(every: float) -> Rows:
    ask = {"aps_type": "data", "aps_cluster": 0x000A, "zcl_type": "general", "zcl_command": 0}
    return [
        packet(n * every, zcl_direction="to-server", zcl_seq=n % 256, aps_counter=n % 256, **ask)
        for n in range(100)
    ]


def silent_after(seconds: float) -> Rows:
    others = stream(200, HUB, step=60.0)
    return others + [packet(n * 600.0, GAS, mac_seq=n) for n in range(20) if n * 600 <= seconds]


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


def neighbour(shut: bool) -> Rows:
    other = {"mac_dst_pan": 0x2222, "mac_src_pan": 0x2222, "nwk_security": "no_key" if shut else "ok"}
    return [*stream(30), *stream(30, STRANGER, start=100, **other)]


def channel(word: int) -> Any:
    row = {"cluster": 0x070B, "attribute": 0, "direction": "to-client", "source": HUB, "number": word}
    return decoded(stream(5), attributes=[{"frame": 1, "time": packet(0)["time"], "meaning": "", **row}])


TUNNEL = {"aps_type": "data", "aps_profile": 0x0109, "aps_cluster": 0x0704, "aps_security": "ok"}


def asked_to_rejoin(**key: Any) -> Rows:
    rejoin = packet(0.5, GAS, HUB, nwk_type="command", nwk_command=6, nwk_security="none", nwk_sender=None)
    return [rejoin, *key_frame(**key)]


CASES: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
    "device-unresponsive": (lambda: commands_answered(False), lambda: commands_answered(True)),
    "block-missing": (lambda: blocks(False), lambda: blocks(True)),
    "message-cut": (lambda: cut(True), lambda: cut(False)),
    "top-up-guessing": (lambda: codes(1), lambda: codes(0)),
    "neighbour-network": (lambda: neighbour(True), lambda: neighbour(False)),
    "sub-ghz-channel-moves": (lambda: channel(14), lambda: channel(0)),
    "pan-id-moved": (
        lambda: [packet(1, HUB, None, nwk_type="command", nwk_command=10)],
        lambda: [packet(1, HUB, None, nwk_type="command", nwk_command=8)],
    ),
    "request-flood": (lambda: asks(0.5), lambda: asks(10.0)),
    "device-silent": (lambda: silent_after(4000), lambda: silent_after(12_000)),
    "transport-key-in-clear": (lambda: key_frame(aps_security="none"), key_frame),
    "transport-key-network-only": (
        lambda: key_frame(aps_security="none", nwk_security="ok"),
        lambda: key_frame(nwk_security="ok"),
    ),
    "transport-key-well-known": (lambda: key_frame(aps_key="well-known: ZigBeeAlliance09"), key_frame),
    "well-known-key-opens-frames": (
        lambda: decoded(stream(3, aps_security="ok", aps_key="well-known"), keys=[{"kind": "link"}]),
        lambda: decoded(stream(3, aps_security="ok", aps_key="keys.toml"), keys=[{"kind": "link"}]),
    ),
    "nwk-replay": (
        lambda: [*numbered(*range(10)), packet(30, nwk_counter=3, nwk_digest=1003)],
        lambda: [*numbered(*range(10)), packet(3.02, mac_seq=3, nwk_counter=3, nwk_digest=1003)],
    ),
    "aps-replay": (
        lambda: [packet(t, aps_security="ok", aps_sender=METER, aps_frame_counter=9, aps_digest=9) for t in (0, 90)],
        lambda: [packet(t, aps_security="ok", aps_sender=METER, aps_frame_counter=9, aps_digest=9) for t in (0, 3)],
    ),
    "nonce-reuse": (lambda: numbered(5, 6, 7, 6), lambda: numbered(5, 6, 7, 8)),
    "nwk-counter-back": (lambda: numbered(100, 101, 5, 6, step=20), lambda: numbered(100, 102, 101, 103, step=2)),
    "aps-counter-back": (
        lambda: [*numbered(1, 2, 3, step=20, aps_security="ok", aps_sender=METER, aps_frame_counter=9), packet(90, aps_security="ok", aps_sender=METER, aps_frame_counter=2)],
        lambda: [packet(t * 20, aps_security="ok", aps_sender=METER, aps_frame_counter=t) for t in range(5)],
    ),
    "counter-near-exhaustion": (lambda: numbered(0x80000001, 0x80000002), lambda: numbered(1, 2)),
    "counter-jump": (lambda: numbered(1, 2, 9_000_000), lambda: numbered(1, 2, 9000)),
    "counter-lockout": (lambda: numbered(100, 101, 900_000, 102, 103, step=20), lambda: numbered(100, 101, 3, 4, step=20)),
    "pan-id-conflict": (lambda: [beacon(0), beacon(1, epid=77)], lambda: [beacon(0), beacon(1)]),
    "pan-id-conflict-report": (lambda: [command(1, 5)], lambda: [command(1, 4)]),
    "beacon-two-voices": (
        lambda: [beacon(n, mac_seq=0xD8) for n in range(5)],
        lambda: [beacon(n, mac_seq=n) for n in range(5)],
    ),
    "permit-join-long": (
        lambda: [beacon(n * 600, permit=True) for n in range(12)],
        lambda: [beacon(n * 600, permit=n < 3) for n in range(12)],
    ),
    "beacon-request-scan": (
        lambda: [command(n, 7) for n in range(30)],
        lambda: [command(n * 10, 7) for n in range(30)],
    ),
    "beacons-jammed": (lambda: beacons_of_two(True), lambda: beacons_of_two(False)),
    "association-flood": (
        lambda: [associate(n, 0x1111_0000_0000_0000 + n) for n in range(15)],
        lambda: [associate(n * 60, 0x1111_0000_0000_0000 + n) for n in range(15)],
    ),
    "association-of-present-device": (
        lambda: [*stream(20), associate(10.5, METER)],
        lambda: [*stream(20), associate(90, METER)],
    ),
    "association-answer-rogue": (
        lambda: [command(n, 2, sender=s, mac_dst=GAS, mac_dst_mode="extended") for n, s in enumerate((HUB, STRANGER))],
        lambda: [command(n, 2, sender=HUB, mac_dst=GAS, mac_dst_mode="extended") for n in range(2)],
    ),
    "orphan-forged": (
        lambda: [*stream(10), command(5.5, 6, sender=METER, rssi=-85)],
        lambda: [*stream(10), command(60, 6, sender=METER)],
    ),
    "realignment-forged": (
        lambda: [command(5, 8, sender=HUB)],
        lambda: [command(4.5, 6), command(5, 8, sender=HUB)],
    ),
    "disassociation": (lambda: [command(1, 3)], lambda: [command(1, 4)]),
    "leave-flood": (
        lambda: [packet(n, HUB, GAS, nwk_command=4, mac_seq=n) for n in range(8)],
        lambda: [packet(n * 90, HUB, GAS, nwk_command=4, mac_seq=n) for n in range(8)],
    ),
    "leave-source": (lambda: leave(1, STRANGER), lambda: leave(1, HUB)),
    "rejoin-loop": (
        lambda: [packet(n * 5, GAS, nwk_command=6, mac_seq=n) for n in range(5)],
        lambda: [packet(n * 900, GAS, nwk_command=6, mac_seq=n) for n in range(5)],
    ),
    "announce-forged": (lambda: announce(True), lambda: announce(False)),
    "key-request-polls": (
        lambda: [command(0, 2, sender=HUB)] + [command(0.1 + n / 20, 4, mac_seq=n, mac_ack_request=True) for n in range(20)],
        lambda: [command(0, 2, sender=HUB)] + [command(0.1 + n, 4, mac_seq=n, mac_ack_request=True) for n in range(20)],
    ),
    "bad-fcs-share": (lambda: damaged(3), lambda: damaged(50)),
    "missing-acknowledgements": (lambda: retried(False), lambda: retried(True)),
    "retries": (lambda: retried(False), lambda: retried(True)),
    "retry-copies": (
        lambda: [packet(n * 0.01, mac_seq=1, nwk_counter=5, nwk_digest=5) for n in range(12)],
        lambda: [packet(n * 0.01, mac_seq=1, nwk_counter=5, nwk_digest=5) for n in range(4)],
    ),
    "ack-after-damaged-frame": (lambda: jammed_acks(True), lambda: jammed_acks(False)),
    "jamming-by-length": (lambda: by_length(28), lambda: by_length(0)),
    "pending-without-data": (lambda: polls(False), lambda: polls(True)),
    "junk-frames": (
        lambda: stream(10, HUB, receiver=GAS) + stream(8, HUB, receiver=GAS, length=127, nwk_security="bad_mic"),
        lambda: stream(10, HUB, receiver=GAS) + stream(2, HUB, receiver=GAS, length=127, nwk_security="bad_mic"),
    ),
    "weak-signal": (lambda: stream(20, rssi=-95), lambda: stream(20, rssi=-60)),
    "cloned-address": (lambda: cloned(True), lambda: cloned(False)),
    "nwk-unsecured-frame": (lambda: stream(3, nwk_security="none"), lambda: stream(3)),
    "rejoin-unsecured": (lambda: asked_to_rejoin(), lambda: [packet(1, GAS, nwk_command=6)]),
    "rejoin-key-well-known": (lambda: asked_to_rejoin(aps_key="well-known"), lambda: asked_to_rejoin()),
    "leave-unsecured": (
        lambda: [packet(1, HUB, nwk_command=4, nwk_security="none")],
        lambda: [packet(1, HUB, nwk_command=4)],
    ),
    "mic-fails": (lambda: stream(5) + stream(2, start=9, nwk_security="bad_mic"), lambda: stream(5)),
    "key-sequence-old": (
        lambda: [packet(t, nwk_key_seq=s) for t, s in ((0, 0), (10, 1), (40, 0))],
        lambda: [packet(t, nwk_key_seq=s) for t, s in ((0, 0), (10, 1), (40, 1))],
    ),
    "key-sequence-unannounced": (
        lambda: [packet(t, nwk_key_seq=s) for t, s in ((0, 0), (10, 1), (11, 1))],
        lambda: [packet(t, nwk_key_seq=s, aps_command=9 if t == 5 else None) for t, s in ((0, 0), (5, 0), (10, 1), (11, 1))],
    ),
}  # fmt: skip


@pytest.mark.parametrize("rule", CASES)
def test_rule_finds_its_fault(rule: str) -> None:
    result = run(rule, CASES[rule][0]())
    assert result.findings, [v.text for v in result.verdicts]
    assert result.findings[0].frames
    assert result.verdicts


@pytest.mark.parametrize("rule", CASES)
def test_rule_is_quiet_on_the_healthy_twin(rule: str) -> None:
    result = run(rule, CASES[rule][1]())
    assert not result.findings, [f.evidence for f in result.findings]
    assert {v.state for v in result.verdicts} == {"pass"}
