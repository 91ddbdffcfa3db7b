"""DER of strangers: as deep, long and empty as they like, in every place of every structure."""

import json

import pytest

from dissectors.gbcs import build, dissect_message
from dissectors.gbcs.asn1.der import DEEPEST, MOST_ODD, Reader, Shape
from dissectors.gbcs.asn1.der_octets import LONGEST, encode
from dissectors.gbcs.asn1.structures import STRUCTURES
from dissectors.gbcs.asn1.x509 import CERTIFICATE
from dissectors.model.json_form import json_value
from tests.dissectors.gbcs.round_trip import rebuilt

ENDS = {"originator": bytes(8), "recipient": bytes(7) + b"\1"}


def nested(tag: int, levels: int) -> bytes:
    out = b""
    for _ in range(levels):
        out = encode(tag, out)
    return out


CONTENTS = {
    "nothing": b"",
    "long": b"\x7f" * 3000,
    "long, negative": b"\xff" * 3000,
    "just over": b"\x40" * (LONGEST["integer"] + 1),
    "nested": nested(0x30, 2000),
    "odd text": b"\x1b[2J\xff\x00" * 9,
}


def filled(shape: Shape, content: bytes) -> bytes:
    """The structure with `content` in every place that holds a value."""
    if shape.kind == "choice":
        return filled(shape.parts[0], content)
    if shape.kind in ("sequence", "sequence-of"):
        return encode(shape.tag, b"".join(filled(part, content) for part in shape.parts))
    return encode(shape.tag if shape.tag >= 0 else 4, content)


def read(octets: bytes) -> tuple[list[object], list[str]]:
    reader = Reader(octets)
    fields = reader.read(CERTIFICATE, 0, len(octets))
    assert sum(one.length for field in fields for one in field.leaves()) in (0, len(octets))
    return list(fields), [issue.text for issue in reader.issues]


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("key", STRUCTURES, ids=lambda key: f"{key[0]:04x}-{key[1]}")
def test_hostile_contents_in_every_place(key: tuple[int, int], content: str) -> None:
    payload = filled(STRUCTURES[key], CONTENTS[content])
    octets = build.pre_command(key[0], **ENDS, counter=7, payload=payload, signature_octet=True)
    octets = octets[:2] + bytes([key[1]]) + octets[3:]
    message = dissect_message(octets)
    leaves = [leaf for field in message.fields for leaf in field.leaves()]
    assert sum(leaf.length for leaf in leaves) == len(octets)
    json.dumps([json_value(leaf.value) for leaf in leaves] + [json_value(item) for item in message.items])
    assert [str(issue) for issue in message.issues] and message.columns
    assert rebuilt(message) in ("same", "stated", "unread")


@pytest.mark.parametrize("tag", [0x30, 0x31, 0xA0, 0xBF, 0x24])
def test_nesting_has_a_limit_which_is_told_with_its_place(tag: int) -> None:
    octets = nested(tag, 5000)
    reader = Reader(octets)
    reader.read(Shape("x", -1, "any"), 0, len(octets))
    (issue,) = reader.issues
    assert (issue.severity, issue.layer) == ("error", "gbcs.der") and f"deeper than {DEEPEST}" in issue.text
    depth, offset = 0, 0
    while offset < issue.offset:
        offset += 2 if octets[offset + 1] < 0x80 else 2 + (octets[offset + 1] & 0x7F)
        depth += 1
    assert (offset, depth) == (issue.offset, DEEPEST)


@pytest.mark.parametrize("tag", [0x02, 0x06, 0x0A])
def test_numbers_that_are_none_stay_octets(tag: int) -> None:
    content = b"\xff" * 70_000
    (field,), issues = read(encode(tag, content))
    assert field.value == content and "left as they are" in issues[1]  # type: ignore[attr-defined]


def test_elements_that_do_not_belong_are_counted() -> None:
    (field,), issues = read(encode(0x30, b"\x05\x00" * 5000))
    assert len(field.children) == 5001  # type: ignore[attr-defined]
    assert len(issues) <= MOST_ODD + len(CERTIFICATE.parts) + 1
    assert "more elements" in issues[-1]


def test_payloads_of_no_known_structure_are_built_canonically_too() -> None:
    payload = encode(0x30, b"\x05\x02ab" + b"\x02\x03\x00\x00\x05")
    octets = build.pre_command(0x00F2, **ENDS, counter=7, payload=payload, signature_octet=True)
    message = dissect_message(octets)
    assert rebuilt(message) == "stated"
    assert encode(0x30, b"\x05\x00\x02\x01\x05") in build.build(message)
