"""What `show` says of packets that carry DLMS: the message, also where it came in several packets."""

import io
import struct
from pathlib import Path

from analysis.cli.verbs.show import shown_frames, text_lines, to_json
from dissectors.model.keyring import Keyring
from tests.captures.builders import pcap

NOTIFICATION = bytes.fromhex("0f40000000000203090601000107 00ff0600002aad02020f00161b".replace(" ", ""))
WRAPPED = struct.pack(">HHHH", 1, 1, 16, len(NOTIFICATION)) + NOTIFICATION


def tcp(payload: bytes, sequence: int) -> bytes:
    """An Ethernet frame with a TCP segment from a meter."""
    head = struct.pack(">HHIIBBHHH", 4059, 50_000, sequence, 1, 0x50, 0x18, 1000, 0, 0)
    size = 20 + len(head) + len(payload)
    ip = struct.pack(
        ">BBHHHBBH4s4s", 0x45, 0, size, 1, 0, 64, 6, 0, bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2])
    )
    return bytes(12) + b"\x08\x00" + ip + head + payload


def captured(tmp_path: Path, parts: list[bytes]) -> str:
    frames, at = [], 1
    for part in parts:
        frames.append(tcp(part, at))
        at += len(part)
    path = tmp_path / "meter.pcap"
    path.write_bytes(pcap(frames, 1))
    return str(path)


def test_a_message_in_one_packet(tmp_path: Path) -> None:
    (one,), _ = shown_frames(captured(tmp_path, [WRAPPED]), Keyring(), [1])
    text = "\n".join(text_lines(one, False))
    assert "DLMS: data-notification" in text and "message 1 of frame 1" in text and "10925" in text
    (message,) = to_json(one)["messages"]
    assert message["frames"] == [1] and message["kind"] == "dlms"


def test_each_packet_of_a_message_in_parts_shows_it(tmp_path: Path) -> None:
    capture = captured(tmp_path, [WRAPPED[:15], WRAPPED[15:25], WRAPPED[25:]])
    for number in (1, 2, 3):
        (one,), _ = shown_frames(capture, Keyring(), [number])
        text = "\n".join(text_lines(one, False))
        assert "message 1 of frames 1, 2, 3" in text, text
        assert one.columns["protocol"] == "DLMS" and "data-notification" in str(one.columns["summary"])


def test_a_message_that_is_never_whole_stays_a_packet(tmp_path: Path) -> None:
    (one,), _ = shown_frames(captured(tmp_path, [WRAPPED[:15]]), Keyring(), [1])
    assert one.messages == [] and io.StringIO("".join(text_lines(one, False))).read()
