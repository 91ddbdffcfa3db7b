"""Daintree Sensor Network Analyzer files (.dcf): one line of text a frame.

Lines after two that start with ``#``, fields separated by blanks: number, time (seconds with a fraction),
length, PSDU in hexadecimal, LQI, 1, RSSI, channel, and counters of the tool
(facts: shared/facts/captures/report.md, 1.5). The RSSI of files that other tools wrote is 0: unknown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

import numpy as np

from captures.block import BLOCK_FRAMES, PADDING, Lost
from captures.files.records import Facts, Interface, Records
from captures.files.source import CHUNK, Source

__all__ = ["MARK", "DaintreeReader", "batch_records"]

MARK = b"#Format="
LONGEST_LINE = 16_384


@dataclass(slots=True, eq=False, repr=False)
class Batch:
    """Frames read one at a time, until there are enough for a block."""

    octets: list[bytes] = field(default_factory=list)
    time_ns: list[int] = field(default_factory=list)
    channel: list[int] = field(default_factory=list)
    rssi: list[int] = field(default_factory=list)
    lqi: list[int] = field(default_factory=list)
    comments: dict[int, str] = field(default_factory=dict)


def batch_records(batch: Batch) -> Records:
    """The records of a batch; out-of-range channel 255, RSSI -128."""
    data = np.frombuffer(bytes(PADDING) + b"".join(batch.octets) + bytes(PADDING), np.uint8)
    length = np.array([len(octets) for octets in batch.octets], np.int32)
    offset = PADDING + np.concatenate(([0], np.cumsum(length[:-1], dtype=np.int64)))
    return Records(
        data=data,
        offset=offset.astype(np.int64),
        length=length,
        wire_length=length.copy(),
        time_ns=np.array(batch.time_ns, np.int64),
        interface=np.zeros(len(length), np.uint16),
        comments=batch.comments,
        channel=np.array([c if 0 <= c < 255 else 255 for c in batch.channel], np.uint8),
        rssi=np.array([r if -128 < r < 128 else -128 for r in batch.rssi], np.int8),
        lqi=np.array([min(max(value, 0), 255) for value in batch.lqi], np.uint8),
    )


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
            if len(batch.octets) >= BLOCK_FRAMES:
                yield batch_records(batch)
                batch = Batch()
        if batch.octets:
            yield batch_records(batch)

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
