"""`hanscope diff`: a good unit's capture and those of faulty ones, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analysis.cli import console
from analysis.cli.command_line.batch import Batch
from analysis.cli.command_line.choosing import EVERYTHING, ChoiceOptions, behind
from analysis.cli.command_line.inputs import opened
from analysis.pipeline.decode import Decoded, TableSink
from analysis.pipeline.runner import run_passes
from analysis.views.diff import TABLES, Comparison, Divergence, compare
from dissectors import Keyring

__all__ = ["run"]


def run(
    good: str,
    faulty: Sequence[str],
    good_keys: Keyring,
    faulty_keys: Keyring,
    *,
    as_json: bool,
    most: int,
    quiet: bool,
    choice: ChoiceOptions = EVERYTHING,
    jobs: int = 1,
) -> int:
    """Print the comparisons; see `hanscope diff --help`."""
    ours = _decoded(_only(good), good_keys, choice, quiet)
    batch: Batch[Comparison] = Batch(faulty, jobs)

    def one(source: str, number: int) -> Comparison:
        found = compare(ours, _decoded(source, faulty_keys, choice, quiet))
        if as_json:
            console.put_json(found.to_json(), indent=None if batch.many else 2)
        else:
            for line in (*([""] if number else []), *_text(found, most)):
                console.put(line)
        return found

    found = [told for _, told in batch.each(one)]
    if len(found) > 1 and not as_json:
        console.put()
        for line in _side_by_side(found):
            console.put(line)
    return console.UNREADABLE if batch.unreadable else console.OK


def _only(good: str) -> str:
    """The capture that a word means, where it is one. Raises CaptureError, UsageError."""
    captures = Batch[None]([good]).captures
    if len(captures) != 1:
        raise console.UsageError(
            f"{good}: {len(captures)} captures: one good capture is what others are compared with"
        )
    return captures[0]


def _decoded(source: str, keyring: Keyring, choice: ChoiceOptions, quiet: bool) -> Decoded:
    sink = TableSink(TABLES)
    with opened(source) as replay, console.progress(source, quiet=quiet) as step:
        chosen = choice.filter(replay, keyring)
        last = run_passes(replay, keyring, *behind(chosen, sink), progress=step)
    console.tell_losses(last.facts)
    return Decoded({name: sink.table(name) for name in TABLES}, last.facts, last.session)


def _side_by_side(found: Sequence[Comparison]) -> Iterator[str]:
    """A line for each capture that was compared, the one that differs most first."""
    yield f"{'differs':>8} {'alike':>8} {'timings':>8}  capture, and where it parts from {found[0].good}"
    for one in sorted(found, key=lambda one: (-len(one.divergences), one.faulty)):
        parts = one.first
        where = "takes the same course" if parts is None else f"{_place(parts)}: {parts.conversation}"
        yield f"{len(one.divergences):>8,} {one.same:>8,} {len(one.timings):>8,}  {one.faulty}: {where}"


def _text(found: Comparison, most: int) -> Iterator[str]:
    yield f"good:   {found.good}"
    yield f"faulty: {found.faulty}"
    yield f"{len(found.matched)} devices matched, {found.same:,} steps alike"
    for title, names in (
        ("only in the good one", found.only_good),
        ("only in the faulty one", found.only_faulty),
    ):
        if names:
            yield f"{title}: {', '.join(names)}"
    if found.first is None:
        yield "the captures take the same course"
    else:
        yield ""
        yield "first divergence:"
        yield from _divergence(found.first)
    others = found.divergences[1 : most + 1]
    if others:
        yield ""
        yield f"{len(found.divergences) - 1} more:"
        for one in others:
            yield from _divergence(one)
    if found.timings:
        yield ""
        yield "timings that changed (median seconds, good and faulty):"
        for timing in found.timings[:most]:
            yield f"  {timing.kind} {timing.good:g} became {timing.faulty:g}: {timing.step}"


def _divergence(one: Divergence) -> Iterator[str]:
    yield f"  {one.conversation}, {_place(one)}, {one.seconds:,.3f} s in, after {one.after}"
    for sign, lines in (("-", one.good), ("+", one.faulty)):
        for line in lines:
            yield f"    {sign} {line}"


def _place(one: Divergence) -> str:
    if one.faulty_frame is not None:
        return f"frame {one.faulty_frame}"
    return f"frame {one.good_frame} of the good one"
