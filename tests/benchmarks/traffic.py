"""Encrypted Smart Energy traffic of any length, for benchmarks and for comparing both paths.

Every frame is sealed on its own with AESCCM, independent of the code under test. Same seed, same octets.
Cases: the plain mix (half MAC acknowledgements), many networks, many keys, data frames only, and
traffic that always leaves the vector path.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESCCM

__all__ = ["CASES", "Case", "frames", "write_pcap"]

START_US = 1_700_000_000_000_000
METERING, PRICE, TUNNELING = 0x0702, 0x0700, 0x0704
READINGS = [(0x0000, 0x25, 6), (0x0200, 0x18, 1), (0x0300, 0x30, 1), (0x0301, 0x22, 3), (0x0302, 0x22, 3)]
READINGS += [(0x0400, 0x2A, 3), (0x0100, 0x25, 6), (0x0306, 0x18, 1), (0x0002, 0x25, 6), (0x0207, 0x20, 1)]


@dataclass(frozen=True)
class Case:
    """What kind of traffic: networks (each with its own key), idle keys held, and which frames."""

    name: str
    networks: int = 1
    idle_keys: int = 0
    data_only: bool = False
    tunnels: bool = False


CASES = (
    Case("plain mix"),
    Case("20 networks, 20 keys", networks=20),
    Case("200 networks, 200 keys", networks=200),
    Case("40 idle keys", idle_keys=40),
    Case("secured data only", data_only=True),
    Case("tunnels only", data_only=True, tunnels=True),
)


@dataclass
class Network:
    """One PAN with its coordinator and eleven meters and displays."""

    rng: random.Random
    pan: int
    key: bytes
    link_key: bytes
    nodes: list[int] = field(default_factory=list)
    counters: dict[tuple[str, int], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.nodes = [0, *self.rng.sample(range(1, 0xFFF0), 11)]
        self.sealer = AESCCM(self.key, tag_length=4)
        self.link_sealer = AESCCM(self.link_key, tag_length=4)

    def eui64(self, short: int) -> bytes:
        return struct.pack("<HHI", self.nodes.index(short) + 1, self.pan, 0x00158D00)

    def count(self, kind: str, short: int, bits: int = 32) -> int:
        value = (self.counters.get((kind, short), short & 0x7F) + 1) & ((1 << bits) - 1)
        self.counters[kind, short] = value
        return value


def frames(count: int, case: Case = CASES[0], seed: int = 7) -> Iterator[bytes]:
    """`count` frames with a good FCS."""
    rng = random.Random(seed)
    networks = [
        Network(rng, 0x1000 + i, key(i), bytes.fromhex("d0d1d2d3d4d5d6d7d8d9dadbdcdddedf"))
        for i in range(case.networks)
    ]
    made = 0
    while made < count:
        for frame in _exchange(rng, rng.choice(networks), case):
            if len(frame) <= 125 and made < count:
                made += 1
                yield frame + struct.pack("<H", fcs(frame))


def key(network: int) -> bytes:
    """The network key of the network with this number."""
    return bytes.fromhex("c0c1c2c3c4c5c6c7c8c9cacbcccd") + struct.pack(">H", 0xCECF ^ network)


def _exchange(rng: random.Random, network: Network, case: Case) -> Iterator[bytes]:
    """One frame and what follows it at once: its acknowledgement."""
    kind = 1.0 if case.data_only else rng.random()
    source, destination = rng.sample(network.nodes, 2)
    seq = network.count("mac", source, 8)
    if kind < 0.02:
        head = struct.pack("<HBHH", 0x8000, seq, network.pan, source)
        yield head + b"\xff\xcf\x00\x00" + b"\x00\x22\x8c" + network.eui64(0) + b"\xff\xff\xff\x00"
    elif kind < 0.03:
        yield struct.pack("<HBHHB", 0x0803, seq, 0xFFFF, 0xFFFF, 7)
    elif kind < 0.15:
        yield struct.pack("<HBHHHB", 0x8863, seq, network.pan, 0, source, 4)
        yield struct.pack("<HB", 0x0012, seq)
    elif kind < 0.21:
        links = b"".join(struct.pack("<HB", n, 0x11) for n in network.nodes[1 : rng.randrange(2, 9)])
        status = bytes((8, 0x60 | len(links) // 3)) + links
        yield sealed(network, source, 0xFFFF, source, 0xFFFC, 1, status, rng)
    else:
        yield sealed(
            network, source, destination, source, destination, 0, _aps(rng, network, source, case), rng
        )
        if not case.data_only:
            yield struct.pack("<HB", 0x0002, seq)


def sealed(
    network: Network,
    hop: int,
    hop_to: int,
    source: int,
    destination: int,
    kind: int,
    text: bytes,
    rng: random.Random,
) -> bytes:
    """A NWK frame under the network key, in a MAC data frame; one in two thousand has a bad MIC."""
    control = kind | 2 << 2 | 1 << 9
    named = kind == 1 or rng.random() < 0.2
    header = struct.pack(
        "<HHHBB", control | named << 12, destination, source, 30, network.count("nwk", source, 8)
    )
    header += network.eui64(source) if named else b""
    counter = struct.pack("<I", network.count("sealed", hop))
    aux = counter + network.eui64(hop) + b"\0"
    nonce = network.eui64(hop) + counter + b"\x2d"
    cipher = network.sealer.encrypt(nonce, text, header + b"\x2d" + aux)
    if rng.random() < 0.0005:
        cipher = cipher[:-1] + bytes((cipher[-1] ^ 0x55,))
    mac_control = 0x8861 if hop_to != 0xFFFF else 0x8841
    mac = struct.pack("<HBHHH", mac_control, network.counters["mac", hop], network.pan, hop_to, hop)
    return mac + header + b"\x28" + aux + cipher


def _aps(rng: random.Random, network: Network, source: int, case: Case) -> bytes:
    counter = network.count("aps", source, 8)
    if rng.random() < 0.25 and not case.tunnels:
        return struct.pack("<BBHHBB", 0x02, 1, METERING, 0x0109, 1, counter)
    cluster, zcl = _zcl(rng, case)
    secure = rng.random() < 0.5
    header = struct.pack("<BBHHBB", 0x40 | secure << 5, 1, cluster, 0x0109, 1, counter)
    if not secure:
        return header + zcl
    sealed_counter = struct.pack("<I", network.count("link", source))
    nonce = network.eui64(source) + sealed_counter + b"\x05"
    cipher = network.link_sealer.encrypt(nonce, zcl, header + b"\x05" + sealed_counter)
    return header + b"\0" + sealed_counter + cipher


def _zcl(rng: random.Random, case: Case) -> tuple[int, bytes]:
    """Cluster and ZCL frame: reads, responses, reports, default responses, a price request, tunnel data."""
    seq, choice = rng.randrange(256), rng.random()
    if case.tunnels:
        return TUNNELING, bytes((0x01, seq, 0x02)) + struct.pack("<H", 1) + rng.randbytes(30)
    some = rng.sample(READINGS, rng.randrange(1, 4))
    if choice < 0.3:
        return METERING, bytes((0x00, seq, 0x00)) + b"".join(struct.pack("<H", a) for a, _, _ in some)
    if choice < 0.5:
        return METERING, bytes((0x18, seq, 0x01)) + b"".join(_answer(rng, *one) for one in some)
    if choice < 0.75:
        return METERING, bytes((0x18, seq, 0x0A)) + b"".join(
            struct.pack("<HB", a, t) + rng.randbytes(s) for a, t, s in some
        )
    if choice < 0.9:
        return METERING, bytes((0x18, seq, 0x0B, 0x0A, rng.choice((0, 0, 0x86))))
    return PRICE, bytes((0x01, seq, 0x00, 1))


def _answer(rng: random.Random, attribute: int, type_: int, size: int) -> bytes:
    """A read-attributes-response record; one in ten says that the attribute is not supported."""
    if rng.random() < 0.1:
        return struct.pack("<HB", attribute, 0x86)
    return struct.pack("<HBB", attribute, 0, type_) + rng.randbytes(size)


def _reflect(count: int) -> Iterator[int]:
    for value in range(count):
        for _ in range(8):
            value = value >> 1 ^ (0x8408 if value & 1 else 0)
        yield value


TABLE = tuple(_reflect(256))


def fcs(octets: bytes) -> int:
    """The 16-bit frame check sequence (IEEE 802.15.4-2011 clause 5.2.1.9)."""
    value = 0
    for octet in octets:
        value = value >> 8 ^ TABLE[(value ^ octet) & 0xFF]
    return value


def write_pcap(path: Path, count: int, case: Case = CASES[0], seed: int = 7) -> None:
    """A pcap of link type 195 (IEEE 802.15.4 with FCS)."""
    with path.open("wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 195))
        time = START_US
        for number, frame in enumerate(frames(count, case, seed)):
            time += 400 if len(frame) == 5 else 1000 + number % 29000
            out.write(struct.pack("<IIII", *divmod(time, 1_000_000), len(frame), len(frame)) + frame)
