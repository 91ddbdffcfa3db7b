"""Frame counters in columns give the verdicts of the one-frame path, block after block."""

import random
from zlib import crc32

import numpy as np
import pytest

from dissectors.security.counter_columns import counter_uses
from dissectors.security.counters import REPEAT_NS, CounterUse, FrameCounters

KEYS = (bytes(16), bytes(range(16)))


def traffic(rng: random.Random, count: int, step_ns: int) -> list[tuple[int, int, int, int, int, int]]:
    """Sender, key, counter, time, digest and mark of uses: many fresh, some sent again, some replayed."""
    out, counters, time_ns = [], [0] * 4, 0
    for _ in range(count):
        time_ns += rng.randrange(step_ns)
        if out and rng.random() < 0.4:
            sender, key, counter, _, digest, mark = rng.choice(out[-30:])
            out.append((sender, key, counter, time_ns, digest, rng.choice([mark, mark, mark + 1])))
            continue
        sender = rng.randrange(4)
        counters[sender] += rng.choice([1, 1, 1, 5])
        out.append(
            (sender, rng.randrange(2), counters[sender], time_ns, rng.randrange(1 << 32), rng.randrange(9))
        )
    return out


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("step_ns", [1_000_000, REPEAT_NS // 10, 2 * REPEAT_NS])
@pytest.mark.parametrize("size", [7, 100, 1000])
def test_verdicts_are_those_of_one_by_one(seed: int, step_ns: int, size: int) -> None:
    uses = traffic(random.Random(seed), 1000, step_ns)
    alone, memory = FrameCounters(), FrameCounters()
    for begin in range(0, len(uses), size):
        part = uses[begin : begin + size]
        expected = [
            alone.replayed(
                "nwk",
                sender,
                KEYS[key],
                CounterUse(begin + i + 1, counter, time_ns, crc32(digest.to_bytes(4, "little"), mark)),
            )
            for i, (sender, key, counter, time_ns, digest, mark) in enumerate(part)
        ]
        sender, key, counter, time_ns, digest, mark = (
            np.array(column, np.int64) for column in zip(*part, strict=True)
        )
        rows = np.arange(len(part))
        block = counter_uses(
            "nwk", KEYS, key, sender.astype(np.uint64), rows, (rows + begin + 1, time_ns),
            counter.astype(np.uint32), digest.astype(np.uint32), mark.astype(np.uint32),
        )  # fmt: skip
        assert block.replays(memory, REPEAT_NS).tolist() == expected
        block.finish_block(memory, len(part))
    for pair, track in alone.tracks.items():
        assert memory.track(pair).top == track.top
