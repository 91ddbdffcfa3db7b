"""Where a message of a carrier ends in a stream of octets."""

from __future__ import annotations

from dissectors.dlms.carriers.hdlc import HdlcFrame, read_frame
from dissectors.dlms.carriers.mbus import read_telegram
from dissectors.model.errors import DissectionError, Truncated

__all__ = ["extent"]


def extent(transport: str, octets: bytes, at: int) -> int:
    """Octets of the whole piece at `at`; 0 when more must come; negative: so many to pass over."""
    if transport == "hdlc":
        return _extent_hdlc(octets, at)
    if transport == "mbus":
        return _extent_mbus(octets, at)
    if transport != "wrapper":
        return len(octets) - at
    if len(octets) - at < 8:
        return 0
    length = int.from_bytes(octets[at + 6 : at + 8], "big") + 8
    if octets[at : at + 2] != b"\0\1":
        following = octets.find(b"\0\1", at + 1)
        return -(following - at if following > 0 else len(octets) - at)
    return length if len(octets) - at >= length else 0


def _extent_hdlc(octets: bytes, at: int) -> int:
    start = octets.find(b"\x7e", at)
    if start < 0:
        return -(len(octets) - at)
    if start > at:
        return -(start - at)
    while start < len(octets) and octets[start] == 0x7E:
        start += 1
    if len(octets) - start < 2:
        return 0
    try:
        frame: HdlcFrame = read_frame(octets, start, len(octets))
    except Truncated:
        length = (octets[start] & 7) << 8 | octets[start + 1]
        return 0 if start + length > len(octets) else -(start - at)
    except DissectionError:
        return -(start - at)
    # The closing flag belongs to the frame, but the next frame may open with the same one.
    return frame.end - at


def _extent_mbus(octets: bytes, at: int) -> int:
    if octets[at] == 0xE5:
        return -1
    if octets[at] == 0x10:
        return -5 if len(octets) - at >= 5 else 0
    if len(octets) - at < 4:
        return 0
    try:
        return read_telegram(octets, at, len(octets)).end - at
    except Truncated:
        return 0
    except DissectionError:
        following = octets.find(b"\x68", at + 1)
        return -(following - at if following > 0 else len(octets) - at)
