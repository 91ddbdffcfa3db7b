"""Rules on joining: what breaks each of them, and what keeps it."""

from typing import Any

from analysis.engine.checking import check
from tests.analysis.anomalies.rows import command, stream
from tests.analysis.frames import GAS, HUB, METER, STRANGER, decoded
from tests.analysis.verdicts import Case, each_of


def associate(seconds: float, eui: int) -> dict[str, Any]:
    return command(seconds, 1, mac_src=eui, mac_src_mode="extended", nwk_sender=None)


def joining(*after: dict[str, Any], answers: tuple[int, ...] = (), tries: int = 2, eui: int = GAS) -> Any:
    """A gas meter (or another device) asks to associate, is answered with these codes, and sends what follows."""
    asks = [associate(10 + n, eui) for n in range(tries)]
    said = [command(20 + n, 2, sender=HUB, mac_dst=GAS, mac_dst_mode="extended") for n in range(len(answers))]
    frames = [*asks, *said, *after, *stream(2, start=400)]
    numbered = [{"frame": n, **row} for n, row in enumerate(frames, 1)]
    fields = [
        {
            "frame": len(asks) + n,
            "layer": "mac",
            "command": 2,
            "field": "status",
            "number": code,
            "meaning": "PAN access denied",
        }
        for n, code in enumerate(answers, 1)
    ]
    return decoded(numbered, commands=fields)


CASES: dict[str, Case] = {
    "association-fails": (joining, lambda: joining(*stream(3, GAS, start=30), answers=(0,))),
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
    "key-request-polls": (
        lambda: [command(0, 2, sender=HUB)] + [command(0.1 + n / 20, 4, mac_seq=n, mac_ack_request=True) for n in range(20)],
        lambda: [command(0, 2, sender=HUB)] + [command(0.1 + n, 4, mac_seq=n, mac_ack_request=True) for n in range(20)],
    ),
}  # fmt: skip


test_broken_and_kept = each_of(CASES)


def test_how_far_a_joiner_came_is_said() -> None:
    def told(table: Any) -> tuple[str, str]:
        (found,) = check(table, rules=["association-fails"]).findings
        return found.severity, found.evidence

    assert told(joining())[1].startswith("2 requests, no answer")
    assert told(joining(answers=(2,), tries=1)) == ("warning", "1 request, refused: PAN access denied")
    assert told(joining(answers=(0,), tries=1))[1] == "1 request, associated, and no secured frame from it"
    assert told(joining(tries=1, eui=STRANGER))[0] == "info"
