"""DLMS in packets that are no radio frames: meters on TCP, UDP and serial lines."""

from __future__ import annotations

import sys
from typing import Any

from analysis.payloads import queue_message
from analysis.session import Session

__all__ = ["finish_conversations", "read_packet"]


def read_packet(session: Session, record: bytes, columns: dict[str, Any]) -> None:
    """Feed one record to the conversations of the capture; messages that it completes are queued."""
    from dissectors.dlms.conversation import Conversations

    conversations = session.context.state(Conversations)
    conversations.keys = session.context.keyring.dlms
    time_ns = columns["time"]
    found = conversations.feed_packet(record, columns["link_type"], time_ns or 0, columns["frame"])
    if not found:
        return
    summaries = [str(message.columns["name"]) for _, message in found]
    columns.update(protocol="DLMS", summary=", ".join(summaries[:8]))
    for frames, message in found:
        if message.columns.get("issue") and "issue" not in columns:
            columns["issue"] = message.columns["issue"]
        if session.wants("messages", "items"):
            queue_message(session, message, frames, time_ns)


def finish_conversations(session: Session) -> None:
    """At the end of the capture: queue what was held behind gaps in its streams."""
    if "dissectors.dlms.conversation" not in sys.modules:
        return  # no packet was fed, and DLMS takes a tenth of a second to import
    from dissectors.dlms.conversation import Conversations

    for frames, message in session.context.state(Conversations).finish():
        if session.wants("messages", "items"):
            queue_message(session, message, frames, None)
