"""What one capture says of its home in numbers and names, for comparing homes: signal, retries, models, waiting times."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from analysis.features.repeats import repeats
from analysis.features.view import View
from analysis.findings.model import Evidence
from analysis.pipeline.windows import Window
from analysis.report.tally import Tally

__all__ = ["NUMBERS", "HomeFacts", "ReportedHome"]

NUMBERS = {
    "frames_per_hour": "frames an hour",
    "retry_share": "share of frames that were sent again",
    "unacknowledged_share": "share of frames without acknowledgement",
    "damaged_share": "share of damaged frames",
    "rssi": "median signal strength (dBm)",
    "answer_seconds": "median time until a message is answered (s)",
    "alerts_per_day": "alerts a day",
    "polls_per_hour": "polls an hour",
    "shut_share": "share of frames that stayed shut",
}
"""What is compared between homes, and what each number is called."""
DATA_REQUEST = 4
"""MAC command of a device that polls its parent (IEEE 802.15.4-2006 table 82)."""
BASIC = 0x0000
IDENTITY = {0x0001: "application version", 0x0004: "manufacturer", 0x0005: "model", 0x4000: "software build"}
"""Attributes of the Basic cluster that say what a device is (ZCL, 3.2.2)."""
UPGRADE = 0x0019
VERSION_FIELD = "current_file_version"
"""What a device that asks for firmware says it has (OTA cluster, Query Next Image Request)."""
LEVELS = 512
"""dBm from -256 to 255: a place for each."""
ANSWERS_KEPT = 100_000


class HomeFacts:
    """Counts while a capture is checked window by window (`analysis.engine.checking.Watcher`)."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.levels = np.zeros(LEVELS, np.int64)
        self.channels: Counter[int] = Counter()
        self.answers: list[float] = []
        self.first: int | None = None
        self.last: int | None = None
        self.identities: dict[int, dict[str, str]] = {}
        self.devices: list[dict[str, Any]] = []

    def see(self, view: View, window: Window, evidence: Sequence[Evidence]) -> None:
        """Count the frames that a window judges, and keep who is who."""
        packets = window.tables["packets"]
        frames = packets.column("frame").to_numpy()
        packets = packets.filter(pa.array((frames >= window.start) & (frames < window.end)))
        self._count(packets)
        self._retries(view, window)
        self._messages(window)
        self._identify(window)
        self.devices = window.tables["devices"].to_pylist()

    def _count(self, packets: Any) -> None:
        self.counts["frames"] += len(packets)
        self.counts["damaged"] += _true(pc.equal(packets.column("fcs_ok"), False))
        self.counts["polls"] += _true(pc.equal(packets.column("mac_command"), DATA_REQUEST))
        shut = [
            pc.is_in(packets.column(f"{layer}_security").cast(pa.string()), pa.array(["no_key", "bad_mic"]))
            for layer in ("nwk", "aps")
        ]
        self.counts["shut"] += _true(pc.or_kleene(*shut))
        levels = pc.drop_null(packets.column("rssi")).to_numpy()
        whole = np.clip(np.nan_to_num(levels), -256, 255).astype(np.int64) + 256
        self.levels += np.bincount(whole, minlength=LEVELS)
        for one in pc.value_counts(pc.drop_null(packets.column("channel"))).to_pylist():
            self.channels[int(one["values"])] += int(one["counts"])
        bounds = pc.min_max(packets.column("time").cast(pa.int64())).as_py()
        if bounds["min"] is not None:
            self.first = bounds["min"] if self.first is None else min(self.first, bounds["min"])
            self.last = bounds["max"] if self.last is None else max(self.last, bounds["max"])

    def _retries(self, view: View, window: Window) -> None:
        sent = repeats(view)
        frames = sent["frame"].to_numpy(dtype=np.int64)
        own = (frames >= window.start) & (frames < window.end)
        retry = sent["retry"].to_numpy(dtype=bool) & own
        self.counts["asking"] += int(own.sum())
        self.counts["retries"] += int(retry.sum())
        self.counts["unacknowledged"] += int((own & ~sent["acked"].to_numpy(dtype=bool)).sum())

    def _messages(self, window: Window) -> None:
        messages = window.tables["messages"].select(["frames", "cra", "answer_seconds"])
        for row in messages.to_pylist():
            if row["frames"] and not window.judges(tuple(row["frames"])):
                continue
            self.counts["messages"] += 1
            self.counts["alerts"] += row["cra"] == "alert"
            if row["answer_seconds"] is not None and len(self.answers) < ANSWERS_KEPT:
                self.answers.append(row["answer_seconds"])

    def _identify(self, window: Window) -> None:
        """Models and versions that devices told: attributes of the Basic cluster, queries for firmware."""
        rows = window.tables["attributes"]
        wanted = pc.and_(
            pc.equal(rows.column("cluster"), BASIC),
            pc.is_in(rows.column("attribute"), pa.array(list(IDENTITY), rows.schema.field("attribute").type)),
        )
        for row in rows.filter(wanted).select(["source", "attribute", "value"]).to_pylist():
            if row["source"] is not None and row["value"] is not None:
                self._say(row["source"], IDENTITY[row["attribute"]], row["value"])
        rows = window.tables["commands"]
        wanted = pc.and_(
            pc.equal(rows.column("cluster"), UPGRADE),
            pc.equal(rows.column("field").cast(pa.string()), VERSION_FIELD),
        )
        for row in rows.filter(wanted).select(["source", "value"]).to_pylist():
            if row["source"] is not None and row["value"] is not None:
                self._say(row["source"], "firmware", f"0x{int(row['value']):08x}")

    def _say(self, source: int, what: str, value: str) -> None:
        self.identities.setdefault(source, {})[what] = value

    def told(self) -> dict[str, str]:
        """What devices said of themselves, by role: ``esme_model``, ``hub_firmware`` ..."""
        found: dict[str, str] = {}
        for device in self.devices:
            role = {"CHF": "hub", None: ""}.get(device["role"], str(device["role"]).lower())
            for address in (device["eui64"], device["short"]):
                for what, value in self.identities.get(address, {}).items() if role else ():
                    found.setdefault(f"{role}_{what.replace(' ', '_')}", value)
        return found

    def hub(self) -> str | None:
        """The EUI-64 of the communications hub, or of the coordinator where none is known as one."""
        for role in ("CHF", "coordinator"):
            for device in self.devices:
                if device["role"] == role and device["eui64"] is not None:
                    return f"{device['eui64']:016x}"
        return None

    def facts(self) -> dict[str, Any]:
        """Numbers (None where there was nothing to measure), channel, times, and the devices."""
        counts = self.counts
        seconds = 0.0 if self.first is None or self.last is None else (self.last - self.first) / 1e9
        hours = max(seconds, 60.0) / 3600
        return {
            "seconds": round(seconds, 3),
            "channel": self.channels.most_common(1)[0][0] if self.channels else None,
            "messages": counts["messages"],
            "alerts": counts["alerts"],
            "frames_per_hour": counts["frames"] / hours if counts["frames"] else None,
            "retry_share": _share(counts["retries"], counts["asking"]),
            "unacknowledged_share": _share(counts["unacknowledged"], counts["asking"]),
            "damaged_share": _share(counts["damaged"], counts["frames"]),
            "shut_share": _share(counts["shut"], counts["frames"]),
            "rssi": self._median_level(),
            "answer_seconds": float(np.median(self.answers)) if self.answers else None,
            "alerts_per_day": counts["alerts"] / hours * 24 if counts["messages"] else None,
            "polls_per_hour": counts["polls"] / hours if counts["frames"] else None,
            **self.told(),
        }

    def _median_level(self) -> float | None:
        total = int(self.levels.sum())
        if not total:
            return None
        return float(np.searchsorted(np.cumsum(self.levels), total / 2) - 256)


class ReportedHome(HomeFacts):
    """As `HomeFacts`, and counts besides what the home's own report shows."""

    def __init__(self) -> None:
        super().__init__()
        self.tally = Tally()

    def see(self, view: View, window: Window, evidence: Sequence[Evidence]) -> None:
        super().see(view, window, evidence)
        self.tally.see(view, window, evidence)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _true(column: Any) -> int:
    return int(pc.sum(column).as_py() or 0)
