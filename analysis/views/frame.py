"""Frames of a capture as trees with their octets, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from analysis.pipeline.session import SECURITY
from analysis.tables.addresses import row_with_addresses
from analysis.tables.python_values import iso_time
from analysis.tables.row_form import RowForm
from analysis.views.octets import OctetMap, frame_octets, put_places
from analysis.views.shown import Shown, shown_frames, shown_row
from analysis.views.tree import buffer_label, hex_pane, hidden_hex, issue_lines, mask_values, tree_lines

__all__ = ["Shown", "shown_frames", "shown_row", "text_lines", "to_json"]


def to_json(one: Shown, *, reveal: bool = False, explain: bool = False) -> dict[str, Any]:
    """The frame as the JSON that `show --json` prints; keys are left out unless `reveal` is set. `explain`: with what
    the fields mean."""
    found, octets = one.dissection, frame_octets(one)
    columns = row_with_addresses("packets", one.columns)
    if columns.get("time") is not None:
        columns["time"] = iso_time(columns["time"])
    spans = {} if reveal else octets.secrets()
    fields = [field.to_json(reveal=reveal) for field in found.fields]
    put_places(found.fields, fields, octets)
    mask_values(found.fields, fields, spans)
    if explain:
        from analysis.views.explain import explain_frame, put_explanations

        put_explanations(found.fields, fields, explain_frame(found.fields))
    return {
        "schema": 1,
        "source": one.capture,
        "kind": "frame",
        "comment": one.comment,
        "columns": columns,
        "record": [field.to_json() for field in one.record],
        "fields": fields,
        "buffers": {name: hidden_hex(value, spans.get(name, [])) for name, value in found.buffers.items()},
        "issues": [issue.to_json() for issue in found.issues],
        "messages": _messages_json(one, octets, reveal, explain),
        "error": None,
    }


def _messages_json(one: Shown, octets: OctetMap, reveal: bool, explain: bool) -> list[dict[str, Any]]:
    if not one.messages:
        return []
    from analysis.views.message_tree import kept_json

    return [
        kept_json(one.capture, kept, reveal=reveal, octets=octets, frame=one.number, explain=explain)
        for kept in one.messages
    ]


def text_lines(
    one: Shown, reveal: bool, form: RowForm | None = None, *, explain: bool = False
) -> Iterator[str]:
    """The frame as the lines that `hanscope show` prints; keys are hidden unless `reveal`; its time as `form` has it.

    `explain`: with what the fields mean.
    """
    columns, found = one.columns, one.dissection
    yield _title(one, form or RowForm())
    yield f"{columns.get('protocol') or 'unknown'}: {columns.get('summary') or 'nothing readable'}"
    if one.comment:
        yield f"comment: {one.comment}"
    if one.record:
        yield "capture record"
        yield from tree_lines(one.record, {"record": one.record_octets}, reveal=reveal)
    yield "frame"
    spans = {} if reveal else frame_octets(one).secrets()
    words = _words(one) if explain else None
    yield from tree_lines(found.fields, found.buffers, reveal=reveal, hidden=spans, explained=words)
    for index, (name, octets) in enumerate(found.buffers.items()):
        label = name if index == 0 else f"{name} (offsets {buffer_label(name)})"
        yield f"{label}: {len(octets)} octets"
        for line in hex_pane(octets, spans.get(name, [])):
            yield "    " + line
    yield from issue_lines(found.issues)
    for layer in SECURITY:
        reason = columns.get(layer.replace("_security", "_reason"))
        if reason:
            yield f"{layer.removesuffix('_security').upper()} {columns[layer]}: {reason}"
    if one.messages:
        from analysis.views.message_tree import kept_lines

        for kept in one.messages:
            yield from kept_lines(kept, reveal, frame=one.number, explain=explain)
    if columns.get("issue") and not found.issues and not one.messages:
        yield f"warning: {columns['issue']}"


def _words(one: Shown) -> dict[int, Any]:
    from analysis.views.explain import explain_frame

    return {**explain_frame(one.dissection.fields)}


def _title(one: Shown, form: RowForm) -> str:
    columns = one.columns
    parts = [f"frame {columns['frame']} of {one.capture}"]
    if columns.get("time") is not None:
        parts.append(form.time(columns["time"]))
    parts.append(f"{columns['length']} octets")
    for name, text in (("channel", "channel {}"), ("rssi", "{} dBm"), ("lqi", "LQI {}")):
        if columns.get(name) is not None:
            parts.append(text.format(columns[name]))
    return ", ".join(parts)
