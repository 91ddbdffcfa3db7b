"""Capture files behind one another in one file (``cat a.pcap b.pcapng``): each is read as what it is.

Strategy: both readers end where a record or block should begin and a file header stands instead; damage is searched
for such headers as well, for the file before may be cut. Then the reader of the other format, byte order or link
type goes on in the same window, with interfaces of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from captures.block import Lost
from captures.errors import CaptureError
from captures.files.batch import FEW, Batch
from captures.files.magic import PCAPNG, VARIANTS, file_header
from captures.files.pcap import PcapReader
from captures.files.pcapng import PcapngReader
from captures.files.records import Facts, Records
from captures.files.source import Window

__all__ = ["JoinedReader"]


class _Part(Protocol):
    facts: Facts

    def __iter__(self) -> Iterator[Records]: ...


class JoinedReader:
    """Reads a file of pcap or pcapng, and those behind it.

    Raises:
        CaptureError: the first file header is cut or damaged.
    """

    def __init__(self, window: Window) -> None:
        window.fill(4)
        self.window = window
        self.format, self._part = _reader(window, Facts())
        self.facts = self._part.facts

    def __iter__(self) -> Iterator[Records]:
        window, batch = self.window, Batch()
        yield from self._part
        while file_header(window, 0):
            at = window.offset(window.begin)
            try:
                name, self._part = _reader(window, self.facts)
            except CaptureError as error:
                self.facts.lost.append(Lost(at, f"another file begins here, but {error.text}"))
                break
            kinds = (
                f"link type {self.facts.interfaces[-1].link_type}"
                if name == "pcap"
                else "with its own interfaces"
            )
            self.facts.note(
                f"offset 0x{at:x}: another {name} file begins here ({kinds}); its frames were read as well"
            )
            for records in self._part:
                if len(records) >= FEW:
                    if len(batch):
                        yield batch.taken()
                    yield records
                    continue
                batch.extend(records)
                if batch.full or not window.source.waiting():
                    yield batch.taken()
        if len(batch):
            yield batch.taken()


def _reader(window: Window, facts: Facts) -> tuple[str, _Part]:
    head = bytes(window.memory[window.begin : window.begin + 4])
    if head in VARIANTS:
        return "pcap", PcapReader(window, facts)
    assert head == PCAPNG
    return "pcapng", PcapngReader(window, facts)
