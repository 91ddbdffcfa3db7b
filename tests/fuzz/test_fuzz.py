"""The short run of fuzzing: a part of each kept corpus played again, some fresh inputs, and the planted faults."""

import random

import pytest

from tests.fuzz import corpus
from tests.fuzz.attempts import Attempts
from tests.fuzz.planted import PLANTS, Plant, found
from tests.fuzz.reader import joined, parted
from tests.fuzz.target import NAMES, target
from tests.fuzz.unguided import fuzz

PLAYED = {"columns": 6}
FRESH = {"columns": 4, "containers": 60, "gbcs": 60, "dlms": 80}


def told(attempts: Attempts) -> str:
    return "\n\n".join(
        f"{attempts.target.name} {attempts.failures[name].hex()}\n{text}"
        for name, text in attempts.texts.items()
    )


@pytest.mark.parametrize("name", NAMES)
def test_kept_inputs_and_fresh_ones(name: str) -> None:
    chosen, kept = target(name), corpus.load(name)
    assert len(kept) >= 1000, "at least 1,000 entries are kept for each target"
    assert all(len(entry) <= chosen.limit for entry in kept)
    attempts = Attempts(chosen)
    for entry in random.Random(name).sample(kept, PLAYED.get(name, 100)):
        attempts.attempt(entry)
    assert not attempts.failures, told(attempts)
    fresh = fuzz(chosen, 0, least=FRESH.get(name, 120))
    assert not fresh.failures, told(fresh)


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.target)
def test_a_planted_fault_is_found(plant: Plant) -> None:
    with_it, without = found(plant, 300)
    assert with_it and not without


def test_a_corpus_is_what_was_saved(tmp_path: object) -> None:
    entries = [b"", b"a", bytes(300), b"ab"]
    corpus.save("gbcs", entries, tmp_path)  # type: ignore[arg-type]
    assert corpus.load("gbcs", tmp_path) == sorted(entries, key=len)  # type: ignore[arg-type]
    assert parted(joined([b"", b"abc", b"x"])) == [b"", b"abc", b"x"]
