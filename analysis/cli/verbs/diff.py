"""`hanscope diff`: a good unit's capture and a faulty one's, side by side."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.cli import console
from analysis.cli.command_line.choosing import EVERYTHING, ChoiceOptions, behind
from analysis.cli.command_line.inputs import opened
from analysis.pipeline.decode import Decoded, TableSink
from analysis.pipeline.runner import run_passes
from analysis.views.diff import TABLES, Comparison, Divergence, compare
from dissectors import Keyring

__all__ = ["run"]


def run(
    good: str,
    faulty: str,
    good_keys: Keyring,
    faulty_keys: Keyring,
    *,
    as_json: bool,
    most: int,
    quiet: bool,
    choice: ChoiceOptions = EVERYTHING,
) -> int:
    """Print the comparison; see `hanscope diff --help`."""
    decoded = []
    for path, keyring in ((good, good_keys), (faulty, faulty_keys)):
        sink = TableSink(TABLES)
        with opened(path) as replay, console.progress(path, quiet=quiet) as step:
            chosen = choice.filter(replay, keyring)
            last = run_passes(replay, keyring, *behind(chosen, sink), progress=step)
        decoded.append(Decoded({name: sink.table(name) for name in TABLES}, last.facts, last.session))
        console.tell_losses(decoded[-1].facts)
    found = compare(*decoded)
    if as_json:
        console.put_json(found.to_json())
    else:
        for line in _text(found, most):
            console.put(line)
    return console.OK


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
    where = (
        f"frame {one.faulty_frame}"
        if one.faulty_frame is not None
        else f"frame {one.good_frame} of the good one"
    )
    yield f"  {one.conversation}, {where}, {one.seconds:,.3f} s in, after {one.after}"
    for sign, lines in (("-", one.good), ("+", one.faulty)):
        for line in lines:
            yield f"    {sign} {line}"
