"""A clean capture that can be written again with frames added, changed or taken away.

Strategy: records stay as they were captured. What a device of the home says besides gets its frame counters when
the capture is written, and all that the device sends later counts on from there, secured anew; so a plant leaves no
trace but the one that it wants to leave. Forged and repeated frames are put in as they are."""

from __future__ import annotations

import random
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.features.view import View
from captures import CapturedFrame, captured_frames, open_capture, write_capture
from captures.block import FcsState, TrailerKind
from captures.fcs import fcs16
from dissectors.zigbee import assemble
from tests.analysis.planted.layers import Secured, reopened

__all__ = ["Record", "Recording", "Station"]

SECOND = 1_000_000_000
Build = Callable[[int, int], bytes]
"""A frame, without check sequence, from its NWK and its APS frame counter."""


@dataclass(frozen=True, slots=True)
class Station:
    """A device of the home: its addresses, and how strong it comes in (dBm)."""

    role: str
    eui64: int
    short: int
    rssi: int


@dataclass(slots=True, eq=False)
class Record:
    """One record: as captured, or to be built when it is written.

    Attributes:
        build: octets from fresh counters; None for a record that has its octets.
        sender: EUI-64 whose counters `build` takes. `aps` whether it takes an APS counter too.
        copy: the record whose octets this one repeats.
    """

    frame: CapturedFrame
    planted: bool = False
    build: Build | None = None
    sender: int = 0
    aps: bool = False
    copy: Record | None = None


@dataclass(slots=True)
class Counters:
    """What one device has counted, and by how much that is more than in the clean capture."""

    nwk: int = 0
    aps: int = 0
    more_nwk: int = 0
    more_aps: int = 0
    given: dict[int, int] = field(default_factory=dict)


class Recording:
    """A clean capture, open for planting.

    Attributes:
        packets, commands, messages: tables of the clean capture.
        stations: the home's devices by role.
        rng: all chance of a plant comes from here.
        strength: 1.0 as designed; larger is louder.
    """

    def __init__(self, capture: Path, keys: dict[str, Any], tables: dict[str, Any], seed: int) -> None:
        self.rng = random.Random(f"planted {seed}")
        self.strength = 1.0
        plain = View.of(tables).tables
        self.packets: Any = plain["packets"].frame
        self.commands: Any = plain["commands"].frame
        self.messages: Any = plain["messages"]
        self.records = list(_records(capture))
        self.network_keys = {int(k.get("sequence", 0)): bytes.fromhex(k["key"]) for k in keys["network_key"]}
        self.link_keys = {
            frozenset(int(d, 16) for d in k["devices"]): bytes.fromhex(k["key"])
            for k in keys.get("link_key", ())
        }
        self.gbcs = keys.get("gbcs", {})
        self.stations = dict(self._stations(keys))
        self.pan = int(self.packets["mac_dst_pan"].mode()[0])
        self.channel = int(self.packets["channel"].mode()[0])
        self.start, self.end = self.records[0].frame.time_ns, self.records[-1].frame.time_ns
        self._times = [record.frame.time_ns for record in self.records]

    def _stations(self, keys: dict[str, Any]) -> Iterator[tuple[str, Station]]:
        packets = self.packets
        for device in keys["device"]:
            eui64, role = int(device["eui64"], 16), device.get("role", "")
            own = packets[(packets["nwk_sender"] == eui64) & (packets["nwk_src_eui64"] == eui64)]
            if role and len(own):
                short = int(own["nwk_src"].mode()[0])
                yield role, Station(role, eui64, short, int(own["rssi"].median()))

    def __getitem__(self, role: str) -> Station:
        return self.stations[role]

    @property
    def key(self) -> bytes:
        """The network key in use."""
        return self.network_keys[max(self.network_keys)]

    @property
    def key_sequence(self) -> int:
        return max(self.network_keys)

    def link_key(self, one: Station, other: Station) -> bytes | None:
        return self.link_keys.get(frozenset((one.eui64, other.eui64)))

    def one_of(self, *roles: str) -> Station:
        """A device of one of the roles that are there."""
        return self.rng.choice([self.stations[r] for r in roles if r in self.stations])

    def count(self, number: float) -> int:
        return max(1, round(number * self.strength))

    # --- time -------------------------------------------------------------------------------------------

    def moment(self, low: float = 0.3, high: float = 0.7) -> int:
        """A time between two parts of the capture (0 to 1), at which the air is quiet."""
        return self.quiet(self.start + round((self.end - self.start) * self.rng.uniform(low, high)))

    def quiet(self, time_ns: int, gap: float = 0.25) -> int:
        """The first time from `time_ns` on that has nothing else on the air around it for `gap` seconds."""
        at = bisect_left(self._times, time_ns)
        while at < len(self._times):
            before = self._times[at - 1] if at else time_ns
            if self._times[at] - max(before, time_ns) > gap * SECOND:
                break
            at += 1
        before = self._times[at - 1] if at else time_ns
        return max(time_ns, before + round(gap * SECOND / 5))

    # --- putting in, taking away ---------------------------------------------------------------------------

    def add(self, record: Record) -> Record:
        """Put a record in its place in time."""
        at = bisect_left(self._times, record.frame.time_ns)
        self._times.insert(at, record.frame.time_ns)
        self.records.insert(at, record)
        return record

    def captured(self, octets: bytes, time_ns: int, rssi: int, *, good: bool = True) -> CapturedFrame:
        """A frame with its check sequence as the sniffer hands it over."""
        return CapturedFrame(
            octets + fcs16(octets), time_ns, TrailerKind.FCS16, FcsState.GOOD if good else FcsState.BAD,
            self.channel, 0, max(-100, min(10, rssi + self.rng.randint(-1, 1))), max(0, min(255, (rssi + 100) * 3)),
        )  # fmt: skip

    def put(self, octets: bytes, time_ns: int, rssi: int = -60) -> Record:
        """A planted frame with its octets as they are."""
        return self.add(Record(self.captured(octets, time_ns, rssi), planted=True))

    def add_ack(self, number: int, time_ns: int, rssi: int = -60) -> None:
        """The acknowledgement of a frame of that sequence number, sent just before."""
        self.add(Record(self.captured(assemble.mac_ack(number), time_ns + 900_000, rssi)))

    def again(self, record: Record, time_ns: int, rssi: int | None = None) -> Record:
        """A planted copy of a record at another time."""
        frame = replace(record.frame, time_ns=time_ns, rssi=record.frame.rssi if rssi is None else rssi)
        return self.add(Record(frame, planted=True, copy=record))

    def remove(self, records: Iterable[Record]) -> None:
        gone = {id(record) for record in records}
        self.records = [record for record in self.records if id(record) not in gone]
        self._times = [record.frame.time_ns for record in self.records]

    def damage(self, record: Record) -> None:
        """The record as a receiver has it whose reception was disturbed."""
        octets = bytearray(record.frame.octets)
        at = self.rng.randrange(len(octets) // 2, len(octets) - 2)
        octets[at] ^= self.rng.randrange(1, 256)
        record.frame = replace(record.frame, octets=bytes(octets), fcs=FcsState.BAD)
        record.planted = True

    def chosen(self, rows: Any) -> list[Record]:
        """The records of rows of `packets`; only before anything was put in or taken away."""
        return [self.records[int(frame) - 1] for frame in rows["frame"]]

    # --- writing ------------------------------------------------------------------------------------------

    def write(self, path: Path) -> set[int]:
        """Write the capture; returns the numbers of the planted frames."""
        truth = {number for number, record in enumerate(self.records, 1) if record.planted}
        written: dict[int, bytes] = {}
        counters: dict[int, Counters] = {}
        busy = {record.sender for record in self.records if record.build is not None}

        def frames() -> Iterator[CapturedFrame]:
            for record in self.records:
                octets = self._octets(record, counters, written, busy)
                written[id(record)] = octets
                yield replace(record.frame, octets=octets)

        write_capture(path, frames())
        return truth

    def _octets(
        self, record: Record, counters: dict[int, Counters], written: dict[int, bytes], busy: set[int]
    ) -> bytes:
        if record.copy is not None:
            return written[id(record.copy)]
        if record.build is not None:
            mine = counters.setdefault(record.sender, Counters())
            mine.nwk, mine.more_nwk = mine.nwk + 1, mine.more_nwk + 1
            mine.aps, mine.more_aps = mine.aps + record.aps, mine.more_aps + record.aps
            octets = record.build(mine.nwk, mine.aps)
            return octets + fcs16(octets)
        if not busy or record.planted:
            return record.frame.octets
        return self._counted_on(record.frame.octets, counters, busy)

    def _counted_on(self, octets: bytes, counters: dict[int, Counters], busy: set[int]) -> bytes:
        """A frame of the clean capture, its counters moved by what its senders said besides."""
        found: Secured | None = reopened(octets[:-2], self.network_keys, self.link_keys)
        if found is None or not busy & {found.sender, found.aps_sender}:
            return octets
        mine = counters.setdefault(found.sender, Counters())
        nwk = mine.given.setdefault(found.counter, found.counter + mine.more_nwk)
        mine.nwk = max(mine.nwk, nwk)
        aps = 0
        if found.aps_counter is not None:
            author = counters.setdefault(found.aps_sender, Counters())
            aps = author.given.setdefault(-found.aps_counter, found.aps_counter + author.more_aps)
            author.aps = max(author.aps, aps)
        if (nwk, aps) == (found.counter, found.aps_counter or 0):
            return octets
        again = found.closed(nwk, aps)
        return again + fcs16(again)


def _records(capture: Path) -> Iterator[Record]:
    with open_capture(capture) as blocks:
        for block in blocks:
            for frame in captured_frames(block):
                yield Record(replace(frame, record=b""))


def frames_like(packets: Any, **wanted: Any) -> Any:
    """Rows of a packets table whose columns have the values wanted."""
    keep = pd.Series(True, index=packets.index)
    for column, value in wanted.items():
        keep &= (packets[column] == value).fillna(False)
    return packets[keep]
