"""What was looked at, and what frames tell of steps besides exchanges: scans, keys sent, secured frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from analysis.features.completeness import Completeness, completeness
from analysis.features.identifiers import APS_COMMANDS, MAC_COMMANDS
from analysis.features.judging import mask
from analysis.features.stations import NO_SHORT
from analysis.features.view import View
from analysis.findings.model import Evidence
from analysis.pipeline.windows import Window
from analysis.tables.lazy import numbers_of

__all__ = ["FRAMES_NAMED", "Looked", "Sighting", "address"]

BEACON_REQUEST, TRANSPORT_KEY = MAC_COMMANDS["Beacon Request"], APS_COMMANDS["Transport Key"]
SCAN = 1.0
"""Seconds in which a beacon comes: a scan waits at most 0.5 s on a channel (IEEE 802.15.4-2015 6.3.1, duration 5)."""
FRAMES_NAMED = 8
SCANS_KEPT = 2000


@dataclass(slots=True)
class Sighting:
    """Frames of one kind from or to one device.

    Attributes:
        time, last: nanoseconds since 1970 of the first and the last.
        count: how many.
    """

    time: int
    last: int = 0
    frames: list[int] = field(default_factory=list)
    count: int = 0


def address(station: int) -> str:
    """A station (`analysis.features.stations`) as hex digits: EUI-64, or short address."""
    return f"{station:016x}" if station >= 1 << 32 else f"{station & 0xFFFF:04x}"


@dataclass(slots=True)
class Looked:
    """Counts of what a check looked at; `see` takes in one window after the other (`analysis.engine.checking.Watcher`).

    Attributes:
        seen: by kind (transport-key, under-security, secured, shut, link-secured) and address of the device.
        scans: beacon requests: time, frame, and whether a beacon of the home answered (ok), a damaged one (failed) or
            none that was heard (incomplete).
        share: of the frames on the air that the sniffer missed.
    """

    frames: int = 0
    damaged: int = 0
    start_ns: int = 0
    duration: float = 0.0
    channels: set[tuple[int, int]] = field(default_factory=set)
    seen: dict[tuple[str, str], Sighting] = field(default_factory=dict)
    scans: list[tuple[int, int, str]] = field(default_factory=list)
    share: float = 0.0
    _air: list[Completeness] = field(default_factory=list)

    def see(self, view: View, window: Window, evidence: Sequence[Evidence]) -> None:
        """One window."""
        air = completeness(view)
        self._air.append(air)
        packets, new = view.packets, len(view.packets)
        self.share = (self.share * self.frames + air.share * new) / max(self.frames + new, 1)
        self.frames += new
        self.damaged += new - len(view.good)
        self.start_ns, self.duration = view.start_ns, max(self.duration, view.duration)
        pages, channels = numbers_of(packets["page"]), numbers_of(packets["channel"])
        known = channels[1]
        told = np.where(pages[1], pages[0], 0)[known], channels[0][known]
        self.channels |= {(int(page), int(channel)) for page, channel in set(zip(*told, strict=True))}
        self._scans(view)
        self._keys(view)
        self._secured(view)

    def missed(self, device: str) -> float:
        """The share of a device's frames that were not heard, in the window where most were."""
        station = int(device, 16) if len(device) == 16 else None
        return max((air.missed(station) for air in self._air), default=0.0)

    def _note(self, kind: str, device: str, rows: Any, view: View) -> None:
        if rows.empty:
            return
        seconds = rows["seconds"].to_numpy(dtype=float)
        first = seconds[~np.isnan(seconds)]
        ends = first[[0, -1]] if len(first) else np.zeros(2)
        times = (view.start_ns + (ends * 1e9).astype(np.int64)).tolist()
        found = self.seen.setdefault((kind, device), Sighting(times[0]))
        found.last = max(found.last, times[1])
        room = FRAMES_NAMED - len(found.frames)
        found.frames += view.frames_of(rows[:room]) if room > 0 else []
        found.count += len(rows)

    def _scans(self, view: View) -> None:
        asked = view.packets.only(mac_command=BEACON_REQUEST)
        if asked.empty:
            return
        beacons, pans = view.packets.only(mac_type="beacon"), view.smart_energy_pans
        damaged = mask(beacons["fcs_ok"] == False)  # noqa: E712
        own = mask(beacons["pan"].isin([*pans])) if pans else ~damaged
        seconds = asked["seconds"].to_numpy(dtype=float)
        answered = _follows(seconds, beacons[own & ~damaged]["seconds"])
        broken = _follows(seconds, beacons[damaged]["seconds"])
        times = (view.start_ns + (np.nan_to_num(seconds) * 1e9).astype(np.int64)).tolist()
        outcome = np.where(answered, "ok", np.where(broken, "failed", "incomplete")).tolist()
        told = zip(times, view.frames_of(asked), outcome, strict=True)
        self.scans = sorted({*self.scans, *told})[-SCANS_KEPT:]

    def _keys(self, view: View) -> None:
        rows = view.good.only(aps_type="command", nwk_security="none")
        if rows.empty:
            return
        sent = mask(rows["aps_command"] == TRANSPORT_KEY) | mask(rows["aps_security"] == "no_key")
        rows = rows[sent & mask(rows["nwk_dst"] < NO_SHORT)]
        for device, part in self._by(rows, "target"):
            self._note("transport-key", device, part, view)

    def _secured(self, view: View) -> None:
        good = view.good
        for kind, rows in (
            ("under-security", good.only(nwk_security=["ok", "replay", "no_key"])),
            ("secured", good.only(nwk_security=["ok", "replay"])),
            ("shut", good.only(nwk_security=["no_key", "bad_mic"])),
            ("link-secured", good.only(aps_security=["ok"], aps_key_id=["link"])),
        ):
            for device, part in self._by(rows, "origin" if kind == "link-secured" else "sender"):
                self._note(kind, device, part, view)

    @staticmethod
    def _by(rows: Any, column: str) -> Iterator[tuple[str, Any]]:
        if rows.empty:
            return
        codes, keys = rows.codes(column)
        for code in np.unique(codes[codes >= 0]).tolist():
            yield address(int(keys[code])), rows[codes == code]


def _follows(seconds: Any, others: Any) -> Any:
    """Whether one of some other times follows each within `SCAN`."""
    later = np.append(others.to_numpy(dtype=float), np.inf)
    return later[np.searchsorted(later, seconds)] - seconds <= SCAN
