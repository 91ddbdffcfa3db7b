"""The captures of a fleet: found by URL, folder or pattern, each with its site, date and hub."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from analysis.fleet.locations import FleetError, inside, located, read_octets, shown

__all__ = ["Recording", "find_recordings"]

ENDINGS = re.compile(
    r"\.(pcap|pcapng|ntar|cap|dcf|psd|isd|cubx|log|txt)(\.(gz|zst|lz4))?$|\.(ubiqua)$", re.IGNORECASE
)
"""Names of captures, where a whole folder is given."""
DATE = re.compile(r"(?<!\d)(20\d\d)-?(0[1-9]|1[0-2])-?(0[1-9]|[12]\d|3[01])(?!\d)")
FIELDS = ("site", "date", "hub")


@dataclass(frozen=True, slots=True)
class Recording:
    """One capture of a fleet.

    Attributes:
        url: where it lies.
        size: octets.
        stamp: what changes when its content does: an entity tag, or the time of its last change.
        site, date, hub: as the pattern or the list of sites says; None where the capture itself has to tell.
        facts: whatever else the list of sites says of its home: building, supplier, hub_firmware ...
    """

    url: str
    size: int
    stamp: str
    site: str
    date: str | None = None
    hub: str | None = None
    facts: Mapping[str, str] = field(default_factory=dict)


def find_recordings(places: Sequence[str], site: str | None = None) -> list[Recording]:
    """All captures that are meant, in the order of their URLs.

    Args:
        places: URLs or paths of files and folders, and patterns with ``*``.
        site: how to tell homes apart: a pattern of the path's end with ``{site}``, ``{date}``, ``{hub}`` and ``*``
            (``{date}/{site}/*.pcapng``), or a CSV file with the column ``capture`` (the end of its path) or ``site``
            and more columns about each home.

    Raises:
        FleetError: a place cannot be reached or holds no capture, or `site` is no pattern and no such file.
    """
    pattern, sites = _told(site)
    found: dict[str, Recording] = {}
    for place in places:
        listed = list(_listed(place))
        if not listed:
            raise FleetError(f"{shown(place)}: no capture there")
        for url, info in listed:
            found[url] = _recording(url, info, pattern, sites)
    return [found[url] for url in sorted(found)]


def _listed(place: str) -> Iterable[tuple[str, dict[str, Any]]]:
    """The URLs at a place, with what its file system says of each."""
    fs, path = located(place)
    try:
        files = inside(fs, path, ENDINGS.search)
        if files is None:
            files = [fs.info(path)]
    except FileNotFoundError:
        raise FleetError(f"{shown(place)}: there is nothing") from None
    except OSError as error:
        raise FleetError(f"{shown(place)}: {error.strerror or error}") from None
    for one in files:
        yield str(fs.unstrip_protocol(one["name"])) if "://" in place else str(one["name"]), one


def _recording(
    url: str, info: Mapping[str, Any], pattern: re.Pattern[str] | None, sites: Sequence[Mapping[str, str]]
) -> Recording:
    changed = info.get("ETag") or info.get("etag") or info.get("LastModified") or info.get("mtime") or ""
    told: dict[str, str] = {}
    if pattern is not None and (match := pattern.search(shown(url))):
        told = {name: value for name, value in match.groupdict().items() if value}
    stem = re.sub(r"\..*", "", url.rsplit("/", 1)[-1]) or "capture"
    site = told.get("site", stem)
    facts: dict[str, str] = {}
    for row in sites:
        capture = row.get("capture", "")
        if (capture and _ends(url, capture)) or (not capture and row.get("site") == site):
            facts = {name: value for name, value in row.items() if value}
    site, hub = facts.pop("site", site), facts.pop("hub", told.get("hub"))
    date = facts.pop("date", told.get("date"))
    facts.pop("capture", None)
    if date is None and (named := DATE.search(url.rsplit("/", 1)[-1])):
        date = "-".join(named.groups())
    return Recording(url, int(info.get("size") or 0), str(changed).strip('"'), site, date, hub, facts)


def _ends(url: str, path: str) -> bool:
    return url == path or url.endswith("/" + path.lstrip("/"))


def _told(site: str | None) -> tuple[re.Pattern[str] | None, list[dict[str, str]]]:
    if site is None:
        return None, []
    if site.lower().endswith(".csv"):
        return None, _sites(site)
    if not any(f"{{{name}}}" in site for name in FIELDS):
        raise FleetError(
            f"{site!r} says nothing of {{site}}, {{date}} or {{hub}}", "--site '{date}/{site}/*.pcapng'"
        )
    parts = re.split(r"(\{\w+\}|\*\*|\*)", site)
    text = ""
    for part in parts:
        if part.startswith("{"):
            if part[1:-1] not in FIELDS:
                raise FleetError(f"{part} in {site!r}: there are {{site}}, {{date}} and {{hub}}")
            text += f"(?P<{part[1:-1]}>[^/]+?)"
        else:
            text += {"**": ".*", "*": "[^/]*"}.get(part, re.escape(part))
    try:
        return re.compile(f"(?:^|/){text}$"), []
    except re.error:
        raise FleetError(f"{site!r} names a part twice") from None


def _sites(url: str) -> list[dict[str, str]]:
    """The rows of a CSV file about homes."""
    try:
        text = read_octets(url).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FleetError(f"{shown(url)}: not UTF-8") from None
    rows = csv.DictReader(io.StringIO(text))
    columns = [name.strip() for name in rows.fieldnames or ()]
    if "site" not in columns and "capture" not in columns:
        raise FleetError(f"{shown(url)}: neither a column site nor a column capture")
    return [
        {(name or "").strip(): (value or "").strip() for name, value in row.items() if isinstance(value, str)}
        for row in rows
    ]
