"""The packet list: a window of rows as a page shows them."""

from __future__ import annotations

from typing import Any

import numpy as np

from analysis.web.opened import OpenedCapture
from analysis.web.store import Places

__all__ = ["LIST_COLUMNS", "list_rows"]

LIST_COLUMNS = (
    *("frame", "seconds", "source", "destination", "protocol", "security", "summary", "message", "exchange"),
    "issue",
)
READ = (
    *("frame", "time", "mac_src", "mac_dst", "nwk_src", "nwk_dst", "nwk_src_eui64", "nwk_dst_eui64"),
    *("mac_security", "nwk_security", "aps_security", "protocol", "summary", "message", "exchange", "issue"),
)
VERDICTS = ("bad_mic", "replay", "no_key", "ok")
SHORT_DIGITS = 4
BROADCAST = "fff8"


def list_rows(opened: OpenedCapture, places: Places) -> list[list[Any]]:
    """Rows of the packet list, each with the values of `LIST_COLUMNS`."""
    content = opened.store.content("packets")
    start = _first_time(content)
    names, out = opened.names(), []
    times = _times(content, places)
    for row, time_ns in zip(content.rows(places, READ), times, strict=True):
        verdicts = {row.get(f"{layer}_security") for layer in ("mac", "nwk", "aps")}
        out.append(
            [
                row["frame"],
                None if time_ns is None or start is None else (time_ns - start) / 1e9,
                _end(row, "src", names),
                _end(row, "dst", names),
                row.get("protocol"),
                next((one for one in VERDICTS if one in verdicts), None),
                row.get("summary"),
                row.get("message"),
                row.get("exchange"),
                row.get("issue"),
            ]
        )
    return out


def _first_time(content: Any) -> int | None:
    for batch in content.batches:
        found = [
            one for one in batch.column("time").slice(0, 64).cast("int64").to_pylist() if one is not None
        ]
        if found:
            return int(found[0])
    return None


def _times(content: Any, places: Places) -> list[int | None]:
    out: list[int | None] = []
    wanted = np.asarray(places, np.int64)
    numbers = np.searchsorted(content.starts, wanted, side="right") - 1
    for place, number in zip(wanted.tolist(), numbers.tolist(), strict=True):
        scalar = content.batches[number].column("time")[place - int(content.starts[number])]
        out.append(scalar.value)
    return out


def _end(row: dict[str, Any], side: str, names: dict[str, str]) -> str | None:
    """A sender or receiver: as a person calls it, else by address."""
    eui64, short, mac = row.get(f"nwk_{side}_eui64"), row.get(f"nwk_{side}"), row.get(f"mac_{side}")
    if eui64 is None and mac is not None and len(mac) > SHORT_DIGITS:
        eui64 = mac
    if eui64 in names:
        return names[eui64]
    short = short if short is not None else mac
    if short is not None and len(short) == SHORT_DIGITS:
        return "broadcast" if short >= BROADCAST else f"0x{short}"
    return eui64
