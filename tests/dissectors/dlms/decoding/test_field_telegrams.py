"""Telegrams as meters in the field send them, where they part from the books: read, named, marked, or said to be wrong."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from dissectors.dlms import dissect_message
from dissectors.dlms.carriers.hdlc import build_frame
from dissectors.dlms.carriers.mbus import build_telegram, read_telegram
from dissectors.dlms.cosem.data import build_data
from dissectors.model.errors import Truncated
from dissectors.model.keyring import DlmsKeys
from dissectors.model.message import Message

TITLE, OTHER = b"ABC\0\0\0\0\1", b"ABC\0\0\0\0\2"
EK, AK = bytes(range(16)), bytes(range(16, 32))
P1 = (
    b"/ABC5meter\r\n\r\n1-3:0.2.8(50)\r\n0-0:1.0.0(210929114730S)\r\n1-0:1.8.0(014159.934*kWh)\r\n"
    b"0-1:24.2.1(210929110000S)(00012.5*m3)\r\n0-0:96.1.1(4142434431323334)\r\n!\r\n"
)
Typed = tuple[str, Any]


def code(*groups: int) -> Typed:
    return "octet-string", bytes(groups)


def scaler(exponent: int, unit: int) -> Typed:
    return "structure", [("integer", exponent), ("enum", unit)]


VOLTAGE, ENERGY = code(1, 0, 32, 7, 0, 255), code(1, 0, 1, 8, 0, 255)


def push(*elements: Typed, kind: str = "structure") -> bytes:
    return bytes.fromhex("0f4000000000") + build_data((kind, list(elements)))


def sealed(plain: bytes, *, tag: bool = True, title: bytes = TITLE) -> bytes:
    control, counter = (0x30 if tag else 0x20), bytes((0, 0, 0, 9))
    closed = AESGCM(EK).encrypt(title + counter, plain, bytes((control,)) + AK)
    body = bytes((control,)) + counter + (closed[:-4] if tag else closed[:-16])
    return b"\xdb\x08" + title + b"\x82" + len(body).to_bytes(2, "big") + body


def rows(message: Message) -> dict[str, Any]:
    return {row["obis"] or row["object"]: row for row in message.items}


def read(octets: bytes, *keys: DlmsKeys) -> Message:
    message = dissect_message(octets, keys=keys)
    for buffer, held in message.buffers.items():
        covered = bytearray(len(held))
        for root in message.fields:
            for leaf in root.leaves():
                if leaf.buffer == buffer:
                    covered[leaf.offset : leaf.end] = b"\1" * leaf.length
        assert all(covered), buffer
    return message


@pytest.mark.parametrize(
    ("keys", "state"), [(DlmsKeys(None, EK, AK), "ok"), (DlmsKeys(None, EK), "unauthenticated")]
)
def test_text_of_the_customer_port_under_a_cipher(keys: DlmsKeys, state: str) -> None:
    message = read(sealed(P1), keys)
    assert message.error is None and message.facts["security"] == [state]
    found = rows(message)
    assert (found["1-0:1.8.0.255"]["number"], found["1-0:1.8.0.255"]["unit"]) == (14159.934, "kWh")
    assert (found["0-1:24.2.1.255"]["number"], found["0-1:24.2.1.255"]["unit"]) == (12.5, "m3")
    assert found["0-0:1.0.0.255"]["value"] == "2021-09-29 11:47:30 summer time"
    assert found["0-0:96.1.1.255"]["value"] == "ABCD1234"
    assert read(P1).facts["transport"] == "p1" and len(read(P1).items) == 5


def test_wrong_crc_of_a_text_telegram_is_said() -> None:
    assert any("CRC" in issue.text for issue in read(P1.replace(b"!\r\n", b"!1234\r\n")).issues)


def test_wrong_key_is_not_blamed_without_proof() -> None:
    wrong = bytes(16)
    (said,) = [i.text for i in read(sealed(P1), DlmsKeys(None, wrong)).issues]
    assert "no authentication key is held, so nothing proves which" in said
    (said,) = [i.text for i in read(sealed(P1), DlmsKeys(None, wrong, AK)).issues]
    assert "the tag does not fit" in said


def test_key_of_another_title_is_tried_and_said_so() -> None:
    plain = push(code(1, 0, 32, 7, 0, 255), ("long-unsigned", 2301), scaler(-1, 35))
    for keys, state in ((DlmsKeys(OTHER, EK, AK), "ok"), (DlmsKeys(OTHER, EK), "unauthenticated")):
        message = read(sealed(plain), keys)
        assert message.facts["security"] == [state] and len(message.items) == 1
        assert any("held for another system title" in issue.text for issue in message.issues)
    assert not any("another" in i.text for i in read(sealed(plain), DlmsKeys(TITLE, EK, AK)).issues)


def test_data_alone_under_a_cipher() -> None:
    body = build_data(("structure", [VOLTAGE, ("long-unsigned", 2301), scaler(-1, 35), ENERGY, ("long", 7)]))
    message = read(sealed(body, tag=False), DlmsKeys(None, EK))
    assert message.error is None and rows(message)["1-0:32.7.0.255"]["number"] == 230.1


@pytest.mark.parametrize("size", [257, 300, 513])
def test_length_counted_modulo_256(size: int) -> None:
    content = bytes((0x53, 0xFF, 0x10, 1, 0x67)) + bytes(n * 7 & 0xFF for n in range(size - 5))
    octets = bytes((0x68, size & 0xFF, size & 0xFF, 0x68)) + content + bytes((sum(content) & 0xFF, 0x16))
    telegram = read_telegram(octets, 0, len(octets))
    assert telegram.end == len(octets) and telegram.checksum_ok
    assert any("modulo 256" in text for _, text in telegram.issues)
    if size & 0xFF < 3:
        with pytest.raises(Truncated):
            read_telegram(octets[:100], 0, 100)


FORMS = {
    "flat, scaler in a structure": push(
        VOLTAGE, ("long-unsigned", 2301), scaler(-1, 35), ENERGY, ("long", 7)
    ),
    "flat, scaler flat": push(
        VOLTAGE, ("long-unsigned", 2301), ("integer", -1), ("enum", 35), ENERGY, ("long", 7)
    ),
    "structures": push(
        ("structure", [VOLTAGE, ("long-unsigned", 2301), scaler(-1, 35)]),
        ("structure", [ENERGY, ("long", 7)]),
    ),
    "array of structures": push(
        ("structure", [VOLTAGE, ("long-unsigned", 2301), scaler(-1, 35)]),
        ("structure", [ENERGY, ("long", 7)]),
        kind="array",
    ),
    "scaler flat in structures": push(
        ("structure", [VOLTAGE, ("long-unsigned", 2301), ("integer", -1), ("enum", 35)]),
        ("structure", [ENERGY, ("long", 7)]),
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_pushes_with_codes(form: str) -> None:
    found = rows(read(FORMS[form]))
    assert len(found) == 2
    assert (found["1-0:32.7.0.255"]["number"], found["1-0:32.7.0.255"]["unit"]) == (230.1, "V")
    energy = found["1-0:1.8.0.255"]
    assert energy["value"] == 7 and energy["number"] is None and energy["unscaled"] is True


def test_list_of_objects_before_the_values() -> None:
    def listed(class_id: int, octets: bytes, number: int) -> Typed:
        parts: list[Typed] = [("long-unsigned", class_id), ("octet-string", octets), ("integer", number)]
        return "structure", [*parts, ("long-unsigned", 0)]

    objects = ("array", [listed(1, bytes((0, 0, 96, 1, 0, 255)), 2), listed(3, VOLTAGE[1], 2)])
    found = rows(read(push(objects, ("octet-string", b"12345678"), ("long-unsigned", 231))))
    assert found["0-0:96.1.0.255"]["value"] == "12345678"
    assert found["1-0:32.7.0.255"]["value"] == 231 and found["1-0:32.7.0.255"]["unscaled"]


def test_logical_name_of_the_push_names_no_value() -> None:
    message = read(
        push(
            code(0, 6, 25, 9, 0, 255),
            ("octet-string", b"1120000000001"),
            ("octet-string", bytes((19, 1, 0, 0))),
            ("octet-string", bytes.fromhex("07e5031904")),
            ("double-long-unsigned", 738),
        )
    )
    assert [(row["object"], row["value"]) for row in message.items] == [
        ("push setup", "0-6:25.9.0.255"), ("device id", "1120000000001"), ("time", "19:01:00"),
        ("date", "2021-03-25 Thu"), ("element 5", 738),
    ]  # fmt: skip


def test_frames_that_begin_in_the_middle() -> None:
    inside = b"\xe6\xe7\x00" + push(VOLTAGE, ("long-unsigned", 2301), scaler(-1, 35))
    frame = build_frame(b"\x41", b"\x03", 0x13, inside)
    for before in (frame[20:], b"\0\1\2", b"~\xa0\x07"):
        message = read(before + frame)
        assert message.error is None and len(message.items) == 1
        assert any(i.severity == "note" and "passed over" in i.text for i in message.issues)
    telegram = build_telegram(push(VOLTAGE, ("long-unsigned", 2301), scaler(-1, 35)))
    message = read(telegram[9:] + telegram)
    assert message.facts["transport"] == "mbus" and message.error is None and len(message.items) == 1


def test_values_without_their_tags_are_said_not_to_conform() -> None:
    entry = bytes.fromhex("0202 0003") + VOLTAGE[1] + b"\x02"
    body = b"".join(entry + build_data(("long-unsigned", 230 + n)) for n in range(4))
    message = read(bytes.fromhex("0f80000001 00 0202 1601 04".replace(" ", "")) + body)
    assert message.error is not None and "not conforming" in str(message.error)
    assert [row["value"] for row in message.items] == [230, 231, 232, 233]
    flat = b"".join(build_data(one) for one in (VOLTAGE, ("long-unsigned", 2301), scaler(-1, 35)))
    message = read(bytes.fromhex("0f8000000100") + flat)
    assert "not conforming" in str(message.error) and message.items[0]["number"] == 230.1


def test_cut_data_is_truncated() -> None:
    whole = build_data(("structure", [VOLTAGE, ("long-unsigned", 2301), ENERGY, ("long", 7)]))
    for end in range(14, len(whole)):
        message = read(whole[:end])
        assert message.facts["transport"] == "axdr-data" and "truncated" in str(message.error), end


def kaifa(phases: int, *, energy: bool = False, name: str = "KFM_001") -> Message:
    """List 2 (or 3, with energies) of a Kaifa meter: the identifier, the meter, then bare numbers in a fixed order."""
    words = [("octet-string", text.encode()) for text in (name, "7340000000000001", "MA304H4")]
    powers = [("double-long-unsigned", n) for n in (1500, 0, 0, 200)]
    lines = [("double-long-unsigned", n) for n in (1_000, 2_000, 3_000, 2301, 2302, 2303)]
    lines = lines if phases == 3 else lines[::3]
    clock = ("octet-string", bytes.fromhex("07ea0105010c000aff800000"))
    counted = [clock, *(("double-long-unsigned", n) for n in (600_000, 5, 6, 7))] if energy else []
    return read(push(*words, *powers, *lines, *counted))


@pytest.mark.parametrize(
    ("phases", "energy", "count"), [(1, False, 9), (3, False, 13), (1, True, 14), (3, True, 18)]
)
def test_values_of_a_list_that_says_which_it_is_are_named_by_their_place(
    phases: int, energy: bool, count: int
) -> None:
    told = rows(kaifa(phases, energy=energy))
    assert len(told) == count
    assert told["1-0:0.2.129.255"]["value"] == "KFM_001" and told["0-0:96.1.7.255"]["value"] == "MA304H4"
    assert (told["1-0:1.7.0.255"]["value"], told["1-0:1.7.0.255"]["unit"]) == (1500, "W")
    assert told["1-0:31.7.0.255"]["value"] == 1_000 and told["1-0:31.7.0.255"]["unscaled"]
    assert told["1-0:32.7.0.255"]["value"] == 2301
    if phases == 3:
        assert told["1-0:71.7.0.255"]["value"] == 3_000 and told["1-0:72.7.0.255"]["value"] == 2303
    if energy:
        assert told["1-0:1.8.0.255"]["value"] == 600_000 and told["1-0:4.8.0.255"]["value"] == 7


def test_values_of_another_list_stay_without_a_name() -> None:
    """Whose order nobody knows: another identifier, another number of values, one value alone."""
    assert "element 4" in rows(kaifa(3, name="KFM_002"))
    fewer = read(push(("octet-string", b"KFM_001"), *[("double-long-unsigned", 1)] * 4))
    assert {"element 2", "element 5"} <= set(rows(fewer))
    assert set(rows(read(push(("double-long-unsigned", 1536))))) == {"element 1"}
