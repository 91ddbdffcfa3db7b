"""The trailer is judged from the frames of each capture."""

import io
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures import FcsState, TrailerKind, open_capture
from captures.fcs import fcs16, fcs32, remainders
from tests.captures.builders import FRAMES, crc16, crc32, pcap, with_fcs, with_ti
from tests.captures.reading import whole

BLANKS = [b"\xff\xff", b"\0\0"]


def test_known_answers() -> None:
    assert fcs16(b"123456789") == struct.pack("<H", 0x2189)  # CRC-16/KERMIT of the CRC catalogue
    assert fcs32(b"123456789") == struct.pack("<I", 0xCBF43926)
    assert fcs16(b"") == b"\0\0"


@given(st.lists(st.binary(max_size=130), min_size=1, max_size=40))
def test_many_at_once_are_as_one_by_one(frames: list[bytes]) -> None:
    data = np.frombuffer(bytes(range(8)) + b"".join(frames) + bytes(8), np.uint8)
    length = np.array([len(frame) for frame in frames], np.int32)
    offset = 8 + np.cumsum(length, dtype=np.int64) - length
    expected = [int.from_bytes(crc16(frame), "little") for frame in frames]
    assert remainders(data, offset, length).tolist() == expected
    assert fcs32(frames[0].ljust(4, b"\0")) == crc32(frames[0].ljust(4, b"\0"))


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_real_check_sequences_in_small_captures(count: int) -> None:
    got = whole(pcap(with_fcs()[:count]))
    assert {row.trailer for row in got.rows} == {TrailerKind.FCS16}
    assert {row.fcs for row in got.rows} == {FcsState.GOOD}


def test_bad_ones_among_good_ones() -> None:
    frames = [*with_fcs(), FRAMES[1] + b"\x01\xff", FRAMES[2] + b"\x01\xfe", FRAMES[3] + b"\x02\xf1"]
    got = whole(pcap(frames))
    assert {row.trailer for row in got.rows} == {TrailerKind.FCS16}
    assert [row.fcs for row in got.rows] == [FcsState.GOOD] * 5 + [FcsState.BAD] * 3


def test_metadata_in_place_of_the_check_sequence() -> None:
    frames = with_ti() * 20 + with_ti(good=False) * 2
    got = whole(pcap(frames))
    assert {row.trailer for row in got.rows} == {TrailerKind.TI}
    assert {(row.rssi, row.lqi) for row in got.rows} == {(20 - 73, 105)}
    assert [row.fcs for row in got.rows] == [FcsState.GOOD] * 100 + [FcsState.BAD] * 10
    assert "metadata" in got.judgement


def test_metadata_whose_strength_is_in_dbm_already() -> None:
    got = whole(pcap(with_ti(rssi=-62) * 20))
    assert {row.rssi for row in got.rows} == {-62}


@pytest.mark.parametrize("blank", BLANKS)
def test_placeholders_are_taken_off(blank: bytes) -> None:
    got = whole(pcap([frame + blank for frame in FRAMES]))
    assert [row.octets for row in got.rows] == FRAMES
    assert {(row.trailer, row.fcs) for row in got.rows} == {(TrailerKind.ABSENT, FcsState.UNKNOWN)}


def test_a_label_that_promises_what_is_not_there() -> None:
    got = whole(pcap([FRAMES[0], FRAMES[2], FRAMES[4], FRAMES[3]] * 5))
    assert [row.octets for row in got.rows[:2]] == [FRAMES[0], FRAMES[2]]
    assert {row.trailer for row in got.rows} == {TrailerKind.ABSENT}


def test_a_label_that_denies_what_is_there() -> None:
    got = whole(pcap(with_fcs(), 230))
    assert {(row.trailer, row.fcs) for row in got.rows} == {(TrailerKind.FCS16, FcsState.GOOD)}
    assert {row.trailer for row in whole(pcap(FRAMES, 230)).rows} == {TrailerKind.ABSENT}


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_frames_cut_by_the_snap_length_have_no_trailer(cut: int) -> None:
    got = whole(pcap(with_fcs(), cut=cut))
    whole_frames = [frame[: len(frame) - max(cut - 2, 0)] for frame in FRAMES]
    assert [row.octets for row in got.rows] == whole_frames
    assert {(row.trailer, row.fcs) for row in got.rows} == {(TrailerKind.ABSENT, FcsState.UNKNOWN)}
    assert len(got.blocks[0].issues) == len(FRAMES)


def test_one_capture_after_another_kind() -> None:
    """Two captures glued together: the judgement follows the frames, block by block."""
    many = with_ti() * 7000 + with_fcs() * 14000
    with open_capture(io.BytesIO(pcap(many))) as capture:
        kinds = [block.trailer for block in capture]
    assert kinds[0][0] == TrailerKind.TI
    assert kinds[-1][-1] == TrailerKind.FCS16
