"""A live source as the inspector shows it: what has come of it, again and again.

Strategy: one thread decodes what comes into tables that grow; another one makes of them what is shown, seldom enough that
it costs a fraction of the time. What a sniffer records is held up by neither (`captures.live`).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from threading import Thread
from typing import Any, NamedTuple, Protocol

from analysis.inspector.content import Content
from analysis.pipeline.freed_memory import give_back_after
from analysis.pipeline.heard_tables import HeardTables
from analysis.pipeline.live import run_live
from analysis.pipeline.message_store import MessageStore
from analysis.pipeline.passes import DECODED_TABLES, DecodedBlock, DecodePass
from analysis.pipeline.session import Hindsight
from analysis.pipeline.sinks import Sink
from analysis.pipeline.source import ReopenableSource
from analysis.tables.addresses import with_addresses
from analysis.tables.frames import frame_of
from captures import CaptureError, CaptureFacts, FrameBlock
from captures.block import cut
from captures.live import LiveCapture
from dissectors import Keyring

__all__ = ["Heard", "Listening"]

MOST_FRAMES = 40_000
"""Frames that are shown, at most, and half of them at least."""
OFTEN, SHARE = 0.15, 4
"""Seconds between two looks, at least; and how many times as long as the last one took."""
LATELY = 10.0
"""Seconds of which the rate is."""
SLOWLY = 0.5
"""Seconds between two looks at devices, and at what was learnt."""


class Kept(LiveCapture):
    """What is asked of a live source (`analysis.live.kept_frames`)."""

    def kept(self) -> list[FrameBlock]:
        """The last frames."""
        raise NotImplementedError


class Judging(Protocol):
    """Judges what it is given (`analysis.live.judging`)."""

    @property
    def findings(self) -> Mapping[Any, Any]:
        """Those that stand."""

    def restart(self, decode_pass: DecodePass) -> None: ...
    def take(self, block: DecodedBlock) -> None: ...
    def look(self) -> Iterable[Any]: ...
    def finish(self) -> Iterable[Any]: ...
    def snapshot(self) -> int: ...
    def rewind(self, decode_pass: DecodePass, saved: int) -> None: ...
    def close(self) -> None: ...


class Heard(NamedTuple):
    """What there is of a live source: as much of it as is shown, findings that stand, and how it goes, in words."""

    content: Content
    findings: Sequence[Any]
    words: str


class Listening(Sink):
    """Listens to a live source.

    Args:
        live: it.
        keyring: keys to try.
        judge: says what is wrong; nobody does where there is none.
        most: frames that are shown, at most.
    """

    tables = DECODED_TABLES

    def __init__(
        self, live: Kept, keyring: Keyring, judge: Judging | None = None, most: int = MOST_FRAMES
    ) -> None:
        self.live, self.keyring, self.judge = live, keyring, judge
        self.frames, self.trouble, self._left = 0, "", False
        self._heard, self._messages = HeardTables(most), MessageStore()
        self._learnt, self._facts = Hindsight(), CaptureFacts(live.name)
        self._pass: DecodePass | None = None
        self._findings: tuple[Any, ...] = ()
        self._number, self._first, self._due = 0, 1, 0.0
        self._counts = deque([(time.monotonic(), 0)])
        self._thread = Thread(target=self._decode, name="decode", daemon=True)

    def heard(self) -> Iterator[Heard]:
        """What there is, whenever it is more than before; to its end."""
        self._thread.start()
        shown: tuple[Any, ...] = ()
        while True:
            self._heard.wait(OFTEN)
            ended, now = self._heard.ended, (self.frames, self._findings, self._heard.changed)
            if now != shown or ended:
                shown, began = (self.frames, self._findings, False), time.monotonic()
                yield Heard(self._content(ended=ended), self._findings, self._words(ended=ended))
                if ended:
                    return
                self._heard.rest(max(OFTEN, SHARE * (time.monotonic() - began)))

    def stop(self) -> None:
        """Listen no more; what is not judged yet nobody waits for."""
        self._left = True
        self.live.stop()
        if self._thread.ident is not None:
            self._thread.join(10)

    def _decode(self) -> None:
        try:
            run_live(self.live, self.keyring, self)
        except CaptureError as error:
            self.trouble = str(error)
        finally:
            self._heard.end()

    # --- what decoding gives

    def restart(self, decode_pass: DecodePass) -> None:
        self._pass = decode_pass
        self._messages.restart(decode_pass)
        if self.judge is not None:
            self.judge.restart(decode_pass)

    def take(self, block: DecodedBlock) -> None:
        batches = dict(block.batches)
        if time.monotonic() >= self._due:
            batches |= self._look(block.decode_pass)
        self._heard.take(batches, block.frames)
        give_back_after(self.frames, block.frames)
        self.frames = block.frames
        if self.judge is not None:
            self.judge.take(block)
        self.quiet()

    def quiet(self) -> None:
        if self.judge is not None:
            self._judged(self.judge.look())
        if self._pass is not None and time.monotonic() >= self._due:
            self._heard.take(self._look(self._pass), self.frames)

    def snapshot(self) -> tuple[int, int]:
        self._number += 1
        self._heard.mark(self._number)
        return self._number, 0 if self.judge is None else self.judge.snapshot()

    def rewind(self, decode_pass: DecodePass, saved: tuple[int, int]) -> None:
        self._pass = decode_pass
        self._messages.rewind(decode_pass, None)
        self._heard.back(saved[0])
        if self.judge is not None:
            self.judge.rewind(decode_pass, saved[1])

    def end(self, decode_pass: DecodePass) -> None:
        self._heard.take(self._look(decode_pass), self.frames)
        if self.judge is not None and self._left:
            self.judge.close()
        elif self.judge is not None:
            self._judged(self.judge.finish())

    def abandon(self) -> None:
        if self.judge is not None:
            self.judge.close()

    def _judged(self, changes: Iterable[Any]) -> None:
        if [*changes] and self.judge is not None:
            self._findings = tuple(self.judge.findings.values())

    def _look(self, decode_pass: DecodePass) -> dict[str, Any]:
        """The tables that are told as they stand; and what was learnt."""
        self._due = time.monotonic() + SLOWLY
        self._learnt, self._facts = decode_pass.session.learnt(), decode_pass.facts
        self._messages.let_go(self._first)
        return decode_pass.snapshot_tables()

    # --- what is shown

    def _words(self, *, ended: bool) -> str:
        """How it goes."""
        lost = f", {self.live.dropped:,} not shown" if self.live.dropped else ""
        if ended:
            return self.trouble or f"the source has ended{lost}"
        self._counts.append((time.monotonic(), self.frames))
        while self._counts[-1][0] - self._counts[0][0] > LATELY:
            self._counts.popleft()
        (began, before), (now, frames) = self._counts[0], self._counts[-1]
        return f"live, {(frames - before) / max(now - began, 1.0):.1f} a second{lost}"

    def _content(self, *, ended: bool) -> Content:
        tables, blocks = self._heard.heard().window.tables, self.live.kept()
        packets = tables["packets"]
        first = max(_first(packets), int(blocks[0].number[0]) if blocks else 1)
        packets, blocks = _since(packets, blocks, first)
        self._first = first
        return Content(
            self.live.name, None, frame_of("packets", packets), with_addresses("devices", tables["devices"]), blocks,
            self._messages, self.keyring, self._learnt, self._facts, ended, lambda: self._again(first, blocks), first,
            {name: table for name, table in tables.items() if name != "packets"},
        )  # fmt: skip

    def _again(self, first: int, blocks: Iterable[FrameBlock]) -> ReopenableSource:
        """The frames that are kept, as a capture. Raises CaptureError: not all are there."""
        if first > 1:
            text = f"the frames before {first} are not kept: record it, and look at the file"
            raise CaptureError(self.live.name, None, text)
        return ReopenableSource(blocks, name=self.live.name)


def _first(packets: Any) -> int:
    return int(packets.column("frame")[0].as_py()) if len(packets) else 1


def _since(packets: Any, blocks: list[FrameBlock], first: int) -> tuple[Any, list[FrameBlock]]:
    """The packets and frames from one on."""
    at = first - _first(packets)
    kept = [one for one in blocks if int(one.number[-1]) >= first]
    if kept and int(kept[0].number[0]) < first:
        kept[0] = cut(kept[0], first - int(kept[0].number[0]), len(kept[0]))
    return packets.slice(max(at, 0)), kept
