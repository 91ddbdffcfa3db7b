"""Small captures from the field that once came out wrong: what each of them should say."""

from collections import Counter
from pathlib import Path

import pytest

from analysis.engine.checking import check_capture
from analysis.pipeline.decode import decode
from captures import FcsState, TrailerKind
from tests.captures.reading import Whole, whole


def capture(shared: Path, name: str) -> Whole:
    return whole(shared / "cases" / "zigbee" / name)


@pytest.mark.parametrize("name", ["zep_min.pcap", "zep_lqi_mode.pcap", "ti195_same.pcap"])
def test_strength_in_dbm_is_taken_as_it_is(shared: Path, name: str) -> None:
    got = capture(shared, name)
    assert {row.rssi for row in got.rows} == {-45}
    assert {row.trailer for row in got.rows} == {TrailerKind.TI}


def test_seven_frames_with_metadata(shared: Path) -> None:
    got = capture(shared, "ti_small.pcap")
    assert {row.trailer for row in got.rows} == {TrailerKind.TI}
    assert Counter(row.fcs for row in got.rows) == {FcsState.GOOD: 7}


@pytest.mark.parametrize(("name", "fcs"), [("psila5_phr.pcap", True), ("psila5_phr230.pcap", False)])
def test_a_phy_header_before_each_frame(shared: Path, name: str, fcs: bool) -> None:
    got = capture(shared, name)
    plain = capture(shared, "ppi.pcap")  # the same frames, with their check sequences
    assert [row.octets for row in got.rows] == [row.octets if fcs else row.octets[:-2] for row in plain.rows]
    assert {row.fcs for row in got.rows} == {FcsState.GOOD if fcs else FcsState.UNKNOWN}


def test_frames_inside_ppi(shared: Path) -> None:
    got = capture(shared, "ppi.pcap")
    assert len(got.rows) == 218
    assert {row.fcs for row in got.rows} == {FcsState.GOOD}


def test_the_header_of_the_nrf_sniffer(shared: Path) -> None:
    got = capture(shared, "nrf_user0.pcap")
    assert len(got.rows) == 29
    assert {(row.channel, row.rssi, row.lqi) for row in got.rows} == {(15, -60, 180)}


def test_two_files_in_one(shared: Path) -> None:
    got = capture(shared, "cat.pcap")
    assert len(got.rows) == 36 + 218
    assert not got.lost
    assert {row.time_ns // 10**9 // 86_400 // 365 + 1970 for row in got.rows} == {2026}


def test_two_sniffers_whose_clocks_differ(shared: Path) -> None:
    """As one sniffer's capture of the same frames: no replays, 218 frames on the air of 436 recorded."""
    two = check_capture(shared / "cases" / "zigbee" / "two_sniffers_skew2s.pcapng")
    one = check_capture(shared / "cases" / "zigbee" / "ppi.pcap")
    assert [f.rule for f in two.result.findings] == [f.rule for f in one.result.findings]
    decoded = decode(shared / "cases" / "zigbee" / "two_sniffers_skew2s.pcapng")
    assert len(decoded.packets) == 436
    assert decoded.packets["double_of"].notna().sum() == 218
    assert "replay" not in set(decoded.packets["nwk_security"].dropna())
    ((clock),) = decoded.facts.clocks
    assert clock["offset_seconds"] == pytest.approx(2.0, abs=0.001)
    assert any("218 were on the air" in note for note in decoded.facts.notes)


def test_time_stamps_that_wrap(shared: Path) -> None:
    """One warning with the frames of the steps; as long as the same frames with sound time stamps."""
    wrapped = decode(shared / "cases" / "zigbee" / "whad166b.pcap")
    sound = decode(shared / "cases" / "zigbee" / "ppi.pcap")
    (warning,) = wrapped.facts.warnings
    assert "frame 117 " in warning
    assert "frame 211 " in warning
    spans = [one.packets["time"].max() - one.packets["time"].min() for one in (wrapped, sound)]
    assert abs((spans[0] - spans[1]).total_seconds()) < 0.1
