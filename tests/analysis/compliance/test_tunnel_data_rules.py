"""Rules on tunnel data: what breaks each of them, and what keeps it."""

from typing import Any

from analysis.engine.checking import check
from tests.analysis.compliance.tunnels import answered, exchange, opened, sent, step
from tests.analysis.frames import GAS, HUB, METER, STRANGER
from tests.analysis.verdicts import Case, each_of


def refused_data(*culprit: int) -> Any:
    """A neighbour's data is refused (nearly the same EUI-64); and, for each `culprit`, its own."""
    steps = [sent(1, source=METER, to=HUB), sent(1.1, source=METER + 1, to=HUB), sent(90, source=METER + 1, to=HUB)]  # fmt: skip
    errors = [
        step(2, HUB, who, "error", tunnel_id=1, transfer_data_status=0) for who in (METER + 1, *culprit)
    ]
    return exchange(*steps, *errors, roles={"CHF": HUB, "ESME": METER + 1, "SAPC": METER})


CASES: dict[str, Case] = {
    "tunnel-payload-size": (
        lambda: exchange(sent(1, "00" * 1501)),
        lambda: exchange(sent(1, "0x" + " ".join(["00"] * 1500))),
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
}  # fmt: skip


test_broken_and_kept = each_of(CASES)


def test_refused_data_is_laid_to_its_sender_not_to_a_neighbour_of_nearly_the_same_address() -> None:
    found = check(refused_data(), rules=["tunnel-data-refused"])
    assert [f"{METER + 1:016x}" in f.device for f in found.findings] == [True]
    both = check(refused_data(METER), rules=["tunnel-data-refused"])
    assert len(both.findings) == 2


def test_a_stranger_who_talks_alone_is_found_without_the_openings() -> None:
    talk = [s for n in range(4) for s in (sent(n * 10), answered(n * 10 + 1, "00", METER, HUB))]
    alone = [sent(700 + n, source=STRANGER) for n in range(3)]
    assert len(check(exchange(*talk, *alone), rules=["tunnel-injection"]).findings) == 1
    assert not check(exchange(*talk), rules=["tunnel-injection"]).findings


def test_two_servers_may_give_the_same_number() -> None:
    # the gas meter's tunnel at the hub; the electricity meter's own was opened before the capture began
    talk = [s for n in range(3) for s in (sent(n * 10 + 5), answered(n * 10 + 6, "00", METER, HUB))]
    assert not check(exchange(*opened(0, GAS, HUB), *talk), rules=["tunnel-injection"]).findings
    stolen = sent(40, source=STRANGER, to=HUB)
    assert check(exchange(*opened(0, GAS, HUB), *talk, stolen), rules=["tunnel-injection"]).findings
