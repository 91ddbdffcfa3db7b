"""Secured frames in order of their frame counters: what the rules about replay and counters share."""

from __future__ import annotations

import numpy as np

from analysis.features.judging import mask
from analysis.features.view import Frame, View
from analysis.tables.lazy import joint_codes, numbers_of

__all__ = ["JUMP", "LAYERS", "REORDER_SECONDS", "SECURED", "goes_on", "secured_frames"]

SECURED = "secured frames with a frame counter from one sender, at least two of them"
LAYERS = {
    "NWK": ("nwk_sender", "pan", "nwk_key_seq", "nwk_counter", "nwk_digest"),
    "APS": ("aps_sender", "pan", "aps_key_id", "aps_frame_counter", "aps_digest"),
}
JUMP = 500  # more than a device sends between two frames that are heard
COUNTER_BITS = 33  # one more than a counter has
REORDER_SECONDS = 10.0  # a frame for a sleeping child is held up to 7.68 s after it was numbered


def secured_frames(view: View, layer: str) -> Frame:
    """Frames with a readable counter of `layer`, each ciphertext's repeats marked; of a window, with the last
    ones before it.

    Columns: ``counter``, ``digest``, ``who``; ``age`` seconds since the same counter was first used (NaN:
    first use); ``same`` whether with the same ciphertext as then; ``below`` how far under the highest
    counter so far; ``since`` seconds since the counter first passed this value."""
    return view.once(_marked, layer)


def _marked(view: View, layer: str) -> Frame:
    view = view.longer
    sender, pan, key, counter, digest = LAYERS[layer]
    packets = view.good
    state = packets["nwk_security" if layer == "NWK" else "aps_security"]
    known = mask(packets[counter].notna()) & mask(packets[sender].notna())
    rows = packets[known & ~mask(state == "bad_mic")]
    extra = ("aps_key", "nwk_dst") if layer == "APS" else ("nwk_key",)
    parts = [rows.codes(name) for name in (sender, pan, key, *extra)]
    order, numbers = _sequences(
        joint_codes([p for p, _ in parts], [len(keys) for _, keys in parts]), rows[counter]
    )
    peaks = np.maximum.accumulate(numbers)
    fresh = np.r_[True, numbers[1:] > peaks[:-1]] if len(numbers) else np.zeros(0, dtype=bool)
    seconds = rows["seconds"].to_numpy(dtype=float)[order]
    age, same = _repeats(numbers, fresh, seconds, rows[digest].iloc[order])
    passed = np.searchsorted(peaks, numbers[~fresh], side="left")
    since = np.zeros(len(numbers))
    since[~fresh] = seconds[~fresh] - seconds[passed]
    marks = {"age": age, "same": same, "below": (peaks - numbers).astype(float), "since": since}
    columns = {name: np.empty_like(values) for name, values in marks.items()}
    for name, values in marks.items():
        columns[name][order] = values
    return rows.extended({"who": sender, "counter": counter, "digest": digest}, **columns)


def _sequences(codes: np.ndarray, counter: Frame) -> tuple[np.ndarray, np.ndarray]:
    """An order that brings the frames of each sequence together, as they came; and their counters in it, each
    sequence's raised above all of the one before."""
    order = np.argsort(codes, kind="stable")
    number = np.cumsum(np.diff(codes[order].astype(np.int64), prepend=-1) != 0)
    return order, (number << COUNTER_BITS) + numbers_of(counter)[0].astype(np.int64)[order]


def _repeats(
    numbers: np.ndarray, fresh: np.ndarray, seconds: np.ndarray, digest: Frame
) -> tuple[np.ndarray, np.ndarray]:
    """For each use of a counter: seconds since its first use (NaN for that), and whether with the same
    ciphertext. Only a counter that is not above all before it can have been used before."""
    age, same = np.full(len(numbers), np.nan), np.ones(len(numbers), dtype=bool)
    suspects = np.unique(numbers[~fresh])
    if not len(suspects):
        return age, same
    at = np.minimum(np.searchsorted(suspects, numbers), len(suspects) - 1)
    uses = np.flatnonzero(suspects[at] == numbers)
    uses = uses[np.argsort(numbers[uses], kind="stable")]
    starts = np.r_[True, numbers[uses][1:] != numbers[uses][:-1]]
    first = uses[np.maximum.accumulate(np.where(starts, np.arange(len(uses)), 0))]
    age[uses] = np.where(starts, np.nan, seconds[uses] - seconds[first])
    texts, known = numbers_of(digest)
    same[uses] = (texts[uses] == texts[first]) | ~known[uses] | ~known[first]
    return age, same


def goes_on(part: Frame, jump: int) -> tuple[Frame, Frame] | None:
    """The frames with far higher counters, and those that go on from the counter before them; None for a
    reset."""
    counter = part["counter"].to_numpy(dtype=np.float64)
    over = part["below"].to_numpy(dtype=float) > jump
    low_top = counter[over].max()
    ahead = ~over & (counter > low_top) & (np.arange(len(counter)) <= np.flatnonzero(over)[-1])
    if not ahead.any():
        return None
    start = int(np.flatnonzero(ahead)[0])
    earlier = counter[:start]
    if not len(earlier) or counter[over].min() < earlier.max() - 64 or ahead.sum() > over.sum() + 50:
        return None
    return part[ahead], part[over]
