"""Requests of all layers that were delivered, and that nobody answered, or late."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, partial
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd

from analysis.features.completeness import Completeness, completeness, improbable
from analysis.features.judging import groups_in, mask, matching, plural, runs
from analysis.features.names import missing
from analysis.features.polls import pollers
from analysis.features.view import Frame, View
from analysis.findings.model import Evidence, broken, kept
from analysis.findings.subject import Subject
from analysis.rules.refusals.requests import consequence_of
from analysis.rules.registry import rule
from analysis.tables.lazy import numbers_of

KINDS = ("zcl", "zdp", "rejoin")
"""Exchanges that are a request with its answer. GBCS commands are told by `device-unresponsive`, joins by
`association-fails` and `cbke-incomplete`, polls by `pending-without-data`."""
COLUMNS = (
    "kind", "name", "initiator", "responder", "outcome", "first_frame", "last_frame", "missing", "time_to_answer",
    "cluster", "start", "retries",
)  # fmt: skip
KEY = ("initiator", "responder", "what")
DUE, PROVED = 30.0, 2  # seconds that an answer may take; unanswered ones of which no chance is asked
ANSWER_FRAMES, MANY, RARE = (
    2,
    5,
    1e-5,
)  # of an answer on the air; answers from which chance is asked, and its limit
REACH = 0.8
"""Of requests to a device out of reach: some seem acknowledged where another's acknowledgement has their number."""
NO_ROW = (0, 0.0, 0)
SHARED: dict[str, Any] = {"family": "anomaly", "area": "unanswered", "needs": ("packets", "exchanges")}


def requests(view: View) -> Frame:
    """Requests whose two ends are known and of which is known what became of them, in their order."""
    rows = view.exchanges
    rows = rows[
        mask(rows["kind"].isin(KINDS))
        & mask(rows["outcome"].isin(("ok", "refused", "unanswered", "failed", "incomplete")))
    ]
    unheard = mask(rows["outcome"] == "incomplete")
    rows = rows[~unheard | matching(rows["missing"], "answer|response", "contains")]
    rows = rows[mask(rows["initiator"].notna()) & mask(rows["responder"].notna())]
    rows = rows[list(COLUMNS)].sort_values("first_frame")
    return rows.assign(what=_what(view, rows))


def _what(view: View, rows: Frame) -> Any:
    """What each request asks: what its first frame says, or else its name. Few texts stand behind many requests, so they
    stay codes."""
    firsts = numbers_of(rows["first_frame"])[0]
    said = view.packets.of_frames(firsts)
    frames, heard, names = numbers_of(said["frame"])[0], said["summary"].array, rows["name"].array
    if not len(heard):
        return names
    at = np.minimum(np.searchsorted(frames, firsts), len(frames) - 1)
    what = np.where(frames[at] == firsts, heard.codes[at], -1)
    texts = heard.categories.tolist()
    lacks = what < 0
    if lacks.any():
        number = {text: place for place, text in enumerate(texts)}
        named = [number.setdefault(text, len(number)) for text in names.categories]
        what[lacks] = np.array([*named, -1])[names.codes[lacks]]
        texts = list(number)
    return pd.Categorical.from_codes(what, texts)


@rule(
    "request-unanswered",
    "Requests get no answer",
    finds="""Requests of a device (reads, prices, time, keep-alive, ZDP, rejoins) that were delivered, or were sent to
    the last try, and that the other side never answered. Several and most of them, or several in a row to the end, warn;
    one informs. What the sniffer may have missed by its own measure is no finding, and neither are requests to a
    device that is never heard, which nobody sends again: it acknowledged them out of the sniffer's reach.""",
    matters="""A display shows dashes or an old value; a device that gets no answer for long believes that it is alone,
    and rejoins.""",
    example="""Prepayment display (90b3d5fffe0000a4): 8 of 8 requests to Electricity meter (90b3d5fffe0000a0) unanswered,
    though delivered: Prepayment: Read Attributes PaymentControlConfiguration; it gets no credit""",
    source="ZCL 07-5123 2.4 (a request is answered); ZigBee PRO 05-3474 2.4.2 (ZDP), 3.6.1.4.2 (rejoin)",
    advice="""See whether the other side answers others; if not, restart it. If only this one: link key and endpoint of
    the two do not fit, join it anew""",
    severity="warning", hearing=True, confidence="derived", cause="silence",
    requires="requests with what became of them",
    broken_by="ordinary-day --fault reads-unanswered --seconds 2400", kept_by="ordinary-day --seconds 1500", **SHARED,
)  # fmt: skip
def request_unanswered(
    view: View, *, times: int = 3, many: int = 12, run: int = 4, lasting: float = 1200.0
) -> Iterator[Evidence]:
    """One verdict for each pair of devices and kind of request. A run that ends warns where it lasts longer than a hub
    needs to restart."""
    air, rows = completeness(view), view.once(requests)
    bad = mask(rows["outcome"].isin(("unanswered", "failed", "incomplete")))
    incomplete = mask(rows["outcome"] == "incomplete")
    delivered, clusters = mask(rows["outcome"] == "unanswered"), rows["cluster"].to_numpy(dtype=object)
    frames = rows[["first_frame", "last_frame"]].to_numpy(dtype=np.int64)
    times_of = rows["start"].astype("int64").to_numpy() / 1e9
    said, afar = cache(partial(consequence_of, view)), view.once(_out_of_reach)
    for (initiator, responder, what), every in _groups(rows):
        station, unheard = station_of(view, responder), int(np.count_nonzero(incomplete[every]))
        subject = Subject.device(station_of(view, initiator))
        if station in afar:
            yield kept(
                subject, f"{plural(len(every), 'request')} {what} to a device out of the sniffer's reach"
            )
            continue
        row = _in_a_row(bad[every], times_of[every])[0] if unheard and len(every) >= MANY else 0
        by_chance = bool(unheard) and not _too_many(air, station, len(every), unheard, row)
        own = every[~incomplete[every]] if by_chance else every  # what the sniffer missed says nothing
        lost, total = bad[own], len(own)
        count = int(np.count_nonzero(lost))
        if not count:
            perhaps = f", {unheard} perhaps unheard" if unheard else ""
            yield kept(subject, f"{total} of {plural(total, 'request')} {what} answered{perhaps}")
            continue
        explained = air.may_explain(station, count, total)
        ends = len(every) >= run and _last(bad[every]) >= run
        sure = (explained or ends) and _proved(
            air, station, times_of[own[lost & delivered[own]]] - view.start_ns / 1e9
        )
        if explained and not sure:
            answered = f"{total - count} of {plural(total, 'request')} {what} answered"
            yield kept(subject, f"{answered}, {count} perhaps unheard")
            continue
        places, worst = own[lost], _in_a_row(lost, times_of[own]) if count >= run else NO_ROW
        grave = (
            (count >= times and 2 * count > total)
            or (count >= many and 3 * count > total)
            or (count >= run and _last(lost) >= run)
            or (worst[0] >= run and worst[1] >= lasting)
            or (sure and ends)
        )
        how = "though delivered" if delivered[places].all() else "not all of them acknowledged"
        text = f"{count} of {plural(total, 'request')} to {view.label(station)} unanswered, {how}: {what}"
        text += said(clusters[places[0]], station)
        if worst[0] >= run:
            text += f"; {worst[0]} of them in a row, for {worst[1]:,.0f} s from frame {frames[own[worst[2]], 0]} on"
        text += f" (the sniffer missed about {air.missed(station):.0%} of that device's frames)"
        shown = sorted(set(frames[places].ravel().tolist()))
        yield broken(subject, text, shown, "warning" if grave else "info")


def _last(lost: np.ndarray) -> int:
    """How many requests were lost at the end."""
    return len(lost) if lost.all() else int(lost[::-1].argmin())


def _proved(air: Completeness, station: int, seconds: np.ndarray) -> bool:
    """Whether enough requests that began at some times were not answered beyond doubt: of all that the responder sent
    while an answer was due, no number is missing."""
    sure = (when for when in seconds.tolist() if air.unheard(station, when, when + DUE) == 0)
    return len(list(islice(sure, PROVED))) >= PROVED


def _out_of_reach(view: View) -> frozenset[int]:
    """Stations that are never heard, and to which most is sent once: so it was acknowledged, unheard."""
    heard = frozenset(one & (1 << 16) - 1 if one < 1 << 32 else one for one in view.good.values("sender"))
    rows, out = view.once(requests), set()
    for responder, part in rows.groupby("responder", sort=False):
        station, again = station_of(view, responder), int((part["retries"].fillna(0) > 0).sum())
        unheard = int((part["outcome"] == "incomplete").sum())
        if station not in heard and unheard >= REACH * len(part) and 2 * again < len(part):
            out.add(station)
    return frozenset(out)


def _in_a_row(lost: np.ndarray, seconds: np.ndarray) -> tuple[int, float, int]:
    """The longest run of requests that were lost: how many, for how many seconds, and the place of the first."""
    starts, ends = runs(lost)
    if not len(starts):
        return NO_ROW
    at = int((ends - starts).argmax())
    return int(ends[at] - starts[at]), float(seconds[ends[at] - 1] - seconds[starts[at]]), int(starts[at])


def _groups(rows: Frame) -> Iterator[tuple[tuple[Any, Any, str], np.ndarray]]:
    """The places of the requests of each pair of devices and kind, in the order in which they begin."""
    groups = groups_in(rows, *KEY)
    firsts = np.array([own[0] for own in groups], np.intp)
    keys = zip(*(rows[name].iloc[firsts].tolist() for name in KEY), strict=True)
    yield from ((key, own) for key, own in zip(keys, groups, strict=True) if not missing(key[2]))


def _too_many(air: Completeness, station: int, total: int, unheard: int, row: int) -> bool:
    """Whether answers that were not heard, where frames of the responder are missing, are more than chance has it, or
    more in a row."""
    if row >= MANY and improbable(1, total, air.chance(station, ANSWER_FRAMES) ** row, RARE * total):
        return True
    return unheard >= MANY and improbable(unheard, total, air.chance(station, ANSWER_FRAMES), RARE)


def station_of(view: View, address: Any) -> int:
    """The station of an address of an exchange: a short one that only one device has is that device."""
    number = int(address)
    if number >= 1 << 16:
        return number
    found = view.once(_by_short).get(number, set())
    return next(iter(found)) if len(found) == 1 else number


def _by_short(view: View) -> dict[int, set[int]]:
    out: dict[int, set[int]] = {}
    for key, eui64 in view.addresses.items():
        out.setdefault(key & (1 << 16) - 1, set()).add(eui64)
    return out


@rule(
    "answer-late",
    "Answers come late",
    finds="""Answers to requests that took longer than a parent holds a frame for a sleeping device (7.68 s), or many
    times the device's own habit. Devices that sleep are given their time.""",
    matters="The asker may have given up by then, and asks again: displays lag, tunnels block.",
    example="""Electricity meter (90b3d5fffe0000a0): 5 of 8 answers to Prepayment display (90b3d5fffe0000a4) late, up to
    12.4 s, usually 0.2 s: Prepayment: Read Attributes CreditRemaining""",
    source="IEEE 802.15.4-2011 macTransactionPersistenceTime (7.68 s); the device's own answers",
    advice="See what keeps the device busy: a firmware transfer, a weak link with retries, too many askers",
    severity="warning", confidence="derived", cause="weak link",
    requires="requests with the time to their answer",
    broken_by="ordinary-day --fault slow-answers --seconds 2400", kept_by="ordinary-day --seconds 1500", **SHARED,
)  # fmt: skip
def answer_late(
    view: View, *, seconds: float = 7.68, habit: float = 20.0, least: float = 2.0, times: int = 3
) -> Iterator[Evidence]:
    """One verdict for each pair of devices and kind of request."""
    asleep = pollers(view)
    rows = view.once(requests)
    rows = rows[mask(rows["time_to_answer"].notna())]
    usual = rows.groupby("responder", sort=False)["time_to_answer"].median()
    times_taken = rows["time_to_answer"].to_numpy(dtype=float)
    for (initiator, responder, what), own in _groups(rows):
        if {int(initiator), int(responder)} & asleep:
            continue
        took, median = times_taken[own], float(usual[responder])
        late = took > min(seconds, max(least, habit * median))
        subject = Subject.device(station_of(view, responder))
        if not late.any():
            yield kept(subject, f"{plural(len(own), 'answer')} within {took.max():,.1f} s")
            continue
        grave = late.sum() >= times and np.count_nonzero(took > seconds) * 2 > len(own)
        who = view.label(station_of(view, initiator))
        text = (
            f"{late.sum()} of {plural(len(own), 'answer')} to {who} late, up to {took.max():,.1f} s, usually "
        )
        text += f"{median:,.1f} s: {what}"
        places = own[late]
        frames = rows[["first_frame", "last_frame"]].iloc[places].to_numpy(dtype=np.int64).ravel()
        yield broken(subject, text, sorted(frames.tolist()), "warning" if grave else "info")
