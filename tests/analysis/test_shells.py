"""Completion in a real shell, and pages that man reads."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from analysis.cli import VERBS, main
from analysis.cli.command_line.manual import pages
from analysis.cli.command_line.shell_scripts import SCRIPTS
from analysis.cli.command_line.shells import candidates, words_of
from captures.simulated.scenarios.samples import FOLDER

ROOT = Path(__file__).parents[2]


def offered(line: str) -> list[str]:
    return [text for text, _ in candidates(words_of(f"hanscope {line}")[1:])]


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("chec", ["check"]), ("fleet pru", ["prune"]), ("check --verd", ["--verdicts"]), ("--debug wh", ["why"]),
        ("check a.pcap --rules mac-inv", ["mac-invalid"]), ("decode a.pcap --table ite", ["items"]),
        ("check a.pcap --rules=mac-inv", []), ("check ", []), ("show a.pcap --where 'nwk_secur", ["nwk_security"]),
        ("completion z", ["zsh"]), ("nonsense ", []), ("simulate install", ["install-day"]), ("check a --quiet --js", ["--json", "--jsonl"]),
    ],
)  # fmt: skip
def test_what_is_offered(line: str, wanted: list[str]) -> None:
    assert offered(line) == wanted


def test_every_verb_is_offered() -> None:
    assert {name.partition(" ")[0] for name in VERBS} <= set(offered(""))


def test_devices_of_the_capture_that_was_typed() -> None:
    capture, keys = FOLDER / "gbcs-messages.pcapng", FOLDER / "gbcs-messages.keys.toml"
    assert offered(f"check {capture} --keys {keys} --device elec") == ["Electricity meter"]


def bash(line: str, folder: Path) -> list[str]:
    """What bash offers at the end of a line, by the script, with readline's own splitting of words."""
    program = folder / "hanscope"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m analysis.cli "$@"\n')
    program.chmod(0o755)
    script = f"{SCRIPTS['bash']}\ncompopt() {{ :; }}\n"
    words = line.replace(":", " : ").replace("=", " = ").split()
    words += [""] if line.endswith((" ", ":")) else []
    script += (
        f"COMP_WORDS=({' '.join(repr(one) for one in words)}); COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))\n"
    )
    script += (
        f"COMP_LINE={line!r}; COMP_POINT=${{#COMP_LINE}}\n_hanscope; printf '%s\\n' \"${{COMPREPLY[@]}}\"\n"
    )
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "--norc", "-c", script], capture_output=True, text=True, check=True, env=os.environ | {"PATH": path, "PYTHONPATH": str(ROOT)}
    )  # fmt: skip
    return [one for one in done.stdout.splitlines() if one]


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
def test_bash(tmp_path: Path) -> None:
    assert bash("hanscope che", tmp_path) == ["check"]
    assert bash("hanscope simulate --fau", tmp_path) == ["--fault"]
    assert bash("hanscope sniff simulated:insta", tmp_path) in (["install-day"], [])
    assert bash("hanscope sniff simul", tmp_path) in (["simulated:"], [])


@pytest.mark.parametrize("shell", SCRIPTS)
def test_the_script_of_a_shell_is_one(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    text = capsys.readouterr().out
    assert text == SCRIPTS[shell]
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here to read it")
    subprocess.run([shell, "-n"], input=text, text=True, check=True)


def test_pages_of_man(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["man", "--out", str(tmp_path)]) == 0
    assert {path.name for path in tmp_path.iterdir()} == {name for name, _ in pages()}
    assert main(["man", "fleet decode"]) == 0 and main(["man", "nonsense"]) == 2
    if shutil.which("man") is None:
        pytest.skip("no man here")
    for path in tmp_path.iterdir():
        done = subprocess.run(
            ["man", "--warnings", "-l", str(path)], capture_output=True, text=True, check=True
        )
        assert "OPTIONS" in done.stdout and not done.stderr, (path.name, done.stderr)
