"""Nothing assumes Linux: the command where no process can be copied and modules of Unix are missing, and names of files
as Windows has them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path, PureWindowsPath

import pytest

from captures import CaptureError
from captures.simulated.scenarios.samples import FOLDER
from captures.sniffers import open_sniffer
from captures.sniffers.extcap import launcher

CAPTURE, KEYS = FOLDER / "gbcs-messages.pcapng", FOLDER / "gbcs-messages.keys.toml"
ELSEWHERE = """
import os, signal, sys, threading
import multiprocessing.context, multiprocessing.util, subprocess, tempfile, asyncio, pathlib, shutil, zoneinfo, logging
for name in ("fork", "forkpty", "sched_getaffinity", "register_at_fork", "getuid", "geteuid", "mkfifo", "fchmod", "killpg"):
    if hasattr(os, name):
        delattr(os, name)
for name in ("SIGHUP", "SIGALRM", "SIGXFSZ", "SIGUSR1", "SIGPIPE", "setitimer", "pause"):
    if hasattr(signal, name):
        delattr(signal, name)
for name in ("fcntl", "termios", "tty", "pty", "pwd", "grp", "resource", "readline", "curses"):
    sys.modules[name] = None
multiprocessing.context._concrete_contexts.pop("fork", None)
multiprocessing.context._concrete_contexts.pop("forkserver", None)
multiprocessing.set_start_method("spawn", force=True)
if __name__ == "__main__":
    from analysis.cli import main
    sys.exit(main(sys.argv[1:]))
"""


def elsewhere(folder: Path, *words: str | Path, codes: tuple[int, ...] = (0,)) -> str:
    """What the command prints in a process that has nothing of Unix's own."""
    program = folder / "elsewhere.py"
    program.write_text(ELSEWHERE)
    done = subprocess.run(
        [sys.executable, program, *words],
        cwd=folder,
        env={"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": "", "HANSCOPE_CONFIG": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in codes, done.stderr[-3000:]
    assert "Traceback" not in done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "words",
    [
        ["stats"], ["keys"], ["show", "--message", "1"], ["check", "--jsonl"], ["why"],
        ["decode", "--table", "messages", "--format", "jsonl"], ["follow", "--message", "2"],
    ],
    ids=lambda words: words[0],
)  # fmt: skip
def test_verbs_say_the_same_without_fork(words: list[str], tmp_path: Path) -> None:
    line = [words[0], str(CAPTURE), *words[1:], "--keys", str(KEYS), "--quiet"]
    if words[0] in ("show", "keys", "stats"):
        line.remove("--quiet")
    code = "import sys; from analysis.cli import main; sys.exit(main(sys.argv[1:]))"
    here = subprocess.run([sys.executable, "-c", code, *line], capture_output=True, text=True, check=False)
    assert elsewhere(tmp_path, *line, codes=(here.returncode,)) == here.stdout


def test_files_are_written_without_fork(tmp_path: Path) -> None:
    pair = [str(CAPTURE), str(FOLDER / "install-day.pcapng")]
    elsewhere(tmp_path, "decode", *pair, "--jobs", "2", "--out", "tables", "-q")
    assert len(list((tmp_path / "tables").rglob("packets.parquet"))) == 2
    elsewhere(tmp_path, "convert", CAPTURE, "copy.pcapng", "-q")
    elsewhere(tmp_path, "report", "copy.pcapng", "-o", "r.html", "--keys", KEYS, "-q")
    elsewhere(tmp_path, "redact", "copy.pcapng", "-o", "redacted.pcapng", "--keys", KEYS, "-q")
    elsewhere(tmp_path, "simulate", "-o", "s.pcapng", "--seconds", "30", "-q")
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.parametrize("source", [r"C:\captures\pipe", "d:/captures/pipe"])
def test_a_drive_is_no_kind_of_sniffer(source: str) -> None:
    assert type(open_sniffer(source)) is type(open_sniffer("-"))
    with pytest.raises(CaptureError, match="no sniffer is called"):
        open_sniffer(f"xy{source[1:]}")


def test_wireshark_on_windows_gets_a_script_of_its_own() -> None:
    name, text = launcher(windows=True)
    assert name.endswith(".bat") and f'"{sys.executable}" -m captures.sniffers.extcap %*' in text


def test_names_as_windows_has_them(monkeypatch: pytest.MonkeyPatch) -> None:
    from analysis.cli.command_line import inputs

    monkeypatch.setattr(inputs, "Path", PureWindowsPath)
    assert inputs.stem_of(r"C:\homes\a b\han.pcapng.gz") == "han"
    assert inputs.name_of(r"C:\homes\han.pcapng") == r"C:\homes\han.pcapng"
    assert not inputs.URL.match(r"C:\homes\han.pcapng") and not inputs.URL.match("C:/homes/han.pcapng")


def test_an_extra_that_is_missing_is_named(tmp_path: Path) -> None:
    for package, words in (
        ("simpy", ["simulate", "--list"]),
        ("simpy", ["demo", "--out", "d"]),
        ("jinja2", ["report", str(CAPTURE), "-o", "r.html"]),
    ):
        code = f"import sys; sys.modules[{package!r}] = None; from analysis.cli import main; sys.exit(main(sys.argv[1:]))"
        done = subprocess.run(
            [sys.executable, "-c", code, *words], capture_output=True, text=True, check=False,
            cwd=tmp_path, env={"PYTHONPATH": str(Path(__file__).parents[2]), "HANSCOPE_CONFIG": ""},
        )  # fmt: skip
        assert done.returncode == 2 and "hanscope[demo]" in done.stderr and package in done.stderr, (
            done.stderr
        )
    assert not list(tmp_path.glob("r.html"))
