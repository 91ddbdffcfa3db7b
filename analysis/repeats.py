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
COLUMNS = [
    "frame", "seconds", "pan", "mac_type", "mac_src", "mac_dst", "mac_seq", "mac_command", "length", "rssi",
    "nwk_type", "nwk_digest", "nwk_counter", "sender", "receiver", "origin", "protocol",
]  # fmt: skip


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
    packets = view.good
    rows = packets[
        mask(packets["mac_type"].isin(["data", "command"]))
        & mask(packets["mac_seq"].notna())
        & mask(packets["mac_src"].notna())
        & mask(packets["mac_ack_request"] == True)  # noqa: E712
    ][COLUMNS]
    keys = key_of(rows, "pan", "mac_src", "mac_dst", "mac_type", "mac_seq", "length", "nwk_digest")
    order, starts = groups_of(keys)
    seconds = rows["seconds"].to_numpy(dtype=float)[order]
    gap = np.diff(seconds, prepend=np.nan)
    gap[starts] = np.inf
    heard = gap < SNIFFER_SECONDS
    retry = ~heard & (gap < RETRY_SECONDS)
    chain = np.cumsum(~(heard | retry))
    copies = 1 + _running(retry, chain)
    back = np.argsort(order, kind="stable")
    rows["heard"], rows["retry"], rows["copies"] = heard[back], retry[back], copies[back]
    rows["acked"] = _acked(view, rows)
    return rows


def _running(flags: np.ndarray, chain: np.ndarray) -> np.ndarray:
    """How many flags were set so far within each chain."""
    total = np.cumsum(flags)
    first = np.r_[True, chain[1:] != chain[:-1]] if len(chain) else np.zeros(0, dtype=bool)
    base = np.maximum.accumulate(np.where(first, total, 0)) if len(chain) else total
    return np.asarray(total - base)


def _acked(view: View, rows: Frame) -> np.ndarray:
    packets = view.good
    acks = packets[mask(packets["mac_type"] == "ack") & mask(packets["mac_seq"].notna())]
    out = np.zeros(len(rows), dtype=bool)
    if acks.empty or rows.empty:
        return out
    times = acks["seconds"].to_numpy(dtype=float)
    sequence = acks["mac_seq"].to_numpy(dtype=np.int64)
    order = np.argsort(times, kind="stable")
    times, sequence = times[order], sequence[order]
    sent, wanted = rows["seconds"].to_numpy(dtype=float), rows["mac_seq"].to_numpy(dtype=np.int64)
    place = np.searchsorted(times, sent, side="left")
    for step in range(3):  # another frame's acknowledgement may lie between
        at = np.minimum(place + step, len(times) - 1)
        late = times[at] - sent
        out |= (late >= 0) & (late <= ACK_SECONDS) & (sequence[at] == wanted)
    return out
