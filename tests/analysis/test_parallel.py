"""Work shared out among processes: the same as done here, whatever happens to the others."""

import errno
import multiprocessing
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from analysis.engine import checking
from analysis.engine.checking import check
from analysis.keys.keyfile import read_keys
from analysis.pipeline.decode import decode
from analysis.pipeline.parallel import map_forked, processors
from analysis.rules.registry import REGISTRY, rules
from captures.simulated.scenarios import simulate
from captures.simulated.scenarios.keyfile import keys_text
from captures.simulated.scenarios.recording import write_han

copies = pytest.mark.skipif(
    processors() == 1, reason="no safe copies here: see test_without_threads.py, which runs these"
)
REPLACED = "weak-signal"


@pytest.mark.parametrize("processes", [1, 2, 3, 5])
def test_each_piece_is_done_once_and_in_its_place(processes: int) -> None:
    assert map_forked(lambda piece: piece * piece, 20, processes) == [n * n for n in range(20)]
    assert map_forked(lambda piece: piece, 0, processes) == []


@copies
def test_several_processes_take_part() -> None:
    def work(piece: int) -> int:
        for _ in range(200_000):
            pass
        return os.getpid()

    assert len(set(map_forked(work, 40, 2))) == 2


@copies
def test_what_a_killed_process_leaves_is_done_here() -> None:
    here = os.getpid()

    def work(piece: int) -> int:
        if os.getpid() != here:
            os.kill(os.getpid(), signal.SIGKILL)
        return piece

    assert map_forked(work, 30, 2) == list(range(30))


def test_a_worker_of_a_pool_works_alone() -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(processors) == 1


@copies
def test_without_room_for_a_process_the_work_is_done_here(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> int:
        raise OSError(errno.EAGAIN, "no more processes")

    monkeypatch.setattr(os, "fork", refused)
    assert map_forked(lambda piece: piece, 5, 3) == list(range(5))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("home")
    han = simulate("install-day", seed=5, seconds=900, faults=["counter-reset"])
    write_han(han, folder / "han.pcapng")
    Path(folder / "keys.toml").write_text(keys_text(han), encoding="utf-8")
    return decode(str(folder / "han.pcapng"), read_keys(folder / "keys.toml"))


class Untold(Exception):
    """Cannot be sent to another process: it is not made from what it says."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


@copies
def test_rules_that_are_shared_out_say_the_same(home: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(view: Any, *_: Any, **__: Any) -> Any:
        raise Untold(1, 2)

    rules()
    monkeypatch.setitem(REGISTRY, REPLACED, replace(REGISTRY[REPLACED], function=breaks))
    here = check(home)
    monkeypatch.setattr(checking, "SHARED_FROM", 1)
    shared = check(home)
    assert here.findings and here.findings == shared.findings
    assert here.verdicts == shared.verdicts
    assert here.incidents == shared.incidents
    assert list(here.failures) == list(shared.failures) == [REPLACED]
    assert str(shared.failures[REPLACED]) == "Untold: 1 and 2"
