"""The rules: requirements (compliance), attacks and faults (anomalies), their profiles and their registry.

Its names resolve on first use, so that nobody loads what nobody asks for.
"""

from typing import Any

from analysis import resolved

_WHERE = {
    "Profile": "analysis.rules.profile",
    "REGISTRY": "analysis.rules.registry",
    "RuleError": "analysis.rules.expression",
    "declare": "analysis.rules.registry",
    "read_profile": "analysis.rules.profile",
    "read_rules": "analysis.rules.own",
    "rule": "analysis.rules.registry",
}


def __getattr__(name: str) -> Any:
    return resolved(__name__, name, _WHERE)


def __dir__() -> list[str]:
    return sorted({*globals(), *_WHERE})
