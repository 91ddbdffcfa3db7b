"""GBT blocks that a capture carried become one message with all its frames."""

import json
from dataclasses import replace
from pathlib import Path

from analysis.pipeline import block_streams
from analysis.pipeline.ceilings import notes
from analysis.pipeline.payloads import read_payload
from analysis.pipeline.session import Session
from dissectors.gbcs import dissect_message
from dissectors.gbcs.gbt import Block, Stream, build_block, build_blocks, read_block

FOLDER = Path(__file__).parents[1] / "vectors" / "gbcs"
ROWS = [json.loads(line) for line in (FOLDER / "messages.jsonl").read_text().splitlines()]


def test_the_whole_message_is_a_row_with_every_frame():
    octets = bytes.fromhex(next(row["hex"] for row in ROWS if row["id"] == "cs02b-command"))
    session = Session()
    for frame, block in enumerate(stream(octets, size=500, counter=3001), 10):
        read_payload(session, "gbcs", block, (frame,), 1000 * frame)
    kinds = [row["payload_kind"] for row in session.messages]
    assert kinds == ["gbt", "gbt", "gbt", "der"]
    last = session.messages[-1]
    assert last["frames"] == [10, 11, 12] and last["use_case"] == "CS02b" and last["length"] == len(octets)


def test_a_repeat_that_says_something_else_is_told_and_the_first_is_kept():
    session, (first, second) = Session(), stream(b"x" * 20, size=10)
    for frame, block in enumerate([first, first[:-1] + b"y", second], 1):
        read_payload(session, "gbcs", block, (frame,), None)
    assert [row.get("issue") and "came twice" in row["issue"] for row in session.messages[:3]] == [
        None,
        True,
        None,
    ]
    assert session.messages[-1]["length"] == 20 and session.messages[-1]["frames"] == [1, 2, 3]


def test_streams_that_are_never_whole_have_a_ceiling_which_is_told(monkeypatch):
    monkeypatch.setattr(block_streams, "OPEN_STREAMS", 10)
    session = Session()
    whole = stream(b"\xdf" + bytes(19), size=10, counter=1000)
    read_payload(session, "gbcs", whole[0], (1,), None)
    for counter in range(25):
        read_payload(session, "gbcs", stream(bytes(20), size=10, counter=counter)[0], (2 + counter,), None)
    read_payload(session, "gbcs", whole[1], (99,), None)
    held = session.context.state(block_streams.Streams)
    assert len(held.open) == 10
    assert session.forgotten[block_streams.FORGOTTEN] == 17
    assert len(session.messages) == 27, "the first block of the whole one was forgotten"
    assert "17 messages in blocks (GBT)" in " ".join(notes(session))


def test_one_stream_without_end_has_a_ceiling(monkeypatch):
    monkeypatch.setattr(block_streams, "OPEN_OCTETS", 100_000)
    held, message = block_streams.Streams(), dissect_message(stream(bytes(20), size=10)[0])
    for number in range(1, 1000):
        block = replace(
            read_block(message.octets), number=number % 7 + 2
        )  # always the same few, again and again
        message.layout.octets = build_block(block, bytes(10), block.number, last=False)
        assert held.take(message, (number,)) is None
        assert held.size <= 100_000
    assert held.forgotten > 3


def test_blocks_inside_blocks_are_not_put_together_again():
    octets = b"\xdf" + bytes(19)
    for _ in range(50):
        (octets,) = stream(octets, size=1 << 20)
    session = Session()
    read_payload(session, "gbcs", octets, (1,), None)
    assert len(session.messages) == 2
    assert "put together" in session.messages[1]["issue"]


def test_a_block_costs_the_same_however_many_there_are():
    """Last blocks with ever smaller numbers, of which the first is missing: nothing is counted anew."""
    header = read_block(stream(bytes(20), size=10)[0])
    one = Stream()
    for number in range(30_000, 1, -1):
        one.add(replace(header, number=number, control=0x80))
    assert one.end == 2 and not one.complete
    one.add(replace(header, number=1, control=0))
    assert one.complete and len(one.octets) == 20


def stream(octets: bytes, *, size: int, counter: int = 1) -> list[bytes]:
    ends = bytes.fromhex("0a51c00000000100"), bytes.fromhex("0a51c0de00000000")
    header = Block(1, counter, *ends, 0x0102, 0x41, 1, 0, b"", 0, b"\x11\0\0\0\0")
    return build_blocks(octets, size=size, header=header)
