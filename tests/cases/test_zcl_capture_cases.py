"""A pcapng block whose length is no multiple of four: read, as tshark does."""

from pathlib import Path

from captures.files.joined import JoinedReader
from captures.files.source import Window, open_input


def test_an_unaligned_block(shared: Path) -> None:
    source = open_input(shared / "cases" / "zcl" / "unaligned_block_test006.pcapng")
    reader = JoinedReader(Window(source))
    records = list(reader)
    source.close()
    assert [(r.length.tolist(), r.wire_length.tolist()) for r in records] == [([123], [1000])]
    assert not reader.facts.lost
    assert [one.link_type for one in reader.facts.interfaces] == [2]
