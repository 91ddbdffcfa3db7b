"""Secured frames in order of their frame counters: what the rules about replay and counters share."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from analysis.judging import groups_of, key_of, mask
from analysis.view import Frame, View

__all__ = ["JUMP", "LAYERS", "REORDER_SECONDS", "SECURED", "goes_on", "secured_frames"]

SECURED = "secured frames with a frame counter from one sender, at least two of them"
LAYERS = {
    "NWK": ("nwk_sender", "pan", "nwk_key_seq", "nwk_counter", "nwk_digest"),
    "APS": ("aps_sender", "pan", "aps_key_id", "aps_frame_counter", "aps_digest"),
}
JUMP = 500  # more than a device sends between two frames that are heard
REORDER_SECONDS = 10.0  # a frame for a sleeping child is held up to 7.68 s after it was numbered


def secured_frames(view: View, layer: str) -> Frame:
    """Frames with a readable counter of `layer`, each ciphertext's repeats marked.

    Columns: ``counter``, ``digest``, ``who``; ``age`` seconds since the same counter was first used (NaN:
    first use); ``same`` whether with the same ciphertext as then; ``below`` how far under the highest
    counter so far; ``since`` seconds since the counter first passed this value."""
    memo = view.memo
    if layer in memo:
        return memo[layer]
    sender, pan, key, counter, digest = LAYERS[layer]
    packets = view.good
    valid = mask(packets[counter].notna() & packets[sender].notna())
    state = packets["nwk_security" if layer == "NWK" else "aps_security"]
    names = [
        "frame",
        "seconds",
        "fcs_ok",
        "nwk_security",
        "aps_security",
        "nwk_key",
        "aps_key",
        "aps_key_id",
        "nwk_dst",
    ]
    names += [name for name in LAYERS[layer] if name not in names]
    rows = packets[valid & ~mask(state == "bad_mic")][names].reset_index(drop=True)
    rows["who"], rows["counter"], rows["digest"] = rows[sender], rows[counter], rows[digest]
    extra = ("aps_key", "nwk_dst") if layer == "APS" else ("nwk_key",)
    _mark_repeats(rows, key_of(rows, "who", pan, key, "counter", *extra))
    _mark_order(rows, key_of(rows, "who", pan, key, *extra))
    memo[layer] = rows
    return rows


def _mark_repeats(rows: Frame, keys: np.ndarray) -> None:
    order, starts = groups_of(keys)
    first = np.maximum.accumulate(np.where(starts, np.arange(len(starts)), 0)) if len(starts) else order
    seconds = rows["seconds"].to_numpy(dtype=float)[order]
    digest = rows["digest"].astype("float64").to_numpy(na_value=np.nan)[order]
    age = np.where(starts, np.nan, seconds - seconds[first]) if len(starts) else seconds
    same = (digest == digest[first]) | np.isnan(digest) | np.isnan(digest[first])
    back = np.argsort(order, kind="stable")
    rows["age"], rows["same"] = age[back], same[back]


def _mark_order(rows: Frame, keys: np.ndarray) -> None:
    order, starts = groups_of(keys)
    counter = rows["counter"].astype("float64").to_numpy(na_value=0)[order]
    seconds = rows["seconds"].to_numpy(dtype=float)[order]
    below, since = np.zeros(len(counter)), np.zeros(len(counter))
    bounds = [*np.flatnonzero(starts).tolist(), len(counter)]
    for low, high in pairwise(bounds):
        peak = np.maximum.accumulate(counter[low:high])
        below[low:high] = peak - counter[low:high]
        passed = np.searchsorted(peak, counter[low:high], side="left")
        since[low:high] = seconds[low:high] - seconds[low:high][passed]
    back = np.argsort(order, kind="stable")
    rows["below"], rows["since"] = below[back], since[back]


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
