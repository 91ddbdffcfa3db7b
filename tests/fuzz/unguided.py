"""Fuzzing of one target by hypothesis: for Pythons without atheris, and for the short run in `make test`."""

from __future__ import annotations

import random
import time
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.fuzz import corpus
from tests.fuzz.attempts import Attempts
from tests.fuzz.mutation import mutated
from tests.fuzz.target import Target

__all__ = ["fuzz"]

ROUND = 200


def fuzz(
    target: Target, seconds: float, folder: Path | None = None, first: int = 1, least: int = 0
) -> Attempts:
    """Corpus entries changed by `mutated`, and octets of hypothesis, for `seconds` and at least `least` inputs."""
    attempts = Attempts(target, folder)
    begin = time.monotonic()
    entries = sorted({*target.seeds(), *corpus.load(target.name)})
    number = first
    while time.monotonic() - begin < seconds or attempts.tried < least:
        _round(attempts, entries, number, begin + seconds if not least else None)
        number += 1
    return attempts


def _round(attempts: Attempts, entries: list[bytes], number: int, until: float | None) -> None:
    limit = attempts.target.limit

    @seed(number)
    @settings(
        max_examples=ROUND,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(
        st.one_of(
            st.tuples(st.sampled_from(entries), st.integers(0, 1 << 32)), st.binary(max_size=min(limit, 300))
        )
    )
    def one(drawn: bytes | tuple[bytes, int]) -> None:
        if until is not None and time.monotonic() > until:
            return
        if isinstance(drawn, tuple):
            drawn = mutated(drawn[0], random.Random(drawn[1]), entries)
        attempts.attempt(drawn[:limit])

    one()
