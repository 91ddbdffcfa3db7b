"""One block of frames to one record batch a table: where the column path and the one-frame path meet."""

from __future__ import annotations

from typing import Any

import numpy as np

from analysis.pipeline.ceilings import keep_within
from analysis.pipeline.columns import frame_batches
from analysis.pipeline.session import Session
from analysis.tables.arrow import batch_of, check_batch, numpy_of
from analysis.tables.batches import appended, with_numbers_in
from analysis.tables.vocabulary import Vocabulary
from captures.block import NO_TIME, FrameBlock
from dissectors.zigbee import StatelessLayers

__all__ = ["FRAME_TABLES", "decode_block", "exchange_batches", "message_batches"]

FRAME_TABLES = ("packets", "attributes", "commands")
MESSAGE_TABLES = ("messages", "items", "events")


def decode_block(
    block: FrameBlock, session: Session, stateless: StatelessLayers | None = None
) -> dict[str, Any]:
    """The batches that `block` gives, by table; the session takes along what the next block has to know.

    Every record of the block is one row of `packets`. A block gives one batch a table, however many pieces
    `analysis.pipeline.columns` has to read it in. `stateless` holds what was read ahead.
    """
    if len(block) and int(block.time_ns[-1]) != NO_TIME:
        session.last_time = int(block.time_ns[-1])
    pieces = [
        _completed(batches, count, session) for count, batches in frame_batches(block, session, stateless)
    ]
    batches = (
        pieces[0]
        if len(pieces) == 1
        else {
            table: appended(table, [one[table] for one in pieces if table in one])
            for table in dict.fromkeys(name for one in pieces for name in one)
        }
    )
    batches |= exchange_batches(session, batches)
    session.context.state(Vocabulary).keep_within()
    return batches


def exchange_batches(session: Session, batches: dict[str, Any] | None = None) -> dict[str, Any]:
    """The exchanges that are over behind a block, and its packets with theirs; all that are left where there is none."""
    tracker = session.exchanges
    if tracker is None:
        return {}
    out = {}
    if batches is None:
        rows = tracker.finish()
    else:
        exchange, rows = tracker.take(batches)
        out["packets"] = with_numbers_in("packets", batches["packets"], "exchange", exchange)
    if len(rows):
        out["exchanges"] = tracker.batch(rows, session.capture, session.context.state(Vocabulary))
    return out


def _completed(batches: dict[str, Any], count: int, session: Session) -> dict[str, Any]:
    """`batches` with those of messages that were completed, and counted for the tables that come last."""
    packets = batches["packets"]
    if session.wants("devices"):
        session.radios.count(packets)
    if session.wants("keys"):
        _count_opened(packets, session)
    session.frames += count
    keep_within(session)
    batches |= message_batches(session)
    return {table: check_batch(table, batch) for table, batch in batches.items() if session.wants(table)}


def message_batches(session: Session) -> dict[str, Any]:
    """The batches of the messages that wait in the session, which then wait no more."""
    out = {}
    for table in MESSAGE_TABLES:
        rows: list[dict[str, Any]] = getattr(session, table)
        if rows and session.wants(table):
            out[table] = batch_of(table, rows, session.refuse)
        rows.clear()
    return out


def _count_opened(packets: Any, session: Session) -> None:
    for column in ("mac_key", "nwk_key", "aps_key"):
        array = packets.column(column)
        codes, valid = numpy_of(array)
        if not valid.any():
            continue
        words = array.dictionary.to_pylist()
        for word, count in zip(words, np.bincount(codes[valid], minlength=len(words)).tolist(), strict=True):
            session.opened[word] += count
