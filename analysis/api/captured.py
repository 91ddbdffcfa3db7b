"""Captures as a person opens them: tables, frames, messages, findings, report, read when they are asked for."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Union

from analysis.api.judged import Findings
from analysis.api.keys import Keys
from analysis.api.seen import FoundFrame, FoundMessage
from analysis.api.tables import Tables
from analysis.tables import html

if TYPE_CHECKING:
    from analysis.api.followed import Followed
    from analysis.diagnosis import Diagnosis
    from analysis.findings.waivers import Waivers
    from analysis.pipeline.decode import Decoded
    from analysis.pipeline.source import ReopenableSource
    from captures.memory import FrameSource
    from dissectors import Keyring

__all__ = ["Accepting", "Capture", "Given"]

Accepting = str | os.PathLike[str] | None
Given = Union[str, os.PathLike[str], IO[bytes], "FrameSource"]


class Capture(Tables):
    """One capture. Nothing is read before something is asked for; tables are then kept.

    Attributes:
        source: its path, its open file, or what has its frames in memory.
        given: the keys that were given; the table `keys` has those besides that the capture taught.

    >>> import hanscope as hs
    >>> capture = hs.open("captures/samples/install-day.pcapng", keys="captures/samples/install-day.keys.toml")
    >>> len(capture.packets), capture.packets.protocol.iloc[0]
    (225, '802.15.4')
    >>> capture.packets.nwk_src.str.upper().iloc[-1]
    '61E9'
    >>> capture.devices.role.tolist()[:2]
    ['CHF', 'ESME']
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
        """Troubles with the capture as a whole, in sentences.

        >>> import hanscope as hs
        >>> hs.open("captures/samples/install-day.pcapng").issues
        []
        """
        return self.decoded.issues

    def arrow(self, name: str) -> Any:
        """A table as `pyarrow.Table`, with texts as they were sent and addresses as text, dictionary-encoded.

        >>> import hanscope as hs
        >>> hs.open("captures/samples/install-day.pcapng").arrow("devices").column("short").to_pylist()
        ['0000', '61e9']
        """
        return self.decoded.table(name)

    def frame(self, number: int) -> FoundFrame:
        """The frame of this 1-based number, as a tree of fields.

        Raises:
            KeyError: the capture has no such frame.
            CaptureError: the capture cannot be read at all.

        >>> import hanscope as hs
        >>> hs.open("captures/samples/install-day.pcapng").frame(1)
        <frame 1: 802.15.4: Beacon Request>
        """
        from analysis.views.frame import shown_frames

        found, _ = shown_frames(self.replay, self.given.ring, [number])
        if not found:
            raise KeyError(f"{self.name}: no frame {number} in this capture")
        return FoundFrame(found[0])

    def message(self, number: int) -> FoundMessage:
        """The message of this number in the table `messages`, as a tree of fields: what ``hanscope show --message``
        shows.

        Raises:
            KeyError: the capture has no such message.
            CaptureError: the capture cannot be read at all.

        >>> import hanscope as hs
        >>> sample = "captures/samples/gbcs-messages"
        >>> hs.open(f"{sample}.pcapng", keys=f"{sample}.keys.toml").message(1).facts["use_case"]
        'ECS17b'
        """
        from analysis.pipeline.decode import MessageSink
        from analysis.pipeline.runner import run_passes
        from analysis.views.messages import Source

        sink = MessageSink([number])
        run_passes(self.replay, self.given.ring, sink, limit=self.limit)
        if not sink.kept:
            raise KeyError(f"{self.name}: no message {number} in this capture")
        kept = sink.kept[0]
        source = Source(f"{self.name}: message {number}", kept.content.octets, kept.content.kind)
        return FoundMessage(kept.content, source, kept, self.name)

    def follow(
        self,
        *,
        exchange: int | None = None,
        message: int | None = None,
        tunnel: int | None = None,
        join: str | None = None,
        device: str | None = None,
        where: str | None = None,
        most: int = 1000,
    ) -> Followed:
        """A ladder of an exchange, of the exchange of a message, of a tunnel's sessions, of how a device came in, or of
        what a device or an expression chooses: what ``hanscope follow`` draws.

        Args:
            most: frames that are drawn, at most.

        Raises:
            ValueError: the capture has no such thing, or the expression is none.
            CaptureError: the capture cannot be read at all.

        >>> import hanscope as hs
        >>> sample = "captures/samples/gbcs-messages"
        >>> print(hs.open(f"{sample}.pcapng", keys=f"{sample}.keys.toml").follow(message=1).steps[0].text)
        ECS17b command 3 of 3 fragments, Supplier to Electricity meter
        """
        from analysis.api.followed import Followed
        from analysis.cli.command_line.choosing import ChoiceOptions, ladder_of_choice
        from analysis.cli.console import UsageError
        from analysis.views.following import Wanted

        wanted, choice = Wanted(exchange, message, tunnel, join), ChoiceOptions(where=where, device=device)
        try:
            found = ladder_of_choice(self.replay, self.given.ring, wanted, choice, most=most)
        except UsageError as error:
            raise ValueError(str(error)) from None
        return Followed(found[0])

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

        >>> import hanscope as hs
        >>> sample = "captures/samples/tampered-message"
        >>> found = hs.open(f"{sample}.pcapng", keys=f"{sample}.keys.toml").check(rules=["mac-invalid"])
        >>> found[0].severity, found[0].frames != ()
        ('critical', True)
        """
        from analysis.engine.checking import check_capture

        checked = check_capture(
            self.replay, self.given.ring, profile=profile, chosen=rules, waivers=_waivers(accept)
        )
        return Findings([(self.name, checked.result)])

    def why(self, device: str | None = None, profile: str | None = None) -> Diagnosis:
        """Why a device does not work: the steps that it goes through, the first that failed, what to check next.

        Args:
            device: its name, role, EUI-64 or short address; None for all of the home.

        Raises:
            LookupError: no device is called so.
            CaptureError: the capture cannot be read at all.

        >>> import hanscope as hs
        >>> capture = hs.open("captures/samples/install-day.pcapng", keys="captures/samples/install-day.keys.toml")
        >>> found = capture.why("ESME")
        >>> found.verdict, [one.step.step for one in found.devices[0].steps if one.state == "reached"][:3]
        ('no fault found', ['beacon', 'association', 'network-key'])
        """
        from analysis.diagnosis import diagnose

        return diagnose(self.replay, self.given.ring, device, profile=profile)

    def _findings(self) -> Any:
        from analysis.findings.findings_output import findings_batch

        return findings_batch(list(self.check()))

    def report(
        self, path: str | os.PathLike[str], profile: str | None = None, accept: Accepting = None
    ) -> Path:
        """Write the report, one HTML file that needs nothing else; returns its path.

        Raises:
            CaptureError: the capture cannot be read at all.
            OSError: the file cannot be written.

        >>> import hanscope as hs, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = hs.open("captures/samples/install-day.pcapng").report(f"{folder}/report.html")
        ...     "<html" in path.read_text()
        True
        """
        from analysis.engine.checking import check_capture
        from analysis.pipeline.message_store import MessageStore
        from analysis.report import Tally, render_tally
        from analysis.report.named_frames import named_frames
        from captures.whole_files import write_whole

        store = MessageStore()
        checked = check_capture(
            self.replay,
            self.given.ring,
            profile=profile,
            watcher=Tally,
            waivers=_waivers(accept),
            sinks=[store],
        )
        lost = [one.text for one in checked.reading.facts.lost]
        shown = named_frames(self.replay, self.given.ring, checked.result, checked.reading)
        write_whole(path, render_tally(checked.watcher, checked.result, lost, store=store, shown=shown))
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


def _waivers(path: Accepting) -> Waivers | None:
    if path is None:
        return None
    from analysis.findings.waivers import read_waivers

    return read_waivers(path)
