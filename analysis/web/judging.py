"""What takes its time, by a process of its own: findings, diagnoses and reports of captures; no page waits for them.

Strategy: the process ends when the server does, however that ends: it waits at a pipe of which the server holds the
other end.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Lock, Thread
from typing import Any

from dissectors import Keyring

__all__ = ["Judge", "Judged", "compared", "diagnosed", "judged", "redacted", "reported"]

Judged = tuple[dict[str, Any], bytes]
Keys = Callable[[], Keyring]
"""Gives the keys to try; a process of its own reads them itself, because they cannot be sent."""


def judged(path: Path, keys: Keys, profile: str | None) -> Judged:
    """What `hanscope check --json` says of a capture, and the table of findings as an Arrow stream.

    Args:
        path: of the capture.
        profile: of rules.

    Raises:
        CaptureError: it cannot be read.
    """
    import pyarrow as pa

    from analysis.engine.checking import check_capture
    from analysis.findings.findings_output import findings_batch, to_json

    result = check_capture(path, keys(), profile=profile).result
    batch, sink = findings_batch(result.findings), pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    told = to_json(result, path.name)
    return {name: value for name, value in told.items() if name != "verdicts"}, sink.getvalue().to_pybytes()


def diagnosed(path: Path, keys: Keys, profile: str | None) -> dict[str, Any]:
    """What `hanscope why --json` says of all devices of a capture. Raises as `judged`."""
    from analysis.diagnosis import diagnose

    told: dict[str, Any] = diagnose(path, keys(), profile=profile).to_json()
    return told


def reported(path: Path, keys: Keys, profile: str | None, name: str = "") -> str:
    """The page that `hanscope report` writes of a capture, under a name. Raises as `judged`."""
    from analysis.engine.checking import check_capture
    from analysis.pipeline.message_store import MessageStore
    from analysis.pipeline.source import ReopenableSource
    from analysis.report import Tally, render_tally
    from analysis.report.named_frames import named_frames

    store, ring = MessageStore(), keys()
    with ReopenableSource(path) as replay:
        checked = check_capture(replay, ring, profile=profile, watcher=Tally, sinks=[store])
        shown = named_frames(replay, ring, checked.result, checked.reading)
    lost = [one.text for one in checked.reading.facts.lost]
    return render_tally(checked.watcher, checked.result, lost, name, store, shown)


def compared(path: Path, keys: Keys, profile: str | None, other: Path) -> dict[str, Any]:
    """What `hanscope diff --json` says of a good capture and another one. Raises as `judged`."""
    from analysis.pipeline.decode import decode
    from analysis.views.diff import TABLES, compare

    return compare(*(decode(one, keys(), tables=TABLES) for one in (path, other))).to_json()


def redacted(path: Path, keys: Keys, profile: str | None, numbers: Sequence[int] | None, out: Path) -> None:
    """Write a capture, or some of its frames, so that it may be given away; as `hanscope redact`. Raises as `judged`."""
    from analysis.pipeline.source import ReopenableSource
    from analysis.redaction import Pseudonyms, redact_capture
    from captures import write_capture

    with ReopenableSource(path) as replay:
        frames = redact_capture(replay, keys(), Pseudonyms()).frames
    wanted = None if numbers is None else set(numbers)
    kept = (frame for number, frame in enumerate(frames, 1) if wanted is None or number in wanted)
    with out.open("wb") as file:
        write_capture(file, kept)


class Judge:
    """One process that judges one capture after the other."""

    def __init__(self, keys: Keys = Keyring, profile: str | None = None) -> None:
        self.keys, self.profile = keys, profile
        self._lock = Lock()
        self._pool: ProcessPoolExecutor | None = None
        self._held: Connection | None = None

    def ask(self, what: Callable[..., Any], path: Path, *more: Any) -> Future[Any]:
        """What comes of it, once it is its turn."""
        with self._lock:
            for _ in range(2):
                pool = self._pool or self._begun()
                try:
                    return pool.submit(what, path, self.keys, self.profile, *more)
                except BrokenProcessPool:  # the process is gone: another one goes on
                    self._let_go()
            raise BrokenProcessPool("the process that judges cannot be kept alive")

    def _begun(self) -> ProcessPoolExecutor:
        context = multiprocessing.get_context("spawn")
        theirs, self._held = context.Pipe(duplex=False)
        self._pool = ProcessPoolExecutor(1, mp_context=context, initializer=_end_with, initargs=(theirs,))
        return self._pool

    def _let_go(self) -> None:
        if self._held is not None:
            self._held.close()
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
        self._pool = self._held = None

    def close(self) -> None:
        """End the process, also in the midst of its work."""
        with self._lock:
            self._let_go()


def _end_with(pipe: Connection) -> None:
    """End this process when nobody holds the other end of a pipe any more."""

    def wait() -> None:
        with suppress(EOFError, OSError):
            pipe.recv()
        os._exit(0)

    Thread(target=wait, name="end with the server", daemon=True).start()
