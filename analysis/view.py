"""The decoded tables as rules want to read them: plain pandas types, and who sent what to whom.

Strategy: Arrow dictionaries become categoricals and Arrow integers become masked integers once, at the
door, so that comparisons and group-bys in rules are fast and a null is never equal to anything. Stations
are named by one number: the EUI-64 where it is known, else ``pan << 16 | short`` (always below 2**32, which
no EUI-64 is)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from analysis.schema import TABLES, columns_of
from analysis.selection import Selection

__all__ = ["SMART_ENERGY_CLUSTERS", "SMART_ENERGY_PROFILE", "Frame", "View", "normal"]

SMART_ENERGY_PROFILE = 0x0109
SMART_ENERGY_CLUSTERS = frozenset({*range(0x0700, 0x070C), 0x0800})
# pandas' stubs know nothing of masked columns, so a table's type is not spelt out where rules handle it.
Frame: TypeAlias = Any
MASKED = {
    "uint8": "UInt8", "uint16": "UInt16", "uint32": "UInt32", "uint64": "UInt64",
    "int8": "Int8", "int16": "Int16", "int32": "Int32", "int64": "Int64", "bool": "boolean",
}  # fmt: skip
NO_SHORT = 0xFFF8  # addresses from here on are broadcasts or "none"


def normal(frame: pd.DataFrame, table: str) -> pd.DataFrame:
    """`frame` with the columns of `table` in plain pandas types; columns that it lacks are null."""
    out = {}
    for column in TABLES[table]:
        if column.name in frame.columns:
            out[column.name] = _column(frame[column.name], column.type)
        else:
            out[column.name] = _nulls(len(frame), column.type)
    return pd.DataFrame(out)


def _column(values: Frame, kind: str) -> Frame:
    values = values.reset_index(drop=True)
    if kind == "category":
        return _categorical(values)
    if kind == "time":
        return _times(values)
    if kind == "float64":
        return values.astype("Float64").to_numpy(dtype="float64", na_value=np.nan)
    if kind == "frames":
        return pd.Series(
            [list(v) if isinstance(v, list | tuple | np.ndarray) else [] for v in values], dtype=object
        )
    return _masked(values, kind) if kind in MASKED else values.astype(object)


def _times(values: Frame) -> Frame:
    """Times with UTC; by way of Arrow's integers, as pandas goes through one Python object each."""
    arrow = getattr(values.array, "_pa_array", None)
    if arrow is None:
        read: Frame = pd.to_datetime(values, utc=True)
        return pd.Series(pd.DatetimeIndex(read).as_unit("ns"))
    import pyarrow as pa

    integers = arrow.cast(pa.timestamp("ns", "UTC")).cast(pa.int64())
    nanoseconds = integers.fill_null(np.iinfo(np.int64).min).to_numpy()
    return pd.Series(pd.DatetimeIndex(nanoseconds.view("datetime64[ns]")).tz_localize("UTC"))


def _masked(values: Frame, kind: str) -> Frame:
    """Integers and booleans with their nulls apart; by way of Arrow, as pandas takes long integers through
    floats."""
    import pyarrow as pa

    arrow = getattr(values.array, "_pa_array", None)
    if arrow is None:
        return values.astype(MASKED[kind])
    empty = arrow.is_null().to_numpy()
    numbers = arrow.fill_null(False if kind == "bool" else 0).cast(pa.type_for_alias(kind)).to_numpy()
    array = pd.arrays.BooleanArray if kind == "bool" else pd.arrays.IntegerArray
    return pd.Series(array(numbers.copy(), empty.copy()))


def _categorical(values: Frame) -> Frame:
    arrow = getattr(values.array, "_pa_array", None)
    if arrow is None:
        return values.astype("category")
    import pyarrow as pa

    if not pa.types.is_dictionary(arrow.type):
        arrow = arrow.dictionary_encode()
    whole = arrow.unify_dictionaries().combine_chunks()
    whole = whole.chunk(0) if isinstance(whole, pa.ChunkedArray) and whole.num_chunks else whole
    if len(whole) == 0:
        return pd.Series(pd.Categorical([]))
    codes = whole.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return pd.Series(pd.Categorical.from_codes(codes, whole.dictionary.to_pylist()))


def _nulls(length: int, kind: str) -> Frame:
    if kind == "category":
        return pd.Series(pd.Categorical([None] * length))
    if kind == "time":
        return pd.Series(pd.DatetimeIndex([pd.NaT] * length, tz="UTC"))
    if kind in MASKED:
        return pd.Series([pd.NA] * length, dtype=MASKED[kind])
    return pd.Series([None] * length, dtype="float64" if kind == "float64" else object)


@dataclass(eq=False)
class View:
    """The tables of one decoded capture, in the form that rules read.

    `packets` carries besides its columns: ``seconds`` (since the first frame), ``sender`` and ``receiver``
    (stations of this hop), ``origin`` and ``target`` (stations of the NWK layer), ``pan``."""

    tables: dict[str, Frame]
    baseline: View | None = None
    start_ns: int = field(default=0)

    @classmethod
    def of(cls, decoded: Any, baseline: Any = None) -> View:
        """The view of a `Decoded`, or of a mapping of table name to DataFrame."""
        tables = {}
        for name in TABLES:
            frame = decoded.get(name) if isinstance(decoded, Mapping) else getattr(decoded, name, None)
            frame = pd.DataFrame(columns=list(columns_of(name))) if frame is None else frame
            tables[name] = normal(frame, name)
        view = cls(tables, None if baseline is None else cls.of(baseline))
        view._add_stations()
        return view

    def has(self, table: str) -> bool:
        """Whether `table` has rows."""
        return len(self.tables[table]) > 0

    def __getattr__(self, name: str) -> Frame:
        tables = self.__dict__.get("tables", {})
        if name in tables:
            return Selection(tables[name])
        raise AttributeError(name)

    def _add_stations(self) -> None:
        packets = self.tables["packets"]
        times = packets["time"].astype("int64").to_numpy()
        known = packets["time"].notna().to_numpy()
        self.start_ns = int(times[known].min()) if known.any() else 0
        for table in ("packets", "attributes", "commands", "messages"):
            frame = self.tables[table]
            ns = frame["time"].astype("int64").to_numpy() - self.start_ns
            frame["seconds"] = np.where(frame["time"].notna(), ns / 1e9, np.nan)
        source_pan = packets["mac_src_pan"].fillna(packets["mac_dst_pan"])
        packets["pan"] = packets["mac_dst_pan"].where(packets["mac_dst_pan"] != 0xFFFF, source_pan)
        pan = packets["pan"]
        packets["sender"] = packets["nwk_sender"].fillna(
            self._station(packets["mac_src"], packets["mac_src_mode"], pan)
        )
        packets["receiver"] = self._station(packets["mac_dst"], packets["mac_dst_mode"], pan)
        packets["origin"] = packets["nwk_src_eui64"].fillna(self._short(packets["nwk_src"], pan))
        packets["target"] = packets["nwk_dst_eui64"].fillna(self._short(packets["nwk_dst"], pan))

    @cached_property
    def addresses(self) -> dict[int, int]:
        """EUI-64 by ``pan << 16 | short``, the last one seen."""
        packets = self.tables["packets"]
        out: dict[int, int] = {}
        for short, eui in (("nwk_src", "nwk_src_eui64"), ("nwk_dst", "nwk_dst_eui64")):
            rows = packets.loc[
                packets[eui].notna() & packets[short].notna() & packets["pan"].notna(), ["pan", short, eui]
            ]
            rows = rows[rows[short] < NO_SHORT].drop_duplicates(["pan", short], keep="last")
            keys = rows["pan"].astype("uint64") * 0x10000 + rows[short].astype("uint64")
            out.update(zip(keys.tolist(), rows[eui].tolist(), strict=True))
        devices = self.tables["devices"]
        rows = devices[devices["eui64"].notna() & devices["short"].notna() & devices["pan"].notna()]
        keys = rows["pan"].astype("uint64") * 0x10000 + rows["short"].astype("uint64")
        return {**out, **dict(zip(keys.tolist(), rows["eui64"].tolist(), strict=True))}

    def _short(self, short: Frame, pan: Frame) -> Frame:
        valid = (short.notna() & pan.notna() & (short < NO_SHORT).fillna(False)).to_numpy(dtype=bool)
        key = np.zeros(len(short), dtype="uint64")
        key[valid] = pan[valid].to_numpy("uint64") * np.uint64(0x10000) + short[valid].to_numpy("uint64")
        distinct, inverse = np.unique(key, return_inverse=True)
        known = np.array([self.addresses.get(int(k), int(k)) for k in distinct], dtype="uint64")
        return pd.Series(pd.arrays.IntegerArray(known[inverse], ~valid))

    def _station(self, address: Frame, mode: Frame, pan: Frame) -> Frame:
        short = address.where((mode == "short").to_numpy(dtype=bool))
        return self._short(short, pan).fillna(address.where((mode == "extended").to_numpy(dtype=bool)))

    @cached_property
    def smart_energy_pans(self) -> frozenset[int]:
        """PANs that carry the Smart Energy profile or its clusters."""
        packets = self.tables["packets"]
        carries = (packets["aps_profile"] == SMART_ENERGY_PROFILE) | packets["aps_cluster"].isin(
            list(SMART_ENERGY_CLUSTERS)
        ) & (packets["aps_profile"] != 0)
        return frozenset(packets.loc[carries.fillna(False), "pan"].dropna().unique().tolist())

    @cached_property
    def smart_energy_view(self) -> View | None:
        """The part of the capture that is Smart Energy; None when there is none."""
        messages = self.tables["messages"]
        pans = self.smart_energy_pans
        if not pans:
            return self if (messages["kind"] == "gbcs").any() else None
        every = frozenset(self.tables["packets"]["pan"].dropna().unique().tolist()) - {0xFFFF}
        if every <= pans:
            return self
        packets = self.tables["packets"]
        inside = packets[(packets["pan"].isin(pans | {0xFFFF}) | packets["pan"].isna()).to_numpy(dtype=bool)]
        tables = {**self.tables, "packets": inside.reset_index(drop=True)}
        for name in ("attributes", "commands"):
            rows = self.tables[name]
            tables[name] = rows[rows["frame"].isin(inside["frame"])].reset_index(drop=True)
        return View(tables, self.baseline, self.start_ns)

    @cached_property
    def _names(self) -> dict[int, str]:
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
        packets = self.tables["packets"]
        own = packets.loc[(packets["nwk_src"] == 0).fillna(False).to_numpy(dtype=bool), "nwk_src_eui64"]
        hubs = {int(eui) for eui in own.dropna().unique()}
        hubs |= {eui for key, eui in self.addresses.items() if key & 0xFFFF == 0}
        pans = self.tables["packets"]["pan"].dropna().unique().tolist()
        return hubs | {int(p) << 16 for p in pans} | self.with_role("CHF", "coordinator")

    def label(self, station: Any) -> str:
        """What a person calls a station: name and EUI-64, or short address and PAN."""
        if station is None or pd.isna(station):
            return "unknown"
        value = int(station)
        if value < 1 << 32:
            return f"0x{value & 0xFFFF:04x} in PAN 0x{value >> 16:04x}"
        name = self._names.get(value)
        return f"{name} ({value:016x})" if name else f"{value:016x}"

    def frames_of(self, rows: Frame) -> list[int]:
        """Frame numbers of `rows`."""
        return [int(f) for f in rows["frame"].dropna()]

    @cached_property
    def good(self) -> Frame:
        """Packets whose frame check sequence is not known to be wrong."""
        packets = self.tables["packets"]
        good = (packets["fcs_ok"] != False).fillna(True).to_numpy(dtype=bool)  # noqa: E712
        return Selection(packets) if good.all() else Selection(packets)[good]

    def command_rows(self, layer: str, command: Iterable[int] | None = None) -> Frame:
        """Rows of the commands table of `layer` (mac, nwk, aps, zdp, zcl), of some command identifiers."""
        commands = self.tables["commands"]
        rows = commands["layer"].isna() | (commands["layer"] == "zcl") if layer == "zcl" else None
        found = commands[(commands["layer"] == layer) if rows is None else rows]
        return found if command is None else found[found["command"].isin(list(command))]

    @cached_property
    def duration(self) -> float:
        """Seconds from the first to the last frame."""
        seconds = self.tables["packets"]["seconds"]
        return float(np.nanmax(seconds)) if len(seconds) and seconds.notna().any() else 0.0
