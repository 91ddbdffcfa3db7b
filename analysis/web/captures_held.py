"""The captures that a server offers: those that it was started with, and those that people drop on the page.

Strategy: a capture is opened when somebody looks at it. Few are held in memory; the one that was looked at longest ago
gives way. What was dropped lies in a folder that goes with the server.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

from analysis.web.endpoints import BadRequest
from analysis.web.judging import Judge
from analysis.web.opened import OpenedCapture
from dissectors import Keyring
from dissectors.text import printable

__all__ = ["ENDINGS", "CapturesHeld", "Held", "Limits", "captures_in"]

ENDINGS = (
    ".pcap",
    ".pcapng",
    ".cap",
    ".pcapng.gz",
    ".pcap.gz",
    ".pcapng.zst",
    ".pcap.zst",
    ".pcapng.lz4",
    ".pcap.lz4",
)
MOST_LISTED = 2000


@dataclass(frozen=True, slots=True)
class Limits:
    """What one server takes on.

    Attributes:
        opened: captures in memory.
        uploads, upload_octets: files that were dropped on pages, and octets of each.
    """

    opened: int = 4
    uploads: int = 8
    upload_octets: int = 512 * 1024 * 1024


@dataclass(slots=True, eq=False)
class Held:
    """One capture that is offered.

    Attributes:
        asked: what is made of it by a process of its own, by what was asked for.
        notes: what people wrote about its frames; `comments`: what it says of them itself, once that has been read.
    """

    id: str
    path: Path | None
    name: str
    uploaded: bool = False
    opened: OpenedCapture | None = None
    asked: dict[Any, Future[Any]] = field(default_factory=dict, repr=False)
    notes: dict[int, str] = field(default_factory=dict, repr=False)
    comments: dict[int, str] | None = field(default=None, repr=False)

    def there(self) -> OpenedCapture:
        """It, open. Raises BadRequest: it was closed meanwhile."""
        opened = self.opened
        if opened is None:
            raise BadRequest("the capture has been closed: ask again", 409)
        return opened

    def to_json(self) -> dict[str, Any]:
        """It in the list of captures."""
        out = {"id": self.id, "name": self.name, "uploaded": self.uploaded, "state": "closed"}
        return out if self.opened is None else {**out, **self.opened.to_json(), "name": self.name}


def captures_in(folder: Path) -> list[Path]:
    """The capture files below a folder, by their names."""
    found = (path for path in folder.rglob("*") if path.name.lower().endswith(ENDINGS) and path.is_file())
    return sorted(found)[:MOST_LISTED]


class CapturesHeld:
    """The captures of a server, by the numbers that the API knows them by."""

    def __init__(
        self,
        paths: Iterable[Path],
        keyring: Keyring,
        judge: Judge,
        limits: Limits | None = None,
        root: Path | None = None,
    ) -> None:
        self.keyring, self.judge, self.limits = keyring, judge, limits or Limits()
        self._lock = Lock()
        self._held: dict[str, Held] = {}
        self._recent: list[str] = []
        self._count = 0
        self.folder: tempfile.TemporaryDirectory[str] | None = None
        for path in paths:
            name = path.relative_to(root).as_posix() if root is not None else path.name
            self._add(path, name)

    def _add(self, path: Path | None, name: str, uploaded: bool = False) -> Held:
        self._count += 1
        held = self._held[str(self._count)] = Held(str(self._count), path, printable(name), uploaded)
        return held

    def listed(self) -> list[dict[str, Any]]:
        """All of them."""
        return [one.to_json() for one in list(self._held.values())]

    def called(self, number: str | None) -> Held:
        """One of them; the first by default. It is opened if it is not. Raises BadRequest: there is no such one."""
        with self._lock:
            held = self._held.get(number) if number is not None else next(iter(self._held.values()), None)
            if held is None:
                raise BadRequest("no such capture" if number is not None else "no capture is open", 404)
            if held.opened is None and held.path is None:
                raise BadRequest("this source has been closed", 409)
            if held.opened is None and held.path is not None:
                held.opened = OpenedCapture(held.path, self.keyring, held.name).start()
            if held.id in self._recent:
                self._recent.remove(held.id)
            if held.path is not None:  # a live source cannot be opened again
                self._recent.append(held.id)
            while len(self._recent) > self.limits.opened:
                self._let_go(self._held[self._recent.pop(0)])
            return held

    def opened(self, number: str | None) -> OpenedCapture:
        """One of them, open. Raises BadRequest: there is no such one."""
        return self.called(number).there()

    def judged(self, number: str | None, what: Callable[..., Any], *more: Any) -> Future[Any]:
        """What a function of `analysis.web.judging` makes of one; begun when somebody first asks."""
        held, key = self.called(number), (what.__name__, more)
        with self._lock:
            if held.path is None:
                raise BadRequest("a live source is judged while it speaks", 409)
            known = held.asked.get(key)
            if known is None or (known.done() and isinstance(known.exception(), BrokenProcessPool)):
                held.asked[key] = known = self.judge.ask(what, held.path, *more)
            return known

    def place_for_upload(self) -> Path:
        """Where a dropped file may go. Raises BadRequest: there are too many."""
        with self._lock:
            if sum(one.uploaded for one in self._held.values()) >= self.limits.uploads:
                raise BadRequest(f"{self.limits.uploads} files were dropped already: close one", 409)
            if self.folder is None:
                self.folder = tempfile.TemporaryDirectory(prefix="hanscope-web-")
            self._count += 1
            return Path(self.folder.name) / f"upload-{self._count}"

    def add_live(self, opened: OpenedCapture) -> Held:
        """Offer a live source."""
        with self._lock:
            held = self._add(None, opened.name)
            held.opened = opened.start()
            return held

    def add_upload(self, path: Path, name: str) -> Held:
        """Offer a dropped file."""
        with self._lock:
            return self._add(path, name, uploaded=True)

    def remove(self, number: str) -> None:
        """Close one; a dropped file is removed. Raises BadRequest: there is no such one."""
        with self._lock:
            held = self._held.get(number)
            if held is None:
                raise BadRequest("no such capture", 404)
            self._let_go(held)
            if held.id in self._recent:
                self._recent.remove(held.id)
            if held.uploaded and held.path is not None:
                del self._held[number]
                held.path.unlink(missing_ok=True)

    def _let_go(self, held: Held) -> None:
        if held.opened is not None:
            held.opened.close()
        held.opened = None

    def close(self) -> None:
        """Close all, and remove what was dropped."""
        with self._lock:
            for held in self._held.values():
                self._let_go(held)
            if self.folder is not None:
                self.folder.cleanup()
        self.judge.close()
