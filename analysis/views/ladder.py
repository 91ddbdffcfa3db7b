"""A ladder: who said what to whom, one step under the other, with what became of it. One model; several writers draw it
(`analysis.views.ladder_text`, `analysis.views.ladder_svg`).

Strategy: a step is one datagram: its hops, repetitions and fragments are told at it, its acknowledgements are a mark.
What frames belong to (a join, a tunnel, a GBCS command) is a line before the first step of it; how a request ended, if
not well, a line behind its last one. A silence is a line, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from analysis.tables.python_values import iso_time

if TYPE_CHECKING:
    from analysis.tables.row_form import RowForm

__all__ = ["SILENCE", "Ladder", "Line", "Party", "Step", "ladder_of", "show_times"]

SILENCE = 5.0
"""Seconds without a step that are told."""
TOGETHER = 10 * 10**9
"""Frames of one datagram follow each other within so many nanoseconds."""
LEAVES = ("zcl", "zdp", "delivery", "transfer", "poll")
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody who speaks or is spoken to: a name, and an address of 16 or 4 hex digits."""

    name: str
    address: str
    role: str = ""


@dataclass(slots=True)
class Step:
    """One datagram on its way.

    Attributes:
        seconds: since the first step; `time_ns` since 1970.
        source, target: places in `Ladder.parties`; no target for what is said to all.
        retries: times that a frame of it was sent again.
        acknowledged: whether an acknowledgement was heard.
        answer: seconds from the request that it is the first answer to.
        shown_time: its time as it is wanted (`show_times`); `cells` are columns of its first frame that are wanted.
    """

    seconds: float
    time_ns: int
    source: int
    target: int | None
    text: str
    frames: list[int] = field(default_factory=list)
    exchange: int | None = None
    retries: int = 0
    acknowledged: bool = False
    answer: float | None = None
    shown_time: str = ""
    cells: dict[str, Any] = field(default_factory=dict)

    @property
    def when(self) -> str:
        """Its time as it is drawn: seconds since the first step, unless another form is wanted."""
        return self.shown_time or f"{self.seconds:.3f}"

    @property
    def said(self) -> str:
        """What it says, with the columns that are wanted."""
        return " ".join([self.text, *(f"{name}={value}" for name, value in self.cells.items())])


@dataclass(slots=True)
class Line:
    """What is told between steps: ``exchange`` (one begins), ``outcome`` (how one ended), ``silence``."""

    kind: str
    seconds: float
    text: str
    exchange: int | None = None
    outcome: str = ""


@dataclass(slots=True)
class Ladder:
    """Parties, and what happened between them.

    Attributes:
        title: what was followed.
        left_out: frames beyond those that are drawn.
    """

    title: str
    source: str
    parties: list[Party] = field(default_factory=list)
    entries: list[Step | Line] = field(default_factory=list)
    left_out: int = 0

    @property
    def steps(self) -> list[Step]:
        """The steps alone."""
        return [one for one in self.entries if isinstance(one, Step)]

    def to_json(self) -> dict[str, Any]:
        """It as one document."""
        return {
            "schema": 1, "source": self.source, "title": self.title,
            "parties": [{"name": one.name, "address": one.address, "role": one.role} for one in self.parties],
            "entries": [_entry(one) for one in self.entries], "left_out": self.left_out,
        }  # fmt: skip


def _entry(one: Step | Line) -> dict[str, Any]:
    if isinstance(one, Line):
        out = {"type": one.kind, "seconds": one.seconds, "text": one.text, "exchange": one.exchange}
        return {**out, "outcome": one.outcome} if one.outcome else out
    return {
        "type": "step", "seconds": one.seconds, "time": iso_time(one.time_ns), "from": one.source, "to": one.target,
        "text": one.text, "frames": one.frames, "exchange": one.exchange, "retries": one.retries,
        "acknowledged": one.acknowledged, "answer_seconds": one.answer,
        **({"shown_time": one.shown_time} if one.shown_time else {}),
        **({"columns": one.cells} if one.cells else {}),
    }  # fmt: skip


def ladder_of(
    title: str,
    source: str,
    packets: Sequence[Row],
    exchanges: Sequence[Row],
    devices: Iterable[Row],
    most: int = 1000,
    columns: Sequence[str] = (),
) -> Ladder:
    """The ladder of some frames.

    Args:
        packets: rows of that table in order; times in nanoseconds, addresses as text.
        exchanges: rows of that table that the frames belong to, and those around them.
        devices: rows of that table.
        most: frames that are drawn.
        columns: of packets, told at each step as its first frame has them.
    """
    ladder = Ladder(title, source, left_out=max(0, len(packets) - most))
    builder = _Builder(ladder, {row["exchange"]: row for row in exchanges}, list(devices), columns)
    for row in packets[:most]:
        builder.take(row)
    builder.finish()
    return ladder


def show_times(ladder: Ladder, form: RowForm) -> None:
    """Give each step its time in a form: after the capture's first frame, after the step before, or of a zone (then its
    day is told with the first step of each)."""
    day = ""
    for step in ladder.steps:
        if form.times in ("relative", "delta"):
            step.shown_time = f"{form.seconds(step.time_ns):+.3f}"
            continue
        date, _, rest = form.time(step.time_ns).partition("T")
        step.shown_time = rest[:12] if date == day else f"{date} {rest[:12]}"
        day = date


class _Builder:
    """Puts a ladder together, frame by frame."""

    def __init__(
        self, ladder: Ladder, exchanges: dict[int, Row], devices: list[Row], columns: Sequence[str]
    ) -> None:
        self.ladder, self.exchanges = ladder, exchanges
        self.names = {one["eui64"]: one for one in devices if one.get("eui64")}
        self.shorts = {one["short"]: one["eui64"] for one in devices if one.get("short") and one.get("eui64")}
        self.places: dict[str, int] = {}
        self.open: dict[tuple[Any, ...], tuple[Step, set[Any]]] = {}
        self.told: set[int] = set()
        self.begun: int | None = None
        self.now = 0  # the time of the frame before, for one whose own is not known
        self.steps: list[Step] = []
        self.columns = columns

    def take(self, row: Row) -> None:
        """One frame."""
        if "time" in row:
            self.now = row["time"]
        if row.get("mac_type") == "ack" or row.get("aps_type") == "ack":
            self._acknowledge(row)
            return
        ends = self._ends(row)
        if ends is None:
            return
        source, target = ends
        key = (source, target, *_datagram(row))
        hop = (row.get("mac_src"), row.get("mac_seq"))
        step, hops = self.open.get(key, (None, set()))
        if step is not None and self.now - step.time_ns <= TOGETHER:
            step.frames.append(row["frame"])
            again = hop in hops or (
                row.get("mac_src") in {one for one, _ in hops} and step.text == row.get("summary")
            )
            step.retries += again
            hops.add(hop)
            step.text = row.get("summary") or step.text
            return
        if self.begun is None and "time" in row:
            self.begun = self.now
        seconds = 0.0 if self.begun is None else (self.now - self.begun) / 1e9
        step = Step(
            seconds, self.now, source, target, row.get("summary") or row.get("protocol") or "", [row["frame"]],
            row.get("exchange"), cells={name: row[name] for name in self.columns if name in row},
        )  # fmt: skip
        self.open[key] = step, {hop}
        self.steps.append(step)

    def _acknowledge(self, row: Row) -> None:
        """Mark the last step of the exchange that it belongs to."""
        for step in self.steps[-1:-6:-1]:
            if step.exchange is not None and step.exchange == row.get("exchange"):
                step.acknowledged = True
                return

    def _ends(self, row: Row) -> tuple[int, int | None] | None:
        source = row.get("nwk_src_eui64") or row.get("nwk_src") or row.get("mac_src")
        if source is None:
            source = "unknown"
        short = row.get("nwk_dst") or (row.get("mac_dst") if row.get("mac_dst_mode") != "extended" else None)
        if short is not None and len(short) == 4 and int(short, 16) >= 0xFFF8:
            return self._party(source), None
        target = row.get("nwk_dst_eui64") or row.get("nwk_dst") or row.get("mac_dst")
        return self._party(source), None if target is None else self._party(target)

    def _party(self, address: str) -> int:
        address = self.shorts.get(address, address)
        if address not in self.places:
            known = self.names.get(address, {})
            name = known.get("name") or known.get("role") or address
            self.places[address] = len(self.ladder.parties)
            self.ladder.parties.append(Party(name, address, known.get("role") or ""))
        return self.places[address]

    def finish(self) -> None:
        """Put lines between the steps."""
        last = {step.exchange: step for step in self.steps if step.exchange is not None}
        before = 0.0
        for step in self.steps:
            if step.seconds - before > SILENCE:
                self.ladder.entries.append(
                    Line("silence", step.seconds, f"{_span(step.seconds - before)} later")
                )
            before = step.seconds
            self._begin(step)
            self._answer(step)
            self.ladder.entries.append(step)
            if step.exchange is not None and last[step.exchange] is step:
                self._end(step)

    def _begin(self, step: Step) -> None:
        around = []
        number = step.exchange
        while number is not None and number in self.exchanges:
            around.append(self.exchanges[number])
            number = self.exchanges[number].get("parent")
        for one in reversed(around):
            if one["kind"] in LEAVES or one["exchange"] in self.told:
                continue
            self.told.add(one["exchange"])
            text = f"{one['kind']}: {one.get('name') or ''}"
            self.ladder.entries.append(
                Line("exchange", step.seconds, _told(text, one), one["exchange"], one["outcome"])
            )

    def _answer(self, step: Step) -> None:
        known = self.exchanges.get(step.exchange or 0)
        seconds = None if known is None else known.get("time_to_answer")
        if known is None or seconds is None or self._asked(step, known):
            return
        if abs((step.time_ns - known["start"]) / 1e9 - seconds) < 1e-6:
            step.answer = seconds

    @staticmethod
    def _asked(step: Step, known: Row) -> bool:
        return bool(step.frames[0] == known["first_frame"])

    def _end(self, step: Step) -> None:
        known = self.exchanges.get(step.exchange or 0)
        if known is not None and known["kind"] in LEAVES and known["outcome"] != "ok":
            text = _told(known.get("name") or known["kind"], known)
            self.ladder.entries.append(Line("outcome", step.seconds, text, step.exchange, known["outcome"]))


def _datagram(row: Row) -> tuple[Any, ...]:
    if row.get("aps_counter") is not None:
        return ("aps", row["aps_counter"], row.get("aps_cluster"), row.get("aps_command"))
    if row.get("nwk_seq") is not None:
        return ("nwk", row["nwk_seq"])
    return ("mac", row.get("mac_seq"), row.get("mac_command"), row.get("mac_type"))


def _told(text: str, one: Row) -> str:
    out = f"{text}: {one['outcome']}"
    if one.get("status"):
        out += f" ({one['status']})"
    if one.get("missing") and one["outcome"] != "ok":
        out += f", not heard: {one['missing']}"
    if one.get("time_to_answer") is not None and one["kind"] not in LEAVES:
        out += f", answered after {_span(one['time_to_answer'])}"
    return out


def _span(seconds: float) -> str:
    """A stretch of time in the unit that people would take.

    >>> [_span(one) for one in (0.028, 4.25, 75, 7300)]
    ['28 ms', '4.2 s', '1 min 15 s', '2 h 1 min']
    """
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{seconds // 60:.0f} min {seconds % 60:.0f} s"
    return f"{seconds // 3600:.0f} h {seconds % 3600 // 60:.0f} min"
