"""Waivers: findings that somebody has looked at and accepted, for a reason and until a day (`--accept FILE`).

A TOML file has a table ``[[accept]]`` each, a CSV file a row each, with `rule`, `subject`, `reason` and, if the waiver
ends, `until` (its last day). `*` and `?` stand for anything in a subject. Accepted findings are shown apart and do not
count for ``--fail-on``; when the last day is over they come back.
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from difflib import get_close_matches
from fnmatch import translate
from pathlib import Path
from typing import TYPE_CHECKING, Any

from captures.toml_text import TomlError, parse_toml

if TYPE_CHECKING:
    from analysis.findings.model import Finding

__all__ = ["Accepted", "Waiver", "WaiverError", "Waivers", "read_waivers"]

FIELDS = ("rule", "subject", "reason", "until")


class WaiverError(ValueError):
    """A file of waivers that cannot be read, with its place and what is wrong."""


@dataclass(frozen=True, slots=True)
class Waiver:
    """One waiver.

    Attributes:
        rule: id of the rule.
        subject: the finding's subject, or a pattern of it.
        reason: why it is accepted.
        until: its last day; None when it does not end.
        place: where it stands, for people.
    """

    rule: str
    subject: str
    reason: str
    until: date | None = None
    place: str = ""

    def covers(self, finding: Finding) -> bool:
        """Whether it is about this finding."""
        if finding.rule != self.rule:
            return False
        pattern = translate(self.subject.replace("[", "[[]"))  # whatever stars it has, no text takes long
        return re.match(pattern, finding.device, re.IGNORECASE) is not None

    def expired(self, today: date) -> bool:
        """Whether its last day is over."""
        return self.until is not None and self.until < today

    def to_json(self) -> dict[str, Any]:
        until = None if self.until is None else self.until.isoformat()
        return {"rule": self.rule, "subject": self.subject, "reason": self.reason, "until": until}


@dataclass(frozen=True, slots=True)
class Accepted:
    """A finding with the waiver that accepts it."""

    finding: Finding
    waiver: Waiver

    def to_json(self) -> dict[str, Any]:
        return {**self.finding.to_json(), "waiver": self.waiver.to_json()}


@dataclass(frozen=True, slots=True)
class Waivers:
    """All waivers of a file, as they are on one day (in UTC)."""

    waivers: tuple[Waiver, ...] = ()
    today: date = field(default_factory=lambda: datetime.now(UTC).date())

    def accepting(self, finding: Finding) -> Waiver | None:
        """The waiver that accepts a finding today; None when there is none."""
        return next((w for w in self.waivers if not w.expired(self.today) and w.covers(finding)), None)

    def states(self, accepted: Sequence[Accepted], found: Sequence[Finding]) -> list[dict[str, Any]]:
        """Each waiver with what came of it: used, expired (and how many findings came back), or unused."""
        out = []
        for one in self.waivers:
            used = sum(a.waiver is one for a in accepted)
            over = one.expired(self.today)
            count = sum(one.covers(f) for f in found) if over else used
            state = "expired" if over else "used" if used else "unused"
            out.append({**one.to_json(), "state": state, "findings": count})
        return out

    def hold_to(self, known: Iterable[str]) -> None:
        """See that all rules exist.

        Raises:
            WaiverError: one does not.
        """
        ids = set(known)
        for one in self.waivers:
            if one.rule not in ids:
                near = get_close_matches(one.rule, sorted(ids), 1)
                hint = f" (is it {near[0]}?)" if near else ""
                raise WaiverError(f"{one.place}: no such rule: {one.rule}{hint}")


def read_waivers(path: str | os.PathLike[str], *, today: date | None = None) -> Waivers:
    """The waivers of a TOML or CSV file.

    Raises:
        WaiverError: it cannot be read, or an entry lacks something or says something else.
    """
    name = os.fspath(path)
    try:
        text = Path(name).read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise WaiverError(f"{name}: not UTF-8 text") from None
    except OSError as error:
        raise WaiverError(f"{name}: {error.strerror or 'cannot be read'}") from None
    entries = _of_csv(text, name) if name.lower().endswith(".csv") else _of_toml(text, name)
    waivers = tuple(_waiver(entry, place) for place, entry in entries)
    return Waivers(waivers) if today is None else Waivers(waivers, today)


def _of_toml(text: str, name: str) -> list[tuple[str, Mapping[str, Any]]]:
    try:
        data = parse_toml(text)
    except TomlError as error:
        raise WaiverError(f"{name}: {error}") from None
    entries = data.pop("accept", [])
    if data or not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
        raise WaiverError(f"{name}: waivers are tables [[accept]], and nothing else")
    return [(f"{name}: accept {number}", one) for number, one in enumerate(entries, 1)]


def _of_csv(text: str, name: str) -> list[tuple[str, Mapping[str, Any]]]:
    reader = csv.DictReader(io.StringIO(text), strict=True)
    try:
        rows = [(f"{name}: line {reader.line_num}", row) for row in reader]
    except csv.Error as error:
        raise WaiverError(f"{name}: line {reader.line_num}: {error}") from None
    if None in (reader.fieldnames or ()) or not {"rule", "subject", "reason"} <= set(reader.fieldnames or ()):
        raise WaiverError(f"{name}: the first line names the columns: {','.join(FIELDS)}")
    return [(place, {str(k): v for k, v in row.items()}) for place, row in rows]


def _waiver(entry: Mapping[str, Any], place: str) -> Waiver:
    unknown = sorted(set(entry) - set(FIELDS))
    if unknown:
        raise WaiverError(f"{place}: unknown entry {unknown[0]!r} (known: {', '.join(FIELDS)})")
    for name in FIELDS[:3]:
        value = entry.get(name)
        if not isinstance(value, str) or not value.strip():
            raise WaiverError(f"{place}: `{name}` is missing, or no text")
    rule, subject, reason = (str(entry[name]).strip() for name in FIELDS[:3])
    return Waiver(rule, subject, reason, _day(entry.get("until"), place), place)


def _day(value: Any, place: str) -> date | None:
    if value is None or value == "":
        return None
    if isinstance(value, date):
        return value.date() if isinstance(value, datetime) else value
    try:
        return date.fromisoformat(str(value).strip())
    except ValueError:
        raise WaiverError(f"{place}: `until` is a day, written 2027-01-31") from None
