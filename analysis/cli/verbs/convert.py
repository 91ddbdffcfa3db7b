"""`hanscope convert`: a capture written anew, as pcapng or pcap, all of it or some frames."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, Literal

from analysis.cli import console
from analysis.cli.command_line.batch import Batch, places_in
from analysis.cli.command_line.choosing import EVERYTHING, ChoiceOptions, chosen_numbers, inside
from analysis.cli.command_line.frame_numbers import frame_ranges
from analysis.cli.command_line.inputs import opened
from analysis.cli.command_line.places import refuse_overwriting
from analysis.cli.verbs.show import numbers_of
from analysis.pipeline.runner import run_passes
from captures import captured_frames, write_capture
from dissectors import Key, Keyring

__all__ = ["of_messages", "run"]

Ranges = list[tuple[int, int]]
FORMATS = ("pcapng", "pcap")
ENDINGS = {".pcapng": "pcapng", ".pcap": "pcap"}
LINK_TYPES = (283, 195, 230)


def run(
    source: str,
    keyring: Keyring,
    *,
    out: str,
    format_: str | None,
    link_type: int | None,
    frames: str | None,
    reveal: bool,
    quiet: bool,
    choice: ChoiceOptions = EVERYTHING,
) -> int:
    """Write captures anew; see `hanscope convert --help`. Those of a folder or pattern go into a folder."""
    batch: Batch[int] = Batch([source])
    if batch.many:
        ending = f".{format_ or 'pcapng'}"
        places = places_in(batch, out, ending)
        options: dict[str, Any] = {
            "format_": format_,
            "link_type": link_type,
            "frames": frames,
            "choice": choice,
        }

        def one(capture: str, number: int) -> int:
            return _one(capture, keyring, out=places[number], reveal=reveal, quiet=quiet, **options)

        codes = [code for _, code in batch.each(one)]
        return console.UNREADABLE if batch.unreadable else max(codes, default=console.OK)
    return _one(
        source, keyring, out=out, format_=format_, link_type=link_type, frames=frames, reveal=reveal, quiet=quiet,
        choice=choice,
    )  # fmt: skip


def of_messages(choice: ChoiceOptions, message: str, exchange: str) -> ChoiceOptions:
    """What is chosen of the frames of some messages and exchanges, as they are written.

    Raises:
        UsageError: one is no number.
    """
    choice = inside(choice, "message", numbers_of(message, "message") if message else [])
    return inside(choice, "exchange", numbers_of(exchange, "exchange") if exchange else [])


def _one(
    source: str,
    keyring: Keyring,
    *,
    out: str,
    format_: str | None,
    link_type: int | None,
    frames: str | None,
    reveal: bool,
    quiet: bool,
    choice: ChoiceOptions,
) -> int:
    """Write one capture anew."""
    ranges = None if frames is None else frame_ranges(frames, open_end=True)
    kind = _format(out, format_)
    refuse_overwriting([source], [out])
    if link_type is not None and link_type not in LINK_TYPES:
        raise console.UsageError(f"link type {link_type} cannot be written", "283 (TAP), 195 or 230")
    target: str | IO[bytes] = sys.stdout.buffer if out == "-" else out
    with opened(source) as replay:
        numbers = set(chosen_numbers(choice, replay, keyring)) if choice else None
        keys: list[Key] = []
        if reveal and kind == "pcapng":
            keys = run_passes(replay, keyring, tables=("packets", "keys")).session.used_keys()
        with replay.open() as capture:  # names may stand behind the frames that they are for
            for _ in capture:
                pass
            names = {**capture.names, **keyring.names}
        with replay.open() as capture:
            options: dict[str, Any] = {"format": kind, "link_type": link_type, "comments": capture.comments}
            written = write_capture(
                target, _chosen(capture, ranges, numbers), names=names, secrets=keys, **options
            )
    console.tell_losses(replace(capture.facts, name=replay.name))
    if capture.secrets and not reveal and not quiet:
        console.say(f"note: {len(capture.secrets)} keys of {replay.name} are left out (--reveal writes them)")
    if not quiet:
        console.say(f"{out}: {written:,} frames")
    return console.OK


def _format(out: str, format_: str | None) -> Literal["pcapng", "pcap"]:
    """What to write: what was asked for, or what the name's ending says; nothing is guessed.

    Raises:
        UsageError: neither says so.
    """
    if format_ is not None and format_ not in FORMATS:
        raise console.UsageError(f"unknown format {format_!r}", "formats: pcapng, pcap")
    said = format_ or ENDINGS.get(Path(out).suffix.lower())
    if said is None and (out == "-" or (Path(out).exists() and not Path(out).is_file())):
        said = "pcapng"  # a stream has no ending
    if said is None:
        raise console.UsageError(
            f"{out}: its ending names no format", "end it in .pcapng or .pcap, or say --format"
        )
    return "pcap" if said == "pcap" else "pcapng"


def _chosen(capture: Iterable[Any], ranges: Ranges | None, chosen: set[int] | None) -> Iterator[Any]:
    """The blocks of a capture; where some frames are wanted only, these."""
    for block in capture:
        if ranges is None and chosen is None:
            yield block
            continue
        numbers = block.number.tolist()
        for number, frame in zip(numbers, captured_frames(block), strict=True):
            within = ranges is None or any(first <= number <= last for first, last in ranges)
            if within and (chosen is None or number in chosen):
                yield frame
        if ranges is not None and all(numbers and numbers[-1] >= last for _, last in ranges):
            return
