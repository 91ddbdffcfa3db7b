"""Many captures into a store: which are new, who decodes them, and what the manifest says in the end."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from analysis.engine.provenance import settings_digest
from analysis.fleet.compaction import forget
from analysis.fleet.engine import Work, carried_out
from analysis.fleet.locations import located, read_octets, shown
from analysis.fleet.sources import Recording, find_recordings
from analysis.fleet.store import Entry, Store
from analysis.fleet.task import Task, carry_out, decoder, digest_of, failed_entry
from analysis.rules.profile import read_profile

__all__ = ["FleetRun", "decode_fleet"]

Told = Callable[[int, int, Entry], None]
"""Called with how many captures are done, how many there are to do, and the entry of the last."""
FINAL = ("ok", "damaged", "unreadable", "same")
"""States of captures that need not be tried again."""


@dataclass(slots=True)
class FleetRun:
    """What a run came to.

    Attributes:
        found: captures that were meant.
        decoded: entries of those that were read in this run.
        known: how many the store held already.
        states: how many are ok, damaged, unreadable, failed, the same as another.
    """

    found: int = 0
    known: int = 0
    decoded: list[Entry] = field(default_factory=list)

    @property
    def states(self) -> Mapping[str, int]:
        return Counter(str(one["state"]) for one in self.decoded)


def decode_fleet(
    sources: Sequence[str],
    out: str,
    *,
    scheduler: str = "local",
    workers: int | None = None,
    site: str | None = None,
    keys_from: str | None = None,
    profile: str | None = None,
    reports: bool = True,
    told: Told | None = None,
) -> FleetRun:
    """Decode and check captures into a store. Those that it holds already, unchanged, are not read.

    Args:
        sources: URLs or paths of captures and folders, patterns with ``*``.
        out: URL or path of the store.
        scheduler, workers: see `analysis.fleet.engine.carried_out`.
        site: see `analysis.fleet.sources.find_recordings`.
        keys_from: URL or path of a key file; with ``{site}``, ``{date}`` or ``{hub}`` in it each home has its own, and
            those without one are decoded without keys.
        profile: a profile of the rules, by name or file.
        reports: write a page for each capture with a warning or worse, for the roll-up to link to.
        told: called after each capture.

    Raises:
        FleetError: a place cannot be reached, or a package is missing.
        ProfileError: the profile cannot be read.
    """
    store, settings = Store(out), read_profile(profile)
    recordings = find_recordings(sources, site)
    keys, rules = _Keys(keys_from), settings_digest(settings)
    held = {entry["capture"]: entry for entry in store.entries()}
    run = FleetRun(found=len(recordings))
    known: list[Task] = []
    tasks: list[Task] = []
    for one in recordings:
        url, digest = keys.of(one)
        task = Task(one, out, url, digest_of(digest, rules, decoder(), reports), settings, reports)
        entry = held.get(shown(one.url))
        (known if entry is not None and _unchanged(entry, task) else tasks).append(task)
    anew = {shown(task.recording.url) for task in tasks}
    for task in known:
        entry = held[shown(task.recording.url)]
        # What was the same as a capture that is now another one has to be read itself.
        if entry["state"] == "same" and (entry["original"] in anew or entry["original"] not in held):
            tasks.append(task)
    run.known = len(recordings) - len(tasks)
    try:
        for entry in carried_out(Work(carry_out, failed_entry), tasks, scheduler, workers) if tasks else ():
            run.decoded.append(entry)
            if told is not None:
                told(len(run.decoded), len(tasks), entry)
    finally:
        _settle(store, held, run.decoded)
    return run


def _unchanged(entry: Entry, task: Task) -> bool:
    one = task.recording
    same = (entry["size"], entry["stamp"], entry["settings"]) == (one.size, one.stamp, task.settings)
    place = (entry["site"], dict(entry["facts"])) == (one.site, dict(one.facts))
    return same and place and entry["state"] in FINAL


def _settle(store: Store, held: Mapping[str, Entry], decoded: Iterable[Entry]) -> None:
    """Make the manifest say what is there now; files of captures that were read anew, or twice, go."""
    new = {str(entry["capture"]): entry for entry in decoded}
    if not new:
        return
    entries = {**held, **new}
    first: dict[str, Entry] = {}
    for capture in sorted(entries, key=lambda name: (name in new, name)):
        entry = entries[capture]
        if entry["state"] not in ("ok", "damaged"):
            continue
        original = first.setdefault(str(entry["task"]), entry)
        if original is not entry:
            told = {"error": f"the same octets as {original['capture']}", "original": original["capture"]}
            entries[capture] = {**entry, **told, "state": "same", "files": {}, "rows": {}}
    store.rewrite(entries.values())
    before = [*held.values(), *new.values()]
    forget(store, before, list(entries.values()))


class _Keys:
    """The key file of each home, and a digest of what is in it: keys never leave the machines that use them."""

    def __init__(self, place: str | None) -> None:
        self.place = place
        self.digests: dict[str, str] = {}
        if place is not None and not re.search(r"\{(site|date|hub)\}", place):
            self.digests[place] = digest_of(read_octets(place).hex())

    def of(self, one: Recording) -> tuple[str | None, str]:
        """URL and digest for a recording; None where it has none."""
        if self.place is None:
            return None, ""
        url = self.place
        for name in ("site", "date", "hub"):
            url = url.replace(f"{{{name}}}", getattr(one, name) or "unknown")
        if url not in self.digests:
            fs, path = located(url)
            self.digests[url] = digest_of(read_octets(url).hex()) if fs.exists(path) else ""
        digest = self.digests[url]
        return (url, digest) if digest else (None, "")
