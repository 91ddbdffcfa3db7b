"""DLMS in packets that are no radio frames: meters on TCP, UDP and serial lines."""

from __future__ import annotations

import sys
from typing import Any

from analysis.pipeline.carried import CarriedMessages, Cells
from analysis.pipeline.kept import KeptMessage
from analysis.pipeline.payloads import carry, queue_message
from analysis.pipeline.session import Session
from dissectors import Message

__all__ = ["finish_dlms_streams", "read_packet"]

FORGOTTEN = "conversations between stations (DLMS) were forgotten: they were too many, or waited for too much"


def read_packet(session: Session, record: bytes, columns: dict[str, Any]) -> None:
    """Feed one record to the conversations of the capture; messages that it completes are queued."""
    from dissectors.dlms import Conversations

    conversations = session.context.state(Conversations)
    conversations.keys = session.context.keyring.dlms
    time_ns = columns["time"]
    found = conversations.feed_packet(record, columns["link_type"], time_ns or 0, columns["frame"])
    if conversations.forgotten:
        session.forgotten[FORGOTTEN] += conversations.forgotten
        conversations.forgotten = 0
    if not found:
        return
    summaries = [str(message.columns["name"]) for _, message in found]
    columns.update(protocol="DLMS", summary=", ".join(summaries[:8]))
    for frames, message in found:
        if message.columns.get("issue") and "issue" not in columns:
            columns["issue"] = message.columns["issue"]
        _queue(session, message, frames, time_ns, columns["frame"])
    if session.wants("packets"):
        carried = session.context.state(CarriedMessages)
        known = carried.cells.get(columns["frame"])
        if known is not None:
            carried.cells[columns["frame"]] = Cells(known.message)


def finish_dlms_streams(session: Session) -> None:
    """At the end of the capture: queue what was held behind gaps in its streams."""
    if "dissectors.dlms.conversation" not in sys.modules:
        return  # no packet was fed, and DLMS takes a tenth of a second to import
    from dissectors.dlms import Conversations

    found = session.context.state(Conversations).finish()
    for frames, message in found:
        _queue(session, message, frames, None, session.frames)


def _queue(
    session: Session, message: Message, frames: tuple[int, ...], time_ns: int | None, now: int
) -> None:
    """Queue a message, and tell the frames that carried a part of it; a frame with several has the first of them."""
    if not session.wants("packets", "messages", "items"):
        session.kept.note(KeptMessage(None, frames, time_ns, message))
        return
    queue_message(session, message, frames, time_ns)
    frames = tuple(dict.fromkeys(frames))
    known = session.context.state(CarriedMessages).cells
    places = {frame: place for place, frame in enumerate(frames, 1) if frame not in known}
    if places:
        carry(session, message, (tuple(places), tuple(places.values())), now)
