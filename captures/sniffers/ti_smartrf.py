"""TI SmartRF Packet Sniffer 2 firmware on CC13x2 and CC26x2: binary packets over the XDS110 UART.

Packet: ``40 53`` | info u8 | length u16 LE | payload | FCS u8 (commands and responses only: sum of info,
length and payload, modulo 256) | ``40 45``. Info: top two bits 1 command, 2 response, 3 data.
Data ``C0``: timestamp 6 octets LE in microseconds | frame | RSSI i8 | status (bit 7: FCS right).

2.4 GHz: PHY 0x0D, the frame starts with a one-octet PHR. Sub-GHz as GB networks use it (802.15.4g GFSK, 100
kbit/s, 200 kHz raster): PHY 0x09, a two-octet PHR, and the octets come with their bits reversed.
"""

from __future__ import annotations

from collections.abc import Iterator

from construct import Byte, Const, Int16ul, Struct

from captures.block import FcsState, TrailerKind
from captures.frame import CapturedFrame
from captures.sniffers.clock import Unwrapped
from captures.sniffers.event import SnifferTrouble

__all__ = ["SmartRfDecoder", "centre_khz", "command"]

START, END = b"\x40\x53", b"\x40\x45"
HEADER = Struct("start" / Const(START), "info" / Byte, "length" / Int16ul)
_COMMAND, _RESPONSE, _DATA = 1, 2, 3
PING, START_CAPTURE, STOP, FREQUENCY, PHY = 0x40, 0x41, 0x42, 0x45, 0x47
DATA_FRAME, DATA_ERROR = 0xC0, 0xC1
STATUS = {0: "ok", 1: "timeout", 2: "FCS failed", 3: "bad command", 4: "bad state"}
_LONGEST = 2048
_MIRROR = bytes(int(f"{octet:08b}"[::-1], 2) for octet in range(256))

PHY_2400, PHY_SUB_GHZ = 0x0D, 0x09

GB_PAGES = {28: (863_250, 0), 29: (863_250, 27), 30: (863_250, 35), 31: (915_350, 0)}
"""Channel page: (kHz of the band's channel 0, number of the page's first channel in that band).

Pages 28 to 30 number 863 to 876 MHz in steps of 200 kHz (recalled: facts/captures 4.1); override with
``frequency_khz`` where a network's plan differs."""


def centre_khz(page: int, channel: int) -> int:
    """Centre frequency of a channel in kHz (IEEE 802.15.4 clause 10.1.3; GB sub-GHz pages 28 to 31)."""
    if page == 0 and 11 <= channel <= 26:
        return 2_405_000 + 5_000 * (channel - 11)
    if page in GB_PAGES and 0 <= channel <= 62:
        base, _first = GB_PAGES[page]
        return base + 200 * channel
    raise ValueError(f"page {page} channel {channel}: not a channel of a GB home area network")


def command(info: int, payload: bytes = b"") -> bytes:
    """A command packet with its checksum."""
    length = len(payload).to_bytes(2, "little")
    check = (info + sum(length) + sum(payload)) & 0xFF
    return START + bytes([info]) + length + payload + bytes([check]) + END


class SmartRfDecoder:
    """Octets from the UART in, frames out; and the commands to send."""

    def __init__(
        self, page: int, channel: int, trouble: SnifferTrouble, frequency_khz: float | None = None
    ) -> None:
        self.page, self.channel = page, channel
        self.khz = frequency_khz or centre_khz(page, channel)
        self.sub_ghz = self.khz < 1_000_000
        self._trouble = trouble
        self._pending = b""
        self._clock = Unwrapped(48)

    def start(self) -> list[bytes]:
        """Commands that make the device listen."""
        mhz, rest = divmod(self.khz, 1000)
        frequency = int(mhz).to_bytes(2, "little") + round(rest / 1000 * 65536).to_bytes(2, "little")
        phy = PHY_SUB_GHZ if self.sub_ghz else PHY_2400
        return [
            command(PING),
            command(STOP),
            command(PHY, bytes([phy])),
            command(FREQUENCY, frequency),
            command(START_CAPTURE),
        ]

    def stop(self) -> list[bytes]:
        return [command(STOP)]

    def feed(self, octets: bytes, host_ns: int) -> Iterator[CapturedFrame]:
        """Frames that are complete with `octets`."""
        data = self._pending + octets
        while True:
            at = data.find(START)
            if at < 0:
                data = data[-1:] if data.endswith(START[:1]) else b""
                break
            if at:
                self._trouble(f"{at} octets between packets skipped")
                data = data[at:]
            taken, frame = self._packet(data, host_ns)
            if not taken:
                break
            data = data[taken:]
            if frame is not None:
                yield frame
        self._pending = data

    def _packet(self, data: bytes, host_ns: int) -> tuple[int, CapturedFrame | None]:
        """How many octets were taken (0: more are needed), and the frame if they held one."""
        head = HEADER.sizeof()
        if len(data) < head:
            return 0, None
        fields = HEADER.parse(data)
        kind = fields.info >> 6
        if kind == 0 or fields.length > _LONGEST:
            self._trouble(f"packet with info 0x{fields.info:02x}, length {fields.length}: not a packet")
            return len(START), None
        check = 0 if kind == _DATA else 1
        end = head + fields.length + check
        if len(data) < end + len(END):
            return 0, None
        if data[end : end + len(END)] != END:
            self._trouble(f"packet of {fields.length} octets without its end mark")
            return len(START), None
        body = data[head : head + fields.length]
        if kind == _RESPONSE and body[:1] not in (b"", b"\x00"):
            self._trouble(f"device answered {STATUS.get(body[0], hex(body[0]))}")
        frame = self._data(fields.info, body, host_ns) if kind == _DATA else None
        return end + len(END), frame

    def _data(self, info: int, body: bytes, host_ns: int) -> CapturedFrame | None:
        if info == DATA_ERROR or info != DATA_FRAME:
            self._trouble("device reports an error in its data stream")
            return None
        phr = 2 if self.sub_ghz else 1
        if len(body) < 6 + phr + 2:
            self._trouble(f"data packet of {len(body)} octets skipped")
            return None
        micros = self._clock.extend(int.from_bytes(body[:6], "little"))
        psdu = body[6 + phr : -2]
        if self.sub_ghz:
            psdu = psdu.translate(_MIRROR)
        rssi = int.from_bytes(body[-2:-1], "little", signed=True)
        return CapturedFrame(
            psdu,
            host_ns=host_ns,
            device_ns=micros * 1000,
            trailer=TrailerKind.ABSENT,
            fcs=FcsState.GOOD if body[-1] & 0x80 else FcsState.BAD,
            channel=self.channel,
            page=self.page,
            frequency_khz=self.khz,
            rssi=None if rssi == -128 else rssi,
        )
