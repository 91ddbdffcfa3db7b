"""Captures as a person opens them: tables, frames, messages, findings, report, read when they are asked for."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Union, overload

from analysis.api import html
from analysis.api.judged import Findings
from analysis.api.keys import Keys, keyring_of
from analysis.api.seen import FoundFrame, FoundMessage
from analysis.api.tables import Tables

if TYPE_CHECKING:
    from analysis.findings.waivers import Waivers
    from analysis.pipeline.decode import Decoded
    from analysis.pipeline.source import ReopenableSource
    from captures import CapturedFrame
    from captures.memory import FrameSource
    from dissectors import Keyring

__all__ = ["Capture", "Captures", "open_captures"]

KeysGiven = Union[str, os.PathLike[str], "Keyring", Keys, None]
Accepting = str | os.PathLike[str] | None
Given = Union[str, os.PathLike[str], IO[bytes], "FrameSource"]


class Capture(Tables):
    """One capture. Nothing is read before something is asked for; tables are then kept.

    Attributes:
        source: its path, its open file, or what has its frames in memory.
        given: the keys that were given; the table `keys` has those besides that the capture taught.
    """

    def __init__(self, source: Given, ring: Keyring, *, limit: int | None = None) -> None:
        super().__init__()
        self.source = source
        self.given = Keys(ring)
        self.limit = limit
        self._decoded: Decoded | None = None
        self._replay: ReopenableSource | None = None

    @property
    def replay(self) -> ReopenableSource:
        """Its source, to be read as often as needed; a stream is kept while it passes."""
        if self._replay is None:
            from analysis.pipeline.source import ReopenableSource

            self._replay = ReopenableSource(self.source)
        return self._replay

    @property
    def name(self) -> str:
        """Its path, or the name of its stream."""
        if isinstance(self.source, str | os.PathLike):
            return os.fspath(self.source)
        return str(getattr(self.source, "name", "stream"))

    @property
    def decoded(self) -> Decoded:
        """The tables and the state at the capture's end, for those who go on with `analysis`.

        Raises:
            CaptureError: the capture cannot be read at all.
        """
        if self._decoded is None:
            from analysis.pipeline.decode import decode

            self._decoded = decode(self.replay, self.given.ring, limit=self.limit)
        return self._decoded

    @property
    def issues(self) -> list[str]:
        """Troubles with the capture as a whole, in sentences."""
        return self.decoded.issues

    def arrow(self, name: str) -> Any:
        return self.decoded.table(name)

    def frame(self, number: int) -> FoundFrame:
        """The frame of this 1-based number, as a tree of fields.

        Raises:
            KeyError: the capture has no such frame.
            CaptureError: the capture cannot be read at all.
        """
        from analysis.views.frame import shown_frames

        found, _ = shown_frames(self.replay, self.given.ring, [number])
        if not found:
            raise KeyError(f"{self.name}: no frame {number} in this capture")
        return FoundFrame(found[0])

    def message(self, number: int) -> FoundMessage:
        """The message of this number in the table `messages`, as a tree of fields.

        Raises:
            KeyError: the capture has no such message.
            CaptureError: the capture cannot be read at all.
        """
        from analysis.pipeline.decode import MessageSink
        from analysis.pipeline.runner import run_passes
        from analysis.views.messages import Source

        sink = MessageSink(number)
        run_passes(self.replay, self.given.ring, sink, limit=self.limit)
        kept = sink.kept
        if kept is None:
            raise KeyError(f"{self.name}: no message {number} in this capture")
        content, frames = kept
        source = Source(f"{self.name}: message {number}", content.octets, content.kind)
        return FoundMessage(content, source, frames)

    def check(
        self, profile: str | None = None, rules: Sequence[str] | None = None, accept: Accepting = None
    ) -> Findings:
        """What the rules say of it, as ``hanscope check`` does.

        Args:
            profile: a profile of the rules, by name or file.
            rules: ids of the rules to run; all by default.
            accept: a file of waivers (`analysis.findings.waivers`): what it accepts is in `Findings.accepted`.

        Raises:
            ValueError: there is no such rule or profile, or the waivers cannot be read.
            CaptureError: the capture cannot be read at all.
        """
        from analysis.engine.checking import check_capture

        checked = check_capture(
            self.replay, self.given.ring, profile=profile, chosen=rules, waivers=_waivers(accept)
        )
        return Findings([(self.name, checked.result)])

    def report(
        self, path: str | os.PathLike[str], profile: str | None = None, accept: Accepting = None
    ) -> Path:
        """Write the report, one HTML file that needs nothing else; returns its path.

        Raises:
            CaptureError: the capture cannot be read at all.
            OSError: the file cannot be written.
        """
        from analysis.engine.checking import check_capture
        from analysis.report import Tally, render_tally
        from captures.whole_files import write_whole

        checked = check_capture(
            self.replay, self.given.ring, profile=profile, watcher=Tally, waivers=_waivers(accept)
        )
        lost = [one.text for one in checked.reading.facts.lost]
        write_whole(path, render_tally(checked.watcher, checked.result, lost))
        return Path(path)

    def __repr__(self) -> str:
        return (
            repr(self._decoded).replace("Decoded", "Capture", 1)
            if self._decoded
            else f"<Capture {self.name}>"
        )

    def _repr_html_(self) -> str:
        counts = [(name, f"{len(table):,}") for name, table in self.decoded.arrow.items()]
        return html.heading(self.name) + html.rows_table(("table", "rows"), counts)


class Captures(Tables, Sequence[Capture]):
    """Several captures: a sequence of them, whose tables stand one under the other, `capture` saying whose a row is."""

    def __init__(self, captures: Iterable[Capture]) -> None:
        super().__init__()
        self.captures = list(captures)

    def arrow(self, name: str) -> Any:
        import pyarrow as pa

        parts = []
        for capture in self.captures:
            table = capture.arrow(name)
            if "capture" not in table.schema.names:
                whose = pa.array([capture.name] * len(table), pa.string()).dictionary_encode()
                table = table.add_column(0, "capture", whose)
            parts.append(table)
        return pa.concat_tables(parts).unify_dictionaries()

    def check(
        self, profile: str | None = None, rules: Sequence[str] | None = None, accept: Accepting = None
    ) -> Findings:
        """What the rules say of each of them; see `Capture.check`."""
        found = [capture.check(profile, rules, accept) for capture in self.captures]
        return Findings([result for one in found for result in one.results])

    def report(
        self, folder: str | os.PathLike[str], profile: str | None = None, accept: Accepting = None
    ) -> list[Path]:
        """Write a report of each into a folder; returns their paths."""
        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        written: list[Path] = []
        for capture in self.captures:
            path = place / f"{Path(capture.name).name}.html"
            if path in written:
                path = place / f"{len(written) + 1}-{path.name}"
            written.append(capture.report(path, profile, accept))
        return written

    def __getitem__(self, index: Any) -> Any:
        """A capture by its place or its name; several by a slice."""
        if isinstance(index, str):
            return next(one for one in self.captures if index in (one.name, Path(one.name).name))
        found = self.captures[index]
        return Captures(found) if isinstance(index, slice) else found

    def __iter__(self) -> Iterator[Capture]:
        return iter(self.captures)

    def __len__(self) -> int:
        return len(self.captures)

    def __repr__(self) -> str:
        return f"<Captures: {', '.join(one.name for one in self.captures)}>"

    def _repr_html_(self) -> str:
        return "".join(one._repr_html_() for one in self.captures)


def _waivers(path: Accepting) -> Waivers | None:
    if path is None:
        return None
    from analysis.findings.waivers import read_waivers

    return read_waivers(path)


@overload
def open_captures(
    source: list[Given] | list[str] | list[Path] | tuple[Given, ...],
    keys: KeysGiven = None,
    *,
    limit: int | None = None,
) -> Captures: ...
@overload
def open_captures(
    source: Given | list[CapturedFrame], keys: KeysGiven = None, *, limit: int | None = None
) -> Capture: ...
def open_captures(
    source: Given | list[Given] | list[str] | list[Path] | tuple[Given, ...] | list[CapturedFrame],
    keys: KeysGiven = None,
    *,
    limit: int | None = None,
) -> Capture | Captures:
    """A capture, or several when a list is given. It is read when something of it is asked for.

    Args:
        source: a path, an open binary file, a simulated network, or a list of them; or a list of captured frames.
        keys: a key file or keyring; else what ``HANSCOPE_KEYS`` names, or a simulated network's own.
        limit: read so many records at most for the tables.

    Returns:
        A `Capture`, of a list `Captures`.

    Raises:
        KeyFileError: the key file cannot be read.
        CaptureError: (later, when something is asked for) the capture cannot be read at all.

    >>> sample = "captures/samples/gbcs-messages.pcapng"
    >>> capture = open_captures(sample, keys="captures/samples/gbcs-messages.keys.toml")
    >>> capture.messages.use_case.iloc[0]
    'ECS17b'
    >>> capture.message(2).summary
    'ECS17b response, 6 items, success'
    >>> set(capture.where("nwk_src == 0x0000").nwk_src)
    {'0000'}
    """
    given: list[Any] = list(source) if isinstance(source, list | tuple) else [source]
    if isinstance(source, list) and given and not isinstance(given[0], str | os.PathLike):
        from captures.memory import CapturedFrame, Frames

        if isinstance(given[0], CapturedFrame):
            return Capture(Frames(given), keyring_of(keys), limit=limit)
    found = [Capture(one, _ring(one, keys), limit=limit) for one in given]
    return Captures(found) if isinstance(source, list | tuple) else found[0]


def _ring(source: Given, keys: KeysGiven) -> Keyring:
    """The keys that are meant for a source."""
    own = None
    if keys is None and not isinstance(source, str | os.PathLike):
        from analysis.keys.homes import keys_of_home

        own = keys_of_home(source)
    return keyring_of(keys) if own is None else own
