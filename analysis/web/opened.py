"""One capture that is open: decoded in the background from its first frames on, while pages already look at them."""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any

import numpy as np

from analysis.findings.model import Finding
from analysis.keys.remote_parties import remote_parties
from analysis.pipeline.kept import KeptMessage
from analysis.pipeline.keytable import key_rows
from analysis.pipeline.passes import DecodePass
from analysis.pipeline.runner import run_passes
from analysis.pipeline.source import ReopenableSource
from analysis.tables.addresses import address_text
from analysis.views.frame import shown_frames
from analysis.views.key_needs import NeedsSink
from analysis.views.shown import Shown
from analysis.web.endpoints import BadRequest
from analysis.web.filtered_places import FilteredPlaces
from analysis.web.store import CaptureStore, Places
from captures import CaptureError
from dissectors import Keyring

__all__ = ["OpenedCapture"]

SHOWN, FILTERS = 64, 16
"""Dissected frames, and filters with the places that they chose, that are kept."""


class Stopped(Exception):
    """Nobody wants the capture any more."""


class OpenedCapture:
    """A capture and what decoding made of it so far.

    Attributes:
        store: its tables.
        state: decoding, ready, or failed, with `trouble` saying why.
    """

    def __init__(self, path: Path | None, keyring: Keyring, name: str, most: int | None = None) -> None:
        self.path, self.keyring, self.name = path, keyring, name
        self.store, self.needs = CaptureStore(most), NeedsSink()
        self.state, self.trouble = "decoding", ""
        self.position, self.size = 0, path.stat().st_size if path is not None and path.exists() else None
        self.last: DecodePass | None = None
        self.began, self.finished = time.monotonic(), 0.0
        self._closed, self._lock = Event(), Lock()
        self._shown: OrderedDict[int, Shown] = OrderedDict()
        self._filters: OrderedDict[tuple[str, str], FilteredPlaces] = OrderedDict()
        self._names: tuple[tuple[int, bool], dict[str, str]] | None = None
        self._thread = Thread(target=self._decode, name=f"decode {name}", daemon=True)

    def start(self) -> OpenedCapture:
        """Begin to decode it."""
        self._thread.start()
        return self

    @property
    def source(self) -> Any:
        """What it is read from again: frames one by one, and exports."""
        return self.path

    def close(self) -> None:
        """Give it up; decoding ends with its next block."""
        self._closed.set()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until it has been decoded; whether it has."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _decode(self) -> None:
        try:
            self.last = self._read()
            self.state = "ready"
        except Stopped:
            self.state = "closed"
        except (CaptureError, OSError) as error:
            self.state, self.trouble = "failed", self._said(error)
        except Exception as error:  # told, rather than waited for
            self.state, self.trouble = "failed", f"decoding broke off: {type(error).__name__}"
        self.finished = time.monotonic()

    def _said(self, error: Exception) -> str:
        """What is wrong, of the capture by its name: where this server keeps it is nothing to who dropped it."""
        return str(error).replace(os.fspath(self.path), self.name) if self.path is not None else str(error)

    def _read(self) -> DecodePass:
        with ReopenableSource(self.source) as replay:
            return run_passes(
                replay, self.keyring, self.store, self.needs, progress=self._progress, prefetch=False
            )

    def keys(self) -> list[dict[str, Any]] | None:
        """Rows of the keys that are held, without the keys; None where they are not known yet."""
        return None if self.last is None else key_rows(self.last.session)

    def judged(self) -> list[Finding] | None:
        """Findings as they stand, of a source that has no end; None of a capture, which is judged as a whole."""
        return None

    def _progress(self, position: int, size: int | None, frames: int) -> None:
        self.position = position
        if self._closed.is_set():
            raise Stopped

    def to_json(self) -> dict[str, Any]:
        """How far it is."""
        facts = None if self.last is None else self.last.facts
        return {
            "name": self.name,
            "state": self.state,
            "trouble": self.trouble,
            "frames": self.store.frames,
            "generation": self.store.generation,
            "octets": self.size,
            "octets_read": self.position,
            "warnings": [] if facts is None else [*facts.warnings, *facts.notes],
            "lost": []
            if facts is None
            else [{"offset": one.offset, "text": one.text} for one in facts.lost[:100]],
        }

    def places(self, table: str, where: str, more: Callable[[], Any] | None = None) -> Places | None:
        """The places of the rows of a table that a filter chooses, as far as they are known; None for all.

        Args:
            more: gives the findings, where the filter asks for them.

        Raises:
            BadRequest: it is no filter, or asks for tables that are not whole yet.
        """
        if not where.strip():
            return None
        with self._lock:
            found = self._filters.get((table, where))
            if found is None:
                found = self._filters[table, where] = FilteredPlaces(where, table)
            self._filters.move_to_end((table, where))
            while len(self._filters) > FILTERS:
                self._filters.popitem(last=False)
        return found.places(self.store, more)

    def message(self, number: int) -> KeptMessage:
        """A message by its number in the table of messages.

        Raises:
            BadRequest: there is none such, or the capture is no longer there.
        """
        content = self.store.content("messages")
        rows = np.flatnonzero(content.numbers("message") == number)
        frames = content.rows(rows[:1], ("frames",))[0].get("frames") if len(rows) else None
        if not frames:
            raise BadRequest(f"no message {number}", 404 if content.complete else 409)
        for frame in frames[:8]:
            for kept in self.shown(frame).messages:
                if kept.message == number:
                    return kept
        raise BadRequest(f"message {number} cannot be shown alone: see its frames", 404, frames=frames[:100])

    def place_of(self, frame: int) -> int | None:
        """The place of a frame in the table of packets, as far as it has been decoded."""
        content = self.store.content("packets")
        firsts = [int(one.column("frame")[0].as_py()) for one in content.batches]
        number = int(np.searchsorted(firsts, frame, "right")) - 1
        if number < 0:
            return None
        numbers = content.batches[number].column("frame").to_numpy(zero_copy_only=False)
        at = int(np.searchsorted(numbers, frame))
        return int(content.starts[number]) + at if at < len(numbers) and numbers[at] == frame else None

    def names(self) -> dict[str, str]:
        """What devices are called: by EUI-64 in hex digits."""
        stamp = (self.store.generation, self.store.complete)
        if self._names is None or self._names[0] != stamp:
            keyring = self.keyring
            told = [*remote_parties(keyring), *keyring.devices.values()]
            names = {address_text(one.eui64, 16): one.name or one.role or "" for one in told}
            devices = self.store.content("devices")
            for row in devices.rows(range(len(devices)), ("eui64", "name", "role")):
                if "eui64" in row and (row.get("name") or row.get("role")):
                    names[row["eui64"]] = row.get("name") or row["role"]
            self._names = stamp, {eui64: name for eui64, name in names.items() if name}
        return self._names[1]

    def keys_known(self) -> Keyring:
        """The keys that are known by now."""
        return self.keyring

    def shown(self, number: int) -> Shown:
        """A frame, dissected with all that the capture teaches.

        Raises:
            BadRequest: there is no such frame, or the capture is no longer there.
        """
        with self._lock:
            known = self._shown.get(number)
        if known is not None:
            return known
        if self.store.complete and number > self.store.frames:
            raise BadRequest(f"no frame {number}: the capture has {self.store.frames:,}", 404)
        try:
            found, _ = shown_frames(self.source, self.keys_known(), [number])
        except (CaptureError, OSError) as error:
            raise BadRequest(self._said(error), 409) from None
        if not found:
            raise BadRequest(f"no frame {number} in this capture", 404)
        with self._lock:
            self._shown[number] = found[0]
            while len(self._shown) > SHOWN:
                self._shown.popitem(last=False)
        return found[0]
