"""What people give to `hanscope message`, on stdin or as an argument: a message of each kind, or a word why not."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator

from analysis.views.messages import dissect_all, read_sources, to_json
from analysis.views.tree import issue_lines, tree_lines
from dissectors.model.keyring import Keyring
from tests.dissectors.gbcs import own
from tests.fuzz.properties import covered, safe
from tests.fuzz.targets.gbcs import keys

LIMIT = 2048


def seeds() -> Iterator[bytes]:
    for row in own.rows():
        octets = bytes.fromhex(row["hex"])
        if len(octets) > 700:
            continue
        text = octets.hex()
        yield octets
        yield text.encode()
        yield text.upper().encode()
        yield octets.hex(" ").encode() + b"\n"
        yield base64.b64encode(octets)
        yield f"GBCS:DATA#1:{len(octets)}:{text}\n".encode()
        yield json.dumps({"id": "a", "hex": text, "format": "gbcs"}).encode()
        yield ("0x" + ", 0x".join(octets.hex(" ").split())).encode()
        payload = base64.b64encode(octets).decode()
        yield f"<Response><ServiceReferenceVariant>4.1.1</ServiceReferenceVariant><GBCSPayload>{payload}</GBCSPayload></Response>".encode()
    for text in (
        "c401c100090c07e8010101",
        "7ea0070321930f017e",
        "02006f",
        "0001000100100004c001c100",
        "zz",
        "",
        "{",
        "<a>",
    ):
        yield text.encode()
        yield json.dumps({"hex": text, "transport": "auto", "keys": {"ek": "00" * 16}}).encode()
    yield b'{"hex": "c4", "keys": {"ek": 5}}\n{"hex": 5}\n[]'


def check(octets: bytes) -> None:
    sources = list(read_sources(["-"], io.BytesIO(octets)))
    assert sources, "nothing was said of an input"
    for source, message in dissect_all(sources, Keyring(gbcs=keys())):
        if message.error is not None:
            assert message.error.text
            if source.error is not None:
                safe([str(message.error)])
        if message.fields:
            buffers = {"message": message.octets, **message.buffers}
            covered(message.fields, message.buffers if "frame" in message.buffers else buffers)
        json.dumps(to_json(source, message))
        safe(tree_lines(message.fields, message.buffers))
        safe(issue_lines(message.issues))
