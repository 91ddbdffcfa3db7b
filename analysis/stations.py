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

from analysis.lazy import Table, mask, numbers_of

__all__ = ["NO_SHORT", "Stations"]

NO_SHORT = 0xFFF8  # addresses from here on are broadcasts or "none"
BROADCAST_PAN = 0xFFFF
MOST_PANS = 16  # with more, pairs are sorted instead of counted

Known = npt.NDArray[np.bool_]


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

    def column(self, name: str) -> Any:
        """One of the columns by its name."""
        if name == "pan":
            return self.pan
        if name == "sender":
            return _column(*_filled(numbers_of(self.packets["nwk_sender"]), self._hop("mac_src")))
        if name == "receiver":
            return _column(*self._hop("mac_dst"))
        short = "nwk_src" if name == "origin" else "nwk_dst"
        return _column(*_filled(numbers_of(self.packets[f"{short}_eui64"]), self._named(short)))

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

    def _named(self, short: str, chosen: Known | None = None) -> tuple[Any, Known]:
        """The station behind each short address."""
        pairs, place, valid = self._pairs(short, chosen)
        used = np.zeros(len(pairs) + 1, dtype=bool)
        used[place] = True
        used[-1] = False
        names = np.zeros(len(pairs) + 1, np.uint64)
        names[used] = [self.addresses.get(key, key) for key in pairs[used[:-1]].tolist()]
        return names[place], valid

    def _hop(self, address: str) -> tuple[Any, Known]:
        """The station at one end of this hop, whichever kind of address the frame has."""
        mode = self.packets[f"{address}_mode"]
        values = numbers_of(self.packets[address])
        named = self._named(address, mask(mode == "short"))
        return _filled(named, _where(values, mask(mode == "extended")))


def _where(values: tuple[Any, Known], condition: Known) -> tuple[Any, Known]:
    return values[0], values[1] & condition


def _filled(values: tuple[Any, Known], others: tuple[Any, Known]) -> tuple[Any, Known]:
    """`values`, and `others` where they are null."""
    return np.where(values[1], values[0], others[0]), values[1] | others[1]


def _column(values: Any, known: Known) -> Any:
    return pd.Series(pd.arrays.IntegerArray(np.ascontiguousarray(values), ~known), copy=False)
