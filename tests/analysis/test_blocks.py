"""GBT blocks that a capture carried become one message with all its frames."""

import json
from pathlib import Path

from analysis.pipeline.payloads import read_payload
from analysis.pipeline.session import Session
from dissectors.gbcs.gbt import Block, build_blocks

FOLDER = Path(__file__).parents[1] / "vectors" / "gbcs"
ROWS = [json.loads(line) for line in (FOLDER / "messages.jsonl").read_text().splitlines()]


def test_the_whole_message_is_a_row_with_every_frame():
    octets = bytes.fromhex(next(row["hex"] for row in ROWS if row["id"] == "cs02b-command"))
    ends = bytes.fromhex("0a51c00000000100"), bytes.fromhex("0a51c0de00000000")
    header = Block(1, 3001, *ends, 0x0102, 0x41, 1, 0, b"", 0, b"\x11\0\0\0\0")
    session = Session()
    for frame, block in enumerate(build_blocks(octets, size=500, header=header), 10):
        read_payload(session, "gbcs", block, (frame,), 1000 * frame)
    kinds = [row["payload_kind"] for row in session.messages]
    assert kinds == ["gbt", "gbt", "gbt", "der"]
    last = session.messages[-1]
    assert last["frames"] == [10, 11, 12] and last["use_case"] == "CS02b" and last["length"] == len(octets)
