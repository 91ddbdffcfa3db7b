"""Carriers and what meters do with them: found by themselves, read with their faults, built again."""

import pytest

from dissectors.crypto.crc import crc16_x25
from dissectors.dlms import Association, build_apdu, dissect_message
from dissectors.dlms.carriers.hdlc import HdlcFrame, address_text, build_frame, control_type, read_frames
from dissectors.dlms.carriers.mbus import build_telegram
from dissectors.dlms.carriers.wrapper import build_wrapper
from dissectors.dlms.message import find_transport
from dissectors.model.field import Field
from dissectors.model.message import Message

GET = bytes.fromhex("c001c100080000010000ff0200")
PUSH = bytes.fromhex("0f000000010c07e40a1907141e0000ffc480020209060100010800ff0600000001")


def found(message: Message, name: str) -> Field:
    return next(f for branch in message.fields if (f := branch.find(name)) is not None)


@pytest.mark.parametrize(
    ("octets", "transport"),
    [
        (GET, "apdu"),
        (b"\xe6\xe6\x00" + GET, "llc"),
        (build_frame(b"\x03", b"\x21", 0x10, b"\xe6\xe6\x00" + GET), "hdlc"),
        (build_wrapper(16, 1, GET), "wrapper"),
        (build_wrapper(16, 1, GET) * 2, "wrapper-stream"),
        (build_telegram(PUSH), "mbus"),
        (b"\xe5\x10\x40\x01\x41\x16" + build_telegram(PUSH), "mbus"),
        (b"\x90\x01\x10" + GET, "iec61334"),
        (bytes.fromhex("02020f010f02"), "axdr-data"),
    ],
)
def test_the_carrier_is_found(octets: bytes, transport: str) -> None:
    message = dissect_message(octets)
    assert message.error is None
    assert message.facts["transport"] == transport
    assert message.facts["apdus"] or transport == "axdr-data"
    assert find_transport(b"") == "apdu"


@pytest.mark.parametrize("destination", ["03", "0223", "00020023", "00027eff"])
@pytest.mark.parametrize("source", ["21", "02ff", "fe02fe23"])
@pytest.mark.parametrize("information", [b"", b"\xe6\xe6\x00" + GET, b"\xe6\xe6\x00" + GET + b"\x7e"])
def test_addresses_of_every_width_on_either_side(destination: str, source: str, information: bytes) -> None:
    octets = build_frame(bytes.fromhex(destination), bytes.fromhex(source), 0x10, information)
    (frame,) = read_frames(octets, 0, len(octets))
    assert isinstance(frame, HdlcFrame)
    assert (frame.destination.hex(), frame.source.hex()) == (destination, source)
    assert frame.frame_ok and frame.header_ok in (None, True)
    assert octets[frame.info[0] : frame.info[1]] == information


@pytest.mark.parametrize(
    ("control", "kind"),
    [(0x10, "I"), (0xFE, "I"), (0x11, "RR"), (0xF1, "RR"), (0x15, "RNR"), (0x93, "SNRM"), (0x53, "DISC"),
     (0x73, "UA"), (0x1F, "DM"), (0x97, "FRMR"), (0x13, "UI"), (0x03, "UI"), (0xEF, "unknown 0xef")],
)  # fmt: skip
def test_control_octets(control: int, kind: str) -> None:
    assert control_type(control) == kind


def test_reserved_addresses_are_named() -> None:
    assert address_text(b"\xff") == "127 (all stations)"
    assert address_text(b"\x02\x23") == "upper 1 (management), lower 17"
    assert "all stations" in address_text(bytes.fromhex("fefe0003"))
    assert crc16_x25(b"123456789") == 0x906E


def test_negotiated_parameters_are_shown() -> None:
    parameters = bytes.fromhex("818014050200800602008007040000000108040000000 1".replace(" ", ""))
    message = dissect_message(build_frame(b"\x21", b"\x03", 0x73, parameters))
    assert found(message, "parameter_05").value == 128
    assert found(message, "parameter_08").meaning == "window, receive"


def test_a_lone_middle_segment_is_no_apdu_and_no_error() -> None:
    message = dissect_message(build_frame(b"\x21", b"\x03", 0x12, bytes.fromhex("0102030405")))
    assert message.error is None
    assert message.facts["apdus"] == []
    assert any(issue.severity == "error" for issue in message.issues)


def test_a_wrong_check_sequence_refuses_the_message_and_hides_nothing() -> None:
    frame = bytearray(build_frame(b"\x03", b"\x21", 0x10, b"\xe6\xe6\x00" + GET))
    frame[-2] ^= 0xFF
    message = dissect_message(bytes(frame))
    assert message.error is not None
    assert (message.error.layer, message.error.offset) == ("dlms.hdlc", len(frame) - 3)
    assert message.facts["apdus"] == ["get-request"]


def test_frames_after_junk_are_read() -> None:
    frame = build_frame(b"\x03", b"\x21", 0x10, b"\xe6\xe6\x00" + GET)
    again = build_frame(b"\x03", b"\x21", 0x12, b"\xe6\xe6\x00" + GET)
    message = dissect_message(frame + b"\x00\x11" + again, transport="hdlc")
    assert message.facts["apdus"] == ["get-request", "get-request"]
    assert message.error is not None
    assert message.error.offset == len(frame)


@pytest.mark.parametrize(
    ("change", "text"),
    [((-1, 0x17), "stop octet"), ((1, 0x80), "two lengths differ"), ((2, 0x10), "two lengths differ")],
)
def test_mbus_faults_that_can_be_read_over(change: tuple[int, int], text: str) -> None:
    telegram = bytearray(build_telegram(PUSH))
    telegram[change[0]] = change[1]
    message = dissect_message(bytes(telegram), transport="mbus")
    assert message.facts["apdus"] == ["data-notification"]
    assert any(text in issue.text for issue in message.issues)


def test_a_wrong_mbus_checksum_is_refused_with_its_place() -> None:
    telegram = bytearray(build_telegram(PUSH))
    telegram[-2] ^= 1
    message = dissect_message(bytes(telegram), transport="mbus")
    assert message.error is not None
    assert message.error.offset == len(telegram) - 2
    assert message.facts["apdus"] == ["data-notification"]


@pytest.mark.parametrize(
    ("octets", "layer", "offset"),
    [
        ("0002001000010004c501c100", "dlms.wrapper", 0),
        ("0001001000010005c501c100", "dlms.wrapper", 8),
        ("e6e800c501c100", "dlms.llc", 0),
        ("68", "dlms.mbus", 0),
        ("7e", "dlms.hdlc", 0),
    ],
)
def test_carriers_refuse_with_layer_and_offset(octets: str, layer: str, offset: int) -> None:
    names = {"dlms.wrapper": "wrapper", "dlms.llc": "llc", "dlms.mbus": "mbus", "dlms.hdlc": "hdlc"}
    error = dissect_message(bytes.fromhex(octets), transport=names[layer]).error
    assert error is not None
    assert (error.layer, error.offset) == (layer, offset)


def test_what_stands_before_the_break_is_kept() -> None:
    message = dissect_message(bytes.fromhex("c403c103 00 0600000005 00 0203 1101 1102".replace(" ", "")))
    assert message.error is not None
    assert message.facts["data"] == [
        {"type": "double-long-unsigned", "value": 5},
        {"type": "unsigned", "value": 1},
        {"type": "unsigned", "value": 2},
    ]


def test_lists_that_must_pair_up_are_compared() -> None:
    for octets in ("d92000000100010100080000010000ff0202" + "0000", "da2000000100000211011102" + "010100",
                   "c104c10100080000010000ff0200021101 1102".replace(" ", "")):  # fmt: skip
        error = dissect_message(bytes.fromhex(octets), transport="apdu").error
        assert error is not None
        assert "differ in length" in error.text


def test_general_block_transfer_joins_blocks_in_any_order() -> None:
    def block(number: int, part: bytes, last: bool) -> bytes:
        values = {"block_control": 0xC0 if last else 0x40, "block_number": number, "block_number_ack": 0}
        apdu = build_apdu("general-block-transfer", {**values, "block_data": part})
        return build_frame(b"\xce\xff", b"\x03", 0x13, apdu)

    blocks = [block(1, PUSH[:10], False), block(2, PUSH[10:20], False), block(3, PUSH[20:], True)]
    for order in ((0, 1, 2), (0, 2, 1), (0, 1, 1, 2)):
        message = dissect_message(b"".join(blocks[i] for i in order))
        assert message.facts["apdus"][-1] == "data-notification"
        assert message.facts["data"][-1] == {"type": "double-long-unsigned", "value": 1}
    missing = dissect_message(blocks[0] + blocks[2])
    assert any("blocks 2 are missing" in issue.text for issue in missing.issues)


PUSHES = {
    "pairs": ("0202 0202 09060100010800ff 0600000064 0202 09060100020800ff 0600000032", [100, 50]),
    "scaled": ("0201 0203 09060100010800ff 0600000064 0202 0fff 161e", [10.0]),
    "alternating": ("0204 09060100010800ff 0600000064 09060100020800ff 0600000032", [100, 50]),
}


@pytest.mark.parametrize("form", PUSHES)
def test_pushes_are_named_in_every_form(form: str) -> None:
    body, numbers = PUSHES[form]
    message = dissect_message(bytes.fromhex("0f0000000100" + body.replace(" ", "")))
    assert [row["obis"] for row in message.items] == ["1-0:1.8.0.255", "1-0:2.8.0.255"][: len(numbers)]
    assert [row["number"] if form == "scaled" else row["value"] for row in message.items] == numbers
    assert all("active" in row["object"].lower() for row in message.items)


def test_a_push_with_its_list_of_objects_is_named_by_position() -> None:
    listed = "0204 12 0028 09 06 0000190900ff 0f 02 12 00000204 12 0003 09 06 0100010800ff 0f 02 12 0000"
    body = "0202 0102" + listed + "0600000064"
    message = dissect_message(bytes.fromhex(("0f0000000100" + body).replace(" ", "")))
    assert message.items[1]["obis"] == "1-0:1.8.0.255"
    assert message.items[1]["value"] == 100


def test_a_typed_date_time_is_noted() -> None:
    message = dissect_message(bytes.fromhex("0f40000000090c07e109130100000aff80000002011105"))
    assert message.error is None
    assert any("type tag" in issue.text for issue in message.issues)


def test_short_names_get_their_objects_from_the_object_list() -> None:
    association = Association()
    entry = (
        "structure",
        [
            ("long", 0x0100),
            ("long-unsigned", 3),
            ("unsigned", 0),
            ("octet-string", bytes.fromhex("0100010800ff")),
        ],
    )
    own = (
        "structure",
        [
            ("long", -0x600),
            ("long-unsigned", 12),
            ("unsigned", 0),
            ("octet-string", bytes.fromhex("0000280000ff")),
        ],
    )
    association.short_names[0xFA00] = (12, bytes.fromhex("0000280000ff"))
    steps = [
        build_apdu("read-request", {"variables": [{"choice": "variable-name", "variable_name": 0xFA08}]}),
        build_apdu("read-response", {"results": [{"choice": "data", "data": ("array", [entry, own])}]}),
        build_apdu("read-request", {"variables": [{"choice": "variable-name", "variable_name": 0x0108}]}),
        build_apdu("read-response", {"results": [{"choice": "data", "data": ("double-long-unsigned", 7)}]}),
    ]
    messages = [dissect_message(step, association=association) for step in steps]
    assert messages[1].facts["tables"][0]["rows"][0][3] == "1-0:1.8.0.255"
    assert (messages[3].items[0]["obis"], messages[3].items[0]["attribute"]) == ("1-0:1.8.0.255", 2)


def test_selective_access_is_explained() -> None:
    restricted = "0204 120008 09060000010000ff 0f02 120000"
    octets = "c001c1 0007 0100630100ff 02 01 01 0204" + restricted + "0600000001 0600000002 0100"
    message = dissect_message(bytes.fromhex(octets.replace(" ", "")))
    assert message.items[0]["value"] == "range of Clock from 1 to 2, all columns"


def test_segments_that_come_out_of_order_are_joined_by_their_numbers() -> None:
    apdu = b"\xe6\xe6\x00" + GET
    parts = [(0x10, apdu[:4], True), (0x14, apdu[9:], False), (0x12, apdu[4:9], True)]
    frames = [build_frame(b"\x03", b"\x21", control, part, more) for control, part, more in parts]
    message = dissect_message(frames[0] + frames[2] + frames[1])
    assert message.facts["apdus"] == ["get-request"]
    late = dissect_message(frames[2] + frames[0] + frames[1])
    assert sum(leaf.length for f in late.fields for leaf in f.leaves() if leaf.buffer == "message") == len(
        late.octets
    )


def test_an_authenticated_payload_of_no_octets_keeps_its_tag() -> None:
    message = dissect_message(bytes.fromhex("cf11" + "10" + "00000001" + "aa" * 12))
    assert found(message, "authentication_tag").value == b"\xaa" * 12
