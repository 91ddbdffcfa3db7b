"""Which keys have proved to be right, and when a pair of devices got another one; for both paths."""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass, field

__all__ = ["KeyChanges", "KeyProofs"]


@dataclass(slots=True, eq=False, repr=False)
class KeyProofs:
    """Keys that have opened a frame: per PAN and key sequence number, or per pair of devices (`pair_name`)."""

    proven: set[tuple[object, bytes]] = field(default_factory=set)


@dataclass(slots=True, eq=False, repr=False)
class KeyChanges:
    """Frames that completed a key establishment, by the pair of devices whose link key it made.

    What a key opened before says nothing of frames after: the pair has another one. `revision` grows with each.
    """

    frames: dict[tuple[int, ...], list[int]] = field(default_factory=dict)
    computed: dict[tuple[tuple[int, ...], int], int] = field(default_factory=dict)
    revision: int = 0

    def note(self, pair: tuple[int, ...], frame: int, computed: int) -> None:
        """`frame` completed a key establishment of `pair`, whose key was settled since frame `computed`.

        Frames without a number (0) have no place in time.
        """
        found = self.frames.setdefault(pair, [])
        if frame and frame not in found:
            insort(found, frame)
            self.computed[pair, frame] = computed
            self.revision += 1

    def before(self, pair: tuple[int, ...], frame: int) -> int:
        """The last such frame before `frame`; 0 where there is none."""
        found = self.frames.get(pair, ())
        place = bisect_left(found, frame)
        return found[place - 1] if place else 0

    def description_of(self, pair: tuple[int, ...], frame: int) -> str:
        """What a key establishment is called, by the frame that completed it; empty where there is none."""
        computed = self.computed.get((pair, frame))
        return f"CBKE in frame {computed or frame} (confirmed in frame {frame})" if frame else ""
