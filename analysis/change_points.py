"""Where a series of values changes its level."""

from __future__ import annotations

import numpy as np

from analysis.view import Frame

__all__ = ["LEAST", "change_point"]

LEAST = 30


def change_point(values: Frame, least: int = 12) -> tuple[int, float, float, float] | None:
    """The place that splits `values` best into two levels: place, median before, median after, gap in
    deviations.

    None when there are too few values. The score is the gap of the medians over the larger median deviation.
    """
    size = len(values)
    if size < 2 * least:
        return None
    places = np.unique(np.linspace(least, size - least, num=min(64, size - 2 * least + 1)).astype(int))
    best: tuple[int, float, float, float] | None = None
    for place in places:
        one, two = values[:place], values[place:]
        a, b = float(np.median(one)), float(np.median(two))
        scatter = max(float(np.median(np.abs(one - a))), float(np.median(np.abs(two - b))), 1e-9)
        gap = abs(a - b) / scatter
        if best is None or gap > best[3]:
            best = (int(place), a, b, gap)
    return best
