"""Keys and passwords in the clear are shown nowhere unless somebody asks to see them."""

import io
import json

import pytest

from analysis.pipeline.payloads import item_rows, message_row
from analysis.views import messages
from dissectors.dlms import Association, dissect_message
from dissectors.layout.tables import table

SECRET = bytes(range(0xA0, 0xB0))
OBIS = bytes.fromhex("00001e0300ff")
STRUCTURE = b"\x02\x04\x09\x08" + bytes(8) + b"\x16\x01\x09\x10" + SECRET + b"\x16\x02"
WHOLE = b"\x09\x10" + SECRET
MEMBERS = {(int(r["class_id"]), r["member"]): r for r in table("dlms", "secret_members")}
NUMBERS = {(int(r["class_id"]), r["name"]): r for r in table("dlms", "interface_classes")}


def request(class_id: int, member: str, data: bytes) -> bytes:
    """A SET or an ACTION of one member."""
    row = NUMBERS[class_id, member]
    where = class_id.to_bytes(2, "big") + OBIS + bytes([int(row["index"])])
    if row["member"] == "method":
        return b"\xc3\x01\xc1" + where + b"\x01" + data
    return b"\xc1\x01\xc1" + where + b"\x00" + data


def said(octets: bytes, reveal: bool = False) -> str:
    """All that the verb `message` says of it, as JSON, as lines and as a tree."""
    out = ""
    for how in ({"as_json": True}, {"jsonl": True}, {}):
        stream = io.StringIO()
        messages.run([octets.hex()], kind="dlms", reveal=reveal, out=stream, **how)  # type: ignore[arg-type]
        out += stream.getvalue()
    return out


@pytest.mark.parametrize(("class_id", "member"), MEMBERS)
@pytest.mark.parametrize("data", [STRUCTURE, b"\x01\x01" + STRUCTURE, WHOLE, b"\x0a\x10" + b"p" * 16])
def test_a_secret_member_is_not_said(class_id: int, member: str, data: bytes) -> None:
    octets = request(class_id, member, data)
    message = dissect_message(octets)
    assert not message.error, "read to its end"
    text = data[-16:].decode() if data[0] == 10 else SECRET.hex()
    if data[0] == 10 and MEMBERS[class_id, member]["longer_than"]:
        return  # text where octets belong: not a key
    assert text not in said(octets)
    rows = [message_row(message, 1), *item_rows(message, 1)]
    assert text not in str(rows) and "hidden" in str(rows[1:])
    assert text in said(octets, reveal=True)


def test_what_is_beside_a_key_is_still_said() -> None:
    message = dissect_message(request(104, "register_device", STRUCTURE))
    assert message.items[0]["value"][0] == bytes(8)
    assert message.facts["data"][1]["value"] == 1
    assert message.facts["data"][2] == {
        "type": "octet-string",
        "value": "(hidden: an install code or link key)",
    }
    key = next(f for f in message.fields[0].walk() if f.secret)
    assert key.value is None and key.meaning == "(hidden: an install code or link key)"


def test_an_answer_is_hidden_because_of_its_request() -> None:
    association = Association.with_keys(())
    where = (15).to_bytes(2, "big") + bytes.fromhex("0000280000ff07")
    dissect_message(b"\xc0\x01\xc1" + where + b"\x00", association=association)
    answer = dissect_message(b"\xc4\x01\xc1\x00" + WHOLE, association=association)
    assert SECRET.hex() not in json.dumps(answer.to_json()) and answer.items[0]["obis"] == "0-0:40.0.0.255"


def test_passwords_are_shown_to_whoever_asks() -> None:
    association = bytes.fromhex(
        "6036a1090607608574050801018a0207808b0760857405080201ac0a80083132333435363738be10040e01000000065f1f040000301dffff"
    )
    assert b"12345678".hex() not in said(association)
    assert b"12345678".hex() in said(association, reveal=True)
