"""What each chapter of the report says, as plain values: tables to numbers and sentences, no HTML."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from analysis.features.view import View
from analysis.findings.commands import show_command
from analysis.findings.model import SEVERITIES, CheckResult
from analysis.report.axes import Clock
from analysis.report.charts import Series, Span, bars, stacked_areas
from analysis.report.tally import COLUMNS_OVER_TIME, FRAMES_PER_FINDING, Tally, clock

__all__ = ["devices", "findings", "frames", "keys", "matrix", "overview", "protocols", "traffic"]

REASONS = 20
VERDICTS = 40
WHY_SHUT = {
    "no_key": "no held key fits: give the network or link key in keys.toml, or capture a join",
    "bad_mic": "a key fits but the integrity check fails: damaged, forged, or another network's key",
    "replay": "opened, but its counter was used before",
    "none": "not secured",
    "ok": "opened",
}


def overview(tally: Tally, result: CheckResult | None) -> dict[str, Any]:
    """What was captured: names, time, frames, networks."""
    view = _view(tally)
    start = datetime.fromtimestamp(view.start_ns / 1e9, UTC)
    if tally.form is not None and tally.form.times == "local":
        start = start.astimezone(tally.form.zone)
    states = tally.security["nwk"]
    opened = states["ok"] + states["replay"]
    secured = opened + states["no_key"] + states["bad_mic"]
    counts = Counter(f.severity for f in result.findings) if result else Counter()
    return {
        "captures": list(tally.captures),
        "start": start.strftime("%Y-%m-%d %H:%M:%S %Z") if tally.frames else "",
        "duration": duration(tally.duration),
        "frames": tally.frames,
        "octets": tally.octets,
        "pans": [(f"0x{pan:04x}", count) for pan, count in tally.pans.most_common(8)],
        "channels": sorted(tally.channels),
        "secured": secured,
        "opened": opened,
        "opened_share": opened / secured if secured else None,
        "damaged": tally.damaged,
        "devices": len(view.devices),
        "severities": [(s, counts.get(s, 0)) for s in reversed(SEVERITIES)],
    }


def _view(tally: Tally) -> View:
    if tally.view is None:
        raise ValueError("nothing was counted yet")
    return tally.view


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


def protocols(tally: Tally) -> Any:
    """Shares of the innermost protocols."""
    total = max(tally.frames, 1)
    return bars([(n, float(c), f"{c:,} ({c / total:.1%})") for n, c in tally.protocols.most_common(12)])


def traffic(tally: Tally) -> dict[str, Any]:
    """Frames over time, by protocol."""
    if not tally.frames:
        return {"chart": "", "legend": [], "bin": ""}
    size = max(tally.duration, 1e-6) / COLUMNS_OVER_TIME
    names = [name for name, _ in tally.protocols.most_common(6)]
    series = [Series(name, tally.columns(name).tolist()) for name in names]
    rest = [tally.columns(name) for name in tally.traffic if name not in names]
    if rest and sum(rest).any():
        series.append(Series("other", sum(rest).tolist()))
    span = Span(0.0, max(tally.duration, 1e-6), Clock.of(_view(tally).start_ns, tally.form))
    chart = stacked_areas(span, series, "frames")
    return {"chart": chart, "legend": [s.name for s in series], "bin": duration(size)}


def devices(tally: Tally) -> list[dict[str, Any]]:
    """The device table, busiest first."""
    view, parents = _view(tally), tally.hops.parents
    return [
        {
            "name": _text(d.name),
            "parent": ""
            if pd.isna(d.eui64) or d.eui64 not in parents
            else view.names.get(parents[int(d.eui64)]) or view.label(parents[int(d.eui64)]),
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
        for d in view.tables["devices"].sort_values("frames", ascending=False).itertuples()
    ]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def keys(tally: Tally) -> dict[str, Any]:
    """Which frames are open, which stay shut and why, and what each key opened."""
    coverage = [
        (layer.upper(), state, counts[state], WHY_SHUT[state])
        for layer, counts in tally.security.items()
        for state in ("ok", "replay", "no_key", "bad_mic", "none")
        if counts[state]
    ]
    networks = [
        (_hex(pan), _number(seq), str(state), n) for (pan, seq, state), n in tally.shut.most_common(20)
    ]
    held = [
        {
            "kind": _text(k.kind),
            "scope": _text(k.scope),
            "origin": _text(k.origin),
            "frames": 0 if pd.isna(k.frames_opened) else int(k.frames_opened),
        }
        for k in _view(tally).tables["keys"].itertuples()
    ]
    reasons = [
        (kind.layer.upper(), kind.state, n, kind.reason) for kind, n in tally.reasons.most_common(REASONS)
    ]
    found = {"coverage": coverage, "reasons": reasons, "shut": networks, "held": held}
    return {**found, **_certificates(_view(tally).tables)}


CERTIFICATES_LISTED = 40
CHAIN_STATES = {"untrusted": "fail", "unchecked": "none", "trusted": "ok"}


def _certificates(tables: Any) -> dict[str, Any]:
    """Certificates that were given or seen, those that are not to be trusted first."""
    rows = tables.get("certificates")
    if rows is None or rows.empty:
        return {"certificates": [], "more_certificates": 0}
    found = sorted(rows.itertuples(), key=lambda row: list(CHAIN_STATES).index(str(row.chain)))
    names = ("name", "role", "use", "validity", "chain", "chain_reason", "origin")
    listed = [{name: _text(getattr(row, name)) for name in names} for row in found[:CERTIFICATES_LISTED]]
    for row in listed:
        row["state"] = CHAIN_STATES[row["chain"]]
        row["validity"] = _days(row["validity"])
    return {"certificates": listed, "more_certificates": len(found) - len(listed)}


NO_END = "9999-12-31"
"""What a certificate without an end says (RFC 5280, section 4.1.2.5)."""


def _days(validity: str) -> str:
    """A span of moments as days: ``2025-01-05 to 2056-01-01``."""
    begin, slash, end = validity.partition("/")
    if not slash:
        return validity
    return f"{begin[:10]} to {end[:10]}" if end[:10] != NO_END else f"from {begin[:10]}, without end"


def _hex(value: Any) -> str:
    return "?" if pd.isna(value) else f"0x{int(value):04x}"


def _number(value: Any) -> str:
    return "?" if pd.isna(value) else str(int(value))


def findings(result: CheckResult | None) -> list[dict[str, Any]]:
    """The findings, with the frames that are shown for each."""
    if result is None:
        return []
    explained = {r.id: r.explanation for r in result.rules}
    capture = str(result.provenance.get("capture", {}).get("name", "CAPTURE"))
    return [
        {
            "number": n,
            "finding": f,
            "shown": f.frames[:FRAMES_PER_FINDING],
            "more": max(len(f.frames) - FRAMES_PER_FINDING, 0),
            "explanation": explained.get(f.rule, ""),
            "command": show_command(f, result, capture),
        }
        for n, f in enumerate(result.findings, 1)
    ]


def matrix(result: CheckResult | None) -> list[dict[str, Any]]:
    """Rules by area: those that are broken, kept, and that had nothing to judge, each with what they said."""
    if result is None:
        return []
    by_rule: dict[str, list[Any]] = {}
    for verdict in result.verdicts:
        by_rule.setdefault(verdict.rule, []).append(verdict)
    out: dict[str, dict[str, Any]] = {}
    for rule in result.rules:
        said = by_rule.get(rule.id, [])
        counts = Counter(v.state for v in said)
        worst = next((s for s in ("fail", "warn", "pass", "not seen") if counts.get(s)), "not seen")
        entry = {
            "rule": rule,
            "counts": counts,
            "worst": worst,
            "verdicts": said[:VERDICTS],
            "more": len(said) - VERDICTS,
        }
        name = f"{rule.family}: {rule.area}"
        area = out.setdefault(name, {"area": name, "broken": [], "pass": [], "not seen": []})
        area["broken" if worst in ("fail", "warn") else worst].append(entry)
    return [*out.values()]


def frames(tally: Tally, result: CheckResult | None) -> list[dict[str, Any]]:
    """A line for every frame that a finding names, so that links have somewhere to go."""
    wanted: dict[int, list[int]] = {}
    for number, finding in enumerate(result.findings if result else [], 1):
        for frame in finding.frames[:FRAMES_PER_FINDING]:
            wanted.setdefault(frame, []).append(number)
    lines = [tally.lines[frame] for frame in sorted(wanted) if frame in tally.lines]
    return [
        {
            "frame": int(r["frame"]),
            "time": clock(_view(tally), r["seconds"], tally.form) if r["seconds"] == r["seconds"] else "",
            "sender": r["sender"],
            "receiver": r["receiver"] or ("all" if r["mac_type"] == "data" else ""),
            "protocol": _text(r["protocol"]),
            "summary": _text(r["summary"]),
            "length": "" if pd.isna(r["length"]) else int(r["length"]),
            "rssi": "" if pd.isna(r["rssi"]) else int(r["rssi"]),
            "security": _text(r["nwk_security"]),
            "fcs": "" if pd.isna(r["fcs_ok"]) else ("good" if r["fcs_ok"] else "bad"),
            "findings": wanted[int(r["frame"])],
        }
        for r in lines
    ]
