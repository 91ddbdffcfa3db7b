"""DLMS messages of every transport. The first octet chooses the transport, the rest is the message."""

from __future__ import annotations

import json
from collections.abc import Iterator

from analysis.views.messages import Source, to_json
from analysis.views.tree import issue_lines, tree_lines
from dissectors.dlms import Association, build, dissect_message
from dissectors.dlms.apdu.canonical import noncanonical_apdu
from dissectors.dlms.apdu.layouts import read_whole_apdu
from dissectors.dlms.carriers.hdlc import build_frame
from dissectors.dlms.decoding.transports import READERS
from dissectors.dlms.message import unwrap
from dissectors.model.keyring import DlmsKeys
from tests.dissectors.dlms.apdu.test_apdus import CASES
from tests.dissectors.dlms.apdu.test_apdus import octets as case_octets
from tests.fuzz.properties import covered, safe, unrevealed

LIMIT = 1024
TRANSPORTS = ["auto", *READERS]
TITLE = bytes.fromhex("4d4d4d0000bc614e")
SECRETS = (bytes(range(16)), bytes(range(0xD0, 0xE0)), bytes(range(0x40, 0x50)))
KEYS = DlmsKeys(TITLE, *SECRETS)


def seeds() -> Iterator[bytes]:
    for case in CASES.values():
        data = case_octets(case)
        yield b"\0" + data
        for index, name in enumerate(TRANSPORTS):
            if name == "hdlc":
                yield bytes((index,)) + build_frame(b"\x03", b"\x21", 0x13, b"\xe6\xe6\x00" + data)
            elif name.startswith("wrapper"):
                head = bytes.fromhex("000100010010") + len(data).to_bytes(2, "big")
                yield bytes((index,)) + head + data
            elif name == "llc":
                yield bytes((index,)) + b"\xe6\xe6\x00" + data
    for line in open_vectors():
        yield b"\0" + line


def open_vectors() -> Iterator[bytes]:
    from pathlib import Path

    path = Path(__file__).parents[2] / "vectors" / "dlms" / "security.jsonl"
    for line in path.read_text("utf-8").splitlines():
        if line.strip():
            yield bytes.fromhex(json.loads(line)["hex"])


def check(octets: bytes) -> None:
    transport = TRANSPORTS[octets[0] % len(TRANSPORTS)] if octets else "auto"
    data = octets[1:]
    message = dissect_message(data, transport=transport, keys=[KEYS], profile="gbcs")
    covered(message.fields, message.buffers)
    if message.error is not None:
        assert message.error.layer and 0 <= message.error.offset <= len(data)
    source = Source("fuzz", data)
    form = json.dumps(to_json(source, message))
    if not any(secret in buffer for secret in SECRETS for buffer in message.buffers.values()):
        unrevealed(form, SECRETS)
    safe(tree_lines(message.fields, message.buffers))
    safe(issue_lines(message.issues))
    _, decoder, _ = unwrap(data, transport, Association.with_keys([KEYS]))
    for apdu in decoder.read:
        if apdu.whole:
            built, told = build(apdu), noncanonical_apdu(apdu)
            assert (built == apdu.octets) == (told is None)
            assert build(read_whole_apdu(built)) == built
