"""`hanscope show`: frames and messages of a capture as trees with their octets."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from analysis.cli import console
from analysis.cli.command_line.batch import Batch
from analysis.cli.command_line.choosing import EVERYTHING, ChoiceOptions, behind, inside
from analysis.cli.command_line.forming import row_form
from analysis.cli.command_line.frame_numbers import frame_ranges
from analysis.cli.command_line.inputs import opened
from analysis.pipeline.source import ReopenableSource
from analysis.tables.addresses import row_with_addresses
from analysis.tables.row_form import RowForm
from analysis.tables.schema import columns_of
from analysis.views.ends import ENDS
from analysis.views.frame import Shown, shown_frames, shown_row, text_lines, to_json
from captures import CaptureFacts
from dissectors import Keyring

__all__ = ["Shown", "numbers_of", "run", "shown_frames", "shown_row", "text_lines", "to_json"]

MOST = 1000
"""Frames that one command shows at most."""


def numbers_of(text: str, what: str = "frame") -> list[int]:
    """Frame numbers from ``12``, ``12-15`` or ``12,20-22``, in rising order; or those of something else (`what`).

    Raises:
        UsageError: the text is none of these, or names too many.
    """
    numbers: set[int] = set()
    for low, high in frame_ranges(text, what=what):
        if high - low >= MOST or len(numbers) > MOST:
            raise console.UsageError(f"{low}-{high}: {MOST} {what}s at a time, at most")
        numbers.update(range(low, high + 1))
    return sorted(numbers)


def captures_and_frames(words: Sequence[str]) -> tuple[Sequence[str], str]:
    """The captures that are named, and the frame numbers: a last word that may be no file's name."""
    last = words[-1]
    if len(words) > 1 and last != "-" and not set(last) & {*"./*?[\\"} and not os.path.exists(last):  # noqa: PTH110
        return words[:-1], last  # os.path says no of a name that no file can have
    return words, ""


def run(
    words: Sequence[str],
    keyring: Keyring,
    *,
    as_json: bool,
    reveal: bool,
    explain: bool = False,
    message: str = "",
    exchange: str = "",
    choice: ChoiceOptions = EVERYTHING,
    columns: str | None = None,
    time: str | None = None,
) -> int:
    """Show frames and messages; see `hanscope show --help`."""
    captures, frame = captures_and_frames(words)
    form = row_form(columns, time, choice.tz, (*ENDS, *columns_of("packets"))) or RowForm()
    if form.columns:
        choice = inside(choice, "message", numbers_of(message, "message") if message else [])
        choice = inside(choice, "exchange", numbers_of(exchange, "exchange") if exchange else [])
    elif not (frame or message or exchange or choice):
        raise console.UsageError(
            "which frame?",
            "151, 151-153, 7,151; or --message, --exchange, --where, --from, --to, --device; --columns lists all",
        )
    elif message and choice:
        raise console.UsageError("--message names messages, the other options choose frames", "one of them")
    ranges = frame_ranges(frame, open_end=True) if frame and form.columns else None
    numbers = numbers_of(frame) if frame and not form.columns else []
    messages = numbers_of(message, "message") if message and not form.columns else []
    batch: Batch[int] = Batch(captures)

    def one(capture: str, number: int) -> int:
        indent = None if batch.many else 2
        with opened(capture) as replay:
            if form.columns:
                return _list(replay, keyring, choice, form, ranges, as_json=as_json, indent=indent)
            shown = _Run(replay, keyring, form, as_json=as_json, reveal=reveal, explain=explain)
            if frame or exchange or choice:
                shown.frames(numbers, exchange, choice)
            if messages:
                shown.messages(messages)
            if number and shown.texts:
                console.put()
            shown.put(single=not choice and not exchange, indent=indent)
            return shown.code

    codes = [code for _, code in batch.each(one)]
    return console.UNREADABLE if batch.unreadable else max(codes, default=console.OK)


def _list(
    replay: ReopenableSource,
    keyring: Keyring,
    choice: ChoiceOptions,
    form: RowForm,
    ranges: Sequence[tuple[int, int]] | None,
    *,
    as_json: bool,
    indent: int | None,
) -> int:
    """Show frames as a list, a line each; all frames of the capture where none are named or chosen."""
    from analysis.pipeline.runner import run_passes
    from analysis.pipeline.sinks import StartSink
    from analysis.views.listing import ListingSink, aligned

    sink = ListingSink(form.columns, form, ranges)
    chosen = choice.filter(replay, keyring)
    last = run_passes(replay, keyring, StartSink(form), *behind(chosen, sink))
    console.tell_losses(last.facts)
    if as_json:
        rows = [row_with_addresses("packets", row) for row in sink.rows()]
        console.put_json({"schema": 1, "source": last.facts.name, "frames": rows}, indent=indent)
    else:
        for line in aligned(form.columns, sink.rows()):
            console.put(line)
    return console.OK


class _Run:
    """One call of the verb: what it found to show, and what came of it."""

    def __init__(
        self,
        replay: ReopenableSource,
        keyring: Keyring,
        form: RowForm,
        *,
        as_json: bool,
        reveal: bool,
        explain: bool,
    ) -> None:
        self.explain = explain
        self.form = form
        if form.times in ("relative", "delta"):
            with replay.open_merged() as capture:
                form.start_ns = next((int(block.time_ns[0]) for block in capture if len(block)), None)
        self.replay, self.keyring, self.as_json, self.reveal = replay, keyring, as_json, reveal
        self.documents: list[dict[str, Any]] = []
        self.texts: list[Iterator[str]] = []
        self.code = console.OK
        self.asked = 0
        self.missing: list[tuple[str, str]] = []

    def frames(self, numbers: list[int], exchange: str, choice: ChoiceOptions) -> None:
        """Find frames: by their numbers, as those of exchanges, or as those that are chosen; of several, what is all."""
        if exchange or choice:
            wanted = numbers_of(exchange, "exchange") if exchange else []
            numbers = self._chosen(choice, wanted, set(numbers))
        shown, facts = shown_frames(self.replay, self.keyring, numbers)
        console.tell_losses(facts)
        self.asked += len(numbers)
        for one in shown:
            if self.as_json:
                self.documents.append(to_json(one, reveal=self.reveal, explain=self.explain))
            else:
                self.texts.append(text_lines(one, self.reveal, self.form, explain=self.explain))
        if choice and not shown:
            console.say(f"note: {facts.name}: no frame is chosen")
        self._miss("frame", numbers, {one.number for one in shown}, facts, "hanscope stats counts them")

    def messages(self, numbers: list[int]) -> None:
        """Find messages by their numbers in the table `messages`."""
        from analysis.pipeline.decode import MessageSink
        from analysis.pipeline.runner import run_passes
        from analysis.views.message_tree import kept_json, kept_lines

        sink = MessageSink(numbers)
        facts = run_passes(self.replay, self.keyring, sink).facts
        console.tell_losses(facts)
        self.asked += len(numbers)
        for kept in sink.kept:
            if self.as_json:
                self.documents.append(kept_json(facts.name, kept, reveal=self.reveal, explain=self.explain))
            else:
                self.texts.append(kept_lines(kept, self.reveal, capture=facts.name, explain=self.explain))
        hint = "hanscope decode --table messages lists them"
        self._miss("message", numbers, {one.message for one in sink.kept}, facts, hint)

    def put(self, *, single: bool, indent: int | None) -> None:
        """Print what was found, and then say what was not; `single`: one document where one was asked for."""
        if self.documents:
            document = self.documents[0] if self.asked == 1 and single else self.documents
            console.put_json(document, indent=indent)
        for index, lines in enumerate(self.texts):
            if index:
                console.put()
            for line in lines:
                console.put(line)
        for text, hint in self.missing:
            console.error_line(text, hint)

    def _miss(
        self, what: str, asked: Iterable[int], found: Collection[int | None], facts: CaptureFacts, hint: str
    ) -> None:
        missing = [number for number in asked if number not in found]
        if missing:
            self.missing.append((f"{facts.name}: no {what} {missing[0]} in this capture", hint))
            self.code = console.USAGE

    def _chosen(self, choice: ChoiceOptions, exchanges: list[int], among: set[int]) -> list[int]:
        """The numbers of the frames that are chosen: of these exchanges and of what lies in them, of `among` where it
        names any."""
        from analysis.pipeline.decode import TableSink
        from analysis.pipeline.runner import run_passes
        from analysis.views.filtered import ChosenFrames

        choice = inside(choice, "exchange", exchanges)
        chosen, table = ChosenFrames(), TableSink(("exchanges",) if exchanges else ())
        filtered = behind(choice.filter(self.replay, self.keyring), chosen)
        facts = run_passes(self.replay, self.keyring, *filtered, table).facts
        if exchanges:
            known = set(table.table("exchanges").column("exchange").to_pylist())
            self._miss("exchange", exchanges, known, facts, "hanscope decode --table exchanges lists them")
        numbers = [int(one) for one in chosen.numbers if not among or int(one) in among]
        if len(numbers) > MOST:
            console.say(f"note: {facts.name}: the first {MOST} of {len(numbers):,} frames that are chosen")
        return numbers[:MOST]
