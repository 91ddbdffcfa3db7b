"""Capture files behind one another in one file, and blocks whose length is no multiple of four."""

import struct
from itertools import product

import pytest

from captures import TrailerKind
from tests.captures.builders import FRAMES, T0, enhanced, interface, pcap, pcapng, section, with_fcs, with_ti
from tests.captures.reading import whole

NANO = 0xA1B23C4D
PARTS = {
    "pcap": pcap(with_fcs()),
    "big endian": pcap(with_fcs(), order=">"),
    "nanoseconds": pcap(with_fcs(), magic=NANO),
    "without FCS": pcap(FRAMES, 230),
    "pcapng": pcapng(with_fcs()),
    "pcapng, big endian": pcapng(with_fcs(), order=">"),
}


@pytest.mark.parametrize(("first", "second"), list(product(PARTS, PARTS)))
def test_two_files_in_one(first: str, second: str) -> None:
    got = whole(PARTS[first] + PARTS[second])
    assert not got.lost
    frames = [row.octets for row in got.rows]
    expected = [FRAMES if name == "without FCS" else with_fcs() for name in (first, second)]
    assert frames == expected[0] + expected[1]
    assert {row.time_ns // 10**9 - T0 for row in got.rows} == set(range(5))
    assert {number for block in got.blocks for number in block.interface.tolist()} == {0, 1}


def test_three_files_whose_trailers_differ() -> None:
    got = whole(pcap(with_fcs()) + pcap(with_ti() * 4) + pcap(FRAMES, 230))
    kinds = [row.trailer for row in got.rows]
    assert kinds == [TrailerKind.FCS16] * 5 + [TrailerKind.TI] * 20 + [TrailerKind.ABSENT] * 5


@pytest.mark.parametrize("lost", [1, 4, 7, 20, 46])
@pytest.mark.parametrize("second", PARTS)
def test_the_first_file_was_cut(lost: int, second: str) -> None:
    got = whole(pcap(with_fcs() * 2)[:-lost] + PARTS[second])
    assert [row.octets for row in got.rows[-5:]] == (FRAMES if second == "without FCS" else with_fcs())
    assert len(got.rows) >= 13
    assert got.lost


def test_a_record_whose_octets_look_like_a_file() -> None:
    """A capture inside a frame's payload is no other file."""
    records = [with_fcs()[0], pcap(with_fcs()), with_fcs()[1]]
    got = whole(pcap(records))
    assert len(got.rows) == 3
    assert not got.lost


@pytest.mark.parametrize("length", range(1, 4))
@pytest.mark.parametrize("padded", [True, False])
def test_blocks_whose_length_is_no_multiple_of_four(length: int, padded: bool) -> None:
    head = struct.pack("<5I", 0, 0, T0, 8, 8) + FRAMES[1]
    size = 12 + len(head) + 4 + length
    body = head + bytes([0, 0, 0, 0][:4]) + bytes(length)
    block = struct.pack("<2I", 6, size) + body + bytes((-size % 4) if padded else 0) + struct.pack("<I", size)
    data = section() + interface(230) + enhanced(FRAMES[0], T0) + block + enhanced(FRAMES[2], T0)
    got = whole(data)
    assert [row.octets for row in got.rows] == FRAMES[:3]
    assert not got.lost
