"""Captures as tshark writes them in JSON with their octets: ``-T json -x``, ``-T jsonraw`` and ``-T ek -x``.

Each packet's ``layers`` hold ``frame_raw``: the octets in hexadecimal (in a list with their place, or alone); ``frame``
holds time and encapsulation, which ``jsonraw`` leaves out: the layers say the link type then. Source: tshark(1), and the
JSON that tshark 4.0 writes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from captures.block import NO_TIME, Lost
from captures.files.batch import Batch
from captures.files.records import Facts, Interface, Records

__all__ = ["PacketsReader", "read_packets"]

ENCAPSULATIONS = {1: 1, 7: 101, 25: 113, 104: 195, 127: 230, 206: 283, 210: 276}
"""Link types by Wireshark's numbers of encapsulations (wiretap/wtap.h)."""
LAYERS = {"wpan-tap": 283, "eth": 1, "sll": 113, "wpan": 195}
"""Link types by the layer that a packet begins with."""
BETWEEN = re.compile(r"[\s\[\],]*")


class PacketsReader:
    """Gives the packets that were read."""

    def __init__(self, packets: list[tuple[int, int | None, bytes]], facts: Facts) -> None:
        self.packets = packets
        self.facts = facts

    def __iter__(self) -> Iterator[Records]:
        batch, places = Batch(), {}
        for link_type, time_ns, octets in self.packets:
            if link_type not in places:
                places[link_type] = self.facts.describe(Interface(link_type, "JSON"))
            time = NO_TIME if time_ns is None else time_ns
            batch.append(octets, time, places[link_type], len(octets))
            if batch.full:
                yield batch.taken()
        if len(batch):
            yield batch.taken()


def read_packets(octets: bytes, facts: Facts) -> PacketsReader | None:
    """A reader of the packets in a JSON text; None when none are in it."""
    if octets.lstrip()[:1] not in (b"[", b"{"):
        return None
    lost: list[Lost] = []
    found = [_packet(row) for row in _rows(octets.decode("utf-8", "replace"), lost)]
    packets = [one for one in found if one is not None]
    if not packets:
        return None
    for one in lost:
        facts.lost.append(one)
    return PacketsReader(packets, facts)


def _rows(text: str, lost: list[Lost]) -> Iterator[Any]:
    """The elements of a list, or the values of lines, up to a place that cannot be read."""
    decoder, at = json.JSONDecoder(), 0
    while (start := BETWEEN.match(text, at).end()) < len(text):  # type: ignore[union-attr]
        try:
            row, at = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            lost.append(Lost(start, "JSON that is cut or damaged: what follows was not read", 1))
            return
        yield row


def _packet(row: Any) -> tuple[int, int | None, bytes] | None:
    """Link type, time and octets of one packet; None for what is none, or of another kind of network."""
    row = row.get("_source", row) if isinstance(row, dict) else None
    layers = row.get("layers") if isinstance(row, dict) else None
    if not isinstance(row, dict) or not isinstance(layers, dict):
        return None
    raw = layers.get("frame_raw")
    raw = raw[0] if isinstance(raw, list) and raw else raw
    try:
        octets = bytes.fromhex(raw) if isinstance(raw, str) else b""
    except ValueError:
        return None
    link_type = _link_type(layers) if octets else None
    return None if link_type is None else (link_type, _time_ns(layers, row), octets)


def _told(layers: dict[str, Any], name: str) -> Any:
    """A value of the frame's own layer, in either form of JSON."""
    frame = layers.get("frame")
    return frame.get(f"frame.{name}", frame.get(f"frame_frame_{name}")) if isinstance(frame, dict) else None


def _link_type(layers: dict[str, Any]) -> int | None:
    told = _told(layers, "encap_type")
    if isinstance(told, str) and told.isdigit():
        return ENCAPSULATIONS.get(int(told))
    first = next((name for name in layers if name in LAYERS), None)
    return LAYERS[first] if first else None


def _time_ns(layers: dict[str, Any], row: dict[str, Any]) -> int | None:
    """Nanoseconds since 1970; ``ek`` has its time in milliseconds beside the layers as well."""
    told = _told(layers, "time_epoch")
    if isinstance(told, str):
        seconds, _, fraction = told.partition(".")
        if seconds.isdigit() and len(seconds) < 11 and (fraction.isdigit() or not fraction):
            return int(seconds) * 10**9 + int(fraction[:9].ljust(9, "0") or 0)
    stamp = row.get("timestamp")
    if isinstance(stamp, str) and stamp.isdigit() and len(stamp) < 14:
        return int(stamp) * 10**6
    return None
