"""What the simulated HAN leaves behind: a capture, and its truth beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from captures.frame import CapturedFrame
from captures.simulated.air.exchanges import ExchangeNote
from captures.simulated.air.truth import FaultNote, MessageNote
from captures.simulated.devices.han import Han
from captures.whole_files import whole_file
from captures.writer import write_capture

__all__ = ["captured", "truth_rows", "write_han", "write_truth"]


def captured(han: Han) -> Iterator[CapturedFrame]:
    """The capture's frames; see `Han.captured`."""
    return han.captured()


def write_han(han: Han, path: Path | IO[bytes], truth: Path | None = None) -> int:
    """Write the capture (pcapng, TAP, with the devices' names) and its truth; returns the number of frames.

    `path` may also be an open binary file.

    Raises:
        CaptureError: a file cannot be written.
    """
    count = write_capture(path, han.captured(), names=han.names, comments=[f"simulated HAN, seed {han.seed}"])
    if truth is not None:
        write_truth(han, truth)
    return count


def truth_rows(han: Han) -> Iterator[dict[str, Any]]:
    """Every row of the truth: keys and messages as they were noted, then each frame of the capture.

    A ``frame`` row's number is that of the capture that `Han.records` gives. ``fault`` rows list the frames
    that the fault made or changed, ``exchange`` rows those of the exchange that were heard, and the seconds from the
    first of them to the first that answers.
    """
    by_fault: dict[str, list[int]] = {}
    frames: list[dict[str, Any]] = []
    by_exchange: dict[int, list[dict[str, Any]]] = {}
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
                "time_ns": heard.time_ns + han.start * 10**9,
                "sniffer": heard.sniffer,
                "fcs_good": heard.fcs_good,
                "faults": list(heard.faults),
                **heard.truth,
            }
        )
    for row in frames:
        if "exchange" in row:
            by_exchange.setdefault(row["exchange"], []).append(row)
    for note in han.notes:
        row = note.row()
        if isinstance(note, ExchangeNote):
            row |= _heard(by_exchange.get(note.exchange, []))
        if isinstance(note, FaultNote):
            row["frames"] = by_fault.get(note.name, [])
        if isinstance(note, MessageNote):
            row["frames"] = by_transmission.get(note.message, [])
        yield row
    yield from frames


def _heard(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The frames of an exchange, and the time to its answer."""
    out: dict[str, Any] = {"frames": [row["frame"] for row in rows]}
    answers = [row["time_ns"] for row in rows if row.get("answer")]
    if answers and len(answers) < len(rows):
        asked = min(row["time_ns"] for row in rows if not row.get("answer"))
        out["time_to_answer"] = (min(answers) - asked) / 1e9
    return out


def write_truth(han: Han, path: Path) -> None:
    """Write the truth as JSON lines."""
    with whole_file(path) as lines:
        for row in truth_rows(han):
            lines.write((json.dumps(row, separators=(",", ":")) + "\n").encode())
