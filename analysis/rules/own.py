"""Rules of other people: a folder with Python files and TOML files that declare them (``--rules-from DIR``)."""

from __future__ import annotations

import importlib.util
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from analysis.findings.model import Rule
from analysis.rules.declared_text import declare_text
from analysis.rules.expression import RuleError
from analysis.rules.registry import REGISTRY, rules

__all__ = ["read_rules"]


def read_rules(path: str | os.PathLike[str]) -> list[Rule]:
    """Registers the rules of a folder (its ``*.py`` and ``*.toml``, in order of their names) or of one file, beside ours;
    what it registered before goes.

    Raises:
        RuleError: it cannot be read, or a rule in it is wrong; file and, of Python, line are named.
    """
    place = Path(path)
    if not place.exists():
        raise RuleError(f"{place}: no such file or folder")
    files = sorted(p for p in place.iterdir() if p.suffix in (".py", ".toml")) if place.is_dir() else [place]
    if not files:
        raise RuleError(f"{place}: no rules in it (*.py, *.toml)")
    rules()  # so that a name of ours that is taken is told as a mistake of theirs
    found = [rule for file in files for rule in _read(file)]
    if not found:
        raise RuleError(f"{place}: no rule in it")
    return found


def _read(file: Path) -> Iterator[Rule]:
    origin = str(file.resolve())
    with _registering(origin) as before:
        if file.suffix == ".toml":
            declare_text(_text(file))
        else:
            _run(file)
    for name in [name for name in REGISTRY if name not in before]:
        REGISTRY[name] = replace(REGISTRY[name], origin=origin)
        yield REGISTRY[name]


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except UnicodeDecodeError:
        raise RuleError("not UTF-8 text") from None
    except OSError as error:
        raise RuleError(error.strerror or "cannot be read") from None


def _run(file: Path) -> None:
    spec = importlib.util.spec_from_file_location(f"hanscope_own_rules.{file.stem}", file)
    if spec is None or spec.loader is None:
        raise RuleError("no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and the like look themselves up
    spec.loader.exec_module(module)


@contextmanager
def _registering(origin: str) -> Iterator[set[str]]:
    """Takes out what a file registered before, and all of it again where it is wrong."""
    for name in [name for name, rule in REGISTRY.items() if rule.origin == origin]:
        del REGISTRY[name]
    before = set(REGISTRY)
    try:
        yield before
    except (Exception, SystemExit) as error:
        for name in REGISTRY.keys() - before:
            del REGISTRY[name]
        raise RuleError(f"{origin}{_line(error, origin)}: {_told(error)}") from error


def _line(error: BaseException, origin: str) -> str:
    if isinstance(error, SyntaxError) and error.lineno is not None:
        return f", line {error.lineno}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == origin]
    return f", line {lines[-1]}" if lines else ""


def _told(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return "it ends the program (SystemExit)"
    return str(error) if isinstance(error, RuleError) else f"{type(error).__name__}: {error}"
