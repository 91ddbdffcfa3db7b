"""Several captures at once, and how captures are opened."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union, overload

from analysis.api.captured import Accepting, Capture, Given
from analysis.api.judged import Findings
from analysis.api.keys import Keys, keyring_of
from analysis.api.tables import Tables

if TYPE_CHECKING:
    from analysis.views.choice import Choice
    from captures import CapturedFrame
    from dissectors import Keyring

__all__ = ["Captures", "open_captures"]

KeysGiven = Union[str, os.PathLike[str], "Keyring", Keys, None]


class Captures(Tables, Sequence[Capture]):
    """Several captures: a sequence of them, whose tables stand one under the other, `capture` saying whose a row is.

    >>> import hanscope as hs
    >>> both = hs.open(["captures/samples/install-day.pcapng", "captures/samples/gbcs-messages.pcapng"])
    >>> len(both), len(both.packets) == len(both[0].packets) + len(both[1].packets)
    (2, True)
    >>> len(both["gbcs-messages.pcapng"].packets)
    295
    >>> bool(both.packets.capture.str.endswith(".pcapng").all())
    True
    """

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

    def _fits(self, choice: Choice, table: str, columns: Any) -> Any:
        import numpy as np

        # Numbers of frames and messages are those of one capture.
        names = [[name for name in columns if name in one.table(table)] for one in self.captures]
        return np.concatenate(
            [one._fits(choice, table, own) for one, own in zip(self.captures, names, strict=True)]
        )

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
