"""`hanscope fleet ...`: many homes decoded, compared, asked and made."""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.cli import console
from analysis.findings.model import SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analysis.fleet.store import Entry

__all__ = ["check", "compact", "decode", "prune", "report", "simulate", "sql"]

FAILED = ("unreadable", "failed")
SHOWN = 10


@contextmanager
def _plainly() -> Iterator[None]:
    """Places that cannot be used are mistakes of the command line."""
    from analysis.fleet.locations import FleetError

    try:
        yield
    except FleetError as error:
        raise console.UsageError(str(error), error.hint) from None


def decode(
    sources: Sequence[str],
    out: str,
    *,
    scheduler: str,
    workers: int | None,
    site: str | None,
    keys_from: str | None,
    profile: str | None,
    reports: bool,
    quiet: bool,
) -> int:
    """Decode and check captures into a store; see `hanscope fleet decode --help`."""
    from analysis.cli.verbs.check import see_rules
    from analysis.fleet.decoding import decode_fleet

    see_rules(profile)
    with _plainly(), _progress(quiet) as told:
        run = decode_fleet(
            sources,
            out,
            scheduler=scheduler,
            workers=workers,
            site=site,
            keys_from=keys_from,
            profile=profile,
            reports=reports,
            told=told,
        )
    for entry in run.decoded:
        if entry["state"] in (*FAILED, "damaged", "same"):
            console.say(f"warning: {entry['capture']}: {entry['state']}: {entry['error']}")
    frames = sum(entry.get("frames") or 0 for entry in run.decoded)
    if site is None and not quiet:
        _tell_namesakes(run.decoded)
    if not quiet:
        console.say(
            f"{out}: {len(run.decoded):,} captures read ({frames:,} frames), {run.known:,} known already; "
            + (
                ", ".join(f"{count:,} {state}" for state, count in sorted(run.states.items()))
                or "nothing new"
            )
        )
    return console.UNREADABLE if any(one["state"] in FAILED for one in run.decoded) else console.OK


def _tell_namesakes(decoded: Sequence[Entry]) -> None:
    """Say that captures of several hubs are taken for those of one home, because their files are called the same."""
    hubs: dict[str, set[str]] = defaultdict(set)
    for entry in decoded:
        if entry.get("hub"):
            hubs[entry["site"]].add(entry["hub"])
    for site, several in hubs.items():
        if len(several) > 1:
            console.say(
                f"note: {len(several)} hubs are at one site, {site!r}, as the names of files are those of sites: "
                "--site '{site}/*.pcapng' takes those of their folders"
            )


@contextmanager
def _progress(quiet: bool) -> Iterator[Callable[[int, int, Entry], None] | None]:
    """A line with rate and time left, rewritten as captures end; None where nobody looks."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    begun = time.monotonic()

    def told(done: int, all_: int, entry: Entry) -> None:
        rate = done / max(time.monotonic() - begun, 1e-3)
        left = (all_ - done) / rate
        text = f"{done:,} of {all_:,} captures, {rate:.1f} a second, {left / 60:.0f} min {left % 60:02.0f} s left"
        sys.stderr.write(f"\r{text:<70}")
        sys.stderr.flush()

    yield told
    sys.stderr.write("\r" + " " * 70 + "\r")


def check(store: str, *, fail_on: str | None, as_json: bool) -> int:
    """What only many homes can tell; see `hanscope fleet check --help`."""
    from analysis.fleet.opened import open_fleet

    if fail_on is not None and fail_on not in SEVERITIES:
        raise console.UsageError(f"unknown severity {fail_on!r}", ", ".join(SEVERITIES))
    with _plainly():
        fleet = open_fleet(store)
        cases, visits = fleet.check(), fleet.visits()
    if as_json:
        console.put_json(
            {
                "schema": 1,
                "store": fleet.store.url,
                "captures": len(fleet),
                "cases": [one.to_json() for one in cases],
                "visits": [
                    {"site": one.site, "score": one.score, "reasons": list(one.reasons)} for one in visits
                ],
            }
        )
    else:
        _say_cases(cases)
        for one in visits[:SHOWN]:
            console.put(f"visit {one.site}: {'; '.join(one.reasons[:3])}")
        if len(visits) > SHOWN:
            console.put(f"and {len(visits) - SHOWN:,} more sites with a warning of their own")
        console.put(f"{fleet.store.url}: {len(cases)} cases in {len(fleet):,} captures")
    grave = fail_on and any(SEVERITIES.index(one.severity) >= SEVERITIES.index(fail_on) for one in cases)
    return console.FINDINGS if grave else console.OK


def _say_cases(cases: Sequence[Any]) -> None:
    for one in cases:
        console.put(f"{one.severity}: {one.title} [{one.what}]")
        console.put(f"    {one.evidence}")
        shown = ", ".join(one.sites[:SHOWN]) + (
            f" and {len(one.sites) - SHOWN} more" if len(one.sites) > SHOWN else ""
        )
        console.put(f"    {len(one.sites)} sites, first {one.first_site} on {one.first_date}: {shown}")
        console.put(f"    advice: {one.advice}")


def report(store: str, out: Path, *, quiet: bool) -> int:
    """Write the roll-up; see `hanscope fleet report --help`."""
    from analysis.fleet.opened import open_fleet

    with _plainly():
        fleet = open_fleet(store)
        fleet.report(out)
    if not quiet:
        console.say(f"{out}: {len(fleet):,} captures")
    return console.OK


def sql(query: str, store: str, format_: str) -> int:
    """Ask a store; see `hanscope fleet sql --help`."""
    from analysis.fleet.opened import open_fleet

    if format_ not in ("text", "csv", "jsonl"):
        raise console.UsageError(f"unknown format {format_!r}", "text, csv, jsonl")
    with _plainly():
        found = open_fleet(store).sql(query)
    if format_ == "csv":
        lines = found.to_csv(index=False).splitlines()
    elif format_ == "jsonl":
        lines = found.to_json(orient="records", lines=True, date_format="iso").splitlines()
    else:
        lines = found.to_string(index=False).splitlines() if len(found) else ["(no rows)"]
    for line in lines:
        console.put(line)
    return console.OK


def simulate(
    number: int,
    out: str,
    *,
    seed: int,
    days: int,
    seconds: float | None,
    causes: Sequence[str],
    keys: bool,
    scheduler: str,
    workers: int | None,
    quiet: bool,
) -> int:
    """Make many homes; see `hanscope fleet simulate --help`."""
    from analysis.fleet.simulating import simulate_fleet

    if number < 1:
        raise console.UsageError(f"{number} homes are none")
    with _plainly(), _progress(quiet) as told:
        truth = simulate_fleet(
            number,
            out,
            seed=seed,
            days=days,
            chosen=causes,
            keys=keys,
            seconds=seconds,
            scheduler=scheduler,
            workers=workers,
            told=told,
        )
    if not quiet:
        frames = sum(one["frames"] for one in truth)
        console.say(
            f"{out}: {number:,} homes, {len(truth):,} captures, {frames:,} frames; sites.csv, truth.jsonl"
        )
    return console.OK


def compact(store: str, *, quiet: bool) -> int:
    """Join small files; see `hanscope fleet compact --help`."""
    from analysis.fleet.compaction import compact as join
    from analysis.fleet.store import Store

    with _plainly():
        fewer = join(Store(store))
    if not quiet:
        console.say(f"{store}: {fewer:,} files fewer")
    return console.OK


def prune(store: str, before: str, *, quiet: bool) -> int:
    """Forget old days; see `hanscope fleet prune --help`."""
    import re

    from analysis.fleet.compaction import prune as forget
    from analysis.fleet.store import Store

    if not re.fullmatch(r"\d{4}-\d\d-\d\d", before):
        raise console.UsageError(f"--before: {before!r} is no day", "written 2026-01-31")
    with _plainly():
        gone = forget(Store(store), before)
    if not quiet:
        console.say(f"{store}: {gone:,} captures forgotten")
    return console.OK
