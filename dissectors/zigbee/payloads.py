"""APS payloads of frames that the vector path opened, read one by one: fragments, ZDP, and rare ZCL commands.

Strategy: most of the cost of a rare frame is not what makes it rare, but the layers below. Where the vector
path has read those, the one-frame path takes up at the APS payload, with the same functions, and gives the
columns that the layers above fill. Neither trees nor Scapy layers are made of what nobody looks at.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dissectors.cursor import Cursor
from dissectors.frame import Dissection, RawFrame
from dissectors.vectors import Octets
from dissectors.zigbee.aps_columns import ApsHeaders
from dissectors.zigbee.aps_facts import ApsFacts
from dissectors.zigbee.frames import Ends, Frames
from dissectors.zigbee.security_columns import VERDICTS

if TYPE_CHECKING:
    from dissectors.reading import Reading

__all__ = ["OpenPayloads"]

BUFFER = "decrypted-0"


@dataclass(slots=True)
class OpenPayloads:
    """APS payloads in clear: one entry of `aps` and `ends` a payload, which lies in `octets`."""

    octets: Octets
    aps: ApsHeaders
    ends: Ends
    _place: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._place = {row: place for place, row in enumerate(self.aps.span.rows.tolist())}

    def __contains__(self, row: object) -> bool:
        return row in self._place

    def read(self, frames: Frames, row: int) -> Dissection:
        """What the layers above say of the frame in `row`; its columns are those that they fill.

        The context must have been told what the frames up to this one taught (`Frames.tell_above`).
        """
        # Here because it imports Scapy, which most captures do not need.
        from dissectors.zigbee.application import LAYER, read_payload

        place = self._place[row]
        span = self.aps.span
        clear = self.octets.data[int(span.offset[place]) : int(span.end[place])].tobytes()
        verdict = VERDICTS[int(frames.out.values["nwk_security"][row])]
        out = Dissection(buffers={"frame": b"", BUFFER: clear}, columns={"nwk_security": verdict})
        reading = self._reading(frames, row, place, out)
        read_payload(reading, self._header(place), Cursor(clear, layer=LAYER), BUFFER, None)
        del out.columns["nwk_security"]
        return out

    def _reading(self, frames: Frames, row: int, place: int, out: Dissection) -> Reading:
        from dissectors.reading import Reading

        ends = self.ends
        raw = RawFrame(b"", number=int(frames.number[row]), time_ns=int(frames.time_ns[row]))
        return Reading(
            raw,
            frames.context,
            out,
            pan=int(ends.pan[place]),
            source=int(ends.src_eui64[place]) if ends.has_src[place] else None,
            destination=int(ends.dst_eui64[place]) if ends.has_dst[place] else None,
            nwk_src=int(ends.src[place]),
            nwk_dst=int(ends.dst[place]),
            rows_only=True,
        )

    def _header(self, place: int) -> ApsFacts:
        aps = self.aps
        control, fragment = int(aps.control[place]), int(aps.fragment[place])
        facts = ApsFacts(control, fragment, {"counter": int(aps.aps_counter[place])})
        if not aps.bare[place]:
            facts.fields |= {
                "cluster": int(aps.cluster[place]),
                "profile": int(aps.profile[place]),
                "src_endpoint": int(aps.src_endpoint[place]),
            }
            if not aps.grouped[place]:
                facts.fields["dst_endpoint"] = int(aps.dst_endpoint[place])
        if fragment:
            facts.fields["block"] = int(aps.block[place])
        return facts
