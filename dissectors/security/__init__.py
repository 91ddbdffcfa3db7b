"""Security of every layer: which keys come into question, which have proved to be right, frame counters, verdicts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dissectors.modules.lazy_names import public_names

if TYPE_CHECKING:
    from dissectors.security.candidates import Candidates as Candidates
    from dissectors.security.candidates import Openings as Openings
    from dissectors.security.counters import FrameCounters as FrameCounters
    from dissectors.security.key_proofs import KeyChanges as KeyChanges
    from dissectors.security.key_proofs import KeyProofs as KeyProofs
    from dissectors.security.verdicts import VERDICTS as VERDICTS


__getattr__, __dir__, __all__ = public_names(
    __name__,
    {
        "candidates": "Candidates Openings",
        "counters": "FrameCounters",
        "key_proofs": "KeyChanges KeyProofs",
        "verdicts": "VERDICTS",
    },
)
