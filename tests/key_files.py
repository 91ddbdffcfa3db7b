"""Key files for tests, as hanscope wants them: readable by nobody else."""

from __future__ import annotations

from pathlib import Path

from captures.simulated.scenarios.samples import FOLDER
from captures.whole_files import write_whole

__all__ = ["key_file", "keys_of_sample"]


def key_file(path: Path, text: str) -> Path:
    """A key file of this text at `path`, which is given back."""
    write_whole(path, text, mode=0o600)
    return path


def keys_of_sample(name: str, folder: Path) -> Path:
    """A copy in `folder` of the key file of a sample (`captures/samples`)."""
    return key_file(folder / "keys.toml", (FOLDER / f"{name}.keys.toml").read_text("utf-8"))
