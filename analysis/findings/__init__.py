"""Findings as values and for machines: what rules say, waivers, JSON, SARIF.

Its names resolve on first use, so that nobody loads what nobody asks for.
"""

from dissectors.modules import public_names

__getattr__, __dir__, __all__ = public_names(
    __name__,
    {
        "..engine.checking": "check",
        "..rules.registry": "REGISTRY rule rules",
        "findings_output": "to_json to_sarif",
        "model": "CONFIDENCES CheckResult Evidence Finding Incident Rule SEVERITIES State Verdict broken kept",
        "waivers": "read_waivers",
    },
)
