"""Which keys are needed: the frames of a capture that stayed shut, or were replayed, by layer and reason."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

from analysis.pipeline.passes import DecodedBlock, DecodePass
from analysis.pipeline.sinks import Sink
from analysis.tables.arrow import codes_of
from analysis.tables.python_values import rows_of

__all__ = ["FRAMES_NAMED", "LAYERS", "REPLAY", "Need", "NeedsSink"]

LAYERS = ("mac", "nwk", "aps")
SHUT = ("no_key", "bad_mic")
REPLAY = "replay"
FRAMES_NAMED = 8
"""Frames that are named of each reason."""


@dataclass(slots=True)
class Need:
    """Frames that stayed shut for one reason."""

    layer: str
    scope: str
    verdict: str
    reason: str
    count: int = 0
    first: list[int] = field(default_factory=list)

    def add(self, frame: int) -> None:
        """Count one frame."""
        self.count += 1
        if len(self.first) < FRAMES_NAMED:
            self.first.append(frame)

    def to_json(self) -> dict[str, Any]:
        return {
            "layer": self.layer,
            "scope": self.scope,
            "verdict": self.verdict,
            "why": self.reason,
            "frames": self.count,
            "first_frames": self.first,
        }


class NeedsSink(Sink):
    """Sorts the frames that stayed shut, or were replayed, by layer and reason.

    Attributes:
        needs: by layer, scope, verdict and reason.
        secured: frames that are secured at all.
    """

    tables = ("packets", "keys", "certificates")

    def restart(self, decode_pass: DecodePass) -> None:
        self.needs: dict[tuple[str, ...], Need] = {}
        self.secured = 0

    def take(self, block: DecodedBlock) -> None:
        if "packets" in block.batches:
            self.secured += _gather(block.batches["packets"], self.needs)

    def snapshot(self) -> Any:
        return copy.deepcopy((self.needs, self.secured))

    def rewind(self, decode_pass: DecodePass, saved: Any) -> None:
        self.needs, self.secured = copy.deepcopy(saved)

    def ranked(self) -> tuple[list[Need], list[Need]]:
        """Those of shut frames, then those of replayed ones; each with the most frames first."""
        ranked = sorted(
            self.needs.values(), key=lambda need: (-need.count, need.first[0], LAYERS.index(need.layer))
        )
        shut = [need for need in ranked if need.verdict != REPLAY]
        return shut, [need for need in ranked if need.verdict == REPLAY]


def _gather(packets: Any, needs: dict[tuple[str, ...], Need]) -> int:
    """Sort the shut and the replayed frames of a batch by reason; returns how many frames are secured at all."""
    import numpy as np

    secured = np.zeros(len(packets), np.bool_)
    for layer in LAYERS:
        column = packets.column(f"{layer}_security")
        secured |= codes_of(column, (*SHUT, REPLAY, "ok"))
        rows = np.flatnonzero(codes_of(column, (*SHUT, REPLAY)))
        if len(rows):
            import pyarrow as pa

            for row in rows_of(packets.take(pa.array(rows))):
                scope, reason = _scope(layer, row), _reason(layer, row)
                key = (layer, scope, row[f"{layer}_security"], reason)
                needs.setdefault(key, Need(*key)).add(row["frame"])
    return int(secured.sum())


def _scope(layer: str, row: dict[str, Any]) -> str:
    pan = row.get("mac_dst_pan", row.get("mac_src_pan"))
    parts = [f"PAN 0x{pan:04x}"] if pan is not None else []
    if layer == "nwk" and row.get("nwk_key_seq") is not None:
        parts.append(f"key sequence {row['nwk_key_seq']}")
    if layer == "aps":
        parts.append(f"{row.get('aps_key_id') or 'link'} key of")
        ends = (("nwk_src_eui64", "nwk_src"), ("nwk_dst_eui64", "nwk_dst"))
        parts.append(" and ".join(sorted(_end(row, eui64, short) for eui64, short in ends)))
    return ", ".join(parts[:1]) + (" " + " ".join(parts[1:]) if parts[1:] else "")


def _end(row: dict[str, Any], eui64: str, short: str) -> str:
    if row.get(eui64) is not None:
        return f"{row[eui64]:016x}"
    return f"0x{row[short]:04x}" if row.get(short) is not None else "an unknown device"


def _reason(layer: str, row: dict[str, Any]) -> str:
    if row.get("fcs_ok") is False:
        return "the frame was received with errors (bad FCS)"
    said: str | None = row.get(f"{layer}_reason")
    return said or "no key that could open it is held"
