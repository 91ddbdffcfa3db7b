"""Result, error and reason codes of the APDUs by table; an unknown code prints as ``unknown 0x..``."""

from __future__ import annotations

from functools import cache, lru_cache

from dissectors.layout.tables import table

__all__ = ["code_name", "codes"]


@cache
def codes(name: str) -> dict[int, str]:
    """Code to name of one table of ``tables/error_codes.csv``."""
    return {int(row["code"]): row["name"] for row in table("dlms", "error_codes") if row["table"] == name}


@lru_cache(maxsize=4096)
def code_name(name: str, code: int) -> str:
    """The name of `code` in table `name`.

    >>> code_name("data-access-result", 3), code_name("data-access-result", 77)
    ('read-write-denied', 'unknown 0x4d')
    """
    return codes(name).get(code) or f"unknown 0x{code:02x}"
