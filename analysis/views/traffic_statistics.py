"""What traffic is like over time: links with their retries and signal, intervals of polls and reports, times to answer,
conversations of each layer, frames per stretch of time.

Strategy: gathered block by block; of frames only what the figures need is kept, of each sender its last frame, so that a
retry behind the edge of a block is one all the same.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import numpy as np

from analysis.pipeline.passes import DecodedBlock, DecodePass
from analysis.pipeline.sinks import Sink
from analysis.tables.addresses import address_text
from analysis.tables.arrow import codes_of, numpy_of
from analysis.tables.python_values import iso_time, rows_of
from dissectors.vectors import distinct_rows, first_places

__all__ = ["TrafficSink", "sparkline"]

SECOND = 1_000_000_000
AGAIN_NS = SECOND // 2
"""Within so long a frame of the same sender, receiver, MAC sequence number and length is a retry."""
DATA_REQUEST, REPORT_ATTRIBUTES = 4, 0x0A
LINK = ("mac_src", "mac_dst", "mac_seq", "length", "time")
BARS = "▁▂▃▄▅▆▇█"
LEVELS = 256
MOST_STRETCHES = 100_000


class TrafficSink(Sink):
    """Gathers what `to_json` tells.

    Args:
        every: seconds of a stretch of time in which frames are counted; None for no stretches.
    """

    tables = ("packets", "messages", "exchanges")

    def __init__(self, every: float | None = None) -> None:
        self.every = every

    def restart(self, decode_pass: DecodePass) -> None:
        self._last: Any = np.zeros((0, len(LINK)), np.uint64)
        self.links: Counter[tuple[int, int]] = Counter()
        self.retries: Counter[tuple[int, int]] = Counter()
        self._levels: dict[tuple[int, int], Any] = defaultdict(lambda: np.zeros(LEVELS, np.int64))
        self._polls: dict[int, list[Any]] = defaultdict(list)
        self._reports: dict[tuple[int, int, int], list[Any]] = defaultdict(list)
        self._answers: dict[tuple[str, str], list[Any]] = defaultdict(list)
        self._asked: Counter[tuple[str, str]] = Counter()
        self.aps: Counter[tuple[int, int, int]] = Counter()
        self.parties: Counter[tuple[str, str]] = Counter()
        self._stretches: Counter[int] = Counter()
        self._octets: Counter[int] = Counter()
        self.start_ns: int | None = None

    def take(self, block: DecodedBlock) -> None:
        if "packets" in block.batches and len(block.batches["packets"]):
            self._take_packets(block.batches["packets"])
        if "messages" in block.batches:
            for row in rows_of(block.batches["messages"].select(["originator", "recipient"])):
                self.parties[row.get("originator", ""), row.get("recipient", "")] += 1
        if "exchanges" in block.batches and len(block.batches["exchanges"]):
            self._take_exchanges(block.batches["exchanges"])

    def _take_exchanges(self, exchanges: Any) -> None:
        """Count them by kind and name, in the order in which these are met, and note how long answers took."""
        kinds, names = exchanges.column("kind"), exchanges.column("name")
        codes, named = numpy_of(names)
        (of_kind, of_name), which = distinct_rows([numpy_of(kinds)[0], np.where(named, codes, -1)])
        took, answered = numpy_of(exchanges.column("time_to_answer"))
        counts = np.bincount(which).tolist()
        kind_words, name_words = kinds.dictionary.to_pylist(), [*names.dictionary.to_pylist(), ""]
        for one in np.argsort(first_places(which, len(counts)), kind="stable").tolist():
            kind = kind_words[of_kind[one]], name_words[of_name[one]]
            self._asked[kind] += counts[one]
            self._answers[kind].append(took[answered & (which == one)])

    def _take_packets(self, packets: Any) -> None:
        times, known = numpy_of(packets.column("time"))
        lengths = numpy_of(packets.column("length"))[0]
        single = ~numpy_of(packets.column("double_of"))[1]
        if self.start_ns is None and known.any():
            self.start_ns = int(times[known.argmax()])
        if self.every is not None and known.any():
            self._count_stretches(times, lengths, known & single)
        again = self._count_links(packets, single & known)
        self._note_times(packets, times, known & single & ~again)
        source, has = numpy_of(packets.column("nwk_src"))
        target, also = numpy_of(packets.column("nwk_dst"))
        cluster, third = numpy_of(packets.column("aps_cluster"))
        rows = has & also & third & single
        for triple, count in _counted([source[rows], target[rows], cluster[rows]]):
            self.aps[triple[0], triple[1], triple[2]] += count

    def _count_stretches(self, times: Any, lengths: Any, rows: Any) -> None:
        place = ((times[rows] - (self.start_ns or 0)) / (SECOND * (self.every or 1))).astype(np.int64)
        places, which = np.unique(place, return_inverse=True)
        frames = np.bincount(which, minlength=len(places)).tolist()
        octets = np.bincount(which, weights=lengths[rows], minlength=len(places)).tolist()
        for one, count, size in zip(places.tolist(), frames, octets, strict=True):
            if len(self._stretches) < MOST_STRETCHES or one in self._stretches:
                self._stretches[one] += count
                self._octets[one] += int(size)

    def _count_links(self, packets: Any, wanted: Any) -> Any:
        """Count frames over each hop; which of the batch are retries."""
        columns = [numpy_of(packets.column(name)) for name in LINK]
        there = wanted & np.logical_and.reduce([valid for _, valid in columns])
        places = np.flatnonzero(there)
        rows = np.stack([values[there].astype(np.int64).view(np.uint64) for values, _ in columns], axis=1)
        every = np.concatenate([self._last, rows])
        order = np.argsort(every[:, 0], kind="stable")
        ranked = every[order]
        same = (ranked[1:, :4] == ranked[:-1, :4]).all(axis=1)
        near = ranked[1:, 4].view(np.int64) - ranked[:-1, 4].view(np.int64) <= AGAIN_NS
        repeated = np.zeros(len(every), np.bool_)
        repeated[order[1:]] = same & near
        ends = np.flatnonzero(np.append(ranked[1:, 0] != ranked[:-1, 0], True)) if len(ranked) else order[:0]
        again, self._last = repeated[len(self._last) :], ranked[ends]
        for counter, part in ((self.links, rows), (self.retries, rows[again])):
            for pair, count in _counted([part[:, 0], part[:, 1]]):
                counter[pair[0], pair[1]] += count
        levels, known = numpy_of(packets.column("rssi"))
        heard = known[there]
        self._note_levels(rows[heard], levels[there][heard])
        out = np.zeros(len(packets), np.bool_)
        out[places[again]] = True
        return out

    def _note_levels(self, rows: Any, levels: Any) -> None:
        ends, which = distinct_rows([rows[:, 0], rows[:, 1]])
        for number, pair in enumerate(zip(*(end.tolist() for end in ends), strict=True)):
            own = levels[which == number].astype(np.int64) + LEVELS // 2
            self._levels[pair] += np.bincount(own, minlength=LEVELS)

    def _note_times(self, packets: Any, times: Any, rows: Any) -> None:
        command, valid = numpy_of(packets.column("mac_command"))
        source, has = numpy_of(packets.column("mac_src"))
        polls = np.flatnonzero(rows & valid & has & (command == DATA_REQUEST))
        (devices,), which = distinct_rows([source[polls]])
        for number, device in enumerate(devices.tolist()):
            self._polls[device].append(times[polls[which == number]])
        command, valid = numpy_of(packets.column("zcl_command"))
        general = codes_of(packets.column("zcl_type"), ("general",))
        source, has = numpy_of(packets.column("nwk_src"))
        target, also = numpy_of(packets.column("nwk_dst"))
        cluster, third = numpy_of(packets.column("aps_cluster"))
        reports = rows & valid & has & also & third & general & (command == REPORT_ATTRIBUTES)
        places = np.flatnonzero(reports)
        keys, which = distinct_rows([values[places] for values in (source, target, cluster)])
        for number, key in enumerate(zip(*(values.tolist() for values in keys), strict=True)):
            self._reports[key].append(times[places[which == number]])

    def to_json(self) -> dict[str, Any]:
        """The figures, the busiest first; seconds, dBm, hex digits of addresses."""
        out: dict[str, Any] = {
            "links": [self._link(pair, count) for pair, count in self.links.most_common()],
            "poll_intervals": [
                {"device": address_text(device), **found}
                for device, times in self._polls.items()
                if (found := _intervals(times)) is not None
            ],
            "report_intervals": [
                {"device": address_text(a, 4), "destination": address_text(b, 4), "cluster": cluster, **found}
                for (a, b, cluster), times in self._reports.items()
                if (found := _intervals(times)) is not None
            ],
            "response_times": [self._response(kind, asked) for kind, asked in self._asked.most_common()],
            "conversations_aps": [
                {
                    "source": address_text(a, 4),
                    "destination": address_text(b, 4),
                    "cluster": c,
                    "frames": count,
                }
                for (a, b, c), count in self.aps.most_common()
            ],
            "conversations_messages": [
                {"originator": a, "recipient": b, "messages": count}
                for (a, b), count in self.parties.most_common()
            ],
        }
        if self.every is not None:
            out["every"] = {"seconds": self.every, "stretches": self.stretches()}
        return out

    def stretches(self) -> list[dict[str, Any]]:
        """Frames and octets of each stretch of time, empty ones too."""
        if not self._stretches or self.every is None:
            return []
        first, last = min(self._stretches), max(self._stretches)
        return [
            {
                "time": iso_time((self.start_ns or 0) + round(one * self.every * SECOND)),
                "frames": self._stretches[one],
                "octets": self._octets[one],
            }
            for one in range(first, min(last, first + MOST_STRETCHES) + 1)
        ]

    def _link(self, pair: tuple[int, int], count: int) -> dict[str, Any]:
        levels = self._levels.get(pair)
        return {
            "source": address_text(pair[0]), "destination": address_text(pair[1]), "frames": count,
            "retries": self.retries[pair], "retry_share": self.retries[pair] / count,
            "rssi": None if levels is None else _median(levels),
        }  # fmt: skip

    def _response(self, kind: tuple[str, str], asked: int) -> dict[str, Any]:
        times = np.sort(np.concatenate(self._answers[kind]))
        figures: dict[str, float | None] = {"median": None, "p95": None, "longest": None}
        if len(times):
            p95 = float(np.quantile(times, 0.95))
            figures = {"median": float(np.median(times)), "p95": p95, "longest": float(times[-1])}
        return {"kind": kind[0], "name": kind[1], "exchanges": asked, "answered": len(times), **figures}


def _counted(columns: list[Any]) -> list[tuple[list[int], int]]:
    """The distinct rows of some columns of numbers, ascending, and how often each is there."""
    keys, which = distinct_rows(columns)
    rows = zip(*(key.tolist() for key in keys), strict=True)
    return [(list(row), n) for row, n in zip(rows, np.bincount(which).tolist(), strict=True)]


def _intervals(parts: list[Any]) -> dict[str, Any] | None:
    """How far apart moments are; None of fewer than three."""
    times = np.sort(np.concatenate(parts))
    if len(times) < 3:
        return None
    gaps = np.diff(times) / SECOND
    low, high = float(gaps.min()), float(gaps.max())
    return {"count": len(times), "median": float(np.median(gaps)), "shortest": low, "longest": high}


def _median(levels: Any) -> float:
    upto = np.cumsum(levels)
    low, high = np.searchsorted(upto, [(upto[-1] - 1) // 2, upto[-1] // 2], side="right")
    return float(low + high) / 2 - LEVELS // 2


def sparkline(values: list[int], width: int = 96) -> str:
    """Numbers as a line of bars, several of them in one where there are more than `width`.

    >>> sparkline([0, 1, 4, 8])
    '▁▁▄█'
    """
    size = max(1, -(-len(values) // width))
    sums = [sum(values[at : at + size]) for at in range(0, len(values), size)]
    most = max(sums, default=0) or 1
    return "".join(BARS[min(one * len(BARS) // (most + 1) + (one == most), len(BARS) - 1)] for one in sums)
