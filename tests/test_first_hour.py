"""The commands of the first hour are run as they stand there."""

import shlex
from pathlib import Path

import pytest

from analysis.cli import main

ROOT = Path(__file__).parent.parent
PAGES = sorted((ROOT / "docs" / "first_hour").glob("*.md"))


def commands(page: Path) -> list[list[str]]:
    """The lines of a page that call hanscope."""
    lines = [line for block in page.read_text("utf-8").split("```")[1::2] for line in block.splitlines()]
    return [shlex.split(line)[1:] for line in lines if line.startswith("hanscope ")]


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_of_the_page_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "captures").symlink_to(ROOT / "captures")
    for name in ("HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for words in commands(page):
        if words == ["install-wireshark"]:
            words += ["--to", str(tmp_path / "wireshark")]
        assert main(words) in (0, 1), words
