"""What the simulated HAN leaves behind: a capture, and its truth beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from captures.simulated.han import Han

__all__ = ["truth_rows", "write_truth"]


def truth_rows(han: Han) -> Iterator[dict[str, Any]]:
    """Every row of the truth: keys and messages as they were noted, then each frame of the capture.

    A ``frame`` row's number is that of the capture that `Han.records` gives. ``fault`` rows list the frames
    that the fault made or changed.
    """
    by_fault: dict[str, list[int]] = {}
    frames = []
    by_transmission: dict[int, list[int]] = {}
    for number, heard in enumerate(han.records(), 1):
        for fault in heard.faults:
            by_fault.setdefault(fault, []).append(number)
        message = heard.truth.get("message")
        if message is not None:
            by_transmission.setdefault(message, []).append(number)
        frames.append(
            {
                "kind": "frame",
                "frame": number,
                "time_ns": heard.time_ns,
                "sniffer": heard.sniffer,
                "fcs_good": heard.fcs_good,
                "faults": list(heard.faults),
                **heard.truth,
            }
        )
    for row in han.truth:
        done = dict(row)
        if row["kind"] == "fault":
            done["frames"] = sorted({*row.get("frames", ()), *by_fault.get(str(row["name"]), ())})
        if row["kind"] == "message":
            done["frames"] = by_transmission.get(row["message"], [])
        yield done
    yield from frames


def write_truth(han: Han, path: Path) -> None:
    """Write the truth as JSON lines."""
    with path.open("w", encoding="utf-8") as lines:
        for row in truth_rows(han):
            lines.write(json.dumps(row, separators=(",", ":")) + "\n")
