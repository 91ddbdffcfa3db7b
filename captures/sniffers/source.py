"""Open sniffers: what carries a decoder's octets, and the loop that gives its frames their time.

A source that is asked for frames yields None when nothing came for a moment, so that its reader can look at
the clock, at signals and at ring-file limits without a thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from captures.errors import CaptureError
from captures.frame import CapturedFrame
from captures.sniffers.clock import DeviceClock

__all__ = ["Decoder", "FileStream", "SerialStream", "Sniffer", "Stream", "StreamSniffer", "UsbSniffer"]

IDLE_SECONDS = 0.2


class Decoder(Protocol):
    """A device family: octets in, frames out, and the commands that start and stop it."""

    def start(self) -> list[bytes]: ...
    def stop(self) -> list[bytes]: ...
    def feed(self, octets: bytes, host_ns: int) -> Iterator[CapturedFrame]: ...


class Stream(Protocol):
    """Octets both ways; `read` gives None at the end, and empty octets when nothing came in time."""

    def read(self) -> bytes | None: ...
    def write(self, octets: bytes) -> None: ...
    def close(self) -> None: ...


class Sniffer(Protocol):
    """What `hanscope sniff` reads: frames with their time, None when idle; closing stops the device."""

    name: str

    def frames(self) -> Iterator[CapturedFrame | None]: ...
    def close(self) -> None: ...


class SerialStream:
    """A serial port (pyserial); a pseudo-terminal does as well."""

    def __init__(self, port: str, baud: int) -> None:
        try:
            import serial
        except ImportError:
            raise CaptureError(
                port, None, "serial sniffers need pyserial", hint="pip install 'hanscope[sniffers]'"
            ) from None
        try:
            self._port: Any = serial.Serial(port, baud, timeout=IDLE_SECONDS, exclusive=True)
        except (serial.SerialException, OSError, ValueError) as error:
            raise CaptureError(
                port,
                None,
                f"cannot open the serial port: {error}",
                hint="is it plugged in, and yours to use?",
            ) from None
        self._name = port
        self._errors: tuple[type[BaseException], ...] = (serial.SerialException, OSError)

    def read(self) -> bytes | None:
        try:
            octets: bytes = self._port.read(1)
            return octets + self._port.read(self._port.in_waiting) if octets else b""
        except self._errors:
            return None  # unplugged: what was captured stays

    def write(self, octets: bytes) -> None:
        with suppress(*self._errors):
            self._port.write(octets)
            self._port.flush()

    def close(self) -> None:
        with suppress(*self._errors):
            self._port.close()


class FileStream:
    """A file, FIFO or standard input that only talks (EZSP JSON lines)."""

    def __init__(self, path: str) -> None:
        import os
        import select
        import sys

        self._select, self._read = select.select, os.read
        try:
            self._file = sys.stdin.buffer if path == "-" else Path(path).open("rb", buffering=0)  # noqa: SIM115
        except OSError as error:
            raise CaptureError(path, None, f"cannot open: {error.strerror}") from None

    def read(self) -> bytes | None:
        ready, _, _ = self._select([self._file], [], [], IDLE_SECONDS)
        if not ready:
            return b""
        return self._read(self._file.fileno(), 65536) or None

    def write(self, octets: bytes) -> None:
        """Nothing listens at the other end."""

    def close(self) -> None:
        self._file.close()


class StreamSniffer:
    """A decoder on a stream."""

    def __init__(self, name: str, stream: Stream, decoder: Decoder) -> None:
        self.name = name
        self._stream = stream
        self._decoder = decoder

    def frames(self) -> Iterator[CapturedFrame | None]:
        """Frames until the stream ends; None whenever it is quiet."""
        for words in self._decoder.start():
            self._stream.write(words)
        yield from _decoded(self._stream.read, self._decoder)

    def close(self) -> None:
        for words in self._decoder.stop():
            self._stream.write(words)
        self._stream.close()


class UsbSniffer:
    """A CC2531 dongle: control requests to start it, a bulk endpoint to read."""

    def __init__(self, name: str, device: Any, decoder: Any, channel: int) -> None:
        self.name = name
        self._device, self._decoder, self._channel = device, decoder, channel

    def frames(self) -> Iterator[CapturedFrame | None]:
        self._device.start(self._channel)
        yield from _decoded(self._read, self._decoder)

    def _read(self) -> bytes | None:
        try:
            octets: bytes = self._device.read()
        except OSError:
            return None  # unplugged
        return octets

    def close(self) -> None:
        with suppress(OSError):
            self._device.stop()


def _decoded(read: Callable[[], bytes | None], decoder: Any) -> Iterator[CapturedFrame | None]:
    """Frames of what `read` gives, with their time, until it gives None; None whenever it gives nothing."""
    clock = DeviceClock()
    while (octets := read()) is not None:
        if not octets:
            yield None
            continue
        for frame in decoder.feed(octets, time.time_ns()):
            yield timed(frame, clock)


def timed(frame: CapturedFrame, clock: DeviceClock) -> CapturedFrame:
    """`frame` with the time to write: its own, or the device clock fitted to the host's, or the host's."""
    if frame.time_ns:
        return frame
    if frame.device_ns is None:
        return replace(frame, time_ns=frame.host_ns)
    return replace(frame, time_ns=clock.host_time(frame.device_ns, frame.host_ns))
