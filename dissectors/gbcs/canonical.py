"""Where a message says something in other octets than building would write: `build` gives the same values there.

Every such place is a note with the layer ``gbcs.encoding`` (headers), ``dlms.data`` or ``gbcs.der``. A message
without one is built again octet by octet.

Source: IEC 61334-6 clause 6 (A-XDR); GBCS 4.x section 7.2.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dissectors.dlms.canonical import noncanonical_data
from dissectors.dlms.lengths import build_length
from dissectors.field import Issue

if TYPE_CHECKING:
    from dissectors.gbcs.layout import Layout
    from dissectors.gbcs.message import GbcsMessage

__all__ = ["LAYER", "noncanonical_encodings", "noncanonical_length"]

LAYER = "gbcs.encoding"


def noncanonical_encodings(message: GbcsMessage) -> Iterator[Issue]:
    """A note for each place of `message` that building would write in other octets."""
    layout, payload = message.layout, message.payload
    yield from _lengths(layout)
    if payload is None or not payload.kind.startswith("dlms"):
        return
    for one in payload.specifications:
        if one.parameters is not None:
            yield from noncanonical_data((one.parameters,), layout.octets)
    yield from noncanonical_data(payload.data, layout.octets)


def _lengths(layout: Layout) -> Iterator[Issue]:
    """The lengths of the MAC header, of other-information and of the payload."""
    octets = layout.octets
    if layout.ciphering is not None and layout.mac is not None:
        stop = layout.ciphering
        yield from noncanonical_length("the MAC header", octets, 7, stop, len(octets) - stop)
    if layout.start is None or layout.information is None:
        return
    before = layout.date_time[1] if layout.date_time else layout.start + 30
    start, end = layout.information
    yield from noncanonical_length("other-information", octets, before, start, end - start)
    if layout.payload is not None and layout.reached >= layout.payload[1]:
        start, stop = layout.payload
        yield from noncanonical_length("the payload", octets, end, start, stop - start)


def noncanonical_length(name: str, octets: bytes, start: int, stop: int, length: int) -> Iterator[Issue]:
    """A note when `length` (of `name`), written in the octets from `start` to `stop`, is not the shortest form."""
    shortest = build_length(length)
    if octets[start:stop] != shortest:
        text = f"not canonical: length of {name} in {stop - start} octets, {len(shortest)} would do"
        yield Issue("note", LAYER, start, text)
