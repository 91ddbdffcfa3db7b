"""The `devices` table: who was on the air, gathered block by block from the `packets` batches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.tables.arrow import codes_of, numpy_of, truths_of
from dissectors.model import AddressMap, DeviceName
from dissectors.vectors import first_places, sorted_distinct

__all__ = ["Radios"]

Address = tuple[int | None, int]
"""(PAN, short address), or (None, EUI-64)."""

STATES = ("seen", "associated", "keyed", "announced", "key-established")
ROLE_MARKS = ("end device", "router", "coordinator")
DATA_REQUEST = 0x04
ASSOCIATION_RESPONSE = 0x02
LINK_STATUS = 0x08
TRANSPORT_KEY = 0x05
DEVICE_ANNCE = 0x0013
KEY_ESTABLISHMENT = 0x0800
CONFIRM_KEY = 0x03
RESERVED_SHORT = 0xFFF8


@dataclass(slots=True)
class Radio:
    """What is known of one address."""

    frames: int = 0
    first: int | None = None
    last: int | None = None
    role: int = -1
    state: int = 0
    rssi: dict[int, int] = field(default_factory=dict)  # dBm -> frames

    def seen(self, first: int, last: int) -> None:
        """Widen the time in which it was on the air; nanoseconds."""
        self.first = first if self.first is None else min(self.first, first)
        self.last = last if self.last is None else max(self.last, last)

    def merge(self, other: Radio) -> None:
        """Take in what is known of another address of the same device."""
        self.frames += other.frames
        if other.first is not None and other.last is not None:
            self.seen(other.first, other.last)
        self.role = max(self.role, other.role)
        self.state = max(self.state, other.state)
        for level, count in other.rssi.items():
            self.rssi[level] = self.rssi.get(level, 0) + count

    def median_rssi(self) -> float | None:
        """Median signal strength in dBm."""
        if not self.rssi:
            return None
        levels = sorted(self.rssi)
        running = np.cumsum([self.rssi[level] for level in levels])
        total = int(running[-1])
        low = levels[int(np.searchsorted(running, (total + 1) // 2))]
        high = levels[int(np.searchsorted(running, total // 2 + 1))]
        return (low + high) / 2


class Radios:
    """Tally of all transmitters of a capture."""

    def __init__(self) -> None:
        self._radios: dict[Address, Radio] = {}

    def radio(self, pan: int | None, address: int) -> Radio:
        """The tally of one address, made when first met."""
        return self._radios.setdefault((pan, address), Radio())

    def count(self, packets: Any) -> None:
        """Take in one batch of the `packets` table. Frames with a bad FCS prove nobody's presence."""
        good, known = truths_of(packets.column("fcs_ok"))
        usable = good | ~known
        times, timed = numpy_of(packets.column("time"))
        source, sent = numpy_of(packets.column("mac_src"))
        pan, has_pan = numpy_of(packets.column("mac_src_pan"))
        short = codes_of(packets.column("mac_src_mode"), ["short"]) & sent & usable & has_pan & timed
        long = codes_of(packets.column("mac_src_mode"), ["extended"]) & sent & usable & timed
        rssi, heard = numpy_of(packets.column("rssi"))
        for rows, keys in (
            (short, (pan.astype(np.uint64) << np.uint64(16)) | source),
            (long, source),
        ):
            self._tally(keys[rows], times[rows], rssi[rows], heard[rows], short_ones=rows is short)
        self._relayed(packets, usable & timed & has_pan, pan, times)
        self._marks(packets, usable)

    def _tally(
        self,
        keys: npt.NDArray[Any],
        times: npt.NDArray[Any],
        rssi: npt.NDArray[Any],
        heard: npt.NDArray[np.bool_],
        *,
        short_ones: bool,
    ) -> None:
        if not len(keys):
            return
        unique, which = sorted_distinct(keys)
        counts = np.bincount(which, minlength=len(unique))
        first = np.full(len(unique), np.iinfo(np.int64).max)
        last = np.full(len(unique), np.iinfo(np.int64).min)
        np.minimum.at(first, which, times)
        np.maximum.at(last, which, times)
        levels = _levels(which[heard], rssi[heard])
        for index, key in enumerate(unique.tolist()):
            pan, address = (key >> 16, key & 0xFFFF) if short_ones else (None, key)
            if short_ones and address >= RESERVED_SHORT:
                continue
            radio = self.radio(pan, address)
            radio.frames += int(counts[index])
            radio.seen(int(first[index]), int(last[index]))
            for level, times_heard in levels.get(index, ()):
                radio.rssi[level] = radio.rssi.get(level, 0) + times_heard

    def _relayed(
        self, packets: Any, usable: npt.NDArray[Any], pan: npt.NDArray[Any], times: npt.NDArray[Any]
    ) -> None:
        # A device may be out of the sniffer's reach and speak through routers only.
        source, valid = numpy_of(packets.column("nwk_src"))
        rows = np.flatnonzero(usable & valid & (source < RESERVED_SHORT))
        if not len(rows):
            return
        keys = (pan[rows].astype(np.int64) << 16) | source[rows]
        unique, which = sorted_distinct(keys)
        first = first_places(which, len(unique))
        last = np.zeros(len(unique), np.int64)
        np.maximum.at(last, which, np.arange(len(rows)))
        for index, key in enumerate(unique.tolist()):
            a, b = int(times[rows[first[index]]]), int(times[rows[last[index]]])
            self.radio(key >> 16, key & 0xFFFF).seen(min(a, b), max(a, b))

    def _marks(self, packets: Any, usable: npt.NDArray[Any]) -> None:
        def equal(name: str, value: int) -> npt.NDArray[Any]:
            values, valid = numpy_of(packets.column(name))
            hit: npt.NDArray[Any] = valid & (values == value) & usable
            return hit

        get = _Getter(packets)
        beacons = codes_of(packets.column("mac_type"), ["beacon"]) & usable
        for mask, role in ((equal("mac_command", DATA_REQUEST), 0), (beacons, 1)):
            for pan, address in get.unique(mask, "mac_src_pan", "mac_src"):
                self._mark(pan, address, role=role)
        for pan, address in get.unique(equal("nwk_command", LINK_STATUS), "mac_src_pan", "nwk_src"):
            self._mark(pan, address, role=1)
        for pan, address in get.unique(equal("mac_command", ASSOCIATION_RESPONSE), "mac_dst_pan", "mac_dst"):
            self._mark(pan, address, state=1)
        for pan, address in get.unique(equal("aps_command", TRANSPORT_KEY), "mac_dst_pan", "nwk_dst"):
            self._mark(pan, address, state=2)
        announced = equal("aps_profile", 0) & equal("aps_cluster", DEVICE_ANNCE)
        for pan, address in get.unique(announced, "mac_src_pan", "nwk_src"):
            self._mark(pan, address, state=3)
        confirmed = equal("aps_cluster", KEY_ESTABLISHMENT) & equal("zcl_command", CONFIRM_KEY)
        for pan, address in get.unique(confirmed, "mac_src_pan", "nwk_src"):
            self._mark(pan, address, state=4)

    def _mark(self, pan: int, address: int, *, role: int = -1, state: int = 0) -> None:
        long = address > 0xFFFF
        if not long and address >= RESERVED_SHORT:
            return
        radio = self.radio(None if long else pan, address)
        radio.role = max(radio.role, role)
        radio.state = max(radio.state, state)

    def rows(
        self,
        addresses: AddressMap,
        told: dict[int, DeviceName],
        names: dict[int, str],
        parties: Iterable[DeviceName] = (),
    ) -> list[dict[str, Any]]:
        """The table: one row a device, its addresses joined by what the capture taught.

        Args:
            addresses: who owns which short address.
            told: names and roles from keys.toml.
            names: names that the capture carries.
            parties: remote parties, which have no radio: a row with their role and name.
        """
        devices: dict[Address, Radio] = {}
        shorts: dict[int, Address] = {eui: pair for pair, eui in addresses.pairs.items()}
        for (pan, address), radio in self._radios.items():
            eui64 = address if pan is None else addresses.pairs.get((pan, address))
            if pan is not None and address == 0:
                radio.role = 2
            key: Address = (pan, address) if eui64 is None else (None, eui64)
            devices.setdefault(key, Radio()).merge(radio)
        rows = [_row(key, radio, shorts, told, names) for key, radio in devices.items()]
        rows += [
            {"eui64": one.eui64, "role": one.role, "name": one.name or None, "frames": 0} for one in parties
        ]
        return sorted(rows, key=_order)


def _levels(which: npt.NDArray[Any], rssi: npt.NDArray[Any]) -> dict[int, list[tuple[int, int]]]:
    """Signal strengths in dBm and how often each was heard, by radio."""
    found: dict[int, list[tuple[int, int]]] = {}
    if not len(which):
        return found
    unique, place = sorted_distinct(which.astype(np.int64) * 256 + rssi.astype(np.int64) + 128)
    for key, count in zip(unique.tolist(), np.bincount(place).tolist(), strict=True):
        found.setdefault(key >> 8, []).append(((key & 0xFF) - 128, count))
    return found


def _order(row: dict[str, Any]) -> tuple[Any, ...]:
    """By PAN, short address, EUI-64: an order that does not depend on the size of blocks."""
    pan, short, eui64 = row.get("pan"), row.get("short"), row["eui64"]
    return (pan is None, pan or 0, short is None, short or 0, eui64 is None, eui64 or 0)


def _row(
    key: Address,
    radio: Radio,
    shorts: dict[int, Address],
    told: dict[int, DeviceName],
    names: dict[int, str],
) -> dict[str, Any]:
    pan, address = key
    eui64 = address if pan is None else None
    if eui64 is not None:
        pan, short = shorts.get(eui64, (None, None))
    else:
        short = address
    named = told.get(eui64) if eui64 is not None else None
    role = named.role if named and named.role else (ROLE_MARKS[radio.role] if radio.role >= 0 else None)
    name = (named.name if named else "") or (names.get(eui64, "") if eui64 is not None else "")
    return {
        "eui64": eui64,
        "short": short,
        "pan": pan,
        "role": role,
        "name": name or None,
        "first_seen": radio.first,
        "last_seen": radio.last,
        "frames": radio.frames,
        "rssi": radio.median_rssi(),
        "join_state": STATES[radio.state],
    }


class _Getter:
    """Distinct pairs of two columns where a mask holds."""

    def __init__(self, packets: Any) -> None:
        self.packets = packets

    def unique(self, mask: npt.NDArray[Any], pan: str, address: str) -> set[tuple[int, int]]:
        """The distinct (PAN, address) of the rows where both are known."""
        if not mask.any():
            return set()
        pans, has_pan = numpy_of(self.packets.column(pan))
        addresses, has_address = numpy_of(self.packets.column(address))
        rows = mask & has_pan & has_address
        return set(zip(pans[rows].tolist(), addresses[rows].tolist(), strict=True))
