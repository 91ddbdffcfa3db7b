"""One block of frames to one record batch a table: where the column path and the one-frame path meet."""

from __future__ import annotations

from typing import Any

import numpy as np

from analysis.rows import dissect_rows
from analysis.session import Session
from analysis.tables import batch_of, check_batch, numpy_of
from captures.block import FrameBlock

__all__ = ["FRAME_TABLES", "decode_block"]

FRAME_TABLES = ("packets", "attributes", "commands")
MESSAGE_TABLES = ("messages", "items")


def decode_block(block: FrameBlock, session: Session) -> dict[str, Any]:
    """The batches that `block` gives, by table; the session takes along what the next block has to know.

    Every record of the block is one row of `packets`.
    """
    batches = _frame_batches(block, session)
    packets = batches["packets"]
    if session.wants("devices"):
        session.radios.count(packets)
    if session.wants("keys"):
        _count_opened(packets, session)
    session.frames += len(block)
    for table in MESSAGE_TABLES:
        rows: list[dict[str, Any]] = getattr(session, table)
        if rows and session.wants(table):
            batches[table] = batch_of(table, rows, session.refuse)
        rows.clear()
    return {table: check_batch(table, batch) for table, batch in batches.items() if session.wants(table)}


def _frame_batches(block: FrameBlock, session: Session) -> dict[str, Any]:
    rows = dissect_rows(block, session)
    return {table: batch_of(table, rows.of(table), session.refuse) for table in FRAME_TABLES}


def _count_opened(packets: Any, session: Session) -> None:
    for column in ("nwk_key", "aps_key"):
        array = packets.column(column)
        codes, valid = numpy_of(array)
        if not valid.any():
            continue
        words = array.dictionary.to_pylist()
        for word, count in zip(words, np.bincount(codes[valid], minlength=len(words)).tolist(), strict=True):
            session.opened[word] += count
