"""Rows of the `messages` and `items` tables, made from messages."""

import json
from pathlib import Path
from zlib import crc32

import pytest

from analysis.engine.checking import check
from analysis.pipeline.payloads import item_rows, message_row
from analysis.tables.arrow import batch_of
from dissectors import gbcs
from dissectors.model.message import Message

FILE = Path(__file__).parents[1] / "vectors" / "gbcs" / "messages.jsonl"
OCTETS = [bytes.fromhex(json.loads(line)["hex"]) for line in FILE.read_text().splitlines()]


def tables(octets: list[bytes]) -> dict[str, object]:
    read = [message_row(gbcs.dissect_message(one), n) for n, one in enumerate(octets, 1)]
    return {"messages": batch_of("messages", read).to_pandas()}


@pytest.mark.parametrize("octets", OCTETS[:3])
def test_every_message_has_the_digest_of_its_octets(octets: bytes) -> None:
    assert message_row(gbcs.dissect_message(octets), 1)["digest"] == crc32(octets)
    assert message_row(Message("dlms", octets), 1)["digest"] == crc32(octets)


def test_a_changed_copy_shows_as_a_counter_used_twice() -> None:
    octets = OCTETS[0]
    changed = octets[:-1] + bytes([octets[-1] ^ 1])
    assert check(tables([octets, changed]), rules=["counter-reused"]).findings
    assert not check(tables([octets, octets]), rules=["counter-reused"]).findings


def test_a_value_that_is_no_unicode_reaches_the_items_table() -> None:
    message = Message("gbcs", b"", items=[{"object": "text\udc80", "value": "caf\udce9", "unit": "\ud800"}])
    (row,) = batch_of("items", item_rows(message, 1)).to_pylist()
    assert row["value"] == "caf\\udce9" and row["object"] == "text\\udc80" and row["unit"] == "\\ud800"
