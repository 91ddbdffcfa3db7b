"""The rules: requirements (compliance), attacks and faults (anomalies), their profiles and their registry.

Its names resolve on first use, so that nobody loads what nobody asks for.
"""

from dissectors.modules import public_names

__getattr__, __dir__, __all__ = public_names(
    __name__,
    {
        "expression": "RuleError",
        "own": "read_rules",
        "profile": "Profile read_profile",
        "registry": "REGISTRY rule",
    },
)
