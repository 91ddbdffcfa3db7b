"""GBCS and DLMS messages that a capture carried: rows of the `messages` and `items` tables."""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

from analysis.pipeline.block_streams import Streams
from analysis.pipeline.carried import CarriedMessages
from analysis.pipeline.certificates import moment, note_certificates
from analysis.pipeline.event_rows import event_rows
from analysis.pipeline.kept import KeptMessage
from analysis.pipeline.session import Session
from analysis.tables.schema import columns_of
from dissectors import Issue, Message
from dissectors.model import Origin, hidden_value, json_value

__all__ = [
    "Carriers",
    "Exchanges",
    "Signatures",
    "carry",
    "count_payload",
    "item_rows",
    "message_row",
    "note_twin",
    "queue_message",
    "read_payload",
]

Carriers = tuple[tuple[int, ...], tuple[int, ...]]
"""Frames that carried a message, and which piece each of them did, counted from 1."""
OPEN_COMMANDS = 4096
"""Commands that wait for their response; the oldest is forgotten first."""


@dataclass(slots=True, eq=False, repr=False)
class Exchanges:
    """Commands by (originator, recipient, counter), so that responses and alerts find theirs."""

    commands: OrderedDict[tuple[str, str, int], tuple[int, int | None, Message]] = field(
        default_factory=OrderedDict
    )

    def note(self, message: Message, number: int, time_ns: int | None) -> None:
        """Remember a command."""
        self.commands[_parties(message)] = (number, time_ns, message)
        while len(self.commands) > OPEN_COMMANDS:
            self.commands.popitem(last=False)

    def answered_by(self, message: Message) -> tuple[int, int | None, Message] | None:
        """The command that a response answers: parties swapped, same originator counter (GBCS 4.3.2.7)."""
        originator, recipient, counter = _parties(message)
        return self.commands.get((recipient, originator, counter))


def _parties(message: Message) -> tuple[str, str, int]:
    facts = message.facts  # its columns would ask for its items and fields
    return (
        str(facts.get("originator")),
        str(facts.get("recipient")),
        int(facts.get("originator_counter") or 0),
    )


def read_payload(
    session: Session,
    kind: str,
    octets: bytes,
    frames: tuple[int, ...],
    time_ns: int | None,
    places: tuple[int, ...] = (),
    frame: int = 0,
    origins: tuple[Origin, ...] = (),
) -> Message:
    """Dissect one message that `frames` carried and queue its rows in the session.

    With the last GBT block that was missing, the whole message becomes a row of its own behind that of the block.

    Args:
        places: which piece each of the frames carried, counted from 1; one after the other by default.
        frame: the one that is being read; the last of `frames` by default.
        origins: which of its octets each of them carried, where that is known.
    """
    carriers = frames, places or tuple(range(1, len(frames) + 1))
    frame = frame or max(frames, default=0)
    message = _dissect(session, kind, octets, time_ns)
    message.origins = origins
    streams = session.context.state(Streams)
    whole = streams.take(message, frames)
    queue_message(session, message, frames, time_ns)
    carry(session, message, carriers, frame, "rest" if kind == "unknown" else "fragment")
    if whole is not None:
        blocks = whole.carriers
        again = _dissect(session, "gbcs", whole.octets, time_ns)
        again.origins = whole.origins
        if again.facts.get("gbt_block") is not None:
            text = (
                "a block of a message that was itself put together from blocks: it is not put together again"
            )
            again.issues.append(Issue("warning", "gbcs.gbt", 0, text))
        queue_message(session, again, tuple(blocks), time_ns)
        carry(session, again, (tuple(blocks), tuple(blocks.values())), frame, "block")
    streams.tell(session)
    return message


def count_payload(session: Session, frames: tuple[int, ...], frame: int) -> None:
    """Number what no dissector reads, where nobody looks at messages: as `read_payload` does, without a `Message`."""
    session.message_count += 1
    if session.tells_carriers:
        session.context.state(CarriedMessages).note_rest(session.message_count, frames, frame)


def carry(session: Session, message: Message, carriers: Carriers, frame: int, word: str = "fragment") -> None:
    """Tell the rows of the frames that carried the message which was queued last.

    Args:
        carriers: these frames, and which piece each of them carried, counted from 1.
        frame: the one that is being read.
        word: what a piece is called; ``rest`` where it will not be complete.
    """
    if not session.tells_carriers:
        return
    carried, number = session.context.state(CarriedMessages), session.message_count
    if word == "rest":
        carried.note_rest(number, carriers[0], frame)
    else:
        carried.note_message(message, number, carriers, frame, session.context.keyring, word)


def queue_message(
    session: Session, message: Message, frames: tuple[int, ...], time_ns: int | None
) -> Message:
    """Queue the rows of a message that is read already."""
    session.message_count += 1
    number = session.message_count
    twin = session.context.state(Signatures).twin_of(message, number)
    if twin is not None:
        note_twin(message, f"message {twin}")
    session.kept.note(KeptMessage(number, frames, time_ns, message))
    answered = _pair(session.context.state(Exchanges), message, number, time_ns)
    if session.wants("messages", "items", "events"):
        row = message_row(message, number)
        row.update(signature_twin=twin, source=session.capture, frames=list(frames), time=time_ns)
        session.messages.append(row | answered)
        items = item_rows(message, number)
        session.items.extend(items)
        session.events.extend(event_rows(row, items))
    note_certificates(session, message, number, frames, time_ns)
    return message


def _dissect(session: Session, kind: str, octets: bytes, time_ns: int | None) -> Message:
    keyring = session.context.keyring
    if kind == "dlms":
        from dissectors import dlms

        found: Message = dlms.dissect_message(octets, keys=keyring.dlms)
        return found
    if kind == "gbcs":
        from dissectors import gbcs

        at = moment(time_ns)
        first = gbcs.dissect_message(octets, keyring.gbcs, at=at)
        command = session.context.state(Exchanges).answered_by(first)
        if command is None:
            return first
        again: Message = gbcs.as_answer(first, command[2], keyring.gbcs, at=at)
        return again
    return Message(
        "dlms", octets, columns={"name": "unknown", "summary": f"{len(octets)} octets of unknown kind"}
    )


def _pair(exchanges: Exchanges, message: Message, number: int, time_ns: int | None) -> dict[str, Any]:
    """Remember a command; the cells of the row of a response that say what it answers."""
    if message.facts.get("cra") == "command":
        exchanges.note(message, number, time_ns)
        return {}
    command = exchanges.answered_by(message) if message.kind == "gbcs" else None
    if command is None:
        return {}
    if time_ns is None or command[1] is None:
        return {"answers": command[0]}
    return {"answers": command[0], "answer_seconds": (time_ns - command[1]) / 1e9}


@dataclass(slots=True)
class Signatures:
    """Signatures seen, by what an altered twin of the message would have in common with it."""

    held: OrderedDict[bytes, tuple[bytes, Any]] = field(default_factory=OrderedDict)

    def twin_of(self, message: Message, name: Any) -> Any:
        """Name of an earlier message that is equal but for s and n - s of its signature; else None."""
        if message.kind != "gbcs":
            return None
        from dissectors.gbcs import GbcsMessage, signature_twins

        marks = signature_twins(message.layout) if isinstance(message, GbcsMessage) else None
        if marks is None:
            return None
        s, first = self.held.setdefault(marks[0], (marks[1], name))
        while len(self.held) > OPEN_COMMANDS:
            self.held.popitem(last=False)
        return None if s == marks[1] else first


def note_twin(message: Message, twin: str) -> None:
    """Say on `message` that its signature was altered, or that of the message called `twin`."""
    at = getattr(getattr(message, "layout", None), "signature", None) or 0
    text = f"the signature is that of {twin} with n - s in place of s: both verify, one of them was altered"
    message.issues.append(Issue("note", "gbcs", at, text))


def message_row(message: Message, number: int) -> dict[str, Any]:
    """The row of the `messages` table, without where and when it was met."""
    row = {name: message.columns[name] for name in columns_of("messages") if name in message.columns}
    row.update(message=number, kind=message.kind, length=len(message.octets), digest=crc32(message.octets))
    if "issue" not in row:
        troubles = [one for one in message.issues if one.severity != "note"] or message.issues
        if message.error is not None:
            row["issue"] = str(message.error)
        elif troubles:
            row["issue"] = f"{troubles[0].layer}: offset {troubles[0].offset}: {troubles[0].text}"
    return row


def item_rows(message: Message, number: int) -> list[dict[str, Any]]:
    """Rows of the `items` table; values as text, and as a number where they are one."""
    names = columns_of("items")
    rows = []
    for index, item in enumerate(message.items):
        row = {name: item[name] for name in names if name in item}
        value = hidden_value(item, "a key")
        if value is not item.get("value"):
            row.pop("number", None)
        if isinstance(value, int | float) and not isinstance(value, bool):
            row.setdefault("number", float(value))
        row.update(message=number, item=index, value=_text(value))
        rows.append(row)
    return rows


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes | bytearray):
        return bytes(value).hex()
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple | dict):
        return json.dumps(json_value(value))
    return str(value)
