"""The findings of a capture, by a process of its own: rules take their time, and pages should not wait for them."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any

from dissectors import Keyring

__all__ = ["Judge", "judged"]

Judged = tuple[dict[str, Any], bytes]


def judged(path: Path, keys: Callable[[], Keyring], profile: str | None) -> Judged:
    """What `hanscope check --json` says of a capture, and the table of findings as an Arrow stream.

    Args:
        path: of the capture.
        keys: gives the keys to try; a process of its own reads them itself, because they cannot be sent.
        profile: of rules.

    Raises:
        CaptureError: it cannot be read.
    """
    import pyarrow as pa

    from analysis.engine.checking import check_capture
    from analysis.findings.findings_output import findings_batch, to_json

    result = check_capture(path, keys(), profile=profile).result
    batch, sink = findings_batch(result.findings), pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    told = to_json(result, path.name)
    return {name: value for name, value in told.items() if name != "verdicts"}, sink.getvalue().to_pybytes()


class Judge:
    """One process that runs the rules, over one capture after the other; see `judged`."""

    def __init__(self, keys: Callable[[], Keyring] = Keyring, profile: str | None = None) -> None:
        self.keys, self.profile = keys, profile
        self._lock = Lock()
        self._pool: ProcessPoolExecutor | None = None

    def judge(self, path: Path) -> Future[Judged]:
        """What comes of it, once it is its turn."""
        with self._lock:
            if self._pool is None:
                self._pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))
            return self._pool.submit(judged, path, self.keys, self.profile)

    def close(self) -> None:
        """End the process."""
        with self._lock:
            if self._pool is not None:
                self._pool.shutdown(wait=False, cancel_futures=True)
                self._pool = None
