"""What is written reads back the same, and other programs read it too."""

import io
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.utils import RawPcapNgReader, RawPcapReader

from captures import (
    CapturedFrame,
    CaptureError,
    CaptureWriter,
    FcsState,
    TrailerKind,
    open_capture,
    write_capture,
)
from captures.structures import PCAP_FILE_HEADER, TAP_ENTRY, TAP_HEADER, ZEP1, ZEP2
from dissectors.model.keyring import Key
from tests.captures.builders import FRAMES, T0, crc16, enhanced, interface, pcap, section, tap, with_fcs, zep
from tests.captures.reading import whole

NS = T0 * 10**9


def frames() -> list[CapturedFrame]:
    return [
        CapturedFrame(FRAMES[0], NS, channel=11, page=0, rssi=-70, lqi=255, comment="first: äöü"),
        CapturedFrame(with_fcs()[1], NS + 1, TrailerKind.FCS16, FcsState.GOOD, channel=62, page=29),
        CapturedFrame(FRAMES[2] + b"\0\1", NS + 2, TrailerKind.FCS16, FcsState.BAD, rssi=-127),
        CapturedFrame(FRAMES[3] + b"\x14\xe9", NS + 3, TrailerKind.TI, FcsState.GOOD, lqi=105, rssi=-53),
        CapturedFrame(FRAMES[4] + b"\x14\x69", NS + 4, TrailerKind.TI, FcsState.BAD),
    ]


def written(target_frames: list[CapturedFrame], **options: object) -> bytes:
    out = io.BytesIO()
    assert write_capture(out, target_frames, **options) == len(target_frames)  # type: ignore[arg-type]
    return out.getvalue()


def bare(frame: CapturedFrame) -> bytes:
    return frame.octets[: len(frame.octets) - frame.trailer.octets]


def test_tap_keeps_all_that_is_known_of_a_frame() -> None:
    got = whole(written(frames()))
    for before, after in zip(frames(), got.rows, strict=True):
        assert bare(after) == bare(before)
        assert (after.time_ns, after.channel, after.page) == (before.time_ns, before.channel, before.page)
        assert (after.rssi, after.lqi, after.comment) == (before.rssi, before.lqi, before.comment)
        assert after.fcs == before.fcs
    assert [row.trailer for row in got.rows] == [0, 1, 1, 1, 1]


@pytest.mark.parametrize("kind", ["pcap", "pcapng"])
@pytest.mark.parametrize("link_type", [195, 230, 283])
def test_every_link_type_in_both_formats(kind: str, link_type: int) -> None:
    many = frames()[:2] * 8
    got = whole(written(many, format=kind, link_type=link_type))
    assert [bare(row) for row in got.rows] == [bare(frame) for frame in many]
    assert [row.time_ns for row in got.rows] == [frame.time_ns for frame in many]
    assert got.link_types == [link_type]


def test_comments_names_and_secrets() -> None:
    keys = [Key("network", bytes(range(16)), pan=0x1A62), Key("link", bytes(16)), Key("mac", bytes(16))]
    data = written(frames(), comments=["kitchen", "β"], names={0x0102030405060708: "Gas meter"}, secrets=keys)
    got = whole(data)
    assert got.comments == ["kitchen", "β"]
    assert got.names == {0x0102030405060708: "Gas meter"}
    assert [(key.kind, key.value, key.pan) for key in got.secrets] == [
        ("network", bytes(range(16)), 0x1A62),
        ("link", bytes(16), None),
    ]


def test_several_interfaces_and_packets_of_other_links() -> None:
    data = section() + interface(195) + interface(251) + interface(230)
    for i, frame in enumerate(FRAMES):
        data += enhanced(frame + crc16(frame), i) + enhanced(b"foreign", i, 1) + enhanced(frame, i, 2)
    before = whole(data)
    out = io.BytesIO()
    with open_capture(io.BytesIO(data)) as capture:
        write_capture(out, capture)
    after = whole(out.getvalue())
    assert [bare(row) for row in after.rows] == [bare(row) for row in before.rows]
    assert len({row.interface for row in after.rows}) == 3
    writer = CaptureWriter(io.BytesIO(), format="pcap")
    writer.write_block(before.blocks[0])
    assert (writer.written, writer.skipped) == (2 * len(FRAMES), len(FRAMES))


def test_every_record_is_whole_in_the_file_once_flushed(tmp_path: Path) -> None:
    path = tmp_path / "live.pcapng"
    with CaptureWriter(path, interface="dongle") as writer:
        for i, frame in enumerate(frames()):
            writer.write(frame)
            writer.flush()
            got = whole(path)
            assert (len(got.rows), got.lost) == (i + 1, [])
    with CaptureWriter(path, append=True, link_type=230) as writer:
        writer.write(frames()[0])
    assert len(whole(path).rows) == len(frames()) + 1


def test_a_file_appears_complete_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "out.pcapng"
    path.write_bytes(b"before")

    def broken():  # type: ignore[no-untyped-def]
        yield frames()[0]
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError):
        write_capture(path, broken())
    assert path.read_bytes() == b"before"
    assert [p.name for p in tmp_path.iterdir()] == ["out.pcapng"]
    write_capture(path, frames())
    assert len(whole(path).rows) == len(frames())


def test_targets_and_link_types_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(CaptureError):
        write_capture(tmp_path / "no" / "folder" / "x", frames())
    with pytest.raises(CaptureError, match="link type 1"):
        CaptureWriter(io.BytesIO(), link_type=1)
    with pytest.raises(CaptureError, match="appended"):
        CaptureWriter(tmp_path / "x", format="pcap", append=True)


@given(
    st.lists(
        st.builds(
            CapturedFrame,
            st.binary(max_size=127),
            st.integers(0, 2**62),
            channel=st.none() | st.integers(0, 254),
            page=st.just(0),
            rssi=st.none() | st.integers(-127, 127),
            lqi=st.none() | st.integers(0, 255),
            comment=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=9),
        ),
        max_size=9,
    )
)
def test_any_frames(many: list[CapturedFrame]) -> None:
    got = whole(written(many))
    assert [(r.octets, r.time_ns, r.channel, r.rssi, r.lqi, r.comment) for r in got.rows] == [
        (f.octets, f.time_ns, f.channel, f.rssi, f.lqi, f.comment) for f in many
    ]


def test_structures_build_what_they_parse() -> None:
    header = pcap([])[:24]
    assert PCAP_FILE_HEADER.build(PCAP_FILE_HEADER.parse(header)) == header
    for version, declared in ((1, ZEP1), (2, ZEP2), (3, ZEP2)):
        octets = zep(b"", version)
        assert declared.build(declared.parse(octets)) == octets
    octets = tap(b"", (3, struct.pack("<HB", 20, 0)), (500, b"12345"))
    assert TAP_HEADER.build(TAP_HEADER.parse(octets)) == octets[:4]
    assert TAP_ENTRY.build(TAP_ENTRY.parse(octets[4:])) == octets[4:12]


def test_scapy_reads_the_same_records(tmp_path: Path) -> None:
    plain, modern = tmp_path / "a.pcap", tmp_path / "a.pcapng"
    write_capture(plain, frames(), format="pcap", link_type=195)
    write_capture(modern, frames())
    with RawPcapReader(str(plain)) as reader:
        assert [bytes(record) for record, _ in reader] == [row.record for row in whole(plain).rows]
    with RawPcapNgReader(str(modern)) as reader:
        assert [bytes(record) for record, _ in reader] == [row.record for row in whole(modern).rows]


def test_scapy_agrees_on_real_captures(shared_capture: Path) -> None:
    if shared_capture.suffix not in {".pcap", ".pcapng"} or shared_capture.stat().st_size > 60_000:
        pytest.skip("only small captures of these two formats")
    reader = RawPcapNgReader if shared_capture.suffix == ".pcapng" else RawPcapReader
    with reader(str(shared_capture)) as records:
        assert [bytes(record) for record, _ in records] == [row.record for row in whole(shared_capture).rows]


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_tshark_reads_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "a.pcapng"
    write_capture(path, frames(), comments=["x"], names={1: "n"}, secrets=[Key("network", bytes(16))])
    fields = ["-e", "frame.time_epoch", "-e", "wpan-tap.ch_num", "-e", "wpan-tap.rss", "-e", "wpan.fcs_ok"]
    run = subprocess.run(
        ["tshark", "-r", str(path), "-T", "fields", *fields], capture_output=True, text=True, check=True
    )
    lines = [line.split("\t") for line in run.stdout.splitlines()]
    assert [line[0] for line in lines] == [f"{T0}.{i:09}" for i in range(5)]
    assert lines[0][1:3] == ["11", "-70"]
    assert [line[3] for line in lines[1:]] == ["1", "0", "1", "0"]
