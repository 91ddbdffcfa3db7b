"""Tunnels: messages in one transfer, in many, towards sleepy and mains devices; nothing readable is lost."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dissectors.model.context import HanContext
from dissectors.zcl import build_command
from dissectors.zcl.stateful.envelopes import kind_of, message_length
from dissectors.zcl.stateful.tunnel_assembly import Tunnels
from tests.dissectors.zcl.support import read

SIGNED = bytes.fromhex(
    "df09 01 00000000000003e8 08 90b3d51f30010000 08 00db1234567890a0 00 02 0062".replace(" ", "")
)


def signed(content: int, signature: int = 0) -> bytes:
    """A GBCS message with general signing: `content` octets, `signature` octets."""
    return (
        SIGNED
        + bytes((0x82,))
        + content.to_bytes(2, "big")
        + bytes(content)
        + bytes((signature,))
        + bytes(signature)
    )


def ciphered(content: bytes) -> bytes:
    """The message in general ciphering, with its MAC of 12 octets."""
    body = bytes.fromhex("1100000000") + content + bytes(12)
    return bytes.fromhex("dd000000000000 82".replace(" ", "")) + len(body).to_bytes(2, "big") + body


class Link:
    """Two ends of a tunnel in one context."""

    def __init__(self) -> None:
        self.context = HanContext()
        self.frame = 0
        self.payload: list[tuple[str, bytes]] = []
        self.frames: list[tuple[int, ...]] = []
        self.issues: list[str] = []

    def send(self, direction: str, command: int, values: dict[str, Any], sequence: int | None = None) -> Any:
        self.frame += 1
        number = self.frame if sequence is None else sequence
        octets = build_command(0x0704, direction, command, values, sequence=number & 0xFF)  # type: ignore[arg-type]
        out = read(octets, 0x0704, self.context, frame=self.frame)
        self.payload += out.payload
        self.frames += out.payload_frames
        self.issues += [issue.text for issue in out.issues]
        return out

    def open(self, protocol: int = 6) -> None:
        request = {"protocol_id": protocol, "manufacturer_code": 0xFFFF, "flow_control_support": False}
        self.send("to-server", 0, {**request, "maximum_incoming_transfer_size": 1500}, sequence=1)
        answer = {"tunnel_id": 5, "tunnel_status": 0, "maximum_incoming_transfer_size": 1500}
        self.send("to-client", 0, answer, sequence=1)

    def data(self, octets: bytes, direction: str = "to-server", sequence: int | None = None) -> Any:
        command = 2 if direction == "to-server" else 1
        return self.send(direction, command, {"tunnel_id": 5, "data": octets}, sequence)


def test_one_transfer_to_a_mains_device() -> None:
    link = Link()
    link.open()
    message = ciphered(signed(40))
    out = link.data(message)
    assert link.payload == [("gbcs", message)] and link.frames == [(3,)]
    assert out.fields[0].find("message").meaning == f"GBCS message, {len(message)} octets"


@pytest.mark.parametrize("size", [61, 100, 255])
@pytest.mark.parametrize(
    "message", [ciphered(signed(300)), signed(400, 64), signed(200)], ids=["dd", "df64", "df"]
)
def test_many_transfers_to_a_sleepy_device(message: bytes, size: int) -> None:
    link = Link()
    link.open()
    get = link.data(b"\x01", "to-client")
    assert get.fields[0].find("hrgp_command").meaning == "GET"
    chunks = [message[i : i + size] for i in range(0, len(message), size)]
    out = link.data(b"\x02\x01" + chunks[0])
    assert out.fields[0].find("messages_remaining").value == 1
    for chunk in chunks[1:]:
        link.data(chunk)
    assert link.payload == [("gbcs", message)]
    assert link.frames == [tuple(range(4, 4 + len(chunks)))]
    assert not link.issues


def test_nothing_waits() -> None:
    link = Link()
    link.open()
    link.data(b"\x02\x00")
    assert not link.payload and not link.issues


def test_put_and_both_directions_at_once() -> None:
    link = Link()
    link.open()
    up, down = signed(150), ciphered(signed(90))
    link.data(b"\x03" + up[:100], "to-client")
    link.data(b"\x02\x00" + down[:50], "to-server")
    link.data(up[100:], "to-client")
    link.data(down[50:], "to-server")
    assert link.payload == [("gbcs", up), ("gbcs", down)]


def test_a_capture_that_begins_within_a_tunnel() -> None:
    link = Link()
    message = signed(30)
    link.data(b"\x03" + message, "to-client")
    link.data(message)
    assert link.payload == [("gbcs", message)] * 2


def test_a_repeated_transfer_counts_once() -> None:
    link = Link()
    message = signed(150)
    link.data(message[:80], sequence=9)
    link.data(message[:80], sequence=9)
    link.data(message[80:], sequence=10)
    assert link.payload == [("gbcs", message)]
    assert link.issues == ["repeats the transfer before it"]


def test_an_unfinished_message_is_handed_on_as_it_is() -> None:
    link = Link()
    link.open()
    message = signed(150)
    link.data(message[:80])
    link.send("to-server", 1, {"tunnel_id": 5})
    assert link.payload == [("unknown", message[:80])]
    assert link.issues == [f"the tunnel was closed: 80 of {len(message)} octets of a message had come"]
    assert not link.context.state(Tunnels).open


def test_a_new_message_ends_an_unfinished_one() -> None:
    link = Link()
    link.open()
    old, new = signed(150), signed(20)
    link.data(old[:80])
    link.data(b"\x03" + new)
    assert link.payload == [("unknown", old[:80]), ("gbcs", new)]


def test_dlms_and_unknown_protocols() -> None:
    link = Link()
    link.open(protocol=0)
    apdu = bytes.fromhex("c001c100030100010800ff0200")
    link.data(apdu)
    wrapped = bytes.fromhex("00010010000100") + bytes((len(apdu),)) + apdu
    link.data(wrapped)
    link.open(protocol=199)
    link.data(b"anything")
    assert link.payload == [("dlms", apdu), ("dlms", wrapped), ("unknown", b"anything")]


def test_block_transfer_blocks_are_handed_on_one_by_one() -> None:
    link = Link()
    link.open()
    block = bytes.fromhex("e0 00 0001 0000 81 c8".replace(" ", "")) + bytes(200)
    link.data(block[:100])
    link.data(block[100:])
    assert link.payload == [("gbcs", block)]


def test_lengths() -> None:
    for message in (signed(20), signed(300, 64), ciphered(signed(20))):
        assert message_length(message) == len(message)
        for cut in range(1, len(message)):
            length = message_length(message[:cut])
            assert length is None or length > cut
    assert message_length(b"\x7e\xa0\x07\x03\x21\x93\x0f\x01\x7e") == 9
    assert kind_of(b"\xdf", 6) == "gbcs" and kind_of(b"\xc0") == "dlms" and kind_of(b"") == "unknown"


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=40)), max_size=8), st.integers(0, 7))
def test_any_transfers_are_read_and_nothing_is_lost(chunks: list[tuple[bool, bytes]], protocol: int) -> None:
    link = Link()
    link.open(protocol)
    for up, octets in chunks:
        link.data(octets, "to-client" if up else "to-server")
    link.send("to-server", 1, {"tunnel_id": 5})
    sent = sum(len(octets) for _, octets in chunks)
    assert sum(len(octets) for _, octets in link.payload) <= sent
