"""The one-frame path: any rows of a block to rows of the tables. The column path hands it what is rare."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from analysis.pipeline.carried import CarriedMessages
from analysis.pipeline.dlms_streams import read_packet
from analysis.pipeline.payloads import count_payload, read_payload
from analysis.pipeline.session import SECURITY, Session
from captures.block import NO_TIME, FcsState, FrameBlock, Kind
from dissectors import Dissection
from dissectors.model import Carried, Followed, Piece

__all__ = ["Rows", "capture_columns", "dissect_rows", "read_payloads"]

COMMANDS = frozenset({"commands"})
LINK_TYPES = {
    1: "Ethernet",
    101: "IP",
    113: "Linux cooked",
    228: "IPv4",
    229: "IPv6",
    276: "Linux cooked v2",
}


@dataclass(slots=True, eq=False, repr=False)
class Rows:
    """Rows of the tables that frames give, as dictionaries from column name to value."""

    packets: list[dict[str, Any]] = field(default_factory=list)
    attributes: list[Mapping[str, Any]] = field(default_factory=list)
    commands: list[Mapping[str, Any]] = field(default_factory=list)

    def of(self, table: str) -> list[Any]:
        """The rows of `table`."""
        rows: list[Any] = getattr(self, table)
        return rows

    def take(self, session: Session, found: Dissection, frame: int, time_ns: int | None) -> None:
        """The attributes, commands and payloads of a frame that was dissected."""
        stamp = {"frame": frame, "time": time_ns}
        if found.attributes:
            self.attributes.extend({**stamp, **one} for one in found.attributes)
        if found.commands:
            self.commands.extend({**stamp, **one} for one in found.commands)
        take_messages(session, found.messages, found.piece, frame, time_ns)

    def take_followed(self, session: Session, found: Followed, frame: int, time_ns: int | None) -> None:
        """The commands and payloads of a frame that was followed."""
        if found.commands:
            stamp = {"frame": frame, "time": time_ns}
            self.commands.extend({**stamp, **one} for one in found.commands)
        take_messages(session, found.carried, found.piece, frame, time_ns)


def take_messages(
    session: Session, carried: Sequence[Carried], piece: Piece | None, frame: int, time_ns: int | None
) -> None:
    """What a frame carried of messages."""
    if carried and session.reads_messages:
        read_payloads(session, carried, frame, time_ns)
    if piece is not None and session.tells_carriers:
        session.context.state(CarriedMessages).note_piece(piece, frame)


def capture_columns(block: FrameBlock, row: int, capture: str) -> dict[str, Any]:
    """What the capture itself says of a record: the columns from `frame` to `fcs_ok`."""
    number = int(block.number[row])
    radio = block.kind[row] in (Kind.RADIO, Kind.DOUBLE)
    time_ns = int(block.time_ns[row])
    out: dict[str, Any] = {
        "frame": number,
        "time": None if time_ns == NO_TIME else time_ns,
        "capture": capture,
        "length": int(block.length[row]) if radio else int(block.record_length[row]),
        "link_type": int(block.link_type[row]),
        "interface": int(block.interface[row]),
    }
    if block.kind[row] == Kind.DOUBLE and block.double_of is not None:
        out["double_of"] = int(block.double_of[row])
    if block.channel[row] != 255:
        out["channel"] = int(block.channel[row])
    if block.page[row] != 255:
        out["page"] = int(block.page[row])
    if block.rssi[row] != -128:
        out["rssi"] = int(block.rssi[row])
    if block.has_lqi[row]:
        out["lqi"] = int(block.lqi[row])
    if block.fcs[row] != FcsState.UNKNOWN:
        out["fcs_ok"] = bool(block.fcs[row] == FcsState.GOOD)
    if number in block.issues:
        out["issue"] = block.issues[number]
    return out


def dissect_rows(block: FrameBlock, session: Session, rows: Iterable[int] | None = None) -> Rows:
    """Dissect `rows` of `block` (all by default), in order; the session learns from each."""
    out = Rows()
    for row in range(len(block)) if rows is None else rows:
        columns = capture_columns(block, row, session.capture)
        out.packets.append(columns)
        if block.kind[row] == Kind.RADIO:
            _radio(block, row, session, columns, out)
        else:
            _other(block, row, session, columns)
    return out


def _radio(block: FrameBlock, row: int, session: Session, columns: dict[str, Any], out: Rows) -> None:
    from dissectors import dissect_frame

    raw = block.raw(row)
    found = dissect_frame(raw, session.context, rows_only=True, unwanted=COMMANDS - session.tables)
    troubled = columns.get("issue")
    columns.update(found.columns)
    if troubled is not None or ("issue" not in columns and found.issues):
        columns["issue"] = troubled or f"{found.issues[0].layer}: {found.issues[0].text}"
    if any(columns.get(layer) == "no_key" for layer in SECURITY):
        session.shut.note(columns, raw.number)
    out.take(session, found, raw.number, columns["time"])


def read_payloads(session: Session, carried: Sequence[Carried], frame: int, time_ns: int | None) -> None:
    """Read the messages that a frame made whole; their rows are queued."""
    shown = session.shows_messages()
    for kind, octets, origins in carried:
        frames = tuple([one.frame for one in origins]) if origins else (frame,)
        if kind == "unknown" and not shown:
            count_payload(session, frames, frame)
            continue
        places = tuple([one.place for one in origins])
        read_payload(session, kind, octets, frames, time_ns, places, frame, origins)


def _other(block: FrameBlock, row: int, session: Session, columns: dict[str, Any]) -> None:
    if block.kind[row] == Kind.DOUBLE:
        columns.update(protocol="double", summary=f"the transmission of frame {columns['double_of']} again")
        return
    name = LINK_TYPES.get(columns["link_type"], f"link type {columns['link_type']}")
    if block.kind[row] == Kind.NOTHING:
        columns.update(protocol="none", summary=f"no radio frame in this {name} record")
        return
    columns.update(protocol=name, summary=f"{name} packet without a radio frame")
    read_packet(session, block.record(row), columns)
