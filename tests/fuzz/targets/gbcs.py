"""GBCS messages: any octets give a message; nothing is valid whose covered octets nobody signed or MACed.

The first octet says whether keys are held and whether the command is at hand; the rest is the message.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from analysis.views.messages import Source, to_json
from analysis.views.tree import issue_lines, tree_lines
from dissectors.gbcs import Keystore, dissect_message
from dissectors.gbcs.envelope import MAC_OCTETS
from dissectors.gbcs.message import GbcsMessage
from tests.dissectors.gbcs import own
from tests.dissectors.gbcs.round_trip import rebuilt
from tests.fuzz.properties import covered, offsets, safe

LIMIT = 2048


@cache
def keys() -> Keystore:
    return own.keystore()


@cache
def honest() -> tuple[frozenset[bytes], frozenset[bytes], frozenset[bytes]]:
    """What was really signed, MACed and sealed in our own vectors."""
    signed, maced, sealed = set(), set(), set()
    for row in own.rows():
        message = dissect_message(bytes.fromhex(row["hex"]), keys())
        if message.facts["signature"] == "valid":
            signed.add(message.layout.signed_octets)
        if message.facts["mac"] == "valid":
            maced.add(_maced(message))
        for number, (start, end) in enumerate(message.payload.sealed if message.payload else ()):
            if message.opened.plain[number] is not None:
                sealed.add(message.layout.octets[start - 5 : end])
    return frozenset(signed), frozenset(maced), frozenset(sealed)


def _maced(message: GbcsMessage) -> bytes:
    layout = message.layout
    assert layout.mac is not None and layout.ciphering is not None
    return layout.octets[1:7] + layout.octets[layout.ciphering : layout.mac + MAC_OCTETS]


def seeds() -> Iterator[bytes]:
    for row in own.rows():
        for mode in (b"\0", b"\1", b"\3"):
            yield mode + bytes.fromhex(row["hex"])
            yield mode + b"\2\1" + bytes.fromhex(row["hex"])


def _command(message: GbcsMessage) -> GbcsMessage | None:
    for row in own.rows():
        other = dissect_message(bytes.fromhex(row["hex"]))
        if other.facts["cra"] == "command" and other.layout.counter == message.layout.counter:
            return other
    return None


def check(octets: bytes) -> None:
    mode, octets = octets[:1], octets[1:]
    store = keys() if mode and mode[0] & 1 else None
    message = dissect_message(octets, store)
    if mode and mode[0] & 2:
        message = dissect_message(octets, store, command=_command(message))
    covered(message.fields, {"message": message.octets, **message.buffers})
    offsets(message.issues, {"message": message.octets, **message.buffers})
    _unforged(message)
    rebuilt(message, store)
    source = Source("fuzz", octets)
    to_json(source, message)
    safe(tree_lines(message.fields, message.buffers))
    safe(issue_lines(message.issues))


def _unforged(message: GbcsMessage) -> None:
    signed, maced, sealed = honest()
    facts, payload = message.facts, message.payload
    assert facts["signature"] != "valid" or message.layout.signed_octets in signed, (
        "a forged signature is valid"
    )
    assert facts["mac"] != "valid" or _maced(message) in maced, "a forged MAC is valid"
    for number, (start, end) in enumerate(payload.sealed if payload is not None else ()):
        if message.opened.plain[number] is not None:
            assert message.layout.octets[start - 5 : end] in sealed, "forged octets are opened"
