"""What many rules do with their rows: one verdict per station, and windows of time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.features.selection import Selection
from analysis.features.view import Frame, View
from analysis.findings.model import FRAMES_KEPT, Evidence, broken, kept
from analysis.findings.subject import Subject
from analysis.tables.lazy import Places, joint_codes, mask, matching, numbers_of

__all__ = [
    "close_together",
    "count",
    "events",
    "groups_by",
    "groups_in",
    "groups_of",
    "judge",
    "key_of",
    "longest_run",
    "mask",
    "matching",
    "plural",
    "runs",
    "share_by_window",
    "spread",
    "stacked",
]

Text = str | Callable[[Frame, Frame], str]


def plural(number: int, one: str, many: str = "") -> str:
    """``1 frame``, ``2 frames``, ``12,345 frames``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def stacked(parts: Sequence[Frame], **options: Any) -> Frame:
    """The rows of several frames of the same columns below each other (`options`: those of `pandas.concat`).

    A part without rows has no say in the types of columns: pandas changes its mind about that from 2 to 3."""
    filled = [part for part in parts if len(part)]
    return pd.concat(filled or parts[:1], **options)


def count(rows: Frame) -> str:
    return plural(len(rows), "frame")


def events(rows: Frame) -> int:
    """How many things were sent: retries of a hop, and the copies of a broadcast that routers repeat, count once."""
    said = rows[["pan", "nwk_src", "nwk_seq", "mac_src", "mac_dst", "mac_seq"]]
    routed = said["nwk_seq"].notna().to_numpy()
    above = said[["pan", "nwk_src", "nwk_seq"]][routed]
    below = said[["mac_src", "mac_dst", "mac_seq"]][~routed]
    return int((~above.duplicated()).sum() + (~below.duplicated()).sum())


def spread(rows: Frame) -> str:
    """``at frame 12`` or ``from frame 12 to 90``."""
    ends = rows.iloc[[0, len(rows) - 1]]["frame"] if isinstance(rows, Selection) else rows["frame"]
    first, last = int(ends.iloc[0]), int(ends.iloc[-1])
    return f"at frame {first}" if first == last else f"from frame {first} to {last}"


def judge(
    view: View,
    rows: Frame,
    bad: Any,
    text: Text,
    station: str = "sender",
    good: str = "in order",
    severity: str | None = None,
) -> Iterator[Evidence]:
    """One piece of evidence per station: broken where any of its `rows` is `bad`, else kept.

    `text` is a sentence, ``{bad}`` and ``{all}`` standing for the counts, or a function of the bad rows and
    all rows."""
    if rows.empty:
        return
    wrong = mask(bad)
    codes, keys = _stations(rows, station)
    total, hits = np.bincount(codes, minlength=len(keys)), np.bincount(codes[wrong], minlength=len(keys))
    order = np.argsort(codes, kind="stable") if hits.any() else codes[:0]
    ends = np.cumsum(total)
    for number, key in enumerate(keys):
        subject = Subject.device(key)
        if not total[number]:
            continue
        if not hits[number]:
            yield kept(subject, f"{plural(int(total[number]), 'frame')} {good}")
            continue
        own = order[ends[number] - total[number] : ends[number]]
        part, found = rows.iloc[own], rows.iloc[own[wrong[own]]]
        says = text(found, part) if callable(text) else text.format(bad=count(found), all=len(part))
        frames = view.frames_of(found.iloc[:FRAMES_KEPT])
        yield broken(subject, f"{says} ({spread(found)})", frames, severity)


def _stations(rows: Frame, name: str) -> tuple[Any, list[Any]]:
    """The stations of rows as numbers, and what they stand for, in the order of their first rows."""
    if not isinstance(rows, Selection):
        codes, keys = pd.factorize(rows[name].astype("UInt64"), use_na_sentinel=False)
        return codes, list(keys)
    codes, keys = rows.codes(name)
    first = np.full(len(keys) + 1, len(codes))  # null, -1, is the last
    first[codes[::-1]] = np.arange(len(codes))[::-1]  # of several rows of one station the first one stays
    places = np.argsort(first, kind="stable")
    rank = np.argsort(places, kind="stable").astype(np.min_scalar_type(len(places)))
    return rank[codes], [[*keys, pd.NA][place] for place in places]


def key_of(rows: Frame, *columns: str) -> npt.NDArray[np.uint64]:
    """One 64-bit number per row that is equal exactly where all `columns` are (but for hash collisions)."""
    out = np.zeros(len(rows), dtype=np.uint64)
    with np.errstate(over="ignore"):
        for column in columns:
            values = rows[column]
            if isinstance(values.dtype, pd.CategoricalDtype):
                part = values.cat.codes.to_numpy().astype(np.int64).astype(np.uint64)
            else:
                numbers, known = numbers_of(values)
                part = np.where(known, numbers.astype(np.uint64), np.uint64(0xFFFFFFFFFFFFFFFE))
            out = (out ^ (part + np.uint64(0x9E3779B97F4A7C15))) * np.uint64(0xBF58476D1CE4E5B9)
            out ^= out >> np.uint64(29)
    return out


def groups_of(keys: npt.NDArray[np.uint64]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
    """Order that brings equal keys together (time order kept within), and where each group starts in it."""
    order = np.argsort(keys, kind="stable")
    starts = np.ones(len(keys), dtype=bool)
    starts[1:] = keys[order][1:] != keys[order][:-1]
    return order, starts


def groups_in(rows: Frame, *columns: str) -> list[Places]:
    """The places of the rows of each group that is equal in all `columns` (null is a value), in order of its first."""
    if not len(rows):
        return []
    known = isinstance(rows, Selection)
    parts = [rows.codes(name) if known else pd.factorize(rows[name]) for name in columns]
    codes = joint_codes([found for found, _ in parts], [len(keys) for _, keys in parts])
    order = np.argsort(codes, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)
    return sorted(groups, key=lambda group: int(group[0]))


def groups_by(rows: Selection, *columns: str) -> list[Places]:
    """The places of the rows of each group that is equal in all `columns` (null is a value), in time order."""
    parts = [rows.codes(name) for name in columns]
    codes = joint_codes([found for found, _ in parts], [len(keys) for _, keys in parts])
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order])) + 1
    groups = np.split(order, starts)
    first = key_of(rows.iloc[order[np.r_[0, starts]]], *columns)
    return [groups[place] for place in np.argsort(first, kind="stable")]


def close_together(
    rough: npt.NDArray[Any], seconds: npt.NDArray[np.float64], within: float
) -> npt.NDArray[np.intp]:
    """The rows, in order, that lie less than `within` seconds behind or before a row of the same `rough` number;
    all of them where times run back.

    For what is said again within a moment: of some hundred thousand rows, the few for which it is worth while to
    make an exact key. `rough` may be any 16 bits of that key."""
    if not bool((np.diff(seconds) >= 0).all()):
        return np.arange(len(seconds))
    rough = rough.astype(np.uint16)
    order = np.argsort(rough, kind="stable")
    near = np.flatnonzero((np.diff(rough[order]) == 0) & (np.diff(seconds[order]) < within))
    return np.sort(order[np.union1d(near, near + 1)])


def share_by_window(rows: Frame, bad: Any, window: float) -> Frame:
    """Per window of `window` seconds: ``start`` (seconds), ``bad``, ``all``, ``share``."""
    number = np.floor(rows["seconds"].to_numpy(dtype=float) / window)  # eight times faster than floor_divide
    wrong, known = mask(bad), ~np.isnan(number)
    if not known.all():
        number, wrong = number[known], wrong[known]
    place, starts = _numbered(number)
    hits, every = np.bincount(place[wrong], minlength=len(starts)), np.bincount(place)
    out = pd.DataFrame({"start": starts * window, "bad": hits, "all": every})
    out["share"] = out["bad"] / out["all"]
    return out


def _numbered(values: npt.NDArray[np.float64]) -> tuple[Any, Any]:
    """The place of each value among the distinct ones in order; and these."""
    if not len(values) or bool((values[1:] < values[:-1]).any()):
        return pd.factorize(values, sort=True)
    new = np.r_[True, values[1:] > values[:-1]]
    place = np.cumsum(new, dtype=np.int32)  # half the memory of a million places
    place -= 1
    return place, values[new]


def runs(flags: npt.NDArray[np.bool_]) -> tuple[Places, Places]:
    """The place of the first of each run of flags that are set, and the place behind its last."""
    padded = np.zeros(len(flags) + 2, np.bool_)
    padded[1:-1] = flags
    edges = np.flatnonzero(padded[1:] != padded[:-1])
    return edges[::2], edges[1::2]


def longest_run(flags: Frame) -> int:
    """How many of `flags` are set in a row, at most."""
    starts, ends = runs(mask(flags))
    return int((ends - starts).max(initial=0))
