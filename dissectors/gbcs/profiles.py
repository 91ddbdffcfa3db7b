"""What a version of GBCS has: use cases that came later or were never there, noted with their source.

Versions are texts such as ``0.8``, ``1.2``, ``4.4``. Where the tables do not know, the answer is unknown.
Source: `tables/usecase_versions.csv`; GBCS 4.x section 15.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Literal

from dissectors.facts import table
from dissectors.field import Issue
from dissectors.gbcs.names import use_case

if TYPE_CHECKING:
    from dissectors.gbcs.message import GbcsMessage

__all__ = ["has_use_case", "version_issues", "version_key"]

Known = Literal["yes", "no", "unknown"]


def version_key(version: str) -> tuple[int, ...] | None:
    """A version as numbers for comparing; None when it is not one (``latest``)."""
    parts = version.strip().lower().removeprefix("gbcs").strip().removeprefix("v").split(".")
    if not all(part.isdigit() for part in parts):
        return None
    return tuple(int(part) for part in parts)


@cache
def _rows() -> dict[int, dict[str, str]]:
    return {int(r["message_code"], 16): r for r in table("gbcs", "usecase_versions")}


def has_use_case(code: int, version: str) -> tuple[Known, str]:
    """Does `version` have the use case of a message code, and the source of that knowledge."""
    row, wanted = _rows().get(code), version_key(version)
    if row is None or wanted is None:
        return "unknown", "no table says in which versions this message code is"
    since, absent = row["present_in"], row["absent_in"]
    if since and wanted >= (version_key(since) or ()):
        return "yes", row["source"]
    if absent and wanted <= (version_key(absent) or ()):
        return "no", row["source"]
    return "unknown", row["source"]


def version_issues(message: GbcsMessage) -> list[Issue]:
    """Notes and warnings about what the asked version does not have; empty when no version was asked for."""
    code, version = message.layout.message_code, message.version
    if version is None or code is None:
        return []
    at = message.layout.information[0] if message.layout.information else 0
    row = use_case(code)
    title = row.use_case if row is not None else f"message code {code:04x}"
    known, source = has_use_case(code, version)
    if known == "no":
        return [Issue("warning", "gbcs.profile", at, f"GBCS {version} has no {title} ({source})")]
    if known == "unknown":
        text = f"whether GBCS {version} has {title} is unknown ({source})"
        return [Issue("note", "gbcs.profile", at, text)]
    return []
