"""Findings as values and for machines: what rules say, waivers, JSON, SARIF.

Its names resolve on first use, so that nobody loads what nobody asks for.
"""

from typing import Any

from analysis import resolved

_WHERE = {
    "REGISTRY": "analysis.rules.registry",
    "check": "analysis.engine.checking",
    "rule": "analysis.rules.registry",
    "rules": "analysis.rules.registry",
    "CONFIDENCES": "analysis.findings.model",
    "CheckResult": "analysis.findings.model",
    "Evidence": "analysis.findings.model",
    "Finding": "analysis.findings.model",
    "Incident": "analysis.findings.model",
    "Rule": "analysis.findings.model",
    "SEVERITIES": "analysis.findings.model",
    "State": "analysis.findings.model",
    "Verdict": "analysis.findings.model",
    "broken": "analysis.findings.model",
    "kept": "analysis.findings.model",
    "read_waivers": "analysis.findings.waivers",
    "to_json": "analysis.findings.findings_output",
    "to_sarif": "analysis.findings.findings_output",
}


def __getattr__(name: str) -> Any:
    return resolved(__name__, name, _WHERE)


def __dir__() -> list[str]:
    return sorted({*globals(), *_WHERE})
