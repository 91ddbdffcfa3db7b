"""What the ZCL tests share: reading one frame, holding a tree to its octets."""

from dissectors.model.context import HanContext
from dissectors.model.cursor import Cursor
from dissectors.model.field import Field
from dissectors.model.frame import Dissection, Envelope
from dissectors.zcl import dissect

METER, HUB = 0x00DB1234567890A0, 0x00DB1234567890A2


def envelope(cluster: int, *, from_server: bool = True, frame: int = 1, endpoint: int = 1) -> Envelope:
    """A frame between a meter (the server) and a hub."""
    ends = (METER, HUB) if from_server else (HUB, METER)
    shorts = (0x1001, 0x0000) if from_server else (0x0000, 0x1001)
    return Envelope(
        frame=frame,
        pan=0x1A62,
        source=ends[0],
        destination=ends[1],
        source_short=shorts[0],
        destination_short=shorts[1],
        profile=0x0109,
        cluster=cluster,
        source_endpoint=endpoint,
        destination_endpoint=endpoint,
    )


def read(octets: bytes, cluster: int, context: HanContext | None = None, **ends: object) -> Dissection:
    """The dissection of one ZCL frame, held to: every octet in a leaf, leaves within the frame."""
    out = Dissection(buffers={"frame": octets})
    from_server = bool(octets[:1] and octets[0] & 8)
    found = envelope(cluster, from_server=from_server, **ends)  # type: ignore[arg-type]
    dissect(Cursor(octets), "frame", found, context or HanContext(), out)
    assert len(out.fields) == 1 and out.fields[0].name == "zcl"
    hold(out.fields[0], len(octets))
    return out


def hold(tree: Field, length: int) -> None:
    """Every octet is in a leaf, no leaf reaches outside, children lie within their parent."""
    covered = bytearray(length)
    for found in tree.walk():
        assert found.offset >= 0 and found.end <= length, found
        for child in found.children:
            if child.buffer == found.buffer:
                assert found.offset <= child.offset and child.end <= found.end, (found.name, child.name)
        if not found.children and found.buffer == tree.buffer:
            covered[found.offset : found.end] = b"\1" * found.length
    assert all(covered), f"octets outside a leaf: {[i for i, c in enumerate(covered) if not c]}"
