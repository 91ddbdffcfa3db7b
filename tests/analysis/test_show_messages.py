"""What `show` says of packets that carry DLMS: the message, also where it came in several packets."""

import io
import struct
from pathlib import Path

import pytest

from analysis.cli.verbs.show import shown_frames, text_lines, to_json
from analysis.views.octets import frame_octets
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


def hdlc(information: bytes, *, segmented: bool, number: int) -> bytes:
    """An I frame of a meter."""
    from dissectors.crypto.crc import crc16_x25

    size = 2 + 1 + 1 + 1 + 2 + len(information) + 2
    head = (
        struct.pack(">H", 0xA000 | (0x0800 if segmented else 0) | size) + b"\x03\x23" + bytes([number << 1])
    )
    body = head + crc16_x25(head).to_bytes(2, "little") + information
    return b"\x7e" + body + crc16_x25(body).to_bytes(2, "little") + b"\x7e"


@pytest.mark.parametrize("carrier", ["tcp", "hdlc"])
def test_octets_of_a_message_in_parts_are_found_in_each_packet(tmp_path: Path, carrier: str) -> None:
    if carrier == "tcp":
        parts = [WRAPPED[:15], WRAPPED[15:25], WRAPPED[25:]]
    else:
        content = b"\xe6\xe7\x00" + NOTIFICATION
        parts = [hdlc(content[:12], segmented=True, number=0), hdlc(content[12:], segmented=False, number=1)]
    capture, seen = captured(tmp_path, parts), set()
    for number in range(1, len(parts) + 1):
        (one,), _ = shown_frames(capture, Keyring(), [number])
        known, (kept,) = frame_octets(one), one.messages
        name = f"message-{kept.message}"
        for part in known.parents[name]:
            inside = known.buffers[name][part.start : part.start + part.length]
            outer = known.buffers[part.buffer][part.offset : part.offset + part.length]
            assert inside == outer and len(inside) == part.length
            seen.update(range(part.start, part.start + part.length))
        value = next(leaf for top in kept.content.fields for leaf in top.leaves() if leaf.value == 10925)
        places = known.places(value)
        if number == len(parts):
            assert places[-1].buffer == "frame"
            node = known.innermost("frame", places[-1].offset)
            assert node is not None and node.field is value
    octets = known.buffers[name]
    assert {octets[at] for at in set(range(len(octets))) - seen} <= {0x7E}, (
        "flags, which neighbours may share"
    )
    marked = [line for line in text_lines(one, False) if " > " in line]
    assert any("10925" in line for line in marked) and not any("= 1073741824" in line for line in marked)
