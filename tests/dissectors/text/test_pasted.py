"""Octets in the forms that people paste, and text that is none of them."""

import json

import pytest

from dissectors.gbcs.inputs import read_inputs
from dissectors.model.errors import Malformed
from dissectors.text.pasted import from_dump, from_json, from_line, from_log_line

OCTETS = bytes.fromhex("7ea0070321930f017e00102080ff7c3e41424344454647")
HEX = OCTETS.hex()
PAIRS = OCTETS.hex(" ").split()
C = ", ".join(f"0x{o:02X}" for o in OCTETS)


@pytest.mark.parametrize(
    "text",
    [
        HEX.upper(),
        " ".join(PAIRS),
        ":".join(PAIRS),
        "-".join(PAIRS),
        ", ".join(PAIRS),
        "0x" + HEX,
        C,
        " ".join(f"0x{pair}" for pair in PAIRS),
        f"{{{C}}};",
        f"const uint8_t telegram[{len(OCTETS)}] = {{ {C} }};",
        f"static unsigned char a[] = {{\n  {C},\n}};",
        str(list(OCTETS)),
        ", ".join(map(str, OCTETS)),
        ", ".join(str(o - 256 if o > 127 else o) for o in OCTETS),
        repr(OCTETS),
        f"data = {OCTETS!r}",
        f"bytes.fromhex('{HEX}')",
        f"bytearray({list(OCTETS)})",
        "".join(f"\\x{pair}" for pair in PAIRS),
        f'"{HEX}"',
        json.dumps({"time": 5, "payload": HEX}),
        json.dumps({"device": {"data": list(OCTETS)}}),
        json.dumps(PAIRS),
        f"2024-01-05 10:00:00.123 DEBUG [uart] rx: {' '.join(PAIRS)}",
        f"(V) {' '.join(PAIRS[:10])}\n(V) {' '.join(PAIRS[10:])}",
        f"[12.5] meter: {' '.join(PAIRS)}",
    ],
)
def test_form_gives_the_octets(text: str) -> None:
    (found,) = read_inputs(text)
    assert found.octets == OCTETS, found.form


def dump(octets: bytes, *, bar: bool, colon: bool = False, group: int = 1) -> str:
    lines = []
    for at in range(0, len(octets), 16):
        row = octets[at : at + 16]
        words = [row[i : i + group].hex() for i in range(0, len(row), group)]
        if bar and len(words) > 8:
            words.insert(8, "")
        text = "".join(chr(o) if 32 <= o < 127 else "." for o in row)
        shown = " ".join(words).ljust(49 if bar else 40)
        lines.append(f"{at:08x}{':' if colon else ' '} {shown} {f'|{text}|' if bar else text}")
    return "\n".join(lines) + (f"\n{len(octets):08x}" if bar else "")


def test_dumps_with_offsets() -> None:
    assert from_dump(dump(OCTETS, bar=True).splitlines()) == [OCTETS]
    assert from_dump(dump(OCTETS, bar=False, colon=True, group=2).splitlines()) == [OCTETS]
    twice = dump(OCTETS, bar=False, colon=True, group=2)
    assert [one.octets for one in read_inputs(f"{twice}\n{twice}")] == [OCTETS, OCTETS]
    assert from_dump(["00000000  7e a0", "00000020  41 42"]) is None


def test_odd_digits_get_a_clear_word() -> None:
    for text in (HEX + "1", "0x" + HEX + "1", " ".join(PAIRS) + " 4"):
        with pytest.raises(Malformed, match=r"odd number, so one is missing"):
            read_inputs(text)


@pytest.mark.parametrize(
    "text", ["please decode", "hello", "Password", "what is this?", "no, it is not", "zz", "g"]
)
def test_words_are_no_message(text: str) -> None:
    assert from_line(text) is None and from_log_line(text) is None
    with pytest.raises(Malformed, match="none of the forms"):
        read_inputs(text)


def test_hex_is_never_base64() -> None:
    assert from_line("abcdef0123456789") == (bytes.fromhex("abcdef0123456789"), "hex")
    assert from_line("3QAAAAAAABQRAAAAAA==") == (bytes.fromhex("dd0000000000001411 00000000"), "base64")


def test_json_without_octets_says_so() -> None:
    with pytest.raises(Malformed, match="JSON without octets"):
        from_json('{"a": 5}')
    assert from_json("{0x7e, 0xa0}") is None


def test_lines_that_fail_do_not_lose_the_others() -> None:
    apdu = "c001c100080000010000ff0200"
    found = read_inputs(f"{apdu}\nnot hex at all\n{apdu}")
    assert [one.octets.hex() for one in found] == [apdu, "", apdu]
    assert [one.error is not None for one in found] == [False, True, False]


def test_duis_without_a_message_is_named() -> None:
    head = "<Response><Header><ResponseCode>E21</ResponseCode></Header>"
    found = read_inputs(
        f"{head}<Body><ServiceReferenceVariant>4.1.1</ServiceReferenceVariant></Body></Response>"
    )
    assert [(one.octets, one.service_reference, one.response_code) for one in found] == [
        (b"", "4.1.1", "E21")
    ]


PAYLOAD = "3QAAAAAAABQRAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
ELEMENT = f"<ra:GBCSPayload>{PAYLOAD}</ra:GBCSPayload>"


@pytest.mark.parametrize(
    ("text", "messages", "words"),
    [
        (ELEMENT, 1, ""),
        (ELEMENT + ELEMENT, 2, ""),
        (f"<ra:Body>{ELEMENT}\n{ELEMENT[:40]}", 1, "line 2: it ends before its elements do"),
        (f"<Body>{ELEMENT.replace('ra:', '')}<a></b>", 1, "mismatched tag"),
        (f"<sr:Response>{ELEMENT}</sr:Response>", 1, ""),
    ],
)
def test_parts_of_a_duis_document_are_read(text: str, messages: int, words: str) -> None:
    found = read_inputs(text)
    assert [one.octets[:1] for one in found if one.octets] == [b"\xdd"] * messages
    told = [str(one.error) for one in found if one.error is not None]
    assert len(told) == bool(words) and all(words in one for one in told)


def test_xml_that_breaks_before_its_first_message_says_where() -> None:
    for text, words in (("<ra:a>", "it ends before"), ("<a>\n<b></a>", "line 2, column 5: mismatched tag")):
        with pytest.raises(Malformed, match=words):
            read_inputs(text)


def test_a_log_line_may_go_on_behind_its_octets() -> None:
    assert from_log_line(f"INFO sent {HEX} to 00db1234567890a0 at noon") == OCTETS
    assert from_log_line("00db1234567890a0 joined 00db1234567890a1 at noon") is None
