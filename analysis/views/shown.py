"""Frames of a capture, each dissected with all that the capture teaches, and the messages that they carried.

Strategy: a frame needs what the frames before it taught, so a capture is decoded up to the frame. Only when the frame
carries a part of a message it is decoded once more with its messages, up to where these are whole.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

from analysis.pipeline.blocks import decode_block
from analysis.pipeline.carried import CarriedMessages, Cells
from analysis.pipeline.dlms_streams import finish_dlms_streams, read_packet
from analysis.pipeline.holding import unfinished
from analysis.pipeline.kept import KeptMessage, KeptMessages
from analysis.pipeline.passes import DecodePass
from analysis.pipeline.rows import LINK_TYPES, capture_columns, read_payloads
from analysis.pipeline.runner import run_passes
from analysis.pipeline.session import SECURITY, Hindsight, Session
from analysis.pipeline.source import ReopenableSource, Source
from captures import CaptureFacts, FrameBlock, Kind
from captures.block import cut
from dissectors import Dissection, Field, HanContext, Keyring

__all__ = ["Shown", "carries_message", "listed", "shown_frames", "shown_row"]

TUNNELING = 0x0704
"""Identifier of the cluster whose frames carry messages (ZSE annex D.6)."""


@dataclass(slots=True)
class Shown:
    """One frame, ready to be shown.

    Attributes:
        record, record_octets: what the capture put around it.
        messages: those that it carried a part of.
    """

    capture: str
    columns: dict[str, Any]
    dissection: Dissection
    record: list[Field]
    record_octets: bytes
    comment: str | None
    messages: list[KeptMessage] = field(default_factory=list)

    @property
    def number(self) -> int:
        """Its 1-based number in the capture."""
        return int(self.columns["frame"])


def shown_frames(
    source: Source | ReopenableSource,
    keyring: Keyring,
    numbers: Sequence[int],
    after: DecodePass | None = None,
) -> tuple[list[Shown], CaptureFacts]:
    """The frames `numbers` as far as the capture has them, dissected with all that the capture teaches.
    A `ReopenableSource` stays open.

    Args:
        after: the pass over this capture that counted: what it was given is known, and the capture read but once.

    Raises:
        CaptureError: the capture cannot be read at all.
    """
    with nullcontext(source) if isinstance(source, ReopenableSource) else ReopenableSource(source) as replay:
        reader = _Reader(replay, keyring, frozenset(numbers))
        if after is not None:
            reader.hindsight = after.hindsight
            return reader.read_messages(whole=True), reader.facts
        found = reader.read()
        if any(one.columns.get(layer) == "no_key" for one in found for layer in SECURITY):
            reader.learn()
            found = reader.read()
        if any(map(carries_message, found)):
            found = reader.read_messages()
        return found, reader.facts


def carries_message(one: Shown) -> bool:
    """Whether the frame carries a message or a part of one, as far as its headers tell."""
    return bool(one.messages) or (
        one.columns.get("aps_cluster") == TUNNELING and one.dissection.carried is not None
    )


class _Reader:
    """Reads some frames of a capture, from its start to the last of them."""

    def __init__(self, replay: ReopenableSource, keyring: Keyring, wanted: frozenset[int]) -> None:
        self.replay, self.keyring, self.wanted = replay, keyring, wanted
        self.hindsight: Hindsight | None = None
        self.session = Session(keyring)
        self.facts = CaptureFacts()

    def learn(self) -> None:
        """Know from now on what the whole capture teaches."""
        session = run_passes(self.replay, self.keyring).session
        self.hindsight = session.hindsight() or session.learnt()

    def read_messages(self, whole: bool = False) -> list[Shown]:
        """The frames with their messages, numbered as in the table of all messages. `whole`: the whole capture was asked.

        What stays shut might be opened by what is learnt later and be a message, too: so the numbers are sure when
        nothing stayed shut, or when the whole capture was asked.
        """
        whole = whole or self.hindsight is not None
        found = self.read("packets", "messages", "items")
        if not whole and self.session.shut:
            self.hindsight = self.session.hindsight()
            if self.hindsight is not None:
                found = self.read("packets", "messages", "items")
        if not whole and self.session.shut:
            self.learn()
            found = self.read("packets", "messages", "items")
        repeated = {one.columns["message"] for one in found if "message" in one.columns and not one.messages}
        if repeated:  # a frame that repeats another was no part of the message, but says the same
            found = self.read("packets", "messages", "items", messages=repeated)
        return found

    def read(self, *tables: str, messages: Collection[int] = ()) -> list[Shown]:
        """The frames, with their messages where that table is among `tables`; `messages`: numbers of others to keep."""
        replay, wanted = self.replay, self.wanted
        self.session = session = Session(
            self.keyring, capture=replay.name, tables=tables, hindsight=self.hindsight
        )
        session.kept = KeptMessages(set(messages), set(wanted))
        found: list[Shown] = []
        with replay.open_merged() as capture:
            for block in capture:
                session.learn_secrets(capture.secrets)
                found.extend(_in_block(block, session, wanted))
                if len(found) == len(wanted) and wanted.isdisjoint(_waiting(session)):
                    break
            else:
                finish_dlms_streams(session)
            self.facts = replace(capture.facts, name=replay.name)
        for one in found:
            _put_messages(one, session)
        return found


def _waiting(session: Session) -> set[int]:
    """Frames that carried a part of a message which is not whole yet; without messages, packets only."""
    if session.wants("messages"):
        return set(unfinished(session))
    if "dissectors.dlms.conversation" not in sys.modules:
        return set()
    from dissectors.dlms import Conversations

    return session.context.state(Conversations).waiting()


def _put_messages(one: Shown, session: Session) -> None:
    """The messages of a frame, and what its row in the table of packets says of them."""
    number = one.number
    cells = session.context.state(CarriedMessages).taken(number, number, session.context.keyring)
    said = cells.get(number, Cells())._asdict()
    one.columns.update({name: value for name, value in said.items() if value is not None})
    one.messages = session.kept.of(number, one.columns.get("message"))


def listed(frames: Sequence[int]) -> str:
    """The first of some numbers, and how many there are besides."""
    more = f" and {len(frames) - 8} more" if len(frames) > 8 else ""
    return ", ".join(map(str, frames[:8])) + more


def _in_block(block: FrameBlock, session: Session, wanted: frozenset[int]) -> Iterator[Shown]:
    begin = 0
    for row in [r for r in range(len(block)) if int(block.number[r]) in wanted]:
        if begin < row:
            decode_block(cut(block, begin, row), session)  # what is not shown, for what it teaches
        one = shown_row(block, row, session)
        if session.wants("messages"):
            _take_messages(one, session)
        yield one
        begin = row + 1
    if begin < len(block):
        decode_block(cut(block, begin, len(block)), session)


def _take_messages(one: Shown, session: Session) -> None:
    found = one.dissection
    if found.payload:
        read_payloads(session, found.messages, one.number, one.columns["time"])
    if found.piece is not None:
        session.context.state(CarriedMessages).note_piece(found.piece, one.number)


def shown_row(block: FrameBlock, row: int, session: Session) -> Shown:
    """One row of a block, dissected with what `session` knows."""
    columns = capture_columns(block, row, session.capture)
    from dissectors import dissect_frame

    number = int(block.number[row])
    if block.kind[row] == Kind.RADIO:
        dissection = dissect_frame(block.raw(row), session.context)
    elif block.kind[row] == Kind.DOUBLE:  # its other record counts, so it is read without a memory
        known = HanContext(session.context.keyring, session.context.addresses)
        dissection = dissect_frame(block.raw(row), known)
    else:
        octets = block.octets(row)
        whole = Field("octets", octets, "no radio frame", 0, len(octets))
        dissection = Dissection([whole], {"frame": octets})
        name = LINK_TYPES.get(columns["link_type"], f"link type {columns['link_type']}")
        columns.update(protocol=name, summary=f"{name} packet without a radio frame")
        dissection.carried = "frame", int(block.record_offset[row]) - int(block.offset[row])
        read_packet(session, block.record(row), columns)
    columns.update(dissection.columns)
    return Shown(
        session.capture,
        columns,
        dissection,
        _encapsulation(block, row),
        block.record(row),
        block.comments.get(number),
    )


def _encapsulation(block: FrameBlock, row: int) -> list[Field]:
    from captures import encapsulation_fields

    frame = None
    if block.kind[row] in (Kind.RADIO, Kind.DOUBLE):
        start = int(block.offset[row] - block.record_offset[row])
        frame = start, start + int(block.length[row])
    found: list[Field] = encapsulation_fields(block.record(row), int(block.link_type[row]), frame)
    return found
