"""MAC headers of all versions, trailers, information elements, MAC security."""

import pytest

from dissectors import dissect_frame
from dissectors.crypto.crc import crc16
from dissectors.ieee802154.build import build_frame, seal_frame
from dissectors.ieee802154.fcs import fcs32
from dissectors.ieee802154.headers import AuxSecurity, MacHeader, pan_fields
from dissectors.ieee802154.payload_protocol import protocol_of
from dissectors.model.context import HanContext
from dissectors.model.cursor import Cursor
from dissectors.model.field import Field
from dissectors.model.frame import Dissection, RawFrame
from dissectors.model.keyring import Key, Keyring


def read(octets: bytes | str, trailer: str = "absent", *keys: Key) -> Dissection:
    data = bytes.fromhex(octets) if isinstance(octets, str) else octets
    out = dissect_frame(RawFrame(data, trailer), HanContext(Keyring(list(keys))))  # type: ignore[arg-type]
    assert out.octets_of() == data
    return out


def find(out: Dissection, name: str) -> Field:
    return next(f for branch in out.fields if (f := branch.find(name)))


# IEEE 802.15.4-2015 table 7-2: modes, compression, then whether each PAN ID is there
TABLE_7_2 = [
    (0, 0, 0, False, False),
    (0, 0, 1, True, False),
    (2, 0, 0, True, False),
    (3, 0, 0, True, False),
    (2, 0, 1, False, False),
    (3, 0, 1, False, False),
    (0, 2, 0, False, True),
    (0, 3, 0, False, True),
    (0, 2, 1, False, False),
    (0, 3, 1, False, False),
    (3, 3, 0, True, False),
    (3, 3, 1, False, False),
    (2, 2, 0, True, True),
    (2, 3, 0, True, True),
    (3, 2, 0, True, True),
    (2, 3, 1, True, False),
    (3, 2, 1, True, False),
    (2, 2, 1, True, False),
]


@pytest.mark.parametrize(("dst", "src", "compression", "dst_pan", "src_pan"), TABLE_7_2)
def test_pan_id_compression(dst: int, src: int, compression: int, dst_pan: bool, src_pan: bool) -> None:
    assert pan_fields(2, dst, src, compression) == (dst_pan, src_pan)
    header = MacHeader(frame_type=1, version=2, dst_mode=dst, src_mode=src, pan_id_compression=compression)
    again = MacHeader.read(Cursor(bytes(header)))
    assert ("dst_pan" in again.fields, "src_pan" in again.fields) == (dst_pan, src_pan)
    assert bytes(again) == bytes(header)


def test_sequence_number_suppression() -> None:
    header = MacHeader(frame_type=1, version=2, sequence_suppression=1, dst_mode=2, dst_pan=1, dst_short=2)
    out = read(bytes(header))
    assert "mac_seq" not in out.columns and out.columns["mac_dst"] == 2
    # In older versions the bit is reserved, and the sequence number is there.
    assert read(bytes(MacHeader(frame_type=1, sequence_suppression=1, sequence=7))).columns["mac_seq"] == 7


def test_fcs_known_answers() -> None:
    """IEEE 802.15.4-2015 clause 7.2.10 (the acknowledgement there, bits as sent), and CRC check values."""
    assert crc16(bytes.fromhex("02006a")) == 0x79E4
    assert crc16(b"123456789") == 0x2189  # CRC-16/KERMIT check value
    assert fcs32(b"123456789") == 0xCBF43926


@pytest.mark.parametrize("trailer", ["fcs16", "fcs32", "ti"])
def test_trailers(trailer: str) -> None:
    frame = build_frame(MacHeader(frame_type=2, sequence=3), trailer=trailer)  # type: ignore[arg-type]
    out = read(frame, trailer)
    assert out.columns["fcs_ok"] is True and not out.issues
    damaged = frame[:-1] + bytes([frame[-1] ^ 0x80])
    out = read(damaged, trailer)
    assert out.columns["fcs_ok"] is False and out.issues[0].severity == "warning"


def test_a_frame_with_fcs_in_a_capture_without() -> None:
    frame = build_frame(MacHeader(frame_type=2, sequence=3))
    out = read(frame, "absent")
    assert out.columns["fcs_ok"] is True and find(out, "fcs").length == 2


def test_tsch_enhanced_beacon() -> None:
    """A public frame (secdev/scapy#4947): payload IEs with TSCH synchronization, slotframe, hopping, timeslot."""
    out = read(
        "40ebcdabffff0100010001000100003f3788061a110000000000191c01080780004808fc032003e80398089001c0006009a010"
        "102701c8000f1b010011000200000100060100020007"
    )
    assert out.columns["summary"] == "Enhanced beacon"
    assert find(out, "asn").value == 0x11
    assert find(out, "nested_id").meaning == "TSCH Synchronization IE"


def test_multipurpose_frames() -> None:
    short = read("05" + "07")
    assert short.columns["mac_type"] == "multipurpose"
    long = read("0d a5 01 341222110908".replace(" ", ""))
    assert find(long, "long_control").value == 1


C2_KEY = bytes(range(0xC0, 0xD0))


# IEEE 802.15.4-2006 annex C.2
@pytest.mark.parametrize(
    ("octets", "clear"),
    [
        ("08d0842143010000000048deac020500000055cf000051525354223bc1ec841ab553", None),
        ("69dc842143020000000048deac010000000048deac0405000000d43e022b", "61626364"),
        ("2bdc842143020000000048deacffff010000000048deac060500000001d84fde529061f9c6f1", "ce"),
    ],
)
def test_mac_security_of_the_standard(octets: str, clear: str | None) -> None:
    shut = read(octets)
    assert shut.columns["mac_security"] == "no_key" and shut.shut_reason == "no MAC key is held"
    out = read(octets, "absent", Key("mac", C2_KEY))
    assert out.columns["mac_security"] == "ok"
    assert out.buffers.get("decrypted-0", b"").hex() == (clear or "")
    damaged = read(octets[:-2] + "00", "absent", Key("mac", C2_KEY))
    assert damaged.columns["mac_security"] == ("ok" if clear == "61626364" else "no_key"), "unproven"


def sealed(counter: int, seq: int, payload: bytes = b"\x41payload", key: bytes = C2_KEY) -> bytes:
    header = MacHeader(
        frame_type=1, version=2, security_enabled=1, dst_mode=3, src_mode=3, pan_id_compression=1
    )
    header.sequence, header.dst_eui64, header.src_eui64 = seq, 2, 1
    aux = AuxSecurity(level=6, key_id_mode=1, key_index=1, frame_counter=counter)
    return seal_frame(header, aux, key, 1, payload=payload)


def test_a_secured_frame_that_is_sent_again_is_no_replay() -> None:
    """Its sequence number and counter stay; information elements that tell times may be others (Wi-SUN)."""
    context = HanContext(Keyring([Key("mac", C2_KEY)]))
    frames = [sealed(5, 1), sealed(5, 1, b"later"), sealed(6, 2), sealed(5, 3)]
    outs = [dissect_frame(RawFrame(f, "fcs16", n, n * 10**8), context) for n, f in enumerate(frames, start=1)]
    assert [out.columns["mac_security"] for out in outs] == ["ok", "ok", "ok", "replay"]
    assert "frame counter" in outs[3].columns["mac_reason"] and "mac_reason" not in outs[0].columns
    assert {out.columns["mac_key"] for out in outs} == {"keys.toml"}


def test_a_mac_key_must_have_opened_something_before_a_frame_is_blamed() -> None:
    context = HanContext(Keyring([Key("mac", C2_KEY)]))
    frames = [sealed(5, 1, key=bytes(16)), sealed(6, 2), sealed(7, 3, key=bytes(16))]
    outs = [dissect_frame(RawFrame(f, "fcs16", n, n * 10**9), context) for n, f in enumerate(frames, start=1)]
    assert [out.columns["mac_security"] for out in outs] == ["no_key", "ok", "bad_mic"]
    assert all(outs[place].columns["mac_reason"] for place in (0, 2))


@pytest.mark.parametrize(
    ("octets", "protocol"),
    [
        ("0800000034120a01", "zigbee"),
        ("4812 0000 3412 1e05", "zigbee"),
        ("0b00 03 0010 5ec0", "inter-pan"),
        ("8c10 78563412 01000000 20 00000000", "green-power"),
        ("4160000000001a3aff", "6lowpan"),
        ("7f3b02f04d4c4d4c61f9ff", "6lowpan"),
        ("c0501234", "6lowpan"),
        ("2f78801c00c04111e0b0f30e94", "rf4ce"),
        ("2a7a801c00010c41", "rf4ce"),
        ("ffffffff", "other"),
        ("00", "other"),
    ],
)
def test_evidence(octets: str, protocol: str) -> None:
    assert protocol_of(bytes.fromhex(octets)) == protocol


def test_a_frame_with_a_short_source_is_no_green_power() -> None:
    """A damaged ZigBee frame whose version became 3: devices of Green Power name themselves by SrcID or EUI-64."""
    octets = bytes.fromhex("0c12 fcff 0000 0134807ba901008107002fcc769c00807ba901008107005552a8a4b050e4")
    assert protocol_of(octets, short_sender=True) == "other"
    frame = bytes.fromhex("4188 ce 592a ffff 0000") + octets
    out = dissect_frame(RawFrame(frame), HanContext(Keyring()))
    assert out.columns.get("nwk_type") is None and out.columns["summary"] == "Data of an unknown protocol"
