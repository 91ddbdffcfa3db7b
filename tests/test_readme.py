"""What the README and the pages show is what happens: every command in it is run, every line of output is found again.

Loosely, so that a new rule or a livelier simulated home needs no new README: numbers may differ, ``...`` stands
for anything, of the lines of one command a third may be others, and the frame that is shown is the one that the
demo names.
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


def blocks(kind: str, page: Path = README) -> list[str]:
    return [body for name, body in BLOCK.findall(page.read_text("utf-8")) if name == kind]


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
    words = re.sub(r"\b[\da-f,]*\d[\da-f,]*\b", "#", line)
    return re.sub(r"\s+", " ", re.sub(r"\d+", "#", words)).strip()


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
    exported, told = "", ""
    for command, expected in commands():
        if command.startswith("export "):
            exported += command + "; "
            continue
        named = re.search(r"hanscope show (\S+ \d+)", told)
        if named is not None:
            command = re.sub(r"hanscope show \S+ \d+", f"hanscope show {named.group(1)}", command)
        done = subprocess.run(
            ["bash", "-c", exported + command],
            cwd=place,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode in (0, 1), (command, done.stderr)
        told = told or done.stdout
        heard = [loose(line) for line in (done.stdout + done.stderr).splitlines()]
        wanted = [loose(line).removesuffix("...").strip() for line in expected]
        found = [any(one.startswith(line) for one in heard) for line in wanted]
        missing = [line for line, there in zip(expected, found, strict=True) if not there]
        assert 3 * len(missing) <= len(expected), (command, missing, done.stdout[:3000])


PAGES = [
    README,
    *sorted(page for page in (ROOT / "docs").glob("*.md") if "```pycon" in page.read_text("utf-8")),
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python(page: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    if not (place / "captures").exists():  # pages show samples by their place in the repository
        (place / "captures").symlink_to(ROOT / "captures")
    if not (place / "tables").is_dir():
        from analysis.cli import main

        assert main(["demo", "-q"]) == 0
        assert main(["decode", "hanscope-demo/han.pcapng", "--out", "tables", "-q"]) == 0
    names: dict[str, object] = {}  # the blocks of a page go on where the one before ended
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    for number, body in enumerate(blocks("pycon", page)):
        test = parser.get_doctest(body, names, f"{page.name} block {number}", str(page), 0)
        assert runner.run(test, clear_globs=False).failed == 0
        names = test.globs


PAGES = [README, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
HOMES = [
    ROOT / room for room in ("dissectors", "analysis", "captures", "tests", "docs", "packaging", "notebooks")
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_modules_that_a_page_names_are_there(page: Path) -> None:
    there = [f"/{path.relative_to(ROOT).as_posix()}" for home in HOMES for path in home.rglob("*.py")] + [
        "/hanscope.py"
    ]
    for named in re.findall(r"`([\w./-]+\.py)`", page.read_text("utf-8")):
        assert any(path.endswith(f"/{named}") for path in there), (
            f"{page.name} names {named}, which is not there"
        )
