"""What sniffers leave around frames: PHY headers, octets behind, headers under user link types, PPI, TI's datagrams."""

import struct

import pytest

from captures import FcsState, Kind, TrailerKind, encapsulation_fields
from tests.captures.builders import FRAMES, crc16, ethernet, ipv4, pcap, tap, udp, with_fcs, with_ti, zep
from tests.captures.reading import Whole, whole

MANY = FRAMES * 3


def framed(frame: bytes, counted: int) -> bytes:
    return bytes([len(frame) + counted]) + frame


def nordic(frame: bytes, channel: int = 15, rssi: int = -60, lqi: int = 180) -> bytes:
    return struct.pack("<HhH", channel, rssi, lqi) + frame


def ppi(record: bytes, link_type: int = 195, fields: bytes = b"") -> bytes:
    return struct.pack("<BBHI", 0, 0, 8 + len(fields), link_type) + fields + record


def ti_radio(psdu: bytes, protocol: int = 2, status: int = 0x80) -> bytes:
    phr = struct.pack(">H", len(psdu)) if protocol == 1 else bytes([len(psdu)])
    return struct.pack("<BHBHBBHHHbB", 0, 17, 0, 3, protocol, 3, 2425, 0, 15, -42, status) + phr + psdu


def covered(got: Whole, link_type: int) -> None:
    """Each octet of a record lies in the tree around the frame, or in the frame."""
    block = got.blocks[0]
    for row in range(len(block)):
        start = int(block.offset[row] - block.record_offset[row])
        end = start + int(block.length[row])
        fields = encapsulation_fields(block.record(row), link_type, (start, end))
        spans = [(leaf.offset, leaf.end) for branch in fields for leaf in branch.leaves()]
        at = 0
        for first, last in sorted([*spans, (start, end)]):
            assert first == at, fields
            at = last
        assert at == len(block.record(row))


@pytest.mark.parametrize("count", [1, 2, 15])
def test_a_phy_header_before_each_frame(count: int) -> None:
    got = whole(pcap([framed(frame, 0) for frame in with_fcs(MANY)][-count:]))
    assert [row.octets for row in got.rows] == with_fcs(MANY)[-count:]
    assert {row.fcs for row in got.rows} == {FcsState.GOOD}
    assert "PHY header" in got.judgement
    covered(got, 195)


@pytest.mark.parametrize("frames", [MANY, FRAMES[3:4]], ids=["many", "one"])
def test_a_phy_header_that_counts_a_check_sequence_which_is_not_there(frames: list[bytes]) -> None:
    got = whole(pcap([framed(frame, 2) for frame in frames], 230))
    assert [row.octets for row in got.rows] == frames
    assert {row.trailer for row in got.rows} == {TrailerKind.ABSENT}


def test_a_phy_header_and_metadata() -> None:
    got = whole(pcap([framed(frame, 0) for frame in with_ti(MANY)]))
    assert {(row.trailer, row.rssi) for row in got.rows} == {(TrailerKind.TI, 20 - 73)}


def test_a_phy_header_of_two_octets() -> None:
    """SUN PHYs: bit 12 tells a check sequence of 16 bits, the low 11 bits are the length."""
    got = whole(pcap([struct.pack(">H", 0x1000 | len(frame)) + frame for frame in with_fcs(MANY)]))
    assert [row.octets for row in got.rows] == with_fcs(MANY)


@pytest.mark.parametrize("behind", [1, 2, 3, 4])
@pytest.mark.parametrize("phr", [False, True])
def test_octets_behind_the_check_sequence(behind: int, phr: bool) -> None:
    records = [
        (framed(frame, 0) if phr else frame) + bytes([200, 17, 99, 3][:behind]) for frame in with_fcs(MANY)
    ]
    got = whole(pcap(records))
    assert [row.octets for row in got.rows] == with_fcs(MANY)
    assert {row.fcs for row in got.rows} == {FcsState.GOOD}
    covered(got, 195)


@pytest.mark.parametrize("frames", [with_fcs(), with_ti(MANY), [FRAMES[0]] * 9, [with_fcs()[0]] * 9])
def test_frames_alone_stay_as_they_are(frames: list[bytes]) -> None:
    got = whole(pcap(frames))
    assert [row.octets for row in got.rows] == frames
    assert "PHY header" not in got.judgement


def test_metadata_in_a_few_frames_one_of_them_damaged() -> None:
    bodies = [frame[:-1] + bytes([n]) for n, frame in enumerate([FRAMES[1], FRAMES[2], FRAMES[3]] * 2)]
    frames = with_ti(bodies, rssi=-62)
    frames[4] = frames[4][:-1] + bytes([0x31])
    got = whole(pcap(frames))
    assert {row.trailer for row in got.rows} == {TrailerKind.TI}
    assert [row.fcs for row in got.rows].count(FcsState.BAD) == 1


def test_a_few_damaged_frames_are_no_metadata() -> None:
    bad = [FRAMES[2] + ending for ending in (b"\x11\x62", b"\x7f\x03", b"\x90\xf1", b"\x33\x47", b"\x52\xa0")]
    got = whole(pcap(bad))
    assert {row.trailer for row in got.rows} == {TrailerKind.FCS16}
    assert {row.fcs for row in got.rows} == {FcsState.BAD}


def test_strength_is_judged_for_each_sender_of_zep() -> None:
    def sent(device: int, rssi: int) -> list[bytes]:
        out = []
        for frame in with_ti(rssi=rssi):
            packet = bytearray(zep(frame, mode=0))
            packet[5:7] = struct.pack(">H", device)
            out.append(ethernet(ipv4(udp(bytes(packet)))))
        return out

    got = whole(pcap([*sent(1, -45), *sent(2, 12)], 1))
    assert [row.rssi for row in got.rows] == [-45] * 5 + [12 - 73] * 5


def test_zep_on_another_port() -> None:
    got = whole(pcap([ethernet(ipv4(udp(zep(frame), 9999))) for frame in with_fcs()], 1))
    assert [row.octets for row in got.rows] == with_fcs()
    other = whole(pcap([ethernet(ipv4(udp(b"EX" + bytes(40), 9999)))], 1))
    assert other.kinds == [Kind.PACKET]


@pytest.mark.parametrize("link_type", [147, 150, 162])
def test_the_header_of_the_nrf_sniffer(link_type: int) -> None:
    got = whole(pcap([nordic(frame) for frame in FRAMES], link_type))
    assert [row.octets for row in got.rows] == FRAMES
    assert {(row.channel, row.rssi, row.lqi) for row in got.rows} == {(15, -60, 180)}
    covered(got, link_type)


@pytest.mark.parametrize(
    "records",
    [
        with_fcs(),
        [tap(frame, (0, b"\x01")) for frame in with_fcs()],
        [zep(frame) for frame in with_fcs()],
        [b"ZBOSS" + bytes(6) + frame for frame in with_ti(MANY)],
    ],
    ids=["frames", "TAP", "ZEP", "ZBOSS"],
)
def test_what_else_is_under_user_link_types(records: list[bytes]) -> None:
    got = whole(pcap(records, 148))
    assert set(got.kinds) == {Kind.RADIO}
    assert {row.fcs for row in got.rows} == {FcsState.GOOD}
    covered(got, 148)


def test_user_link_types_prove_nothing() -> None:
    words = [b"~\xa0*A\x08\x83\x13\x04\x13\xe6\xe7\x00", b"a line of a serial console", bytes(range(40))]
    got = whole(pcap(words * 3, 147))
    assert set(got.kinds) == {Kind.PACKET}
    assert "no form of radio frames" in got.judgement


def test_ppi_with_frames_inside() -> None:
    position = struct.pack("<HH", 30002, 4) + bytes(4)
    got = whole(pcap([ppi(frame, fields=position) for frame in with_fcs()], 192))
    assert [row.octets for row in got.rows] == with_fcs()
    assert {row.fcs for row in got.rows} == {FcsState.GOOD}
    covered(got, 192)


def test_ppi_with_tap_without_fcs_and_with_others_inside() -> None:
    records = [
        ppi(tap(FRAMES[0]), 283),
        ppi(FRAMES[1], 230),
        ppi(bytes(30), 105),
        ppi(b"", 192),
        b"\0\0",
        ppi(b"x"),
    ]
    records[-1] = records[-1][:2] + b"\xff\xff" + records[-1][4:]
    got = whole(pcap(records, 192))
    assert got.kinds == [Kind.RADIO, Kind.RADIO, Kind.PACKET, Kind.PACKET, Kind.NOTHING, Kind.NOTHING]
    assert [row.octets for row in got.rows[:2]] == FRAMES[:2]


def test_datagrams_of_ti_packet_sniffer_2() -> None:
    records = [ti_radio(FRAMES[2]), ti_radio(FRAMES[3], status=0), ti_radio(FRAMES[1], protocol=1)]
    got = whole(pcap([ethernet(ipv4(udp(one, 17760))) for one in records], 1))
    assert [row.octets for row in got.rows] == [FRAMES[2], FRAMES[3], FRAMES[1]]
    assert {(row.channel, row.rssi) for row in got.rows} == {(15, -42)}
    assert [row.fcs for row in got.rows] == [FcsState.GOOD, FcsState.BAD, FcsState.GOOD]
    assert crc16(b"") == b"\0\0"
    covered(got, 1)
