"""What DUIS documents say besides their message: which service, and how the DCC answered.

Source: DCC User Interface Specification: service reference variants; response codes (E refuses, I informs) and DCC
alert codes (N, AD).
"""

from __future__ import annotations

from functools import cache

from dissectors.layout.tables import table

__all__ = ["response_name", "service_name"]

CLASSES = {"E": "error", "I": "information", "N": "DCC alert", "A": "DCC alert", "W": "warning"}


@cache
def _names(name: str, key: str, value: str) -> dict[str, str]:
    return {row[key]: row[value] for row in table("gbcs", name)}


def service_name(reference: str) -> str:
    """The service of a reference (``11.2``) or variant (``1.1.1``); empty when it is not known."""
    return _names("duis_services", "variant", "name").get(reference, "")


def response_name(code: str) -> str:
    """A response or alert code in words; what kind it is when no more is known.

    >>> response_name("I0"), response_name("E999")
    ('success', 'error, meaning not known')
    """
    known = _names("duis_responses", "code", "meaning").get(code)
    return known or f"{CLASSES.get(code[:1].upper(), 'code')}, meaning not known"
