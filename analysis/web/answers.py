"""What the API answers of captures: tables by pages, frames and messages as trees, findings, keys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from analysis.tables.schema import TABLES
from analysis.views.frame import to_json as frame_json
from analysis.views.message_tree import kept_json
from analysis.views.octets import frame_octets
from analysis.views.tree import field_text, hidden_hex
from analysis.web.captures_held import CapturesHeld
from analysis.web.endpoints import BadRequest, NotYet
from analysis.web.judgements import findings_table
from analysis.web.packet_rows import LIST_COLUMNS, list_rows
from dissectors import Field

__all__ = [
    "chosen_places",
    "frame",
    "keys",
    "message",
    "packet_list",
    "put_texts",
    "remove",
    "table_page",
]

Given = dict[str, Any]
Spans = Mapping[str, Sequence[tuple[int, int]]]


def _window(given: Given, total: int) -> tuple[int, int]:
    begin = min(given["offset"], total)
    return begin, min(begin + given["limit"], total)


def chosen_places(held: CapturesHeld, given: Given, table: str) -> tuple[Any, Any]:
    """The content of a table, and the places of its rows that the filter chooses."""
    opened = held.opened(given["capture"])
    if opened.state == "failed":
        raise BadRequest(opened.trouble, 409)
    chosen = opened.places(table, given["where"], lambda: findings_table(held, given["capture"]))
    content = opened.store.content(table)
    return content, np.arange(len(content)) if chosen is None else chosen[chosen < len(content)]


def _page(held: CapturesHeld, given: Given, table: str) -> dict[str, Any]:
    waiting = ""
    try:
        content, places = chosen_places(held, given, table)
    except NotYet as reason:
        waiting = reason.text
        content, places = held.opened(given["capture"]).store.content(table), np.zeros(0, np.int64)
    begin, end = _window(given, len(places))
    return {
        "schema": 1,
        "table": table,
        "total": len(places),
        "offset": begin,
        "complete": content.complete and not waiting,
        "waiting": waiting,
        "generation": content.generation,
    } | {"_content": content, "_places": places[begin:end]}


def table_page(table: str) -> Any:
    """The answer for a table: some of its rows that fit a filter."""
    names = {column.name for column in TABLES[table]}

    def page(held: CapturesHeld, given: Given) -> dict[str, Any]:
        columns = given["columns"].split(",") if given["columns"] else None
        unknown = [name for name in columns or () if name not in names]
        if unknown:
            raise BadRequest(f"no column {unknown[0]!r} in {table}", hint="/api/fields lists the names")
        out = _page(held, given, table)
        content, places = out.pop("_content"), out.pop("_places")
        rows = content.rows(places, columns)
        if columns is not None:
            rows = [{name: row[name] for name in columns if name in row} for row in rows]
        return {**out, "rows": rows}

    return page


def packet_list(held: CapturesHeld, given: Given) -> dict[str, Any]:
    """Some rows of the packet list, as arrays."""
    out = _page(held, given, "packets")
    _, places = out.pop("_content"), out.pop("_places")
    opened = held.opened(given["capture"])
    out["frames"] = opened.store.frames
    out["state"] = opened.state
    if given["frame"] is not None:  # at which row of the list a frame is, or would be
        content, every = chosen_places(held, given, "packets")
        numbers = content.numbers("frame")[every]
        out["row"] = int(np.searchsorted(numbers, given["frame"]))
        out["exact"] = out["row"] < len(numbers) and int(numbers[out["row"]]) == given["frame"]
    return {**out, "columns": list(LIST_COLUMNS), "rows": list_rows(opened, places)}


def frame(held: CapturesHeld, given: Given) -> dict[str, Any]:
    """A frame as `hanscope show --json` has it, and the octets of its captured record."""
    opened = held.opened(given["capture"])
    shown = opened.shown(given["number"])
    out = frame_json(shown, explain=True)
    place = opened.place_of(given["number"])
    if place is not None:  # a frame alone does not know which exchange it belongs to
        out["columns"] |= opened.store.content("packets").rows([place], ("exchange",))[0]
    spans = frame_octets(shown).secrets()
    put_texts(shown.dissection.fields, out["fields"], spans)
    put_texts(shown.record, out["record"], spans)
    for kept, told in zip(shown.messages, out["messages"], strict=True):
        put_texts(kept.content.fields, told["fields"], {})
    if shown.record:
        out["buffers"]["record"] = hidden_hex(shown.record_octets, spans.get("record", []))
    return out


def put_texts(fields: Iterable[Field], told: Iterable[dict[str, Any]], spans: Spans) -> None:
    """Add to the JSON form of fields what a person reads of each, as `text`; keys left out."""
    for one, out in zip(fields, told, strict=True):
        out["text"] = field_text(one, one.secret, spans)
        put_texts(one.children, out["children"], spans)


def message(held: CapturesHeld, given: Given) -> dict[str, Any]:
    """A message of a capture as a tree."""
    opened = held.opened(given["capture"])
    kept = opened.message(given["number"])
    told = kept_json(opened.name, kept, explain=True)
    put_texts(kept.content.fields, told["fields"], {})
    return told


def keys(held: CapturesHeld, given: Given) -> dict[str, Any]:
    """Keys held, learnt and needed, as `hanscope keys --json` has them: without the keys themselves."""
    opened = held.opened(given["capture"])
    if opened.state == "failed":
        raise BadRequest(opened.trouble, 409)
    held_keys = opened.keys()
    if held_keys is None:
        return {"schema": 1, "state": "running", "keys": [], "needed": [], "replayed": []}
    shut, replayed = opened.needs.ranked()
    return {
        "schema": 1,
        "state": "ready",
        "source": opened.name,
        "frames": opened.store.frames,
        "secured_frames": opened.needs.secured,
        "keys": held_keys,
        "needed": [need.to_json() for need in shut],
        "replayed": [need.to_json() for need in replayed],
    }


def remove(held: CapturesHeld, given: Given) -> dict[str, Any]:
    """Close a capture; a dropped file is removed."""
    held.remove(given["number"])
    return {"schema": 1, "removed": given["number"]}
