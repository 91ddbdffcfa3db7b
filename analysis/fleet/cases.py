"""What only many homes can tell, as cases: one cause at many sites, one radio or key at two, a home unlike the others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from analysis.findings.model import SEVERITIES
from analysis.fleet import comparing
from analysis.fleet.comparing import Group, Home
from analysis.fleet.home_facts import NUMBERS
from analysis.fleet.store import Entry, Store

__all__ = ["Case", "Visit", "cases_of", "homes_of", "visits_of"]

READ = ("ok", "damaged")
WEIGHTS = {"info": 0, "warning": 1, "error": 4, "critical": 8}


@dataclass(frozen=True, slots=True)
class Case:
    """One cause, wherever it shows.

    Attributes:
        kind: ``group`` (homes that have something in common), ``change`` (since a change), ``twice`` (one thing at two
            sites).
        what: ``supplier = Supplier A``; for ``twice`` what is at several sites.
        rules: rules of single homes that are part of it.
    """

    kind: str
    severity: str
    title: str
    what: str
    sites: tuple[str, ...]
    first_site: str
    first_date: str
    evidence: str
    advice: str
    rules: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Visit:
    """A site to visit, and why."""

    site: str
    score: int
    reasons: tuple[str, ...] = field(default=())


def homes_of(entries: Sequence[Entry], findings: Sequence[Mapping[str, Any]]) -> list[Home]:
    """The sites of a fleet, each with what all its captures say of it."""
    rules: dict[str, set[str]] = defaultdict(set)
    for row in findings:
        rules[row["site"]].add(row["rule"])
    by_site: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry["state"] in READ:
            by_site[entry["site"]].append(entry)
    return [
        Home(site, _facts(own), frozenset(rules[site]), _numbers(own))
        for site, own in sorted(by_site.items())
    ]


def _facts(own: Sequence[Entry]) -> dict[str, str]:
    """What a site has; the last word counts."""
    found: dict[str, str] = {}
    for entry in sorted(own, key=lambda one: str(one["date"])):
        home = entry["home"]
        found |= {name: str(value) for name, value in home.items() if isinstance(value, str)}
        if home.get("channel") is not None:
            found["channel"] = str(home["channel"])
        found |= entry["facts"]
    return found


def _numbers(own: Sequence[Entry]) -> dict[str, float]:
    found = {}
    for name in NUMBERS:
        values = [entry["home"][name] for entry in own if entry["home"].get(name) is not None]
        if values:
            found[name] = float(np.median(values))
    return found


def cases_of(store: Store, entries: Sequence[Entry]) -> list[Case]:
    """All cases of a fleet, gravest first; `entries` are those of its manifest."""
    findings = store.table(
        "findings", entries, ["site", "date", "rule", "severity", "title", "capture"]
    ).to_pylist()
    homes = homes_of(entries, findings)
    found = [*_grouped(homes, findings, entries), *_changed(entries, findings), *_twice(store, entries)]
    return sorted(found, key=lambda one: (-SEVERITIES.index(one.severity), -len(one.sites), one.title))


def _grouped(
    homes: Sequence[Home], findings: Sequence[Mapping[str, Any]], entries: Sequence[Entry]
) -> Iterator[Case]:
    """One case for each group, whatever shows in it."""
    severities, titles = _known(findings)
    groups: dict[tuple[str, str], list[tuple[Group, str, str]]] = defaultdict(list)
    for rule, several in comparing.concentrated(homes, severities).items():
        for group in several:
            inside, outside = _of(len(group.sites), group.size), _of(group.others, group.all_others)
            text = f"{rule} ({titles[rule]}) in {inside} of them, in {outside} others"
            groups[group.fact, group.value].append((group, rule, text))
    for name, moved in comparing.shifted(homes, NUMBERS).items():
        for group, own, rest in moved:
            text = f"{NUMBERS[name]}: {own:.3g}, elsewhere {rest:.3g}"
            groups[group.fact, group.value].append((group, "", text))
    for (fact, value), shown in groups.items():
        sites = tuple(sorted({site for group, _, _ in shown for site in group.sites}))
        rules = tuple(sorted({rule for _, rule, _ in shown if rule}))
        severity = max((severities[rule] for rule in rules), key=SEVERITIES.index, default="warning")
        first = _first(sites, entries)
        yield Case(
            "group", severity, f"Homes with {fact.replace('_', ' ')} {value} are unlike the others",
            f"{fact} = {value}", sites, *first, "; ".join(text for _, _, text in shown),
            f"One cause at {len(sites)} sites: look at {fact.replace('_', ' ')} {value} before any home is visited",
            rules,
        )  # fmt: skip


def _changed(entries: Sequence[Entry], findings: Sequence[Mapping[str, Any]]) -> Iterator[Case]:
    """What began in homes when their firmware changed."""
    severities, titles = _known(findings)
    rules: dict[str, set[str]] = defaultdict(set)
    for row in findings:
        rules[row["capture"]].add(row["rule"])
    pairs: dict[tuple[str, str, str], list[tuple[str, frozenset[str], frozenset[str]]]] = defaultdict(list)
    for site, own in _by_site(entries).items():
        for before, after in pairwise(own):
            old, new = _facts([before]), _facts([after])
            for fact in old.keys() & new.keys():
                if "firmware" in fact and old[fact] != new[fact]:
                    states = (frozenset(rules[before["capture"]]), frozenset(rules[after["capture"]]))
                    pairs[fact, old[fact], new[fact]].append((site, *states))
    for (fact, was, now), several in pairs.items():
        began = list(comparing.since_change((before, after) for _, before, after in several))
        if not began:
            continue
        names = tuple(rule for rule, *_ in began)
        sites = tuple(site for site, before, after in several if (after - before) & set(names))
        texts = [
            f"{rule} ({titles[rule]}) began in {_of(n, len(several))} homes, ended in {m}"
            for rule, n, m, _ in began
        ]
        yield Case(
            "change", max((severities[rule] for rule in names), key=SEVERITIES.index),
            f"Since {fact.replace('_', ' ')} {now} came for {was}", f"{fact}: {was} to {now}", sites,
            *_first(sites, entries), "; ".join(texts), f"Hold back {now} until its maker has explained this", names,
        )  # fmt: skip


def _by_site(entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    found: dict[str, list[Entry]] = defaultdict(list)
    for entry in sorted(entries, key=lambda one: (str(one["date"]), str(one["capture"]))):
        if entry["state"] in READ:
            found[entry["site"]].append(entry)
    return found


def _twice(store: Store, entries: Sequence[Entry]) -> Iterator[Case]:
    """One radio in two networks, one network key, one message at two sites."""
    columns = ["eui64", "pan", "name", "role", "frames", "first_seen", "last_seen", "site", "date"]
    radios: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in store.table("devices", entries, columns).to_pylist():
        if row["eui64"] and row["frames"] and row["pan"] is not None:
            radios[row["eui64"]].append(row)
    for eui64, rows in sorted(radios.items()):
        # A neighbour's radio is heard at two sites, too, but in one network.
        if len({row["site"] for row in rows}) > 1 and len({row["pan"] for row in rows}) > 1:
            yield _radio(eui64, rows, entries)
    keys: dict[str, set[str]] = defaultdict(set)
    hubs: dict[str, set[str]] = defaultdict(set)
    for entry in entries:
        for one in entry.get("keys", ()):
            keys[one].add(entry["site"])
            hubs[one].add(entry["hub"])
    for one, at in sorted(keys.items()):
        if len(at) > 1 and len(hubs[one]) > 1:
            yield Case(
                "twice", "error", "One network key in several homes", f"network key {one}", tuple(sorted(at)),
                *_first(at, entries), f"the key with fingerprint {one} opens frames of {len(hubs[one])} hubs",
                "Network keys are random: find out whose software made this one, and have it replaced",
            )  # fmt: skip
    yield from _messages(store, entries)


def _radio(eui64: str, rows: Sequence[Mapping[str, Any]], entries: Sequence[Entry]) -> Case:
    spans = sorted((row["first_seen"], row["last_seen"], row["site"], row["pan"]) for row in rows)
    at_once = any(
        one[3] != other[3] and one[2] != other[2] and other[0] <= one[1]
        for place, one in enumerate(spans)
        for other in spans[place + 1 :]
    )
    sites = tuple(sorted({row["site"] for row in rows}))
    pans = ", ".join(sorted({f"0x{row['pan']:04x} at {row['site']}" for row in rows}))
    name = next((row["name"] or row["role"] for row in rows if row["name"] or row["role"]), "device")
    when = "at the same time" if at_once else "at different times"
    return Case(
        "twice", "critical" if at_once else "warning", "One radio in two networks", f"{name} {eui64}", sites,
        *_first(sites, entries), f"{eui64} was a member of PAN {pans} {when}",
        "A clone: find out which of them has the certificate, and take the other out"
        if at_once
        else "It was moved from one home to the other, or cloned: look up where it was installed last",
    )  # fmt: skip


def _messages(store: Store, entries: Sequence[Entry]) -> Iterator[Case]:
    """Commands to one device that were delivered in another home, too."""
    columns = ["originator", "recipient", "originator_counter", "digest", "cra", "use_case", "site"]
    seen: dict[tuple[Any, ...], set[str]] = defaultdict(set)
    for row in store.table("messages", entries, columns).to_pylist():
        if row["cra"] == "command" and row["originator_counter"] is not None and row["recipient"]:
            seen[
                row["originator"], row["recipient"], row["originator_counter"], row["digest"], row["use_case"]
            ].add(row["site"])
    several: dict[tuple[str, ...], list[tuple[Any, ...]]] = defaultdict(list)
    for message, sites in seen.items():
        if len(sites) > 1:
            several[tuple(sorted(sites))].append(message)
    heard = _networks(entries)
    for at, messages in sorted(several.items()):
        if len({hub for site in at for hub in heard[site]}) < 2:
            continue  # two captures of one home under two names
        names = ", ".join(sorted({str(one[4]) for one in messages}))
        yield Case(
            "twice", "error", "One message at several sites", f"{len(messages)} commands", at, *_first(at, entries),
            f"{len(messages)} commands ({names}) were delivered octet by octet at {len(at)} sites",
            "Replayed into another home, or a neighbour's traffic that was heard: see whose hub carried it",
        )  # fmt: skip


def _networks(entries: Sequence[Entry]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for entry in entries:
        found[entry["site"]].add(entry["hub"])
    return found


def _known(findings: Sequence[Mapping[str, Any]]) -> tuple[dict[str, str], dict[str, str]]:
    """The gravest severity and the title of each rule that found something."""
    severities: dict[str, str] = {}
    titles: dict[str, str] = {}
    for row in findings:
        titles[row["rule"]] = row["title"]
        before = severities.get(row["rule"], "info")
        severities[row["rule"]] = max(before, row["severity"], key=SEVERITIES.index)
    return severities, titles


def _first(sites: Any, entries: Sequence[Entry]) -> tuple[str, str]:
    """The first of some sites, and its day."""
    own = [(str(entry["date"]), str(entry["site"])) for entry in entries if entry["site"] in set(sites)]
    date, site = min(own, default=("unknown", "unknown"))
    return site, date


def _of(part: int, whole: int) -> str:
    return f"{part} of {whole}"


def visits_of(store: Store, cases: Sequence[Case], entries: Sequence[Entry]) -> list[Visit]:
    """Sites to visit, the most urgent first. What a case explains needs no visit to each of its homes."""
    explained = {
        (site, rule) for case in cases if case.kind != "twice" for site in case.sites for rule in case.rules
    }
    scores: dict[str, int] = defaultdict(int)
    reasons: dict[str, dict[str, str]] = defaultdict(dict)
    rows = store.table("findings", entries, ["site", "rule", "severity", "title"]).to_pylist()
    for row in sorted(rows, key=lambda one: -SEVERITIES.index(one["severity"])):
        weight = WEIGHTS[row["severity"]]
        if weight and (row["site"], row["rule"]) not in explained and row["rule"] not in reasons[row["site"]]:
            reasons[row["site"]][row["rule"]] = f"{row['severity']}: {row['title']}"
            scores[row["site"]] += weight
    found = [Visit(site, score, tuple(reasons[site].values())) for site, score in scores.items()]
    return sorted(found, key=lambda one: (-one.score, one.site))
