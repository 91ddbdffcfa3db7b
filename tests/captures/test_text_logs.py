"""Frames in text files and in TI's .psd records: told from their contents, proved by their octets."""

import io
import json
import struct
import zipfile

import pytest

from captures import FcsState, TrailerKind, UnknownFormat
from tests.captures.builders import FRAMES, with_fcs, with_ti
from tests.captures.reading import whole

MANY = FRAMES * 3


def spaced(octets: bytes) -> str:
    return octets.hex(" ").upper()


def isd(frames: list[bytes], behind: bytes = b"\x01", start: str = "") -> bytes:
    lines = ["# Ember log", "[1000 0 131138 Stack Version 00] [ember01] [00 01]"]
    for n, frame in enumerate(frames):
        octets = f"{start}{len(frame):02X} {spaced(frame + behind)}"
        lines.append(f"[{721629332 + n * 1000} 576 16908325 Packet B{n % 10}] [ember01] [{octets}]")
    return "\n".join(lines).encode()


def dump(frames: list[bytes], width: int = 16, times: bool = False, text: bool = False) -> bytes:
    lines = []
    for n, frame in enumerate(frames):
        if times:
            lines.append(f"10:15:{n:02}.250000")
        for at in range(0, len(frame), width):
            part = frame[at : at + width]
            shown = "  " + "".join(
                chr(c) if 32 < c < 127 and chr(c) not in "0123456789abcdefABCDEF" else "." for c in part
            )
            lines.append(f"{at:06x}  {part.hex(' ')}{shown if text else ''}")
    return "\n".join(lines).encode()


def psd(frames: list[bytes], size: int = 151, width: int = 2, phr: int = 1) -> bytes:
    out = b""
    for n, frame in enumerate(frames, 1):
        length = (len(frame) + phr).to_bytes(width, "little")
        record = (
            struct.pack("<BIQ", 3, n, 32 * (5_000 + 1_000 * n)) + length + bytes([len(frame)] * phr) + frame
        )
        out += record.ljust(size, b"\0")
    return out


@pytest.mark.parametrize("behind", [b"", b"\x01", b"\xd8\xc4\x0b"])
@pytest.mark.parametrize("start", ["", "F8 "])
def test_event_lines_of_network_analyzer(behind: bytes, start: str) -> None:
    got = whole(isd(with_fcs(), behind, start))
    assert [row.octets for row in got.rows] == with_fcs()
    assert {row.fcs for row in got.rows} == {FcsState.GOOD}
    assert [row.time_ns for row in got.rows][:2] == [721_629_332_000, 721_630_332_000]


def test_one_event_line() -> None:
    frame = with_fcs()[1]
    assert [row.octets for row in whole(isd([frame])).rows] == [frame]


def test_an_archive_with_an_event_log() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("event.log", isd(with_fcs()))
        archive.writestr("editorState.xml", "<x/>")
    assert [row.octets for row in whole(file.getvalue()).rows] == with_fcs()


@pytest.mark.parametrize("times", [False, True])
@pytest.mark.parametrize("text", [False, True])
@pytest.mark.parametrize("width", [16, 8, 32])
def test_hex_dumps(times: bool, text: bool, width: int) -> None:
    got = whole(dump(with_fcs(), width, times, text))
    assert [row.octets for row in got.rows] == with_fcs()
    if times:
        assert [row.time_ns % 10**9 for row in got.rows] == [250_000_000] * 5


def test_hex_dumps_of_tcpdump_without_fcs() -> None:
    lines = []
    for frame in MANY:
        lines.append("16:08:46.123456 IEEE 802.15.4")
        for at in range(0, len(frame), 16):
            part = frame[at : at + 16]
            groups = " ".join(part[i : i + 2].hex() for i in range(0, len(part), 2))
            lines.append(f"\t0x{at:04x}:  {groups}")
    got = whole("\n".join(lines).encode())
    assert [row.octets for row in got.rows] == MANY


@pytest.mark.parametrize(
    "line",
    [
        "received: {hex} power: -60 lqi: 180 time: {us}",
        "channel 15 RSSI -60 dBm LQI 180 time={us} | {spaced}",
        "{n} ch: 15, -60 dBm, lqi=180, {colons}",
    ],
)
def test_a_frame_a_line(line: str) -> None:
    lines = [
        line.format(hex=f.hex(), spaced=spaced(f), colons=f.hex(":"), us=1_000_000 + n, n=n)
        for n, f in enumerate(with_fcs())
    ]
    got = whole("\n".join(lines).encode())
    assert [row.octets for row in got.rows] == with_fcs()
    assert {(row.rssi, row.lqi) for row in got.rows} == {(-60, 180)}


@pytest.mark.parametrize(
    "text",
    [
        b"hello world",
        b"7ea02a41088313 0413e6e7000f40000000000101020309060100010700ff",
        b"[dlms]\nsystem_title = '4D4D4D0000BC614E'\nkey = '000102030405060708090a0b0c0d0e0f'\n",
        dump([bytes.fromhex("0200000000020200000000010800450000280001000040110000"), b"\x99" * 30]),
        b"PK\x03\x04 and no archive",
        b"0000  zz",
    ],
)
def test_text_that_proves_nothing_is_no_capture(text: bytes) -> None:
    with pytest.raises(UnknownFormat):
        whole(text)


@pytest.mark.parametrize("size", [151, 271])
@pytest.mark.parametrize(("width", "phr"), [(2, 1), (1, 0)])
def test_records_of_ti_packet_sniffer(size: int, width: int, phr: int) -> None:
    got = whole(psd(with_ti(MANY, rssi=-50), size, width, phr))
    assert {row.trailer for row in got.rows} == {TrailerKind.TI}
    assert [row.octets[:-2] for row in got.rows] == MANY
    assert {(row.rssi, row.lqi) for row in got.rows} == {(-50, 105)}
    assert [row.time_ns for row in got.rows][:2] == [6_000_000, 7_000_000]


def test_a_cut_record_of_ti_packet_sniffer() -> None:
    got = whole(psd(with_ti(MANY))[:-20])
    assert len(got.rows) == len(MANY) - 1
    assert len(got.lost) == 1


def ubiqua(frames: list[bytes], check: str = "FF-FF", newline: str = "\n") -> bytes:
    """Ubiqua's text export: a line with the octets, then what it made of them, hexadecimal words among it."""
    parts = []
    for n, frame in enumerate(frames):
        octets = "-".join([*(f"{octet:02X}" for octet in frame), check])
        parts += [
            f"[17:51:{n:02}.899741] Link Status {octets} ", f"Frame Information: ({len(frame) + 2} bytes)",
            f"    Packet Number: {n + 1}", f"    Timestamp: 17:51:{n:02}.899741", "    Channel: 11",
            "    Link Quality: -28 dBm", "MAC Header: 0xFFFFFFFFA10803", "    Source IEEE Address: 00:12:4B:00:04:2B:3B:67",
        ]  # fmt: skip
    return newline.join(parts).encode()


@pytest.mark.parametrize("newline", ["\n", "\r\n", " "])
def test_text_of_ubiqua(newline: str) -> None:
    """It writes FF-FF where the check sequence was; a page that lost its line ends is read too."""
    got = whole(ubiqua(FRAMES, newline=newline))
    assert [row.octets for row in got.rows] == FRAMES
    assert {row.fcs for row in got.rows} == {FcsState.UNKNOWN}
    assert {(row.channel, row.rssi) for row in got.rows} == {(11, -28)}
    assert got.rows[1].time_ns - got.rows[0].time_ns == 10**9


def test_text_of_ubiqua_with_real_check_sequences() -> None:
    text = "\n".join(
        ubiqua([one[:-2]], "-".join(f"{o:02X}" for o in one[-2:])).decode() for one in with_fcs()
    )
    got = whole(text.encode())
    assert [row.octets for row in got.rows] == with_fcs()
    assert {row.fcs for row in got.rows} == {FcsState.GOOD}


def sources(frame: bytes, before: bytes = b"", *, time: str = "") -> bytes:
    """A packet as ``tshark -x`` prints it: itself, the frame in it where there is something before, and what was decrypted."""
    parts = [("Frame", before + frame)] + [("IEEE 802.15.4 Data", frame)] * bool(before)
    parts.append(("Decrypted ZigBee Payload", b"\x18\x01\x0a\x00\x04\x18\x00"))
    text = [time.encode()] if time else []
    for name, octets in parts:
        text += [f"{name} ({len(octets)} bytes):".encode(), dump([octets], text=True)]
    return b"\n".join(text) + b"\n\n"


def test_dumps_of_one_packet_are_one_frame() -> None:
    plain = whole(b"".join(sources(one) for one in with_fcs()))
    assert [row.octets for row in plain.rows] == with_fcs() and plain.link_types == [195]
    head = struct.pack("<BBHHHIHHI", 0, 0, 20, 0, 1, 1, 3, 3, 0x000014)
    spoken = "    Epoch Time: 1767571202.001088000 seconds\n    Time: Jan  5, 2027 10:11:12.000000000 UTC"
    within = whole(b"".join(sources(one, head, time=spoken) for one in with_fcs()))
    assert [row.octets for row in within.rows] == with_fcs() and within.link_types == [283]
    assert {row.channel for row in within.rows} == {20}
    assert {row.time_ns for row in within.rows} == {1_767_571_202_001_088_000}


def packet(frame: bytes, number: int, *, encapsulation: int = 104, form: str = "json") -> dict[str, object]:
    time = f"{1_767_571_202 + number}.001088000"
    if form == "ek":
        told = {"frame_frame_encap_type": str(encapsulation), "frame_frame_time_epoch": time}
        return {"timestamp": "1", "layers": {"frame_raw": frame.hex(), "frame": told}}
    told = {"frame.encap_type": str(encapsulation), "frame.time_epoch": time} if form == "json" else {}
    raw = [frame.hex(), 0, len(frame), 0, 1]
    return {"_source": {"layers": {"frame_raw": raw, "frame": told, "wpan_raw": raw, "wpan": {}}}}


@pytest.mark.parametrize("form", ["json", "raw", "ek", "cut"])
def test_json_of_tshark(form: str) -> None:
    packets = [packet(one, n, form="json" if form == "cut" else form) for n, one in enumerate(with_fcs())]
    text = "\n".join(json.dumps(one) for one in packets) if form == "ek" else json.dumps(packets, indent=1)
    got = whole((text[:-600] if form == "cut" else text).encode())
    kept = with_fcs()[: len(got.rows)]
    assert [row.octets for row in got.rows] == kept and got.link_types == [195]
    assert len(kept) < 5 if form == "cut" else len(kept) == 5
    assert bool(got.lost) == (form == "cut")
    if form != "raw":
        assert [row.time_ns for row in got.rows][:2] == [
            (1_767_571_202 + n) * 10**9 + 1_088_000 for n in (0, 1)
        ]


@pytest.mark.parametrize("text", ["[]", "{", '[{"layers": {"frame_raw": "zz"}}, 3, null]', "[" * 100_000])
def test_json_without_packets_is_no_capture(text: str) -> None:
    with pytest.raises(UnknownFormat):
        whole(text.encode())
