"""Keys in GBCS messages are marked where they are made, so that no view shows one unless it is asked for."""

import json
import sys
from pathlib import Path

import pytest

from analysis.pipeline.payloads import item_rows
from analysis.views.message_inputs import Source
from analysis.views.message_tree import to_json, tree_text
from analysis.views.octets import message_octets
from analysis.wireshark.annotating import _nodes
from dissectors import scapy
from dissectors.gbcs import GbcsMessage, build, command_payload, dissect_message

sys.path.insert(0, str(Path(__file__).parent))
import own

KEY = bytes.fromhex("c0d1e2f30415263748596a7b8c9daebf")
REGISTER = 0x0001  # CCS01: a device and its install code or link key for the device log


@pytest.fixture(scope="module")
def message() -> GbcsMessage:
    store = own.keystore()
    template = command_payload(REGISTER, 7)
    octets = build.command(
        REGISTER, originator=own.SUPPLIER, recipient=own.GPF, counter=7, keystore=store,
        payload=template.replace(b"\x09\x10" + bytes(16), b"\x09\x10" + KEY),
    )  # fmt: skip
    assert KEY in octets
    return dissect_message(octets, store)


def test_a_key_is_marked(message: GbcsMessage) -> None:
    [key] = [one for top in message.fields for one in top.leaves() if one.secret]
    assert key.value == KEY and KEY.hex() not in str(key.meaning)


def said(message: GbcsMessage, reveal: bool) -> list[str]:
    source, octets = Source("one", message.octets), message_octets(message)
    return [
        json.dumps(message.to_json(reveal=reveal)),
        json.dumps(to_json(source, message, reveal=reveal)),
        tree_text(source, message, reveal),
        "\n".join(line for top in message.fields for line in _nodes(top, 1, octets, {}, reveal)),
    ]


def test_no_view_shows_it_unless_asked(message: GbcsMessage) -> None:
    for text in said(message, reveal=False):
        assert KEY.hex() not in text and "hidden" in text
    assert all(KEY.hex() in text for text in said(message, reveal=True))
    assert KEY.hex() not in str(item_rows(message, 1))
    assert KEY.hex() not in scapy.GBCS(message.octets).show(dump=True)
