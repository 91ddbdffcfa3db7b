"""nRF 802.15.4 sniffer firmware and Zephyr's 802.15.4 sniffer sample: lines of ASCII over USB serial.

nRF (Nordic nRF Sniffer for 802.15.4, nrf802154_sniffer firmware)::

    received: <hex PSDU with 2 FCS octets> power: <dBm> lqi: <n> time: <microseconds, 32 bits>

Zephyr (samples/net/capture of the Zephyr project)::

    psdu: <hex PSDU without FCS> power: <dBm, -32768 unknown> lqi: <n> time: <microseconds, 64 bits>

Shell prompts, echoes and log lines stand between them and are not frames.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from captures.block import FcsState, TrailerKind
from captures.frame import CapturedFrame
from captures.sniffers.clock import Unwrapped
from captures.sniffers.event import SnifferTrouble

__all__ = ["NordicDecoder"]

_LINE = re.compile(
    rb"(?P<form>received|psdu):\s+(?P<hex>[0-9a-fA-F]*)\s+power:\s+(?P<power>-?\d+)\s+"
    rb"lqi:\s+(?P<lqi>\d+)\s+time:\s+(?P<time>-?\d+)"
)
_RSSI_UNKNOWN = -32768
_LONGEST_LINE = 1024
CHANNELS = range(11, 27)


class NordicDecoder:
    """Octets from the serial line in, frames out; and the commands to send."""

    def __init__(self, channel: int, trouble: SnifferTrouble) -> None:
        if channel not in CHANNELS:
            raise ValueError(f"channel {channel}: the nRF sniffer hears 11 to 26")
        self.channel = channel
        self._trouble = trouble
        self._pending = b""
        self._clock = Unwrapped(32)

    def start(self) -> list[bytes]:
        """Commands that make the device listen."""
        return [
            b"sleep\r\n",
            b"shell echo off\r\n",
            f"channel {self.channel}\r\n".encode(),
            b"receive\r\n",
        ]

    def stop(self) -> list[bytes]:
        return [b"sleep\r\n"]

    def feed(self, octets: bytes, host_ns: int) -> Iterator[CapturedFrame]:
        """Frames that are complete with `octets`."""
        lines = (self._pending + octets).split(b"\n")
        self._pending = lines.pop()
        if len(self._pending) > _LONGEST_LINE:
            self._trouble(f"{len(self._pending)} octets without a line end thrown away")
            self._pending = b""
        for line in lines:
            frame = self._line(line, host_ns)
            if frame is not None:
                yield frame

    def _line(self, line: bytes, host_ns: int) -> CapturedFrame | None:
        match = _LINE.search(line)
        if match is None:
            if b"received:" in line or b"psdu:" in line:
                self._trouble(f"damaged line: {line[:80].decode('ascii', 'replace')!r}")
            return None
        digits = match["hex"]
        if len(digits) % 2:
            self._trouble(f"line with {len(digits)} hex digits skipped")
            return None
        with_fcs = match["form"] == b"received"
        time_us = int(match["time"])
        device_us = self._clock.extend(time_us % 2**32) if with_fcs else time_us
        power = int(match["power"])
        octets = bytes.fromhex(digits.decode())
        # The firmware passes on only frames whose FCS was right, and the two octets that it sends in the
        # FCS's place are not the FCS on some versions: they are left out, as Nordic's own tool does.
        return CapturedFrame(
            octets[:-2] if with_fcs else octets,
            host_ns=host_ns,
            device_ns=device_us * 1000,
            trailer=TrailerKind.ABSENT,
            fcs=FcsState.GOOD,
            channel=self.channel,
            page=0,
            rssi=None if power == _RSSI_UNKNOWN else max(-127, min(127, power)),
            lqi=min(255, int(match["lqi"])),
        )
