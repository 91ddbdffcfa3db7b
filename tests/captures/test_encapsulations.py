"""Each encapsulation gives the frame, its metadata and its trailer; the field tree ends where the frame begins."""

import struct

import pytest

from captures import CapturedFrame, FcsState, Kind, TrailerKind, encapsulation_fields
from tests.captures.builders import (
    FRAMES,
    crc16,
    crc32,
    enhanced,
    ethernet,
    interface,
    ipv4,
    ipv6,
    pcap,
    section,
    tap,
    udp,
    with_fcs,
    with_ti,
    zep,
)
from tests.captures.reading import whole

FRAME = FRAMES[2]
GOOD = FRAME + crc16(FRAME)


def one(record: bytes, link_type: int) -> CapturedFrame:
    got = whole(pcap([record], link_type))
    fields = encapsulation_fields(record, link_type)
    at = 0
    for leaf in (leaf for branch in fields for leaf in branch.leaves()):
        assert leaf.offset == at, leaf
        assert leaf.buffer == "record"
        at = leaf.end
    row = got.rows[0]
    if got.kinds[0] == Kind.RADIO:
        assert record[at : at + len(row.octets)] == row.octets
    else:
        assert at == len(record)
    return row


def zboss(frame: bytes) -> bytes:
    return b"ZBOSS" + bytes([0x01, 15]) + struct.pack("<I", 99) + frame


ZEP = udp(zep(GOOD))
WRAPPED = {
    "195": (GOOD, 195),
    "TAP": (tap(GOOD, (0, b"\x01")), 283),
    "215": (bytes(4) + b"\xa7" + bytes([len(GOOD)]) + GOOD, 215),
    "Ethernet": (ethernet(ipv4(ZEP)), 1),
    "Ethernet, padded": (ethernet(ipv4(ZEP)) + bytes(9), 1),
    "VLAN": (ethernet(ipv4(ZEP), tags=bytes.fromhex("81000005")), 1),
    "two VLANs, IPv6": (ethernet(ipv6(ZEP), 0x86DD, bytes.fromhex("88a8000581000006")), 1),
    "IPv4 with options": (ipv4(ZEP, bytes(8)), 101),
    "IPv6 with an extension": (ipv6(ZEP, bytes([17, 0]) + bytes(6)), 229),
    "raw 12": (ipv4(ZEP), 12),
    "raw 14": (ipv4(ZEP), 14),
    "raw 228": (ipv4(ZEP), 228),
    "null": (struct.pack("<I", 2) + ipv4(ZEP), 0),
    "loop": (struct.pack(">I", 2) + ipv4(ZEP), 108),
    "SLL": (bytes(14) + b"\x08\x00" + ipv4(ZEP), 113),
    "SLL2": (b"\x08\x00" + bytes(18) + ipv4(ZEP), 276),
    "SLL monitor": (struct.pack(">HHH8xH", 3, 805, 0, 0xF6) + GOOD, 113),
    "SLL2 monitor": (struct.pack(">HHIHBB8x", 0xF6, 0, 1, 805, 3, 0) + GOOD, 276),
    "EtherType": (ethernet(GOOD, 0x809A), 1),
    "ZEP 1": (ethernet(ipv4(udp(zep(GOOD, 1)))), 1),
    "ZEP 3": (ethernet(ipv4(udp(zep(GOOD, 3)))), 1),
}


@pytest.mark.parametrize("name", WRAPPED)
def test_a_frame_with_a_good_check_sequence(name: str) -> None:
    row = one(*WRAPPED[name])
    assert (row.octets, row.trailer, row.fcs) == (GOOD, TrailerKind.FCS16, FcsState.GOOD)


def test_zep_tells_channel_and_quality_and_the_trailer() -> None:
    row = one(ipv4(udp(zep(GOOD, channel=24, lqi=99))), 101)
    assert (row.channel, row.lqi, row.rssi) == (24, 99, None)
    row = one(ipv4(udp(zep(with_ti([FRAME])[0], mode=0))), 101)
    assert (row.trailer, row.fcs, row.rssi, row.lqi) == (TrailerKind.TI, FcsState.GOOD, 20 - 73, 77)


def test_zep_without_a_frame() -> None:
    records = [ipv4(udp(zep(b"", 2, kind=2))), ipv4(udp(zep(b"HELLO", kind=255))), ipv4(udp(b"hi")), b"?"]
    got = whole(pcap(records, 101))
    assert got.kinds == [Kind.NOTHING, Kind.NOTHING, Kind.PACKET, Kind.PACKET]


def test_other_traffic_stays_packets() -> None:
    arp = ethernet(bytes(28), 0x0806)
    dns = ethernet(ipv4(udp(bytes(30), 53)))
    fragment = bytearray(ethernet(ipv4(ZEP)))
    fragment[20] = 0x20
    for record in (arp, dns, bytes(fragment), ethernet(b""), b"short"):
        row = one(record, 1)
        assert (row.link_type, row.octets) == (1, record)


def test_zboss() -> None:
    frames = [zboss(frame) for frame in with_ti()]
    got = whole(pcap(frames, 195))
    assert [row.octets for row in got.rows] == with_ti()
    assert {(row.channel, row.page, row.trailer) for row in got.rows} == {(15, 0, TrailerKind.TI)}
    assert one(frames[2], 195).octets == with_ti()[2]


def test_every_tap_entry() -> None:
    entries = [
        (0, b"\x01"),
        (1, struct.pack("<f", -61.4)),
        (2, struct.pack("<I", 250_000)),
        (3, struct.pack("<HB", 62, 29)),
        (4, bytes([1, 2, 3])),
        (5, struct.pack("<Q", 1)),
        (6, struct.pack("<Q", 2)),
        (7, struct.pack("<Q", 3)),
        (8, struct.pack("<Q", 4)),
        (9, struct.pack("<I", 10_000)),
        (10, b"\xc8"),
        (11, struct.pack("<f", 868_000)),
        (12, struct.pack("<ffH", 863_000, 200, 62)),
        (13, struct.pack("<HH", 6, 16) + b"\x12\x34"),
        (9, struct.pack("<II", 10_000, 0)),
        (500, b"unknown"),
    ]
    record = tap(GOOD, *entries)
    row = one(record, 283)
    assert (row.octets, row.rssi, row.channel, row.page, row.lqi) == (GOOD, -61, 62, 29, 200)
    (branch,) = encapsulation_fields(record, 283)
    named = {leaf.name: leaf.value for leaf in branch.leaves()}
    assert named["bit_rate"] == 250_000
    assert named["start_of_slot"] == 4
    assert (named["phr_type"], named["spacing"], named["absolute_slot_number"]) == (6, 200, 3)
    assert branch.children[-1].find("value").value == b"unknown"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("entries", "octets", "trailer", "fcs"),
    [
        ([], FRAME, TrailerKind.ABSENT, FcsState.UNKNOWN),
        ([(0, b"\x00")], GOOD, TrailerKind.ABSENT, FcsState.UNKNOWN),
        ([(0, b"\x01")], GOOD, TrailerKind.FCS16, FcsState.GOOD),
        ([(0, b"\x01")], FRAME + b"\0\1", TrailerKind.FCS16, FcsState.BAD),
        ([(0, b"\x02")], FRAME + crc32(FRAME), TrailerKind.FCS32, FcsState.GOOD),
        ([(0, b"\x02")], FRAME + bytes(4), TrailerKind.FCS32, FcsState.BAD),
        ([(0, b"\x09")], FRAME, TrailerKind.ABSENT, FcsState.UNKNOWN),
    ],
)
def test_the_tap_header_says_what_the_trailer_is(
    entries: list[tuple[int, bytes]], octets: bytes, trailer: TrailerKind, fcs: FcsState
) -> None:
    row = one(tap(octets, *entries), 283)
    assert (row.octets, row.trailer, row.fcs) == (octets, trailer, fcs)


@pytest.mark.parametrize(
    "record", [b"", b"\0", bytes(4), b"\0\0\xff\xff", b"\1\0\4\0abc", b"\0\0\x08\0\0\0\xff\0"]
)
def test_damaged_tap_headers(record: bytes) -> None:
    got = whole(pcap([record, tap(FRAME)], 283))
    assert got.rows[1].octets == FRAME
    assert len(got.blocks[0].issues) == 1 or record == b"\0\0\x08\0\0\0\xff\0"
    encapsulation_fields(record, 283)


def test_link_types_of_interfaces_do_not_mix() -> None:
    data = section()
    for link_type in (195, 230, 283, 1):
        data += interface(link_type)
    for i in range(12):
        data += enhanced(GOOD, i) + enhanced(FRAME, i, 1) + enhanced(tap(FRAME), i, 2)
        data += enhanced(ethernet(ipv4(ZEP)), i, 3)
    got = whole(data)
    assert [row.octets for row in got.rows[:4]] == [GOOD, FRAME, FRAME, GOOD]
    assert [row.trailer for row in got.rows[-4:]] == [1, 0, 0, 1]
    assert with_fcs()[2] == GOOD
