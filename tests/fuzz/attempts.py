"""Trying inputs: each failure once, in a file, with the command that plays it again."""

from __future__ import annotations

import hashlib
import json
import time
import traceback
from pathlib import Path

from tests.fuzz.target import Target

__all__ = ["Attempts", "Slow", "signature"]

ROOTS = ("dissectors", "captures", "analysis")


class Slow(AssertionError):
    """One input took more processor time than its target allows."""


def signature(error: BaseException) -> str:
    """What failures of one cause have in common: type, and the innermost line of ours (else of the target)."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [
        f
        for f in frames
        if any(f"/{root}/" in f.filename for root in ROOTS) and "/site-packages/" not in f.filename
    ]
    tests = [f for f in frames if "/tests/" in f.filename]
    place = (ours or tests or list(frames))[-1] if frames else None
    if isinstance(error, AssertionError) and tests:
        place = tests[-1]
    where = f"{Path(place.filename).name}:{place.lineno}" if place is not None else "nowhere"
    return f"{type(error).__name__} at {where}"


class Attempts:
    """A run of one target: how many inputs were tried, and which failed.

    Args:
        target: what is tried.
        folder: where failing inputs are written; nowhere when None.
    """

    def __init__(self, target: Target, folder: Path | None = None) -> None:
        self.target, self.folder = target, folder
        self.tried = 0
        self.failures: dict[str, bytes] = {}
        self.texts: dict[str, str] = {}
        self.began = time.monotonic()

    def attempt(self, octets: bytes) -> bool:
        """Try one input; whether all held."""
        self.tried += 1
        begun = time.process_time()
        try:
            self.target.check(octets)
            taken = time.process_time() - begun
            if taken > self.target.seconds:
                raise Slow(f"{taken:.1f} s for {len(octets)} octets")
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            self._failed(octets, error)
            return False
        return True

    def _failed(self, octets: bytes, error: BaseException) -> None:
        name = signature(error)
        known = self.failures.get(name)
        if known is not None and len(known) <= len(octets):
            return
        self.failures[name] = octets
        self.texts[name] = "".join(traceback.format_exception(error))[-4000:]
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            path = self.folder / f"{self.target.name}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"
            path.write_bytes(octets)
            path.with_suffix(".txt").write_text(f"{name}\n\n{self.texts[name]}", "utf-8")

    def write(self, path: Path) -> None:
        """The numbers of this run, for whoever started it."""
        numbers = {
            "tried": self.tried,
            "failures": sorted(self.failures),
            "seconds": time.monotonic() - self.began,
        }
        beside = path.with_suffix(".new")
        beside.write_text(json.dumps(numbers))
        beside.replace(path)
