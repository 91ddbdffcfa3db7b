"""The recipes of docs/adding_things.md, each played in a copy of the packages: at most two places, and what is added is read."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TASKS = re.split(r"^## ", (ROOT / "docs" / "adding_things.md").read_text("utf-8"), flags=re.MULTILINE)[1:]
BLOCK = re.compile(r"^```(?:csv|python) (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MOST_PLACES = 2


@pytest.mark.parametrize("task", TASKS, ids=[task.partition("\n")[0] for task in TASKS])
def test_a_recipe(task: str, tmp_path: Path) -> None:
    blocks = BLOCK.findall(task)
    added = [block for block in blocks if block[0] != "check"]
    (check,) = (text for name, text in blocks if name == "check")
    assert 1 <= len({name for name, _ in added}) <= MOST_PLACES
    shutil.copytree(
        ROOT / "dissectors", tmp_path / "dissectors", ignore=shutil.ignore_patterns("__pycache__")
    )
    for name in ("captures", "analysis", "tests"):
        (tmp_path / name).symlink_to(ROOT / name)
    for name, text in added:
        with (tmp_path / name).open("a", encoding="utf-8") as target:
            target.write("\n\n" + text if name.endswith(".py") else text)
    done = subprocess.run(
        [sys.executable, "-c", check], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert not done.returncode, done.stderr


def test_all_kinds_have_a_recipe() -> None:
    found = [task.partition("\n")[0] for task in TASKS]
    assert found == ["A MAC command", "A ZCL cluster", "A DLMS class", "A GBCS use case", "An alert code"]
