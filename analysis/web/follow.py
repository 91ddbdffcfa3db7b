"""What frames say to whom, one under the other: the ladder of what a filter chooses."""

from __future__ import annotations

from typing import Any

import numpy as np

from analysis.tables.arrow import arrow_schema
from analysis.views.following import SHOWN, rows_of_table
from analysis.views.ladder import ladder_of
from analysis.web.answers import chosen_places
from analysis.web.captures_held import CapturesHeld
from analysis.web.endpoints import BadRequest
from analysis.web.store import Content

__all__ = ["follow"]

Given = dict[str, Any]


def follow(held: CapturesHeld, given: Given) -> dict[str, Any]:
    """The ladder of some frames, as `hanscope follow --json` has it."""
    parts = [f"({given['where']})"] if given["where"].strip() else []
    if given["exchange"] is not None:
        parts.append(f"exchange.exchange == {given['exchange']}")
    if given["message"] is not None:
        parts.append(f"message == {given['message']}")
    content, places = chosen_places(held, {**given, "where": " and ".join(parts)}, "packets")
    if parts and not len(places):
        raise BadRequest("no frame is chosen", 404)
    opened, most = held.opened(given["capture"]), given["most"]
    rows = rows_of_table("packets", content.taken(places[: most + 1], SHOWN))
    exchanges = _around(opened.store.content("exchanges"), {row.get("exchange") for row in rows})
    devices = opened.store.content("devices")
    ladder = ladder_of(
        given["where"] or "all frames", opened.name, rows, exchanges,
        _plain(devices, np.arange(len(devices))), most,
    )  # fmt: skip
    return {**ladder.to_json(), "left_out": max(0, len(places) - most)}


def _around(content: Content, numbers: set[Any]) -> list[dict[str, Any]]:
    """The exchanges of some numbers, and those that they are part of."""
    if not len(content):
        return []
    known, parents = content.numbers("exchange"), content.numbers("parent")
    wanted = {int(one) for one in numbers if one is not None}
    parent_of = {int(k): int(p) for k, p in zip(known, parents, strict=True) if p == p and p is not None}
    todo = list(wanted)
    while todo:
        parent = parent_of.get(todo.pop())
        if parent is not None and parent not in wanted:
            wanted.add(parent)
            todo.append(parent)
    return _plain(content, np.flatnonzero(np.isin(known, list(wanted))))


def _plain(content: Content, places: Any) -> list[dict[str, Any]]:
    return rows_of_table(content.table, content.taken(places, arrow_schema(content.table).names))
