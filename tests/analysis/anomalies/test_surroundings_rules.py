"""Rules on surroundings: what breaks each of them, and what keeps it."""

from typing import Any

from tests.analysis.anomalies.rows import Rows, stream
from tests.analysis.frames import HUB, STRANGER, decoded, packet
from tests.analysis.verdicts import Case, each_of


def neighbour(shut: bool) -> Rows:
    other = {"mac_dst_pan": 0x2222, "mac_src_pan": 0x2222, "nwk_security": "no_key" if shut else "ok"}
    return [*stream(30), *stream(30, STRANGER, start=100, **other)]


def channel(word: int) -> Any:
    row = {"cluster": 0x070B, "attribute": 0, "direction": "to-client", "source": HUB, "number": word}
    return decoded(stream(5), attributes=[{"frame": 1, "time": packet(0)["time"], "meaning": "", **row}])


CASES: dict[str, Case] = {
    "neighbour-network": (lambda: neighbour(True), lambda: neighbour(False)),
    "sub-ghz-channel-moves": (lambda: channel(14), lambda: channel(0)),
    "pan-id-moved": (
        lambda: [packet(1, HUB, None, nwk_type="command", nwk_command=10)],
        lambda: [packet(1, HUB, None, nwk_type="command", nwk_command=8)],
    ),
}  # fmt: skip


test_broken_and_kept = each_of(CASES)
