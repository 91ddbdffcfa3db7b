"""Frames whose security is not in order, counted by layer, verdict and reason: what reports and checks tell of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from analysis.features.view import Frame


__all__ = ["LAYERS", "STATES", "ShutKind", "count_shut", "shut_lines"]

LAYERS = ("mac", "nwk", "aps")
STATES = ("no_key", "bad_mic", "replay")
KINDS_KEPT = 1000
OTHER = "other reasons"
SAID = {"no_key": "stay shut", "bad_mic": "fail their integrity check", "replay": "are replayed"}


class ShutKind(NamedTuple):
    """Layer, verdict, and why (`mac_reason`, `nwk_reason`, `aps_reason` of the packets)."""

    layer: str
    state: str
    reason: str


def count_shut(packets: Frame, counts: Counter[ShutKind]) -> None:
    """Add the rows of `packets` whose security is not in order to `counts`; kinds beyond a ceiling as one."""
    for layer in LAYERS:
        if f"{layer}_reason" not in packets.columns:
            continue
        for state in STATES:
            rows = packets.only(**{f"{layer}_security": state})
            if rows.empty:
                continue
            codes, reasons = rows.codes(f"{layer}_reason")
            found = np.bincount(codes[codes >= 0], minlength=len(reasons)).tolist()
            for reason, number in zip(reasons, found, strict=True):
                kind = ShutKind(layer, state, str(reason))
                known = kind in counts or len(counts) < KINDS_KEPT
                counts[kind if known else ShutKind(layer, state, OTHER)] += number
    for kind in [kind for kind, number in counts.items() if not number]:
        del counts[kind]


def shut_lines(counts: Mapping[ShutKind, int], most: int = 5) -> Iterator[str]:
    """A sentence for each of the most frequent kinds."""
    ranked = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    for kind, number in ranked[:most]:
        yield f"{number:,} {kind.layer.upper()} frames {SAID[kind.state]}: {kind.reason}"
    if len(ranked) > most:
        yield f"{sum(number for _, number in ranked[most:]):,} more, for other reasons (hanscope keys tells all)"
