"""`hanscope sniff`: what a sniffer hears, into a capture or a ring of them; `hanscope install-extcap`."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path
from typing import IO, Any

from analysis.cli import console
from analysis.cli.endings import ENDING

__all__ = ["install_extcap", "list_sniffers", "run"]


def list_sniffers() -> int:
    """The kinds of sniffers, and how each is named."""
    from captures.sniffers import schemes

    for scheme, (_, text) in schemes().items():
        console.put(f"{scheme:10} {text}")
    return console.OK


def run(
    source: str,
    *,
    out: str,
    channel: int,
    page: int,
    seconds: float | None,
    frames: int | None,
    ring_size: float | None,
    ring_seconds: float | None,
    ring_files: int | None,
    baud: int | None,
    speed: float,
    seed: int,
    quiet: bool,
) -> int:
    """Record until the sniffer ends, a limit is reached, or the person stops it."""
    from captures.sniffers import open_sniffer
    from captures.sniffers.recorder import Ring, record

    ring = None
    if ring_size is not None or ring_seconds is not None:
        ring = Ring(None if ring_size is None else round(ring_size * 1_000_000), ring_seconds, ring_files)
    elif ring_files is not None:
        raise console.UsageError("--ring-files needs --ring-size or --ring-seconds")
    if ring is not None and out == "-":
        raise console.UsageError("a ring needs files", "name one with -o")
    try:
        sniffer = open_sniffer(
            source, channel=channel, page=page, baud=baud, speed=speed, seed=seed,
            trouble=(lambda text: None) if quiet else (lambda text: console.say(f"note: {text}")),
        )  # fmt: skip
    except ValueError as error:
        raise console.UsageError(str(error)) from None
    target: Path | IO[bytes] = sys.stdout.buffer if out == "-" else Path(out)
    stopping: list[int] = []
    ending = [n for n in (*ENDING, signal.SIGINT) if signal.getsignal(n) is not signal.SIG_IGN]
    before = [(number, signal.signal(number, _noting(stopping))) for number in ending]
    try:
        recording = record(
            sniffer, target, ring=ring, stop=lambda: bool(stopping), frames=frames, seconds=seconds,
            heard=_counter(quiet),
        )  # fmt: skip
    finally:
        for number, handler in before:
            signal.signal(number, handler)
    if not quiet:
        _tell(recording, out)
    return console.OK


def _noting(stopping: list[int]) -> Any:
    return lambda number, _frame: stopping.append(number)


def _counter(quiet: bool) -> Any:
    """Shows the count on a terminal about once a second; None when nobody looks."""
    if quiet or not sys.stderr.isatty():
        return None
    shown = [time.monotonic()]

    def heard(_frame: Any, recording: Any) -> None:
        if time.monotonic() - shown[0] >= 1:
            shown[0] = time.monotonic()
            sys.stderr.write(f"\r{recording.frames:,} frames, {recording.dropped:,} lost ")
            sys.stderr.flush()

    return heard


def _tell(recording: Any, out: str) -> None:
    place = "stdout" if out == "-" else ", ".join(str(path) for path in recording.files[-3:])
    if len(recording.files) > 3:
        place = f"{len(recording.files)} files, the last {place}"
    text = f"{place}: {recording.frames:,} frames"
    if recording.bad_fcs:
        text += f", {recording.bad_fcs:,} with a wrong FCS"
    if recording.dropped:
        text += f", {recording.dropped:,} lost by the sniffer"
    console.say(text)


def install_extcap(folder: Path | None) -> int:
    """Put the launcher where Wireshark looks for external captures."""
    from captures.sniffers.extcap import INTERFACES, install

    place = install(folder)
    console.put(str(place))
    console.say(f"Wireshark now offers {len(INTERFACES)} interfaces of hanscope")
    return console.OK
