"""APS payloads of frames that the vector path opened, read one by one: fragments, ZDP, and rare ZCL commands.

Strategy: most of the cost of a rare frame is not what makes it rare, but the layers below. Where the vector
path has read those, the one-frame path takes up at the APS payload, with the same functions, and gives the
columns that the layers above fill. Neither trees nor layers are made of what nobody looks at. What
most GBCS messages come in, fragments and TransferData, does not even need the one-frame path.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dissectors.model.cursor import Cursor
from dissectors.model.frame import Dissection, Envelope, Followed, Piece, RawFrame
from dissectors.model.origins import Origin
from dissectors.security.verdicts import VERDICTS
from dissectors.vectors import OctetArray
from dissectors.zcl.stateful.transfers import TUNNELING, read_transfer
from dissectors.zigbee.aps.facts import ApsFacts
from dissectors.zigbee.aps.fragments import FRAGMENT, Fragments
from dissectors.zigbee.aps.header_columns import ApsHeaders
from dissectors.zigbee.aps.message_pieces import fragment_piece
from dissectors.zigbee.columns.frames import Frames, NwkAddresses

if TYPE_CHECKING:
    from dissectors.layout.reading import Reading

__all__ = ["OpenPayloads"]

LAYER = "ZigBee APS"
BUFFER, WHOLE = "decrypted-0", "reassembled-0"
DATA, ACK = 0, 2
ZDP_PROFILE = 0x0000
COMMANDS = frozenset({"commands"})
INCOMPLETE = Followed({"protocol": LAYER, "summary": FRAGMENT})
"""What a fragment says that completes nothing."""


@dataclass(slots=True, eq=False, repr=False)
class OpenPayloads:
    """APS payloads in clear: one entry of `aps` and `ends` a payload, which lies in `octets`."""

    octets: OctetArray
    aps: ApsHeaders
    ends: NwkAddresses
    _place: dict[int, int] = field(default_factory=dict)
    _lists: dict[str, list[Any]] = field(default_factory=dict)
    _view: memoryview = field(init=False)
    _joined: dict[int, bytes] = field(default_factory=dict)
    _origins: dict[int, tuple[Origin, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._view = self.octets.data.data
        aps, ends = self.aps, self.ends
        self._place = {row: place for place, row in enumerate(aps.span.rows.tolist())}
        columns = {name: getattr(aps, name) for name in ("control", "fragment", "block", "aps_counter")}
        columns |= {name: getattr(aps, name) for name in ("cluster", "profile", "src_endpoint", "bare")}
        columns |= {name: getattr(ends, name) for name in ("pan", "src", "dst")}
        columns |= {"begin": aps.span.offset, "end": aps.span.end, "grouped": aps.grouped}
        self._lists = {name: column.tolist() for name, column in columns.items()}
        for name, values, has in (
            ("source", ends.src_eui64, ends.has_src),
            ("destination", ends.dst_eui64, ends.has_dst),
            ("dst_endpoint", aps.dst_endpoint, ~aps.grouped),
        ):
            pairs = zip(values.tolist(), has.tolist(), strict=True)
            self._lists[name] = [value if there else None for value, there in pairs]

    def __contains__(self, row: object) -> bool:
        return row in self._place

    def follow(self, frames: Frames, row: int) -> Followed | None:
        """What the frame in `row` says, if it is a fragment or a TransferData; else None, and `read` is for it.

        Neither asks the context for what other layers keep there, nor teaches them anything.
        """
        place, lists = self._place[row], self._lists
        if lists["control"][place] & 3 != DATA:
            return None
        clear = self._clear(place)
        if lists["fragment"][place]:
            joined, piece = self._join(frames, row, place, clear)
            if joined is None:
                return INCOMPLETE if piece is None else INCOMPLETE._replace(piece=piece)
            self._joined[row] = clear = joined
        return self._transfer(frames, row, place, clear)

    def _clear(self, place: int) -> bytes:
        lists = self._lists
        return self._view[lists["begin"][place] : lists["end"][place]].tobytes()

    def _join(self, frames: Frames, row: int, place: int, block: bytes) -> tuple[bytes | None, Piece | None]:
        """The payload that a fragment completes, or what it carries of a message (as
        `dissectors.zigbee.aps.read.read_fragment`)."""
        lists = self._lists
        first, number = lists["fragment"][place] == 1, lists["block"][place]
        names = ("pan", "src", "dst", "src_endpoint", "dst_endpoint", "profile", "cluster", "aps_counter")
        sender = tuple(lists[name][place] for name in names)
        fragments = frames.context.state(Fragments)
        index, total = (0, number) if first else (number, None)
        number = int(frames.number[row])
        whole = fragments.add(sender, index, total, block, number, int(frames.time_ns[row]))
        held = fragments.held(sender)
        if whole is None:
            return None, fragment_piece(held, index, lists["cluster"][place], lists["profile"][place])
        self._origins[row] = held.origins() if held is not None else ()
        return whole, None

    def _transfer(self, frames: Frames, row: int, place: int, octets: bytes) -> Followed | None:
        """A message in a tunnel; None where the payload is anything else."""
        lists = self._lists
        if lists["cluster"][place] != TUNNELING or lists["profile"][place] == ZDP_PROFILE:
            return None
        source, target = lists["source"][place], lists["destination"][place]
        if source is None:
            source = lists["src"][place]
        if target is None or lists["grouped"][place]:
            target = lists["dst"][place]
        rows = "commands" in frames.tables
        number, origins = int(frames.number[row]), self._origins.get(row, ())
        return read_transfer(octets, source, target, number, origins, frames.context, rows)

    def _envelope(self, frames: Frames, row: int, place: int) -> Envelope:
        lists = self._lists
        return Envelope(
            frame=int(frames.number[row]),
            time_ns=int(frames.time_ns[row]),
            pan=lists["pan"][place],
            source=lists["source"][place],
            destination=None if lists["grouped"][place] else lists["destination"][place],
            source_short=lists["src"][place],
            destination_short=lists["dst"][place],
            profile=lists["profile"][place],
            cluster=lists["cluster"][place],
            source_endpoint=lists["src_endpoint"][place],
            destination_endpoint=lists["dst_endpoint"][place],
            origins=self._origins.get(row, ()),
        )

    def read(self, frames: Frames, row: int) -> Dissection:
        """What the one-frame path says of the frame in `row`, from the APS payload on.

        Its columns are those that the layers above fill. `follow` has been asked before, and the context told
        what the frames up to this one taught (`Frames.publish_for_application`).
        """
        place = self._place[row]
        whole = self._joined.pop(row, None)
        clear, buffer = (self._clear(place), BUFFER) if whole is None else (whole, WHOLE)
        said = {"protocol": LAYER, "summary": "APS data" if whole is None else FRAGMENT}
        unwanted = COMMANDS - frames.tables
        out = Dissection(buffers={"frame": b"", buffer: clear}, columns=said, unwanted=unwanted)
        data = self._lists["control"][place] & 3 == DATA
        if data and clear and self._lists["profile"][place] != ZDP_PROFILE:
            from dissectors import zcl

            envelope = self._envelope(frames, row, place)
            zcl.dissect(Cursor(clear, layer="zcl"), buffer, envelope, frames.context, out)
            return out
        self._read_others(frames, row, out, buffer)
        return out

    def _read_others(self, frames: Frames, row: int, out: Dissection, buffer: str) -> None:
        """ZDP, and what follows an acknowledgement: of which most captures have few."""
        from dissectors.zigbee.aps.read import LAYER as APS
        from dissectors.zigbee.aps.read import read_data, read_payload

        place = self._place[row]
        out.columns["nwk_security"] = VERDICTS[int(frames.out.values["nwk_security"][row])]
        reading, header = self._reading(frames, row, place, out), self._header(place)
        cursor = Cursor(out.buffers[buffer], layer=APS)
        if buffer == WHOLE:
            read_data(reading, header, cursor, buffer)
        else:
            read_payload(reading, header, cursor, buffer, None)
        del out.columns["nwk_security"]

    def _reading(self, frames: Frames, row: int, place: int, out: Dissection) -> Reading:
        from dissectors.layout.reading import Reading

        lists = self._lists
        return Reading(
            RawFrame(b"", number=int(frames.number[row]), time_ns=int(frames.time_ns[row])),
            frames.context,
            out,
            pan=lists["pan"][place],
            source=lists["source"][place],
            destination=lists["destination"][place],
            nwk_src=lists["src"][place],
            nwk_dst=lists["dst"][place],
            rows_only=True,
            origins=self._origins.get(row, ()),
        )

    def _header(self, place: int) -> ApsFacts:
        lists = self._lists
        fields = {"counter": lists["aps_counter"][place]}
        if not lists["bare"][place]:
            names = ("cluster", "profile", "src_endpoint", "dst_endpoint")
            fields |= {name: lists[name][place] for name in names if lists[name][place] is not None}
        if lists["fragment"][place]:
            fields["block"] = lists["block"][place]
        return ApsFacts(lists["control"][place], lists["fragment"][place], fields)
