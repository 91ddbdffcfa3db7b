"""What a version of GBCS has: use cases that came later or were never there, noted with their source.

Versions are texts such as ``0.8``, ``1.2``, ``4.4``. Where the tables do not know, the answer is unknown.
Source: `tables/usecase_versions.csv`; GBCS 4.x section 15.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Literal

from dissectors.gbcs.catalogue.names import use_case
from dissectors.layout.tables import table
from dissectors.model.field import Issue, Severity

if TYPE_CHECKING:
    from dissectors.gbcs.message import GbcsMessage
    from dissectors.gbcs.payloads.gbz import Component

__all__ = ["has_use_case", "profile_violations", "version_issues", "version_key"]

LAYER = "gbcs.profile"
_LATEST = 999
_MANUFACTURER = 0x04
# What the GBZ templates have (GBCS v4.0 use-case annex): requests, replies, and replies without a default response.
_FRAME_CONTROLS = frozenset({0x00, 0x01, 0x08, 0x09, 0x10, 0x11, 0x18, 0x19})
Known = Literal["yes", "no", "unknown"]


def version_key(version: str) -> tuple[int, ...] | None:
    """A version as numbers for comparing; ``4.x`` is the latest of its kind; None when it is none.

    >>> version_key("4.4"), version_key("GBCS v1.x")
    ((4, 4, 0), (1, 999, 0))
    """
    parts = version.strip().lower().removeprefix("gbcs").strip().removeprefix("v").split(".")
    if not all(part.isdigit() or part == "x" for part in parts):
        return None
    numbers = [_LATEST if part == "x" else int(part) for part in parts]
    return tuple([*numbers, 0, 0][: max(3, len(numbers))])


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
    out = [issue for subject, at in _departures(message) for issue in _rule(subject, at)]
    if known == "no":
        out.append(Issue("warning", LAYER, at, f"GBCS {version} has no {title} ({source})"))
    if known == "unknown":
        text = f"whether GBCS {version} has {title} is unknown ({source})"
        out.append(Issue("note", LAYER, at, text))
    return out


def profile_violations(message: GbcsMessage) -> str | None:
    """What the message uses of DLMS and ZigBee that GBCS takes away or changes: subjects of
    ``tables/disapplied.csv``, ``; `` between them; ``none`` when it uses nothing, None when there is no payload."""
    if message.payload is None:
        return None
    found = dict.fromkeys(subject for subject, _ in _departures(message) if subject in _subjects())
    return "; ".join(found) or "none"


def _departures(message: GbcsMessage) -> Iterator[tuple[str, int]]:
    """Subjects that may stand in the table, with where they are."""
    payload = message.payload
    if payload is None:
        return
    for spec in payload.specifications:
        yield f"class:{spec.target.class_id}", spec.offset + 1
    invoke = payload.part("long_invoke_id_and_priority")
    if invoke is not None and invoke[1] != 0x20000000 | message.layout.counter & 0xFFFFFF:
        yield "invoke-id", invoke[2]
    if payload.kind == "gbz":
        yield from _zigbee(payload.components)


def _zigbee(components: Sequence[Component]) -> Iterator[tuple[str, int]]:
    for number, component in enumerate(components):
        places = {part.name: at for part, at, _ in component.spans}
        yield f"cluster:{component.cluster:04x}", places["cluster"]
        if component.encrypted and "from_date_time" in places:
            yield "sealed-from-date", component.start
        if component.frame_control & _MANUFACTURER:
            yield "manufacturer", places["frame_control"]
        elif component.frame_control not in _FRAME_CONTROLS:
            yield "frame-control", places["frame_control"]
        if component.sequence != number:
            yield "sequence-number", places["sequence"]


@cache
def _subjects() -> dict[str, dict[str, str]]:
    return {row["subject"]: row for row in table("gbcs", "disapplied")}


def _rule(subject: str, offset: int) -> Iterator[Issue]:
    row = _subjects().get(subject)
    if row is not None:
        severity: Severity = "warning" if row["severity"] == "warning" else "note"
        yield Issue(severity, LAYER, offset, f"{row['text']} ({row['source']})")
