"""What the inspector shows of a capture: read from a file to its end, or of a live source as far as it has come."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from analysis.pipeline.decode import Progress, decode
from analysis.pipeline.message_store import MessageStore
from analysis.pipeline.session import Hindsight
from analysis.pipeline.source import ReopenableSource
from analysis.tables.addresses import with_addresses
from analysis.tables.arrow import empty_table
from analysis.tables.frames import frame_of
from captures import CaptureFacts, FrameBlock
from dissectors import Keyring

__all__ = ["Content", "nothing_yet", "read_content"]

TABLES = ("packets", "devices", "exchanges")
"""The last two give frames the number of theirs."""


@dataclass
class Content:
    """A capture, or as much of one as was read.

    Attributes:
        name: how people call it; `path`: where it lies, if it is a file.
        packets: the table, as a pandas frame; `devices`: as `pyarrow.Table`.
        blocks: its frames; as many as `packets` has rows, or more behind them.
        messages: those that its frames carry.
        learnt: what its frames taught.
        whole: nothing more will come; `first`: the first frame that is there.
        tables: other tables that are there; the rest is read from `source` when it is asked for.
        source: it, to be read again.
    """

    name: str
    path: Path | None
    packets: Any
    devices: Any
    blocks: list[FrameBlock]
    messages: MessageStore
    keyring: Keyring
    learnt: Hindsight
    facts: CaptureFacts
    whole: bool
    source: Callable[[], ReopenableSource]
    first: int = 1
    tables: Mapping[str, Any] = field(default_factory=dict)


def read_content(
    replay: ReopenableSource,
    keyring: Keyring,
    progress: Progress | None = None,
    limit: int | None = None,
) -> Content:
    """A capture from its start; of a long one the first `limit` frames, and some more.

    Raises:
        CaptureError: it cannot be read.
    """
    messages = MessageStore()
    decoded = decode(replay, keyring, tables=TABLES, progress=progress, sinks=[messages], limit=limit)
    packets = decoded.packets
    with replay.open_merged() as capture:
        blocks = [*_blocks(capture, len(packets))]
    return Content(
        replay.name, replay.path, packets, decoded.table("devices"), blocks, messages, keyring,
        decoded.session.learnt(), decoded.facts, limit is None or decoded.session.frames < limit, lambda: replay,
    )  # fmt: skip


def nothing_yet(name: str, keyring: Keyring) -> Content:
    """What there is of a live source before anything came."""
    devices = with_addresses("devices", empty_table("devices"))
    return Content(
        name, None, frame_of("packets", empty_table("packets")), devices, [], MessageStore(), keyring, Hindsight(),
        CaptureFacts(name), whole=False, source=lambda: ReopenableSource([], name=name),
    )  # fmt: skip


def _blocks(capture: Iterable[FrameBlock], count: int) -> Iterator[FrameBlock]:
    """The first blocks, up to those that hold so many records."""
    for block in capture:
        if count <= 0:
            return
        yield block
        count -= len(block)
