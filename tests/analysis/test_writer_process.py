"""Text written by another process: the same octets, and nothing is left whatever happens to it."""

import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from analysis.cli.verbs.decode import StreamSink
from analysis.keys.keyfile import read_keys
from analysis.pipeline import shared_slots, writer_process
from analysis.pipeline.decode import DECODED_TABLES
from analysis.pipeline.folder_sink import FolderSink
from analysis.pipeline.parallel import processors
from analysis.pipeline.passes import CapturePass
from analysis.pipeline.runner import run_passes
from analysis.pipeline.sinks import Sink, StartSink
from analysis.pipeline.source import ReopenableSource
from analysis.pipeline.writer_process import WriterProcess, text_beside
from analysis.tables.output import TEXTS, Folder
from analysis.tables.row_form import RowForm
from analysis.tables.text_output import Csv
from analysis.tables.writer_thread import WriterThread
from captures.simulated.scenarios.samples import FOLDER, SAMPLES
from tests.benchmarks.traffic import key, write_pcap
from tests.key_files import key_file

pytestmark = pytest.mark.skipif(
    processors() == 1, reason="no safe copies here: see test_without_threads.py, which runs these"
)
SAMPLE = FOLDER / "install-day.pcapng"


@pytest.fixture(autouse=True)
def any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_process, "WORTH", 0)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows with each process that writes."""
    found: list[int] = []
    init = WriterProcess.__init__

    def counted(self: Any, *parts: Any) -> None:
        init(self, *parts)
        found.append(self._copy._process.pid)

    monkeypatch.setattr(WriterProcess, "__init__", counted)
    return found


def written(
    place: Path, form: str, capture: Path = SAMPLE, rows: RowForm | None = None, **options: Any
) -> dict[str, bytes]:
    """The files of all tables of a capture, by name."""
    folder = Folder(place, form, ("packets",) if rows else DECODED_TABLES, rows)
    starting: list[Sink] = [StartSink(rows)] if rows else []
    keys = read_keys(capture.parent / f"{capture.stem}.keys.toml")
    run_passes(capture, keys, *starting, FolderSink(folder), **options)
    assert not multiprocessing.active_children()
    return {path.name: path.read_bytes() for path in sorted(place.iterdir())}


def by_a_thread(*parts: Any, **options: Any) -> dict[str, bytes]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writer_process, "WORTH", 1 << 60)
        return written(*parts, **options)


@pytest.mark.parametrize("form", TEXTS)
def test_the_same_octets(form: str, tmp_path: Path, made: list[int]) -> None:
    expected = by_a_thread(tmp_path / "thread", form)
    assert len(expected) == len(DECODED_TABLES) and not made
    assert written(tmp_path / "process", form) == expected and made
    for size in (37, 777):
        assert written(tmp_path / str(size), form, block_frames=size) == expected


@pytest.mark.parametrize("sample", sorted(SAMPLES))
def test_the_same_octets_of_the_samples(sample: str, tmp_path: Path) -> None:
    capture = FOLDER / f"{sample}.pcapng"
    expected = by_a_thread(tmp_path / "thread", "csv", capture)
    assert written(tmp_path / "process", "csv", capture) == expected


def test_what_does_not_fit_goes_through_the_pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = by_a_thread(tmp_path / "thread", "jsonl")
    monkeypatch.setattr(shared_slots, "SLOT", 1 << 14)
    assert written(tmp_path / "process", "jsonl", block_frames=100) == expected


@pytest.mark.parametrize("times", ["relative", "delta"])
def test_times_after_the_first_frame(times: str, tmp_path: Path, made: list[int]) -> None:
    """Where the capture begins is known only when its first block is decoded."""
    expected = by_a_thread(tmp_path / "thread", "csv", rows=RowForm(("frame", "time"), times))
    assert written(tmp_path / "process", "csv", rows=RowForm(("frame", "time"), times)) == expected
    assert made and b"\r\n2," in expected["packets.csv"]


def test_one_table_into_a_file_that_is_open(tmp_path: Path, made: list[int]) -> None:
    expected = by_a_thread(tmp_path / "thread", "csv", rows=RowForm())["packets.csv"]
    sink = StreamSink("csv", "packets", None)
    with tempfile.SpooledTemporaryFile() as file:
        sink.file = file
        run_passes(SAMPLE, read_keys(FOLDER / "install-day.keys.toml"), sink, block_frames=500)
        file.seek(0)
        assert file.read() == expected
    assert made


def test_without_room_for_a_process_a_thread_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: list[int]
) -> None:
    expected = by_a_thread(tmp_path / "thread", "csv")

    def refuse(*_: Any) -> None:
        raise OSError(11, "no more processes")

    monkeypatch.setattr(os, "fork", refuse)
    assert written(tmp_path / "process", "csv", prefetch=False) == expected and not made


def test_short_captures_and_streams_are_written_by_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    with SAMPLE.open("rb") as stream:
        assert text_beside(CapturePass(ReopenableSource(stream))) is WriterThread
    assert text_beside(CapturePass(ReopenableSource(SAMPLE))) is not WriterThread
    monkeypatch.setattr(writer_process, "WORTH", 1 << 30)
    assert text_beside(CapturePass(ReopenableSource(SAMPLE))) is WriterThread


def full(*_: Any) -> None:
    raise OSError(28, "No space left on device")


def killed(*_: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def mistaken(*_: Any) -> None:
    raise LookupError(lambda: "cannot be sent")


@pytest.mark.parametrize(
    ("deed", "error", "words"),
    [
        (full, OSError, r"No space left.*packets\.csv"),
        (killed, ChildProcessError, "is gone"),
        (mistaken, RuntimeError, "LookupError"),
    ],
)
@pytest.mark.parametrize("when", ["write", "close", "__init__"])
def test_what_goes_wrong_there_is_raised_here_and_leaves_nothing(
    when: str, deed: Callable[..., None], error: type[Exception], words: str,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(Csv, when, deed)
    with pytest.raises(error, match=words):
        written(tmp_path, "csv", block_frames=100)
    assert not multiprocessing.active_children() and not list(tmp_path.iterdir())


def test_an_interruption_leaves_nothing(tmp_path: Path, made: list[int]) -> None:
    class Interrupting(Sink):
        tables = ("packets",)

        def take(self, block: Any) -> None:
            if block.frames > 50:
                raise KeyboardInterrupt

    folder = Folder(tmp_path, "jsonl", DECODED_TABLES)
    with pytest.raises(KeyboardInterrupt):
        run_passes(SAMPLE, None, FolderSink(folder), Interrupting(), block_frames=20)
    assert made and not multiprocessing.active_children() and not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def long_capture(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Words that decode a capture for a second or so, with processes."""
    folder = tmp_path_factory.mktemp("long")
    write_pcap(folder / "long.pcap", 120_000)
    keys = key_file(folder / "keys.toml", f'[[network_key]]\nkey = "{key(0).hex()}"\n')
    program = "from analysis.cli.program import run; run()"
    return [
        sys.executable,
        "-c",
        program,
        "decode",
        str(folder / "long.pcap"),
        "--keys",
        str(keys),
        "--format",
    ]


def children(process: int) -> list[int]:
    """Processes that a process made and that are still there, dead ones among them."""
    try:
        return [int(one) for one in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    except OSError:
        return []


def begun(words: list[str], place: Path) -> tuple[subprocess.Popen[bytes], list[int]]:
    """A command that has a process which has written something."""
    command = subprocess.Popen(
        [*words, "csv", "--out", str(place)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    until = time.monotonic() + 60
    while time.monotonic() < until and command.poll() is None:
        if children(command.pid) and any(path.stat().st_size > 100_000 for path in place.glob(".packets*")):
            return command, children(command.pid)
        time.sleep(0.001)
    raise AssertionError("it did not write beside decoding")


def gone(process: int) -> bool:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            if Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True  # whoever is the first process here may not ask after strangers
        except OSError:
            return True
        time.sleep(0.01)
    return False


@pytest.mark.parametrize(
    ("number", "code", "told"),
    [(signal.SIGTERM, 143, b""), (signal.SIGHUP, 129, b""), (signal.SIGINT, 130, b"interrupted\n")],
)
def test_a_signal_ends_both(
    number: signal.Signals, code: int, told: bytes, long_capture: list[str], tmp_path: Path
) -> None:
    command, copies = begun(long_capture, tmp_path)
    command.send_signal(number)
    assert command.communicate(timeout=60)[1] == told
    assert command.returncode == code
    assert all(map(gone, copies)) and not list(tmp_path.iterdir())


def test_who_writes_ends_with_a_command_that_is_killed(long_capture: list[str], tmp_path: Path) -> None:
    command, copies = begun(long_capture, tmp_path)
    command.kill()
    command.communicate()
    assert all(map(gone, copies))
    assert not list(tmp_path.glob("*.csv"))


def test_a_writer_that_is_killed_is_an_error(long_capture: list[str], tmp_path: Path) -> None:
    command, copies = begun(long_capture, tmp_path)
    os.kill(copies[0], signal.SIGKILL)
    assert command.communicate(timeout=60)[1] == b"error: the process that writes is gone\n"
    assert command.returncode == 3 and not list(tmp_path.iterdir())


def test_a_full_disk_is_told_as_ever(long_capture: list[str], tmp_path: Path) -> None:
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000)); "
    words = [*long_capture, "csv", "--out", str(tmp_path), "--quiet"]
    words[2] = limit + words[2]
    done = subprocess.run(words, capture_output=True, check=False)
    assert done.returncode == 3 and done.stderr.endswith(b".csv: File too large\n")
    assert done.stderr.count(b"\n") == 1 and not list(tmp_path.iterdir())


def test_nobody_reads_what_goes_to_stdout(long_capture: list[str]) -> None:
    command = subprocess.Popen([*long_capture, "csv"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert command.stdout is not None and command.stderr is not None
    assert command.stdout.readline().startswith(b"frame,time")
    command.stdout.close()
    assert command.stderr.read() == b"" and command.wait(60) == 0
    command.stderr.close()
