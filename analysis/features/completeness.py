"""What the sniffer may not have heard: estimated here, and nowhere else, for all rules that ask whether something is
missing.

Strategy: each NWK frame that a device secures takes the next number of its outgoing frame counter (ZigBee PRO
05-3474 4.3.1.1), and each MAC frame the next sequence number (IEEE 802.15.4 7.2.1.2), retries the same one. So a gap
in the numbers of one sender is a frame that was sent and is not here, and no gap is the proof that none is missing. Where
no sender has numbers, the frames that ask for an acknowledgement, have none, and are not sent again tell it: their
sender heard an acknowledgement that is not here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from math import exp, lgamma, log, log1p
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.features.judging import mask
from analysis.features.names import missing
from analysis.features.repeats import repeats
from analysis.features.view import View
from analysis.findings.hearing import Hearing
from analysis.findings.model import Evidence, Rule
from analysis.tables.lazy import numbers_of

__all__ = ["FEW", "Completeness", "completeness", "improbable", "tempered"]

Times = npt.NDArray[np.float64]
GAP = 64  # a larger step is a restart (counters are stored every 256 or 1024 frames), or a radio on another channel
SEQUENCE_GAP = 32
ORDERLY = 0.8  # of the steps between MAC sequence numbers, where they are counted over all receivers
LEAST = 20  # numbered frames from which a share is taken
MOMENTS, APART = 5, 10.0  # times, so many seconds apart, from which a share holds for the time between them
LEVEL = 0.001
CONCERNED = ("sender", "receiver", "origin", "target")
SINGLE, BESIDE = 3, 30.0  # frames of what is a single event, and seconds around each
FEW = 0.01  # missed by a sniffer that hears all there is to hear: collisions, and frames that devices dropped


@dataclass(frozen=True, slots=True)
class _Numbers:
    """The numbered frames of one sender: when each was heard, how many are missing before it, and how often the numbers
    leapt too far to say how many."""

    seconds: Times
    missing: npt.NDArray[np.uint8]
    leaps: int = 0

    @property
    def share(self) -> float:
        lost = int(self.missing.sum())
        return lost / max(lost + len(self.seconds), 1)

    @property
    def moments(self) -> int:
        """How many times it was heard that lie apart."""
        return int((np.diff(self.seconds, prepend=-np.inf) > APART).sum())


class Completeness:
    """How much of what was on the air a capture holds.

    Attributes:
        share: of all frames, those that were not heard or were damaged, 0 to 1.
    """

    def __init__(
        self, by_counter: dict[int, _Numbers], by_sequence: dict[int, _Numbers], acks: float
    ) -> None:
        self._by_counter, self._by_sequence, self._acks = by_counter, by_sequence, acks
        self._missed: dict[int | None, float] = {}
        known = [n for n in (by_counter or by_sequence).values() if len(n.seconds) >= LEAST]
        heard, lost = sum(len(n.seconds) for n in known), sum(int(n.missing.sum()) for n in known)
        self.share = lost / (heard + lost) if known else acks

    @property
    def hearing(self) -> Hearing:
        """The estimate as reports show it."""
        numbers = self._by_counter or self._by_sequence
        devices = {
            s: (len(n.seconds), int(n.missing.sum())) for s, n in numbers.items() if len(n.seconds) >= LEAST
        }
        if devices:
            return Hearing(devices, "frame counters" if self._by_counter else "sequence numbers")
        return Hearing({}, "acknowledgements" if self._acks else "", self._acks)

    def missed(self, station: int | None = None) -> float:
        """The share of the frames of `station` that were not heard; of all, where it has too few numbered ones."""
        if station not in self._missed:
            known = [
                numbers[station]
                for numbers in (self._by_counter, self._by_sequence)
                if station in numbers and len(numbers[station].seconds) >= LEAST
            ]
            # what leaps is a restart, or all that was sent while the sniffer was elsewhere; a few wakes say little
            telling = [one for one in known if not one.leaps and one.moments >= MOMENTS]
            own = min((one.share for one in telling or known), default=self.share)
            self._missed[station] = own if telling else max(own, self.share)
        return self._missed[station]

    def unheard(self, station: int | None, start: float, end: float) -> int | None:
        """How many frames of `station` are missing between two times, by its numbers; None where it has none around
        them."""
        numbers = self._by_counter.get(station) if station is not None else None
        if numbers is None:
            return None
        first = int(np.searchsorted(numbers.seconds, start, side="right"))
        last = int(np.searchsorted(numbers.seconds, end, side="left"))
        if first >= len(numbers.seconds):
            return None
        return int(numbers.missing[first : last + 1].sum())

    def chance(self, station: int | None, frames: float) -> float:
        """How probable it is that at least one of `frames` frames of `station` was not heard."""
        missed = min(self.missed(station), 0.99)
        return 1.0 - float((1.0 - missed) ** max(frames, 0.0))

    def may_explain(self, station: int | None, lost: int, total: int, frames: float = 1.0) -> bool:
        """Whether it may be by chance that `lost` of `total` things of `station`, each of so many frames, are not here:
        the sniffer is known to miss more than a hundredth of it, and as many in more than one of a thousand captures."""
        chance = self.chance(station, frames)
        return self.missed(station) >= FEW and not improbable(lost, total, chance)

    def may_explain_run(self, station: int | None, lost: int, total: int, frames: float = 1.0) -> bool:
        """As `may_explain`, of `lost` things in a row among `total`."""
        chance = self.chance(station, frames) ** lost
        return self.missed(station) >= FEW and not improbable(1, total, chance)


def completeness(view: View) -> Completeness:
    """The estimate for `view`, made once."""
    return view.once(_estimated)


def _estimated(view: View) -> Completeness:
    sequences = _numbered(view, "sender", "mac_seq")
    return Completeness(
        _numbered(view, "nwk_sender", "nwk_counter"),
        {station: numbers for station, numbers in sequences.items() if _orderly(numbers)},
        _unheard_acknowledgements(view),
    )


def tempered(view: View, rule: Rule, evidence: list[Evidence]) -> list[Evidence]:
    """What a rule says by the absence of frames, as information where the sniffer may not have heard them."""
    wrong = [one for one in evidence if not one.holds]
    if not wrong:
        return evidence
    air = completeness(view)
    return [_tempered(view, air, rule, one, one.lacking or (len(wrong), len(evidence))) for one in evidence]


def _tempered(view: View, air: Completeness, rule: Rule, one: Evidence, lacking: tuple[int, int]) -> Evidence:
    if one.holds:
        return one
    if air.may_explain(None, *lacking, rule.absent):
        why = f"the sniffer missed about {air.share:.0%} of the frames, perhaps this too"
    elif _gap_beside(view, air, one):
        why = "the sniffer missed a frame of those concerned just there, perhaps this one"
    else:
        return one
    return replace(one, text=f"{one.text}; {why}", severity="info")


def _gap_beside(view: View, air: Completeness, one: Evidence) -> bool:
    """Whether a sniffer that hears nearly all missed a frame of those who are concerned just where something is said to
    be missing: of few frames each must have one beside it."""
    if not 0 < air.share < FEW or not 0 < len(one.frames) <= SINGLE:
        return False
    rows = view.packets.of_frames(one.frames)
    return len(rows) > 0 and all(
        any(air.unheard(int(who), at - BESIDE, at + BESIDE) for who in {*stations} if not missing(who))
        for at, *stations in zip(*(rows[name].tolist() for name in ("seconds", *CONCERNED)), strict=True)
    )


@lru_cache(maxsize=4096)
def improbable(lost: int, total: int, chance: float, level: float = LEVEL) -> bool:
    """Whether `lost` or more of `total` are too many where each is lost with `chance` (binomial distribution): no
    accident, that is, but for one in a thousand."""
    if lost <= 0 or chance >= 1.0:
        return False
    if chance <= 0.0:
        return True
    ways = lgamma(total + 1)
    tail = sum(
        exp(ways - lgamma(k + 1) - lgamma(total - k + 1) + k * log(chance) + (total - k) * log1p(-chance))
        for k in range(lost, min(total, lost + 1000) + 1)
    )
    return tail < level


def _numbered(view: View, who: str, number: str) -> dict[int, _Numbers]:
    rows = view.good
    known = rows.known(number, who)
    if number == "nwk_counter":
        known &= ~mask(rows["nwk_security"].isin(["bad_mic", "replay"]))
    else:
        known &= mask(rows["mac_type"].isin(["data", "command"]))
    rows = rows[known]
    if rows.empty:
        return {}
    codes, keys = rows.codes(who)
    order = np.argsort(codes, kind="stable")
    values = numbers_of(rows[number])[0].astype(np.int64)[order]
    seconds = rows["seconds"].to_numpy(dtype=float)[order]
    edges = np.flatnonzero(np.diff(codes[order], prepend=-1))
    steps = _steps(values, number)
    out = {}
    for begin, end in zip(edges, [*edges[1:], len(order)], strict=True):
        part = steps[begin:end].copy()
        part[0] = 1
        out[int(keys[codes[order[begin]]])] = _new_frames(seconds[begin:end], part)
    return out


def _steps(values: Any, number: str) -> Any:
    """From each number to the next; 0 for the same or an earlier one, -1 for a leap that counts nothing."""
    steps = np.diff(values, prepend=values[:1])
    if number == "mac_seq":
        steps = steps % 256
        return np.where(steps <= SEQUENCE_GAP, steps, -1)
    return np.where(steps > GAP, -1, np.maximum(steps, 0))


def _new_frames(seconds: Times, steps: Any) -> _Numbers:
    fresh = steps != 0
    missing = np.maximum(steps[fresh] - 1, 0).astype(
        np.uint8
    )  # at most GAP: an octet for each of a million frames
    return _Numbers(seconds[fresh], missing, int((steps < 0).sum()))


def _orderly(numbers: _Numbers) -> bool:
    """Whether most steps are by one: a device that counts for each receiver, or draws lots, tells nothing."""
    return len(numbers.seconds) >= LEAST and float((numbers.missing == 0).mean()) >= ORDERLY


def _unheard_acknowledgements(view: View) -> float:
    sent = repeats(view)
    if len(sent) < LEAST:
        return 0.0
    copies = sent["copies"].to_numpy()
    again = np.r_[copies[1:] > 1, False]
    done = ~mask(sent["heard"]) & ~again
    return float((~mask(sent["acked"])[done]).mean()) if done.any() else 0.0
