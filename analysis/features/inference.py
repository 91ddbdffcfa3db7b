"""What frames are about, told without any key: from length, direction and timing alone.

Strategy: the headers up to the network layer are in clear, and encryption keeps lengths. What an APS
acknowledgement takes is learnt from the capture; what is longer than that is a ZCL frame whose length follows
from the tables of the protocol (3 octets of header, then the command's fields). A kind is told when length,
direction and what comes before and after it fit together; `KINDS` says how sure that is.

Sources: ZCL 07-5123 2.4 (frame formats), 2.5 (general commands), 11.13 (OTA upgrade); ZSE 1.2a annex D."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.features.identifiers import MAC_COMMANDS
from analysis.features.judging import mask, stacked
from analysis.features.stations import NO_SHORT
from analysis.features.view import Frame, View

__all__ = ["KINDS", "Kind", "infer"]

POLL, *JOINING = MAC_COMMANDS.some("Data Request", "Association Request", "Association Response")
HEADER = 3  # octets of a ZCL frame control, sequence number and command
READ_RECORD, ANSWER_RECORD = 2, 5  # octets per attribute asked for, and at least per attribute answered
# MAC header and check 11, NWK header 8 with 14 of security and a MIC of 4, APS header 8 with 5 or 13 and 4; with
# one or both of the EUI-64s in the NWK header 8 or 16 more.
ACKNOWLEDGEMENTS = (54, 62, 70, 78)
BLOCK_ACKNOWLEDGED = 3  # an acknowledgement of fragments names the block in three octets more
REPORT = range(HEADER + 4, HEADER + 40)  # an identifier, a type and a value; a few of them
BLOCK_REQUESTS = (
    17,
    19,
    25,
)  # OTA Image Block Request: 14 octets of fields, with a block period, with an address
BLOCK_HEADER = 17  # OTA Image Block Response before its data
TOP_UP, TOP_UP_ANSWER = 25, 13  # Consumer Top Up with a code of twenty digits, and its response
ANSWER_SECONDS, RUN_SECONDS, RHYTHM = 2.0, 30.0, 0.25
KEEP_ALIVE = (240.0, 1200.0)  # seconds between two keep-alives: ten minutes, with their jitter
LONGEST = (
    116  # octets from which a frame is one of a fragmented message: 127 is the most that 802.15.4 allows
)
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Kind:
    """A use that an observer can tell, how sure, and by what."""

    name: str
    confidence: float
    by: str


KINDS = {
    kind.name: kind
    for kind in (
        Kind("poll", 1.0, "the MAC command is in clear"),
        Kind("join", 0.95, "MAC association and unsecured frames to a joiner are in clear"),
        Kind("acknowledgement", 0.95, "as long as an APS acknowledgement, right after a frame the other way"),
        Kind("firmware", 0.9, "short requests of one length, each answered by a long frame, many in a row"),
        Kind("tunnel", 0.8, "frames as long as the radio allows: pieces of a long message"),
        Kind("report", 0.8, "one length from one device at a steady rhythm, unasked"),
        Kind("keep-alive", 0.7, "a read of the hub, answered, every five to fifteen minutes"),
        Kind("read", 0.6, "a short frame of a read's length, answered by a longer one at once"),
        Kind(
            "top-up",
            0.5,
            "a frame as long as a twenty-digit code needs, and an answer of that command's length",
        ),
    )
}


def infer(view: View) -> Frame:
    """Frames whose use can be told without a key: ``frame``, ``seconds``, ``origin``, ``kind``, ``confidence``.

    Nothing is read that a key would have opened."""
    packets = view.good
    polls = packets[mask(packets["mac_command"] == POLL)]
    unsecured = mask(packets["nwk_type"] == "data") & mask(packets["nwk_security"] == "none")
    unsecured &= mask(packets["nwk_dst"] < NO_SHORT)
    joins = packets[mask(packets["mac_command"].isin(JOINING)) | unsecured]
    told = [_told(polls, "poll", "sender"), _told(joins, "join", "sender")]
    rows = _talk(view)
    if len(rows):
        rows["kind"] = _kinds(rows)
        known = rows[rows["kind"] != ""]
        told.append(known[["frame", "seconds", "origin", "kind"]])
    out = stacked(told, ignore_index=True)
    out["confidence"] = out["kind"].map({name: kind.confidence for name, kind in KINDS.items()})
    return out.sort_values("frame", ignore_index=True)


def _told(rows: Frame, kind: str, who: str) -> Frame:
    columns = {
        "frame": rows["frame"].to_numpy(dtype=np.int64),
        "seconds": rows["seconds"].to_numpy(dtype=float),
    }
    return pd.DataFrame({**columns, "origin": rows[who].astype("UInt64").to_numpy(), "kind": kind})


def _talk(view: View) -> Frame:
    """Secured unicast data frames of the network layer, with ``zcl``: octets beyond an acknowledgement's."""
    packets = view.good
    rows = packets[
        mask(packets["nwk_type"] == "data")
        & mask(packets["nwk_security"].isin(["ok", "no_key"]))
        & mask(packets["nwk_dst"] < NO_SHORT)
        & packets.known("origin")
        & packets.known("target")
        & mask(packets["nwk_src"].notna())
    ]
    names = ["frame", "seconds", "origin", "target", "length", "nwk_src", "nwk_dst"]
    table = pd.DataFrame({name: rows[name].to_numpy() for name in names}).sort_values(["seconds", "frame"])
    for name in ("length", "nwk_src", "nwk_dst"):
        table[name] = table[name].astype("int64")
    table["zcl"] = table["length"] - _acknowledgement(table)
    return table.reset_index(drop=True)


def _acknowledgement(table: Frame) -> int:
    """Octets of a frame with a secured APS acknowledgement: of the lengths that the standards allow, the one that
    most frames have."""
    lengths = table["length"].value_counts()
    return max(ACKNOWLEDGEMENTS, key=lambda octets: int(lengths.get(octets, 0)))


def _kinds(rows: Frame) -> npt.NDArray[np.object_]:
    zcl = rows["zcl"].to_numpy()
    answered, answer = _answers(rows)
    asked = np.zeros(len(rows), bool)
    asked[answer[answered]] = True
    after = np.where(answered, zcl[np.maximum(answer, 0)], 0)
    kind = np.full(len(rows), "", dtype=object)
    attributes = (zcl - HEADER) // READ_RECORD
    reads = answered & (zcl > HEADER) & ((zcl - HEADER) % READ_RECORD == 0) & (attributes <= 8)
    reads &= (after >= HEADER + ANSWER_RECORD * attributes) & (after <= HEADER + 24 * attributes)
    _mark(kind, reads, "read", answer)
    to_hub = rows["nwk_dst"].to_numpy() == 0
    _mark(kind, reads & to_hub & _every(rows, reads & to_hub, *KEEP_ALIVE), "keep-alive", answer)
    kind[~asked & ~answered & np.isin(zcl, REPORT) & _steady(rows)] = "report"
    top_up = answered & (zcl == TOP_UP) & (after == TOP_UP_ANSWER) & (rows["nwk_src"].to_numpy() != 0)
    _mark(kind, top_up, "top-up", answer)
    long = rows["length"].to_numpy() >= LONGEST
    pieces = long | _follows(rows, long, same=True)
    kind[pieces & (zcl > HEADER)] = "tunnel"
    blocks = answered & np.isin(zcl, BLOCK_REQUESTS) & (after > BLOCK_HEADER) & to_hub
    blocks &= _in_runs(rows, blocks)
    _mark(kind, blocks, "firmware", answer)
    kind[(zcl > BLOCK_HEADER) & _within(rows, blocks)] = "firmware"
    kind[(zcl == 0) | (zcl == BLOCK_ACKNOWLEDGED) & _follows(rows, long, same=False)] = "acknowledgement"
    return kind


def _mark(kind: npt.NDArray[np.object_], which: Flags, name: str, answer: npt.NDArray[np.intp]) -> None:
    kind[which] = name
    kind[answer[which]] = name


def _pairs(rows: Frame) -> npt.NDArray[np.intp]:
    ends = np.sort(rows[["origin", "target"]].to_numpy(dtype=np.uint64), axis=1)
    return pd.MultiIndex.from_arrays([ends[:, 0], ends[:, 1]]).factorize()[0]


def _answers(rows: Frame) -> tuple[Flags, npt.NDArray[np.intp]]:
    """Whether a frame is answered the other way within two seconds by more than an acknowledgement, and where."""
    seconds, origin = rows["seconds"].to_numpy(), rows["origin"].to_numpy(dtype=np.uint64)
    worded = rows["zcl"].to_numpy() > 0
    found, place = np.zeros(len(rows), bool), np.full(len(rows), -1, dtype=np.intp)
    pairs = _pairs(rows)
    for pair in np.unique(pairs):
        at = np.flatnonzero((pairs == pair) & worded)
        for step in range(1, 4):
            here, there = at[:-step], at[step:]
            fits = (
                (origin[here] != origin[there])
                & (seconds[there] - seconds[here] <= ANSWER_SECONDS)
                & ~found[here]
            )
            found[here[fits]], place[here[fits]] = True, there[fits]
    return found, place


def _follows(rows: Frame, which: Flags, *, same: bool) -> Flags:
    """Whether one of the marked frames came within a second before, the same way or the other way."""
    origin, target = (rows[name].to_numpy(dtype=np.uint64) for name in ("origin", "target"))
    seconds, out = rows["seconds"].to_numpy(), np.zeros(len(rows), bool)
    for step in range(1, 5):
        before, here = slice(None, -step), slice(step, None)
        way = origin[before] == (origin if same else target)[here]
        way &= target[before] == (target if same else origin)[here]
        out[here] |= which[before] & way & (seconds[here] - seconds[before] < 1.0)
    return out


def _every(rows: Frame, which: Flags, least: float, most: float) -> Flags:
    """Which of the marked frames of one origin, target and length recur at such a distance."""
    out = np.zeros(len(rows), bool)
    for _, part in rows[which].groupby(["origin", "target", "length"], sort=False):
        gaps = np.diff(part["seconds"].to_numpy())
        gaps = gaps[gaps > 1]
        if len(gaps) >= 3 and np.mean((gaps >= least) & (gaps <= most)) > 0.6:
            out[part.index] = True
    return out


def _steady(rows: Frame) -> Flags:
    """Which frames come from their origin in their length at a steady rhythm, ten times or more."""
    out = np.zeros(len(rows), bool)
    for _, part in rows.groupby(["origin", "target", "length"], sort=False):
        gaps = np.diff(part["seconds"].to_numpy())
        gaps = gaps[gaps > 0.5]
        usual = float(np.median(gaps)) if len(gaps) >= 10 else 0.0
        if usual > 2 and float(np.median(np.abs(gaps - usual))) < RHYTHM * usual:
            out[part.index] = True
    return out


def _in_runs(rows: Frame, which: Flags, least: int = 5) -> Flags:
    """Which of the marked frames stand in a run of `least` from one origin, half a minute apart at most."""
    out = np.zeros(len(rows), bool)
    for _, part in rows[which].groupby("origin", sort=False):
        run = np.r_[0, np.cumsum(np.diff(part["seconds"].to_numpy()) > RUN_SECONDS)]
        out[part.index[np.bincount(run)[run] >= least]] = True
    return out


def _within(rows: Frame, blocks: Flags) -> Flags:
    """Whether a frame lies within a download of its target: a block was asked for just before."""
    out = np.zeros(len(rows), bool)
    for device, part in rows[blocks].groupby("origin", sort=False):
        mine = np.flatnonzero(rows["target"].to_numpy() == device)
        times = part["seconds"].to_numpy()
        last = np.searchsorted(times, rows["seconds"].to_numpy()[mine], side="right") - 1
        since = rows["seconds"].to_numpy()[mine] - times[np.maximum(last, 0)]
        out[mine[(last >= 0) & (since <= RUN_SECONDS)]] = True
    return out
