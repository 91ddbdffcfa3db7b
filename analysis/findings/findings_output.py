"""Findings and rules for machines and terminals: JSON, SARIF 2.1.0, the list of rules, one rule explained."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any
from urllib.parse import quote

import pandas as pd

from analysis.findings.commands import with_command
from analysis.findings.model import CheckResult, Finding, Rule
from analysis.findings.modifications import is_modification, states
from analysis.findings.waivers import Accepted
from analysis.tables.addresses import with_addresses
from analysis.tables.arrow import batch_of, shown
from analysis.tables.schema import columns_of

__all__ = [
    "explain_rule",
    "findings_batch",
    "findings_table",
    "rules_json",
    "rules_text",
    "to_json",
    "to_sarif",
]

SHORT_STATIONS = 1 << 32
"""Stations below are no EUI-64s, but PAN and short address."""
SARIF_LEVELS = {"info": "note", "warning": "warning", "error": "error", "critical": "error"}
SARIF_RANK = {"info": 10.0, "warning": 40.0, "error": 70.0, "critical": 95.0}


def to_json(result: CheckResult, capture: str = "") -> dict[str, Any]:
    """What ``hanscope check --json`` prints."""
    return {
        "schema": 1,
        "source": capture,
        "profile": result.profile,
        "findings": [with_command(finding, result, capture) for finding in result.findings],
        "accepted": [one.to_json() for one in result.accepted],
        "waivers": result.waivers,
        "provenance": result.provenance,
        "incidents": [
            {
                "number": i.number,
                "title": i.title,
                "severity": i.severity,
                "start_seconds": i.start,
                "end_seconds": i.end,
                "findings": list(i.findings),
                "timeline": [{"seconds": when, "text": what} for when, what in i.timeline],
                "likely_cause": i.likely_cause,
                "next_check": i.next_check,
            }
            for i in result.incidents
        ],
        "verdicts": [
            {
                "rule": v.rule,
                "subject": v.subject,
                "state": v.state,
                "text": v.text,
                "about": v.about.to_json(),
            }
            for v in result.verdicts
        ],
        "missed": result.hearing.to_json(result.names),
        "shut": [
            {"layer": kind.layer, "verdict": kind.state, "why": kind.reason, "frames": number}
            for kind, number in sorted(result.shut.items(), key=lambda entry: (-entry[1], entry[0]))
        ],
        "gbcs_modifications": [
            {**asdict(one), "state": state, "rules": rules} for one, state, rules in states(result)
        ],
    }


def to_sarif(result: CheckResult, capture: str = "") -> dict[str, Any]:
    """The findings as a SARIF 2.1.0 log (OASIS); frames are logical locations of the capture."""
    place = {rule.id: index for index, rule in enumerate(result.rules)}
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "hanscope",
                        "informationUri": "https://github.com/hanscope/hanscope",
                        **({"version": version} if (version := _versions(result).get("hanscope")) else {}),
                        "rules": [_sarif_rule(rule) for rule in result.rules],
                    }
                },
                "results": [
                    *(_sarif_result(f, place, capture) for f in result.findings),
                    *(_suppressed(one, place, capture) for one in result.accepted),
                ],
                **_sarif_origin(result, capture),
            }
        ],
    }


def _versions(result: CheckResult) -> dict[str, Any]:
    found: dict[str, Any] = result.provenance.get("versions", {})
    return found


def _sarif_origin(result: CheckResult, capture: str) -> dict[str, Any]:
    """The capture as an artifact with its hash; versions, profile and fingerprints of keys as properties."""
    origin, heard = result.provenance, _sarif_hearing(result)
    if not origin:
        return {"properties": heard}
    artifact: dict[str, Any] = {"location": {"uri": quote(capture.replace(os.sep, "/")) or "capture"}}
    if origin["capture"]["sha256"]:
        artifact["hashes"] = {"sha-256": origin["capture"]["sha256"]}
        artifact["length"] = origin["capture"]["octets"]
    return {"artifacts": [artifact], "properties": {"provenance": origin, **heard}}


def _sarif_hearing(result: CheckResult) -> dict[str, Any]:
    """How much of what was on the air the capture holds: the numbers, and the sentence that reports have."""
    return {"missed": result.hearing.to_json(result.names), "heard": result.hearing.words(result.names)}


def _suppressed(one: Accepted, place: dict[str, int], capture: str) -> dict[str, Any]:
    """An accepted finding: SARIF 2.1.0, 3.35."""
    suppression = {"kind": "external", "status": "accepted", "justification": one.waiver.reason}
    return {**_sarif_result(one.finding, place, capture), "suppressions": [suppression]}


def _sarif_rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "name": "".join(part.capitalize() for part in rule.id.split("-")),
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.explanation},
        "help": {"text": rule.advice},
        "defaultConfiguration": {"level": SARIF_LEVELS[rule.severity]},
        "properties": {
            "source": rule.source,
            "confidence": rule.confidence,
            "tags": [rule.family, rule.area],
        },
    }


def _sarif_result(finding: Finding, place: dict[str, int], capture: str) -> dict[str, Any]:
    physical = {"artifactLocation": {"uri": quote(capture.replace(os.sep, "/")) or "capture"}}
    frames = finding.frames[:100] or (0,)
    return {
        "ruleId": finding.rule,
        "ruleIndex": place[finding.rule],
        "level": SARIF_LEVELS[finding.severity],
        "rank": SARIF_RANK[finding.severity],
        "message": {"text": f"{finding.device}: {finding.evidence}"},
        "locations": [
            {
                "physicalLocation": physical,
                "logicalLocations": [{"name": f"frame {frame}", "kind": "frame"}] if frame else [],
            }
            for frame in frames
        ],
        "properties": {
            "severity": finding.severity, "advice": finding.advice, "source": finding.source,
            **({"heard": finding.hearing} if finding.hearing else {}),
        },
    }  # fmt: skip


def findings_table(findings: Sequence[Finding]) -> pd.DataFrame:
    """The `findings` table with Arrow types (analysis/tables/schema.py)."""
    import pyarrow as pa

    batch = with_addresses("findings", findings_batch(findings))
    frame: pd.DataFrame = shown(pa.Table.from_batches([batch])).to_pandas(types_mapper=pd.ArrowDtype)
    return frame


def findings_batch(findings: Sequence[Finding]) -> Any:
    """The `findings` table as a record batch, addresses as numbers."""
    return batch_of("findings", [_row(one) for one in findings])


def _row(one: Finding) -> dict[str, Any]:
    row = {name: getattr(one, name, None) for name in columns_of("findings")}
    long = [station for station in one.about.stations if station is not None and station >= SHORT_STATIONS]
    return {**row, "message": one.about.message, **dict(zip(("party", "peer"), long, strict=False))}


def rules_json(known: Iterable[Rule]) -> list[dict[str, Any]]:
    """All rules, for ``--list-rules --json``."""
    return [
        {
            "id": r.id,
            "title": r.title,
            "family": r.family,
            "area": r.area,
            "severity": r.severity,
            "confidence": r.confidence,
            "source": r.source,
            "needs": list(r.needs),
            "merges": list(r.covers),
            "covers": list(r.covers),
            "parameters": dict(r.parameters),
            "smart_energy": r.smart_energy,
            "not_seen_without": r.requires,
            "example": " ".join(r.example.split()),
            "gbcs_modification": is_modification(r),
            "explanation": r.explanation,
            "advice": r.advice,
        }
        for r in known
    ]


def rules_text(known: Iterable[Rule]) -> str:
    """All rules as text, a line each, by area: id, severity, confidence, title; ``*`` marks what GBCS modifies in
    ZigBee or DLMS."""
    known = list(known)
    wide = max((len(r.id) for r in known), default=0)
    lines: list[str] = []
    area = ""
    for r in known:
        if f"{r.family}: {r.area}" != area:
            area = f"{r.family}: {r.area}"
            lines += ["", area]
        mark = "*" if is_modification(r) else " "
        lines.append(f"{mark} {r.id:<{wide}}  {r.severity:<8}  {r.confidence:<9}  {r.title}")
    last = "* what GBCS modifies, restricts or dis-applies in ZigBee Smart Energy or DLMS COSEM"
    return "\n".join([*lines, "", last]).lstrip("\n")


def explain_rule(r: Rule) -> str:
    """What a person should know about one rule."""
    parameters = ", ".join(f"{name} = {value}" for name, value in r.parameters.items()) or "none"
    limit = "" if r.cap == "critical" else " (recalled or inferred: it can warn, not fail)"
    return "\n".join(
        [
            f"{r.id}: {r.title}",
            "",
            r.explanation,
            "",
            *([f"Example:     {' '.join(r.example.split())}"] if r.example else []),
            f"Severity:    {r.severity}",
            f"Source:      {r.source}",
            f"Known from:  {r.confidence}{limit}",
            f"Judges:      {'Smart Energy networks' if r.smart_energy else 'every network'}",
            f"Needs:       {r.requires}; tables {', '.join(r.needs)}",
            f"Parameters:  {parameters}",
            f"Decides:     {', '.join(r.covers) or '-'}",
            f"Do:          {r.advice}",
        ]
    )
