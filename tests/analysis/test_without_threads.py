"""What copies this process is tested in a process that has one thread, as the command has: pytest's own has more."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from analysis.cli import SINGLE_THREADED
from analysis.pipeline.parallel import processors
from tests.benchmarks.traffic import write_pcap

HERE = Path(__file__).parent
needs_processors = pytest.mark.skipif(
    sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2,
    reason="one processor, or no safe copies here",
)
WATCHED = """
import os, sys
from analysis.pipeline import parallel
copied, init = [], parallel.ForkedProcess.__init__
def watched(self, *parts):
    copied.append(len(os.listdir("/proc/self/task")))
    init(self, *parts)
parallel.ForkedProcess.__init__ = watched
from analysis.cli import main
code = main(sys.argv[1:])
assert code == 0, code
sys.exit(0 if copied and set(copied) == {1} else f"copied with threads: {copied}")
"""


@needs_processors
@pytest.mark.parametrize("name", ["test_prefetch.py", "test_parallel.py", "test_writer_process.py"])
def test_in_a_process_of_one_thread(name: str) -> None:
    command = [sys.executable, "-m", "pytest", "-p", "no:xdist", "-p", "no:cacheprovider", str(HERE / name)]
    done = subprocess.run(
        command, env={**os.environ, **SINGLE_THREADED}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert not re.search(r"\bskipped\b", done.stdout), done.stdout[-500:]


def test_a_process_with_threads_is_not_copied() -> None:
    leave = threading.Event()
    other = threading.Thread(target=leave.wait)
    other.start()
    try:
        assert processors() == 1
    finally:
        leave.set()
        other.join()


@needs_processors
@pytest.mark.parametrize("verb", ["check", "stats"])
def test_the_command_copies_itself_before_it_has_threads(verb: str, tmp_path: Path) -> None:
    """Python 3.12 and later warn of a fork with threads, also with those of libraries: here that is an error."""
    path = tmp_path / "long.pcap"
    write_pcap(path, 190_000)  # long enough to be worth a second process
    command = [
        sys.executable,
        "-W",
        "error::DeprecationWarning:multiprocessing",
        "-c",
        WATCHED,
        verb,
        str(path),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
