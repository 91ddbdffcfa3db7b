"""Requests with their answers, deliveries and polls of a block of frames, told in arrays.

Strategy: frames of one APS datagram (its hops, repetitions and fragments) or one poll are a unit. A unit that begins with
a frame which may be an answer belongs to the exchange of its request; any other begins one. So the number of a frame's
exchange is known when the frame is, and a table of packets can be written as it is read. An answer in fragments is known
as one only with its last fragment: it is a delivery of its own, whose parent is the request.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from analysis.exchanges.answers import DEFAULT_RESPONSE, GENERAL_LAYER, LAYER, ZDP, codes_of_rows, said
from analysis.exchanges.frame_arrays import BROADCAST, FrameArrays
from analysis.exchanges.kinds import SECOND
from analysis.exchanges.recent import Keys, Numbers, Recent, mixed
from dissectors.ieee802154 import COMMAND_NAMES
from dissectors.vectors import distinct

__all__ = ["POLL", "UnitMemory", "Units", "remember", "units_of"]

POLL = next(number for number, name in COMMAND_NAMES.items() if name == "Data Request")
REPEATED = 8 * SECOND
"""Frames of one unit follow each other within this: the three tries of an APS frame are 1.6 s apart, a sleeping device
may take 7.68 s to fetch a fragment."""
ANSWERED = 30 * SECOND
HEADED = 1


@dataclass(slots=True)
class UnitMemory:
    """Units by key (number of the exchange times two, and whether its command is known); requests."""

    units: Recent = field(default_factory=lambda: Recent(REPEATED))
    hops: Recent = field(default_factory=lambda: Recent(REPEATED))
    requests: Recent = field(default_factory=lambda: Recent(ANSWERED))


@dataclass(slots=True)
class Units:
    """The units of a block. A handle is the number of an exchange that is open, or below 0 for one of this block:
    ``-1 - unit``.

    Attributes:
        rows: the rows that belong to units, in order; `which`: the unit of each; `keys`: that of each.
        first: first row of each unit; `head`: first row that tells its command, -1 where none does or it was known.
        carried: the exchange that it goes on with from an earlier block, 0 where it begins here.
        code: of its command, 0 where it is not known.
        handle: the exchange that it belongs to.
        answers: the exchange that it answers, 0 for none.
        repeated: of each row, whether this hop has seen it before.
        poll: whether it is a poll; `known`: whether its command was known before the block.
        opened: requests: key, row, unit and time of each.
    """

    rows: Numbers
    keys: Keys
    which: Numbers
    first: Numbers
    head: Numbers
    carried: Numbers
    code: Numbers
    handle: Numbers
    answers: Numbers
    repeated: npt.NDArray[np.bool_]
    poll: npt.NDArray[np.bool_]
    known: npt.NDArray[np.bool_]
    opened: list[tuple[Keys, Numbers, Numbers, Numbers]] = field(default_factory=list)

    @property
    def begins(self) -> npt.NDArray[np.bool_]:
        """Which units begin an exchange."""
        found: npt.NDArray[np.bool_] = self.handle == -1 - np.arange(len(self.first))
        return found


def units_of(frames: FrameArrays, memory: UnitMemory) -> Units:
    """The units of a block, matched with requests; `remember` takes them along when their numbers are known."""
    data = frames.is_data & (frames.aps_counter >= 0)
    poll = frames.mac_command == POLL
    rows = np.flatnonzero(data | poll)
    keys = mixed(
        2, frames.sent_by[rows], frames.sent_to[rows], frames.aps_counter[rows], frames.cluster[rows]
    )
    asks, at = rows[poll[rows]], np.flatnonzero(poll[rows])
    keys[at] = mixed(1, frames.pan[asks], frames.hop_from[asks], frames.hop_to[asks], frames.mac_seq[asks])
    runs = memory.units.runs(keys, frames.time[rows])
    carried, known = runs.carried >> 1, (runs.carried & HEADED) > 0
    codes = codes_of_rows(frames)[rows]
    count = len(runs.first)
    head = np.full(count, -1, np.int64)
    told = np.flatnonzero(codes > 0)[::-1]
    head[runs.which[told]] = told
    head[known] = -1
    code = np.where(head >= 0, codes[head], 0) if len(codes) else np.zeros(count, np.int64)
    first = rows[runs.first] if count else runs.first
    head = np.where(head >= 0, rows[np.maximum(head, 0)], -1) if len(rows) else head
    repeated = _repeated(frames, rows, runs.which, carried > 0, keys, codes, memory)
    handle = np.where(carried > 0, carried, -1 - np.arange(count))
    nothing = np.zeros(count, np.int64)
    units = Units(
        rows, keys, runs.which, first, head, carried, code, handle, nothing, repeated, poll[first], known
    )
    _match(frames, units, memory)
    return units


def _repeated(
    frames: FrameArrays, rows: Numbers, which: Numbers, carried: npt.NDArray[np.bool_], keys: Keys, codes: Numbers,
    memory: UnitMemory,
) -> npt.NDArray[np.bool_]:  # fmt: skip
    """Which rows are sent again by the same station: of fragments only what bears the same MAC sequence number."""

    def keys_of(some: Numbers) -> Keys:
        part = np.where(codes[some] > 0, -1, frames.mac_seq[rows[some]])
        return mixed(3, keys[some], frames.hop_from[rows[some]], part)

    time, now = frames.time[rows], _now(frames)
    again = np.zeros(len(rows), np.bool_)
    many = np.flatnonzero(((np.bincount(which) > 1) | carried)[which]) if len(which) else which
    runs = memory.hops.runs(keys_of(many), time[many])
    again[many] = True
    again[many[runs.first[runs.carried == 0]]] = False
    late = np.flatnonzero(time >= now - REPEATED)
    memory.hops.remember(keys_of(late), np.ones(len(late), np.int64), time[late], now)
    return again


def _now(frames: FrameArrays) -> int:
    return int(frames.time[-1]) if frames.count else 0


def _match(frames: FrameArrays, units: Units, memory: UnitMemory) -> None:
    """Find for units that may be answers what they answer; what they open is kept in `Units.opened`."""
    has = np.flatnonzero(units.head >= 0)
    if not len(has):
        return
    head, code = units.head[has], units.code[has]
    codes, which = distinct(code)
    facts = [said(int(one)) for one in codes]
    due = np.array([one.due for one in facts], np.int64)[which]
    answers = np.array([one.answers for one in facts], np.bool_)[which]
    default = (code >> LAYER == GENERAL_LAYER) & (code & 0xFF == DEFAULT_RESPONSE)
    by, to, when = frames.sent_by[head], frames.sent_to[head], frames.time[head]
    seq = np.where(code >> LAYER == ZDP, -1, frames.numbers("zcl_seq")[head])
    cluster = code >> 8 & 0xFFFF

    def opened(which: npt.NDArray[np.bool_], keys: Keys) -> None:
        units.opened.append((keys[which], head[which], has[which], when[which]))

    def asked(which: npt.NDArray[np.bool_], keys: Keys) -> None:
        at = np.flatnonzero(which & (units.answers[has] == 0))
        told = [(k, r, units.handle[u], t) for k, r, u, t in units.opened]
        both = tuple(np.concatenate(column) for column in zip(*told, strict=True))
        found = memory.requests.latest(both, (keys[at], head[at], when[at]))  # type: ignore[arg-type]
        _belong(units, has[at], head[at], found)

    opened(due >= 0, mixed(4, by, to, seq, due))
    opened((due >= 0) & (to & 0xFFFF >= BROADCAST), mixed(5, by, seq, due))
    asked(answers & ~default, mixed(4, to, by, seq, code))
    asked(answers & ~default & (code >> LAYER == ZDP), mixed(5, to, seq, code))
    opened(~default & (code >> LAYER != ZDP), mixed(6, by, to, seq, cluster))
    asked(default, mixed(6, to, by, seq, cluster))


def _belong(units: Units, mine: Numbers, head: Numbers, found: Numbers) -> None:
    """Units that answer what was found: whole ones belong to it, others (in fragments) are their own."""
    hit = found != 0
    units.answers[mine[hit]] = found[hit]
    whole = hit & (units.carried[mine] == 0) & (units.first[mine] == head)
    units.handle[mine[whole]] = found[whole]


def remember(frames: FrameArrays, units: Units, memory: UnitMemory, numbers: Numbers) -> None:
    """Take the block's units and requests along.

    Args:
        numbers: the exchange of each unit.
    """
    now = _now(frames)
    known = np.zeros(len(units.first), np.int64)
    known[(units.head >= 0) | units.known] = HEADED
    values = (numbers << 1 | known)[units.which]
    memory.units.remember(units.keys, values, frames.time[units.rows], now)
    for keys, _, unit, when in units.opened:
        memory.requests.remember(keys, numbers[unit], when, now)
    if not units.opened:
        memory.requests.remember(np.zeros(0, np.uint64), np.zeros(0, np.int64), np.zeros(0, np.int64), now)
