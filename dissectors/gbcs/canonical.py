"""Where a message says something in other octets than building would write: `build` gives the same values there.

Every such place is a note with the layer ``gbcs.encoding`` (headers), ``dlms.data`` or ``gbcs.der``. A message
without one is built again octet by octet.

Source: IEC 61334-6 clause 6 (A-XDR); GBCS 4.x section 7.2.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dissectors.dlms.apdu.canonical import noncanonical_data
from dissectors.layout import Layer, Length
from dissectors.layout.lengths import build_length
from dissectors.model.field import Issue

if TYPE_CHECKING:
    from dissectors.gbcs.message import GbcsMessage

__all__ = ["LAYER", "noncanonical_encodings", "noncanonical_lengths"]

LAYER = "gbcs.encoding"


def noncanonical_encodings(message: GbcsMessage) -> Iterator[Issue]:
    """A note for each place of `message` that building would write in other octets."""
    layout, payload = message.layout, message.payload
    yield from noncanonical_lengths(layout.mac_header, layout.grouping)
    if payload is None or not payload.kind.startswith("dlms"):
        return
    for one in payload.specifications:
        if one.parameters is not None:
            yield from noncanonical_data((one.parameters,), layout.octets)
    yield from noncanonical_data(payload.data, layout.octets)


def noncanonical_lengths(*layers: Layer | None) -> Iterator[Issue]:
    """A note for each length in `layers` that is not written in the shortest form."""
    for layer in layers:
        for part, start, stop in layer.spans if layer is not None else ():
            if stop - start > 1 and isinstance(part, Length) and layer is not None:
                needed = len(build_length(layer.fields[part.name]))
                if stop - start > needed:
                    name = f"{part.name.replace('_', ' ')} of the {layer.name}"
                    text = f"not canonical: {name} in {stop - start} octets, {needed} would do"
                    yield Issue("note", LAYER, start, text)
