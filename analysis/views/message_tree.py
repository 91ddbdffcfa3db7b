"""A message for people and machines: its tree as text, its JSON form; keys are left out unless they are asked for."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, Any

from analysis.pipeline.kept import KeptMessage
from analysis.tables.python_values import iso_time
from analysis.views.explain import Explanations, explain_message, put_explanations
from analysis.views.message_inputs import Source
from analysis.views.octets import OctetMap, message_octets, put_places
from analysis.views.shown import listed
from analysis.views.tree import buffer_label, hex_pane, hidden_hex
from dissectors import Field, Message
from dissectors.model import REVEALABLE, fields_text, hidden_value, joined_json, json_value
from dissectors.text import json_text, printable, shown_json

__all__ = [
    "carried_lines",
    "carried_part",
    "item_line",
    "json_line",
    "kept_json",
    "kept_lines",
    "marked_fields",
    "own_spans",
    "print_tree",
    "to_json",
    "tree_text",
]

Spans = Sequence[tuple[int, int]]


def to_json(
    source: Source, message: Message, *, reveal: bool = False, explain: bool = False
) -> dict[str, Any]:
    """The JSON form of a message (architecture: schema 1), keys left out unless `reveal`; `explain`: with what its
    fields mean."""
    head, tail = _head_and_tail(source, message, reveal)
    out = {**head, "fields": [field.to_json(reveal=reveal) for field in message.fields], **tail}
    if not reveal:
        _mask(message.fields, out["fields"])
    if explain:
        put_explanations(message.fields, out["fields"], explain_message(message))
    return out


def json_line(source: Source, message: Message, *, reveal: bool = False) -> str:
    """`to_json` as text in a line, as a terminal may be shown it."""
    fields = fields_text(message.fields, None if reveal else ("null", json_text(REVEALABLE)))
    head, tail = _head_and_tail(source, message, reveal)
    return shown_json(joined_json(head, fields, tail))


def _head_and_tail(source: Source, message: Message, reveal: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """The JSON form of a message before and behind its fields."""
    head: dict[str, Any] = {}
    for key, value in message.json_head(source.name, reveal=reveal).items():
        if key in ("items", "issues") and "buffers" not in head:
            head["buffers"] = _buffers(message, reveal)
        head[key] = value
    tail = message.json_tail()
    for key, value in source.extra.items():
        (head if key in head else tail)[key] = value
    return head, tail


def _buffers(message: Message, reveal: bool) -> dict[str, str]:
    """The octets of the message and of what was opened in it, in hex; stars where they hold keys."""
    known = message_octets(message)
    hidden = {} if reveal else known.secrets()
    return {
        name.removeprefix("message-"): hidden_hex(octets, hidden.get(name, ()))
        for name, octets in known.buffers.items()
    }


def kept_json(
    capture: str,
    kept: KeptMessage,
    *,
    reveal: bool = False,
    octets: OctetMap | None = None,
    frame: int | None = None,
    explain: bool = False,
) -> dict[str, Any]:
    """The JSON form of a message of a capture: with its number, frames, buffers, and where its octets lie.

    Args:
        octets: the map of the frame that it is shown with; of the message alone by default.
        frame: number of that frame: `in_frame` says which octets it carried.
        explain: with what its fields mean.
    """
    message, known = kept.content, octets or message_octets(kept.content)
    out = to_json(Source(capture, message.octets), message, reveal=reveal, explain=explain)
    put_places(message.fields, out["fields"], known)
    return {
        **out,
        "message": kept.message,
        "frames": list(kept.frames),
        "time": None if kept.time_ns is None else iso_time(kept.time_ns),
        "origins": [one._asdict() for one in message.origins],
        "in_frame": None if frame is None else [list(span) for span in own_spans(message, frame)],
    }


def _mask(fields: Iterable[Field], told: Iterable[dict[str, Any]]) -> None:
    """Say in the JSON form of fields that hold keys how to see them."""
    for one, out in zip(fields, told, strict=True):
        if one.secret and one.value is not None:
            out["value"], out["meaning"] = None, REVEALABLE
        _mask(one.children, out["children"])


def own_spans(message: Message, frame: int) -> list[tuple[int, int]]:
    """The octets of a message that one frame carried, as (first, last), both meant."""
    spans: list[tuple[int, int]] = []
    for one in sorted(message.origins, key=lambda origin: origin.start):
        if one.frame != frame:
            continue
        if spans and spans[-1][1] + 1 >= one.start:
            spans[-1] = spans[-1][0], max(spans[-1][1], one.start + one.length - 1)
        else:
            spans.append((one.start, one.start + one.length - 1))
    return spans


def kept_lines(
    kept: KeptMessage,
    reveal: bool = False,
    *,
    capture: str = "",
    frame: int | None = None,
    explain: bool = False,
) -> Iterator[str]:
    """A message of a capture as text: which frames carried what of it, its tree, its octets.

    Args:
        capture: its name, where the message is not shown with a frame.
        frame: number of the frame that it is shown with, whose octets are marked where it carried a part only.
        explain: with what its fields mean.
    """
    message, out = kept.content, io.StringIO()
    source, carried = Source(_title(kept, capture), message.octets), list(carried_lines(kept, frame))
    part = carried_part(message, frame)
    print_tree(source, message, out, reveal, carried=carried, part=part, explain=explain)
    yield from out.getvalue().splitlines()
    known = message_octets(message)
    hidden = {} if reveal else known.secrets()
    for key, octets in known.buffers.items():
        inner = key.removeprefix("message-")
        label = key if key == "message" else f"{inner} (offsets {buffer_label(inner)})"
        yield f"{label}: {len(octets)} octets"
        for line in hex_pane(octets, hidden.get(key, ())):
            yield f"    {line}"


def _title(kept: KeptMessage, capture: str) -> str:
    """Its number, and the frames that carried it."""
    words = f"message {kept.message}" + (f" of {capture}," if capture else " of")
    words += f" frame{'s' if len(kept.frames) > 1 else ''} {listed(kept.frames)}"
    return words + (f", {iso_time(kept.time_ns)}" if capture and kept.time_ns is not None else "")


def carried_lines(kept: KeptMessage, frame: int | None = None) -> Iterator[str]:
    """Which octets of a message the frame carried that it is shown with, and which the others."""
    part = carried_part(kept.content, frame)
    if part:
        yield f"octets {_words(part)} of the message are in this frame (marked >)"
    if len(kept.frames) > 1:
        for other in kept.frames[:MOST_FRAMES]:
            spans = own_spans(kept.content, other)
            if spans and list(part) != spans:
                yield f"octets {_words(spans)}: frame {other}"
        if len(kept.frames) > MOST_FRAMES:
            yield f"and {len(kept.frames) - MOST_FRAMES} more frames"


def carried_part(message: Message, frame: int | None) -> Spans:
    """The octets that a frame carried, (first, last); nothing where it carried all of them, or none."""
    spans = [] if frame is None else own_spans(message, frame)
    return spans if spans != [(0, len(message.octets) - 1)] else []


MOST_FRAMES = 32
"""Frames of a message that are told one by one."""


def _words(spans: Spans) -> str:
    return ", ".join(f"{begin}-{end}" for begin, end in spans)


def tree_text(source: Source, message: Message, reveal: bool = False, *, explain: bool = False) -> str:
    """A message as the tree that the verb prints; keys left out unless `reveal`."""
    out = io.StringIO()
    print_tree(source, message, out, reveal, explain=explain)
    return out.getvalue()


def print_tree(
    source: Source,
    message: Message,
    stream: IO[str],
    reveal: bool,
    *,
    carried: Iterable[str] = (),
    part: Spans = (),
    explain: bool = False,
) -> None:
    """Print the message as a tree; keys are hidden unless `reveal`.

    Args:
        carried: which frames carried what of it, in sentences.
        part: first and last of its octets that are marked.
        explain: with what its fields mean.
    """
    from rich.console import Console
    from rich.text import Text
    from rich.tree import Tree

    # a pipe gets whole lines; a terminal is given its own width
    console = Console(file=stream, highlight=False, width=None if stream.isatty() else 1000)
    root = Tree(_said(f"{source.name}: {message.columns.get('summary') or message.kind}", "bold"))
    _put_facts(root, message, carried, reveal)
    fields = root.add(Text("fields", style="bold"))
    words, marked = explain_message(message) if explain else {}, marked_fields(message, part)
    for one in message.fields:
        _branch(fields, one, reveal, marked if part else None, words)
    for issue in message.issues:
        colour = {"error": "red", "warning": "yellow"}.get(issue.severity, "dim")
        root.add(_said(f"{issue.severity}: {issue.layer}, offset {issue.offset}: {issue.text}", colour))
    if message.error is not None:
        root.add(_said(f"not readable: {message.error}", "red"))
    console.print(root)


def _put_facts(root: Any, message: Message, carried: Iterable[str], reveal: bool) -> None:
    """Which frames carried what, facts, items."""
    from rich.text import Text

    for line in carried:
        root.add(_said(line))
    said = {k: v for k, v in message.facts.items() if v not in (None, "")}
    facts = root.add(Text("facts", style="bold"))
    for name, value in said.items():
        facts.add(Text.assemble((f"{name}: ", "cyan"), printable(str(json_value(value)))))
    if message.items:
        items = root.add(Text(f"items ({len(message.items)})", style="bold"))
        for row in message.items:
            items.add(_said(item_line(row, reveal)))


def _said(text: str, style: str = "") -> Any:
    from rich.text import Text

    return Text(printable(text), style=style)


def item_line(row: dict[str, Any], reveal: bool) -> str:
    scaled = row.get("unit") and not row.get("unscaled")
    value = row.get("number") if scaled else row.get("value")
    shown = json_value(value if reveal else hidden_value({**row, "value": value}))
    words = [
        str(row.get("object") or "value"),
        "=" if value is not None else "",
        str(shown) if value is not None else "",
    ]
    unit = row.get("unit") or ""
    words += [f"(unscaled, {unit})" if row.get("unscaled") else unit]
    words += [f"[{row['result']}]" if row.get("result") else ""]
    place = [str(row[key]) for key in ("class_id", "obis", "attribute") if row.get(key) is not None]
    if row.get("obis"):
        words.append(f"({', '.join(place)})")
    return " ".join(w for w in words if w)


def marked_fields(message: Message, part: Spans) -> frozenset[int]:
    """The identities of the fields some octets of which are among `part`, (first, last) in the message: also of what was
    opened or put together from these."""
    if not part:
        return frozenset()
    known = message_octets(message)
    return frozenset(
        id(one)
        for top in message.fields
        for one in top.walk()
        for place in known.places(one)
        if place.buffer == "message"
        and any(place.offset <= last and place.offset + place.length > first for first, last in part)
    )


def _branch(tree: Any, one: Field, reveal: bool, marked: frozenset[int] | None, words: Explanations) -> None:
    from rich.text import Text

    hidden = one.secret and not reveal
    value = (
        "" if one.children or one.value is None else f" = {REVEALABLE if hidden else json_value(one.value)}"
    )
    said = "" if hidden or not one.meaning or one.meaning == str(one.value) else f"  {one.meaning}"
    label = "" if one.buffer == "message" else f"{buffer_label(one.buffer)} "
    bits = "" if one.bits is None else f" bits {one.bits[0]}+{one.bits[1]}"
    place = f"{label}{one.offset:>4}+{one.length:<3}{bits} "
    node = tree.add(
        Text.assemble(
            ("" if marked is None else "> " if id(one) in marked else "  ", "bold yellow"),
            (place, "dim"),
            (printable(one.name), "cyan"),
            printable(value),
            (printable(said), "green"),
            (f"\n{len(place) * ' '}| {words[id(one)]}" if id(one) in words else "", "italic"),
        )
    )
    for child in one.children:
        _branch(node, child, reveal, marked, words)
