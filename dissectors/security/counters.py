"""Frame counters: is a frame that a key opened new, sent again, or replayed?

A sender never uses a counter twice under one key, and receivers drop what is not greater than the last. So a
frame is a replay when its integrity code is right and its counter is not greater than the greatest one that
the same EUI-64 used under the same key in an earlier frame of the capture. Three exceptions, where the same
protected octets (same counter, same integrity code) are seen again within a short time: the MAC sends a frame
again when no acknowledgement came (same MAC sequence number, which is all that a secured MAC frame must keep,
where information elements tell times), a broadcast is repeated by its own sender, and
an APS frame is carried from hop to hop, in the NWK frames of several senders or inside an APS Tunnel: whatever
carries it, the protected octets tell that it is the same one. Outgoing APS counters belong to a key-pair
descriptor: a Trust Centre counts for each device apart.

Frames may be dissected in any order and more than once: the verdict depends on the frame numbers. Frames
without a number (0) have no place in time and are never replays. Sources: ZigBee 05-3474 R22 clauses 4.3.1.2
(NWK), 4.4.1.2 (APS), 3.6.5 (broadcast repetition); IEEE 802.15.4-2015 clause 9.2.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

__all__ = ["REPLAYED", "CounterUse", "FrameCounters", "Pair", "Recent", "Track", "aps_scope"]

Pair = tuple[str, int, bytes]
"""Layer, EUI-64 of the sender, and key; for APS the key is that of one pair of devices (`aps_scope`)."""

REPEAT_NS = 1_000_000_000
"""Within this time equal octets are the same frame sent again (macMaxFrameRetries, nwkPassiveAckTimeout)."""
RELAY_NS = 10_000_000_000
"""Within this time equal APS octets are the same frame on another hop."""
REPLAYED = "the frame counter is not greater than one that the sender used before"
REMEMBERED = 65_536
"""Uses that are remembered for one sender and key; older ones only through their greatest counter."""
MOST_PENDING_BLOCKS = 16
"""Lists of pending uses that are held: see `FrameCounters.hold`."""


def aps_scope(value: bytes, key_id: int, peer: int) -> bytes:
    """What an APS counter belongs to: a key, its use (key identifier), and the device that shares it."""
    return value + bytes([key_id]) + peer.to_bytes(8, "little")


class CounterUse(NamedTuple):
    """One use of a counter: in which frame, when, and what makes the frame the same one again."""

    number: int
    counter: int
    time_ns: int
    retransmission_id: int


@dataclass(slots=True, eq=False, repr=False)
class Track:
    """The uses of one sender under one key, by frame number, with the greatest counter up to each.

    `forgotten` is the greatest of those that are not kept. `pending` are uses of the column path that were
    not written out yet: each is called with the track when somebody asks for it.
    """

    uses: list[CounterUse] = field(default_factory=list)
    greatest: list[int] = field(default_factory=list)
    forgotten: int = -1
    pending: list[Recent] = field(default_factory=list)

    def write(self) -> None:
        """Write out what is pending."""
        pending, self.pending = self.pending, []
        for one in pending:
            one.write(self)
        self.forget()

    def forget(self) -> None:
        """Keep no more than `REMEMBERED` uses; of the others only the greatest counter."""
        if len(self.uses) > REMEMBERED:
            half = REMEMBERED // 2
            self.forgotten = self.greatest[half - 1]
            del self.uses[:half], self.greatest[:half]

    @property
    def top(self) -> int:
        """The greatest counter that was used, -1 when none was."""
        if self.pending:
            return self.pending[-1].top
        return self.greatest[-1] if self.greatest else self.forgotten


class Recent(Protocol):
    """Uses of one sender under one key that the column path counted.

    Attributes:
        top: the greatest counter up to their end.
    """

    @property
    def top(self) -> int: ...

    def write(self, track: Track) -> None:
        """Append the uses to `track`."""


class UnwrittenUses(Protocol):
    """The uses of counters in a block under way."""

    def write_pair(self, memory: FrameCounters, pair: Pair) -> None:
        """Write the uses of `pair` in frames up to the present one to `memory`."""


@dataclass(slots=True, eq=False, repr=False)
class FrameCounters:
    """Every sender's counters under every key, per layer (kept in `dissectors.model.context.HanContext`)."""

    tracks: dict[Pair, Track] = field(default_factory=dict)
    restarts: int = 0
    unwritten: list[UnwrittenUses] = field(default_factory=list)
    pending_blocks: deque[list[tuple[Track, Recent]]] = field(default_factory=deque)
    requested: deque[Pair] = field(default_factory=lambda: deque(maxlen=8))
    """The last pairs that were asked for: what one frame used, when it was emptied before the frame."""

    def add_pending(self, recent: list[tuple[Track, Recent]]) -> None:
        """Uses that were made pending. Each keeps the arrays of its block alive: those of blocks long past are
        written out."""
        self.pending_blocks.append(recent)
        if len(self.pending_blocks) > MOST_PENDING_BLOCKS:
            for track, one in self.pending_blocks.popleft():
                if any(one is other for other in track.pending):
                    track.write()

    def track(self, pair: Pair) -> Track:
        """What `pair` used up to the present frame, to be read and written; made when it is new."""
        self.requested.append(pair)
        for one in self.unwritten:
            one.write_pair(self, pair)
        track = self.tracks.get(pair)
        if track is None:
            track = self.tracks[pair] = Track()
        if track.pending:
            track.write()
        return track

    def restart(self, layer: str, eui64: int, key: bytes) -> None:
        """`eui64` was given `key` (again): its counter under that key may start anew.

        A joiner begins at zero with the key that a Transport-Key gives it, also when it had that key in a former
        life (05-3474 R22 clause 4.4.3.2); what it sends then is fresh. That its counter went back stays to be seen
        in the tables.
        """
        pair = (layer, eui64, key)
        for one in self.unwritten:
            one.write_pair(self, pair)
        if self.tracks.pop(pair, None) is not None:
            self.restarts += 1

    def replayed(
        self, layer: str, eui64: int, key: bytes, use: CounterUse, patience_ns: int = REPEAT_NS
    ) -> bool:
        """Whether this use of a counter is a replay; remembers it."""
        if not use.number:
            return False
        track = self.track((layer, eui64, key))
        place = bisect_left(track.uses, (use.number,))
        before = track.greatest[place - 1] if place else track.forgotten
        if place == len(track.uses):
            track.uses.append(use)
            track.greatest.append(max(before, use.counter))
            track.forget()
        elif track.uses[place].number != use.number:
            insort(track.uses, use)
            self._regrow(track, place)
        if use.counter > before:
            return False
        return not self._is_retransmission(track, place, use, patience_ns)

    @staticmethod
    def _is_retransmission(track: Track, place: int, use: CounterUse, patience_ns: int) -> bool:
        """Whether the frame before `place` that used this counter is the same one, a short time ago."""
        for index in range(min(place, len(track.uses)) - 1, -1, -1):
            earlier = track.uses[index]
            if use.time_ns - earlier.time_ns > patience_ns:
                return False
            if earlier.counter == use.counter and earlier.retransmission_id == use.retransmission_id:
                return True
        return False

    @staticmethod
    def _regrow(track: Track, place: int) -> None:
        greatest = track.greatest[place - 1] if place else track.forgotten
        del track.greatest[place:]
        for use in track.uses[place:]:
            greatest = max(greatest, use.counter)
            track.greatest.append(greatest)
