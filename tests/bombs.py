"""Captures made to cost much: each kind of bomb, a sound capture to hold it against, and what both cost.

``python -m tests.bombs`` prints the table of `docs/reliability.md`.
"""

import gc
import io
import random
import struct
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterable
from functools import cache
from typing import NamedTuple

import zstandard

from analysis.pipeline.decode import decode
from captures import open_capture
from dissectors.zigbee.aps import ApsHeader
from dissectors.zigbee.nwk import NwkHeader
from dissectors.zigbee.security.sealing import seal_aps, seal_nwk
from tests.captures.builders import T0, block, crc16, enhanced, interface, option, pcap, pcapng, section

SIZE = 200_000
"""Octets of a bomb, about (of what it unfolds to)."""
ACK = b"\x02\x00\x05\x15\xe2"
NETWORK_KEY = bytes(range(16))
WELL_KNOWN = b"ZigBeeAlliance09"


def _numbers(octets: int) -> range:
    return range(SIZE // octets)


def _blocks(pieces: Iterable[bytes]) -> bytes:
    return section() + interface(195) + b"".join(pieces)


def _packet(number: int, place: int = 0, options: bytes = b"") -> bytes:
    return enhanced(ACK, (T0 + number) * 10**6, place, options=options)


# -- containers ---------------------------------------------------------------------------------------------


def sound() -> bytes:
    """Frames of a network, none of them special: what the others are held against."""
    return _timed(
        secured(0x1000, 1 + number % 20, 0xA0 + number % 20, number, b"\x02\x00" + bytes(6))
        for number in _numbers(75)
    )


def interfaces() -> bytes:
    return section() + b"".join(interface(195) + _packet(n, n) for n in _numbers(60))


def clocks() -> bytes:
    offsets = (option(14, struct.pack("<q", n)) + option(9, bytes([n % 256])) for n in _numbers(84))
    return section() + b"".join(interface(195, options=o) + _packet(n, n) for n, o in enumerate(offsets))


def idle_interfaces() -> bytes:
    return section() + b"".join(interface(n & 0xFFFF) for n in _numbers(20)) + interface(195) + _packet(0, 0)


def sections() -> bytes:
    return b"".join(
        section("<>"[n % 2]) + interface(195, "<>"[n % 2]) + _packet(n) for n in _numbers(88) if n % 2 == 0
    )


def strays() -> bytes:
    return _blocks(_packet(n) + b"\xff\xff\xff\xff" for n in _numbers(44))


def odd_strays() -> bytes:
    return _blocks(_packet(n) + b"\x06\x00\x00" for n in _numbers(43))


def wrong_lengths() -> bytes:
    return _blocks(_packet(n)[:-4] + struct.pack("<I", 44) for n in _numbers(40))


def wrong_first_lengths() -> bytes:
    return _blocks(_packet(n)[:4] + struct.pack("<I", 64) + _packet(n)[8:] for n in _numbers(40))


def wrong_both_lengths() -> bytes:
    return _blocks(
        _packet(n)[:4] + struct.pack("<I", 64) + _packet(n)[8:-4] + b"\x50\0\0\0" for n in _numbers(40)
    )


def wrong_lengths_with_comments() -> bytes:
    packets = (_packet(n, options=option(1, b"comment")) for n in _numbers(52))
    return _blocks(one[:4] + struct.pack("<I", 0x12345678) + one[8:] for one in packets)


def wrong_record_lengths() -> bytes:
    records = (struct.pack("<IIII", T0 + n, 0, 64 + n % 32, 5) + ACK for n in _numbers(21))
    return pcap([ACK]) + b"".join(records)


def false_blocks() -> bytes:
    return _blocks([struct.pack("<III", 6, 0x00FFFFFC, 6) * (SIZE // 12), _packet(1)])


def false_records() -> bytes:
    header = struct.pack("<IIII", T0, 5, 0x3FFFF, 0x3FFFF)
    return pcap([ACK]) + header * (SIZE // 16) + pcap([ACK])[24:]


def bad_headers() -> bytes:
    bad = struct.pack("<IIII", 1, 1, 0x7FFFFFF0, 0x7FFFFFF0)
    return pcap([])[:24] + b"".join(struct.pack("<IIII", T0 + n, 0, 5, 5) + ACK + bad for n in _numbers(37))


def zeros() -> bytes:
    return pcap([ACK]) + b"".join(bytes(64) + pcap([ACK])[24:] for _ in _numbers(85))


def garbage() -> bytes:
    return pcap([ACK]) + random.Random(1).randbytes(SIZE) + pcap([ACK])[24:]


def garbage_blocks() -> bytes:
    return _blocks([random.Random(1).randbytes(SIZE // 4 * 4), _packet(1)])


def packet_comments() -> bytes:
    return _blocks(_packet(n, options=option(1, b"comment %d" % n)) for n in _numbers(56))


def options() -> bytes:
    return _blocks(_packet(n, options=option(2988, b"") * 100) for n in _numbers(440))


def section_comments() -> bytes:
    return section(options=b"".join(option(1, b"%d" % n) for n in _numbers(10))) + interface(195) + _packet(0)


def secrets() -> bytes:
    keys = (struct.pack("<II", 0x5A4E574B, 18) + _key(n) + b"\x00\x10" for n in _numbers(40))
    return _blocks(block(10, value) for value in keys) + pcapng([ACK])[48:]


def names() -> bytes:
    records = (struct.pack("<HH", 4, 12) + n.to_bytes(8, "big") + b"abc\0" for n in _numbers(32))
    return _blocks(block(4, value + bytes(4)) for value in records) + _packet(0)


def statistics() -> bytes:
    body = (struct.pack("<III", n, 0, 0) + option(5, b"\x01" + bytes(7)) for n in _numbers(36))
    return _blocks(block(5, value) for value in body) + _packet(0)


def strange_types() -> bytes:
    return _blocks(block(0x1000 + n, b"") for n in _numbers(12)) + _packet(0)


def long_block() -> bytes:
    return _blocks([block(0x0BAD, bytes(SIZE)), _packet(1)])


def unfolding() -> bytes:
    return zstandard.ZstdCompressor().compress(
        pcap([bytes(2000)]) + pcap([bytes(2000)])[24:] * (SIZE // 2000)
    )


# -- what a decoding keeps ----------------------------------------------------------------------------------


def _key(number: int) -> bytes:
    return b"key %012d" % number


def data_frame(pan: int, source: int, target: int, number: int, payload: bytes) -> bytes:
    """A MAC data frame with its check sequence."""
    head = struct.pack("<HBHHH", 0x8841, number & 0xFF, pan, target, source)
    return head + payload + crc16(head + payload)


def _timed(frames: Iterable[bytes]) -> bytes:
    """A pcap file of frames a few milliseconds from each other."""
    out = bytearray(pcap([])[:24])
    for number, frame in enumerate(frames):
        out += struct.pack("<IIII", T0 + number // 200, number % 200 * 5000, len(frame), len(frame)) + frame
    return bytes(out)


def nwk_header(source: int, target: int, number: int) -> NwkHeader:
    return NwkHeader(dst=target, src=source, radius=30, sequence=number & 0xFF)


def secured(
    pan: int, source: int, eui64: int, number: int, payload: bytes, key: bytes = NETWORK_KEY
) -> bytes:
    """A frame of the network layer under a network key."""
    nwk = seal_nwk(nwk_header(source, 0, number), payload, key, eui64=eui64, counter=number + 1)
    return data_frame(pan, source, 0, number, nwk)


def pans() -> bytes:
    return _timed(data_frame(n & 0xFFFF, 1 + (n >> 16), 0, n, bytes(4)) for n in _numbers(31))


def long_addresses() -> bytes:
    heads = (struct.pack("<HBHHQ", 0xC841, n & 0xFF, 0x1000, 0, 1 + n) for n in _numbers(33))
    return _timed(head + crc16(head) for head in heads)


def strangers() -> bytes:
    return _timed(
        secured(n & 0xFFFF, 1 + n % 60_000, 0x1000 + n, n, b"\x02\x00" + bytes(6)) for n in _numbers(75)
    )


def senders() -> bytes:
    """Opened frames of ever another sender."""
    return _timed(
        secured(0x1000, 1 + n % 60_000, 0x1000 + n, n, b"\x02\x00" + bytes(6)) for n in _numbers(75)
    )


def transport_keys() -> bytes:
    """Ever another network key, sent under the well-known link key."""

    def frame(number: int) -> bytes:
        body = b"\x05\x01" + _key(number) + bytes([number & 0xFF]) + struct.pack("<QQ", 0xA0, 0xB0)
        header = ApsHeader(counter=number & 0xFF)
        header.set_bits("frame_type", 1)
        aps = seal_aps(header, body, WELL_KNOWN, key_id="key-transport", eui64=0xB0, counter=number + 1)
        return data_frame(0x1000, 0, 1, number, bytes(nwk_header(0, 1, number)) + aps)

    return _timed(frame(n) for n in _numbers(100))


class Bomb(NamedTuple):
    """A kind of bomb.

    Attributes:
        make: makes its octets.
        times: how many times as much processor time as a sound capture of its size it may cost: near twice what
            was measured (`docs/reliability.md`).
    """

    make: Callable[[], bytes]
    times: float


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
    "zstd that unfolds": Bomb(unfolding, 7),
}
TRAFFIC: dict[str, Bomb] = {
    "ever other PANs": Bomb(pans, 42),
    "ever other EUI-64s": Bomb(long_addresses, 40),
    "ever other PANs, secured": Bomb(strangers, 5),
    "ever other EUI-64s, opened": Bomb(senders, 4),
    "ever other network keys": Bomb(transport_keys, 60),
}
BOMBS = CONTAINERS | TRAFFIC
ROOM = 2.0
"""How many times the memory of a sound capture a bomb may cost; 0.8 to 0.9 was measured."""


def read(octets: bytes) -> int:
    """Read a capture to its end; the number of its frames."""
    with open_capture(io.BytesIO(octets)) as capture:
        return sum(len(piece) for piece in capture)


def decoded(octets: bytes) -> int:
    """Decode a capture to all tables; the number of its frames."""
    from dissectors.keyring import Key, Keyring

    return len(decode(io.BytesIO(octets), Keyring([Key("network", NETWORK_KEY)])).table("packets"))


def seconds(work: Callable[[bytes], int], octets: bytes, runs: int = 3) -> float:
    """Processor time of the fastest of some runs."""
    return min(_seconds(work, octets) for _ in range(runs))


def _seconds(work: Callable[[bytes], int], octets: bytes) -> float:
    gc.collect()
    begin = time.process_time()
    work(octets)
    return time.process_time() - begin


def memory(work: Callable[[bytes], int], octets: bytes) -> int:
    """The most octets that were held at a time."""
    gc.collect()
    tracemalloc.start()
    try:
        work(octets)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@cache
def sound_room() -> float:
    """Octets of memory that an octet of a sound capture costs."""
    return memory(decoded, _sound()) / len(_sound())


@cache
def _sound() -> bytes:
    octets = sound()
    decoded(octets)  # what is made once is not the bomb's
    return octets


def room(octets: bytes) -> float:
    """How many times the memory of a sound capture of its size a bomb costs."""
    return memory(decoded, octets) / max(len(octets), SIZE) / sound_room()


def times(octets: bytes, limit: float = 0, tries: int = 2) -> float:
    """How many times the processor time of a sound capture of its size a bomb costs.

    Both are measured in turn, because others use the processor and its caches too; what counts is the fastest run
    of each. Measuring ends when the ratio is below `limit`.
    """
    size, fair, spent = max(len(octets), SIZE), [], []
    for _ in range(tries):
        fair += [_seconds(decoded, _sound()) for _ in range(2)]
        spent.append(_seconds(decoded, octets))
        ratio = min(spent) / size / (min(fair) / len(_sound()))
        if ratio < limit:
            break
    return ratio


def main() -> None:
    print(
        f"sound: {seconds(decoded, _sound()) / len(_sound()) * 1e9:.0f} ns, {sound_room():.0f} octets an octet"
    )
    for name in sys.argv[1:] or BOMBS:
        octets = BOMBS[name].make()
        spent, held = times(octets), room(octets)
        print(f"| {name} | {len(octets):,} | {spent:.1f} | {BOMBS[name].times:g} | {held:.1f} |", flush=True)


if __name__ == "__main__":
    main()
