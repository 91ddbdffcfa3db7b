"""What the README shows is what happens: every command in it is run, every line of output is found again.

Loosely: digits may differ (so that a new rule needs no new README), and ``...`` stands for anything.
"""

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parent.parent / "README.md"
BLOCK = re.compile(r"^```(console|pycon)\n(.*?)^```", re.M | re.S)
ROOT = README.parent


def blocks(kind: str) -> list[str]:
    return [body for name, body in BLOCK.findall(README.read_text("utf-8")) if name == kind]


def commands() -> list[tuple[str, list[str]]]:
    found: list[tuple[str, list[str]]] = []
    for body in blocks("console"):
        for line in body.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            else:
                found[-1][1].append(line)
    return found


def loose(line: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"[\d,]+", "#", line)).strip()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a `hanscope` that is this checkout's."""
    folder = tmp_path_factory.mktemp("readme")
    command = folder / "bin" / "hanscope"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m analysis.cli "$@"\n')
    command.chmod(0o755)
    return folder


def test_commands(place: Path) -> None:
    environment = {**os.environ, "PATH": f"{place / 'bin'}:{os.environ['PATH']}"}
    exported = ""
    for command, expected in commands():
        if command.startswith("export "):
            exported += command + "; "
            continue
        done = subprocess.run(
            ["bash", "-c", exported + command],
            cwd=place,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode in (0, 1), (command, done.stderr)
        heard = [loose(line) for line in (done.stdout + done.stderr).splitlines()]
        for line in expected:
            wanted = loose(line).removesuffix("...").strip()
            assert any(one.startswith(wanted) for one in heard), (command, line, done.stdout[:2000])


def test_python(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    if not (place / "hanscope-demo").is_dir():
        from analysis.cli import main

        assert main(["demo", "-q"]) == 0
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    for number, body in enumerate(blocks("pycon")):
        test = parser.get_doctest(body, {}, f"README block {number}", str(README), 0)
        assert runner.run(test).failed == 0
