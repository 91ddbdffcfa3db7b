"""The chain of records is that of stepping from record to record, whatever the frames hold."""

import io
import random
import struct

import pytest

from captures import open_capture
from captures.files import chain


def frames(rng: random.Random, count: int) -> list[bytes]:
    """Frames of all lengths; many full of zeros, of ones, or of octets that look like record headers."""
    out = []
    for _ in range(count):
        length = rng.choice([rng.randrange(20), rng.randrange(128), 255, 256, 257, 512, rng.randrange(700)])
        kind = rng.randrange(4)
        header = struct.pack(rng.choice("<>") + "IIII", 1_700_000_000, 5, *[rng.choice([0, 5, 300])] * 2)
        filled = (bytes(length), b"\xff" * length, header * 45, rng.randbytes(length))[kind]
        out.append(filled[:length])
    return out


def pcap(rng: random.Random, order: str) -> bytes:
    out = [struct.pack(order + "IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 230)]
    for number, frame in enumerate(frames(rng, 800)):
        more = rng.choice([0] * 9 + [7])  # some are cut by the snap length
        out += [
            struct.pack(order + "IIII", 1_700_000_000 + number, number, len(frame), len(frame) + more),
            frame,
        ]
    return b"".join(out)


def pcapng(rng: random.Random, order: str) -> bytes:
    out = [struct.pack(order + "IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)]
    out.append(struct.pack(order + "IIHHII", 1, 20, 230, 0, 0, 20))
    for number, frame in enumerate(frames(rng, 800)):
        padded = frame + bytes(-len(frame) % 4)
        whole = 32 + len(padded)
        head = struct.pack(order + "IIIIIII", 6, whole, 0, 0, number, len(frame), len(frame))
        out += [head, padded, struct.pack(order + "I", whole)]
        if rng.random() < 0.1:  # a block of another kind
            out.append(struct.pack(order + "IIII", 5, 16, 0, 16))
    return b"".join(out)


def read(octets: bytes) -> list[bytes]:
    with open_capture(io.BytesIO(octets)) as capture:
        return [block.record(row) for block in capture for row in range(len(block))]


@pytest.mark.parametrize("make", [pcap, pcapng])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("seed", range(3))
def test_runs_and_steps_give_the_same_records(
    monkeypatch: pytest.MonkeyPatch, make: object, order: str, seed: int
) -> None:
    octets = make(random.Random(seed), order)  # type: ignore[operator]
    in_runs = read(octets)
    assert in_runs == frames(random.Random(seed), 800)
    monkeypatch.setattr(chain, "STEPS", 0)  # every window is too much interrupted
    assert read(octets) == in_runs
