"""Nothing is written by halves: what was there stays until all of the new file is on the disk."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from captures.simulated.scenarios.samples import FOLDER
from captures.whole_files import whole_file, write_whole

OLD = b"what was there before"
SAMPLE = FOLDER / "gbcs-messages.pcapng"
posix = pytest.mark.skipif(os.name != "posix", reason="needs signals and limits of POSIX")


def parts(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*.part")]


def test_a_file_is_new_or_old(tmp_path: Path) -> None:
    path = tmp_path / "a file"
    path.write_bytes(OLD)
    path.chmod(0o640)
    with pytest.raises(RuntimeError), whole_file(path) as file:
        file.write(b"half")
        raise RuntimeError
    assert path.read_bytes() == OLD and parts(tmp_path) == []
    with whole_file(path) as file:
        file.write(b"new")
        assert path.read_bytes() == OLD and len(parts(tmp_path)) == 1
    assert path.read_bytes() == b"new" and parts(tmp_path) == []
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_keys_are_never_readable_for_others(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    path.write_text("old")
    path.chmod(0o644)
    write_whole(path, "new", mode=0o600)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_error_names_the_file_that_was_meant(tmp_path: Path) -> None:
    with pytest.raises(OSError) as error:
        write_whole(tmp_path / "nowhere" / "a.html", "x")
    assert error.value.filename == str(tmp_path / "nowhere" / "a.html")


@posix
def test_links_and_pipes_stay_what_they_are(tmp_path: Path) -> None:
    real, link, pipe = tmp_path / "real", tmp_path / "link", tmp_path / "pipe"
    real.write_bytes(OLD)
    link.symlink_to(real)
    write_whole(link, "new")
    assert link.is_symlink() and real.read_bytes() == b"new"
    os.mkfifo(pipe)
    reader = subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE)
    write_whole(pipe, "through")
    assert reader.communicate()[0] == b"through" and stat.S_ISFIFO(pipe.stat().st_mode)


@posix
def test_what_a_killed_run_left_is_removed_by_the_next(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    left = tmp_path / f".r[1].html.{gone.pid}.abc.part"
    running = tmp_path / f".r[1].html.{os.getppid()}.abc.part"
    other = tmp_path / f".other.html.{gone.pid}.abc.part"
    for path in (left, running, other):
        path.write_bytes(b"half")
    write_whole(tmp_path / "r[1].html", "whole")
    assert sorted(parts(tmp_path)) == sorted([running.name, other.name]), "another's is not ours"


@posix
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL])
def test_a_run_that_is_ended_leaves_the_old_file(number: signal.Signals, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_bytes(OLD)
    code = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"  # also where the tests run under nohup or in the background
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from analysis import cli, report\n"
        "from analysis.cli.verbs import report as verb\n"
        "from captures.whole_files import whole_file\n"
        "def slow(path, text):\n"
        "    with whole_file(path) as file:\n"
        "        file.write(b'half'); file.flush(); print('writing', flush=True); time.sleep(60)\n"
        "verb.write_whole = slow\n"
        "cli.run()\n"
    )
    words = ["report", str(SAMPLE), "-o", str(path), "-q"]
    run = subprocess.Popen([sys.executable, "-c", code, *words], stdout=subprocess.PIPE, text=True)
    assert run.stdout is not None and run.stdout.readline() == "writing\n"
    run.send_signal(number)
    code_of_end = run.wait(30)
    assert path.read_bytes() == OLD
    if number == signal.SIGKILL:
        assert len(parts(tmp_path)) == 1
    else:
        assert parts(tmp_path) == [] and code_of_end == 128 + number
    write_whole(path, "new")
    assert parts(tmp_path) == [] and path.read_text() == "new"


VERBS = {
    "report": (["report", str(SAMPLE), "-o", "{out}/r.html"], "r.html"),
    "decode": (["decode", str(SAMPLE), "--out", "{out}", "--format", "csv"], "packets.csv"),
    "convert": (["convert", str(SAMPLE), "{out}/c.pcapng"], "c.pcapng"),
    "redact": (["redact", str(SAMPLE), "-o", "{out}/c.pcapng"], "c.pcapng"),
    "simulate": (["simulate", "ordinary-day", "-o", "{out}/s.pcapng", "--seconds", "300"], "s.pcapng"),
    "truth": (
        ["simulate", "ordinary-day", "-o", "-", "--truth", "{out}/t.jsonl", "--seconds", "300"],
        "t.jsonl",
    ),
    "demo": (["demo", "--out", "{out}"], "han.pcapng"),
}


@posix
@pytest.mark.parametrize("verb", sorted(VERBS))
def test_a_full_disk_keeps_the_old_file(verb: str, tmp_path: Path) -> None:
    """The disk is full after 8 KiB: every file of more is refused (EFBIG stands for ENOSPC)."""
    words, name = VERBS[verb]
    out = tmp_path / "out"
    out.mkdir()
    (out / name).write_bytes(OLD)
    code = (
        "import resource, signal, sys\n"
        "from analysis.cli import run\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))\n"
        "run()\n"
    )
    command = [sys.executable, "-B", "-c", code, *(word.format(out=out) for word in words)]
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123
        done = subprocess.run(command, stdout=nowhere, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 3, done.stderr
    assert "internal" not in done.stderr and "File too large" in done.stderr and ".part" not in done.stderr
    assert f"{out}{os.sep}" in done.stderr.split(": File too large")[0]
    assert (out / name).read_bytes() == OLD
    assert parts(out) == []


def test_nothing_else_opens_a_file_to_write() -> None:
    """Recordings must be durable while they run, and what is made for one run goes with it: the rest is whole."""
    root = Path(__file__).resolve().parents[2]
    allowed = {
        "captures/whole_files.py",
        "captures/sniffers/recorder.py",
        "captures/sniffers/extcap.py",
        "captures/writer.py",
        "analysis/views/tshark.py",
        "analysis/cli/command_line/standard_streams.py",
        "analysis/cli/command_line/batch.py",
        "analysis/cli/command_line/inputs.py",
        "analysis/web/judging.py",
    }
    marks = (".write_text(", ".write_bytes(", '.open("w', '.open("a', '.open("x', "mkstemp(", "O_CREAT")
    found = {
        str(path.relative_to(root))
        for storey in ("dissectors", "captures", "analysis")
        for path in (root / storey).rglob("*.py")
        if any(mark in path.read_text("utf-8") for mark in marks)
    }
    assert found <= allowed, found - allowed
