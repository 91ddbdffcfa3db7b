"""`hanscope keys`: which keys are held or learnt, which are needed, what each opens, and why not."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from analysis.cli import console
from analysis.cli.command_line.batch import Batch
from analysis.cli.command_line.choosing import EVERYTHING, ChoiceOptions, behind
from analysis.cli.command_line.inputs import opened
from analysis.pipeline.certificates import certificate_rows
from analysis.pipeline.keytable import key_rows
from analysis.pipeline.passes import DecodePass
from analysis.pipeline.runner import run_passes
from analysis.views.key_needs import FRAMES_NAMED, Need, NeedsSink
from dissectors import Keyring

__all__ = ["Need", "run"]

WHOSE = re.compile(r"\b[0-9a-f]{16} \([^)]*\)")
KEPT = re.compile("; (?:role|device)")  # what was checked and held follows
CHAINS = ("untrusted", "unchecked", "trusted")


def run(
    sources: Sequence[str],
    keyring: Keyring,
    *,
    as_json: bool,
    reveal: bool,
    quiet: bool,
    choice: ChoiceOptions = EVERYTHING,
    jobs: int = 1,
) -> int:
    """Print the keys; see `hanscope keys --help`."""
    batch: Batch[None] = Batch(sources, jobs)

    def one(source: str, number: int) -> None:
        if number and not as_json:
            console.put()
        _one(source, keyring, choice, as_json=as_json, reveal=reveal, quiet=quiet, many=batch.many)

    for _ in batch.each(one):
        pass
    return console.UNREADABLE if batch.unreadable else console.OK


def _one(
    source: str,
    keyring: Keyring,
    choice: ChoiceOptions,
    *,
    as_json: bool,
    reveal: bool,
    quiet: bool,
    many: bool,
) -> None:
    """Print the keys of one capture."""
    sink = NeedsSink()
    with opened(source) as replay, console.progress(source, quiet=quiet) as step:
        chosen = choice.filter(replay, keyring)
        last = run_passes(replay, keyring, *behind(chosen, sink), progress=step)
    console.tell_losses(last.facts)
    held, secured = key_rows(last.session, reveal=reveal), sink.secured
    shut, replayed = sink.ranked()
    certificates = certificate_rows(last.session)
    if as_json:
        document = {
            "schema": 1,
            "source": last.facts.name,
            "frames": last.session.frames,
            "secured_frames": secured,
            "keys": held,
            "needed": [need.to_json() for need in shut],
            "replayed": [need.to_json() for need in replayed],
            "certificates": certificates,
        }
        console.put_json(document, indent=None if many else 2)
    else:
        for line in (*_text(last, held, shut, replayed, secured), *_certificates(certificates)):
            console.put(line)


def _text(
    last: DecodePass, held: list[dict[str, Any]], shut: list[Need], replayed: list[Need], secured: int
) -> Iterator[str]:
    yield f"{last.facts.name}: {last.session.frames:,} frames, {secured:,} of them secured"
    yield ""
    yield f"{'keys held':<10}{'opened':>8}  {'scope':<40} origin"
    for row in sorted(held, key=lambda r: -int(r["frames_opened"])):
        learnt = f" (learnt in frame {row['first_frame']})" if row["first_frame"] else ""
        origin = row["origin"] + ("" if learnt and str(row["first_frame"]) in row["origin"] else learnt)
        shown = f"  {row['key']}" if "key" in row else ""
        yield f"{row['kind']:<10}{row['frames_opened']:>8,}  {row['scope']:<40} {origin}{shown}"
    if not held:
        yield "none"
    yield ""
    if not shut:
        yield "keys needed: none" if not secured else "keys needed: none, every secured frame is open"
    else:
        yield from _needs("needed", "shut", shut)
    if replayed:
        yield ""
        yield from _needs("replayed", "opened", replayed)


def _needs(title: str, count: str, needs: list[Need]) -> Iterator[str]:
    yield f"{title:<10}{count:>8}  for, why{' not' if count == 'shut' else ''}"
    for need in needs:
        frames = ", ".join(map(str, need.first)) + (" ..." if need.count > len(need.first) else "")
        yield f"{need.layer:<10}{need.count:>8,}  {need.scope or 'any network'}"
        yield f"{'':<20}{need.reason} (frames {frames})"


def _certificates(rows: list[dict[str, Any]]) -> Iterator[str]:
    """How many certificates there are, and those that are not to be trusted, or why they could not be checked."""
    if not rows:
        return
    counts = Counter(row["chain"] for row in rows)
    yield ""
    yield "certificates: " + ", ".join(f"{counts[state]:,} {state}" for state in CHAINS if counts[state])
    for state in CHAINS[:2]:
        told = (row["chain_reason"] for row in rows if row["chain"] == state)
        reasons = Counter(WHOSE.sub("a certificate", KEPT.split(text)[0]) for text in told)
        for reason, count in reasons.most_common(FRAMES_NAMED):
            yield f"{state:<10}{count:>8,}  {reason}"
