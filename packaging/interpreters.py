"""The Pythons of this machine that the package supports: those on PATH, and those that pyenv holds."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

__all__ = ["SUPPORTED", "interpreters"]

SUPPORTED = ("3.11", "3.12", "3.13")
PROBE = "import sys, ensurepip, venv; print('%d.%d.%d' % sys.version_info[:3])"


def interpreters() -> dict[str, Path]:
    """One interpreter of each supported version that works and can make virtual environments, by version."""
    found: dict[str, Path] = {}
    for version in SUPPORTED:
        for place in _places(version):
            said = _said(place)
            if said is not None and said.rpartition(".")[0] == version:
                found[version] = place
                break
    return found


def _places(version: str) -> Iterator[Path]:
    """Where an interpreter may be, the likelier first. A shim of pyenv may stand for a version that is not chosen."""
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        for name in (f"python{version}", "python3"):
            place = Path(folder) / name
            if place.exists() and "shims" not in place.parts:
                yield place
    for root in _pyenv_roots():
        versions = [path for path in (root / "versions").glob(f"{version}.*") if path.is_dir()]
        for path in sorted(
            versions, key=lambda path: [int(n) for n in re.findall(r"\d+", path.name)], reverse=True
        ):
            yield path / "bin" / "python"


def _pyenv_roots() -> Iterator[Path]:
    pyenv = shutil.which("pyenv")
    if pyenv is not None:
        said = subprocess.run([pyenv, "root"], capture_output=True, text=True, check=False).stdout.strip()
        if said:
            yield Path(said)
    yield Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")


def _said(python: Path) -> str | None:
    """The version that an interpreter says it has; None when it does not work."""
    try:
        done = subprocess.run(
            [python, "-I", "-c", PROBE], capture_output=True, text=True, check=False, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
