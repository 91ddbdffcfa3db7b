"""Rules on rejoining: what breaks each of them, and what keeps it."""

from analysis.engine.checking import check
from tests.analysis.anomalies.rows import command, stream
from tests.analysis.frames import GAS, HUB, METER, decoded, packet
from tests.analysis.verdicts import Case, each_of

CASES: dict[str, Case] = {
    "orphan-forged": (
        lambda: [*stream(10), command(5.5, 6, sender=METER, rssi=-85)],
        lambda: [*stream(10), command(60, 6, sender=METER)],
    ),
    "realignment-forged": (
        lambda: [command(5, 8, sender=HUB)],
        lambda: [command(4.5, 6), command(5, 8, sender=HUB)],
    ),
    "rejoin-loop": (
        lambda: [packet(n * 5, GAS, nwk_command=6, mac_seq=n) for n in range(5)],
        lambda: [packet(n * 900, GAS, nwk_command=6, mac_seq=n) for n in range(5)],
    ),
}  # fmt: skip


test_broken_and_kept = each_of(CASES)


def severities(number: int, numbered: bool = True) -> list[str]:
    """Of a notification with a number in the middle of two pauses of its device, heard as loud as all that it sends."""
    rows = [packet(n * 200.0, METER, mac_seq=(40 + n) if numbered else n * 97 % 256) for n in range(9)]
    rows[5:] = [{**row, "mac_seq": row["mac_seq"] + (3 if numbered else 0)} for row in rows[5:]]
    result = check(decoded([*rows, command(900, 6, sender=METER, mac_seq=number)]), rules=["orphan-forged"])
    assert not result.failures
    return [one.severity for one in result.findings]


def test_the_number_of_a_notification() -> None:
    """Its device's own proves nothing, one that its device cannot have at that place does."""
    assert severities(45) == severities(46) == ["info"]
    assert severities(12) == severities(44) == severities(48) == ["warning"]
    assert severities(12, numbered=False) == ["info"]
