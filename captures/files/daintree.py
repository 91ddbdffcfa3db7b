"""Daintree Sensor Network Analyzer files (.dcf): one line of text a frame.

Lines after two that start with ``#``, fields separated by blanks: number, time (seconds with a fraction),
length, PSDU in hexadecimal, LQI, 1, RSSI, channel, and counters of the tool
(facts: shared/facts/captures/report.md, 1.5). The RSSI of files that other tools wrote is 0: unknown.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation

from captures.block import Lost
from captures.files.batch import Batch
from captures.files.records import Facts, Interface, Records
from captures.files.source import CHUNK, Source

__all__ = ["MARK", "DaintreeReader"]

MARK = b"#Format="
LONGEST_LINE = 16_384


class DaintreeReader:
    """Reads one .dcf file."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.facts = Facts(interfaces=[Interface(195, "Daintree SNA")])
        self.tail = -1  # offset of a last line without its end

    def __iter__(self) -> Iterator[Records]:
        batch = Batch()
        for offset, line in self._lines():
            if line.startswith(b"#") or not line.strip():
                continue
            trouble = self._frame(line.rstrip(b"\r"), batch, cut=offset == self.tail)
            if trouble:
                self.facts.lost.append(Lost(offset, trouble, 1))
            if batch.full:
                yield batch.taken()
        if len(batch):
            yield batch.taken()

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        offset, rest = 0, b""
        while piece := self.source.read(CHUNK):
            *whole, rest = (rest + piece).split(b"\n")
            for line in whole:
                yield offset, line
                offset += len(line) + 1
            if len(rest) > LONGEST_LINE:
                self.facts.lost.append(Lost(offset, f"a line of more than {LONGEST_LINE} octets"))
                offset, rest = offset + len(rest), b""
        if rest:
            self.tail = offset
            yield offset, rest

    def _frame(self, line: bytes, batch: Batch, cut: bool) -> str:
        """Add the frame of `line` to `batch`; what is wrong with it, when it cannot be read."""
        parts = line.split()
        if len(parts) < 4:
            return f"a line of {len(parts)} fields, four at least are needed"
        try:
            time_ns = int(Decimal(parts[1].decode("ascii")) * 10**9)
            octets = bytes.fromhex(parts[3].decode("ascii"))
            length = int(parts[2])
        except (ValueError, InvalidOperation, UnicodeDecodeError, OverflowError):
            return "a line whose time, length or frame is no number"
        if abs(time_ns) >= 2**63 or not octets:
            return "a line without a frame, or with an impossible time"
        if cut and length > len(octets):
            return f"cut in a line: {len(octets)} of {length} octets are there"
        if length != len(octets):
            text = f"the line says {length} octets and holds {len(octets)}"
            batch.comments[len(batch.octets)] = text
        batch.octets.append(octets)
        batch.size += len(octets)
        batch.time_ns.append(time_ns)
        batch.lqi.append(_number(parts, 4, 255))
        batch.rssi.append(_number(parts, 6, 0) or -128)
        batch.channel.append(_number(parts, 7, 255))
        return ""


def _number(parts: list[bytes], index: int, missing: int) -> int:
    try:
        return int(parts[index])
    except (IndexError, ValueError):
        return missing
