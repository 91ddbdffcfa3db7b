"""Tunnel headers, blocks in any order, and the text forms of messages."""

import base64
import random
import sys
from pathlib import Path

import pytest

from dissectors.gbcs import dissect_message
from dissectors.gbcs.gbt import Block, build_blocks, read_block, reassemble
from dissectors.gbcs.inputs import read_inputs
from dissectors.gbcs.tunnel import GET, GET_RESPONSE, PUT, build_tunnel_header, read_tunnel_header
from dissectors.model.errors import Malformed, Unsupported

sys.path.insert(0, str(Path(__file__).parent))
import own

COMMAND = own.octets("cs02b-command")
ROUTING = Block(1, 3001, own.SUPPLIER, own.ESME, 0x0102, 0x41, 1, 0, b"", 0, b"\x11\0\0\0\0")


def blocks(size=200):
    return build_blocks(COMMAND, size=size, header=ROUTING)


def test_blocks_in_any_order_with_repeats_give_the_message():
    parts = [read_block(octets) for octets in blocks()]
    chance = random.Random(1)
    for _ in range(5):
        mixed = [*parts, *chance.sample(parts, 3)]
        chance.shuffle(mixed)
        (result,) = reassemble(mixed)
        assert result.complete and not result.issues
        assert result.octets == COMMAND
    assert dissect_message(result.octets, own.keystore()).facts["mac"] == "valid"


def test_missing_blocks_are_named():
    parts = [read_block(octets) for octets in blocks()]
    (result,) = reassemble([parts[0], parts[2], parts[3]])
    assert result.missing == [2, 0]
    assert "block 2" in result.issues[0].text and "last block" in result.issues[0].text
    (result,) = reassemble([parts[0], *parts[2:]])
    assert result.missing == [2] and not result.octets


def test_a_repeat_that_says_something_else_is_an_issue():
    parts = [read_block(octets) for octets in blocks()]
    from dataclasses import replace

    (result,) = reassemble([*parts, replace(parts[1], data=b"other")])
    assert result.octets == COMMAND
    assert "came twice" in result.issues[0].text


def test_a_block_by_itself_is_read_to_the_last_octet():
    for octets in blocks():
        message = dissect_message(octets)
        assert message.facts["payload_kind"] == "gbt" and message.facts["use_case"] == "CS02b"
        leaves = [leaf for f in message.fields for leaf in f.leaves()]
        assert sum(leaf.length for leaf in leaves) == len(octets)
        assert all(leaf.meaning for leaf in leaves)
    cut = dissect_message(blocks()[0][:40])
    assert cut.error is not None and cut.issues


@pytest.mark.parametrize("header", [build_tunnel_header(PUT), build_tunnel_header(GET_RESPONSE, 3)])
def test_tunnel_header_in_front_of_a_message(header):
    message = dissect_message(header + COMMAND, own.keystore())
    assert message.facts["mac"] == "valid"
    assert message.facts["tunnel"] in ("PUT", "GET-RESPONSE")
    leaves = [leaf for f in message.fields for leaf in f.leaves() if leaf.buffer == "message"]
    assert sum(leaf.length for leaf in leaves) == len(message.octets) == len(header) + len(COMMAND)
    assert min(leaf.offset for leaf in leaves) == 0


def test_tunnel_headers_alone():
    assert read_tunnel_header(build_tunnel_header(GET)).name == "GET"
    assert read_tunnel_header(build_tunnel_header(GET_RESPONSE, 2)).remaining == 2
    assert read_tunnel_header(b"\x02").remaining is None
    assert read_tunnel_header(COMMAND) is None
    assert dissect_message(b"\x01").facts["tunnel"] == "GET"
    assert dissect_message(b"\x01").error is None


SMALL = own.octets("ecs17b-command")
DUIS = """<?xml version="1.0" encoding="UTF-8"?>
<sr:Response xmlns:sr="http://www.dccinterface.co.uk/ServiceUserGateway"><sr:Header>
<sr:ServiceReference>4.1</sr:ServiceReference>
<sr:ServiceReferenceVariant>4.1.1</sr:ServiceReferenceVariant></sr:Header><sr:Body>
<sr:ResponseMessage><sr:GBCSPayload>{}</sr:GBCSPayload></sr:ResponseMessage></sr:Body></sr:Response>"""


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (SMALL, "octets"),
        (SMALL.hex(), "hex"),
        (SMALL.hex(" ").upper() + "\n", "hex"),
        ("\n".join(SMALL.hex()[i : i + 60] for i in range(0, 2 * len(SMALL), 60)), "hex"),
        (base64.b64encode(SMALL).decode(), "base64"),
        (f"GBCS:DATA#1:{len(SMALL)}:{SMALL.hex().upper()}\r\n", "gfi"),
        (DUIS.format(base64.b64encode(SMALL).decode()), "duis"),
    ],
    ids=["octets", "hex", "spaced", "wrapped", "base64", "gfi", "duis"],
)
def test_every_form_gives_the_same_octets(text, form):
    for given in (text, text.encode() if isinstance(text, str) else text):
        (found,) = read_inputs(given)
        assert (found.octets, found.form) == (SMALL, form)
    if form == "duis":
        assert found.service_reference == "4.1.1" and found.document == "ResponseMessage"


def test_many_lines_are_many_messages():
    lines = [SMALL.hex(), base64.b64encode(COMMAND).decode(), f"GBCS:DATA#2:{len(SMALL)}:{SMALL.hex()}"]
    found = read_inputs("# a remark\n" + "\n\n".join(lines))
    assert [f.octets for f in found] == [SMALL, COMMAND, SMALL]
    assert [f.place for f in found] == ["line 2", "line 4", "line 6"]


def test_what_is_refused():
    with pytest.raises(Unsupported):
        read_inputs('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>')
    with pytest.raises(Malformed, match="GFI says 3 octets"):
        read_inputs("GBCS:DATA#1:3:DDEE")
    with pytest.raises(Malformed, match="line 1"):
        read_inputs("what is this?\nno message!")
    with pytest.raises(Malformed, match="XML"):
        read_inputs("<a><b></a>")
    assert read_inputs("") == []
