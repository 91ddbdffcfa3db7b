"""A source that is still speaking, as the pages look at a capture: it grows, and has no end."""

from __future__ import annotations

import time
from typing import Any

from analysis.findings.model import Finding
from analysis.live.judging import LiveJudge
from analysis.live.kept_frames import KeptFrames
from analysis.pipeline.live import run_live
from analysis.pipeline.passes import DecodedBlock, DecodePass
from analysis.pipeline.sinks import Sink
from analysis.tables.python_values import rows_of
from analysis.web.opened import OpenedCapture
from analysis.web.store import CaptureStore
from dissectors import Keyring

__all__ = ["OpenedLive"]

MOST_FRAMES = 500_000
"""Frames in the packet list, at most."""
OFTEN = 0.5
"""Seconds between two looks at devices and keys."""


class LatestTables(Sink):
    """Keeps those tables of a store up that decoding gives at the end only; hands all to the judge."""

    def __init__(self, store: CaptureStore, judge: LiveJudge) -> None:
        self.store, self.judge = store, judge
        self.decode_pass: DecodePass | None = None
        self._due = 0.0

    def restart(self, decode_pass: DecodePass) -> None:
        self.decode_pass = decode_pass
        self.judge.restart(decode_pass)

    def take(self, block: DecodedBlock) -> None:
        self.judge.take(block)
        if not block.last:
            self.quiet()

    def quiet(self) -> None:
        for _ in self.judge.look():
            pass  # what stands is in the judge
        now = time.monotonic()
        if now < self._due or self.decode_pass is None:
            return
        self._due = now + OFTEN
        for table, batch in self.decode_pass.snapshot_tables().items():
            self.store.put(table, batch)

    def abandon(self) -> None:
        self.judge.close()

    def snapshot(self) -> int:
        return self.judge.snapshot()

    def rewind(self, decode_pass: DecodePass, saved: int) -> None:
        self.decode_pass = decode_pass
        self.judge.rewind(decode_pass, saved)

    def end(self, decode_pass: DecodePass) -> None:
        for _ in self.judge.finish():
            pass


class OpenedLive(OpenedCapture):
    """A live source that is open."""

    def __init__(self, live: KeptFrames, keyring: Keyring, profile: str | None = None) -> None:
        super().__init__(None, keyring, live.name, MOST_FRAMES)
        self.live, self.state = live, "live"
        self.judge = LiveJudge(profile)
        self.latest = LatestTables(self.store, self.judge)

    @property
    def source(self) -> Any:
        return self.live.kept()

    def close(self) -> None:
        super().close()
        self.live.stop()

    def keys(self) -> list[dict[str, Any]] | None:
        rows = [row for batch in self.store.content("keys").batches for row in rows_of(batch)]
        return [{name: value for name, value in row.items() if name != "key"} for row in rows]

    def judged(self) -> list[Finding]:
        return list(self.judge.findings.values())

    def keys_known(self) -> Keyring:
        decode_pass = self.latest.decode_pass
        return self.keyring if decode_pass is None else decode_pass.session.context.keyring

    def _read(self) -> DecodePass:
        return run_live(self.live, self.keyring, self.latest, self.store, self.needs)
