"""Captures written octet by octet, independent of the project's own writer."""

import struct
import zlib
from collections.abc import Iterable

T0 = 1_700_000_000
FRAMES = [
    bytes.fromhex("02006f"),
    bytes.fromhex("0308aaffffffff07"),
    bytes.fromhex("6188ccae287f2c370d48027f2c370d1e0128fd2cf005fabff7020188170000dd727c0549011bcc3828"),
    bytes.fromhex("4188cdae28ffff370d0912fcff370d0103fabff7020188170028ff2cf005fabff702"),
    bytes.fromhex("120011"),
]


def crc16(octets: bytes) -> bytes:
    """CRC-16 of ITU-T bit by bit."""
    state = 0
    for octet in octets:
        state ^= octet
        for _ in range(8):
            state = (state >> 1) ^ (0x8408 if state & 1 else 0)
    return struct.pack("<H", state)


def crc32(octets: bytes) -> bytes:
    return struct.pack("<I", zlib.crc32(octets))


def with_fcs(frames: Iterable[bytes] = FRAMES) -> list[bytes]:
    return [frame + crc16(frame) for frame in frames]


def with_ti(frames: Iterable[bytes] = FRAMES, rssi: int = 20, good: bool = True) -> list[bytes]:
    return [frame + struct.pack("bB", rssi, (0x80 if good else 0) | 105) for frame in frames]


def pcap(
    records: Iterable[bytes],
    link_type: int = 195,
    *,
    order: str = "<",
    magic: int = 0xA1B2C3D4,
    extra: bytes = b"",
    cut: int = 0,
) -> bytes:
    out = bytearray(struct.pack(order + "IHHIIII", magic, 2, 4, 0, 0, 65535, link_type))
    for i, record in enumerate(records):
        kept = record[: len(record) - cut]
        out += struct.pack(order + "IIII", T0 + i, i, len(kept), len(record)) + extra + kept
    return bytes(out)


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    body += bytes(-len(body) % 4)
    length = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + length + body + length


def option(code: int, value: bytes, order: str = "<") -> bytes:
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def section(order: str = "<", options: bytes = b"") -> bytes:
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1) + options, order)


def interface(link_type: int, order: str = "<", options: bytes = b"", snap: int = 0) -> bytes:
    return block(1, struct.pack(order + "HHI", link_type, 0, snap) + options, order)


def enhanced(record: bytes, ticks: int, number: int = 0, order: str = "<", options: bytes = b"") -> bytes:
    head = struct.pack(order + "5I", number, ticks >> 32, ticks & 0xFFFFFFFF, len(record), len(record))
    return block(6, head + record + bytes(-len(record) % 4) + options, order)


def pcapng(records: Iterable[bytes], link_type: int = 195, order: str = "<") -> bytes:
    out = section(order) + interface(link_type, order)
    for i, record in enumerate(records):
        out += enhanced(record, (T0 + i) * 10**6 + i, order=order)
    return out


def tap(record: bytes, *entries: tuple[int, bytes]) -> bytes:
    body = b"".join(
        struct.pack("<HH", kind, len(value)) + value + bytes(-len(value) % 4) for kind, value in entries
    )
    return struct.pack("<BBH", 0, 0, 4 + len(body)) + body + record


def zep(
    frame: bytes, version: int = 2, *, mode: int = 1, channel: int = 20, lqi: int = 77, kind: int = 1
) -> bytes:
    if version == 1:
        head = b"EX" + struct.pack(">BBHBB", 1, channel, 7, mode, lqi) + bytes(7)
    elif kind == 2:
        return b"EX" + struct.pack(">BBI", version, 2, 9)
    else:
        head = b"EX" + struct.pack(">BBBHBBQI", version, kind, channel, 7, mode, lqi, 0xDA000000 << 32, 5)
        head += bytes(10)
    return head + bytes([len(frame)]) + frame


def udp(payload: bytes, port: int = 17754) -> bytes:
    return struct.pack(">HHHH", port, port, 8 + len(payload), 0) + payload


def ipv4(payload: bytes, options: bytes = b"") -> bytes:
    words = 5 + len(options) // 4
    head = struct.pack(">BBHHHBBH", 0x40 | words, 0, words * 4 + len(payload), 1, 0, 64, 17, 0)
    return head + bytes([10, 0, 0, 1, 10, 0, 0, 2]) + options + payload


def ipv6(payload: bytes, extension: bytes = b"") -> bytes:
    following = 0 if extension else 17
    body = extension + payload
    return struct.pack(">IHBB", 6 << 28, len(body), following, 64) + bytes(32) + body


def ethernet(payload: bytes, kind: int = 0x0800, tags: bytes = b"") -> bytes:
    return bytes(12) + tags + struct.pack(">H", kind) + payload
