"""Packets in, messages out: TCP in order, segments joined, titles and names learnt on the way."""

from collections import Counter
from pathlib import Path

import pytest

from dissectors.dlms import build_apdu, conversation, counters, reassembly
from dissectors.dlms.apdu.general import Ciphered
from dissectors.dlms.association import MAX_DEDICATED, Association
from dissectors.dlms.carriers.hdlc import build_frame
from dissectors.dlms.carriers.mbus import build_telegram
from dissectors.dlms.carriers.wrapper import build_wrapper
from dissectors.dlms.conversation import Conversations, Found
from dissectors.dlms.conversation_state import MOST_ISSUES
from dissectors.dlms.counters import InvocationCounters
from dissectors.dlms.security.ciphering import seal_payload
from dissectors.model.keyring import DlmsKeys

KEY, AUTHENTICATION = bytes(range(16)), bytes(range(0xD0, 0xE0))
TITLE = bytes.fromhex("4d4d4d0000bc614e")
SCALER = ("structure", [("integer", -2), ("enum", 30)])


def get(attribute: tuple[int, str, int], invoke: int = 0xC1) -> bytes:
    values = {"invoke_id_and_priority": invoke, "attribute": attribute, "selection": None}
    return build_apdu("get-request", values, "normal")


def answer(data: tuple[str, object], invoke: int = 0xC1) -> bytes:
    values = {"invoke_id_and_priority": invoke, "get_result": {"choice": "data", "data": data}}
    return build_apdu("get-response", values, "normal")


def ethernet(source: int, payload: bytes, sequence: int, flags: int = 0x18, vlan: bool = False) -> bytes:
    """An Ethernet frame from client (1) or server (2) with a TCP segment."""
    ports = (50000, 4059) if source == 1 else (4059, 50000)
    tcp = b"".join(p.to_bytes(2, "big") for p in ports) + sequence.to_bytes(4, "big") + bytes(4)
    tcp += bytes((0x50, flags)) + bytes(6) + payload
    addresses = bytes((10, 0, 0, source)) + bytes((10, 0, 0, 3 - source))
    ip = bytes.fromhex("4500") + (20 + len(tcp)).to_bytes(2, "big") + bytes.fromhex("0000 4000 4006 0000")
    tag = bytes.fromhex("81000001") if vlan else b""
    return bytes(12) + tag + b"\x08\x00" + ip + addresses + tcp


def apdus(found: list[Found]) -> list[str]:
    return [name for _, message in found for name in message.facts["apdus"]]


def test_tcp_segments_out_of_order_repeated_and_split() -> None:
    conversations = Conversations()
    stream = build_wrapper(16, 1, get((3, "1-0:1.8.0.255", 2))) + build_wrapper(
        16, 1, get((8, "0-0:1.0.0.255", 2))
    )
    parts = [(0, stream[:5]), (12, stream[12:30]), (5, stream[5:12]), (0, stream[:12]), (25, stream[25:])]
    assert conversations.feed_packet(ethernet(1, b"", 999, 0x02), 1, 0, 1) == []
    found: list[Found] = []
    for number, (at, part) in enumerate(parts, 2):
        found += conversations.feed_packet(ethernet(1, part, 1000 + at, vlan=number % 2 == 0), 1, 0, number)
    assert apdus(found) == ["get-request", "get-request"]
    assert [frames for frames, _ in found] == [(2, 4, 3), (3, 6)]
    assert not [issue for _, message in found for issue in message.issues if issue.severity != "note"]


def test_a_gap_in_the_stream_is_said_and_what_follows_is_read() -> None:
    conversations = Conversations()
    first, second = (
        build_wrapper(16, 1, get((3, "1-0:1.8.0.255", 2))),
        build_wrapper(16, 1, get((1, "0-0:42.0.0.255", 2))),
    )
    conversations.feed("client", "server", first, frame=1, sequence=100)
    assert conversations.feed("client", "server", second, frame=3, sequence=100 + 2 * len(first)) == []
    found = conversations.finish()
    assert apdus(found) == ["get-request"]
    assert any("are not in the capture" in issue.text for issue in found[0][1].issues)


def test_answers_are_named_scaled_and_given_their_unit() -> None:
    conversations = Conversations()
    steps = [
        ("c", get((3, "1-0:1.8.0.255", 3))),
        ("s", answer(SCALER)),
        ("c", get((3, "1-0:1.8.0.255", 2))),
        ("s", answer(("double-long-unsigned", 12345))),
    ]
    found: list[Found] = []
    for number, (who, apdu) in enumerate(steps, 1):
        other = "s" if who == "c" else "c"
        found += conversations.feed(who, other, build_wrapper(16, 1, apdu), frame=number)
    row = found[-1][1].items[0]
    assert (row["obis"], row["value"], row["number"], row["unit"]) == ("1-0:1.8.0.255", 12345, 123.45, "Wh")
    assert row["result"] == "success"


def test_a_profile_becomes_a_table_with_the_names_of_its_columns() -> None:
    conversations = Conversations()
    profile = (7, "1-0:99.1.0.255")
    clock = (
        "structure",
        [
            ("long-unsigned", 8),
            ("octet-string", bytes.fromhex("0000010000ff")),
            ("integer", 2),
            ("long-unsigned", 0),
        ],
    )
    energy = (
        "structure",
        [
            ("long-unsigned", 3),
            ("octet-string", bytes.fromhex("0100010800ff")),
            ("integer", 2),
            ("long-unsigned", 0),
        ],
    )
    moment = bytes.fromhex("07e4010103000000ff8000ff")
    rows = [
        ("structure", [("octet-string", moment), ("double-long-unsigned", 100)]),
        ("structure", [("null", None), ("delta-unsigned", 5)]),
        ("structure", [("null", None), ("null", None)]),
    ]
    steps = [
        ("c", get((*profile, 3))), ("s", answer(("array", [clock, energy]))),
        ("c", get((*profile, 4))), ("s", answer(("double-long-unsigned", 1800))),
        ("c", get((*profile, 2))), ("s", answer(("array", rows))),
    ]  # fmt: skip
    found: list[Found] = []
    for who, apdu in steps:
        found += conversations.feed(who, "s" if who == "c" else "c", build_wrapper(16, 1, apdu))
    table = found[-1][1].facts["tables"][0]
    assert table["columns"][0] == "Clock"
    assert table["rows"] == [
        ["2020-01-01 00:00:00Z", 100],
        ["2020-01-01 00:30:00Z", 105],
        ["2020-01-01 01:00:00Z", 105],
    ]


def test_data_blocks_join_to_the_value() -> None:
    conversations = Conversations()
    whole = bytes.fromhex("0103 1101 1102 1103")
    found = conversations.feed("c", "s", build_wrapper(16, 1, get((7, "1-0:99.1.0.255", 2))))
    for number, part in ((1, whole[:3]), (2, whole[3:])):
        result = {"choice": "raw-data", "raw_data": part}
        values = {
            "invoke_id_and_priority": 0xC1,
            "last_block": number == 2,
            "block_number": number,
            "block_result": result,
        }
        block = build_apdu("get-response", values, "with-datablock")
        found += conversations.feed("s", "c", build_wrapper(1, 16, block))
    assert found[-1][1].facts["data"] == [{"type": "unsigned", "value": value} for value in (1, 2, 3)]
    assert found[-1][1].items[0]["obis"] == "1-0:99.1.0.255"


def test_titles_and_dedicated_key_are_learnt_from_the_association() -> None:
    """AARQ with the client's title and a ciphered Initiate; then ded- and glo- APDUs open without being told."""
    conversations = Conversations([DlmsKeys(None, KEY, AUTHENTICATION)])
    dedicated = bytes(range(0x40, 0x50))
    initiate = build_apdu("initiate-request", {
        "dedicated_key": dedicated, "response_allowed": None, "quality_of_service": None, "dlms_version": 6,
        "conformance": 0x00001E1D, "client_max_pdu_size": 1024,
    })  # fmt: skip
    glo = ciphered("glo-initiate-request", initiate, KEY, 1)
    aarq = build_apdu("aarq", {"body": [
        ("application_context_name", bytes.fromhex("060760857405080103")),
        ("calling_ap_title", b"\x04\x08" + TITLE),
        ("user_information", b"\x04" + bytes((len(glo),)) + glo),
    ]})  # fmt: skip
    request = ciphered("ded-get-request", get((3, "1-0:1.8.0.255", 2)), dedicated, 1)
    found = conversations.feed("c", "s", build_wrapper(16, 1, aarq))
    found += conversations.feed("c", "s", build_wrapper(16, 1, request))
    assert apdus(found) == [
        "aarq",
        "glo-initiate-request",
        "initiate-request",
        "ded-get-request",
        "get-request",
    ]
    assert [message.facts["security"] for _, message in found] == [["ok"], ["ok"]]
    assert found[1][1].facts["system_title"] == TITLE.hex()
    again = conversations.feed("c", "s", build_wrapper(16, 1, request))
    assert any("repeated with the same octets" in issue.text for issue in again[0][1].issues)
    other = ciphered("ded-get-request", get((3, "1-0:2.8.0.255", 2)), dedicated, 1)
    reused = conversations.feed("c", "s", build_wrapper(16, 1, other))
    assert any("the IV is used twice" in issue.text for issue in reused[0][1].issues)
    assert dedicated.hex() not in str(found[0][1].to_json())


def ciphered(name: str, apdu: bytes, key: bytes, counter: int, control: int = 0x30) -> bytes:
    payload, tag = seal_payload(key, AUTHENTICATION, TITLE + counter.to_bytes(4, "big"), control, apdu)
    return build_apdu(name, {"protected": Ciphered(control, counter, payload, tag)})


def test_hdlc_segments_with_a_retransmission_and_receive_ready_between() -> None:
    conversations = Conversations()
    apdu = b"\xe6\xe7\x00" + answer(("octet-string", bytes(range(40))))
    frames = [
        build_frame(b"\x21", b"\x03", 0x10, apdu[:20], segmented=True),
        build_frame(b"\x21", b"\x03", 0x10, apdu[:20], segmented=True),
        build_frame(b"\x21", b"\x03", 0x12, apdu[20:]),
    ]
    found: list[Found] = []
    for number, frame in enumerate(frames, 1):
        found += conversations.feed("meter", "reader", frame, frame=number, stream=True)
        found += conversations.feed("reader", "meter", build_frame(b"\x03", b"\x21", 0x11), stream=True)
    assert apdus(found) == ["get-response"]
    assert found[0][0] == (1, 3)
    assert found[0][1].facts["direction"] == "to-client"
    assert found[0][1].facts["data"][0]["value"] == bytes(range(40))
    assert any("repeated" in issue.text for issue in found[0][1].issues)


def test_hdlc_frames_with_a_wrong_check_sequence_are_read_with_a_warning() -> None:
    frame = bytearray(build_frame(b"\x21", b"\x03", 0x10, b"\xe6\xe7\x00" + answer(("unsigned", 5))))
    frame[-2] ^= 1
    found = Conversations().feed("meter", "reader", bytes(frame))
    assert apdus(found) == ["get-response"]
    assert found[0][1].error is None
    assert any("check sequence is wrong" in issue.text for issue in found[0][1].issues)


def test_mbus_telegrams_join_and_noise_is_passed_over() -> None:
    push = bytes.fromhex("0f000000010c07e40a1907141e0000ffc480") + b"\x01\x01\x09\x81\xc8" + bytes(200)
    parts = [build_telegram(push[:120], 0, False), build_telegram(push[120:], 1)]
    conversations = Conversations()
    found = conversations.feed("meter", "reader", b"\xe5" + parts[0], stream=True, transport="mbus")
    found += conversations.feed("meter", "reader", parts[1], stream=True)
    assert apdus(found) == ["data-notification"]
    assert conversations.feed("x", "y", b"GET / HTTP/1.1\r\n", sequence=1) == []


PCAPS = {
    "DLMSDirector.pcap": {"get-request": 50, "get-response": 50},
    "DLMS_list.pcap": {"aarq": 1, "aare": 1, "get-request": 2, "get-response": 2, "rlrq": 1, "rlre": 1},
    "XmlDemo.pcap": {"aarq": 1, "aare": 1, "get-request": 6, "get-response": 6},
    "bearxiong99_sample.pcap": {"aarq": 1, "aare": 1, "get-request": 10, "get-response": 10},
    "dlms.pcap": {"aarq": 1, "aare": 1, "get-request": 21, "get-response": 21, "rlrq": 1, "rlre": 1},
    "original_data.pcapng": {
        "aarq": 1,
        "aare": 1,
        "get-request": 67,
        "get-response": 67,
        "set-request": 7,
        "set-response": 7,
    },
}


@pytest.mark.shared
def test_public_captures_decode_with_every_apdu_named(shared: Path) -> None:
    from scapy.utils import RawPcapNgReader, RawPcapReader

    for path in sorted((shared / "vectors" / "dlms" / "pcaps").iterdir()):
        conversations = Conversations()
        found: list[Found] = []
        reader = (RawPcapNgReader if path.suffix == ".pcapng" else RawPcapReader)(str(path))
        for number, (record, _) in enumerate(reader, 1):
            found += conversations.feed_packet(bytes(record), 1, 0, number)
        found += conversations.finish()
        assert all(message.columns["name"] for _, message in found), path.name
        assert all(frames and message.error is None for frames, message in found), path.name
        if path.name in PCAPS:
            names = Counter(name for name in apdus(found) if not name.startswith("initiate"))
            assert names == PCAPS[path.name], path.name


def segment(number: int, station: int = 0x21, last: bool = False) -> bytes:
    octets = b"\xe6\xe7\x00" + get((3, "1-0:1.8.0.255", 2))
    return build_frame(b"\x03", bytes((station,)), number % 8 << 1, octets, segmented=not last)


def test_segments_whose_last_one_never_comes_are_read_at_the_end() -> None:
    conversations = Conversations()
    for number in range(3):
        assert not conversations.feed("a", "b", segment(number), frame=number + 1)
        assert not conversations.feed("a", "b", segment(number), frame=number + 100), "a retransmission"
    ((frames, message),) = conversations.finish()
    assert frames == (1, 2, 3)
    assert message.error is not None or "last segment is not here" in message.issues[-1].text
    assert not conversations.finish()


def test_segments_without_end_are_given_up_and_read_as_far_as_they_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reassembly, "MAX_PIECES", 20)
    conversations, found = Conversations(), []
    for number in range(50):
        found += conversations.feed("a", "b", segment(number), frame=number + 1)
    assert [frames for frames, _ in found] == [tuple(range(1, 22)), tuple(range(22, 43))]
    assert all("dropped" in " ".join(issue.text for issue in message.issues) for _, message in found)


def test_conversations_have_a_ceiling_which_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "MAX_ENTRIES", 10)
    conversations = Conversations()
    for number in range(25):
        conversations.feed(f"client {number}", "server", get((3, "1-0:1.8.0.255", 2)), transport="apdu")
    assert (len(conversations._all), conversations.forgotten) == (10, 15)


def test_octets_that_wait_have_a_ceiling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "MOST_OCTETS", 10_000)
    conversations = Conversations()
    begun = build_wrapper(16, 1, bytes.fromhex("c401c100") + bytes(30_000))
    for number in range(40):
        conversations.feed(f"client {number}", "server", begun[:1000], sequence=1)
        conversations.feed(f"client {number}", "server", begun[:500], sequence=5000)
        held = sum(side.size for one in conversations._all.values() for side in one.sides.values())
        assert held == conversations.size <= 10_000 + 1500
    assert conversations.forgotten == 34


def test_a_stream_full_of_gaps_tells_a_few_and_counts_the_others() -> None:
    conversations = Conversations()
    found = conversations.feed_packet(
        ethernet(1, build_wrapper(16, 1, get((3, "1-0:1.8.0.255", 2))), 1), 1, 0, 1
    )
    for number in range(20_000):
        conversations.feed_packet(ethernet(1, b"\x7e", 1000 + 2 * number), 1, 0, number + 2)
    side = next(iter(next(iter(conversations._all.values())).sides.values()))
    assert len(found) == 1 and len(side.issues) <= MOST_ISSUES and side.unsaid > 1000
    assert "more such troubles" in side.said()[-1].text


def test_dedicated_keys_that_are_learnt_have_a_ceiling() -> None:
    association = Association.with_keys([DlmsKeys(encryption_key=KEY)])
    for number in range(100):
        association.learn_dedicated_key(number.to_bytes(16, "big"))
    assert len(association.keys) == 1 + MAX_DEDICATED and association.keys[0].encryption_key == KEY
    assert association.keys[-1].dedicated_key == (99).to_bytes(16, "big")


def test_counters_have_a_ceiling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counters, "_ALL_REMEMBERED", 100)
    seen = InvocationCounters()
    for number in range(1000):
        seen.observe(number.to_bytes(8, "big"), "global", 1, b"x")
        assert not seen.observe(number.to_bytes(8, "big"), "global", 2, b"y")
        assert seen.remembered == sum(len(one.seen) for one in seen.series.values()) <= 100
    assert seen.observe((999).to_bytes(8, "big"), "global", 2, b"z")


def test_short_names_are_found_by_the_base_before_them() -> None:
    association = Association()
    for base in (0xFA00, 0x100, 0x2000):
        association.learn_short_name(base, 3, bytes(6))
    assert [association.short_name_before(n) for n in (0xFF, 0x100, 0x1FFF, 0x2000, 0xFFFF)] == [
        None,
        0x100,
        0x100,
        0x2000,
        0xFA00,
    ]
    association.learn_short_name(0x200, 3, bytes(6))
    assert association.short_name_before(0x1FFF) == 0x200
