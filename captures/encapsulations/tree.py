"""The octets around a frame as a field tree, for people: which header says what, and where.

The steps stand beside what takes the same headers off in bulk, in the other modules of this folder.
"""

from __future__ import annotations

from functools import partial

from captures.encapsulations import internet, link_layers, ppi, radio, tap, user
from captures.encapsulations.walk import BUFFER, Step, Walk
from dissectors import Field

__all__ = ["encapsulation_fields"]

PHR = "phy_header"


def encapsulation_fields(record: bytes, link_type: int, frame: tuple[int, int] | None = None) -> list[Field]:
    """One branch per header before the radio frame of a record, outermost first, with named leaves.

    Offsets count from the start of the record (buffer ``"record"``). A record without a radio frame is
    covered to its end; else the last branch ends where the frame begins. Never raises.

    Args:
        record: its octets.
        link_type: of the record.
        frame: start and end of the radio frame that was found in it, where that is known: what a sniffer left around
            it (PHR, octets behind) and user link types are told from it.
    """
    step = STEPS.get(link_type)
    if link_type in user.LINK_TYPES and frame is not None:
        step = user.step_of(record, frame[0])
    found = _walked(record, step)
    if frame is None:
        return found
    at, (start, end) = found[-1].end if found else 0, frame
    if at < start:
        name = PHR if start - at <= 2 else "sniffer_header"
        found.append(Field(name, record[at:start], None, at, start - at, BUFFER))
    if end < len(record) and at <= start:
        found.append(Field("octets_behind_the_frame", record[end:], None, end, len(record) - end, BUFFER))
    return found


def _walked(record: bytes, step: Step | None) -> list[Field]:
    walk = Walk(record)
    if step is None:
        walk.rest("packet")
    while step is not None:
        step = step(walk)
    return walk.found


STEPS: dict[int, Step] = {
    195: radio.step,
    230: radio.no_header,
    215: radio.phy_step,
    283: tap.step,
    1: link_layers.ethernet_step,
    113: link_layers.sll_step,
    276: link_layers.sll2_step,
    **dict.fromkeys((0, 108), internet.loopback_step),
    **dict.fromkeys((12, 14, 101, 228, 229), internet.ip_step),
}
STEPS[ppi.LINK_TYPE] = partial(ppi.step, inside=STEPS)
