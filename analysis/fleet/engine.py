"""Where the tasks of a fleet are carried out: in this process, by processes of this machine, or on a cluster of dask.

Strategy: a scheduler is never given more tasks than its workers can do soon, so neither its memory nor the work that is
lost when it dies grows with the fleet. A worker that dies takes nothing with it: its task is given to another one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Generic, Protocol, TypeVar

from analysis.fleet.locations import FleetError
from analysis.fleet.store import Entry

__all__ = ["Work", "carried_out"]

AHEAD = 3
"""Tasks given for each worker."""
RETRIES = 2
MEMORY = "1GiB"
"""What a worker process of this machine may take; it is begun anew beyond."""
SECONDS = 30
"""How long a cluster may take to answer at first."""


class Task(Protocol):
    """What a worker is told; its name is that of no other."""

    @property
    def name(self) -> str: ...


T = TypeVar("T", bound=Task)


class Work(Generic[T]):
    """What is done with a task, and what stands for one that could not be done. Both are sent to workers.

    Attributes:
        done: what comes of a task; `FleetError` and OSError let it be tried again.
        failed: what stands for a task that failed for good.
    """

    def __init__(self, done: Callable[[T], Entry], failed: Callable[[T, BaseException], Entry]) -> None:
        self.done = done
        self.failed = failed


def carried_out(
    work: Work[T], tasks: Sequence[T], scheduler: str = "local", workers: int | None = None
) -> Iterator[Entry]:
    """Carry out tasks; what came of each, in the order in which they end.

    Args:
        work: what is done with each of them.
        tasks: each of another name.
        scheduler: ``none`` for this process, ``local`` for processes of this machine, or the address of a scheduler
            (``tcp://host:port``, ``tls://host:port`` with the certificates that dask's configuration names).
        workers: processes of this machine; one a processor by default.

    Raises:
        FleetError: dask is not installed, or there is no such scheduler.
    """
    if scheduler == "none":
        return (_tried(work, task) for task in tasks)
    if scheduler != "local" and "://" not in scheduler:
        raise FleetError(f"no scheduler {scheduler!r}", "local, none, or an address: tcp://host:port")
    return _by_dask(work, tasks, scheduler, workers)


def _tried(work: Work[T], task: T) -> Entry:
    """What came of a task; of one that cannot be reached after some tries, that."""
    for attempt in range(RETRIES + 1):
        try:
            return work.done(task)
        except Exception as error:
            if attempt == RETRIES or not isinstance(error, FleetError | OSError):
                return work.failed(task, error)
    raise AssertionError("unreachable")


def _by_dask(work: Work[T], tasks: Sequence[T], scheduler: str, workers: int | None) -> Iterator[Entry]:
    with _client(scheduler, workers) as client:
        completed: Any = import_module("distributed").as_completed
        waiting = iter(tasks)
        given: dict[str, T] = {}

        def give() -> Any:
            task = next(waiting, None)
            if task is None:
                return None
            given[task.name] = task
            return client.submit(work.done, task, key=f"hanscope-{task.name}", retries=RETRIES, pure=True)

        many = AHEAD * max(len(client.scheduler_info(n_workers=-1)["workers"]), 1)
        first = [future for _ in range(many) if (future := give()) is not None]
        done = completed(first)
        for future in done:
            task = given.pop(future.key.removeprefix("hanscope-"))
            error = future.exception() if future.status != "cancelled" else FleetError("cancelled")
            yield future.result() if error is None else work.failed(task, error)
            future.release()
            if (more := give()) is not None:
                done.add(more)


@contextmanager
def _client(scheduler: str, workers: int | None) -> Iterator[Any]:
    """A client of the scheduler that is named; processes of this machine end with it."""
    try:
        distributed: Any = import_module("distributed")
    except ImportError:
        raise FleetError(
            "a cluster needs dask", "pip install 'hanscope[fleet]', or --scheduler none"
        ) from None
    dask: Any = import_module("dask")

    # Tasks that kill their workers are told after so many; nobody may look into workers over a network.
    with dask.config.set(
        {"distributed.scheduler.allowed-failures": RETRIES, "distributed.admin.log-length": 0}
    ):
        if scheduler != "local":
            try:
                with distributed.Client(scheduler, timeout=SECONDS) as client:
                    yield client
            except (OSError, TimeoutError) as error:
                raise FleetError(f"{scheduler}: no scheduler answers ({type(error).__name__})") from None
            return
        with (
            distributed.LocalCluster(
                n_workers=workers, threads_per_worker=1, processes=True, memory_limit=MEMORY,
                dashboard_address=None, silence_logs=50, host="127.0.0.1",
            ) as cluster,
            distributed.Client(cluster) as client,
        ):  # fmt: skip
            yield client
