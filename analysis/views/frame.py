"""Frames of a capture as trees with their octets, as text and as JSON."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

from analysis.pipeline.blocks import decode_block
from analysis.pipeline.dlms_streams import MessagesOfFrames, finish_dlms_streams, read_packet
from analysis.pipeline.rows import LINK_TYPES, capture_columns
from analysis.pipeline.runner import run_passes
from analysis.pipeline.session import SECURITY, Hindsight, Session
from analysis.pipeline.source import ReopenableSource, Source
from analysis.tables.addresses import row_with_addresses
from analysis.tables.python_values import iso_time
from analysis.views.tree import hex_pane, issue_lines, secret_spans, tree_lines
from captures import CaptureFacts, FrameBlock, Kind
from captures.block import cut
from dissectors import Dissection, Field, HanContext, Keyring, Message

__all__ = ["Shown", "shown_frames", "shown_row", "text_lines", "to_json"]


@dataclass(slots=True)
class Shown:
    """One frame, ready to be shown."""

    capture: str
    columns: dict[str, Any]
    dissection: Dissection
    record: list[Field]
    record_octets: bytes
    comment: str | None
    messages: list[tuple[tuple[int, ...], Message]] = field(default_factory=list)
    """Messages outside radio frames that it carried a part of, each with the numbers of its frames."""


def shown_frames(
    source: Source | ReopenableSource, keyring: Keyring, numbers: Sequence[int]
) -> tuple[list[Shown], CaptureFacts]:
    """The frames `numbers` as far as the capture has them, dissected with all that the capture teaches.
    A `ReopenableSource` stays open.

    Raises:
        CaptureError: the capture cannot be read at all.
    """
    with nullcontext(source) if isinstance(source, ReopenableSource) else ReopenableSource(source) as replay:
        found, facts = _pass(replay, keyring, numbers, None)
        if any(one.columns.get(layer) == "no_key" for one in found for layer in SECURITY):
            session = run_passes(replay, keyring).session
            found, facts = _pass(replay, keyring, numbers, session.hindsight() or session.learnt())
        return found, facts


def _pass(
    replay: ReopenableSource, keyring: Keyring, numbers: Sequence[int], hindsight: Hindsight | None
) -> tuple[list[Shown], CaptureFacts]:
    session = Session(keyring, capture=replay.name, tables=("packets",), hindsight=hindsight)
    wanted = set(numbers)
    told = session.context.state(MessagesOfFrames)
    told.wanted = wanted
    found: list[Shown] = []
    with replay.open_merged() as capture:
        for block in capture:
            session.learn_secrets(capture.secrets)
            found.extend(_in_block(block, session, wanted))
            if len(found) == len(wanted) and not _waiting(session, wanted):
                break
        else:
            finish_dlms_streams(session)
        facts = replace(capture.facts, name=replay.name)
    for one in found:
        _put_messages(one, told.of(int(one.columns["frame"])))
    return found, facts


def _waiting(session: Session, wanted: set[int]) -> bool:
    """Whether one of the frames carried a part of a message that is not whole yet."""
    if "dissectors.dlms.conversation" not in sys.modules:
        return False
    from dissectors.dlms import Conversations

    return not wanted.isdisjoint(session.context.state(Conversations).waiting())


def _put_messages(one: Shown, messages: list[tuple[tuple[int, ...], Message]]) -> None:
    """The messages of a frame; where it completed none, its summary says of which it carried a part."""
    one.messages = messages
    if messages and one.columns.get("protocol") != "DLMS":
        parts = (
            f"a part of {message.columns['name']} (frames {_listed(frames)})" for frames, message in messages
        )
        one.columns.update(protocol="DLMS", summary=", ".join(parts))


def _listed(frames: Sequence[int]) -> str:
    more = f" and {len(frames) - 8} more" if len(frames) > 8 else ""
    return ", ".join(map(str, frames[:8])) + more


def _in_block(block: FrameBlock, session: Session, wanted: set[int]) -> Iterator[Shown]:
    begin = 0
    for row in [r for r in range(len(block)) if int(block.number[r]) in wanted]:
        if begin < row:
            _read_over(cut(block, begin, row), session)
        yield shown_row(block, row, session)
        begin = row + 1
    if begin < len(block):
        _read_over(cut(block, begin, len(block)), session)


def _read_over(block: FrameBlock, session: Session) -> None:
    """Decode what is not shown, for what it teaches."""
    decode_block(block, session)


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


def to_json(one: Shown, *, reveal: bool = False) -> dict[str, Any]:
    """The frame as the JSON that `show --json` prints; keys are left out unless `reveal` is set."""
    found = one.dissection
    columns = row_with_addresses("packets", one.columns)
    if columns.get("time") is not None:
        columns["time"] = iso_time(columns["time"])
    spans = {} if reveal else secret_spans(found.fields)
    return {
        "schema": 1,
        "source": one.capture,
        "kind": "frame",
        "comment": one.comment,
        "columns": columns,
        "record": [field.to_json() for field in one.record],
        "fields": [field.to_json(reveal=reveal) for field in found.fields],
        "buffers": {name: _hidden_hex(octets, spans.get(name, [])) for name, octets in found.buffers.items()},
        "issues": [issue.to_json() for issue in found.issues],
        "messages": [_message_json(one, *found, reveal=reveal) for found in one.messages],
        "error": None,
    }


def _message_json(one: Shown, frames: tuple[int, ...], message: Message, *, reveal: bool) -> dict[str, Any]:
    from analysis.views.messages import Source, to_json

    return {**to_json(Source(one.capture, message.octets), message, reveal=reveal), "frames": list(frames)}


def _hidden_hex(octets: bytes, spans: Sequence[tuple[int, int]]) -> str:
    text = octets.hex()
    for begin, end in spans:
        text = text[: 2 * begin] + "*" * (2 * (end - begin)) + text[2 * end :]
    return text


def text_lines(one: Shown, reveal: bool) -> Iterator[str]:
    """The frame as the lines that `hanscope show` prints; keys are hidden unless `reveal`."""
    columns, found = one.columns, one.dissection
    yield _title(one)
    yield f"{columns.get('protocol') or 'unknown'}: {columns.get('summary') or 'nothing readable'}"
    if one.comment:
        yield f"comment: {one.comment}"
    if one.record:
        yield "capture record"
        yield from tree_lines(one.record, {"record": one.record_octets}, reveal=reveal)
    yield "frame"
    yield from tree_lines(found.fields, found.buffers, reveal=reveal)
    spans = {} if reveal else secret_spans(found.fields)
    for index, (name, octets) in enumerate(found.buffers.items()):
        label = name if index == 0 else f"{name} (offsets d{name.removeprefix('decrypted-')})"
        yield f"{label}: {len(octets)} octets"
        for line in hex_pane(octets, spans.get(name, [])):
            yield "    " + line
    yield from issue_lines(found.issues)
    for layer in SECURITY:
        reason = columns.get(layer.replace("_security", "_reason"))
        if reason:
            yield f"{layer.removesuffix('_security').upper()} {columns[layer]}: {reason}"
    for frames, message in one.messages:
        yield from _message_lines(frames, message, reveal)
    if columns.get("issue") and not found.issues and not one.messages:
        yield f"warning: {columns['issue']}"


def _message_lines(frames: tuple[int, ...], message: Message, reveal: bool) -> Iterator[str]:
    """A message as the verb `message` shows it, with the frames that carried it."""
    from analysis.views.messages import Source, tree_text

    name = f"message of frame{'s' if len(frames) > 1 else ''} {_listed(frames)}"
    yield from tree_text(Source(name, message.octets), message, reveal).splitlines()


def _title(one: Shown) -> str:
    columns = one.columns
    parts = [f"frame {columns['frame']} of {one.capture}"]
    if columns.get("time") is not None:
        parts.append(iso_time(columns["time"]))
    parts.append(f"{columns['length']} octets")
    for name, text in (("channel", "channel {}"), ("rssi", "{} dBm"), ("lqi", "LQI {}")):
        if columns.get(name) is not None:
            parts.append(text.format(columns[name]))
    return ", ".join(parts)
