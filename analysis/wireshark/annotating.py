"""A copy of a capture in which the comment of each frame says what hanscope knows of it.

Strategy: the capture is decoded and checked once; frames that carry messages are dissected once more for their trees, as
many at a time as memory allows. A comment begins with what a person reads; what the script in Wireshark reads stands
behind a mark.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

from analysis.engine.checking import RuleSink
from analysis.findings.model import Finding
from analysis.pipeline.decode import TableSink
from analysis.pipeline.runner import run_passes
from analysis.pipeline.source import ReopenableSource
from analysis.rules.profile import Profile
from analysis.tables.addresses import with_addresses
from analysis.views.octets import OctetMap, frame_octets
from analysis.views.shown import Shown, shown_frames
from analysis.views.tree import field_text, hidden_hex
from analysis.wireshark.script import FIELDS, MARK
from captures import CapturedFrame, CaptureFacts, captured_frames, write_capture
from dissectors import Field, Key, Keyring
from dissectors.text import printable

__all__ = ["Annotated", "annotate"]

LONGEST = 65_000
"""Octets of a comment: an option of pcapng has 65,535."""
SHOWN = 5
"""Findings that are named in what a person reads of a frame."""
AT_A_TIME = 2000
"""Frames whose trees are held at a time."""
LENGTHS = {one.name: one.kind for one in FIELDS}


@dataclass(slots=True)
class Annotated:
    """What came of a copy.

    Attributes:
        facts: about the capture that was read.
        frames: records written.
        findings: of the whole capture.
        keys: those that opened something, for whoever wants to hand them to Wireshark.
    """

    facts: CaptureFacts
    frames: int = 0
    findings: list[Finding] = field(default_factory=list)
    keys: list[Key] = field(default_factory=list)


def annotate(
    source: str | ReopenableSource,
    keyring: Keyring,
    out: str | Path | IO[bytes],
    *,
    profile: Profile | str | None = None,
    reveal: bool = False,
) -> Annotated:
    """Write a copy of a capture with comments for people and for ``hanscope.lua``.

    Args:
        source: the capture.
        keyring: keys to try.
        out: where the pcapng goes.
        profile: of the rules.
        reveal: write keys into decryption secrets blocks, and do not hide keys in trees.

    Raises:
        CaptureError: the capture cannot be read at all, or the copy cannot be written.
    """
    replay = source if isinstance(source, ReopenableSource) else ReopenableSource(source)
    tables, rules = TableSink(("packets", "messages", "items", "exchanges")), RuleSink(profile)
    last = run_passes(replay, keyring, tables, rules)
    result = rules.checking.result()
    known = _Known(tables, result.findings)
    keys, names = last.session.used_keys(), keyring.names
    with replay.open_merged() as capture:
        comments = list(capture.comments)
        copied = _copied(capture, known, _Trees(replay, keyring, sorted(known.whole)), reveal)
        frames = write_capture(
            out, copied, names={**capture.names, **names}, comments=comments, secrets=keys if reveal else ()
        )
    return Annotated(last.facts, frames, result.findings, keys)


class _Known:
    """What is known of each frame, from the tables and the findings."""

    def __init__(self, tables: TableSink, findings: Sequence[Finding]) -> None:
        self.packets = {
            row["frame"]: row
            for row in _rows(tables, "packets", ["frame", "summary", "protocol", "message", "exchange"])
        }
        self.messages = {row["message"]: row for row in _rows(tables, "messages")}
        self.exchanges = {row["exchange"]: row for row in _rows(tables, "exchanges")}
        self.items: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
        for row in _rows(tables, "items"):
            self.items[row["message"]].append(row)
        self.findings: dict[int, list[Finding]] = defaultdict(list)
        for one in findings:
            for frame in one.frames:
                self.findings[frame].append(one)
        self.whole = {max(row["frames"]): row["message"] for row in self.messages.values() if row["frames"]}
        """The frame with which each message is whole: there stand its tree and its values."""


def _rows(tables: TableSink, name: str, columns: list[str] | None = None) -> list[dict[str, Any]]:
    table = tables.table(name)
    rows: list[dict[str, Any]] = with_addresses(
        name, table if columns is None else table.select(columns)
    ).to_pylist()
    return rows


class _Trees:
    """The frames that carry messages with their trees, some at a time and in order."""

    def __init__(self, replay: ReopenableSource, keyring: Keyring, numbers: Sequence[int]) -> None:
        self._replay, self._keyring, self._left = replay, keyring, list(numbers)
        self._found: dict[int, Shown] = {}

    def of(self, number: int) -> Shown | None:
        """The frame of a number; asked for in rising order."""
        if number not in self._found and self._left and self._left[0] <= number:
            some, self._left = self._left[:AT_A_TIME], self._left[AT_A_TIME:]
            self._found = {one.number: one for one in shown_frames(self._replay, self._keyring, some)[0]}
        return self._found.pop(number, None)


def _copied(capture: Iterable[Any], known: _Known, trees: _Trees, reveal: bool) -> Iterator[CapturedFrame]:
    number = 0
    for block in capture:
        for frame, its_number in zip(captured_frames(block), block.number.tolist(), strict=True):
            number = int(its_number)
            text = _comment(number, frame, known, trees.of(number), reveal)
            yield replace(frame, comment=text)


def _comment(number: int, frame: CapturedFrame, known: _Known, shown: Shown | None, reveal: bool) -> str:
    """What a person reads, the mark, and the lines for the script."""
    row, found = known.packets.get(number, {}), known.findings.get(number, [])
    said = [frame.comment] if frame.comment else []
    if row.get("summary"):
        said.append(str(row["summary"]))
    said += [f"{one.severity}: {one.title} [{one.device}]: {one.evidence}" for one in found[:SHOWN]]
    if len(found) > SHOWN:
        said.append(f"and {len(found) - SHOWN} more findings")
    lines = [*map(_line, said), MARK, *_fields(number, row, known)]
    size = sum(len(line.encode("utf-8", "replace")) + 1 for line in lines)
    for line in _tree(frame, shown, reveal) if shown is not None else ():
        size += len(line.encode("utf-8", "replace")) + 1
        if size > LONGEST:
            lines.append("+0\t\t0\t0\t(more than a comment holds: hanscope show has it)")
            break
        lines.append(line)
    return "\n".join(lines) + "\n"


def _line(text: str) -> str:
    return printable(text).replace("\n", " ").replace("\t", " ")


def _fields(number: int, row: Mapping[str, Any], known: _Known) -> Iterator[str]:
    yield from _values(
        "hanscope", {"frame": number, **{name: row.get(name) for name in ("summary", "protocol")}}
    )
    yield from _values("hanscope", {name: row.get(name) for name in ("message", "exchange")})
    message = known.messages.get(row.get("message"))
    if message is not None:
        yield f"*message {message['message']}: {_line(str(message['summary'] or message['kind']))}"
        yield from _values("hanscope.dlms" if message["kind"] == "dlms" else "hanscope.gbcs", message)
        if number in known.whole:
            for item in known.items.get(message["message"], ()):
                value = " ".join(str(part) for part in (item["value"], item["unit"]) if part is not None)
                yield f"*item {item['item']}: {_line(str(item['object'] or item['obis'] or ''))} = {_line(value)}"
                yield from _values("hanscope.item", item)
    exchange = known.exchanges.get(row.get("exchange"))
    if exchange is not None and number != exchange["last_frame"]:  # where it ends all of it is said
        yield from _values("hanscope.exchange", {name: exchange[name] for name in ("kind", "outcome")})
    elif exchange is not None:
        about = _line(str(exchange["name"] or exchange["kind"]))
        yield f"*exchange {exchange['exchange']}: {about}, {exchange['outcome']}"
        yield from _values("hanscope.exchange", exchange)
    for one in known.findings.get(number, ()):
        yield f"*{one.severity}: {_line(one.title)}"
        yield from _values("hanscope.finding", {name: getattr(one, name, None) for name in _FINDING})


_FINDING = tuple(one.name.rpartition(".")[2] for one in FIELDS if one.name.startswith("hanscope.finding."))


def _values(group: str, row: Mapping[str, Any]) -> Iterator[str]:
    """Lines for fields, those without a value left out. Counts are hexadecimal: Lua's numbers have 53 bits."""
    for name, value in row.items():
        kind = LENGTHS.get(f"{group}.{name}")
        if value is None or kind is None:
            continue
        if kind == "count":
            text = f"{int(value):x}"
        elif kind == "number":
            text = repr(float(value))
        else:
            text = _line(value.isoformat() if hasattr(value, "isoformat") else str(value))
        yield f"={group}.{name}\t{text}"


def _tree(frame: CapturedFrame, shown: Shown, reveal: bool) -> Iterator[str]:
    """The trees of the messages that a frame carried, and their octets that are not in the frame as they are."""
    octets = frame_octets(shown)
    spans = {} if reveal else octets.secrets()
    yield f"@{len(frame.octets)}"
    for kept in shown.messages:
        prefix = f"message-{kept.message}"
        for name, content in octets.buffers.items():
            if name == prefix or name.startswith(f"{prefix}-"):
                digits = hidden_hex(content, spans.get(name, ())).replace("*", "0")
                yield f"#{name}\t{digits}"
        yield f"+0\t\t0\t0\tmessage {kept.message}"
        for one in kept.content.fields:
            yield from _nodes(one, 1, octets, spans, reveal)


def _nodes(one: Field, depth: int, octets: OctetMap, spans: Mapping[str, Any], reveal: bool) -> Iterator[str]:
    places = octets.places(one)
    place = next((each for each in places if each.buffer == "frame" and each.length == one.length), places[0])
    text = field_text(one, one.secret and not reveal, spans)
    yield f"+{depth}\t{place.buffer}\t{place.offset}\t{place.length}\t{_line(text)}"
    for child in one.children:
        yield from _nodes(child, depth + 1, octets, spans, reveal)
