"""What is followed through a capture: an exchange, a message, a tunnel, a join, or what a filter chooses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from analysis.pipeline.decode import TableSink
from analysis.pipeline.runner import run_passes
from analysis.pipeline.sinks import StartSink
from analysis.pipeline.source import ReopenableSource
from analysis.tables.addresses import address_text, with_addresses
from analysis.tables.arrow import numpy_of
from analysis.views.choice import Party, stations_called
from analysis.views.filtered import FilteredSink
from analysis.views.ladder import Ladder, ladder_of, show_times

if TYPE_CHECKING:
    from analysis.tables.row_form import RowForm
    from analysis.views.filters import Filter
    from dissectors import Keyring

__all__ = ["NotThere", "Wanted", "followed", "rows_of_table"]

TABLES = ("packets", "exchanges", "devices")
SHOWN = (
    "frame", "time", "mac_type", "mac_seq", "mac_src", "mac_dst", "mac_dst_mode", "mac_command", "nwk_src", "nwk_dst",
    "nwk_src_eui64", "nwk_dst_eui64", "nwk_seq", "aps_type", "aps_counter", "aps_cluster", "aps_command", "exchange",
    "protocol", "summary",
)  # fmt: skip
"""Columns of packets that a ladder is made of."""
SETTLING = 30 * 10**9
"""Nanoseconds behind a key establishment in which a device still settles in."""


class NotThere(ValueError):
    """The capture has no such exchange, message, tunnel or join."""


class Wanted(NamedTuple):
    """What is followed, by its number in its table; of a join whose it is, by name, role or address."""

    exchange: int | None = None
    message: int | None = None
    tunnel: int | None = None
    join: str | None = None

    def title(self) -> str:
        """It in words."""
        named = zip(self._fields, self, strict=True)
        return ", ".join(f"{name} {value}" for name, value in named if value is not None) or "all frames"

    def expression(self, source: ReopenableSource, keyring: Keyring) -> str | None:
        """It as a filter expression over packets; None where nothing is named. Reads the capture once more where only
        that tells.

        Raises:
            NotThere: there is none such.
            CaptureError: the capture cannot be read.
        """
        parts = []
        if self.exchange is not None:
            parts.append(f"exchange.exchange == {self.exchange}")
        if self.tunnel is not None:
            parts.append(f'exchange.kind == tunnel and exchange.name == "tunnel {self.tunnel}"')
        if self.message is not None:
            parts.append(_of_message(self.message, source, keyring))
        if self.join is not None:
            numbers = _of_join(self.join, source, keyring)
            parts.append(f"exchange.exchange in ({', '.join(map(str, numbers))})")
        return " and ".join(f"({part})" for part in parts) or None


def followed(
    source: ReopenableSource,
    keyring: Keyring,
    chosen: Filter | None,
    title: str,
    *,
    most: int = 1000,
    columns: Sequence[str] = (),
    form: RowForm | None = None,
) -> tuple[Ladder, Any]:
    """The ladder of the frames that are chosen, and the pass that read them.

    Args:
        columns: of packets, told at each step.
        form: of its times; None for seconds since its first step.

    Raises:
        CaptureError: the capture cannot be read.
    """
    sink = TableSink(TABLES)
    sinks = (sink,) if chosen is None else (FilteredSink(chosen, (sink,)),)
    starts = () if form is None else (StartSink(form),)
    last = run_passes(source, keyring, *sinks, *starts)
    rows = rows_of_table("packets", sink.table("packets"), tuple(dict.fromkeys((*SHOWN, *columns))))
    ladder = ladder_of(
        title, last.facts.name, rows, rows_of_table("exchanges", sink.table("exchanges")),
        rows_of_table("devices", sink.table("devices")), most, columns,
    )  # fmt: skip
    if form is not None:
        show_times(ladder, form)
    return ladder, last


def rows_of_table(name: str, table: Any, columns: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Rows as dictionaries without nulls: addresses as text, times in nanoseconds since 1970."""
    import pyarrow as pa

    shown = with_addresses(name, table)
    names = columns or shown.schema.names
    values = []
    for column in names:
        chunks = shown.column(column).chunks
        times = pa.types.is_timestamp(shown.schema.field(column).type)
        values.append([one for chunk in chunks for one in (_times(chunk) if times else chunk.to_pylist())])
    return [
        {column: value for column, value in zip(names, row, strict=True) if value is not None}
        for row in zip(*values, strict=True)
    ]


def _times(chunk: Any) -> list[int | None]:
    values, valid = numpy_of(chunk)
    return [value if known else None for value, known in zip(values.tolist(), valid.tolist(), strict=True)]


def _tables(source: ReopenableSource, keyring: Keyring, *names: str) -> Callable[[str], list[dict[str, Any]]]:
    sink = TableSink(names)
    run_passes(source, keyring, sink)
    return lambda name: rows_of_table(name, sink.table(name))


def _of_message(message: int, source: ReopenableSource, keyring: Keyring) -> str:
    sink = TableSink(("packets", "exchanges"))
    run_passes(source, keyring, sink)
    rows = rows_of_table("packets", sink.table("packets"), ("message", "exchange"))
    exchanges = {row["exchange"]: row for row in rows_of_table("exchanges", sink.table("exchanges"))}
    mine = [row for row in rows if row.get("message") == message]
    if not mine:
        raise NotThere(f"no message {message}")
    for row in mine:
        number = row.get("exchange")
        while number in exchanges:
            if exchanges[number]["kind"] == "gbcs":
                return f"exchange.exchange == {number}"
            number = exchanges[number].get("parent")
    return f"message == {message}"


def _of_join(name: str, source: ReopenableSource, keyring: Keyring) -> list[int]:
    """The joins, rejoins and key establishments of a device, and what else it did from their begin to their end."""
    rows = _tables(source, keyring, "exchanges", "devices")
    known: Iterable[Party] = [
        *(Party(eui64, one.name or "", one.role or "") for eui64, one in keyring.devices.items()),
        *(
            Party(int(row["eui64"], 16), row.get("name", ""), row.get("role", ""))
            for row in rows("devices")
            if row.get("eui64")
        ),
    ]
    whose = {address_text(one) for one in stations_called(name, known)}
    mine = [row for row in rows("exchanges") if {row.get("initiator"), row.get("responder")} & whose]
    steps = [
        row
        for row in mine
        if row["kind"] in ("join", "rejoin", "key-establishment") and row.get("initiator") in whose
    ]
    if not steps:
        raise NotThere(f"no join of {name}")
    start, end = min(row["start"] for row in steps), max(row["end"] for row in steps) + SETTLING
    return sorted(row["exchange"] for row in mine if start <= row["start"] <= end)
