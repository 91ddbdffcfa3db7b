"""Rows of closed exchanges to a batch of the table `exchanges`."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.exchanges.kinds import KINDS, OUTCOMES
from analysis.exchanges.records import NONE, Words, cluster_of
from analysis.tables.batches import batch_with
from dissectors.vectors import Columns

__all__ = ["exchange_batch"]

NUMBERS = ("exchange", "initiator", "responder", "first_frame", "last_frame", "frames", "retries")


def exchange_batch(rows: npt.NDArray[Any], words: Words, capture: str, vocabulary: Any) -> Any:
    """Rows as a batch; see `analysis.tables.schema` for the columns."""
    count = len(rows)
    out, every = Columns(count), np.ones(count, np.bool_)
    for name in NUMBERS:
        out.fill(name, np.ascontiguousarray(rows[name]), every)
    out.fill("start", np.ascontiguousarray(rows["start"]), every)
    out.fill("end", np.ascontiguousarray(rows["end"]), every)
    out.put_words("capture", np.arange(count), 0, (capture,), every)
    out.fill_words("kind", rows["kind"], tuple(kind.name for kind in KINDS), every)
    out.fill_words("outcome", rows["outcome"], OUTCOMES, every)
    for name, column in (
        ("status", "status"),
        ("name", "name"),
        ("use_case", "use_case"),
        ("missing", "missing_words"),
    ):
        out.fill_words(name, np.maximum(rows[column], 0), words or ("",), rows[column] != NONE)
    asked = (rows["answered"] > 0) & (rows["answered"] >= rows["start"]) & ((rows["missing"] & 1) == 0)
    seconds = (rows["answered"] - rows["start"]) / 1e9
    out.fill("time_to_answer", np.where(asked, seconds, 0.0), asked)
    cluster = cluster_of(rows["code"])
    out.fill("cluster", np.maximum(cluster, 0).astype(np.uint16), cluster != NONE)
    for name in ("parent", "message"):
        out.fill(name, np.ascontiguousarray(rows[name]), rows[name] > 0)
    return batch_with("exchanges", out, vocabulary)
