"""Cut anywhere, or with any octet changed: no traceback, no frame lost that is whole, and it is said what was lost."""

import gzip
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captures import CaptureError, encapsulation_fields
from tests.captures.builders import (
    FRAMES,
    T0,
    ethernet,
    ipv4,
    option,
    pcap,
    pcapng,
    section,
    tap,
    udp,
    with_fcs,
    zep,
)
from tests.captures.reading import Whole, whole

TAPPED = [tap(frame, (0, b"\x01"), (10, b"\x55")) for frame in with_fcs()]
ZEPPED = [ethernet(ipv4(udp(zep(frame)))) for frame in with_fcs()]
DAINTREE = b"#Format=4\n# SNA\n" + b"".join(
    f"{i} {T0}.5 {len(f)} {f.hex()} 255 1 0 26 1 0 1 32767\n".encode() for i, f in enumerate(with_fcs())
)
FILES = {
    "pcap": pcap(with_fcs()),
    "pcap big": pcap(with_fcs(), order=">"),
    "pcapng": pcapng(with_fcs()),
    "pcapng big": pcapng(with_fcs(), order=">"),
    "pcapng of two sections": pcapng(TAPPED[:2], 283) + pcapng(ZEPPED[:2], 1, ">"),
    "pcap of TAP": pcap(TAPPED, 283),
    "pcap of ZEP": pcap(ZEPPED, 1),
    "Daintree": DAINTREE,
    "gzip": gzip.compress(pcap(with_fcs())),
}


def read(data: bytes) -> Whole | None:
    """Everything, or None when it is refused with one of our errors."""
    try:
        got = whole(data)
    except CaptureError as error:
        assert str(error)
        return None
    for row in got.rows:
        assert len(row.octets) <= len(data) or "gzip"
    return got


@pytest.mark.parametrize("name", FILES)
def test_cut_anywhere(name: str) -> None:
    data = FILES[name]
    full = read(data)
    assert full is not None
    seen = 0
    for end in range(len(data)):
        got = read(data[:end])
        if got is None:
            continue
        records = [row.record for row in got.rows]
        assert records[:-1] == [row.record for row in full.rows[: max(len(records) - 1, 0)]]
        assert len(records) >= seen
        seen = len(records)
        boundary = end in (24,) or not got.lost
        assert boundary or got.lost[-1].offset <= 4 * len(data)


@pytest.mark.parametrize("name", ["pcap", "pcap big"])
def test_cut_pcap_keeps_every_whole_frame_and_says_where(name: str) -> None:
    data = FILES[name]
    starts = [24]
    for frame in with_fcs():
        starts.append(starts[-1] + 16 + len(frame))
    for end in range(24, len(data) + 1):
        got = read(data[:end])
        assert got is not None
        whole_ones = max(i for i, start in enumerate(starts) if start <= end)
        assert [row.record for row in got.rows] == with_fcs()[:whole_ones]
        assert [lost.offset for lost in got.lost] == ([] if end in starts else [starts[whole_ones]])


@pytest.mark.parametrize("name", FILES)
def test_any_octet_changed(name: str) -> None:
    data = FILES[name]
    for at in range(len(data)):
        for flip in (0xFF, 0x01, 0x80):
            got = read(data[:at] + bytes([data[at] ^ flip]) + data[at + 1 :])
            if got is None:
                continue
            for row in got.rows:
                encapsulation_fields(row.record, row.link_type or 283)


@pytest.mark.parametrize("name", ["pcap", "pcap big", "pcapng", "pcapng big"])
def test_one_damaged_length_costs_one_frame_at_most(name: str) -> None:
    data = FILES[name]
    frames = with_fcs()
    for at in range(24 if "pcapng" not in name else 56, len(data)):
        got = read(data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :])
        if got is None:
            continue
        left = [row.record for row in got.rows]
        assert sum(frame in left for frame in frames) >= len(frames) - 1, at
        if len(left) < len(frames):
            assert got.lost


def test_garbage_between_records_is_skipped_and_named() -> None:
    first, second = pcap(with_fcs()[:3]), pcap(with_fcs()[3:])[24:]
    got = whole(first + b"\x5a" * 333 + second)
    assert [row.record for row in got.rows] == with_fcs()
    assert [lost.offset for lost in got.lost] == [len(first)]
    assert "333" in got.lost[0].text


@pytest.mark.parametrize("count", [16, 33, 100_000])
def test_zeros_at_the_end_are_no_records(count: int) -> None:
    for data in (pcap(with_fcs()), pcapng(with_fcs())):
        got = whole(data + bytes(count))
        assert len(got.rows) == len(FRAMES)
        assert got.lost[0].offset == len(data)


def test_garbage_between_blocks_is_skipped_and_named() -> None:
    data = pcapng(with_fcs()[:3])
    rest = pcapng(with_fcs()[3:])[56 - 8 :]
    got = whole(data + b"\x5a" * 332 + rest)
    assert [row.record for row in got.rows] == with_fcs()
    assert got.lost[0].offset == len(data)


def test_impossible_lengths_allocate_nothing() -> None:
    huge = struct.pack("<IIII", T0, 0, 0x7FFFFFFF, 0x7FFFFFFF)
    got = whole(pcap(with_fcs()) + huge + b"abc")
    assert len(got.rows) == len(FRAMES)
    assert got.lost[0].frames == 1
    block = struct.pack("<II", 6, 0xFFFFFFF0) + bytes(40)
    got = whole(pcapng(with_fcs()) + block)
    assert len(got.rows) == len(FRAMES)
    assert got.lost
    got = whole(section(options=option(1, b"x")) + struct.pack("<II", 6, 0x4000000) + bytes(40))
    assert got.lost


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(FILES)), st.data())
def test_any_damage_at_all(name: str, data: st.DataObject) -> None:
    octets = bytearray(FILES[name])
    for _ in range(data.draw(st.integers(1, 12))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    read(bytes(octets[: data.draw(st.integers(0, len(octets)))]))


@given(st.binary(max_size=200), st.sampled_from([0, 1, 12, 101, 113, 195, 215, 230, 276, 283]))
def test_any_record(record: bytes, link_type: int) -> None:
    got = read(pcap([record], link_type))
    assert got is not None
    assert got.rows[0].record == record
    encapsulation_fields(record, link_type)
