"""The roll-up of a fleet: one HTML file with its cases, its worst sites, incidents by what homes have, and the days."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from analysis.engine.provenance import version
from analysis.findings.model import SEVERITIES
from analysis.fleet.cases import homes_of
from analysis.fleet.home_facts import NUMBERS
from analysis.fleet.store import Entry
from analysis.report import environment

if TYPE_CHECKING:
    from analysis.fleet.opened import Fleet

__all__ = ["render_fleet"]

SITES_SHOWN = 50
VALUES_SHOWN = 12
WIDTH = 640


def render_fleet(fleet: Fleet, beside: str | None = None) -> str:
    """The roll-up as HTML text. Every string that came from a capture or a list of sites is escaped.

    Args:
        fleet: the opened store.
        beside: the folder the page will stand in; links to the reports of sites are relative to it where they can be.
    """
    entries = fleet.entries
    columns = ["site", "date", "capture", "rule", "severity", "title"]
    findings = fleet.store.table("findings", entries, columns).to_pylist()
    cases, visits = fleet.check(), fleet.visits()
    page: str = (
        environment("analysis.fleet")
        .get_template("fleet.html.j2")
        .render(
            url=fleet.store.url,
            version=version() or "",
            captures=len(entries),
            sites=len({one["site"] for one in entries}),
            frames=sum(one.get("frames") or 0 for one in entries),
            states=sorted(Counter(str(one["state"]) for one in entries).items()),
            severities=_severities(findings),
            cases=cases,
            visits=[(one, _reports(fleet, entries, one.site, beside)) for one in visits[:SITES_SHOWN]],
            more=max(len(visits) - SITES_SHOWN, 0),
            incidents=_incidents(entries),
            groups=_by_fact(entries, findings),
            days=_days(entries, findings),
            numbers=_numbers(entries, findings),
            unread=[one for one in entries if one["state"] not in ("ok", "same")][:SITES_SHOWN],
            width=WIDTH,
        )
    )
    return page


def _severities(findings: Sequence[Mapping[str, Any]]) -> list[tuple[str, int]]:
    counts = Counter(row["severity"] for row in findings)
    return [(name, counts[name]) for name in reversed(SEVERITIES)]


def _reports(fleet: Fleet, entries: Sequence[Entry], site: str, beside: str | None) -> list[tuple[str, str]]:
    """The reports of a site's captures: day and link."""
    found = []
    for one in entries:
        if one["site"] == site and one.get("report"):
            path = f"{fleet.store.url}/{one['report']}"
            if "://" not in path and beside is not None:
                path = os.path.relpath(path, beside)
            found.append((str(one["date"]), path.replace("%", "%25")))
    return found


def _incidents(entries: Sequence[Entry]) -> list[tuple[str, str, int, int, str, str]]:
    """Kinds of incidents: severity, title, how many sites, how many times, the first site and its day."""
    seen: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    for one in entries:
        for title, severity in one.get("incidents", ()):
            seen[title].append((str(one["date"]), str(one["site"]), severity))
    found = []
    for title, times in seen.items():
        severity = max((one[2] for one in times), key=SEVERITIES.index)
        date, site, _ = min(times)
        found.append((severity, title, len({one[1] for one in times}), len(times), site, date))
    return sorted(found, key=lambda one: (-one[2], -SEVERITIES.index(one[0]), one[1]))


def _by_fact(
    entries: Sequence[Entry], findings: Sequence[Mapping[str, Any]]
) -> list[tuple[str, list[tuple[str, int, int, float]]]]:
    """For each thing that homes have: values, homes, homes with a warning or worse, their share."""
    bad = {row["site"] for row in findings if row["severity"] != "info"}
    sites: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for home in homes_of(entries, findings):
        for fact, value in home.facts.items():
            sites[fact][value].add(home.site)
    found = []
    for fact, values in sorted(sites.items()):
        if len(values) > 1:
            rows = [
                (value, len(own), len(own & bad), len(own & bad) / len(own)) for value, own in values.items()
            ]
            found.append(
                (
                    fact.replace("_", " "),
                    sorted(rows, key=lambda row: (-row[3], -row[1], row[0]))[:VALUES_SHOWN],
                )
            )
    return found


def _days(entries: Sequence[Entry], findings: Sequence[Mapping[str, Any]]) -> list[tuple[str, int, int, int]]:
    """Per day: captures, findings of a warning or worse, width of its bar."""
    captures = Counter(str(one["date"]) for one in entries)
    bad = Counter(str(row["date"]) for row in findings if row["severity"] != "info")
    most = max(bad.values(), default=0) or 1
    return [(day, captures[day], bad[day], round(bad[day] / most * WIDTH / 2)) for day in sorted(captures)]


def _numbers(
    entries: Sequence[Entry], findings: Sequence[Mapping[str, Any]]
) -> list[tuple[str, str, str, str]]:
    """What homes are like: of each number the median and the values that a tenth of the homes lies below and above."""
    import numpy as np

    found = []
    homes = homes_of(entries, findings)
    for name, title in NUMBERS.items():
        values = [home.numbers[name] for home in homes if name in home.numbers]
        if values:
            low, middle, high = np.percentile(values, [10, 50, 90])
            found.append((title, _number(low), _number(middle), _number(high)))
    return found


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
