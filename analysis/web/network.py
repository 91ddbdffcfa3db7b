"""Who is there at a moment of a capture, and who spoke to whom just before: a map of the network that moves with time."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from analysis.web.answers import chosen_places
from analysis.web.captures_held import CapturesHeld
from analysis.web.store import Content
from analysis.web.times import Clock, clock_of

__all__ = ["network"]

Given = dict[str, Any]
MOST_NODES, MOST_LINKS = 200, 500
BROADCAST, SHORT = 0xFFF8, 0xFFFF
"""The first short address that means several, and the last short address."""
READ = ("mac_src", "mac_dst", "rssi", "fcs_ok")


@dataclass(slots=True)
class Heard:
    """Frames of a node whose signal strength is known, and the sum of these strengths in dBm."""

    frames: int = 0
    decibels: float = 0.0


def network(held: CapturesHeld, given: Given) -> dict[str, Any]:
    """Devices, and the hops between them in the `span` before the moment `at`, both in milliseconds."""
    content, places = chosen_places(held, given, "packets")
    clock = clock_of(content)
    length = (clock.end - clock.start) // 1_000_000 + 1
    at = length if given["at"] is None else min(given["at"], length)
    inside = np.intersect1d(clock.between(at - given["span"], at), places, assume_unique=True)
    nodes, numbers = _devices(held.opened(given["capture"]).store.content("devices"), clock, at)
    links, sent, heard = _links(content, inside, nodes, numbers)
    for place, node in enumerate(nodes):
        node["frames"] = sent[place]
        if heard[place].frames:
            node["rssi"] = round(heard[place].decibels / heard[place].frames, 1)
    return {
        "schema": 1, "milliseconds": length, "at": at, "span": given["span"], "frames": len(inside),
        "nodes": nodes[:MOST_NODES],
        "links": [one for one in links if max(one["from"], one["to"] or 0) < MOST_NODES][:MOST_LINKS],
        "left_out": max(0, len(nodes) - MOST_NODES) + max(0, len(links) - MOST_LINKS),
    }  # fmt: skip


def _devices(devices: Content, clock: Clock, at: int) -> tuple[list[dict[str, Any]], dict[int, int]]:
    """Devices that were heard before a moment, the one that is heard most first; their places by address as number."""
    nodes: list[dict[str, Any]] = []
    numbers: dict[int, int] = {}
    rows = devices.rows(range(len(devices)))
    times = {name: _times(devices, name) for name in ("first_seen", "last_seen")}
    for place, row in enumerate(rows):
        first = times["first_seen"][place]
        seconds = None if first is None else (first - clock.start) / 1e9
        if seconds is None or seconds * 1000 >= at:
            continue
        last = times["last_seen"][place]
        for name in ("eui64", "short"):
            if name in row:
                numbers[int(row[name], 16)] = len(nodes)
        nodes.append(
            {
                "address": row.get("eui64") or row.get("short"), "short": row.get("short"), "name": row.get("name"),
                "role": row.get("role"), "join_state": row.get("join_state"), "first_seconds": seconds,
                "last_seconds": None if last is None else (last - clock.start) / 1e9,
            }
        )  # fmt: skip
    return nodes, numbers


def _times(content: Content, name: str) -> list[int | None]:
    return [one for batch in content.batches for one in batch.column(name).cast(pa.int64()).to_pylist()]


def _links(
    content: Content, places: Any, nodes: list[dict[str, Any]], numbers: dict[int, int]
) -> tuple[list[dict[str, Any]], Counter[int], dict[int, Heard]]:
    """The hops, the busiest first; frames that each node sent; the strength at which it was heard. Adds strangers.

    Frames whose check sequence is wrong are left out: the addresses in them may be nobody's."""
    sent: Counter[int] = Counter()
    heard: dict[int, Heard] = defaultdict(Heard)
    found: Counter[tuple[int, int | None]] = Counter()
    rows = content.taken(places, READ)
    rows = rows.filter(pc.fill_null(rows["fcs_ok"], True))
    grouped = rows.group_by(["mac_src", "mac_dst"]).aggregate(
        [("rssi", "count"), ("rssi", "sum"), ([], "count_all")]
    )
    for row in grouped.to_pylist():
        source, destination = row["mac_src"], row["mac_dst"]
        if source is None:
            continue
        begin = _place(source, nodes, numbers)
        every = destination is None or BROADCAST <= destination <= SHORT
        end = None if every else _place(destination, nodes, numbers)
        found[begin, end] += row["count_all"]
        sent[begin] += row["count_all"]
        if row["rssi_count"]:
            heard[begin].frames += row["rssi_count"]
            heard[begin].decibels += row["rssi_sum"]
    links = [{"from": begin, "to": end, "frames": count} for (begin, end), count in found.most_common()]
    return links, sent, heard


def _place(address: int, nodes: list[dict[str, Any]], numbers: dict[int, int]) -> int:
    """The node of an address; a new one for whom the table of devices does not have."""
    if address not in numbers:
        numbers[address] = len(nodes)
        digits = 4 if address <= SHORT else 16
        nodes.append({"address": f"{address:0{digits}x}", "short": None, "name": None, "role": None})
    return numbers[address]
