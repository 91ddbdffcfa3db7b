"""`hanscope crosscheck`: the same capture through tshark, field by field."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from analysis.cli import console
from analysis.cli.command_line.batch import Batch
from analysis.cli.command_line.choosing import EVERYTHING, ChoiceOptions, behind
from analysis.cli.command_line.inputs import opened
from analysis.pipeline.decode import TableSink
from analysis.pipeline.runner import run_passes
from analysis.pipeline.source import ReopenableSource
from analysis.tables.addresses import with_addresses
from analysis.tables.python_values import rows_of
from analysis.views.crosscheck import Crosscheck
from analysis.views.tshark import TsharkFailed, TsharkMissing, tshark_rows, tshark_version
from captures import Kind, write_capture
from dissectors import Keyring

__all__ = ["run"]

THEIR_FORMATS = ("pcap", "pcapng", "daintree")
TRAILERS = ("absent", "fcs16", "fcs32", "ti")


def run(
    sources: Sequence[str],
    keyring: Keyring,
    *,
    as_json: bool,
    most: int,
    quiet: bool,
    choice: ChoiceOptions = EVERYTHING,
    jobs: int = 1,
) -> int:
    """Compare with tshark; see `hanscope crosscheck --help`."""
    try:
        version = tshark_version()
    except TsharkMissing as error:
        console.error_line(str(error), "install it with your package manager: apt install tshark")
        return console.PARTLY
    batch: Batch[int] = Batch(sources, jobs)

    def one(source: str, number: int) -> int:
        indent = None if batch.many else 2
        with opened(source, apart=True) as replay:
            return _compared(
                replay, keyring, version, choice, as_json=as_json, most=most, quiet=quiet, indent=indent
            )

    codes = [code for _, code in batch.each(one)]
    return console.UNREADABLE if batch.unreadable else max(codes, default=console.OK)


def _compared(
    replay: ReopenableSource,
    keyring: Keyring,
    version: str,
    choice: ChoiceOptions,
    *,
    as_json: bool,
    most: int,
    quiet: bool,
    indent: int | None,
) -> int:
    sink = TableSink(("packets",))
    with console.progress(replay.name, quiet=quiet) as step:
        chosen = choice.filter(replay, keyring)
        last = run_passes(replay, keyring, *behind(chosen, sink), progress=step)
    batches = (with_addresses("packets", batch) for batch in sink.batches.get("packets", ()))
    ours = {row["frame"]: row for batch in batches for row in rows_of(batch)}
    console.tell_losses(last.facts)
    crosscheck = Crosscheck()
    frames = 0
    keys = last.session.context.keyring.keys
    try:
        with _readable(replay) as (path, trailer):
            for theirs in tshark_rows(path, keys, trailer):
                frames += 1
                row = ours.get(int(theirs["frame.number"]))
                if row is not None:
                    crosscheck.compare(row, theirs)
    except TsharkFailed as error:
        console.say(f"warning: tshark: {error}")
    if as_json:
        head = {"schema": 1, "source": last.facts.name, "tshark": version, "share": crosscheck.share()}
        counts = {"frames": len(ours), "tshark_frames": frames, "fields": crosscheck.to_json()}
        differing = [one.to_json() for one in crosscheck.disagreements]
        console.put_json({**head, **counts, "disagreements": differing}, indent=indent)
        return console.OK
    for line in _text(crosscheck, most):
        console.put(line)
    console.put(f"{last.facts.name}: {len(ours):,} frames here, {frames:,} in tshark {version}")
    return console.OK


@contextmanager
def _readable(replay: ReopenableSource) -> Iterator[tuple[Path, str]]:
    """The capture as a file that tshark reads, and what its trailers are."""
    with replay.open() as capture:
        first = next(iter(capture), None)
        radio = first.trailer[first.kind == Kind.RADIO] if first is not None else []
        trailer = TRAILERS[int(radio[0])] if len(radio) else "absent"
        direct = replay.path if capture.format in THEIR_FORMATS else None
    if direct is not None:
        yield direct, trailer
        return
    with tempfile.TemporaryDirectory(prefix="hanscope-") as folder:
        path = Path(folder) / "capture.pcapng"
        with replay.open() as capture:
            write_capture(path, capture)
        yield path, "fcs16"


def _text(crosscheck: Crosscheck, most: int) -> Iterator[str]:
    yield f"{'tshark field':<24}{'agree':>9}{'differ':>8}{'only here':>11}{'only tshark':>13}{'share':>10}"
    for row in crosscheck.to_json():
        if row["same"] + row["different"] + row["tshark_only"] == 0:
            continue
        yield (
            f"{row['field']:<24}{row['same']:>9,}{row['different']:>8,}{row['hanscope_only']:>11,}"
            f"{row['tshark_only']:>13,}{row['share']:>10.3%}"
        )
    yield f"{'all where both have it':<24}{sum(crosscheck.same.values()):>9,}{'':>42}{crosscheck.share():>10.3%}"
    shown: dict[str, int] = {}
    for one in crosscheck.disagreements:
        shown[one.field] = shown.get(one.field, 0) + 1
        if shown[one.field] <= most:
            yield f"frame {one.frame}: {one.field}: here {_value(one.ours)}, tshark {_value(one.theirs)}"


def _value(value: object) -> str:
    return f"0x{value:x}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
