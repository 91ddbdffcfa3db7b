"""`hanscope show`: frames of a capture as trees with their octets."""

from __future__ import annotations

from analysis.cli import console
from analysis.cli.command_line.choosing import EVERYTHING, ChoiceOptions, chosen_numbers
from analysis.cli.command_line.frame_numbers import frame_ranges
from analysis.pipeline.source import ReopenableSource
from analysis.views.frame import Shown, shown_frames, shown_row, text_lines, to_json
from dissectors import Keyring

__all__ = ["Shown", "numbers_of", "run", "shown_frames", "shown_row", "text_lines", "to_json"]

MOST = 1000
"""Frames that one command shows at most."""


def numbers_of(text: str) -> list[int]:
    """Frame numbers from ``12``, ``12-15`` or ``12,20-22``, in rising order.

    Raises:
        UsageError: the text is none of these, or names too many.
    """
    numbers: set[int] = set()
    for low, high in frame_ranges(text):
        if high - low >= MOST or len(numbers) > MOST:
            raise console.UsageError(f"{low}-{high}: {MOST} frames at a time, at most")
        numbers.update(range(low, high + 1))
    return sorted(numbers)


def _chosen(replay: ReopenableSource, keyring: Keyring, choice: ChoiceOptions, among: set[int]) -> list[int]:
    """The numbers of the frames that are chosen; of those of `among` where it names any."""
    numbers = [one for one in chosen_numbers(choice, replay, keyring) if not among or one in among]
    if len(numbers) > MOST:
        console.say(f"note: {replay.name}: the first {MOST} of {len(numbers):,} frames that are chosen")
    return numbers[:MOST]


def run(
    source: str,
    frame: str,
    keyring: Keyring,
    *,
    as_json: bool,
    reveal: bool,
    choice: ChoiceOptions = EVERYTHING,
) -> int:
    """Show frames; see `hanscope show --help`."""
    if not frame and not choice:
        raise console.UsageError("which frame?", "151, 151-153, 7,151; or --where, --from, --to, --device")
    numbers = numbers_of(frame) if frame else []
    with ReopenableSource(source) as replay:
        if choice:
            numbers = _chosen(replay, keyring, choice, set(numbers))
        found, facts = shown_frames(replay, keyring, numbers)
    console.tell_losses(facts)
    missing = sorted(set(numbers) - {int(one.columns["frame"]) for one in found})
    if as_json:
        documents = [to_json(one, reveal=reveal) for one in found]
        if documents:
            console.put_json(documents[0] if len(numbers) == 1 and frame else documents)
    else:
        for index, one in enumerate(found):
            if index:
                console.put()
            for line in text_lines(one, reveal):
                console.put(line)
    if choice and not found:
        console.say(f"note: {facts.name}: no frame is chosen")
    if missing:
        console.error_line(
            f"{facts.name}: no frame {missing[0]} in this capture", "hanscope stats counts them"
        )
        return console.USAGE
    return console.OK
