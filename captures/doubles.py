"""Several interfaces that hear one network: which records are the same transmission, and how their clocks differ.

Strategy: a frame is told by its octets without the trailer. Those that occur once on each of two interfaces give pairs
of times, from which the clock of the one is fitted to that of the other: an offset and a rate, anew behind each step.
With the clocks on one scale, equal octets on different interfaces within a few milliseconds are one transmission (a
retry cannot follow so soon, and a replay comes later); so is a damaged record of the same length at the same moment.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from captures.block import NO_TIME, FcsState, FrameBlock, Kind, TrailerKind

__all__ = ["ClockFit", "Doubles", "Heard", "find_doubles", "hear"]

MOST_FRAMES = 4_000_000
"""Frames of a capture in which doubles are looked for: each takes 40 octets."""
MOST_INTERFACES = 16
"""Interfaces that are compared: those with the most frames."""
ENOUGH = 3
"""Pairs that fit a clock which is off; one is enough where the clocks agree."""
AGREE = 0.005
"""Seconds within which clocks agree without a fit."""
JUMP, DRIFT = 0.05, 0.0005
"""Seconds, and share of the time between, by which the difference of two clocks changes only when one is set."""
LOOSE = 0.02
"""Seconds of scatter beyond which pairs fit no clock."""
LEAST, MOST = 0.003, 0.03
"""Seconds within which equal octets on two interfaces are one transmission: at least, at most."""
SHORT_SPAN = 1.0
"""Seconds of pairs that tell no rate."""
LONGEST_ACK = 5
Numbers = npt.NDArray[np.int64]
Seconds = npt.NDArray[np.float64]


@dataclass(slots=True, eq=False, repr=False)
class Heard:
    """All radio frames of a capture, as far as this needs them, in the order of the records."""

    number: Numbers
    interface: Numbers
    time_ns: Numbers
    digest: Numbers
    length: Numbers
    damaged: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class ClockFit:
    """How the clock of one interface differs from that of another.

    Attributes:
        interface: whose clock it is.
        reference: the interface whose clock counts.
        offset: seconds by which it is ahead, at its first frame.
        ppm: how much faster it runs, in millionths.
        scatter: seconds, median deviation of the pairs.
        pairs: frames that were compared.
        steps: times at which it was set, by its records' numbers, with the offset from there on.
    """

    interface: int
    reference: int
    offset: float
    ppm: float
    scatter: float
    pairs: int
    steps: tuple[tuple[int, float], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As `stats --json` gives it."""
        steps = [{"frame": number, "offset_seconds": offset} for number, offset in self.steps]
        return {
            "interface": self.interface,
            "reference": self.reference,
            "offset_seconds": round(self.offset, 9),
            "ppm": round(self.ppm, 3),
            "scatter_seconds": round(self.scatter, 9),
            "compared": self.pairs,
            "steps": steps,
        }

    def text(self) -> str:
        """In words."""
        if abs(self.offset) < 0.0005 and abs(self.ppm) < 0.5 and not self.steps:
            return f"the clock of interface {self.interface} agrees with that of interface {self.reference}"
        way = "ahead of" if self.offset >= 0 else "behind"
        said = (
            f"the clock of interface {self.interface} is {abs(self.offset):.6f} s {way} that of interface "
            f"{self.reference} and runs {self.ppm:+.1f} ppm against it (fitted to {self.pairs:,} frames, "
            f"{self.scatter * 1000:.3f} ms of scatter): its times are given on the clock of interface {self.reference}"
        )
        steps = ", ".join(f"at frame {number} (then {offset:+.3f} s)" for number, offset in self.steps[:5])
        return said + (f"; it was set {steps}" if steps else "")


@dataclass(slots=True, eq=False, repr=False)
class Doubles:
    """What was found: for each record that it is a double of, and the time on the common clock.

    Attributes:
        double_of: by record number less one: the number of the record that counts, 0 for those that count.
        correction: nanoseconds to be taken from the time of each record.
        fits: the clocks.
        heard: radio frames recorded.
    """

    double_of: Numbers
    correction: Numbers
    fits: list[ClockFit]
    heard: int

    @property
    def count(self) -> int:
        """How many records are doubles."""
        return int(np.count_nonzero(self.double_of))

    def text(self) -> str:
        """In words."""
        those = sorted({fit.interface for fit in self.fits} | {fit.reference for fit in self.fits})
        who = " and ".join(map(str, those)) if len(those) < 3 else ", ".join(map(str, those))
        return (
            f"interfaces {who} hear the same network: of {self.heard:,} recorded frames {self.count:,} are doubles, "
            f"{self.heard - self.count:,} were on the air; " + "; ".join(fit.text() for fit in self.fits)
        )


def hear(blocks: Iterable[FrameBlock]) -> Heard | None:
    """What is needed of all frames; None when there are too many."""
    parts: list[tuple[npt.NDArray[np.generic], ...]] = []
    trailers = np.array([kind.octets for kind in TrailerKind], np.int64)
    total = 0
    for block in blocks:
        rows = np.flatnonzero((block.kind == Kind.RADIO) & (block.time_ns != NO_TIME))
        total += len(rows)
        if total > MOST_FRAMES:
            return None
        length = block.length[rows] - trailers[block.trailer[rows]]
        octets, starts = block.data, block.offset[rows]
        digest = [
            hash(octets[a : a + n].tobytes()) for a, n in zip(starts.tolist(), length.tolist(), strict=True)
        ]
        damaged = block.fcs[rows] == FcsState.BAD
        parts.append(
            (
                block.number[rows],
                block.interface[rows],
                block.time_ns[rows],
                np.array(digest, np.int64),
                length,
                damaged,
            )
        )
    if not parts:
        return None
    number, interface, time_ns, digests, lengths, bad = (
        np.concatenate(one) for one in zip(*parts, strict=True)
    )
    return Heard(
        number.astype(np.int64),
        interface.astype(np.int64),
        time_ns.astype(np.int64),
        digests.astype(np.int64),
        lengths.astype(np.int64),
        bad.astype(np.bool_),
    )


@dataclass(slots=True, eq=False, repr=False)
class _Line:
    """A clock's difference from some record on: ``offset + rate * (seconds - zero)``."""

    first: int  # places among the interface's records
    last: int
    zero: float
    offset: float
    rate: float
    scatter: float
    pairs: int


def find_doubles(heard: Heard, records: int) -> Doubles | None:
    """The doubles of a capture of so many records; None when no two interfaces hear one network."""
    start = int(heard.time_ns.min())
    seconds = (heard.time_ns - start) / 1e9
    shift = np.zeros(len(seconds))
    places = {int(i): np.flatnonzero(heard.interface == i) for i in np.unique(heard.interface)}
    busiest = sorted(places, key=lambda one: (-len(places[one]), one))[:MOST_INTERFACES]
    placed: list[int] = []
    strangers: set[tuple[int, int]] = set()
    fits: list[ClockFit] = []
    waiting = sorted(busiest)
    tolerance = LEAST
    while waiting:
        found = _next(heard, seconds - shift, seconds, places, placed, waiting, strangers)
        if found is None:
            placed, waiting = [waiting[0]], waiting[1:]
            continue
        interface, reference, lines = found
        mine = places[interface]
        shift[mine] = _shift(lines, seconds[mine])
        fits.append(_fit(interface, reference, lines, heard.number[mine]))
        tolerance = max(tolerance, min(6 * fits[-1].scatter, MOST))
        placed.append(interface)
        waiting.remove(interface)
    if not fits:
        return None
    double_of, correction = np.zeros(records, np.int64), np.zeros(records, np.int64)
    correction[heard.number - 1] = np.rint(shift * 1e9).astype(np.int64)
    _mark(heard, seconds - shift, tolerance, double_of)
    return Doubles(double_of, correction, fits, len(heard.number))


def _next(
    heard: Heard,
    common: Seconds,
    seconds: Seconds,
    places: dict[int, Numbers],
    placed: list[int],
    waiting: list[int],
    strangers: set[tuple[int, int]],
) -> tuple[int, int, list[_Line]] | None:
    """The next interface that hears what one of those `placed` hears: it, that one, and its clock."""
    for interface in waiting:
        for reference in placed:
            if (interface, reference) in strangers:
                continue
            one, other = _pairs(heard, places[reference], places[interface])
            lines = _lines(common[places[reference][one]], seconds[places[interface][other]], other)
            if lines:
                return interface, reference, lines
            strangers.add((interface, reference))
    return None


def _pairs(heard: Heard, ours: Numbers, theirs: Numbers) -> tuple[Numbers, Numbers]:
    """Places (among `ours` and `theirs`, in the order of theirs) of frames that each has just once."""
    kept = []
    for rows in (ours, theirs):
        good = np.flatnonzero(~heard.damaged[rows] & (heard.length[rows] > LONGEST_ACK))
        values, first, counts = np.unique(heard.digest[rows[good]], return_index=True, return_counts=True)
        kept.append((values[counts == 1], good[first[counts == 1]]))
    _, here, there = np.intersect1d(kept[0][0], kept[1][0], assume_unique=True, return_indices=True)
    one, other = kept[0][1][here], kept[1][1][there]
    order = np.argsort(other, kind="stable")
    return one[order], other[order]


def _lines(ours: Seconds, theirs: Seconds, places: Numbers) -> list[_Line]:
    """The clock of theirs against ours, a line for each stretch between two steps; none when they fit no clock."""
    if not len(ours):
        return []
    difference = theirs - ours
    lines = []
    for low, high in _stretches(theirs, difference):
        line = _line(theirs[low], difference[low], places[low])
        agree = abs(line.offset) <= AGREE and line.scatter <= AGREE
        if (len(low) >= ENOUGH or (agree and not high)) and line.scatter <= LOOSE:
            lines.append(line)
    return lines


def _stretches(theirs: Seconds, difference: Seconds) -> list[tuple[Numbers, bool]]:
    """Pairs between two steps of a clock, and whether there are several stretches. Pairs that stand alone (a replay
    that one of them heard) are left out."""
    out: list[list[int]] = [[0]]
    aside: list[int] = []
    for place in range(1, len(difference)):
        if _continues(theirs, difference, out[-1][-1], place):
            out[-1].append(place)
            aside = []
            continue
        if aside and not _continues(theirs, difference, aside[-1], place):
            aside = []
        aside.append(place)
        if len(aside) >= ENOUGH or (len(aside) > len(out[-1]) and len(out) == 1):
            out.append(aside)
            aside = []
    kept = [one for one in out if len(one) >= ENOUGH] or [max(out, key=len)]
    return [(np.array(one, np.int64), len(out) > 1) for one in kept]


def _continues(theirs: Seconds, difference: Seconds, one: int, other: int) -> bool:
    return bool(abs(difference[other] - difference[one]) <= JUMP + DRIFT * abs(theirs[other] - theirs[one]))


def _line(at: Seconds, difference: Seconds, places: Numbers) -> _Line:
    zero, rate = float(at[0]), 0.0
    offset = float(np.median(difference))
    if len(at) >= 8 and float(np.ptp(at)) >= SHORT_SPAN:
        keep = np.ones(len(at), np.bool_)
        for _ in range(3):
            rate, offset = (float(x) for x in np.polyfit(at[keep] - zero, difference[keep], 1))
            rest = np.abs(difference - offset - rate * (at - zero))
            keep = rest <= max(5 * float(np.median(rest)), 1e-6)
    scatter = float(np.median(np.abs(difference - offset - rate * (at - zero))))
    return _Line(int(places[0]), int(places[-1]), zero, offset, rate, scatter, len(at))


def _shift(lines: list[_Line], seconds: Seconds) -> Seconds:
    """What the clock is ahead at each record of its interface."""
    shift = lines[0].offset + lines[0].rate * (seconds - lines[0].zero)
    for before, line in pairwise(lines):
        gaps = np.abs(np.diff(seconds[before.last : line.first + 1]))
        begin = before.last + 1 + int(gaps.argmax()) if len(gaps) else line.first
        line.first = begin
        shift[begin:] = line.offset + line.rate * (seconds[begin:] - line.zero)
    return shift


def _fit(interface: int, reference: int, lines: list[_Line], numbers: Numbers) -> ClockFit:
    first = lines[0]
    steps = tuple((int(numbers[line.first]), line.offset) for line in lines[1:])
    pairs = sum(line.pairs for line in lines)
    return ClockFit(interface, reference, first.offset, first.rate * 1e6, first.scatter, pairs, steps)


@dataclass(slots=True)
class _Group:
    """One transmission: the record that counts, when it was, and the interfaces that heard it."""

    number: int
    seconds: float
    interfaces: set[int] = field(default_factory=set)


def _mark(heard: Heard, common: Seconds, tolerance: float, double_of: Numbers) -> None:
    """Write into `double_of` for each double the number of the record that counts."""
    good = np.flatnonzero(~heard.damaged)
    order = good[np.lexsort((heard.number[good], common[good], heard.digest[good]))]
    groups: list[_Group] = []
    before = 0
    for row in order.tolist():
        digest, interface, now = int(heard.digest[row]), int(heard.interface[row]), float(common[row])
        group = groups[-1] if groups and digest == before else None
        if group and interface not in group.interfaces and now - group.seconds <= tolerance:
            double_of[heard.number[row] - 1] = group.number
            group.interfaces.add(interface)
        else:
            groups.append(_Group(int(heard.number[row]), now, {interface}))
        before = digest
    _mark_damaged(heard, common, tolerance, double_of, groups)


def _mark_damaged(
    heard: Heard, common: Seconds, tolerance: float, double_of: Numbers, groups: list[_Group]
) -> None:
    """Damaged records are doubles of what another interface heard at that moment, of the same length."""
    lengths = dict(zip(heard.number.tolist(), heard.length.tolist(), strict=True))
    groups.sort(key=lambda group: group.seconds)
    times = np.array([group.seconds for group in groups])
    bad = np.flatnonzero(heard.damaged)
    bad = bad[np.argsort(common[bad], kind="stable")]
    lone: _Group | None = None
    for row in bad.tolist():
        number, now, interface = int(heard.number[row]), float(common[row]), int(heard.interface[row])
        low, high = np.searchsorted(times, (now - tolerance, now + tolerance))
        near = [*groups[low:high], *([lone] if lone and now - lone.seconds <= tolerance else [])]
        same = [g for g in near if interface not in g.interfaces and lengths[g.number] == heard.length[row]]
        if same:
            nearest = min(same, key=lambda group: abs(group.seconds - now))
            double_of[number - 1] = nearest.number
            nearest.interfaces.add(interface)
        else:
            lone = _Group(number, now, {interface})
