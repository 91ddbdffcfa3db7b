"""What `hanscope stats` prints of traffic over time, and of several captures side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from analysis.tables.row_form import RowForm
from analysis.tables.times import time_ns
from analysis.views.listing import aligned
from analysis.views.statistics import Statistics
from analysis.views.traffic_statistics import sparkline

__all__ = ["side_by_side", "summary", "traffic_lines"]

SECTIONS = (
    ("links", "links (one hop)", ("frames", "retries", "retry_share", "rssi", "source", "destination")),
    ("conversations_aps", "conversations (APS)", ("frames", "source", "destination", "cluster")),
    ("conversations_messages", "conversations (messages)", ("messages", "originator", "recipient")),
    ("poll_intervals", "seconds between polls", ("count", "median", "shortest", "longest", "device")),
    (
        "report_intervals", "seconds between reports",
        ("count", "median", "shortest", "longest", "device", "destination", "cluster"),
    ),
    (
        "response_times", "seconds to the answer",
        ("exchanges", "answered", "median", "p95", "longest", "kind", "name"),
    ),
)  # fmt: skip


def traffic_lines(told: dict[str, Any], most: int, form: RowForm) -> Iterator[str]:
    """The sections, each with its busiest rows."""
    for key, title, columns in SECTIONS:
        rows = told[key]
        if not rows:
            continue
        yield ""
        yield f"{title}:"
        yield from (f"  {line}" for line in aligned(columns, [_plain(row) for row in rows[:most]]))
        if len(rows) > most:
            yield f"  and {len(rows) - most:,} more (--most {len(rows)} shows all)"
    if "every" in told:
        stretches = told["every"]["stretches"]
        yield ""
        yield f"frames each {told['every']['seconds']:g} s: {sparkline([one['frames'] for one in stretches])}"
        shown = [{**one, "time": form.time(time_ns(one["time"]))} for one in stretches]
        yield from (f"  {line}" for line in aligned(("time", "frames", "octets"), shown))


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    out = dict(row)
    if isinstance(out.get("cluster"), int):
        out["cluster"] = f"0x{out['cluster']:04x}"
    if "retry_share" in out:
        out["retry_share"] = f"{out['retry_share']:.1%}"
        out["rssi"] = "" if out["rssi"] is None else round(out["rssi"])
    return out


def summary(name: str, counts: Statistics, told: dict[str, Any], devices: Sequence[Any]) -> dict[str, Any]:
    """The figures of a capture that are compared with those of others."""
    frames, retries = (sum(link[key] for link in told["links"]) for key in ("frames", "retries"))
    asked, answered = (sum(one[key] for one in told["response_times"]) for key in ("exchanges", "answered"))
    levels = sorted(link["rssi"] for link in told["links"] if link["rssi"] is not None)
    opened = sum(
        n for (layer, word), n in counts.security.items() if layer == "nwk" and word in ("ok", "replay")
    )
    shut = sum(
        n for (layer, word), n in counts.security.items() if layer == "nwk" and word in ("no_key", "bad_mic")
    )
    checked = counts.fcs["good"] + counts.fcs["bad"]
    return {
        "capture": name, "frames": counts.frames, "seconds": round(counts.seconds, 3), "devices": len(devices),
        "bad_fcs": _share(counts.fcs["bad"], checked), "opened": _share(opened, opened + shut),
        "retries": _share(retries, frames), "median_rssi": levels[len(levels) // 2] if levels else "",
        "exchanges": asked, "answered": _share(answered, asked),
    }  # fmt: skip


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else ""


def side_by_side(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Several captures, a line each."""
    yield ""
    yield "side by side:"
    yield from (f"  {line}" for line in aligned((*list(rows[0])[1:], "capture"), rows))
