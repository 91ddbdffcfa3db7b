"""Capture files made to cost much: damage, and what a file may hold besides frames."""

import gzip
import random
import struct
from collections.abc import Iterable

import lz4.frame
import zstandard

from tests.bombs.frames import ACK, SIZE, Bomb, key, numbers
from tests.captures.builders import T0, block, enhanced, interface, option, pcap, pcapng, section


def _blocks(pieces: Iterable[bytes]) -> bytes:
    return section() + interface(195) + b"".join(pieces)


def _packet(number: int, place: int = 0, options: bytes = b"") -> bytes:
    return enhanced(ACK, (T0 + number) * 10**6, place, options=options)


def interfaces(size: int = SIZE) -> bytes:
    return section() + b"".join(interface(195) + _packet(n, n) for n in numbers(60, size))


def clocks(size: int = SIZE) -> bytes:
    offsets = (option(14, struct.pack("<q", n)) + option(9, bytes([n % 256])) for n in numbers(84, size))
    return section() + b"".join(interface(195, options=o) + _packet(n, n) for n, o in enumerate(offsets))


def idle_interfaces(size: int = SIZE) -> bytes:
    return (
        section()
        + b"".join(interface(n & 0xFFFF) for n in numbers(20, size))
        + interface(195)
        + _packet(0, 0)
    )


def sections(size: int = SIZE) -> bytes:
    return b"".join(
        section("<>"[n % 2]) + interface(195, "<>"[n % 2]) + _packet(n)
        for n in numbers(88, size)
        if n % 2 == 0
    )


def strays(size: int = SIZE) -> bytes:
    return _blocks(_packet(n) + b"\xff\xff\xff\xff" for n in numbers(44, size))


def odd_strays(size: int = SIZE) -> bytes:
    return _blocks(_packet(n) + b"\x06\x00\x00" for n in numbers(43, size))


def wrong_lengths(size: int = SIZE) -> bytes:
    return _blocks(_packet(n)[:-4] + struct.pack("<I", 44) for n in numbers(40, size))


def wrong_first_lengths(size: int = SIZE) -> bytes:
    return _blocks(_packet(n)[:4] + struct.pack("<I", 64) + _packet(n)[8:] for n in numbers(40, size))


def wrong_both_lengths(size: int = SIZE) -> bytes:
    return _blocks(
        _packet(n)[:4] + struct.pack("<I", 64) + _packet(n)[8:-4] + b"\x50\0\0\0" for n in numbers(40, size)
    )


def wrong_lengths_with_comments(size: int = SIZE) -> bytes:
    packets = (_packet(n, options=option(1, b"comment")) for n in numbers(52, size))
    return _blocks(one[:4] + struct.pack("<I", 0x12345678) + one[8:] for one in packets)


def wrong_record_lengths(size: int = SIZE) -> bytes:
    records = (struct.pack("<IIII", T0 + n, 0, 64 + n % 32, 5) + ACK for n in numbers(21, size))
    return pcap([ACK]) + b"".join(records)


def false_blocks(size: int = SIZE) -> bytes:
    return _blocks([struct.pack("<III", 6, 0x00FFFFFC, 6) * (size // 12), _packet(1)])


def false_records(size: int = SIZE) -> bytes:
    header = struct.pack("<IIII", T0, 5, 0x3FFFF, 0x3FFFF)
    return pcap([ACK]) + header * (size // 16) + pcap([ACK])[24:]


def bad_headers(size: int = SIZE) -> bytes:
    bad = struct.pack("<IIII", 1, 1, 0x7FFFFFF0, 0x7FFFFFF0)
    return pcap([])[:24] + b"".join(
        struct.pack("<IIII", T0 + n, 0, 5, 5) + ACK + bad for n in numbers(37, size)
    )


def zeros(size: int = SIZE) -> bytes:
    return pcap([ACK]) + b"".join(bytes(64) + pcap([ACK])[24:] for _ in numbers(85, size))


def garbage(size: int = SIZE) -> bytes:
    return pcap([ACK]) + random.Random(1).randbytes(size) + pcap([ACK])[24:]


def garbage_blocks(size: int = SIZE) -> bytes:
    return _blocks([random.Random(1).randbytes(size // 4 * 4), _packet(1)])


def packet_comments(size: int = SIZE) -> bytes:
    return _blocks(_packet(n, options=option(1, b"comment %d" % n)) for n in numbers(56, size))


def options(size: int = SIZE) -> bytes:
    return _blocks(_packet(n, options=option(2988, b"") * 100) for n in numbers(440, size))


def section_comments(size: int = SIZE) -> bytes:
    return (
        section(options=b"".join(option(1, b"%d" % n) for n in numbers(10, size)))
        + interface(195)
        + _packet(0)
    )


def secrets(size: int = SIZE) -> bytes:
    keys = (struct.pack("<II", 0x5A4E574B, 18) + key(n) + b"\x00\x10" for n in numbers(40, size))
    return _blocks(block(10, value) for value in keys) + pcapng([ACK])[48:]


def names(size: int = SIZE) -> bytes:
    records = (struct.pack("<HH", 4, 12) + n.to_bytes(8, "big") + b"abc\0" for n in numbers(32, size))
    return _blocks(block(4, value + bytes(4)) for value in records) + _packet(0)


def statistics(size: int = SIZE) -> bytes:
    body = (struct.pack("<III", n, 0, 0) + option(5, b"\x01" + bytes(7)) for n in numbers(36, size))
    return _blocks(block(5, value) for value in body) + _packet(0)


def strange_types(size: int = SIZE) -> bytes:
    return _blocks(block(0x1000 + n, b"") for n in numbers(12, size)) + _packet(0)


def long_block(size: int = SIZE) -> bytes:
    return _blocks([block(0x0BAD, bytes(size)), _packet(1)])


def _repeating(size: int) -> bytes:
    return pcap([bytes(2000)]) + pcap([bytes(2000)])[24:] * (size // 2000)


def unfolding_zstd(size: int = SIZE) -> bytes:
    return zstandard.ZstdCompressor().compress(_repeating(size))


def unfolding_gzip(size: int = SIZE) -> bytes:
    return gzip.compress(_repeating(size))


def unfolding_lz4(size: int = SIZE) -> bytes:
    return lz4.frame.compress(_repeating(size))


def empty_gzip_members(size: int = SIZE) -> bytes:
    return gzip.compress(b"") * (size // len(gzip.compress(b""))) + gzip.compress(pcap([ACK]))


def empty_zstd_frames(size: int = SIZE) -> bytes:
    empty = zstandard.ZstdCompressor().compress(b"")
    return empty * (size // len(empty)) + zstandard.ZstdCompressor().compress(pcap([ACK]))


def empty_lz4_frames(size: int = SIZE) -> bytes:
    empty = lz4.frame.compress(b"")
    return empty * (size // len(empty)) + lz4.frame.compress(pcap([ACK]))


CONTAINERS: dict[str, Bomb] = {
    "an interface for each packet": Bomb(interfaces, 10),
    "a clock for each packet": Bomb(clocks, 10),
    "interfaces without a packet": Bomb(idle_interfaces, 10),
    "a section for each packet": Bomb(sections, 10),
    "4 stray octets behind each block": Bomb(strays, 10),
    "3 stray octets behind each block, like a block's first": Bomb(odd_strays, 10),
    "second length of each block wrong": Bomb(wrong_lengths, 7),
    "first length of each block wrong": Bomb(wrong_first_lengths, 7),
    "both lengths of each block wrong": Bomb(wrong_both_lengths, 12),
    "first length wrong where there are comments": Bomb(wrong_lengths_with_comments, 7),
    "length of each record wrong": Bomb(wrong_record_lengths, 9),
    "what looks like a long block, everywhere": Bomb(false_blocks, 6),
    "what looks like a record's header, everywhere": Bomb(false_records, 6),
    "a bad header behind each record": Bomb(bad_headers, 25),
    "zeros behind each record": Bomb(zeros, 14),
    "random octets (pcap)": Bomb(garbage, 2),
    "random octets (pcapng)": Bomb(garbage_blocks, 2),
    "a comment at each packet": Bomb(packet_comments, 2),
    "a hundred options at each packet": Bomb(options, 3),
    "comments on the section": Bomb(section_comments, 7),
    "decryption secrets blocks": Bomb(secrets, 4),
    "name resolution blocks": Bomb(names, 4),
    "statistics of interfaces that there are not": Bomb(statistics, 5),
    "ever other unknown block types": Bomb(strange_types, 4),
    "one long block": Bomb(long_block, 1.5),
    "zstd that unfolds": Bomb(unfolding_zstd, 7),
    "gzip that unfolds": Bomb(unfolding_gzip, 7),
    "lz4 that unfolds": Bomb(unfolding_lz4, 7),
    "gzip members without content": Bomb(empty_gzip_members, 7),
    "zstd frames without content": Bomb(empty_zstd_frames, 7),
    "lz4 frames without content": Bomb(empty_lz4_frames, 7),
}
