"""Who sent what to whom: the stations of each packet, for this hop and for the whole way.

Strategy: a station is one number: the EUI-64 where it is known, else ``pan << 16 | short`` (always below
2**32, which no EUI-64 is). Few (PAN, short address) pairs occur among a million packets, so each is looked up
once, by its number among the pairs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.tables.lazy import Places, Table, mask, numbers_of

__all__ = ["BROADCAST_PAN", "NO_SHORT", "Stations"]

NO_SHORT = 0xFFF8  # addresses from here on are broadcasts or "none"
BROADCAST_PAN = 0xFFFF
MOST_PANS = 16  # with more, pairs are sorted instead of counted

Known = npt.NDArray[np.bool_]
Coded = tuple[npt.NDArray[Any], list[Any]]  # see `Table.codes`


class Stations:
    """The columns ``pan``, ``sender``, ``receiver``, ``origin`` and ``target`` of `packets`.

    Args:
        packets: the table.
        devices: the devices table, whose addresses count more than those of packets.
        before: EUI-64 by ``pan << 16 | short`` as known before the first of these packets.
    """

    def __init__(self, packets: Table, devices: Any, before: Mapping[int, int]) -> None:
        self.packets, self.devices, self.before = packets, devices, before

    @cached_property
    def pan(self) -> Any:
        """PAN identifier: the destination's, or the source's where that is the broadcast PAN or absent."""
        there, here = numbers_of(self.packets["mac_dst_pan"]), numbers_of(self.packets["mac_src_pan"])
        source = _filled(here, there)
        return _column(*_filled(_where(there, there[0] != BROADCAST_PAN), source))

    @cached_property
    def addresses(self) -> dict[int, int]:
        """EUI-64 by ``pan << 16 | short``, the last one seen."""
        out: dict[int, int] = dict(self.before)
        for short, eui in (("nwk_src", "nwk_src_eui64"), ("nwk_dst", "nwk_dst_eui64")):
            values, known = numbers_of(self.packets[eui])
            pairs, place, valid = self._pairs(short)
            rows = np.flatnonzero(valid & known)
            last = np.full(len(pairs), -1, np.intp)
            last[place[rows]] = rows  # of several rows of one pair the last one stays
            seen = last >= 0
            out.update(zip(pairs[seen].tolist(), values[last[seen]].tolist(), strict=True))
        rows = self.devices
        rows = rows[rows["eui64"].notna() & rows["short"].notna() & rows["pan"].notna()]
        keys = rows["pan"].astype("uint64") * 0x10000 + rows["short"].astype("uint64")
        return {**out, **dict(zip(keys.tolist(), rows["eui64"].tolist(), strict=True))}

    def column(self, name: str, places: Places | None = None) -> Any:
        """One of the columns by its name, at some places (all when None)."""
        if name == "pan":
            return self.pan if places is None else self.pan.iloc[places]
        codes, stations = self.packets.codes(name)
        codes = codes if places is None else codes[places]
        return _column(np.array([*stations, 0], np.uint64)[codes], codes >= 0)

    def codes(self, name: str) -> Coded:
        """The stations of a column as numbers (-1: null), and what they stand for.

        Found without a look at their eight octets in each row: few stations are behind many rows."""
        if name == "sender":
            return _first(self.packets.codes("nwk_sender"), self._hop("mac_src"))
        if name == "receiver":
            return self._hop("mac_dst")
        short = "nwk_src" if name == "origin" else "nwk_dst"
        return _first(_some(*numbers_of(self.packets[f"{short}_eui64"])), self._named(short))

    def _pairs(self, short: str, chosen: Known | None = None) -> tuple[Any, Any, Known]:
        """The distinct ``pan << 16 | short``, each row's place among them (their number where it has none),
        and which rows have one."""
        numbers, known = numbers_of(self.packets[short])
        pan, has_pan = numbers_of(self.pan)
        valid = known & has_pan & (numbers < NO_SHORT)
        if chosen is not None:
            valid &= chosen
        pans, part = self._pans
        if part is None:
            keys = np.where(valid, pan.astype(np.int64) << 16 | numbers.astype(np.int64), -1)
            place, pairs = pd.factorize(np.where(keys < 0, np.iinfo(np.int64).max, keys), sort=True)
            pairs = pairs[pairs < np.iinfo(np.int64).max]
            return pairs, place, valid
        pairs = (pans[:, None].astype(np.int64) << 16 | np.arange(1 << 16)).ravel()
        return pairs, np.where(valid, part | numbers.astype(np.int32), len(pairs)), valid

    @cached_property
    def _pans(self) -> tuple[Any, Any]:
        """The distinct PANs; and for each row the number of its own, shifted to where a short address has
        room beside it (None when there are too many)."""
        codes, pans = self.packets.codes("pan")
        part = None if len(pans) > MOST_PANS else np.maximum(codes, 0).astype(np.int32) << 16
        return np.array(pans, np.int64), part

    def _named(self, short: str, chosen: Known | None = None) -> Coded:
        """The station behind each short address."""
        pairs, place, _ = self._pairs(short, chosen)
        used = np.zeros(len(pairs) + 1, dtype=bool)
        used[place] = True
        names: dict[int, int] = {}
        found = np.full(len(pairs) + 1, -1, np.int32)
        found[:-1][used[:-1]] = [
            names.setdefault(self.addresses.get(key, key), len(names)) for key in pairs[used[:-1]].tolist()
        ]
        return _narrow(found, len(names))[place], list(names)

    def _hop(self, address: str) -> Coded:
        """The station at one end of this hop, whichever kind of address the frame has."""
        mode = self.packets[f"{address}_mode"]
        values, known = numbers_of(self.packets[address])
        named = self._named(address, mask(mode == "short"))
        return _first(named, _some(values, known & mask(mode == "extended")))


def _some(values: Any, known: Known) -> Coded:
    """The known ones of long numbers as codes."""
    rows = np.flatnonzero(known)
    found, keys = pd.factorize(values[rows])
    codes = np.full(len(values), -1, np.int16 if len(keys) < 1 << 15 else np.int32)
    codes[rows] = found
    return codes, list(keys.tolist())


def _first(one: Coded, two: Coded) -> Coded:
    """`one`, and `two` where it is null."""
    keys = {key: place for place, key in enumerate(one[1])}
    table = [keys.setdefault(key, len(keys)) for key in two[1]]
    others = _narrow(np.array([*table, -1], np.int32), len(keys))[two[0]]
    return np.where(one[0] >= 0, one[0].astype(others.dtype, copy=False), others), list(keys)


def _narrow(codes: Any, size: int) -> Any:
    return codes.astype(np.int16 if size < 1 << 15 else np.int32)


def _where(values: tuple[Any, Known], condition: Known) -> tuple[Any, Known]:
    return values[0], values[1] & condition


def _filled(values: tuple[Any, Known], others: tuple[Any, Known]) -> tuple[Any, Known]:
    """`values`, and `others` where they are null."""
    return np.where(values[1], values[0], others[0]), values[1] | others[1]


def _column(values: Any, known: Known) -> Any:
    return pd.Series(pd.arrays.IntegerArray(np.ascontiguousarray(values), ~known), copy=False)
