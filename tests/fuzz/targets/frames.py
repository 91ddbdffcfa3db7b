"""One radio frame: a tree with every octet in a leaf, layers that build the same octets again, text that is safe.

The first octet chooses what the trailer is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from analysis.views.tree import issue_lines, tree_lines
from dissectors import dissect_frame
from dissectors.model.frame import RawFrame, Trailer
from tests.dissectors.zigbee.examples import LINK_KEY, MAC_KEY, NWK_KEY, examples, zdp_examples
from tests.dissectors.zigbee.test_frames import context, whole
from tests.fuzz.properties import offsets, safe, unrevealed

LIMIT = 256
TRAILERS: tuple[Trailer, ...] = get_args(Trailer)


def seeds() -> Iterator[bytes]:
    for _, octets in examples():
        for kind in range(len(TRAILERS)):
            yield bytes((kind,)) + octets
    for _, _, octets in zdp_examples():
        yield b"\0" + octets


def check(octets: bytes) -> None:
    trailer = TRAILERS[octets[0] % len(TRAILERS)] if octets else "absent"
    raw = RawFrame(octets[1:], trailer, 1, 10**18)
    held = context()
    out = dissect_frame(raw, held)
    whole(out)
    offsets(out.issues, out.buffers)
    text = [*tree_lines(out.fields, out.buffers), *issue_lines(out.issues)]
    safe(text)
    if not any(key in buffer for key in (NWK_KEY, LINK_KEY, MAC_KEY) for buffer in out.buffers.values()):
        unrevealed("\n".join(text), (NWK_KEY, LINK_KEY, MAC_KEY))
    rows = dissect_frame(raw, context(), rows_only=True)
    assert rows.columns == out.columns, "rows alone say something else than the tree"
    assert rows.attributes == out.attributes and rows.commands == out.commands
