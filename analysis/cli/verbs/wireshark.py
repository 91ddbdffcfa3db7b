"""`hanscope wireshark` and `install-wireshark`: what hanscope knows, where Wireshark shows it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.cli import console
from analysis.cli.command_line.places import refuse_overwriting
from analysis.wireshark.opening import start
from dissectors import Keyring

if TYPE_CHECKING:
    from analysis.pipeline.source import ReopenableSource

__all__ = ["install", "run"]

KEYS = "zigbee_pc_keys"


def run(
    source: str,
    keyring: Keyring,
    *,
    out: str,
    profile: str | None,
    open_: bool,
    frame: int | None,
    where: str | None,
    reveal: bool,
    quiet: bool,
) -> int:
    """Write the copy, and open it if asked; see `hanscope wireshark --help`."""
    from analysis.cli.verbs.check import see_rules
    from analysis.pipeline.source import ReopenableSource
    from analysis.wireshark.annotating import annotate

    see_rules(profile)
    target = out or f"{Path(source).name.split('.')[0] or 'capture'}-hanscope.pcapng"
    refuse_overwriting([source], [target])
    if open_ and shutil.which("wireshark") is None:
        raise console.UsageError(
            "wireshark is not installed", "leave --open away, and open the copy elsewhere"
        )
    with ReopenableSource(source) as replay:
        shown = None if where is None else _display_filter(where, replay, keyring)
        done = annotate(replay, keyring, target, profile=profile, reveal=reveal)
    console.tell_losses(done.facts)
    if not quiet:
        console.say(
            f"{target}: {done.frames:,} frames, {len(done.findings):,} findings as comments and fields"
        )
    if reveal:
        _hand_over([key.value for key in done.keys if key.kind in ("network", "link")], quiet)
    elif done.keys and not quiet:
        console.say(
            f"note: {len(done.keys)} keys stay here: Wireshark decrypts nothing itself (--reveal hands them over)"
        )
    if shown is not None:
        console.put(shown)
    if open_:
        number = [] if frame is None else ["-g", str(frame)]
        filter_ = [] if shown is None else ["-Y", shown]
        start(["-C", "hanscope", *number, *filter_, "-r", target])
    return console.OK


def _display_filter(where: str, replay: ReopenableSource, keyring: Keyring) -> str:
    """The display filter that finds the same frames of the copy: by their fields, else by their numbers."""
    from analysis.cli.command_line.choosing import ChoiceOptions
    from analysis.pipeline.decode import TableSink
    from analysis.pipeline.runner import run_passes
    from analysis.views.filtered import FilteredSink
    from analysis.wireshark.display_filter import NoDisplayFilter, display_filter, frames_filter

    chosen = ChoiceOptions(where).filter(replay, keyring)  # tells a mistake with its place
    assert chosen is not None
    try:
        return display_filter(where).text
    except NoDisplayFilter as error:
        reason = str(error)
    sink = TableSink(("packets",))
    run_passes(replay, keyring, FilteredSink(chosen, (sink,)))
    text = frames_filter(sink.table("packets").column("frame").to_pylist())
    if text is None:
        raise console.UsageError(
            f"--where: {reason}, and the frames are too many to name", "hanscope convert --where"
        )
    console.say(f"note: {reason}: the frames are named by their numbers")
    return text


def _hand_over(keys: list[bytes], quiet: bool) -> None:
    """Keys into the profile: Wireshark before 4.2 reads no keys from captures."""
    from analysis.wireshark.installing import PROFILE, WiresharkError, find_folders, key_lines
    from captures.whole_files import write_whole

    try:
        path = find_folders().configuration / "profiles" / PROFILE / KEYS
    except WiresharkError as error:
        console.say(f"note: the keys stand in the copy only: {error}")
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, key_lines(keys), mode=0o600)
    if not quiet:
        console.say(f"{path}: {len(set(keys))} keys (wireshark -C {PROFILE}, tshark -C {PROFILE})")


def install(*, to: Path | None, quiet: bool) -> int:
    """Write script and profile; see `hanscope install-wireshark --help`."""
    from analysis.wireshark.installing import Folders, WiresharkError, find_folders
    from analysis.wireshark.installing import install as write

    if to is None:
        try:
            folders = find_folders()
        except WiresharkError as error:
            raise console.UsageError(str(error), "say where to with --to DIR") from None
    else:
        folders = Folders(to / "plugins", to)
    for path in write(folders):
        if not quiet:
            console.say(f"{path}")
    return console.OK
