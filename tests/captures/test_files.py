"""Every file format, made here octet by octet, reads back as what was put in."""

import gzip
import io
import os
import sqlite3
import struct
import sys
import threading
from pathlib import Path

import lz4.frame
import pytest
import zstandard

from captures import CaptureError, CaptureMissing, UnknownFormat, UnsupportedLinkType, open_capture
from tests.captures.builders import (
    FRAMES,
    T0,
    block,
    enhanced,
    interface,
    option,
    pcap,
    pcapng,
    section,
    tap,
    with_fcs,
)
from tests.captures.reading import whole

TIMES = [(T0 + i) * 10**9 + i * 1000 for i in range(len(FRAMES))]
PLAIN = {
    "pcap little": pcap(with_fcs()),
    "pcap big": pcap(with_fcs(), order=">"),
    "pcap modified": pcap(with_fcs(), magic=0xA1B2CD34, extra=bytes(8)),
    "pcap modified big": pcap(with_fcs(), magic=0xA1B2CD34, extra=bytes(8), order=">"),
    "pcap of RedHat 6.1": pcap(with_fcs(), extra=bytes(8)),
    "pcap of Nokia": pcap(with_fcs(), extra=bytes(4)),
    "pcap of Nokia big": pcap(with_fcs(), extra=bytes(4), order=">"),
    "pcap of SuSE 6.3": pcap(with_fcs(), magic=0xA1B2CD34, extra=bytes(12)),
    "pcap with FCS bits": pcap(with_fcs(), 0x2400_00C3),
    "pcapng little": pcapng(with_fcs()),
    "pcapng big": pcapng(with_fcs(), order=">"),
}
COMPRESSED = {
    "plain": lambda octets: octets,
    "gzip": gzip.compress,
    "gzip in two members": lambda octets: gzip.compress(octets[:60]) + gzip.compress(octets[60:]),
    "zstd": lambda octets: zstandard.ZstdCompressor().compress(octets),
    "zstd in two frames": lambda octets: (
        zstandard.ZstdCompressor().compress(octets[:60]) + zstandard.ZstdCompressor().compress(octets[60:])
    ),
    "lz4": lz4.frame.compress,
}


@pytest.mark.parametrize("compression", COMPRESSED)
@pytest.mark.parametrize("kind", PLAIN)
def test_frames_and_times(kind: str, compression: str) -> None:
    got = whole(COMPRESSED[compression](PLAIN[kind]))
    assert [row.octets for row in got.rows] == with_fcs()
    assert [row.time_ns for row in got.rows] == TIMES
    assert got.link_types == [195]
    assert not got.lost


def test_longer_record_headers_need_proof() -> None:
    """A cut second record, or a damaged one, is no proof of another program's headers."""
    cut = whole(pcap(with_fcs()[:1]) + bytes(4))
    assert [row.octets for row in cut.rows] == with_fcs()[:1]
    damaged = bytearray(pcap(with_fcs()))
    damaged[24 + 16 + 5 + 8] ^= 0xFF  # the captured length of the second record
    assert [row.octets for row in whole(bytes(damaged)).rows][:1] == with_fcs()[:1]
    assert whole(bytes(damaged)).rows[-1].octets == with_fcs()[-1]


@pytest.mark.parametrize("order", "<>")
def test_nanosecond_pcap(order: str) -> None:
    got = whole(pcap(with_fcs(), magic=0xA1B23C4D, order=order))
    assert [row.time_ns for row in got.rows] == [(T0 + i) * 10**9 + i for i in range(len(FRAMES))]


def test_records_longer_than_one_length_octet() -> None:
    long = [bytes(14) + bytes([i]) * (200 + 150 * i) for i in range(9)]
    assert [row.octets for row in whole(pcap(long, 1)).rows] == long
    assert [row.octets for row in whole(pcapng(long, 1)).rows] == long
    many = [bytes(300 + i) for i in range(100)]
    assert [row.octets for row in whole(pcapng(many, 1)).rows] == many


@pytest.mark.parametrize(
    ("resolution", "ticks", "expected"),
    [
        (6, 1_700_000_000_000_001, 1_700_000_000_000_001_000),
        (9, 1_700_000_000_000_000_001, 1_700_000_000_000_000_001),
        (3, 1_700_000_000_123, 1_700_000_000_123_000_000),
        (0, 1_700_000_000, 1_700_000_000_000_000_000),
        (0x8A, 1_700_000_000 << 10 | 512, 1_700_000_000_500_000_000),
        (12, 1_700_000_000_000_000_001_999, 1_700_000_000_000_000_001),
        (6, 2**64 - 1, -(2**63)),
    ],
)
def test_time_resolutions(resolution: int, ticks: int, expected: int) -> None:
    ticks &= 2**64 - 1
    if resolution == 12:
        ticks, expected = 1_700_000_000_001_999, 1_700_000_000_001
    data = section() + interface(230, options=option(9, bytes([resolution]))) + enhanced(FRAMES[1], ticks)
    assert whole(data).rows[0].time_ns == expected


def test_time_offset_and_two_clocks() -> None:
    slow = option(9, b"\x03") + option(14, struct.pack("<q", T0))
    data = section() + interface(230) + interface(230, options=slow)
    data += enhanced(FRAMES[0], T0 * 10**6) + enhanced(FRAMES[1], 1500, 1) + enhanced(FRAMES[2], 7)
    got = whole(data)
    assert [row.time_ns for row in got.rows] == [T0 * 10**9, T0 * 10**9 + 1_500_000_000, 7000]
    assert [row.interface for row in got.rows] == [0, 1, 0]


def test_sections_of_both_orders_with_link_types_of_their_own() -> None:
    ack = FRAMES[0]
    data = section("<") + interface(195) + interface(230) + enhanced(with_fcs()[0], 1) + enhanced(ack, 2, 1)
    data += section(">") + interface(283, ">")
    data += enhanced(tap(with_fcs()[2], (0, b"\x01")), 3, order=">")
    got = whole(data)
    assert [row.octets for row in got.rows] == [with_fcs()[0], ack, with_fcs()[2]]
    assert got.link_types == [195, 230, 283]
    assert [row.interface for row in got.rows] == [0, 1, 2]


def test_simple_and_obsolete_packets() -> None:
    frame = FRAMES[1]
    simple = block(3, struct.pack("<I", len(frame)) + frame)
    obsolete = block(2, struct.pack("<HHIIII", 0, 0, 0, 5, len(frame), len(frame)) + frame)
    got = whole(section() + interface(230) + simple + obsolete + enhanced(frame, 9))
    assert [row.octets for row in got.rows] == [frame] * 3
    assert [row.time_ns for row in got.rows] == [-(2**63), 5000, 9000]


def test_comments_names_secrets_and_drops() -> None:
    key = bytes(range(16))
    name = struct.pack(">Q", 0x00124B0001020304) + b"Gas meter\0"
    names = struct.pack("<HH", 4, len(name)) + name + bytes(-len(name) % 4) + bytes(4)
    network = struct.pack("<II", 0x5A4E574B, 18) + key + struct.pack("<H", 0x1A62)
    link = struct.pack("<II", 0x5A415053, 22) + key[::-1] + struct.pack("<HHH", 0x1A62, 1, 2)
    data = section(options=option(1, b"kitchen") + option(1, b"evening"))
    data += interface(230, options=option(1, b"dongle 7")) + block(4, names)
    data += block(10, network) + block(10, link) + block(10, struct.pack("<II", 0x544C534B, 4) + b"abcd")
    data += block(0x0BAD, struct.pack("<I", 32473) + b"custom") + block(0x40000BAD, struct.pack("<I", 1))
    data += enhanced(FRAMES[1], 1, options=option(1, "β".encode()) + option(2, bytes(4)) + option(1, b"two"))
    data += block(5, struct.pack("<III", 0, 0, 0) + option(5, struct.pack("<Q", 12)))
    got = whole(data)
    assert got.comments == ["kitchen", "evening", "dongle 7"]
    assert got.names == {0x00124B0001020304: "Gas meter"}
    assert [(k.kind, k.value, k.pan) for k in got.secrets] == [
        ("network", key, 0x1A62),
        ("link", key[::-1], 0x1A62),
    ]
    assert got.rows[0].comment == "β\ntwo"
    assert [(lost.frames, "dropped" in lost.text) for lost in got.lost] == [(12, True)]


def test_daintree() -> None:
    lines = ["#Format=4", "# SNA v3.0.0.7 SUS:2021615 ACT:067341"]
    for i, frame in enumerate(with_fcs()):
        lines.append(f"{i + 1} {T0 + i}.{i:06} {len(frame)} {frame.hex()} 200 1 -40 26 {i + 1} 0 1 32767")
    lines.insert(4, "5 not-a-time 3 020077 1")
    got = whole("\r\n".join(lines).encode())
    assert [row.octets for row in got.rows] == with_fcs()
    assert [row.time_ns for row in got.rows] == TIMES
    assert {(row.lqi, row.rssi, row.channel) for row in got.rows} == {(200, -40, 26)}
    assert len(got.lost) == 1
    assert got.lost[0].frames == 1


def ubiqua(path: Path, trailer: bytes) -> None:
    with sqlite3.connect(path) as base:
        base.execute("CREATE TABLE Packets (Id INTEGER PRIMARY KEY, Raw BLOB, Channel INTEGER,"
                     " Timestamp REAL, LQI INTEGER, RSSI INTEGER, Comment TEXT)")  # fmt: skip
        base.execute("CREATE TABLE Keys (Id INTEGER PRIMARY KEY, Key BLOB, Type TEXT)")
        for i, frame in enumerate(FRAMES):
            row = (i + 1, frame + trailer, 20, T0 + i + 0.25, 255, -47, "join" if i == 0 else "")
            base.execute("INSERT INTO Packets VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        keys = [(1, bytes(16), "NetworkKey"), (2, bytes(range(16)), "LinkKey"), (3, b"short", "LinkKey")]
        base.executemany("INSERT INTO Keys VALUES (?, ?, ?)", keys)
    base.close()


@pytest.mark.parametrize("compress", [False, True])
def test_ubiqua(tmp_path: Path, compress: bool) -> None:
    path = tmp_path / "a b#?.cubx"
    ubiqua(path, b"\xff\xff")
    got = whole(gzip.compress(path.read_bytes()) if compress else path)
    assert [row.octets for row in got.rows] == FRAMES
    assert [row.record for row in got.rows] == [frame + b"\xff\xff" for frame in FRAMES]
    assert got.rows[1].time_ns == (T0 + 1) * 10**9 + 250_000_000
    assert [(k.kind, k.value) for k in got.secrets] == [("network", bytes(16)), ("link", bytes(range(16)))]
    assert got.rows[0].comment == "join"
    assert {(row.channel, row.rssi) for row in got.rows} == {(20, -47)}


def test_a_cut_ubiqua_file_gives_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "a.cubx"
    ubiqua(path, b"\xff\xff")
    whole_file = path.read_bytes()
    path.write_bytes(whole_file[:-100])
    got = whole(path)
    assert [row.octets for row in got.rows] == FRAMES
    assert got.lost[0].offset == len(whole_file) - 100


def test_other_databases_are_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "other") as base:
        base.execute("CREATE TABLE T (A)")
    base.close()
    with pytest.raises(CaptureError, match="without a Packets table"):
        whole(tmp_path / "other")


def test_stdin(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "x.pcapng"
    path.write_bytes(PLAIN["pcapng little"])
    with path.open() as file:
        monkeypatch.setattr(sys, "stdin", file)
        assert [row.octets for row in whole("-").rows] == with_fcs()


@pytest.mark.parametrize("kind", ["pcap little", "pcapng little"])
@pytest.mark.parametrize("compression", ["plain", "gzip"])
def test_a_fifo_gives_records_before_its_writer_is_done(kind: str, compression: str, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    data, first_seen = PLAIN[kind], threading.Event()
    half = len(data) - 60

    def write() -> None:
        with fifo.open("wb", buffering=0) as file:
            if compression == "gzip":
                packed = gzip.compress(data[:half])
                file.write(packed)
            else:
                file.write(data[:half])
            assert first_seen.wait(5)
            file.write(gzip.compress(data[half:]) if compression == "gzip" else data[half:])

    writer = threading.Thread(target=write)
    writer.start()
    rows = 0
    with open_capture(fifo) as capture:
        for piece in capture:
            rows += len(piece)
            first_seen.set()
        assert not capture.lost
    writer.join()
    assert rows == len(FRAMES)


def test_no_capture() -> None:
    with pytest.raises(UnknownFormat, match="is empty"):
        whole(b"")
    with pytest.raises(UnknownFormat):
        whole(b"hello, world, this is no capture")
    with pytest.raises(CaptureMissing):
        open_capture("/nowhere/at/all.pcap")
    with pytest.raises(CaptureError):
        open_capture("/")


@pytest.mark.parametrize("link_type", [251, 220, 105, 191, 292])
def test_foreign_link_types_are_refused(link_type: int) -> None:
    for data in (pcap(FRAMES, link_type), pcapng(FRAMES, link_type)):
        with pytest.raises(UnsupportedLinkType, match=f"link type {link_type}") as caught:
            whole(data)
        assert caught.value.hint


def test_foreign_records_beside_radio_frames_are_packets() -> None:
    data = section() + interface(251) + interface(230)
    data += enhanced(b"bluetooth", 1) + enhanced(FRAMES[1], 2, 1)
    got = whole(data)
    assert [row.octets for row in got.rows] == [b"bluetooth", FRAMES[1]]
    assert [int(kind) for kind in got.kinds] == [1, 0]


def test_a_small_file_that_unfolds_to_much_takes_little_memory() -> None:
    one = pcap([bytes(2000)])
    packed = zstandard.ZstdCompressor().compress(one + one[24:] * 14_999)
    assert len(packed) < 30_000
    with open_capture(io.BytesIO(packed)) as capture:
        sizes = [(len(piece), len(piece.data)) for piece in capture]
    assert sum(rows for rows, _ in sizes) == 15_000
    assert all(size < 5_000_000 for _, size in sizes)
