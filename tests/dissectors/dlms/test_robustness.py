"""Arbitrary, mutated and cut octets: no exception, a whole tree, memory bounded by the input."""

import random
import tracemalloc
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dissectors.dlms import Association, dissect_message
from dissectors.dlms.carriers.hdlc import build_frame
from dissectors.dlms.conversation import Conversations
from dissectors.dlms.decoding.transports import READERS
from dissectors.model.keyring import DlmsKeys
from dissectors.model.message import Message
from tests.dissectors.dlms.apdu.test_apdus import CASES, octets

KEYS = DlmsKeys(
    bytes.fromhex("4d4d4d0000bc614e"), bytes(range(16)), bytes(range(0xD0, 0xE0)), bytes(range(16))
)
SEEDS = [octets(case) for case in CASES.values()]
NODES_PER_OCTET = 64
"""Fields that one octet of input may cost at most: a compact array has 16 elements an octet, each a few fields."""


def check(message: Message) -> None:
    counts = {name: bytearray(len(data)) for name, data in message.buffers.items()}
    fields = 0
    for field in message.fields:
        for leaf in field.leaves():
            fields += 1
            for at in range(leaf.offset, leaf.end):
                counts[leaf.buffer][at] += 1
    assert all(set(count) <= {1} for count in counts.values())
    assert fields <= 2000 + NODES_PER_OCTET * sum(map(len, message.buffers.values()))
    if message.error is not None:
        assert message.error.layer
        assert 0 <= message.error.offset <= len(message.octets)
    assert all(issue.offset >= 0 for issue in message.issues)
    message.to_json()


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=120), st.sampled_from([*READERS, "auto"]))
@example(bytes.fromhex("7ea0"), "hdlc")
def test_arbitrary_octets(data: bytes, transport: str) -> None:
    check(dissect_message(data, transport=transport, keys=[KEYS], profile="gbcs"))


def mutated(data: bytes, chance: random.Random) -> bytes:
    out = bytearray(data)
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(out) + 1)
        kind = chance.randrange(4)
        if kind == 0 and at < len(out):
            out[at] = chance.choice([0, 1, 2, 0x7F, 0x80, 0x81, 0x82, 0x84, 0xFF, chance.randrange(256)])
        elif kind == 1:
            del out[at : at + chance.randint(1, 4)]
        elif kind == 2:
            out[at:at] = bytes(chance.randrange(256) for _ in range(chance.randint(1, 4)))
        else:
            out[at:at] = out[: chance.randint(0, 8)]
    return bytes(out)


@pytest.mark.parametrize("seed", range(8))
def test_mutated_apdus_in_one_association(seed: int) -> None:
    """One association for all, so that its memory is fed nonsense too."""
    chance = random.Random(seed)
    memory = Association.with_keys([KEYS])
    for _ in range(6):
        for data in SEEDS:
            check(dissect_message(mutated(data, chance), association=memory, profile="gbcs"))


@pytest.mark.parametrize("seed", range(4))
def test_mutated_frames_in_conversations(seed: int) -> None:
    chance = random.Random(seed)
    conversations = Conversations([KEYS])
    found: list[Any] = []
    for data in SEEDS * 2:
        frame = build_frame(b"\x03", b"\x21", 0x13, b"\xe6\xe6\x00" + data)
        wrapped = bytes.fromhex("00010001 0010") + len(data).to_bytes(2, "big") + data
        found += conversations.feed("a", "b", mutated(frame, chance), transport="hdlc")
        found += conversations.feed("c", "d", mutated(wrapped, chance), stream=True, transport="wrapper")
        sequence = chance.randrange(2000)
        found += conversations.feed("e", "f", mutated(wrapped, chance), sequence=sequence)
    found += conversations.finish()
    assert found
    for _, message in found:
        check(message)


N = 0x2000
SHAPES = {
    "nulls": b"\x01\x82" + N.to_bytes(2, "big") + bytes(N),
    "nesting": b"\x02\x02" * N,
    "compact nulls": b"\x13\x02\x10" + bytes(15) + b"\x11\x82" + N.to_bytes(2, "big") + bytes(N),
    "results": bytes.fromhex("c403c182") + (N // 2).to_bytes(2, "big") + bytes(N),
    "flags": b"\x7e\xa0" * N,
    "frames": bytes.fromhex("7ea0070321930f01") * (N // 8),
    "telegrams": b"\x68\xff\xff\x68" * (N // 4),
    "wrapped": bytes.fromhex("0001000100010001c5") * (N // 8),
    "variables": bytes.fromhex("05821000") + bytes.fromhex("05fa00") * 0x1000,
    "elements": bytes.fromhex("6082") + N.to_bytes(2, "big") + b"\xa1\x00" * (N // 2),
}
READING, SHOWING = 1024, 2048
"""Octets of memory that an octet of input may cost: to read it, and to make its tree and JSON form besides."""


@pytest.mark.parametrize("shape", SHAPES)
def test_memory_is_bounded_by_the_input(shape: str) -> None:
    data = SHAPES[shape]
    dissect_message(b"\x01\x01\x00").to_json()
    tracemalloc.start()
    try:
        message = dissect_message(data)
        assert tracemalloc.get_traced_memory()[1] < READING * len(data)
        message.to_json()
        assert tracemalloc.get_traced_memory()[1] < SHOWING * len(data)
    finally:
        tracemalloc.stop()
    check(message)
