"""Acknowledgements of frames that came in damaged: does the sniffer hear badly, or did they never arrive?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.features.judging import groups_of, key_of, mask
from analysis.features.messages import fragments
from analysis.features.view import Frame, View
from analysis.findings.model import Evidence, broken, kept
from analysis.findings.subject import Subject
from analysis.rules.expression import c
from analysis.rules.registry import rules_of
from analysis.rules.rows import all_packets
from analysis.tables.lazy import numbers_of

rule = rules_of("anomaly", "forged acknowledgements")

RETRY_SECONDS = 0.25  # as long as the MAC may take over its retries
ANSWER_SECONDS = 1.6  # apsAckWaitDuration (ZigBee PRO 05-3474 2.2.7.1)
REPEATED_SECONDS = 10.0  # apscMaxFrameRetries times that, with some grace
USUALLY, TOLD_BY = 0.8, 5  # share, and number, of good frames of a kind that are answered


@rule(
    "ack-after-damaged-frame",
    "Damaged frames were acknowledged, and did not get through",
    severity="error",
    source="atusb-attacks 03, 04",
    confidence="secondary",
    merges=("attacks:A12",),
    needs=(all_packets.where(c.fcs_ok == False),),  # noqa: E712
    cause="interference",
    unseen="damaged frames followed by acknowledgements",
    advice=(
        "Somebody jams frames and acknowledges them in the receiver's name: compare the strength of these "
        "acknowledgements with others of the receiver"
    ),
)
def ack_after_damaged_frame(
    view: View, *, seconds: float = 0.005, least: int = 4, share: float = 0.5, damaged: float = 0.1
) -> Iterator[Evidence]:
    """A receiver never acknowledges a frame that arrived damaged. When frames that the sniffer finds
    damaged are acknowledged again and again, either the sniffer hears worse than the receiver, or an
    attacker jams the frame and forges the acknowledgement. What tells them apart is whether the frames got through: a
    sender that has its acknowledgement and yet sends the same again, or that waits in vain for the answer which all
    other frames of that kind get, was deceived."""
    packets = view.packets
    bad = mask(packets["fcs_ok"] == False) & mask(packets["mac_ack_request"] == True)  # noqa: E712
    if bad.sum() < least:
        return
    answered = (
        bad
        & mask((packets["mac_type"] == "ack").shift(-1, fill_value=False))
        & mask(packets["mac_seq"].shift(-1) == packets["mac_seq"])
        & mask(packets["fcs_ok"].shift(-1) == True)  # noqa: E712
        & mask(packets["seconds"].shift(-1) - packets["seconds"] < seconds)
    )
    overall = float(mask(packets["fcs_ok"] == False).mean())  # noqa: E712
    for length, part in packets[bad].groupby("length", sort=False):
        hits = part[answered[part.index]]
        if len(part) < least:
            continue
        subject = Subject.channel(f"frames of {length} octets")
        text = f"{len(hits)} of {len(part)} damaged ones were acknowledged"
        if len(hits) < max(least, share * len(part)) or overall >= damaged:
            yield kept(subject, text)
            continue
        same = packets[mask(packets["length"] == length) & ~mask(packets["mac_type"] == "ack")]
        lost = hits[_lost(same, hits, view)]
        if len(lost) >= max(least, share * len(hits)):
            text = (
                f"{text}, and {len(lost)} of these did not get through: they were sent again, or not answered"
            )
            yield broken(subject, text, lost["frame"])
        else:
            yield kept(subject, f"{text}, and nothing shows that they did not get through")


def _lost(same: Frame, hits: Frame, view: View) -> npt.NDArray[np.bool_]:
    """Which of `hits` did not get through, of the frames of the `same` length."""
    frames = numbers_of(same["frame"])[0]
    hit = np.isin(frames, numbers_of(hits["frame"])[0])
    chain, later = _chains(same)
    known = np.bincount(chain, mask(same["fcs_ok"] == True))[chain] > 0  # noqa: E712
    deceived = later | _unanswered(same, hit, view) | (_same_again(same, hit, view) & ~known)
    deceived = np.bincount(chain, hit & deceived)[chain] > 0
    return np.asarray(deceived[hit])


def _chains(rows: Frame) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
    """Which transmission each frame is a copy of (the same receiver and number within the time of retries), and whether
    another copy follows it."""
    order, starts = groups_of(key_of(rows, "mac_dst", "mac_seq"))
    seconds = rows["seconds"].to_numpy(dtype=float)[order]
    starts |= np.diff(seconds, prepend=-np.inf) > RETRY_SECONDS
    chain, later = np.empty(len(order), np.intp), np.empty(len(order), bool)
    chain[order] = np.cumsum(starts) - 1
    later[order] = ~np.append(starts[1:], True)
    return chain, later


def _links(same: Frame, hit: npt.NDArray[np.bool_]) -> Iterator[tuple[npt.NDArray[np.bool_], Any, Any]]:
    """Sender and receiver of the hits, with the frames between these two."""
    link = key_of(same, "mac_src", "mac_dst")
    for one in np.unique(link[hit]).tolist():
        mine = link == one
        first: Any = same.iloc[int(np.flatnonzero(mine)[0])]
        yield mine, first["mac_src"], first["mac_dst"]


def _same_again(same: Frame, hit: npt.NDArray[np.bool_], view: View) -> npt.NDArray[np.bool_]:
    """Of the hits, those whose sender then sends a frame of that length under the next APS counter after those before:
    there is no counter left for the damaged frame but the same."""
    out = np.zeros(len(hit), bool)
    times = same["seconds"].to_numpy(dtype=float)
    for mine, source, _ in _links(same, hit):
        said = view.good.only(nwk_src=source, mac_src=source, aps_type="data")
        # blocks of one payload share a counter: of frames that are as long as blocks it tells nothing
        parts = said[fragments(said)]
        said = said[mask(said["aps_counter"].notna())]
        if len(said) < 2 or mask(parts["length"] == int(same["length"].iloc[0])).any():
            continue
        when, counter = said["seconds"].to_numpy(dtype=float), numbers_of(said["aps_counter"])[0].astype(int)
        length = numbers_of(said["length"])[0].astype(int)
        at = np.searchsorted(when, times, side="right")
        inside = (at > 0) & (at < len(when)) & mine & hit
        after, before = np.minimum(at, len(when) - 1), np.maximum(at - 1, 0)
        next_one = (counter[after] - counter[before]) % 256 == 1
        alike = length[after] == int(same["length"].iloc[0])
        out |= inside & next_one & alike & (when[after] - times < REPEATED_SECONDS)
    return out


def _unanswered(same: Frame, hit: npt.NDArray[np.bool_], view: View) -> npt.NDArray[np.bool_]:
    """Of the hits, those that no frame of the receiver answers, though it answers the good frames of that kind."""
    out = np.zeros(len(hit), bool)
    good = mask(same["fcs_ok"] == True)  # noqa: E712
    times = same["seconds"].to_numpy(dtype=float)
    for mine, source, receiver in _links(same, hit):
        if (mine & good).sum() < TOLD_BY:
            continue
        back = view.good.only(nwk_src=receiver, nwk_dst=source)["seconds"].to_numpy(dtype=float)
        after = np.append(back, np.inf)[np.searchsorted(back, times, side="right")] - times
        if float((after[mine & good] <= ANSWER_SECONDS).mean()) >= USUALLY:
            out |= mine & hit & (after > ANSWER_SECONDS)
    return out
