"""What is built from values reads back to the same values: GBCS, GBT, DLMS, ZCL, MAC, tokens.

The first octet chooses what is built, the others its values.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from dissectors.dlms.cosem.data import TYPE_NAMES, build_data, read_node, typed
from dissectors.gbcs import dissect_message, utrn
from dissectors.gbcs.building.build import alert, command, response
from dissectors.gbcs.gbt import Block, build_blocks, read_block, reassemble
from dissectors.gbcs.payloads.building import (
    Answer,
    Ask,
    ZclCommand,
    access_request,
    access_response,
    gbz_alert,
    gbz_payload,
    notification,
)
from dissectors.gbcs.sealing import MessageHeader, grouping, signed
from dissectors.gbcs.tunnel import build_tunnel_header, read_tunnel_header
from dissectors.ieee802154.build import with_trailer
from dissectors.model.cursor import Cursor
from dissectors.model.errors import Malformed
from dissectors.zcl import build_command, catalogue
from dissectors.zcl.build import build_payload
from dissectors.zcl.command import command_values, read_command
from tests.dissectors.gbcs import own
from tests.dissectors.gbcs.round_trip import rebuilt
from tests.dissectors.zcl.payloads import fullest
from tests.dissectors.zcl.support import read
from tests.fuzz.reader import Choices
from tests.fuzz.targets.gbcs import keys

LIMIT = 300
SIMPLE = [name for tag, name in TYPE_NAMES.items() if name not in ("array", "structure", "compact-array")]
PARTIES = (own.BROKER, own.SUPPLIER, own.OTHER, own.ESME, own.GSME, own.GPF, own.PPMID)
COMMANDS = catalogue.commands()


def seeds() -> Iterator[bytes]:
    chance = random.Random(3)
    for kind in range(len(KINDS)):
        for size in (0, 4, 10, 20, 40, 80, 160):
            for _ in range(4):
                yield bytes((kind,)) + chance.randbytes(size)


def data(choices: Choices, depth: int = 0) -> tuple[str, Any]:
    """Some COSEM Data."""
    if depth < 4 and not choices.spent and choices.below(4) == 0:
        return choices.one(("array", "structure")), [
            data(choices, depth + 1) for _ in range(choices.below(5))
        ]
    kind = choices.one(SIMPLE)
    tag = next(t for t, name in TYPE_NAMES.items() if name == kind)
    return kind, _value(kind, tag, choices)


def _value(kind: str, tag: int, choices: Choices) -> Any:
    octets = bytes((tag,)) + (b"" if tag not in (4, 9, 10, 12) else bytes((choices.below(9),)))
    octets += choices.octets(16)
    return typed(read_node(octets, 0, len(octets))[0]).value


def _data(choices: Choices) -> None:
    value = data(choices)
    octets = build_data(value)
    node, end = read_node(octets, 0, len(octets))
    assert end == len(octets)
    assert build_data(typed(node)) == octets


def _header(choices: Choices, cra: int) -> MessageHeader:
    party = choices.octets(8) if choices.flag() else None
    counter = choices.number(8) if party is not None and choices.flag() else None
    dated = choices.octets(12) if choices.flag() else b""
    one, other = choices.one(PARTIES), choices.one(PARTIES)
    return MessageHeader(cra, choices.number(8), one, other, choices.number(2), dated, party, counter)


def _payload(choices: Choices, cra: int) -> bytes:
    kind = choices.below(3)
    if cra == 3:
        if kind == 0:
            return gbz_alert(choices.number(2), choices.number(4), choices.octets(choices.below(20)))
        extra = [data(choices) for _ in range(choices.below(3))]
        return notification(("structure", [("long-unsigned", choices.number(2)), *extra]), choices.number(4))
    if kind == 0:
        return gbz_payload([_zcl(choices) for _ in range(choices.below(4))])
    if cra == 1:
        asks = [
            Ask(1 + choices.below(3), choices.number(2), choices.octets(6), choices.number(1), data(choices))
        ]
        return access_request(asks * choices.below(4), choices.number(4))
    return access_response(
        [Answer(1 + choices.below(4), data(choices), choices.number(1)) for _ in range(choices.below(4))],
        choices.number(4),
    )


def _zcl(choices: Choices) -> ZclCommand:
    dated = choices.number(4) if choices.flag() else None
    content = choices.octets(choices.below(30))
    return ZclCommand(choices.number(2), choices.number(1), choices.number(1), {}, content, dated)


def _gbcs(choices: Choices) -> None:
    cra = 1 + choices.below(3)
    header = _header(choices, cra)
    payload = _payload(choices, cra)
    octets = signed(grouping(header, payload), b"")
    message = dissect_message(octets)
    layout = message.layout
    assert (layout.cra, layout.counter, layout.originator) == (cra, header.counter, header.originator)
    assert layout.message_code == header.message_code
    assert layout.supplementary_party == header.supplementary_party
    assert layout.payload is not None and octets[slice(*layout.payload)] == payload
    assert rebuilt(message) in ("same", "stated")


def _protected(choices: Choices) -> None:
    """With keys of ours: what is made is valid, what is changed is not."""
    counter, flag = choices.number(7), choices.flag()
    made = command("ECS17b", originator=own.SUPPLIER, recipient=own.ESME, counter=counter, keystore=keys())
    if flag:
        made = response(dissect_message(made, keys()), keystore=keys())
    elif choices.flag():
        body = notification(("structure", [("long-unsigned", 0x8F1D)]), counter)
        made = alert(
            0x1001,
            originator=own.ESME,
            recipient=own.SUPPLIER,
            counter=counter,
            payload=body,
            keystore=keys(),
        )
    message = dissect_message(made, keys())
    assert "valid" in (message.facts["mac"], message.facts["signature"])
    assert "invalid" not in (message.facts["mac"], message.facts["signature"])
    assert rebuilt(message, keys()) == "same"
    changed = bytearray(made)
    changed[choices.below(len(changed))] ^= 1 << choices.below(8)
    facts = dissect_message(bytes(changed), keys()).facts
    assert "valid" not in (facts["mac"], facts["signature"]), "a flipped bit is not seen"


def _blocks(choices: Choices) -> None:
    header = Block(
        choices.number(1), choices.number(8), choices.octets(8), choices.octets(8), choices.number(2),
        choices.number(1) & 0x7F, 1, choices.number(2), b"", 0, choices.octets(5),
    )  # fmt: skip
    size = 1 + choices.below(40)
    message = choices.rest() or b"x"
    parts = build_blocks(message, size=size, header=header)
    found = reassemble([read_block(part) for part in reversed(parts)])
    assert [one.octets for one in found] == [message]
    assert all(rebuilt(dissect_message(part)) == "same" for part in parts)


def _command(choices: Choices) -> None:
    one = choices.one(COMMANDS)
    values = fullest(one.fields, 1 + choices.below(250))
    octets = build_command(one.cluster, one.direction, one.id, values, manufacturer=one.manufacturer)
    assert not [i for i in read(octets, one.cluster).issues if i.severity == "error"]
    payload = build_payload(one.cluster, one.direction, one.id, values, manufacturer=one.manufacturer)
    again = command_values(one, read_command(Cursor(payload), one))
    assert build_payload(one.cluster, one.direction, one.id, again, manufacturer=one.manufacturer) == payload


def _token(choices: Choices) -> None:
    parts = (choices.number(2) & 0x3FF, choices.below(4), choices.number(2) & 0x1FFF, choices.octets(4))
    token = utrn.parse(utrn.build(*parts))
    assert (token.counter_bits, token.value_class, token.value, token.mac) == parts and token.digit_ok
    digits = list(token.digits)
    at = choices.below(20)
    digits[at] = str((int(digits[at]) + 1 + choices.below(9)) % 10)
    if digits != list(token.digits):
        with suppress(Malformed):
            assert not utrn.parse("".join(digits)).digit_ok, "a wrong digit is not seen"


def _small(choices: Choices) -> None:
    kind, remaining = 1 + choices.below(3), choices.number(1)
    octets = build_tunnel_header(kind, remaining if kind == 2 else None) + b"\xdd"
    header = read_tunnel_header(octets)
    assert (
        header is not None and build_tunnel_header(header.kind, header.remaining) == octets[: header.length]
    )
    frame = choices.octets(choices.below(100))
    for trailer, size in (("absent", 0), ("fcs16", 2), ("fcs32", 4), ("ti", 2)):
        assert with_trailer(frame, trailer)[: len(frame)] == frame  # type: ignore[arg-type]
        assert len(with_trailer(frame, trailer)) == len(frame) + size  # type: ignore[arg-type]


KINDS: tuple[Callable[[Choices], None], ...] = (_data, _gbcs, _protected, _blocks, _command, _token, _small)


def check(octets: bytes) -> None:
    if octets:
        KINDS[octets[0] % len(KINDS)](Choices(octets[1:]))
