"""One frame and one message, as trees of fields with their octets."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from analysis.api.keys import Keys, keyring_of
from analysis.tables import html

if TYPE_CHECKING:
    from analysis.pipeline.kept import KeptMessage
    from analysis.views.frame import Shown
    from dissectors import Keyring, Message

__all__ = ["FoundFrame", "FoundMessage", "build", "message"]


class FoundFrame:
    """One frame of a capture, dissected with all that the capture teaches.

    Attributes:
        shown: the dissection: fields, buffers, issues, and the columns of its row.

    >>> import hanscope as hs
    >>> capture = hs.open("captures/samples/install-day.pcapng", keys="captures/samples/install-day.keys.toml")
    >>> frame = capture.frame(51)
    >>> frame.number, frame.protocol, frame.columns["nwk_src"], frame.issues
    (51, 'ZCL', '61e9', [])
    >>> print(frame.text().splitlines()[1])
    ZCL: Key Establishment: Initiate Key Establishment Request
    >>> frame.to_json()["columns"]["nwk_sender"]
    '90b3d5fffe0000a0'
    """

    def __init__(self, shown: Shown) -> None:
        self.shown = shown

    @property
    def number(self) -> int:
        """Its 1-based number in the capture."""
        return int(self.shown.columns["frame"])

    @property
    def protocol(self) -> str | None:
        """The innermost protocol that was read."""
        return self.shown.columns.get("protocol")

    @property
    def summary(self) -> str | None:
        """What it says, in a line."""
        return self.shown.columns.get("summary")

    @property
    def columns(self) -> dict[str, Any]:
        """Its row of the `packets` table, addresses as text."""
        from analysis.tables.addresses import row_with_addresses

        return row_with_addresses("packets", self.shown.columns)

    @property
    def issues(self) -> list[str]:
        """What is wrong with it, a sentence each."""
        return [f"{one.layer}: offset {one.offset}: {one.text}" for one in self.shown.dissection.issues]

    def to_json(self, *, reveal: bool = False, explain: bool = False) -> dict[str, Any]:
        """What ``hanscope show --json`` prints; keys are left out unless `reveal`. `explain`: with what parts mean."""
        from analysis.views.frame import to_json

        return to_json(self.shown, reveal=reveal, explain=explain)

    def text(self, *, reveal: bool = False, explain: bool = False) -> str:
        """What ``hanscope show`` prints; keys are hidden unless `reveal`. `explain`: with what its parts mean."""
        from analysis.views.frame import text_lines

        return "\n".join(text_lines(self.shown, reveal, explain=explain))

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        from dissectors.text import printable

        return printable(f"<frame {self.number}: {self.protocol or 'unknown'}: {self.summary or ''}>")

    def _repr_html_(self) -> str:
        return html.block(self.text().split("\n"))


class FoundMessage:
    """One GBCS or DLMS message, read as far as it could be.

    Attributes:
        content: the dissection: facts, items, fields, buffers, issues.
        source: what it is called: its capture and number, a file, or the text that was given.
        number: its number in the table `messages`; None outside a capture.
        frames: frames that carried it; none outside a capture.

    >>> import hanscope as hs
    >>> sample = "captures/samples/gbcs-messages"
    >>> found = hs.open(f"{sample}.pcapng", keys=f"{sample}.keys.toml").message(2)
    >>> found.kind, found.facts["mac"], len(found.items), found.frames[0]
    ('gbcs', 'valid', 6, 58)
    >>> found.readable, found.issues
    (True, [])
    """

    def __init__(
        self, content: Message, source: Any, kept: KeptMessage | None = None, capture: str = ""
    ) -> None:
        self.content = content
        self._input = source
        self._kept, self._capture = kept, capture
        self.number = kept.message if kept else None
        self.frames = kept.frames if kept else ()

    @property
    def source(self) -> str:
        """What it is called."""
        return str(self._input.name)

    @property
    def octets(self) -> bytes:
        """The octets that it is."""
        return self.content.octets

    @property
    def readable(self) -> bool:
        """Whether it could be read at all; `issues` says what is wrong with one that could."""
        return self.content.error is None

    @property
    def kind(self) -> str:
        """gbcs, dlms, frame or unknown."""
        return self.content.kind

    @property
    def summary(self) -> str:
        """What it says, in a line."""
        said = self.content.error or self.content.columns.get("summary") or self.content.kind
        return str(said)

    @property
    def facts(self) -> dict[str, Any]:
        """What is known of it: use case, parties, counters, verdicts on its MAC and signature."""
        return dict(self.content.facts)

    @property
    def items(self) -> list[dict[str, Any]]:
        """The values in it; secret ones are hidden."""
        found: list[dict[str, Any]] = self.to_json().get("items", [])
        return found

    @property
    def issues(self) -> list[str]:
        """What is wrong with it, a sentence each."""
        return [f"{one.layer}: offset {one.offset}: {one.text}" for one in self.content.issues]

    def to_json(self, *, reveal: bool = False, explain: bool = False) -> dict[str, Any]:
        """What ``hanscope message --json`` prints (of one in a capture ``hanscope show --message N --json``); keys are
        left out unless `reveal`. `explain`: with what its parts mean."""
        from analysis.views.message_tree import kept_json, to_json

        if self._kept is not None:
            return kept_json(self._capture, self._kept, reveal=reveal, explain=explain)
        return to_json(self._input, self.content, reveal=reveal, explain=explain)

    def text(self, *, reveal: bool = False, explain: bool = False) -> str:
        """What ``hanscope message`` prints, of a message in a capture ``hanscope show --message N``. `explain`: with what
        its parts mean."""
        from analysis.views.message_tree import kept_lines, tree_text

        if self._kept is not None:
            lines = kept_lines(self._kept, reveal, capture=self._capture, explain=explain)
        else:
            lines = iter(tree_text(self._input, self.content, reveal, explain=explain).splitlines())
        return "\n".join(line.rstrip() for line in lines)

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        from dissectors.text import printable

        return printable(f"<message {self.source}: {self.summary}>")

    def _repr_html_(self) -> str:
        return html.block(self.text().split("\n"))


def message(
    given: str | bytes,
    keys: str | os.PathLike[str] | Keyring | Keys | None = None,
    *,
    kind: str = "auto",
    version: str | None = None,
    at: datetime | None = None,
) -> FoundMessage:
    """One message without a capture.

    Args:
        given: hex, base64, octets, or the path of a file that holds one message.
        keys: a key file or keyring; else what ``HANSCOPE_KEYS`` names.
        kind: gbcs, dlms, frame, or auto for the one that it looks like.
        version: version of GBCS to hold it against.
        at: when it was there, for the validity of certificates; None leaves it unchecked.

    Octets are always one message. What cannot be read raises nothing: `FoundMessage.readable` is false then.

    Raises:
        ValueError: nothing is given, or a file that holds several messages (``hs.message`` takes one).
        KeyFileError: the key file cannot be read.

    >>> message("c001c1000100000100 00ff0200").kind
    'dlms'
    """
    from analysis.cli.console import UsageError
    from analysis.views.message_inputs import Source
    from analysis.views.messages import dissect, read_sources

    text = given.hex() if isinstance(given, bytes) else given
    try:
        found = list(read_sources([text]))
    except UsageError as error:
        raise ValueError(str(error)) from None
    if len(found) > 1 and isinstance(given, bytes):  # what begins like a second message behind a damaged one
        found = [Source("octets", given)]
    if len(found) != 1:
        raise ValueError(f"one message is wanted, these are {len(found)}")
    source = found[0]
    return FoundMessage(dissect(source, keyring_of(keys), kind=kind, version=version, at=at), source)


def build(
    what: str | Mapping[str, Any],
    keys: str | os.PathLike[str] | Keyring | Keys | None = None,
    **values: Any,
) -> FoundMessage:
    """A message from its values, signed and authenticated with the keys.

    Args:
        what: a use case or message code, whose template is taken; or the JSON form of a message (`FoundMessage.to_json`,
            with ``reveal`` where it holds keys): what was changed in it is set.
        keys: a key file or keyring; else what ``HANSCOPE_KEYS`` names.
        values: of its header (``cra``, ``originator``, ``recipient``, ``originator_counter``, ``alert_code`` ...; parties
            by EUI-64 or name; ``signature`` or ``mac`` ``absent``), ``payload`` in hex, and of its payload by name, as
            ``hanscope build USECASE --list`` shows them.

    Raises:
        DissectionError: no such use case or value, a value that does not fit, or a key that is not held.
        KeyFileError: the key file cannot be read.

    >>> import hanscope as hs
    >>> keys = "captures/samples/gbcs-messages.keys.toml"
    >>> made = hs.build("ECS52", keys, originator="Supplier", recipient="Electricity meter", originator_counter=7)
    >>> made.facts["mac"], made.facts["originator_counter"], len(made.octets)
    ('valid', 7, 79)
    >>> again = hs.build({**made.to_json(), "originator_counter": 8}, keys)
    >>> again.facts["mac"], again.facts["originator_counter"]
    ('valid', 8)
    """
    from analysis.views.building import build_json, build_use_case
    from analysis.views.message_inputs import Source
    from analysis.views.messages import dissect

    ring = keyring_of(keys)
    octets = build_use_case(what, values, ring) if isinstance(what, str) else build_json(what, ring, values)
    source = Source(what if isinstance(what, str) else "built", octets)
    return FoundMessage(dissect(source, ring), source)
