"""`hanscope watch`: what happens on a live source, while it happens."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from analysis.cli import console
from analysis.cli.command_line.live_source import opened_live
from analysis.cli.endings import ENDING
from dissectors import Keyring

__all__ = ["run", "ways"]


def run(
    source: str,
    keyring: Keyring,
    *,
    jsonl: bool,
    findings: bool,
    join: str | None,
    profile: str | None,
    channel: int,
    speed: float,
    seed: int,
    seconds: float | None,
    frames: int | None,
    record: Path | None,
    quiet: bool,
    ways: Sequence[Any] = (),
) -> int:
    """Watch until the source ends, a limit is reached, or the person stops it; see `hanscope watch --help`."""
    from analysis.cli.verbs.check import see_rules
    from analysis.live.alerting import Alerts, alerting
    from analysis.live.watching import WatchSink
    from analysis.pipeline.live import run_live

    see_rules(profile)
    judge = (
        _judge(profile, join) if findings or join is not None else None
    )  # a copy of a process without threads
    live, own = opened_live(source, channel, speed, seed, record, quiet)
    ring = own if own is not None and not (keyring.keys or keyring.install_codes) else keyring
    limit = _Limit(live, seconds, frames)
    devices: dict[str, dict[str, Any]] = {}
    with _telling(live.name, jsonl, devices) as shown, _stopping(live.stop):
        tell = alerting(shown, Alerts(ways)) if ways else shown
        sink = WatchSink(live, partial(limit.tell, tell), judge)
        sink.devices = devices
        last = run_live(live, ring, sink)
    if not quiet:
        console.tell_losses(last.facts)
    return console.OK


def ways(command: str | None, webhook: str | None, mqtt: str | None, *, findings: bool) -> list[Any]:
    """Ways to tell findings to others.

    Raises:
        UsageError: an address is none, or there are no findings to be told.
    """
    from analysis.live.ways import ways_of

    try:
        found = ways_of(command, webhook, mqtt)
    except ValueError as error:
        raise console.UsageError(str(error)) from None
    if found and not findings:
        raise console.UsageError("--no-findings leaves nothing to tell", "leave it out")
    return found


def _judge(profile: str | None, join: str | None) -> Any:
    from analysis.live.joining import JoinJudge
    from analysis.live.judging import LiveJudge

    return LiveJudge(profile) if join is None else JoinJudge(profile, device=join)


class _Limit:
    """Ends a run after so many seconds or frames."""

    def __init__(self, live: Any, seconds: float | None, frames: int | None) -> None:
        import time

        self.live, self.frames = live, frames
        self.until = None if seconds is None else time.monotonic() + seconds
        self.clock = time.monotonic

    def tell(self, tell: Callable[[dict[str, Any]], None], event: dict[str, Any]) -> None:
        """Pass an event on; see whether it is time to end."""
        tell(event)
        if self.until is not None and self.clock() >= self.until:
            self.live.stop()
        if self.frames is not None and self.live.given >= self.frames:
            self.live.stop()


@contextmanager
def _telling(
    title: str, jsonl: bool, devices: dict[str, dict[str, Any]]
) -> Iterator[Callable[[dict[str, Any]], None]]:
    """What takes the events: a line of JSON each, a screen, or lines of text where nobody can see a screen."""
    from analysis.live.screen import Screen, event_line

    if jsonl:
        yield _json_line
    elif sys.stdout.isatty():
        with Screen(title, devices) as screen:
            yield screen.tell
    else:
        names: dict[str, str] = {}
        with nullcontext():
            yield partial(_text_line, event_line, names)


def _json_line(event: dict[str, Any]) -> None:
    console.put_json({"schema": 1, **event}, indent=None)
    sys.stdout.flush()


def _text_line(line: Callable[..., str], names: dict[str, str], event: dict[str, Any]) -> None:
    if event["event"] == "device" and event.get("eui64") and event.get("name"):
        names[event["eui64"]] = event["name"]
    text = line(event, names)
    if text:
        console.put(text)
        sys.stdout.flush()


@contextmanager
def _stopping(stop: Callable[[], None]) -> Iterator[None]:
    """Signals that end a run let the source end: what came before is told."""
    ending = [one for one in (*ENDING, signal.SIGINT) if signal.getsignal(one) is not signal.SIG_IGN]
    before = [(one, signal.signal(one, lambda _number, _frame: stop())) for one in ending]
    try:
        yield
    finally:
        for one, handler in before:
            signal.signal(one, handler)
