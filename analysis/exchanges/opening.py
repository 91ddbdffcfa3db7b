"""What a block of frames adds to the exchanges that frames alone tell of."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from analysis.exchanges.acknowledgements import Heard
from analysis.exchanges.answers import GENERAL_LAYER, LAYER, ZDP, general_status, said
from analysis.exchanges.desk import Scene
from analysis.exchanges.frame_arrays import BROADCAST
from analysis.exchanges.kinds import KINDS, SECOND, kind_number
from analysis.exchanges.recent import Numbers
from analysis.exchanges.records import NONE, RECORD, REQUEST
from analysis.exchanges.said_fields import Fields
from analysis.exchanges.without_answer import without_answer
from analysis.tables.arrow import numpy_of
from dissectors.vectors import distinct

if TYPE_CHECKING:
    from analysis.exchanges.tracker import ExchangeTracker

__all__ = ["update_records"]

Numbering = Callable[[Any], Numbers]
HELD = np.array([int(kind.held * SECOND) for kind in KINDS], np.int64)


def update_records(
    tracker: ExchangeTracker, scene: Scene, exchange: Numbers, numbers: Numbering, heard: Heard, fields: Fields,
    attributes: Any,
) -> None:  # fmt: skip
    """Add new exchanges, and what was heard of those that are open.

    Args:
        exchange: the number of each row's exchange; `numbers` makes numbers of handles.
        attributes: batch of that table, or None.
    """
    units, records = scene.units, tracker.records
    of_unit = numbers(units.handle)
    records.add(_new_records(scene, of_unit))
    _deliver_entries(tracker, numbers(heard.delivered))
    _learn_commands(scene, tracker, of_unit)
    rows = records.rows
    at = records.places(exchange)
    mine = np.flatnonzero((at >= 0) & (exchange > 0))
    _count(scene, rows, at, mine)
    _count_entries(tracker, scene, exchange, at)
    retried = records.places(exchange[units.rows[units.repeated]])
    np.add.at(rows["retries"], retried[retried >= 0], 1)
    _mark(records, "delivered", numbers(heard.delivered))
    _mark(records, "pending", numbers(heard.pending))
    _fetch(tracker, numbers, heard)
    for handle, entry in tracker.desk.parents.items():
        place = int(records.places(numbers([handle]))[0])
        if place >= 0:
            rows["parent"][place] = entry.number
    _answer(tracker, scene, of_unit, numbers, fields, attributes)
    rows["closes"] = rows["end"] + HELD[rows["kind"]]


def _new_records(scene: Scene, of_unit: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    units, frames = scene.units, scene.frames
    new = np.flatnonzero(units.begins & (units.carried == 0))
    out = np.zeros(len(new), RECORD)
    if not len(new):
        return out
    first = units.first[new]
    out["exchange"] = of_unit[new]
    out["initiator"], out["responder"] = frames.initiators(first), frames.responders(first)
    out["start"], out["end"] = frames.time[first], frames.time[first]
    out["first_frame"], out["last_frame"] = frames.frame[first], frames.frame[first]
    out["broadcast"] = frames.nwk_dst[first] >= BROADCAST
    for name in ("status", "use_case", "missing_words"):
        out[name] = NONE
    out["kind"] = np.where(units.poll[new], kind_number("poll"), kind_number("delivery"))
    poll = np.flatnonzero(units.poll[new])
    out["initiator"][poll], out["responder"][poll] = frames.hop_from[first[poll]], frames.hop_to[first[poll]]
    out["pan"] = frames.pan[first]
    out["due"], out["headed"] = units.poll[new], units.poll[new]
    return out  # numbered in the order of first rows, as units are


def _learn_commands(scene: Scene, tracker: ExchangeTracker, of_unit: npt.NDArray[np.int64]) -> None:
    """Set what is known of exchanges whose command was read in this block."""
    units, rows = scene.units, tracker.records.rows
    own = np.flatnonzero((units.head >= 0) & (units.begins | (units.carried > 0)))
    at = tracker.records.places(of_unit[own])
    own, at = own[at >= 0], at[at >= 0]
    fresh = ~rows["headed"][at]
    own, at = own[fresh], at[fresh]
    codes, which = distinct(units.code[own])
    facts = [said(int(code)) for code in codes]
    alone = np.array([one.answers and not one.alone for one in facts], np.bool_)[which] & (
        units.answers[own] == 0
    )
    kinds = np.array([one.kind for one in facts], np.uint8)[which]
    layer = units.code[own] >> LAYER
    kinds[alone] = np.where(layer[alone] == ZDP, kind_number("zdp"), kind_number("zcl"))
    due = np.array([one.due >= 0 for one in facts], np.bool_)[which]
    silent = due & without_answer(scene, units.code[own], units.head[own])
    kinds[silent] = kind_number("delivery")
    rows["code"][at], rows["kind"][at], rows["headed"][at] = units.code[own], kinds, True
    rows["due"][at] = due & ~silent
    rows["missing"][at[alone]] = REQUEST
    turned = at[alone]
    rows["initiator"][turned], rows["responder"][turned] = (
        rows["responder"][turned],
        rows["initiator"][turned].copy(),
    )
    rows["answered"][turned] = rows["start"][turned]


def _count(scene: Scene, rows: Any, at: npt.NDArray[np.int64], mine: npt.NDArray[np.int64]) -> None:
    """Count frames, and see how far exchanges reach."""
    if not len(mine):
        return
    place = at[mine]
    rows["frames"] += np.bincount(place, minlength=len(rows)).astype(np.uint32)
    end = rows["end"].copy()
    np.maximum.at(end, place, scene.frames.time[mine])
    rows["end"] = end
    # Rows are in order of their frames: what is set last stays.
    rows["last_frame"][place] = scene.frames.frame[mine]


def _count_entries(
    tracker: ExchangeTracker, scene: Scene, exchange: npt.NDArray[np.int64], at: npt.NDArray[np.int64]
) -> None:
    for row in np.flatnonzero((at < 0) & (exchange > 0)).tolist():
        entry = tracker.desk.open.get(int(exchange[row]))
        if entry is not None:
            entry.frames += 1
            entry.touch(scene.time(row), scene.frame(row))


def _deliver_entries(tracker: ExchangeTracker, exchanges: npt.NDArray[np.int64]) -> None:
    """Entries whose own request came to its receiver (rejoins: others are told by what lies in them)."""
    for number in exchanges.tolist():
        entry = tracker.desk.open.get(int(number))
        if entry is not None and entry.kind == "rejoin":
            entry.delivered = True


def _mark(records: Any, name: str, exchanges: npt.NDArray[np.int64]) -> None:
    at = records.places(exchanges)
    records.rows[name][at[at >= 0]] = True


def _fetch(tracker: ExchangeTracker, numbers: Numbering, heard: Heard) -> None:
    """Polls that got data: when, and which exchange it belongs to."""
    polls, times, inner = heard.fetched
    at = tracker.records.places(numbers(polls))
    rows = tracker.records.rows
    whose = numbers(inner).astype(np.uint64)
    for place, time, parent in zip(at.tolist(), times.tolist(), whose.tolist(), strict=True):
        if place >= 0 and rows["answered"][place] == 0:
            rows["answered"][place], rows["parent"][place] = time, parent


def _answer(
    tracker: ExchangeTracker, scene: Scene, of_unit: Numbers, numbers: Numbering, fields: Fields, attributes: Any
) -> None:  # fmt: skip
    """Set on requests when they were answered, and how."""
    units, records = scene.units, tracker.records
    rows = records.rows
    mine = np.flatnonzero(units.answers != 0)
    request = numbers(units.answers[mine])
    place = records.places(request)
    started = scene.frames.time[units.first[mine]]
    own = records.places(of_unit[mine])
    apart = (of_unit[mine] != request) & (own >= 0)
    started[apart] = rows["start"][own[apart]]
    rows["parent"][own[apart]] = request[apart]
    mine, place, started = mine[place >= 0], place[place >= 0], started[place >= 0]
    first = np.flatnonzero(rows["answered"][place] == 0)[::-1]
    rows["answered"][place[first]] = started[first]
    alone = np.flatnonzero((units.head >= 0) & units.begins & (units.answers == 0))
    at = records.places(of_unit[alone])
    lonely = (at >= 0) & (rows["missing"][at] == REQUEST)
    _judge(
        tracker,
        scene,
        np.concatenate([mine, alone[lonely]]),
        np.concatenate([place, at[lonely]]),
        fields,
        attributes,
    )
    for handle, (time, refused, status) in tracker.desk.verdicts.items():
        where = int(records.places(numbers([handle]))[0])
        if where >= 0 and not rows["answered"][where]:
            rows["answered"][where], rows["refused"][where] = time, refused
            rows["status"][where] = tracker.words.place(status)


def _judge(
    tracker: ExchangeTracker, scene: Scene, units: npt.NDArray[np.int64], places: npt.NDArray[np.int64], fields: Fields,
    attributes: Any,
) -> None:  # fmt: skip
    """Read the statuses of answers."""
    frames, rows, words = scene.frames, tracker.records.rows, tracker.words
    head = scene.units.head[units]
    code = scene.units.code[units]
    general = code >> LAYER == GENERAL_LAYER
    status = frames.numbers("zcl_status")[head]
    for value in np.unique(status[general & (status >= 0)]).tolist():
        which = np.flatnonzero(general & (status == value))
        rows["status"][places[which]] = words.place(general_status(value))
        if not value:
            continue
        granted, asked = _granted(attributes, frames.frame[head[which]])
        rows["refused"][places[which]] = granted == 0
        for one in np.flatnonzero(granted).tolist():
            text = f"{asked[one] - granted[one]} of {asked[one]} refused: {general_status(value)}"
            rows["status"][places[which[one]]] = words.place(text)
    told, at_rows = fields.statuses
    if not len(told):
        return
    numbers = frames.frame[head]
    at = np.minimum(np.searchsorted(told, numbers), len(told) - 1)
    for one in np.flatnonzero((told[at] == numbers) & ~general).tolist():
        value, text = fields.status(int(at_rows[at[one]]))
        rows["refused"][places[one]] = value != 0
        rows["status"][places[one]] = words.place(
            text or ("success" if not value else f"status 0x{value:02x}")
        )


def _granted(attributes: Any, responses: npt.NDArray[Any]) -> tuple[Numbers, Numbers]:
    """How many records of each response (a frame) tell of success, and how many there are."""
    if attributes is None or not len(attributes):
        return np.zeros(len(responses), np.int64), np.ones(len(responses), np.int64)
    frames = numpy_of(attributes.column("frame"))[0]
    wanted = responses.astype(frames.dtype)
    low, high = np.searchsorted(frames, wanted), np.searchsorted(frames, wanted, side="right")
    status, valid = numpy_of(attributes.column("status"))
    good = np.r_[0, np.cumsum(valid & (status == 0))]
    return good[high] - good[low], high - low
