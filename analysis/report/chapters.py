"""What each chapter of the report says, as plain values: tables to numbers and sentences, no HTML."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from analysis.findings import SEVERITIES, CheckResult
from analysis.judging import mask
from analysis.repeats import repeats
from analysis.report.charts import Link, Series, Station, bars, network_map, stacked_columns
from analysis.view import Frame, View

__all__ = ["devices", "findings", "frames", "keys", "matrix", "overview", "protocols", "topology", "traffic"]

COLUMNS_OVER_TIME = 96
MAP_STATIONS = 60
FRAMES_LISTED = 3000
FRAMES_PER_FINDING = 40
WHY_SHUT = {
    "no_key": "no held key fits: give the network or link key in keys.toml, or capture a join",
    "bad_mic": "a key fits but the integrity check fails: damaged, forged, or another network's key",
    "replay": "opened, but its counter was used before",
    "none": "not secured",
    "ok": "opened",
}


def clock(view: View, seconds: float) -> str:
    """Time of day of `seconds` after the first frame, UTC."""
    when = datetime.fromtimestamp((view.start_ns / 1e9) + seconds, UTC)
    return when.strftime("%H:%M:%S.%f")[:-3]


def overview(view: View, result: CheckResult | None) -> dict[str, Any]:
    """What was captured: names, time, frames, networks."""
    packets = view.packets
    start = datetime.fromtimestamp(view.start_ns / 1e9, UTC)
    pans = packets["pan"].dropna().value_counts().head(8)
    channels = sorted(int(c) for c in packets["channel"].dropna().unique())
    secured = packets[mask(packets["nwk_security"].isin(["ok", "no_key", "bad_mic", "replay"]))]
    opened = mask(secured["nwk_security"].isin(["ok", "replay"]))
    counts = Counter(f.severity for f in result.findings) if result else Counter()
    return {
        "captures": [str(c) for c in packets["capture"].dropna().unique()][:10],
        "start": start.strftime("%Y-%m-%d %H:%M:%S UTC") if len(packets) else "",
        "duration": duration(view.duration),
        "frames": len(packets),
        "octets": int(packets["length"].fillna(0).sum()),
        "pans": [(f"0x{int(p):04x}", int(n)) for p, n in pans.items()],
        "channels": channels,
        "secured": len(secured),
        "opened": int(opened.sum()),
        "opened_share": float(opened.mean()) if len(secured) else None,
        "damaged": int(mask(packets["fcs_ok"] == False).sum()),  # noqa: E712
        "devices": len(view.devices),
        "severities": [(s, counts.get(s, 0)) for s in reversed(SEVERITIES)],
    }


def duration(seconds: float) -> str:
    """``3 d 4 h``, ``12 min 5 s``, ``4.2 s``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    steps = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
    out = []
    for unit, size in steps:
        number, seconds = divmod(seconds, size)
        if number:
            out.append(f"{int(number)} {unit}")
    return " ".join(out[:2])


def protocols(view: View) -> Any:
    """Shares of the innermost protocols."""
    counts = view.packets["protocol"].value_counts().head(12)
    total = max(len(view.packets), 1)
    rows = [(str(n), float(c), f"{int(c):,} ({c / total:.1%})") for n, c in counts.items() if c]
    return bars(rows)


def traffic(view: View) -> dict[str, Any]:
    """Frames over time, by protocol."""
    packets = view.packets
    seconds = packets["seconds"].fillna(0).to_numpy(dtype=float)
    if not len(seconds):
        return {"chart": "", "legend": [], "bin": ""}
    span = max(view.duration, 1e-6)
    size = span / COLUMNS_OVER_TIME
    place = np.minimum((seconds / size).astype(int), COLUMNS_OVER_TIME - 1).clip(0)
    names = [str(n) for n in packets["protocol"].value_counts().head(6).index]
    kind = packets["protocol"].astype(object).where(mask(packets["protocol"].isin(names)), "other")
    series = []
    for name in [*names, "other"]:
        counts = np.bincount(place[mask(kind == name)], minlength=COLUMNS_OVER_TIME)
        if counts.any():
            series.append(Series(name, counts.tolist()))
    ticks = [clock(view, i * size)[:8] for i in range(COLUMNS_OVER_TIME)]
    chart = stacked_columns(ticks, series, "frames")
    return {"chart": chart, "legend": [s.name for s in series], "bin": duration(size)}


def _sent(view: View) -> Frame:
    packets = view.good
    rows = packets[mask(packets["sender"].notna())]
    return rows.groupby(rows["sender"].astype("UInt64"))["frame"].size()


def devices(view: View) -> list[dict[str, Any]]:
    """The device table, busiest first."""
    return [
        {
            "name": _text(d.name),
            "eui64": "" if pd.isna(d.eui64) else f"{int(d.eui64):016x}",
            "short": "" if pd.isna(d.short) else f"0x{int(d.short):04x}",
            "pan": "" if pd.isna(d.pan) else f"0x{int(d.pan):04x}",
            "role": _text(d.role),
            "state": _text(d.join_state),
            "frames": 0 if pd.isna(d.frames) else int(d.frames),
            "rssi": "" if pd.isna(d.rssi) else f"{d.rssi:.0f} dBm",
            "first": "" if pd.isna(d.first_seen) else d.first_seen.strftime("%H:%M:%S"),
            "last": "" if pd.isna(d.last_seen) else d.last_seen.strftime("%H:%M:%S"),
        }
        for d in view.devices.sort_values("frames", ascending=False).itertuples()
    ]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def topology(view: View) -> dict[str, Any]:
    """The network map: who sent to whom over one hop, poor links marked."""
    sent = _sent(view).sort_values(ascending=False)
    hubs = [h for h in sent.index if int(h) in view.hub_addresses()]
    order = [*hubs[:1], *[s for s in sent.index if s not in hubs[:1]]][:MAP_STATIONS]
    stations = [
        Station(
            int(s), view.label(s), f"{int(sent[s]):,} frames sent", view.roles.get(int(s), ""), int(sent[s])
        )
        for s in order
    ]
    hops = repeats(view)
    hops = hops[~hops["heard"]]
    links: dict[tuple[int, int], list[Any]] = {}
    keys = [hops["sender"].astype("UInt64"), hops["receiver"].astype("UInt64")]
    for (a, b), part in hops.groupby(keys, sort=False):
        pair = (min(int(a), int(b)), max(int(a), int(b)))
        entry = links.setdefault(pair, [0, 0, []])
        entry[0] += len(part)
        entry[1] += int(part["retry"].sum())
        level = part["rssi"].median()
        entry[2].append(f"{view.label(a)} to {view.label(b)}: {len(part):,} frames, {_level(level)}")
    made = [
        Link(a, b, n, "; ".join(says) + f"; {again / n:.1%} retries", again > 0.15 * n and n > 20)
        for (a, b), (n, again, says) in links.items()
    ]
    return {
        "chart": network_map(stations, made),
        "stations": len(stations),
        "left_out": max(len(sent) - MAP_STATIONS, 0),
    }


def _level(value: Any) -> str:
    return "no signal strength" if pd.isna(value) else f"median {float(value):.0f} dBm"


def keys(view: View) -> dict[str, Any]:
    """Which frames are open, which stay shut and why, and what each key opened."""
    counts = {layer: view.packets[f"{layer}_security"].value_counts() for layer in ("mac", "nwk", "aps")}
    coverage = [
        (layer.upper(), state, int(counts[layer][state]), WHY_SHUT[state])
        for layer in counts
        for state in ("ok", "replay", "no_key", "bad_mic", "none")
        if counts[layer].get(state, 0)
    ]
    shut = view.packets[mask(view.packets["nwk_security"].isin(["no_key", "bad_mic"]))]
    reasons = shut.groupby(["pan", "nwk_key_seq", "nwk_security"], dropna=False, observed=True).size()
    networks = [
        (_hex(pan), _number(seq), str(state), int(n))
        for (pan, seq, state), n in reasons.sort_values(ascending=False).head(20).items()
        if n
    ]
    held = [
        {
            "kind": _text(k.kind),
            "scope": _text(k.scope),
            "origin": _text(k.origin),
            "frames": 0 if pd.isna(k.frames_opened) else int(k.frames_opened),
        }
        for k in view.tables["keys"].itertuples()
    ]
    return {"coverage": coverage, "shut": networks, "held": held}


def _hex(value: Any) -> str:
    return "?" if pd.isna(value) else f"0x{int(value):04x}"


def _number(value: Any) -> str:
    return "?" if pd.isna(value) else str(int(value))


def findings(result: CheckResult | None) -> list[dict[str, Any]]:
    """The findings, with the frames that are shown for each."""
    if result is None:
        return []
    explained = {r.id: r.explanation for r in result.rules}
    return [
        {
            "number": n,
            "finding": f,
            "shown": f.frames[:FRAMES_PER_FINDING],
            "more": max(len(f.frames) - FRAMES_PER_FINDING, 0),
            "explanation": explained.get(f.rule, ""),
        }
        for n, f in enumerate(result.findings, 1)
    ]


def matrix(result: CheckResult | None) -> list[dict[str, Any]]:
    """Rules by area, each with how many subjects pass, warn, fail, and what was not seen."""
    if result is None:
        return []
    by_rule: dict[str, list[Any]] = {}
    for verdict in result.verdicts:
        by_rule.setdefault(verdict.rule, []).append(verdict)
    out: dict[str, list[dict[str, Any]]] = {}
    for rule in result.rules:
        said = by_rule.get(rule.id, [])
        counts = Counter(v.state for v in said)
        worst = next((s for s in ("fail", "warn", "pass", "not seen") if counts.get(s)), "not seen")
        entry = {
            "rule": rule,
            "counts": counts,
            "worst": worst,
            "verdicts": said[:60],
            "more": len(said) - 60,
        }
        out.setdefault(f"{rule.family}: {rule.area}", []).append(entry)
    return [{"area": area, "rules": entries} for area, entries in out.items()]


def frames(view: View, result: CheckResult | None) -> list[dict[str, Any]]:
    """A line for every frame that a finding names, so that links have somewhere to go."""
    wanted: dict[int, list[int]] = {}
    for number, finding in enumerate(result.findings if result else [], 1):
        for frame in finding.frames[:FRAMES_PER_FINDING]:
            wanted.setdefault(frame, []).append(number)
    chosen = sorted(wanted)[:FRAMES_LISTED]
    rows = view.packets[mask(view.packets["frame"].isin(chosen))]
    return [
        {
            "frame": int(r.frame),
            "time": clock(view, r.seconds) if r.seconds == r.seconds else "",
            "sender": view.label(r.sender) if not pd.isna(r.sender) else "",
            "receiver": view.label(r.receiver)
            if not pd.isna(r.receiver)
            else "all"
            if r.mac_type == "data"
            else "",
            "protocol": _text(r.protocol),
            "summary": _text(r.summary),
            "length": "" if pd.isna(r.length) else int(r.length),
            "rssi": "" if pd.isna(r.rssi) else int(r.rssi),
            "security": _text(r.nwk_security),
            "fcs": "" if pd.isna(r.fcs_ok) else ("good" if r.fcs_ok else "bad"),
            "findings": wanted[int(r.frame)],
        }
        for r in rows.itertuples()
    ]
