"""Writes captures: pcapng (TAP, comments, names, secrets, several interfaces) and pcap.

Every record goes out in one write, so that what stands in a file is whole records whenever the program dies.
Layouts are declared in `captures.structures`; the two headers that every frame needs are packed here.
"""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from types import TracebackType
from typing import IO, Literal

from captures.block import FcsState, FrameBlock, TrailerKind
from captures.errors import CaptureError
from captures.fcs import fcs16
from captures.files.blocks import SECRETS_ZAPS, SECRETS_ZNWK, pad4
from captures.frame import CapturedFrame, captured_frames
from captures.whole_files import whole_file
from dissectors import Key

__all__ = ["CaptureWriter", "CapturedFrame", "Format", "captured_frames", "write_capture"]

Format = Literal["pcapng", "pcap"]
TAP, WITH_FCS, WITHOUT_FCS = 283, 195, 230
SECOND = 1_000_000_000


class CaptureWriter:
    """Writes frames as they come.

    Args:
        target: path or open binary file. A path is made anew, or with `append` goes on in a new section.
        format: ``"pcapng"`` or ``"pcap"`` (one link type; no comments, names or secrets).
        link_type: 283 (TAP), 195 (with FCS) or 230 (without); by default TAP in pcapng, 195 in pcap.
        interface: name of the interface, for pcapng.
        comments: on the capture as a whole.
        name: what errors call the target, where that is not its own name.

    Raises:
        CaptureError: the target cannot be written; the link type is none of the three.
    """

    def __init__(
        self,
        target: str | os.PathLike[str] | IO[bytes],
        *,
        format: Format = "pcapng",  # noqa: A002 - the word for it
        link_type: int | None = None,
        interface: str = "",
        comments: Iterable[str] = (),
        append: bool = False,
        name: str = "",
    ) -> None:
        self.name = name or str(getattr(target, "name", target))
        self.format = format
        self.link_type = link_type or (TAP if format == "pcapng" else WITH_FCS)
        if self.link_type not in (TAP, WITH_FCS, WITHOUT_FCS):
            raise CaptureError(self.name, None, f"frames cannot be written with link type {self.link_type}")
        if append and format == "pcap":
            raise CaptureError(self.name, None, "pcap cannot be appended to", "write pcapng")
        self.written = 0
        self.skipped = 0  # records that have no place in this format
        self._interfaces: dict[tuple[int, int], int] = {}
        self._interface_name = interface
        self._own = isinstance(target, str | os.PathLike)
        try:
            self._file = _opened(target, "ab" if append else "wb")
        except OSError as error:
            raise CaptureError(self.name, None, error.strerror or str(error)) from error
        self._start(list(comments))

    def __enter__(self) -> CaptureWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def flush(self) -> None:
        """Hand everything written so far to the system."""
        self._file.flush()

    def close(self) -> None:
        """Flush, and close the file when it was opened here."""
        self._file.flush()
        if self._own:
            self._file.close()

    def write(self, frame: CapturedFrame) -> None:
        """Write one frame, in the writer's link type.

        A record that is no radio frame keeps its own link type: an interface more in pcapng; in pcap it is
        counted in `skipped`.
        """
        if frame.link_type is not None:
            self._record(frame.link_type, frame.octets, frame)
        else:
            self._record(self.link_type, _encapsulated(frame, self.link_type), frame)

    def write_block(self, block: FrameBlock) -> None:
        """Write all rows of a block."""
        for frame in captured_frames(block):
            self.write(frame)

    def write_names(self, names: Mapping[int, str]) -> None:
        """Names of devices by EUI-64; nothing in pcap."""
        from captures.files.structures import NAME

        if self.format == "pcap" or not names:
            return
        body = b"".join(
            NAME.build({"type": 4, "value": eui64.to_bytes(8, "big") + name.encode() + b"\0"})
            for eui64, name in names.items()
        )
        self._put(_block(4, body + bytes(4)))

    def write_secret(self, key: Key) -> None:
        """A network or link key, in the clear for whoever reads the capture; nothing in pcap."""
        from captures.files.structures import SECRETS, ZIGBEE_APS_SECRET, ZIGBEE_NETWORK_SECRET

        if self.format == "pcap" or key.kind not in ("network", "link"):
            return
        pan = 0xFFFF if key.pan is None else key.pan
        fields = {"key": key.value, "pan": pan, "lower": 0xFFFF, "higher": 0xFFFF}
        network = key.kind == "network"
        secret = (ZIGBEE_NETWORK_SECRET if network else ZIGBEE_APS_SECRET).build(fields)
        kind = SECRETS_ZNWK if network else SECRETS_ZAPS
        self._put(_block(10, SECRETS.build({"type": kind, "secrets": secret})))

    def _start(self, comments: list[str]) -> None:
        from captures.files.structures import PCAP_FILE_HEADER, SECTION_HEADER

        if self.format == "pcap":
            self._put(PCAP_FILE_HEADER.build({"link_type": self.link_type}))
            return
        options = [{"code": 1, "value": text.encode()} for text in comments]
        options.append({"code": 4, "value": b"hanscope"})
        self._put(_block(0x0A0D0D0A, SECTION_HEADER.build({"options": options}) + bytes(4)))
        self._interface(self.link_type, 0)

    def _interface(self, link_type: int, source: int) -> int:
        """The number of the interface for records of `link_type` from interface `source`."""
        from captures.files.structures import INTERFACE

        found = self._interfaces.get((link_type, source))
        if found is None:
            found = self._interfaces[link_type, source] = len(self._interfaces)
            options = [{"code": 9, "value": b"\x09"}]
            if self._interface_name:
                options.insert(0, {"code": 2, "value": self._interface_name.encode()})
            body = INTERFACE.build({"link_type": link_type, "options": options})
            self._put(_block(1, body + bytes(4)))
        return found

    def _record(self, link_type: int, octets: bytes, frame: CapturedFrame) -> None:
        time_ns = max(frame.time_ns, 0)
        if self.format == "pcap":
            if link_type != self.link_type:
                self.skipped += 1
                return
            seconds, rest = divmod(time_ns, SECOND)
            header = struct.pack("<IIII", min(seconds, 0xFFFF_FFFF), rest, len(octets), len(octets))
            self._put(header + octets)
        else:
            number = self._interface(link_type, frame.interface)
            self._put(_packet(number, time_ns, octets, frame.comment))
        self.written += 1

    def _put(self, octets: bytes) -> None:
        try:
            self._file.write(octets)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise CaptureError(self.name, None, error.strerror or str(error)) from error


def write_capture(
    target: str | os.PathLike[str] | IO[bytes],
    frames: Iterable[FrameBlock | CapturedFrame],
    *,
    format: Format = "pcapng",  # noqa: A002 - the word for it
    link_type: int | None = None,
    interface: str = "",
    comments: Iterable[str] = (),
    names: Mapping[int, str] | None = None,
    secrets: Iterable[Key] = (),
) -> int:
    """Write a whole capture; a path appears complete or not at all. Returns the number of records.

    Raises:
        CaptureError: the target cannot be written.
    """
    with _complete_file(target) as file:
        writer = CaptureWriter(
            file,
            format=format,
            link_type=link_type,
            interface=interface,
            comments=comments,
            name="" if target is file else str(target),
        )
        for key in secrets:
            writer.write_secret(key)
        writer.write_names(names or {})
        for one in frames:
            if isinstance(one, FrameBlock):
                writer.write_block(one)
            else:
                writer.write(one)
        writer.close()
        return writer.written


def _opened(target: str | os.PathLike[str] | IO[bytes], mode: str) -> IO[bytes]:
    if isinstance(target, str | os.PathLike):
        return open(target, mode)  # noqa: PTH123 - the writer closes it
    return target


@contextlib.contextmanager
def _complete_file(target: str | os.PathLike[str] | IO[bytes]) -> Iterator[IO[bytes]]:
    """The target opened for writing; a path gets its name when all is written."""
    if not isinstance(target, str | os.PathLike):
        yield target
        return
    try:
        with whole_file(target) as file:
            yield file
    except BrokenPipeError:
        raise
    except OSError as error:
        raise CaptureError(os.fspath(target), None, error.strerror or str(error)) from error


def _block(kind: int, body: bytes) -> bytes:
    """A pcapng block around a body whose length is a multiple of four."""
    length = struct.pack("<I", 12 + len(body))
    return struct.pack("<I", kind) + length + body + length


def _packet(number: int, time_ns: int, octets: bytes, comment: str) -> bytes:
    """An enhanced packet block; nanosecond ticks."""
    body = struct.pack("<5I", number, time_ns >> 32, time_ns & 0xFFFF_FFFF, len(octets), len(octets))
    body += octets.ljust(pad4(len(octets)), b"\0")
    if comment:
        said = comment.encode()[:0xFFFF]
        body += struct.pack("<HH", 1, len(said)) + said.ljust(pad4(len(said)), b"\0") + bytes(4)
    return _block(6, body)


def _encapsulated(frame: CapturedFrame, link_type: int) -> bytes:
    """The record of a radio frame."""
    if link_type == WITHOUT_FCS:
        return _without_trailer(frame)
    if link_type == WITH_FCS:
        return _with_fcs(frame)
    fcs_type, octets = 1, b""
    if frame.trailer is TrailerKind.ABSENT:
        fcs_type, octets = 0, frame.octets
    elif frame.trailer is TrailerKind.FCS32:
        fcs_type, octets = 2, frame.octets
    else:
        octets = _with_fcs(frame)
    return _tap(fcs_type, frame.channel, frame.page, frame.rssi, frame.lqi) + octets


def _without_trailer(frame: CapturedFrame) -> bytes:
    return frame.octets[: len(frame.octets) - frame.trailer.octets]


def _with_fcs(frame: CapturedFrame) -> bytes:
    """The frame with a 16-bit FCS: the captured one, or one that is as right or wrong as it was."""
    if frame.trailer is TrailerKind.FCS16:
        return frame.octets
    octets = _without_trailer(frame)
    check = fcs16(octets)
    if frame.fcs is FcsState.BAD:
        check = bytes(octet ^ 0xFF for octet in check)
    return octets + check


@lru_cache(maxsize=65_536)
def _tap(fcs_type: int, channel: int | None, page: int | None, rssi: int | None, lqi: int | None) -> bytes:
    from captures.encapsulations.tap import tap_header

    entries = [(0, bytes([fcs_type]))]
    if rssi is not None:
        entries.append((1, struct.pack("<f", rssi)))
    if channel is not None:
        entries.append((3, struct.pack("<HB", channel, page or 0)))
    if lqi is not None:
        entries.append((10, bytes([lqi])))
    return tap_header(entries)
