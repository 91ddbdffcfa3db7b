"""The decoded tables as rules want to read them: plain pandas types, and who sent what to whom.

Strategy: nothing is made before a rule reads it. A long table (packets, attributes, commands) is a
`Selection`, whose columns are made one by one (`analysis.tables.pandas_columns`); a short one is a DataFrame. Stations
are named by one number: the EUI-64 where it is known, else ``pan << 16 | short`` (`analysis.features.stations`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, Concatenate, ParamSpec, TypeAlias, TypeVar

import numpy as np
import pandas as pd

from analysis.features.identifiers import CLUSTERS, PROFILES
from analysis.features.selection import Selection
from analysis.features.stations import BROADCAST_PAN, Stations
from analysis.findings.subject import Subject
from analysis.tables.addresses import with_numbers
from analysis.tables.lazy import MADE, Recent, Table, mask, numbers_of
from analysis.tables.pandas_columns import nanoseconds, nulls, plain, taken
from analysis.tables.schema import TABLES

__all__ = ["DEVICE_PROFILE", "SMART_ENERGY_CLUSTERS", "SMART_ENERGY_PROFILE", "Frame", "Known", "View"]

SMART_ENERGY_PROFILE, DEVICE_PROFILE = PROFILES["Smart Energy"], PROFILES["ZigBee Device Profile"]
SMART_ENERGY_CLUSTERS = frozenset(
    CLUSTERS.some(
        "Price", "Demand Response and Load Control", "Metering", "Messaging", "Tunneling", "Prepayment",
        "Energy Management", "Calendar", "Device Management", "Events", "MDU Pairing", "Sub-GHz", "Key Establishment",
    )
)  # fmt: skip
# pandas' stubs know nothing of masked columns, so a table's type is not spelt out where rules handle it.
Frame: TypeAlias = Any
P = ParamSpec("P")
T = TypeVar("T")
LONG = ("packets", "attributes", "commands")
TIMED = (*LONG, "messages")
STATIONS = ("pan", "sender", "receiver", "origin", "target")


class Tables(Mapping[str, Frame]):
    """Tables by name: long ones as a `Selection`, short ones as a DataFrame, made when first read."""

    def __init__(self, tables: Mapping[str, Table]) -> None:
        self.lazy = dict(tables)
        self._made: dict[str, Frame] = {}

    def share(self, other: Tables, names: Iterable[str]) -> None:
        """Take some tables, and what was made of them, from elsewhere."""
        for name in names:
            self.lazy[name] = other.lazy[name]
            if name in other._made:
                self._made[name] = other._made[name]

    def __getitem__(self, name: str) -> Frame:
        if name not in self._made:
            rows = Selection(self.lazy[name])
            self._made[name] = rows if name in LONG else rows.frame
        return self._made[name]

    def __contains__(self, name: object) -> bool:
        return name in self.lazy  # to look for a table makes none

    def __iter__(self) -> Iterator[str]:
        return iter(self.lazy)

    def __len__(self) -> int:
        return len(self.lazy)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a capture before the first frame of a view.

    Attributes:
        start_ns: time of the capture's first frame, in nanoseconds since 1970.
        addresses: EUI-64 by ``pan << 16 | short``.
        smart_energy_pans: PANs that carried Smart Energy.
        packets: Arrow table of the view's packets, the last secured frames of each sender before them.
    """

    start_ns: int
    addresses: Mapping[int, int]
    smart_energy_pans: frozenset[int]
    packets: Any = None


class View:
    """The tables of one decoded capture, in the form that rules read.

    `packets` carries besides its columns: ``seconds`` (since the first frame), ``sender`` and ``receiver``
    (stations of this hop), ``origin`` and ``target`` (stations of the NWK layer), ``pan``.

    Attributes:
        tables: by name; see `Tables`.
        baseline: the view of a capture in good health, where one was given.
        start_ns: time of the capture's first frame, in nanoseconds since 1970.
        before: what was known before the first packet.
    """

    def __init__(
        self,
        tables: Mapping[str, Table],
        baseline: View | None = None,
        before: Known | None = None,
    ) -> None:
        self.tables = Tables(tables)
        self.baseline = baseline
        self.before = before or Known(_start(tables["packets"]), {}, frozenset())
        self.start_ns = self.before.start_ns
        self._made: dict[Any, Any] = {}
        self._labels: dict[Any, str] = {}
        self._add_derived()

    @classmethod
    def of(cls, decoded: Any, baseline: Any = None, before: Known | None = None) -> View:
        """The view of a `Decoded`, or of a mapping of table name to DataFrame or Arrow table."""
        good = baseline if baseline is None or isinstance(baseline, View) else cls.of(baseline)
        return cls(tables_of(decoded), good, before)

    @classmethod
    def grown(
        cls, tables: Mapping[str, Any], before: Known | None, earlier: View, same: Iterable[str]
    ) -> View:
        """The view of Arrow tables of which an `earlier` view saw less; what was made there of the short ones among those
        that are the `same` is not made again."""
        found = cls(tables_of(tables), None, before)
        found.tables.share(earlier.tables, set(same).difference(LONG))
        return found

    def known(self) -> Known:
        """What the view of the next window should know of this one."""
        return Known(self.start_ns, self.addresses, self.smart_energy_pans)

    def once(self, make: Callable[Concatenate[View, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `make` makes of this view and further (hashable) arguments: made when first asked for."""
        key = (make, args, tuple(kwargs.items()))
        if key not in self._made:
            self._made[key] = make(self, *args, **kwargs)
        made: T = self._made[key]
        return made

    def has(self, table: str) -> bool:
        """Whether `table` has rows."""
        return len(self.tables.lazy[table]) > 0

    def __getattr__(self, name: str) -> Frame:
        tables = self.__dict__.get("tables", {})
        if name in tables:
            return Selection(tables.lazy[name])
        raise AttributeError(name)

    def _add_derived(self) -> None:
        lazy = self.tables.lazy
        for name in TIMED:
            lazy[name].makers.setdefault("seconds", partial(_seconds, lazy[name], self.start_ns))
        packets = lazy["packets"]
        packets.makers["mac_command"] = partial(_proved, packets, packets.makers["mac_command"])
        for name in ("attributes", "commands"):
            for column, station in (("source", "origin"), ("destination", "target")):
                made = lazy[name].makers[column]
                lazy[name].makers[column] = partial(self._whole_station, lazy[name], made, station)
        for name in STATIONS:
            lazy["packets"].makers.setdefault(name, partial(self._station, name))
            if name != "pan":
                lazy["packets"].coders.setdefault(name, partial(self._station_codes, name))

    def _station(self, name: str, places: Any) -> Frame:
        return self.stations.column(name, places)

    def _whole_station(self, table: Table, made: Any, station: str, places: Any) -> Frame:
        """A column of who sent a command, or got it: where the frame itself tells but a short address, the station that
        other frames make of it, as for packets."""
        column = made(places)
        values, known = numbers_of(pd.Series(column))
        bare = np.flatnonzero(known & (values < 1 << 16))
        if not len(bare):
            return column
        numbers, _ = numbers_of(pd.Series(table.makers["frame"](places)))
        packets = self.tables.lazy["packets"]
        frames, _ = numbers_of(packets["frame"])
        at = np.searchsorted(frames, numbers[bare])
        at = np.minimum(at, len(frames) - 1) if len(frames) else at
        codes, stations = packets.codes(station)
        found = [
            codes[i] if len(frames) and frames[i] == n else -1 for i, n in zip(at, numbers[bare], strict=True)
        ]
        whole = values.copy()
        whole[bare] = [stations[c] if c >= 0 else values[b] for b, c in zip(bare, found, strict=True)]
        return pd.arrays.IntegerArray(whole, ~known)

    def _station_codes(self, name: str) -> Any:
        return self.stations.codes(name)

    @cached_property
    def stations(self) -> Stations:
        """Who sent the packets to whom."""
        return Stations(self.tables.lazy["packets"], self.tables["devices"], self.before.addresses)

    @property
    def addresses(self) -> dict[int, int]:
        """EUI-64 by ``pan << 16 | short``, the last one seen."""
        return self.stations.addresses

    @cached_property
    def smart_energy_pans(self) -> frozenset[int]:
        """PANs that carry the Smart Energy profile or its clusters."""
        packets = Selection(self.tables.lazy["packets"])
        profile = packets.only(aps_profile=SMART_ENERGY_PROFILE)
        others = packets.only(aps_cluster=SMART_ENERGY_CLUSTERS)
        others = others[mask(others["aps_profile"] != DEVICE_PROFILE)]
        return self.before.smart_energy_pans | _pans(profile) | _pans(others)

    @cached_property
    def smart_energy_view(self) -> View | None:
        """The part of the capture that is Smart Energy; None when there is none."""
        pans = self.smart_energy_pans
        if not pans:
            return self if (self.tables["messages"]["kind"] == "gbcs").any() else None
        packets = self.tables["packets"]
        if _pans(packets) - {BROADCAST_PAN} <= pans:
            return self
        inside = packets[mask(packets["pan"].isin([*pans, BROADCAST_PAN])) | mask(packets["pan"].isna())]
        tables = {**self.tables.lazy, "packets": inside.extended().base}
        for name in ("attributes", "commands"):
            rows = self.tables[name]
            tables[name] = rows.of_frames(inside["frame"]).extended().base
        return View(tables, self.baseline, self.before)

    @cached_property
    def longer(self) -> View:
        """This view with the last secured frames of each sender before its first packet, for rules that count."""
        if self.before.packets is None:
            return self
        tables = {**self.tables.lazy, "packets": _table("packets", self.before.packets)}
        return View(tables, self.baseline, replace(self.before, packets=None))

    @cached_property
    def names(self) -> dict[int, str]:
        """What devices are called, by EUI-64: their name, or else their role."""
        devices = self.tables["devices"]
        out = {}
        for eui, name, role in zip(devices["eui64"], devices["name"], devices["role"], strict=True):
            if pd.isna(eui):
                continue
            words = [str(w) for w in (name, role) if isinstance(w, str) and w]
            if words:
                out[int(eui)] = words[0]
        return out

    @cached_property
    def roles(self) -> dict[int, str]:
        """Role by EUI-64, as far as known."""
        devices = self.tables["devices"]
        rows = devices[devices["eui64"].notna() & devices["role"].notna()]
        return {int(e): str(r) for e, r in zip(rows["eui64"], rows["role"], strict=True)}

    def with_role(self, *roles: str) -> set[int]:
        """EUI-64s of the devices that have one of `roles`."""
        return {eui for eui, role in self.roles.items() if role in roles}

    def hub_addresses(self) -> set[int]:
        """EUI-64s (or stations) of short address 0x0000: the trust centre of each PAN."""
        return set(self._hubs)

    @cached_property
    def _hubs(self) -> frozenset[int]:
        packets = self.tables["packets"]
        hubs = set(packets.only(nwk_src=0)["nwk_src_eui64"].dropna().unique().tolist())
        hubs |= {eui for key, eui in self.addresses.items() if key & 0xFFFF == 0}
        return frozenset(hubs | {p << 16 for p in _pans(packets)} | self.with_role("CHF", "coordinator"))

    def label(self, station: Any) -> str:
        """What a person calls a station: name and EUI-64, or short address and PAN."""
        if station not in self._labels:
            self._labels[station] = Subject.device(station).text(self.names)
        return self._labels[station]

    def frames_of(self, rows: Frame) -> list[int]:
        """Frame numbers of `rows`."""
        column = rows["frame"]
        if not isinstance(column.array, pd.arrays.IntegerArray):
            column = column.astype("UInt64")
        numbers, known = numbers_of(column)
        frames: list[int] = (numbers if known.all() else numbers[known]).tolist()
        return frames

    @cached_property
    def good(self) -> Selection:
        """Packets whose frame check sequence is not known to be wrong."""
        packets = Selection(self.tables.lazy["packets"])
        wrong = mask(packets["fcs_ok"] == False)  # noqa: E712
        return packets[~wrong] if wrong.any() else packets

    def command_rows(self, layer: str, command: Iterable[int] | None = None) -> Frame:
        """Rows of the commands table of `layer` (mac, nwk, aps, zdp, zcl), of some command identifiers."""
        found = self.once(_commands_of, layer)
        return found if command is None else found.only(command=list(command))

    @cached_property
    def duration(self) -> float:
        """Seconds from the capture's first frame to the last one of this view."""
        seconds = self.tables["packets"]["seconds"]
        return float(np.nanmax(seconds)) if len(seconds) and seconds.notna().any() else 0.0

    @cached_property
    def start(self) -> float:
        """Seconds from the capture's first frame to the first one of this view."""
        seconds = self.tables["packets"]["seconds"]
        return float(np.nanmin(seconds)) if len(seconds) and seconds.notna().any() else 0.0

    def prepare(self) -> None:
        """Makes what most rules read, once, before processes share the rules out. Of so many rows the tables hold what is
        made in one room: rules of one module read few of them."""
        tables = (self.smart_energy_view or self).tables.lazy
        room: Recent[tuple[int, str], Any] = Recent(MADE)
        for table in tables.values():
            table.share_room(room)
        packets = tables["packets"]
        for name in (*STATIONS, "nwk_sender"):
            packets.keep_codes(name)
        for name in ("frame", "seconds", "fcs_ok"):
            packets.keep(name)

    @property
    def span(self) -> float:
        """Seconds from the first to the last frame of this view."""
        return self.duration - self.start


def _commands_of(view: View, layer: str) -> Selection:
    commands = Selection(view.tables.lazy["commands"])
    said = commands["layer"]
    wanted = mask(said == layer)
    found: Selection = commands[wanted | mask(said.isna()) if layer == "zcl" else wanted]
    return found


def tables_of(decoded: Any) -> dict[str, Table]:
    """The lazy tables of a `Decoded`, or of a mapping of table name to DataFrame or Arrow table, whose addresses may be
    numbers or text."""
    known = getattr(decoded, "arrow", decoded)
    return {name: _table(name, _on_the_air(name, _numbered(name, known.get(name)))) for name in TABLES}


def _numbered(name: str, content: Any) -> Any:
    return content if content is None else with_numbers(name, content)


def _on_the_air(name: str, content: Any) -> Any:
    """A table of packets without the doubles that other interfaces recorded."""
    if name != "packets" or content is None or not len(content):
        return content
    if isinstance(content, pd.DataFrame):
        double = content["double_of"].notna() if "double_of" in content else None
        return content if double is None or not double.any() else content[~double.to_numpy(dtype=bool)]
    if "double_of" not in content.column_names or content["double_of"].null_count == len(content):
        return content
    return content.filter(content["double_of"].is_null())


def _table(name: str, content: Any) -> Table:
    if content is None or len(content) == 0:
        return Table(0, {c.name: partial(_nulls, 0, c.type) for c in TABLES[name]})
    present = set(_names(content))
    return Table(
        len(content),
        {
            c.name: partial(_made, content, c.name, c.type)
            if c.name in present
            else partial(_nulls, len(content), c.type)
            for c in TABLES[name]
        },
        content=content,
    )


def _names(content: Any) -> Any:
    return content.columns if isinstance(content, pd.DataFrame) else content.column_names


def _made(content: Any, name: str, kind: str, places: Any) -> Frame:
    return plain(content[name] if places is None else taken(content[name], places), kind)


def _nulls(length: int, kind: str, places: Any) -> Frame:
    return nulls(length if places is None else len(places), kind)


def _pans(rows: Selection) -> frozenset[int]:
    codes, pans = rows.codes("pan")
    return frozenset(pans[code] for code in np.unique(codes).tolist() if code >= 0)


def _start(packets: Table) -> int:
    times, known = _nanoseconds(packets, None)
    return int(times[known].min()) if known.any() else 0


def _proved(packets: Table, made: Any, places: Any) -> Frame:
    """MAC commands but for those of frames whose MAC security was not verified: of these nothing is proved, not even
    that they are the command which they seem to be. (A good check sequence proves nothing: sniffers write one.)"""
    column = made(places)
    security = packets["mac_security"] if places is None else packets.cut("mac_security", places)
    shut = mask(pd.Series(security).isin(("no_key", "bad_mic")))
    if not shut.any():
        return column
    values, known = numbers_of(pd.Series(column))
    return pd.arrays.IntegerArray(values, ~known | shut)


def _seconds(table: Table, start_ns: int, places: Any) -> Frame:
    times, known = _nanoseconds(table, places)
    seconds = (times - start_ns) / 1e9
    seconds[~known] = np.nan
    return seconds


def _nanoseconds(table: Table, places: Any) -> tuple[Any, Any]:
    """The times of a table; those of one that was decoded without pandas' own times between."""
    content = table.content
    if content is not None and table.makers["time"] is table.own["time"] and "time" in _names(content):
        column = content["time"]
    else:
        column = pd.Series(table["time"])
    return nanoseconds(column if places is None else taken(column, places))
