"""One capture, opened: an iterable of blocks, and what the file says besides."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from captures.block import FrameBlock, Lost
from captures.encapsulations import SUPPORTED, Unwrapper
from captures.errors import UnknownFormat, UnsupportedLinkType
from captures.files import daintree
from captures.files.compression import decompressed
from captures.files.joined import JoinedReader
from captures.files.magic import PCAPNG, VARIANTS
from captures.files.records import Reader, Records
from captures.files.source import Input, Source, Window, open_input
from dissectors import Key

__all__ = ["Capture", "CaptureFacts", "open_capture"]

KNOWN = (
    "known are pcap, pcapng, Daintree .dcf, Ubiqua .cubx, TI .psd, Network Analyzer .isd, and text with frames of "
    "IEEE 802.15.4 in hexadecimal (dumps, logs)"
)
HELD = 4
"""Batches of foreign records that are held back until an interface for radio frames is described."""
FOREIGN = {
    127: "IEEE 802.11 radiotap",
    105: "IEEE 802.11",
    187: "Bluetooth HCI",
    191: "IEEE 802.15.4 with Linux address padding",
    201: "Bluetooth HCI",
    189: "USB",
    220: "USB",
    249: "USBPcap",
    251: "Bluetooth Low Energy",
    256: "Bluetooth Low Energy",
    272: "Nordic BLE sniffer",
    292: "ZBOSS NCP (serial host traffic)",
}


def open_capture(source: Input, *, name: str | None = None) -> Capture:
    """Open a capture for reading: a path, ``-`` for stdin, or an open binary file (FIFO, BytesIO ...).

    pcap, pcapng, Daintree SNA (.dcf) and Ubiqua (.cubx), each plain or compressed with gzip, zstd or lz4; all
    are told from their first octets.

    Args:
        source: what to read.
        name: how messages call it; the path by default.

    Raises:
        CaptureMissing: it is not there or may not be read.
        UnknownFormat: it is no capture of a known format.
        CaptureError: its file header is cut.
        UnsupportedLinkType: (also while iterating) no record can be a radio frame.
    """
    opened = open_input(source, name)
    try:
        return Capture(decompressed(opened))
    except BaseException:
        opened.close()
        raise


@dataclass(slots=True)
class CaptureFacts:
    """What a capture says of itself: `Capture` has the same, and says what it means."""

    name: str = ""
    format: str = ""
    link_types: list[int] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    trailer_judgement: str = ""
    lost: list[Lost] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    clocks: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


class Capture:
    """Blocks of frames, in the order of the capture; to be iterated once.

    Attributes:
        name: as given, or the path.
        clocks: how the clocks of its interfaces differ, where they hear one network.
        format: ``"pcap"``, ``"pcapng"``, ``"daintree"`` or ``"ubiqua"``.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.name = source.name
        self.format, self._reader = _reader(source)
        self._unwrapper = Unwrapper()
        self._blocks = self._read()
        self.clocks: list[dict[str, Any]] = []
        if self.format == "pcap":
            self._refuse_foreign()

    def __enter__(self) -> Capture:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[FrameBlock]:
        return self._blocks

    @property
    def facts(self) -> CaptureFacts:
        """What it says of itself, as far as it has been read: a copy."""
        comments, lost, notes = list(self.comments), list(self.lost), list(self.notes)
        said = self.trailer_judgement
        kinds, warnings = self.link_types, list(self.warnings)
        return CaptureFacts(self.name, self.format, kinds, comments, said, lost, notes, self.clocks, warnings)

    def close(self) -> None:
        """Close the file. What was read stays valid."""
        self.source.close()

    @property
    def link_types(self) -> list[int]:
        """The link types of the interfaces described so far, each once."""
        return list(dict.fromkeys(one.link_type for one in self._reader.facts.interfaces))

    @property
    def interfaces(self) -> int:
        """How many interfaces were described so far."""
        return len(self._reader.facts.interfaces)

    def pass_through(
        self, change: Callable[[Iterator[FrameBlock]], Iterator[FrameBlock]], note: str = ""
    ) -> None:
        """Let the blocks pass through `change` before they are given, and say so in `notes`."""
        self._blocks = change(self._blocks)
        if note:
            self._reader.facts.note(note)

    @property
    def warnings(self) -> list[str]:
        """What makes its contents doubtful though all of it was read; those who change its blocks add to it."""
        return self._reader.facts.warnings

    @property
    def comments(self) -> list[str]:
        """Comments on the capture, its sections and interfaces; those on frames are in the blocks."""
        return self._reader.facts.comments

    @property
    def names(self) -> dict[int, str]:
        """Names of devices by EUI-64 (name resolution blocks)."""
        return self._reader.facts.names

    @property
    def secrets(self) -> list[Key]:
        """Keys that the capture carries; grows while it is being read."""
        return self._reader.facts.secrets

    @property
    def lost(self) -> list[Lost]:
        """What could not be read; complete after iterating."""
        return self._reader.facts.lost.told() + self.source.lost.told()

    @property
    def notes(self) -> list[str]:
        """What is to be known of the capture though nothing of it is lost; complete after iterating."""
        return list(self._reader.facts.notes)

    @property
    def trailer_judgement(self) -> str:
        """What the last octets of the frames were found to be, and the counts that say so."""
        return self._unwrapper.text() or "told by each record's own header, or none"

    @property
    def size(self) -> int | None:
        """Octets of the file on disk; None when unknown (stdin, FIFO)."""
        return self.source.size

    @property
    def position(self) -> int:
        """Octets of the file on disk read so far."""
        return self.source.position

    def _read(self) -> Iterator[FrameBlock]:
        held: list[Records] = []
        accepted = False
        for records in self._reader:
            if not accepted and not any(kind in SUPPORTED for kind in self.link_types):
                held.append(records)
                if len(held) > HELD:
                    break
                continue
            accepted = True
            for one in [*held, records]:
                yield self._unwrapper.block(one, self._reader.facts.interfaces)
            held = []
        if held:
            self._refuse_foreign()

    def _refuse_foreign(self) -> None:
        """Raise when no interface described so far can carry radio frames."""
        link_types = self.link_types
        if not link_types or any(kind in SUPPORTED for kind in link_types):
            return
        said = ", ".join(f"{kind} ({FOREIGN.get(kind, 'not a radio frame')})" for kind in link_types)
        raise UnsupportedLinkType(
            self.name,
            None,
            f"link type {said} carries no IEEE 802.15.4 frames",
            "captures of link types 195, 215, 230, 283, 192, 147 to 162, or of Ethernet or IP with ZEP can be read",
        )


def _reader(source: Source) -> tuple[str, Reader]:
    head = source.peek(64)
    if head[:4] in VARIANTS or head[:4] == PCAPNG:
        joined = JoinedReader(Window(source))
        return joined.format, joined
    if head.startswith(daintree.MARK):
        return "daintree", daintree.DaintreeReader(source)
    if head.startswith(b"SQLite format 3\0"):
        from captures.files.ubiqua import UbiquaReader

        return "ubiqua", UbiquaReader(source)
    other = _other_reader(source)
    if other is not None:
        return other
    text = "is empty" if not head else "is no capture of a known format"
    if not head and source.lost:
        text = source.lost.told()[-1].text
    raise UnknownFormat(source.name, None, text, KNOWN)


def _other_reader(source: Source) -> tuple[str, Reader] | None:
    """The reader of a format that has no magic number; None when the contents prove none."""
    if source.live is not None:
        return None
    from captures.files.psd import LOOKED_AT, SIZES, PsdReader, find_layout
    from captures.files.text_log import read_text

    layout = find_layout(source.peek(LOOKED_AT * max(SIZES)))
    if layout is not None:
        return "psd", PsdReader(source, layout)
    head = source.peek(64)[:64]
    return read_text(source) if head and (b"\0" not in head or head.startswith(b"PK")) else None
