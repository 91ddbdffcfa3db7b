"""Battery devices kept awake: promises of data that never comes, junk frames."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from analysis.features.completeness import Completeness, completeness, improbable
from analysis.features.judging import count, longest_run, mask, spread
from analysis.features.polls import POLL
from analysis.features.repeats import repeats
from analysis.features.view import Frame, View
from analysis.findings.model import Evidence, broken, kept
from analysis.findings.subject import Subject
from analysis.rules.expression import c
from analysis.rules.registry import rules_of
from analysis.rules.rows import packets

rule = rules_of("anomaly", "battery drain")

FLIGHT = 0.02  # seconds in which an acknowledgement comes
PATCHY, PATCHY_SHARE = 6, 0.15  # promises that are not kept, and their share, with kept ones between


@rule(
    "pending-without-data",
    "A sleeping device is told to wait for data that never comes",
    severity="error",
    source="atusb-attacks 02, 10",
    confidence="secondary",
    merges=("attacks:A13",),
    cause="battery drain",
    unseen="polls (MAC data requests) and their acknowledgements",
    advice="Forged acknowledgements keep the receiver of a battery device on: compare their signal strength",
)
def pending_without_data(
    view: View,
    *,
    seconds: float = 0.1,
    times: int = 4,
    share: float = 0.3,
    floor: float = 0.02,
    rarely: float = 0.01,
) -> Iterator[Evidence]:
    """The acknowledgement of a poll says whether data is waiting. "Waiting" and then nothing, again and
    again, keeps a sleeping device awake or lets it miss its data."""
    packets = view.good.sort_values("seconds")
    polls = repeats(view).only(mac_command=POLL)
    polls = polls[~polls["heard"] & (polls["copies"] == 1)]  # a poll that is sent again asks for the same
    acks = packets.only(mac_type="ack", mac_pending=True)
    data = packets.only(mac_type=["data", "command"])
    data = data[~mask(data["mac_command"] == POLL)]
    if polls.empty or acks.empty:
        return
    promised = _followed(polls, acks, FLIGHT, same="mac_seq")
    empty = promised & ~_delivered(polls, data, seconds)
    if empty.any():
        empty[empty] = ~_acked_unheard(packets, polls[empty], seconds)
    air = completeness(view)
    for child, place in polls.groupby("sender", sort=False).places():
        told, nothing = polls.iloc[place[promised[place]]], polls.iloc[place[empty[place]]]
        in_a_row = longest_run(empty[place][promised[place]])
        subject = Subject.device(child)
        rest = len(told) - in_a_row
        usual = max((len(nothing) - in_a_row) / rest if rest else 0.0, floor)
        chance = len(told) * usual**in_a_row  # of so many in a row, were each lost on its own
        if in_a_row >= times and usual <= share and chance < rarely:
            text = f"{len(nothing)} of {len(told)} promises of data were not kept, {in_a_row} in a row"
            yield broken(subject, text, nothing["frame"])
        elif _patchy(air, child, len(nothing), len(told)):
            text = f"{len(nothing)} of {len(told)} promises of data were not kept, with kept ones between"
            yield broken(subject, text, nothing["frame"])
        elif len(nothing) >= times and len(nothing) > 0.5 * len(told):
            text = f"{len(nothing)} of {len(told)} promises of data were not kept, from the beginning"
            yield broken(subject, text, nothing["frame"], "info")  # a habit of the parent, or not heard
        elif len(told):
            yield kept(subject, f"{len(told) - len(nothing)} of {len(told)} promises of data were kept")


def _patchy(air: Completeness, child: int, nothing: int, told: int) -> bool:
    """Whether so many promises were not kept that the sniffer cannot have missed them all; where most were not, it is a
    habit of the parent."""
    chance = max(2 * air.missed(child), 2 * air.share, 0.02)
    return (
        nothing >= PATCHY
        and PATCHY_SHARE * told <= nothing <= 0.75 * told
        and improbable(nothing, told, chance)
    )


def _followed(rows: Frame, answers: Frame, seconds: float, same: str) -> Frame:
    times, values = (
        answers["seconds"].to_numpy(dtype=float),
        answers[same].to_numpy(dtype=np.int64, na_value=-1),
    )
    at = np.searchsorted(times, rows["seconds"].to_numpy(dtype=float), side="right")
    inside = at < len(times)
    at = np.minimum(at, len(times) - 1)
    gap = times[at] - rows["seconds"].to_numpy(dtype=float)
    return inside & (gap <= seconds) & (values[at] == rows[same].to_numpy(dtype=np.int64, na_value=-2))


def _acked_unheard(packets: Frame, polls: Frame, seconds: float) -> Frame:
    """Whether an acknowledgement followed for a frame that the sniffer did not hear: the data may have
    come."""
    when = packets["seconds"].to_numpy(dtype=float)
    asked = polls["seconds"].to_numpy(dtype=float)
    packets = packets[_between(when, asked - 2 * FLIGHT, asked + seconds + FLIGHT)]
    acks = packets.only(mac_type="ack")
    sent = packets[~mask(packets["mac_type"] == "ack") & mask(packets["mac_seq"].notna())]
    times, numbers = sent["seconds"].to_numpy(dtype=float), sent["mac_seq"].to_numpy(dtype=np.int64)
    when, number = (
        acks["seconds"].to_numpy(dtype=float),
        acks["mac_seq"].to_numpy(dtype=np.int64, na_value=-1),
    )
    known = np.zeros(len(when), dtype=bool)
    last = np.searchsorted(times, when) - 1
    for step in range(4):
        at = np.maximum(last - step, 0)
        known |= (
            (last - step >= 0) & (when - times[at] < FLIGHT) & (numbers[at] == number)
            if len(times)
            else False
        )
    lone = when[~known]
    at = np.searchsorted(lone, asked, side="right")
    near: Frame = np.append(lone, np.inf)[at] - asked
    return near <= seconds


def _between(times: Frame, starts: Frame, ends: Frame) -> Frame:
    """Which of the rising `times` lie within one of the stretches."""
    size = len(times) + 1
    low, high = np.searchsorted(times, starts), np.searchsorted(times, ends, side="right")
    return np.cumsum(np.bincount(low, minlength=size) - np.bincount(high, minlength=size))[:-1] > 0


def _delivered(polls: Frame, data: Frame, seconds: float) -> Frame:
    """Whether a frame to the poll's sender came within `seconds`."""
    out = np.zeros(len(polls), dtype=bool)
    times, sent = (rows["seconds"].to_numpy(dtype=float) for rows in (polls, data))
    to = dict(data.groupby("receiver", sort=False).places())
    for station, here in polls.groupby("sender", sort=False).places():
        mine = sent[to[station]] if station in to else sent[:0]
        at = np.searchsorted(mine, times[here])
        near = np.append(mine, np.inf)[at] - times[here]
        out[here] = near <= seconds
    return out


@rule(
    "junk-frames",
    "Long frames that fail their integrity check go to a sleeping device",
    severity="error",
    source="atusb-attacks 12, 13; Akestoridis (WiSec 2020); Cao, Ghost-in-ZigBee (2016)",
    confidence="secondary",
    merges=("attacks:A16", "attacks:A17"),
    needs=(packets.where(c.nwk_security == "bad_mic"),),
    cause="battery drain",
    unseen="secured frames that a held key opens",
    advice="Each costs the receiver energy: find the sender by signal strength",
)
def junk_frames(
    view: View, *, per_hour: int = 3, length: int = 100, per_minute: int = 20
) -> Iterator[Evidence]:
    """Frames in the name of a known device whose integrity code is wrong although its other frames verify,
    with good check sequences: bogus frames that make the receiver decipher in vain. Long ones to a battery
    device, several an hour, or any twenty a minute to one address."""
    packets = view.good
    rows = packets.only(nwk_security=["ok", "bad_mic"])
    codes, senders = rows.only(nwk_security="ok").codes("sender")
    verified = [senders[code] for code in np.unique(codes).tolist() if code >= 0]
    junk = rows.only(nwk_security="bad_mic", fcs_ok=True)
    junk = junk[mask(junk["sender"].isin(verified))]
    received = dict(iter(junk.groupby("receiver")))
    for receiver, part in rows.groupby("receiver", sort=False):
        mine = received.get(receiver, junk[:0])
        subject = Subject.device(receiver)
        minute = _most_within(mine["seconds"], 60.0)
        hour = _most_within(mine[mask(mine["length"] >= length)]["seconds"], 3600.0)
        if minute > per_minute or hour >= per_hour:
            most = f"up to {minute} a minute, {hour} long ones an hour"
            text = f"{count(mine)} fail their check, {most} ({spread(mine)})"
            yield broken(subject, text, mine["frame"])
        else:
            yield kept(subject, f"{len(mine)} of {count(part)} to it fail their check")


def _most_within(seconds: Frame, window: float) -> int:
    times = seconds.to_numpy(dtype=float)
    if not len(times):
        return 0
    return int((np.searchsorted(times, times + window) - np.arange(len(times))).max())
