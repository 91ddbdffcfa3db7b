"""Traffic made to cost much: ever other devices, keys, and beginnings of what never ends."""

import struct
from collections.abc import Iterable, Iterator

from dissectors.dlms.carriers.hdlc import build_frame
from dissectors.gbcs.gbt import Block, build_block
from dissectors.zigbee.aps.headers import ApsHeader
from dissectors.zigbee.security.sealing import seal_aps
from tests.bombs.frames import SIZE, WELL_KNOWN, Bomb, data_frame, key, numbers, nwk_header, secured, timed
from tests.captures.builders import block, crc16, pcap, pcapng


def pans(size: int = SIZE) -> bytes:
    return timed(data_frame(n & 0xFFFF, 1 + (n >> 16), 0, n, bytes(4)) for n in numbers(31, size))


def long_addresses(size: int = SIZE) -> bytes:
    heads = (struct.pack("<HBHHQ", 0xC841, n & 0xFF, 0x1000, 0, 1 + n) for n in numbers(33, size))
    return timed(head + crc16(head) for head in heads)


def strangers(size: int = SIZE) -> bytes:
    return timed(
        secured(n & 0xFFFF, 1 + n % 60_000, 0x1000 + n, n, b"\x02\x00" + bytes(6)) for n in numbers(75, size)
    )


def senders(size: int = SIZE) -> bytes:
    """Opened frames of ever another sender."""
    return timed(
        secured(0x1000, 1 + n % 60_000, 0x1000 + n, n, b"\x02\x00" + bytes(6)) for n in numbers(75, size)
    )


def transport_key(number: int) -> bytes:
    body = b"\x05\x01" + key(number) + bytes([number & 0xFF]) + struct.pack("<QQ", 0xA0, 0xB0)
    header = ApsHeader(counter=number & 0xFF)
    header.set_bits("frame_type", 1)
    aps = seal_aps(header, body, WELL_KNOWN, key_id="key-transport", eui64=0xB0, counter=number + 1)
    return data_frame(0x1000, 0, 1, number, bytes(nwk_header(0, 1, number)) + aps)


def transport_keys(size: int = SIZE) -> bytes:
    """Ever another network key, sent under the well-known link key."""
    return timed(transport_key(n) for n in numbers(100, size))


def used_keys(size: int = SIZE) -> bytes:
    """Ever another network key, each with a frame that it opens."""

    def frames(number: int) -> Iterator[bytes]:
        yield transport_key(number)
        yield secured(0x1000, 1, 0xA0, number, b"\x02\x00" + bytes(6), key(number))

    return timed(frame for n in numbers(180, size) for frame in frames(n))


def useless_secrets(size: int = SIZE) -> bytes:
    """Ever other network keys in blocks of secrets, and as many sealed frames that none of them opens."""
    secrets = (struct.pack("<II", 0x5A4E574B, 18) + key(n) + b"\x00\x10" for n in numbers(160, size))
    sealed = (secured(0x1000, 1, 0xA0, n, bytes(8), b"unknown network ") for n in numbers(160, size))
    return pcapng([])[:48] + b"".join(block(10, one) for one in secrets) + pcapng(list(sealed))[48:]


def application(
    number: int,
    payload: bytes,
    *,
    source: int = 1,
    cluster: int = 0x0702,
    head: int = 0,
    extended: bytes = b"",
) -> bytes:
    """A frame of the application layer without security; `head` is its APS frame control."""
    aps = bytes([head, 1]) + struct.pack("<HHBB", cluster, 0x0109, 1, number & 0xFF) + extended
    return data_frame(0x1000, source, 0, number, bytes(nwk_header(source, 0, number)) + aps + payload)


def fragments(size: int = SIZE) -> bytes:
    """First fragments of two, of ever another payload."""
    return timed(
        application(n, bytes(60), source=1 + n % 60_000, head=0x80, extended=b"\x01\x02")
        for n in numbers(110, size)
    )


def fragments_of_many(size: int = SIZE) -> bytes:
    """All fragments but the last of payloads of 255."""
    return timed(
        application(
            n // 254, bytes(20), head=0x80, extended=b"\x01\xff" if n % 254 == 0 else bytes((2, n % 254))
        )
        for n in numbers(72, size)
    )


def transfer(number: int, tunnel: int, data: bytes, *, source: int = 1) -> bytes:
    """TransferData to the server of a tunnel."""
    head = bytes((0x01, number & 0xFF, 0x02)) + struct.pack("<H", tunnel)
    return application(number, head + data, source=source, cluster=0x0704)


BEGINNING = (
    bytes.fromhex("df0901")
    + bytes(7)
    + b"\1"
    + b"\x08"
    + bytes(8)
    + b"\x08"
    + bytes(8)
    + b"\0\x02\0\x62\0\x82\xff\x00"
)
"""A GBCS message that says it has 65,280 octets of payload."""


def tunnels(size: int = SIZE) -> bytes:
    """Ever another tunnel, each with a message that has begun."""
    return timed(transfer(n, n & 0xFFFF, BEGINNING, source=1 + n % 60_000) for n in numbers(105, size))


def a_slow_tunnel(size: int = SIZE) -> bytes:
    """One message of which an octet comes at a time."""
    return timed(transfer(n, 7, b"\x55" if n else BEGINNING) for n in numbers(55, size))


def blocks_without_end(size: int = SIZE) -> bytes:
    """Blocks (GBT) of ever another message that is never whole."""
    return timed(transfer(n, 7, gbt_block(n, 1 + n % 2)) for n in numbers(118, size))


def a_stream_without_end(size: int = SIZE) -> bytes:
    """Blocks (GBT) of one message that is never whole: the first one is missing."""
    return timed(transfer(n, 7, gbt_block(0, n + 2)) for n in numbers(118, size))


def gbt_block(counter: int, number: int) -> bytes:
    ends = bytes.fromhex("0a51c00000000100"), bytes.fromhex("0a51c0de00000000")
    header = Block(1, counter, *ends, 0x0102, 0x41, 1, 0, b"", 0, b"\x11\0\0\0\0")
    return build_block(header, bytes([number & 0xFF]) * 10, number, last=False)


def establishments(size: int = SIZE) -> bytes:
    """Key establishments that were begun with ever another device."""
    return timed(
        application(
            n,
            b"\x01\x01\x00\x01\x00\x05\x05" + bytes(40) + struct.pack("<Q", n),
            source=1 + n % 60_000,
            cluster=0x0800,
        )
        for n in numbers(105, size)
    )


def words(size: int = SIZE) -> bytes:
    """Ever another summary: the name of an unknown cluster, command and attribute."""
    return timed(
        application(
            n,
            bytes((0x18, n & 0xFF, 0x0A)) + struct.pack("<HBB", n * 7 & 0xFFFF, 0x20, 1),
            cluster=0xC000 + n % 5000,
        )
        for n in numbers(55, size)
    )


def many_attributes(size: int = SIZE) -> bytes:
    """Reads of as many attributes as go into a frame."""
    return timed(
        application(n, bytes((0x10, n & 0xFF, 0x00)) + struct.pack("<40H", *range(n, n + 40)))
        for n in numbers(130, size)
    )


def nested_values(size: int = SIZE) -> bytes:
    """Reports of structures in structures in arrays, deeper than is read."""
    value = b"\x4c" + b"\x01\x00\x4c" * 26
    return timed(
        application(n, bytes((0x18, n & 0xFF, 0x0A, n & 0xFF, 0)) + value) for n in numbers(130, size)
    )


def wide_values(size: int = SIZE) -> bytes:
    """Reports of arrays of as many octets as go into a frame."""
    value = b"\x48\x20\x4b\x00" + bytes(75)
    return timed(
        application(n, bytes((0x18, n & 0xFF, 0x0A, n & 0xFF, 0)) + value) for n in numbers(130, size)
    )


# -- packets that are no radio frames -----------------------------------------------------------------------


def packet(protocol: int, source: int, payload: bytes) -> bytes:
    """An IPv4 packet (UDP or TCP as `payload` says) from ever another address."""
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), 0, 0, 64, protocol, 0)
    return head + (0x0A000000 + source).to_bytes(4, "big") + bytes((10, 0, 0, 1)) + payload


def datagram(source: int, apdu: bytes) -> bytes:
    """A DLMS APDU behind a wrapper in UDP."""
    body = struct.pack(">HHHH", 1, 1, 16, len(apdu)) + apdu
    return packet(17, source, struct.pack(">HHHH", 40_000, 4059, 8 + len(body), 0) + body)


def segment(source: int, sequence: int, octets: bytes) -> bytes:
    """Octets of a TCP stream to the port of DLMS."""
    return packet(
        6, source, struct.pack(">HHIIBBHHH", 40_000, 4059, sequence, 0, 0x50, 0x18, 1000, 0, 0) + octets
    )


def recorded(packets: Iterable[bytes]) -> bytes:
    return pcap(list(packets), 228)


GET = bytes.fromhex("c401c100")


def nested_data(size: int = SIZE) -> bytes:
    """DLMS data of arrays in arrays, deeper than is read."""
    return recorded(datagram(1, GET + b"\x01\x01" * 500) for _ in numbers(1056, size))


def wide_data(size: int = SIZE) -> bytes:
    """DLMS data of as many nulls as go into a datagram."""
    return recorded(datagram(1, GET + b"\x01\x82\x03\xe8" + bytes(1000)) for _ in numbers(1060, size))


def conversations(size: int = SIZE) -> bytes:
    """Ever another peer that speaks DLMS."""
    return recorded(datagram(n, GET + b"\x11\x05") for n in numbers(58, size))


def streams(size: int = SIZE) -> bytes:
    """Ever another peer that began a message."""
    return recorded(segment(n, 1, struct.pack(">HHHH", 1, 1, 16, 60_000) + GET) for n in numbers(68, size))


def a_slow_stream(size: int = SIZE) -> bytes:
    """One message of which an octet comes at a time."""
    begin = struct.pack(">HHHH", 1, 1, 16, 60_000)
    return recorded(segment(1, 1 + (n + 7) * (n > 0), b"\xc4" if n else begin) for n in numbers(57, size))


def streams_with_gaps(size: int = SIZE) -> bytes:
    """Octets of a stream of which every second one is missing."""
    return recorded(segment(1, 2 * n, b"\x00") for n in numbers(57, size))


def segments(size: int = SIZE) -> bytes:
    """HDLC segments of ever another pair of stations, of which the last never comes."""

    def one(number: int) -> bytes:
        station = bytes((number >> 6 & 0xFE, (number << 1 & 0xFE) | 1))
        return build_frame(station, b"\x03", 0x10, b"\xe6\xe7\x00" + GET + bytes(8), segmented=True)

    return pcap([one(n) for n in numbers(45, size)], 147)


def a_long_segmentation(size: int = SIZE) -> bytes:
    """HDLC segments of one message without end."""
    return pcap(
        [
            build_frame(b"\x03", b"\x21", n % 8 << 1, b"\xe6\xe7\x00" + GET, segmented=True)
            for n in numbers(36, size)
        ],
        147,
    )


TRAFFIC: dict[str, Bomb] = {
    "ever other PANs": Bomb(pans, 40),
    "ever other EUI-64s": Bomb(long_addresses, 40),
    "ever other PANs, secured": Bomb(strangers, 5),
    "ever other EUI-64s, opened": Bomb(senders, 4),
    "ever other network keys": Bomb(transport_keys, 60),
    "keys in the capture, none of which fits": Bomb(useless_secrets, 5),
    "ever other network keys, each used": Bomb(used_keys, 85),
    "first fragments of ever other payloads": Bomb(fragments, 20),
    "fragments of which the last is missing": Bomb(fragments_of_many, 25),
    "ever other tunnels with a message begun": Bomb(tunnels, 30),
    "a tunnel that gets an octet at a time": Bomb(a_slow_tunnel, 50),
    "blocks (GBT) of ever other messages": Bomb(blocks_without_end, 50, 12),
    "blocks (GBT) of a message without its first": Bomb(a_stream_without_end, 40),
    "key establishments begun": Bomb(establishments, 32),
    "ever other summaries": Bomb(words, 45),
    "as many attributes as go into a frame": Bomb(many_attributes, 55, 24),
    "ZCL values nested too deep": Bomb(nested_values, 30),
    "ZCL arrays": Bomb(wide_values, 35),
    "DLMS data nested too deep": Bomb(nested_data, 8),
    "DLMS arrays of nothing": Bomb(wide_data, 12),
    "ever other peers": Bomb(conversations, 36, 12),
    "ever other TCP streams with a message begun": Bomb(streams, 14),
    "a TCP stream that gets an octet at a time": Bomb(a_slow_stream, 15),
    "a TCP stream full of gaps": Bomb(streams_with_gaps, 22),
    "HDLC segments of ever other stations": Bomb(segments, 60, 25),
    "HDLC segments without a last one": Bomb(a_long_segmentation, 40, 12),
}
