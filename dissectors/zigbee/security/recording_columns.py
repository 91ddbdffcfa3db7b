"""What becomes of many secured frames: verdict, reason, key and counter, put down alike for NWK and APS.

What `dissectors.security.recording` is for one frame.
"""

from __future__ import annotations

import numpy as np

from dissectors.security.counter_columns import CounterUses
from dissectors.security.counters import REPLAYED, FrameCounters
from dissectors.security.recording import CODE_DOES_NOT_MATCH, SecuredLayer
from dissectors.security.verdicts import BAD_MIC, OK, REPLAY, VERDICTS
from dissectors.vectors import Index, distinct
from dissectors.zigbee.columns.frames import Frames
from dissectors.zigbee.security.verdict_columns import Proofs

__all__ = ["record_many"]


def record_many(frames: Frames, layer: SecuredLayer, proofs: Proofs, uses: CounterUses | None) -> Index:
    """Put down what became of the frames of `proofs`; `uses` are the counters of those that were opened.

    Returns the places in `proofs` of those that were not opened.
    """
    opened = np.flatnonzero(proofs.opened.ok)
    frames.proofs.append(proofs)
    frames.opened_layers[proofs.rows[opened]] += 1
    if uses is not None:
        frames.uses.append(uses)
        replays = uses.replays(frames.context.state(FrameCounters), layer.patience_ns)
        for use in np.flatnonzero(replays).tolist():
            proofs.verdict[opened[use]] = REPLAY
            frames.issues.setdefault(int(uses.row[use]), REPLAYED)
    out, keys = frames.out, proofs.keys()
    out.put_words(f"{layer.column}_security", proofs.rows, proofs.verdict, VERDICTS)
    out.put_words(f"{layer.column}_key", proofs.rows[opened], keys[1], [key.origin for key in keys[0]])
    _put_reasons(frames, layer, proofs)
    for row in proofs.rows[proofs.verdict == BAD_MIC].tolist():
        frames.issues.setdefault(row, CODE_DOES_NOT_MATCH)
    return np.flatnonzero(~proofs.opened.ok)


def _put_reasons(frames: Frames, layer: SecuredLayer, proofs: Proofs) -> None:
    """Why frames are not ``ok``: a sentence for each group, and for those of it that are at fault."""
    bad = np.flatnonzero(proofs.verdict != OK)
    verdict = proofs.verdict[bad]
    kinds, which = distinct(
        np.where(verdict == REPLAY, -1, proofs.group[bad].astype(np.int64) << 1 | (verdict == BAD_MIC))
    )
    texts = [
        REPLAYED if kind < 0 else proofs.groups[kind >> 1].reason(frames.context, bool(kind & 1))
        for kind in kinds.tolist()
    ]
    if texts:
        frames.out.put_words(f"{layer.column}_reason", proofs.rows[bad], which, texts)
