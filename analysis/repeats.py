"""Which frames were transmitted again, and which were not acknowledged: facts that several rules share.

Strategy: a retry has the same PAN, addresses, type, sequence number and length as the frame before it, a
moment later. The same frame heard by two sniffers comes within a millisecond and is no retry."""

from __future__ import annotations

import numpy as np

from analysis.judging import groups_of, key_of, mask
from analysis.view import Frame, View

__all__ = ["SNIFFER_SECONDS", "repeats"]

SNIFFER_SECONDS = 0.001
RETRY_SECONDS = 0.25
ACK_SECONDS = 0.02


def repeats(view: View) -> Frame:
    """Unicast MAC data and command frames that ask for an acknowledgement, in time order.

    Columns besides those of packets: ``heard`` (heard a second time by another sniffer), ``retry``,
    ``copies`` (number of transmissions so far of this frame, 1 for the first), ``acked`` (an
    acknowledgement followed)."""
    memo = view.memo
    if "repeats" not in memo:
        memo["repeats"] = _repeats(view)
    return memo["repeats"]


def _repeats(view: View) -> Frame:
    rows = view.good.only(mac_type=["data", "command"])
    asked = mask(rows["mac_ack_request"] == True)  # noqa: E712
    rows = rows[asked & mask(rows["mac_seq"].notna()) & mask(rows["mac_src"].notna())]
    keys = key_of(rows, "pan", "mac_src", "mac_dst", "mac_type", "mac_seq", "length", "nwk_digest")
    order, starts = groups_of(keys)
    seconds = rows["seconds"].to_numpy(dtype=float)[order]
    gap = np.diff(seconds, prepend=np.nan)
    gap[starts] = np.inf
    heard = gap < SNIFFER_SECONDS
    retry = ~heard & (gap < RETRY_SECONDS)
    chain = np.cumsum(~(heard | retry))
    copies = 1 + _running(retry, chain)
    marks = {"heard": heard, "retry": retry, "copies": copies}
    columns = {name: np.empty_like(values) for name, values in marks.items()}
    for name, values in marks.items():
        columns[name][order] = values
    return rows.extended(**columns, acked=_acked(view, rows))


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
    sequence = acks["mac_seq"].to_numpy(dtype=np.int64)
    if not bool((np.diff(times) >= 0).all()):
        order = np.argsort(times, kind="stable")
        times, sequence = times[order], sequence[order]
    sent, wanted = rows["seconds"].to_numpy(dtype=float), rows["mac_seq"].to_numpy(dtype=np.int64)
    place = np.searchsorted(times, sent, side="left")
    for step in range(3):  # another frame's acknowledgement may lie between
        at = np.minimum(place + step, len(times) - 1)
        late = times[at] - sent
        out |= (late >= 0) & (late <= ACK_SECONDS) & (sequence[at] == wanted)
    return out
