"""Notebooks and the plain script need nothing but the installed package; `pytest --nbmake notebooks` runs the notebooks."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path("notebooks")
SAMPLE = Path("captures/samples/install-day")


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_notebook_begins_with_the_library_and_reads_nothing_of_a_checkout(path: Path) -> None:
    cells = json.loads(path.read_text("utf-8"))["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    assert "import hanscope as hs" in code
    assert "sys.path" not in code and "tests" not in code and "samples" not in code


def test_the_script_looks_at_a_capture(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, FOLDER.resolve() / "look.py", SAMPLE.resolve().with_suffix(".pcapng"), SAMPLE.resolve().with_suffix(".keys.toml")],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "Electricity meter" in done.stdout and "association-flood" not in done.stdout
