"""Which frames were transmitted again, and which were not acknowledged: facts that several rules share.

Strategy: a retry has the same PAN, addresses, type, sequence number and length as the frame before it, a
moment later. The same frame heard by two sniffers comes within a millisecond and is no retry."""

from __future__ import annotations

import numpy as np

from analysis.features.judging import close_together, groups_of, key_of, mask
from analysis.features.view import Frame, View
from analysis.tables.lazy import numbers_of

__all__ = ["SNIFFER_SECONDS", "repeats"]

SNIFFER_SECONDS = 0.001
RETRY_SECONDS = 0.25
ACK_SECONDS = 0.02


def repeats(view: View) -> Frame:
    """Unicast MAC data and command frames that ask for an acknowledgement, in time order.

    Columns besides those of packets: ``heard`` (heard a second time by another sniffer), ``retry``,
    ``copies`` (number of transmissions so far of this frame, 1 for the first), ``acked`` (an
    acknowledgement followed)."""
    return view.once(_repeats)


def _repeats(view: View) -> Frame:
    rows = view.good.only(mac_type=["data", "command"])
    asked = mask(rows["mac_ack_request"] == True)  # noqa: E712
    rows = rows[asked & mask(rows["mac_seq"].notna()) & mask(rows["mac_src"].notna())]
    seconds = rows["seconds"].to_numpy(dtype=float)
    sources, numbers = rows.codes("mac_src")[0].astype(np.uint16), numbers_of(rows["mac_seq"])[0]
    near = close_together(sources << 8 | numbers, seconds, RETRY_SECONDS)
    marks = _marks(rows.iloc[near], seconds[near])
    columns = {"heard": np.zeros(len(rows), bool), "retry": np.zeros(len(rows), bool)}
    columns["copies"] = np.ones(len(rows), np.int64)
    for name, values in marks.items():
        columns[name][near] = values
    return rows.extended(**columns, acked=_acked(view, rows))


def _marks(rows: Frame, seconds: np.ndarray) -> dict[str, np.ndarray]:
    """Each frame against the one before it that is the same."""
    keys = key_of(rows, "pan", "mac_src", "mac_dst", "mac_type", "mac_seq", "length", "nwk_digest")
    order, starts = groups_of(keys)
    gap = np.diff(seconds[order], prepend=np.nan)
    gap[starts] = np.inf
    heard = gap < SNIFFER_SECONDS
    retry = ~heard & (gap < RETRY_SECONDS)
    copies = 1 + _running(retry, np.cumsum(~(heard | retry)))
    back = np.argsort(order)
    return {"heard": heard[back], "retry": retry[back], "copies": copies[back]}


def _running(flags: np.ndarray, chain: np.ndarray) -> np.ndarray:
    """How many flags were set so far within each chain."""
    total = np.cumsum(flags)
    first = np.r_[True, chain[1:] != chain[:-1]] if len(chain) else np.zeros(0, dtype=bool)
    base = np.maximum.accumulate(np.where(first, total, 0)) if len(chain) else total
    return np.asarray(total - base)


def _acked(view: View, rows: Frame) -> np.ndarray:
    acks = view.good.only(mac_type="ack")
    acks = acks[mask(acks["mac_seq"].notna())]
    out = np.zeros(len(rows), dtype=bool)
    if acks.empty or rows.empty:
        return out
    times = acks["seconds"].to_numpy(dtype=float)
    sequence = numbers_of(acks["mac_seq"])[0]
    if not bool((np.diff(times) >= 0).all()):
        order = np.argsort(times, kind="stable")
        times, sequence = times[order], sequence[order]
    sent, wanted = rows["seconds"].to_numpy(dtype=float), numbers_of(rows["mac_seq"])[0]
    place = np.searchsorted(times, sent, side="left")
    rest = np.arange(len(rows))
    for step in range(3):  # another frame's acknowledgement may lie between
        at = np.minimum(place[rest] + step, len(times) - 1)
        late = times[at] - sent[rest]
        out[rest] = (late >= 0) & (late <= ACK_SECONDS) & (sequence[at] == wanted[rest])
        rest = rest[~out[rest]]
    return out
