"""Capture files of every format: read alike from a file and from a pipe, written again and read to the same frames."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from typing import Any

import lz4.frame
import zstandard

from captures import CapturedFrame, CaptureError, CaptureWriter
from tests.captures import builders
from tests.captures.reading import Whole, whole

LIMIT = 4096


def seeds() -> Iterator[bytes]:
    records = builders.with_fcs()
    for order in "<>":
        for link_type in (195, 230, 215, 283, 1, 101, 147, 192, 252):
            yield builders.pcapng(_encapsulated(records, link_type), link_type, order)
            yield builders.pcap(_encapsulated(records, link_type), link_type, order=order)
        for magic in (0xA1B23C4D, 0xA1B2CD34):
            yield builders.pcap(
                records, order=order, magic=magic, extra=bytes(8) if magic == 0xA1B2CD34 else b""
            )
    yield builders.pcap(records, cut=3)
    yield builders.pcapng(builders.with_ti()) + builders.section(">") + builders.interface(230, ">")
    yield from _blocks()
    small = builders.pcapng(records)
    yield gzip.compress(small, mtime=0)
    yield zstandard.compress(small)
    yield lz4.frame.compress(small)
    yield _daintree()
    yield _written()


def _encapsulated(records: list[bytes], link_type: int) -> list[bytes]:
    if link_type == 283:
        return [builders.tap(one, (0, b"\1"), (1, b"\0\0\x80\xc2"), (3, b"\x14\0\0")) for one in records]
    if link_type in (1, 101):
        packets = [builders.ipv4(builders.udp(builders.zep(one[:100]))) for one in records]
        return [builders.ethernet(one) for one in packets] if link_type == 1 else packets
    if link_type == 147:
        return [b"\x14\0\xd8\xff\xff\0" + one for one in records]
    return [one[:-2] for one in records] if link_type == 230 else records


def _blocks() -> Iterator[bytes]:
    head = builders.section() + builders.interface(
        195, options=builders.option(9, b"\x09") + builders.option(14, bytes(8))
    )
    frame = builders.with_fcs()[2]
    comment = builders.option(1, "a flat\N{LATIN SMALL LETTER E WITH ACUTE}".encode()) + builders.option(
        2, bytes(4)
    )
    yield head + builders.enhanced(frame, 5, options=comment + bytes(4))
    names = b"\3\0\x0a\0" + bytes(8) + b"m\0\0\0" + bytes(4)
    yield (
        head
        + builders.block(4, names)
        + builders.block(5, bytes(12))
        + builders.block(3, bytes((31, 0, 0, 0)) + frame)
    )
    secret = b"ZNWK" + (20).to_bytes(4, "little") + bytes(range(20))
    yield builders.section() + builders.block(0x0A, secret[::-1][20:] + secret) + builders.interface(195)
    yield head + builders.block(0xBAD, b"what") + builders.enhanced(frame, 9)


def _daintree() -> bytes:
    head = "#Format=4\r\n# SNA v4.0.0.5 SUS:20231114 ACT:000001\r\n"
    line = "{0} {0}.000000 {1} {2} 255 1 20 -40 1 1 1 {3}\r\n"
    return (
        head + "".join(line.format(i, len(f), f.hex(), i) for i, f in enumerate(builders.with_fcs(), 1))
    ).encode()


def _written() -> bytes:
    out = io.BytesIO()
    with CaptureWriter(out, comments=["ours"]) as writer:
        writer.write_names({1: "meter"})
        for number, octets in enumerate(builders.with_fcs()):
            writer.write(
                CapturedFrame(octets, 10**18 + number, channel=20, rssi=-40, lqi=200, comment="c" * number)
            )
    return out.getvalue()


class Pipe(io.RawIOBase):
    """Gives few octets at a time and cannot seek."""

    def __init__(self, octets: bytes) -> None:
        self._file = io.BytesIO(octets)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        found = self._file.read(min(len(buffer), 61))
        buffer[: len(found)] = found
        return len(found)


def _read(source: object) -> Whole | str:
    try:
        return whole(source)
    except CaptureError as error:
        assert error.text and (error.offset is None or error.offset >= 0)
        return type(error).__name__


def check(octets: bytes) -> None:
    if octets.startswith(b"SQLite format 3"):
        return  # the library's own reader, which has fuzzers of its own
    found = _read(octets)
    assert _facts(_read(Pipe(octets))) == _facts(found), "a pipe gives something else than a file"
    if isinstance(found, str):
        return
    for one in found.lost:
        assert one.text and one.offset >= 0
    assert len(found.rows) <= 1 + len(octets) * (
        1 if octets[:2] in (b"\n\r", b"\xd4\xc3", b"\xa1\xb2") else 50
    )
    _written_again(found)


def _facts(found: Whole | str) -> Any:
    if isinstance(found, str):
        return found
    return found.rows, found.lost, found.comments, found.names, found.link_types, found.judgement


def _written_again(found: Whole) -> None:
    frames = [one for one in found.rows if one.link_type is None and 0 <= one.time_ns < 1 << 63]
    if not frames:
        return
    out = io.BytesIO()
    with CaptureWriter(out) as writer:
        for frame in frames:
            writer.write(frame)
    again = whole(out.getvalue())
    assert len(again.rows) == len(frames)
    for one, other in zip(frames, again.rows, strict=True):
        assert _frame(one) == _frame(other), "written and read again it is another frame"


def _frame(one: CapturedFrame) -> tuple[Any, ...]:
    body = one.octets[: len(one.octets) - one.trailer.octets]
    return body, one.fcs, one.time_ns, one.channel, one.rssi, one.comment
