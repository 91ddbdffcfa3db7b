"""Growing a corpus: of many inputs those that reach what no smaller one reaches.

What an input reaches is the set of steps from one line to the next in our packages, each with how often it was taken
(1, 2, 3 to 4, 5 to 8 ... times), which is what libFuzzer counts as well.
"""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from types import FrameType
from typing import Any

from tests.fuzz.mutation import mutated
from tests.fuzz.target import Target

__all__ = ["grown", "reached"]

ROOT = str(Path(__file__).parents[2])
OURS = tuple(f"{ROOT}/{name}/" for name in ("dissectors", "captures", "analysis"))
LEAST = 1000


def reached(target: Target, octets: bytes) -> frozenset[int]:
    """The steps that `target` takes with an input."""
    steps: Counter[tuple[str, int, int]] = Counter()
    names: dict[str, bool] = {}

    def called(frame: FrameType, event: str, _: Any) -> Any:
        name = frame.f_code.co_filename
        ours = names.get(name)
        if ours is None:
            ours = names[name] = name.startswith(OURS)
        if not ours:
            return None
        last = [0]

        def line(inner: FrameType, what: str, _: Any) -> Any:
            if what == "line":
                steps[name, last[0], inner.f_lineno] += 1
                last[0] = inner.f_lineno
            return line

        return line

    sys.settrace(called)
    try:
        target.check(octets)
    except Exception:
        pass  # a failure is told by whoever tries it; here only the way counts
    finally:
        sys.settrace(None)
    return frozenset(hash((*step, count.bit_length())) for step, count in steps.items())


def grown(target: Target, inputs: Iterable[bytes], seconds: float = 60.0) -> list[bytes]:
    """The inputs to keep: those that reach something new, the smallest first; then, up to `LEAST`, mutations of them
    whose way through the code no other entry takes; when `seconds` are over, mutations of any way."""
    held = sorted({i for i in inputs if len(i) <= target.limit}, key=lambda entry: (len(entry), entry))
    known: set[int] = set()
    ways: set[frozenset[int]] = set()
    kept: list[bytes] = []
    chance, until = random.Random(1), time.monotonic() + seconds

    def taken(entry: bytes, *, another: bool) -> None:
        if entry in kept:
            return
        way = reached(target, entry)
        if way - known or (another and way not in ways):
            kept.append(entry)
        known.update(way)
        ways.add(way)

    for entry in held:
        taken(entry, another=False)
    for entry in held:
        if len(kept) >= LEAST or time.monotonic() > until:
            break
        taken(entry, another=True)
    while len(kept) < LEAST and time.monotonic() < until:
        taken(mutated(chance.choice(kept), chance, kept)[: target.limit], another=True)
    while len(kept) < LEAST:
        entry = mutated(chance.choice(kept), chance, kept)[: target.limit]
        if entry not in kept:
            kept.append(entry)
    return kept
