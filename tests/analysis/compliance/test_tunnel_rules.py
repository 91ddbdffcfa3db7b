"""Each rule about tunnels: an exchange that breaks it, and its twin that keeps it."""

from typing import Any

import pytest

from analysis.findings import check
from tests.analysis.frames import GAS, HUB, METER, STRANGER, decoded, devices, packet, smart_energy

DISPLAY = 0x90B3D51F30030000
ROLES = {"CHF": HUB, "ESME": METER, "GSME": GAS, "PPMID": STRANGER}
NAMES = {  # command and direction of cluster 0x0704
    "request": (0x00, "to-server"), "close": (0x01, "to-server"), "data": (0x02, "to-server"), "error-back": (0x03, "to-server"),
    "granted": (0x00, "to-client"), "data-back": (0x01, "to-client"), "error": (0x02, "to-client"),
}  # fmt: skip
Step = tuple[float, int, int, str, dict[str, Any]]


def step(seconds: float, source: int, destination: int, name: str, **fields: Any) -> Step:
    """One command of the Tunneling cluster; texts go to ``value``, numbers to ``number`` as well."""
    return seconds, source, destination, name, fields


def exchange(*steps: Step, until: float = 0.0, roles: dict[str, int] | None = None, **tables: Any) -> Any:
    """The tables of a capture with `steps`, that ends `until` seconds after its start."""
    rows, commands = [], []
    ordered = sorted(steps, key=lambda s: s[0])
    for number, (seconds, source, destination, name, fields) in enumerate(ordered, 1):
        row = smart_energy(seconds, aps_cluster=0x0704)
        rows.append({**row, "nwk_src_eui64": source, "nwk_dst_eui64": destination, "nwk_sender": source})
        identifier, direction = NAMES[name]
        base = {
            "frame": number, "time": row["time"], "layer": "zcl", "source": source, "destination": destination,
            "cluster": 0x0704, "direction": direction, "command": identifier,
        }  # fmt: skip
        for field, value in (fields or {"protocol_id": 6}).items():
            number_of = float(value) if not isinstance(value, str) else None
            commands.append({**base, "field": field, "value": str(value), "number": number_of})
    if until:
        rows.append(smart_energy(until))
    return decoded(rows, commands=commands, devices=devices(**(roles or ROLES)), **tables)


def opened(seconds: float = 0.0, client: int = HUB, server: int = METER, tunnel: int = 1) -> list[Step]:
    return [
        step(seconds, client, server, "request"),
        step(seconds + 1, server, client, "granted", tunnel_id=tunnel, tunnel_status=0),
    ]


def sent(seconds: float, octets: str = "dd00", source: int = HUB, to: int = METER, tunnel: int = 1) -> Step:
    return step(seconds, source, to, "data", tunnel_id=tunnel, data=octets)


def answered(seconds: float, octets: str, source: int = HUB, to: int = GAS, tunnel: int = 1) -> Step:
    return step(seconds, source, to, "data-back", tunnel_id=tunnel, data=octets)


def fetched(seconds: float) -> Step:
    return sent(seconds, "01", GAS, HUB)


def refused(status: int, then: float, closes: bool = False) -> Any:
    steps = [step(0, HUB, METER, "request"), step(1, METER, HUB, "granted", tunnel_id=0xFFFF, tunnel_status=status)]  # fmt: skip
    steps += [step(then - 0.5, HUB, METER, "close", tunnel_id=1)] if closes else []
    return exchange(*steps, step(then, HUB, METER, "request"))


def refused_data(*culprit: int) -> Any:
    """A neighbour's data is refused (nearly the same EUI-64); and, for each `culprit`, its own."""
    steps = [sent(1, source=METER, to=HUB), sent(1.1, source=METER + 1, to=HUB), sent(90, source=METER + 1, to=HUB)]  # fmt: skip
    errors = [
        step(2, HUB, who, "error", tunnel_id=1, transfer_data_status=0) for who in (METER + 1, *culprit)
    ]
    return exchange(*steps, *errors, roles={"CHF": HUB, "ESME": METER + 1, "SAPC": METER})


def pending(*steps: Step, flags: int = 1 << 21, until: float = 300.0) -> Any:
    told = {
        "frame": 1, "time": packet(10)["time"], "source": HUB, "destination": GAS, "cluster": 0x0702,
        "attribute_name": "FunctionalNotificationFlags", "number": float(flags),
    }  # fmt: skip
    return exchange(step(0, GAS, HUB, "request"), *steps, until=until, attributes=[told])


CASES = {
    "tunnel-payload-size": (
        lambda: exchange(sent(1, "00" * 1501)),
        lambda: exchange(sent(1, "0x" + " ".join(["00"] * 1500))),
    ),
    "tunnel-roles": (
        lambda: exchange(step(1, HUB, GAS, "request")),
        lambda: exchange(step(1, HUB, METER, "request"), step(2, GAS, HUB, "request")),
    ),
    "tunnel-id-unknown": (
        lambda: exchange(*opened(), sent(5, tunnel=7)),
        lambda: exchange(*opened(), *opened(10, tunnel=2), sent(5), sent(15, tunnel=2), answered(16, "00", METER, HUB)),
    ),
    "tunnel-injection": (
        lambda: exchange(*opened(), sent(5), sent(6, source=STRANGER)),
        lambda: exchange(*opened(), *opened(2, STRANGER), sent(5), sent(6, source=STRANGER)),
    ),
    "tunnel-data-refused": (
        lambda: exchange(sent(1), step(2, METER, HUB, "error", tunnel_id=1, transfer_data_status=0)),
        lambda: exchange(sent(1), step(2, METER, HUB, "error", tunnel_id=1, transfer_data_status=2)),
    ),
    "tunnel-flood": (
        lambda: exchange(*(step(n * 5, STRANGER, HUB, "request") for n in range(6))),
        lambda: exchange(*(step(n * 30, STRANGER, HUB, "request") for n in range(6))),
    ),
    "tunnel-refused": (lambda: refused(2, 10), lambda: exchange(*opened())),
    "tunnel-busy-retry": (lambda: refused(1, 20), lambda: refused(1, 185)),
    "tunnel-full-close": (lambda: refused(2, 20), lambda: refused(2, 20, closes=True)),
    "tunnel-renewal": (
        lambda: exchange(*opened(), until=70_000),
        lambda: exchange(*opened(), *opened(60_000, tunnel=2), until=70_000),
    ),
    "gas-tunnel-header": (
        lambda: exchange(fetched(1), answered(2, "0400")),
        lambda: exchange(fetched(1), answered(2, "0200"), sent(3, "03dd", GAS, HUB), sent(4, "dd00")),
    ),
    "gas-tunnel-unasked": (
        lambda: exchange(fetched(1), answered(2, "0200"), answered(200, "0200")),
        lambda: exchange(fetched(1), answered(2, "0201"), fetched(199), answered(200, "0200")),
    ),
    "gas-tunnel-remaining": (
        lambda: exchange(*(s for n in range(5) for s in (fetched(n * 2), answered(n * 2 + 1, "0203")))),
        lambda: exchange(*(s for n in range(5) for s in (fetched(n * 2), answered(n * 2 + 1, f"020{4 - n}")))),
    ),
    "gas-tunnel-pending": (lambda: pending(), lambda: pending(fetched(40))),
}  # fmt: skip


@pytest.mark.parametrize("rule", CASES)
def test_broken_and_kept(rule: str) -> None:
    found = check(CASES[rule][0](), rules=[rule])
    assert not found.failures and found.findings, [v.text for v in found.verdicts]
    assert all(f.frames and f.evidence for f in found.findings)
    quiet = check(CASES[rule][1](), rules=[rule])
    assert not quiet.failures and not quiet.findings, [f.evidence for f in quiet.findings]
    assert {v.state for v in quiet.verdicts} == {"pass"}


def test_refused_data_is_laid_to_its_sender_not_to_a_neighbour_of_nearly_the_same_address() -> None:
    found = check(refused_data(), rules=["tunnel-data-refused"])
    assert [f"{METER + 1:016x}" in f.device for f in found.findings] == [True]
    both = check(refused_data(METER), rules=["tunnel-data-refused"])
    assert len(both.findings) == 2


def test_a_message_told_of_at_the_very_end_may_still_be_fetched() -> None:
    result = check(pending(until=30.0), rules=["gas-tunnel-pending"])
    assert not result.findings and not result.failures
    assert not check(pending(flags=1 << 20), rules=["gas-tunnel-pending"]).findings


def test_a_stranger_who_talks_alone_is_found_without_the_openings() -> None:
    talk = [s for n in range(4) for s in (sent(n * 10), answered(n * 10 + 1, "00", METER, HUB))]
    alone = [sent(700 + n, source=STRANGER) for n in range(3)]
    assert len(check(exchange(*talk, *alone), rules=["tunnel-injection"]).findings) == 1
    assert not check(exchange(*talk), rules=["tunnel-injection"]).findings
