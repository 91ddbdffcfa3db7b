"""Where a series of values changes its level: once, several times; and what of it is the time of day."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.features.view import Frame

__all__ = [
    "LEAST",
    "LONG",
    "MOST",
    "Step",
    "change_point",
    "change_points",
    "lasting_changes",
    "told",
    "without_daily_rhythm",
]

Step = tuple[int, float, float]  # place, median before, median after

DAY, HOUR = 86_400.0, 3600.0

LEAST = 30
LONG = 10
MOST = 0.6  # of the values on either side of a change

FEW_LEVELS = 256
MANY_LEVELS = 1 << 14  # as many are counted at each place, to find the medians


def change_point(
    values: Frame, least: int = 12, apart: float = 0.0
) -> tuple[int, float, float, float] | None:
    """The place that splits `values` best into two levels: place, median before, median after, gap in
    deviations.

    None when there are too few values. The score is the gap of the medians over the larger median deviation;
    0 where the medians are nowhere `apart`, in the unit of the values.
    """
    size = len(values)
    if size < 2 * least:
        return None
    places = np.unique(np.linspace(least, size - least, num=min(64, size - 2 * least + 1)).astype(int))
    levels, codes = np.unique(values, return_inverse=True)
    few = len(levels) <= FEW_LEVELS
    counted = len(levels) <= MANY_LEVELS
    medians = (_medians if counted else _medians_of_values)(levels, codes, places)
    if max(abs(a - b) for a, b in medians) < apart:
        return (int(places[0]), *medians[0], 0.0)
    sides: list[Any]
    sides = _counted(levels, codes, places) if few else [_Sides(values[:p], values[p:]) for p in places]
    best: tuple[int, float, float, float] | None = None
    for place, (a, b), side in zip(places, medians, sides, strict=True):
        gap = abs(a - b) / max(*side.scatter(a, b), 1e-9)
        if best is None or gap > best[3]:
            best = (int(place), a, b, gap)
    if best is None:
        return None
    place, a, b, gap = best
    place = _exactly(values, place, (a, b), size)  # of constants, many places are equally good
    return min(max(place, least), size - least), a, b, gap


def _exactly(values: Frame, place: int, levels: tuple[float, float], reach: int) -> int:
    """The place within `reach` where values cease to lie nearer to the first level than to the second."""
    low, high = max(place - reach, 0), min(place + reach, len(values))
    near = values[low:high]
    nearer = np.abs(near - levels[0]) - np.abs(near - levels[1])
    return low + int(np.r_[0.0, np.cumsum(nearer)].argmin())


@dataclass(frozen=True, slots=True)
class _Sides:
    """The values before a place and those behind it."""

    one: Frame
    two: Frame

    def scatter(self, a: float, b: float) -> tuple[float, float]:
        """The median deviations from the medians."""
        return float(np.median(np.abs(self.one - a))), float(np.median(np.abs(self.two - b)))


@dataclass(frozen=True, slots=True)
class _Counts:
    """As `_Sides`, for values of few levels: how often each occurs before the place and behind it."""

    levels: Frame
    one: Frame
    two: Frame

    def scatter(self, a: float, b: float) -> tuple[float, float]:
        return _deviation(self.levels, self.one, a), _deviation(self.levels, self.two, b)


def _counted(levels: Frame, codes: Frame, places: Frame) -> list[_Counts]:
    before = _upto_places(codes, places, len(levels))
    return [_Counts(levels, one, before[-1] - one) for one in before[:-1]]


def _medians(levels: Frame, codes: Frame, places: Frame) -> list[tuple[float, float]]:
    """The medians before each place and behind it, from how often each level occurs there."""
    before = np.cumsum(_upto_places(codes, places, len(levels)), axis=1)
    return [(_middle(levels, one), _middle(levels, before[-1] - one)) for one in before[:-1]]


def _medians_of_values(levels: Frame, codes: Frame, places: Frame) -> list[tuple[float, float]]:
    """The same where a table of all levels at all places would be too large."""
    values = levels[codes]
    return [(float(np.median(values[:p])), float(np.median(values[p:]))) for p in places]


def _upto_places(codes: Frame, places: Frame, size: int) -> Frame:
    """For each place, and for the end, how often each level occurs before it."""
    part = np.searchsorted(places, np.arange(len(codes)), side="right")
    table = np.bincount(part * size + codes, minlength=(len(places) + 1) * size).reshape(-1, size)
    return np.cumsum(table.astype(np.int32), axis=0, dtype=np.int32)


def _median(levels: Frame, counts: Frame) -> float:
    """The median of levels that occur so often; of an even number, the mean of the two in the middle."""
    return _middle(levels, np.cumsum(counts))


def _middle(levels: Frame, upto: Frame) -> float:
    """The median of levels of which so many values lie at or below each."""
    low, high = np.searchsorted(upto, [(upto[-1] - 1) // 2, upto[-1] // 2], side="right")
    return float((levels[low] + levels[high]) / 2)


def _deviation(levels: Frame, counts: Frame, middle: float) -> float:
    far = np.abs(levels - middle)
    order = np.argsort(far)
    return _median(far[order], counts[order])


def change_points(values: Frame, least: int, smallest: float, deviations: float) -> list[Step]:
    """Places where `least` values before and after lie apart by `smallest` and by `deviations` median deviations:
    place, median before, median after. For levels that change several times, or for a while only."""
    width = least - least % 4
    if len(values) < 2 * width or float(np.ptp(values)) < smallest:
        return []
    starts = np.arange(0, len(values) - width + 1, width // 4)
    values = np.asarray(values, dtype=float)
    windows = np.lib.stride_tricks.sliding_window_view(values, width)[starts]
    level = np.median(windows, axis=1)
    scatter = np.median(np.abs(windows - level[:, None]), axis=1)
    before, after = level[:-4], level[4:]
    gap = np.abs(after - before)
    floor = np.maximum(np.maximum(scatter[:-4], scatter[4:]), 0.02 * smallest + 1e-12)
    apart = (gap >= smallest) & (gap >= deviations * floor)
    runs = np.split(np.flatnonzero(apart), np.flatnonzero(np.diff(np.flatnonzero(apart)) > 1) + 1)
    best = [int(run[int(gap[run].argmax())]) for run in runs if len(run)]
    steps = [(int(starts[at + 4]), float(before[at]), float(after[at])) for at in best]
    return [(_exactly(values, at, (a, b), width // 2), a, b) for at, a, b in steps]


def lasting_changes(
    values: Frame, times: Frame, fewest: tuple[int, int], apart: tuple[float, float], seconds: float
) -> tuple[list[Step], bool]:
    """Changes of level after which it stays for `seconds`, and whether they are grave: one parts the whole
    series, or another level than the usual one lasts `LONG` times as long.

    Args:
        values: in the order of time.
        times: of the values, in seconds.
        fewest: values on each side of a change: of one that parts the series, and of one among several.
        apart: the least difference of two levels, in the unit of the values and in median deviations.
        seconds: how long a level stays.
    """
    smallest, deviations = apart
    several = _lasting(values, change_points(values, fewest[1], smallest, deviations), times, seconds)
    grave = seconds > 0 and _two_last(several, times, smallest, LONG * seconds)
    found = change_point(values, fewest[0], smallest)
    if found is None:
        return several, grave
    place, before, after, gap = found
    lasting = min(times[place] - times[0], times[-1] - times[place]) >= seconds
    lasting = lasting and _apart(np.asarray(values), place, (before, after))
    if abs(before - after) >= smallest and gap >= deviations and lasting:
        return (several if len(several) > 1 else [(place, before, after)]), True
    return several, grave


def _two_last(steps: Sequence[Step], times: Frame, smallest: float, seconds: float) -> bool:
    """Whether another level than the one that lasts longest lasts for `seconds`, too."""
    if not steps:
        return False
    levels = np.array([steps[0][1], *(after for _, _, after in steps)])
    spans = np.diff([times[0], *(times[place] for place, _, _ in steps), times[-1]])
    other = np.abs(levels - levels[int(spans.argmax())]) >= smallest
    return bool((spans[other] >= seconds).any())


def changed(steps: Sequence[Step], size: int) -> slice:
    """The values that changes are about: to the end, or to the change that brings the first level back."""
    level, other, last = steps[0][1], steps[0][2], steps[-1][2]
    back = len(steps) > 1 and abs(last - level) < abs(last - other)
    return slice(steps[0][0], steps[-1][0] if back else size)


def _apart(values: Frame, place: int, levels: tuple[float, float]) -> bool:
    """Whether most values of each side are nearer to its own level: what goes to and fro has not changed."""
    first = np.abs(values - levels[0]) < np.abs(values - levels[1])
    return bool(min(first[:place].mean(), 1 - first[place:].mean()) >= MOST)


def _lasting(values: Frame, places: list[Step], times: Frame, seconds: float) -> list[Step]:
    """The steps whose new level stays. The end of what did not stay is none either: before it, the level mostly was what
    it is behind it."""
    ends = [times[place] for place, _, _ in places[1:]] + [times[-1]]
    found: list[Step] = []
    for (place, before, after), end in zip(places, ends, strict=False):
        if end - times[place] < seconds:
            continue
        usual = float(np.median(np.asarray(values)[found[-1][0] if found else 0 : place]))
        if abs(usual - after) > abs(before - after) / 2:
            found.append((place, before, after))
    return found


def told(steps: Sequence[Step], frames: Frame, level: Callable[[float], str], most: int = 4) -> str:
    """Changes in words: ``10 s became 1 s at frame 812, then 10 s at frame 900``.

    >>> told([(1, 10, 1), (2, 1, 10)], [7, 8, 9], "{:.0f} s".format)
    '10 s became 1 s at frame 8, then 10 s at frame 9'
    """
    place, before, after = steps[0]
    words = [f"{level(before)} became {level(after)} at frame {int(frames[place])}"]
    words += [f"then {level(after)} at frame {int(frames[place])}" for place, _, after in steps[1:most]]
    more = len(steps) - most
    return ", ".join(words) + (f" (and {more} more)" if more > 0 else "")


def without_daily_rhythm(values: Frame, day_seconds: Frame) -> Frame:
    """`values` less what each hour of the day has of its own, where two days and more are there; `day_seconds` are
    seconds since a midnight."""
    values, day_seconds = np.asarray(values, dtype=float), np.asarray(day_seconds, dtype=float)
    if len(values) < 4 * LEAST or day_seconds[-1] - day_seconds[0] < 2 * DAY:
        return values
    hour = (day_seconds % DAY // HOUR).astype(int)
    whole = float(np.median(values))
    usual = {h: float(np.median(values[hour == h])) for h in np.unique(hour) if (hour == h).sum() >= 10}
    return values - np.array([usual.get(h, whole) - whole for h in hour])
