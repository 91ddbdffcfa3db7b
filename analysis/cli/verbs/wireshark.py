"""`hanscope wireshark` and `install-wireshark`: what hanscope knows, where Wireshark shows it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from analysis.cli import console
from analysis.cli.command_line.places import refuse_overwriting
from dissectors import Keyring

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
    program = shutil.which("wireshark") if open_ else None
    if open_ and program is None:
        raise console.UsageError(
            "wireshark is not installed", "leave --open away, and open the copy elsewhere"
        )
    with ReopenableSource(source) as replay:
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
    if program is not None:
        number = [] if frame is None else ["-g", str(frame)]
        subprocess.Popen([program, "-C", "hanscope", *number, "-r", target], start_new_session=True)
    return console.OK


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
