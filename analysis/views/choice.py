"""What of a capture somebody wants to look at: an expression, a stretch of time, a device."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, tzinfo
from typing import NamedTuple

from analysis.tables.addresses import address_number
from analysis.tables.filter_language import Parser, close_names
from analysis.tables.masks import Comparison
from analysis.tables.schema import columns_of
from analysis.tables.times import Moment
from analysis.views.filter_nodes import Among, Clock, Node, Within
from analysis.views.filters import Filter, NodeBuilder, names_of
from analysis.views.joined import joined_by
from analysis.views.joins import STATION, key_columns

__all__ = ["Choice", "Party", "stations_called"]

SHORT_END = 0x10000
ENDS = ("nwk_src", "nwk_dst", "mac_src", "mac_dst")


class Party(NamedTuple):
    """Somebody who may be meant by a name."""

    eui64: int
    name: str
    role: str


def stations_called(text: str, known: Iterable[Party]) -> list[int]:
    """The addresses that somebody means: an EUI-64 or a short address as it is, else those of a name or role.

    Raises:
        ValueError: nobody is called so; it says who may be meant.

    >>> meter = Party(0x90B3D5FFFE0000A0, "Gas meter", "GSME")
    >>> [hex(one) for text in ("gas meter", "GSME", "0x1a2b") for one in stations_called(text, [meter])]
    ['0x90b3d5fffe0000a0', '0x90b3d5fffe0000a0', '0x1a2b']
    """
    wanted = text.strip().casefold().replace("-", " ")
    parties = list(known)
    found = [
        one.eui64
        for one in parties
        if wanted in (one.name.casefold().replace("-", " "), one.role.casefold().replace("-", " "))
    ]
    digits = address_number(text)
    if not found and digits is not None:
        return [digits]
    if not found:
        names = [word for one in parties for word in (one.name, one.role) if word]
        close = close_names(text, names, 3)
        said = f": {' or '.join(close)}?" if close else ""
        raise ValueError(f"no device is called {text!r}{said}")
    return found


class Choice(NamedTuple):
    """What of a capture is wanted.

    Attributes:
        where: an expression (`analysis.views.filters`).
        start, end: the first moment, and the first one after (`analysis.tables.times.Moment`).
        device: EUI-64, short address, name or role of a sender or receiver.
        zone: of times that do not say theirs.
    """

    where: str | None = None
    start: str | None = None
    end: str | None = None
    device: str | None = None
    zone: tzinfo = UTC

    def __bool__(self) -> bool:
        return any(one is not None for one in (self.where, self.start, self.end, self.device))

    def filter(
        self,
        table: str = "packets",
        stations: Sequence[int] = (),
        columns: Iterable[str] | None = None,
        also: str = "",
    ) -> Filter | None:
        """It as a filter of a table; None when all is wanted.

        Args:
            stations: the addresses that `device` means.
            columns, also: as `analysis.views.filters.parse_filter` takes them.

        Raises:
            FilterError: the expression is wrong.
            ValueError: a time is.
        """
        if not self:
            return None
        nodes: list[Node] = []
        asked: set[tuple[str, str]] = set()
        if self.where is not None:
            builder = NodeBuilder(table, names_of(table, columns, also), self.zone, strict=columns is None)
            parser = Parser(self.where, builder.names, builder)
            nodes.append(joined_by(table, parser.parse()))
            asked = builder.columns(parser.asked)
        clock = Clock()
        if self.start is not None or self.end is not None:
            moments = [None if one is None else Moment(one, self.zone) for one in (self.start, self.end)]
            home = _home_of_time(table)
            asked.add((home, time_column(home)))
            nodes.append(joined_by(table, Within(home, time_column(home), moments[0], moments[1], clock)))
        if self.device is not None:
            nodes.append(_device(table, stations))
        text = " and ".join(str(one) for one in self[:4] if one is not None)
        return Filter(text, table, Node.of_parts(table, nodes, every=True), asked, clock)


def time_column(table: str) -> str:
    """The column that says when; empty where a table has none."""
    return next((name for name in ("time", "start") if name in columns_of(table)), "")


def _home_of_time(table: str) -> str:
    return table if time_column(table) else "messages" if table == "items" else "packets"


def _device(table: str, stations: Sequence[int]) -> Node:
    """Rows whose sender or receiver is one of some stations."""
    long = [one for one in stations if one >= SHORT_END]
    parts: list[Node] = []
    home = table if key_columns(table, STATION) else "packets"
    if long or not stations:
        parts.append(joined_by(table, Among(home, STATION, long)))
        if table == "findings" and home == table:
            parts.append(joined_by(table, Among("packets", STATION, long)))
    for short in (one for one in stations if one < SHORT_END):
        ends = [_equal(name, short) for name in ENDS]
        parts.append(joined_by(table, Node.of_parts("packets", ends, every=False)))
    return Node.of_parts(table, parts, every=False)


def _equal(column: str, number: int) -> Node:
    test = Comparison("==", number, address=True)
    return Node("packets", lambda rows: test(rows.column(column)))
