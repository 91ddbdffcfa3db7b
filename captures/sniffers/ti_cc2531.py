"""TI CC2531 (and CC2530, CC2540) USB dongles with TI's packet sniffer firmware.

Control requests select the channel and start; a bulk endpoint delivers records::

    type u8 | length u16 LE | payload
    type 0, a frame: timestamp u32 LE in 1/32 us | wpan length u8 | PSDU that ends in RSSI and status
    type 1, a tick: the timestamp has gone round once more
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from construct import Byte, Int16ul, Int32ul, Struct

from captures.block import FcsState, TrailerKind
from captures.frame import CapturedFrame
from captures.sniffers.event import SnifferTrouble

__all__ = ["PRODUCTS", "VENDOR", "Cc2531Decoder", "Cc2531Device"]

VENDOR = 0x0451
PRODUCTS = {0x16AE: 0x83, 0x16A8: 0x82, 0x16B3: 0x83}
"""USB product ids (CC2531, CC2530, CC2540) and their bulk endpoints."""

RECORD = Struct("type" / Byte, "length" / Int16ul)
FRAME = Struct("timestamp" / Int32ul, "wpan_length" / Byte)

RSSI_OFFSET_DBM = 73
"""CC2531: RSSI register minus 73 is dBm (TI CC253x user guide; recalled, other chips differ by a few dB)."""

CHANNELS = range(11, 27)
_TURN = 1 << 32


class Cc2531Decoder:
    """Octets of the bulk endpoint in, frames out."""

    def __init__(self, channel: int, trouble: SnifferTrouble) -> None:
        if channel not in CHANNELS:
            raise ValueError(f"channel {channel}: the CC2531 hears 11 to 26")
        self.channel = channel
        self._trouble = trouble
        self._pending = b""
        self._turns = 0
        self._seen = 0

    def feed(self, octets: bytes, host_ns: int) -> Iterator[CapturedFrame]:
        """Frames that are complete with `octets`."""
        data = self._pending + octets
        at = 0
        while len(data) - at >= RECORD.sizeof():
            record = RECORD.parse(data[at:])
            end = at + RECORD.sizeof() + record.length
            if end > len(data):
                break
            body = data[at + RECORD.sizeof() : end]
            at = end
            if record.type == 1:
                self._turns += 1
            elif record.type == 0:
                frame = self._frame(body, host_ns)
                if frame is not None:
                    yield frame
            else:
                self._trouble(f"record of unknown type {record.type} skipped")
        self._pending = data[at:]

    def _frame(self, body: bytes, host_ns: int) -> CapturedFrame | None:
        header = FRAME.sizeof()
        if len(body) < header + 2:
            self._trouble(f"frame record of {len(body)} octets skipped")
            return None
        fields = FRAME.parse(body)
        psdu = body[header:]
        if fields.wpan_length != len(psdu):
            self._trouble(f"frame says {fields.wpan_length} octets, record holds {len(psdu)}")
        ticks = self._turns * _TURN + fields.timestamp
        if ticks < self._seen - _TURN // 2:  # the turn's tick record comes after the first frame of the turn
            ticks += _TURN
        self._seen = max(self._seen, ticks)
        status = psdu[-1]
        rssi = int.from_bytes(psdu[-2:-1], "little", signed=True) - RSSI_OFFSET_DBM
        return CapturedFrame(
            psdu,
            host_ns=host_ns,
            device_ns=ticks * 1000 // 32,
            trailer=TrailerKind.TI,
            fcs=FcsState.GOOD if status & 0x80 else FcsState.BAD,
            channel=self.channel,
            page=0,
            rssi=max(-127, rssi),
            lqi=(status & 0x7F) * 2,
        )


class Cc2531Device:
    """The dongle itself, on a pyusb device (``usb.core.Device``, or a stand-in with its methods)."""

    _VENDOR_OUT, _VENDOR_IN = 0x40, 0xC0
    _POWER, _STATUS, _START, _STOP, _CHANNEL, _PREPARE = 0xC5, 0xC6, 0xD0, 0xD1, 0xD2, 0xC9

    def __init__(self, device: Any) -> None:
        self._device = device
        self._endpoint = PRODUCTS.get(device.idProduct, 0x83)

    def start(self, channel: int) -> None:
        """Power the radio, choose the channel, listen."""
        device = self._device
        device.set_configuration()
        device.ctrl_transfer(self._VENDOR_OUT, self._POWER, 0, 4)
        for _ in range(50):  # 4 says that the radio has power; some firmware takes a few milliseconds
            if bytes(device.ctrl_transfer(self._VENDOR_IN, self._STATUS, 0, 0, 1)) == b"\x04":
                break
        device.ctrl_transfer(self._VENDOR_OUT, self._PREPARE, 0, 0)
        device.ctrl_transfer(self._VENDOR_OUT, self._CHANNEL, 0, 0, bytes([channel]))
        device.ctrl_transfer(self._VENDOR_OUT, self._CHANNEL, 0, 1, b"\x00")
        device.ctrl_transfer(self._VENDOR_OUT, self._START, 0, 0)

    def read(self, timeout_ms: int = 200) -> bytes:
        """What the bulk endpoint holds; empty when nothing came within `timeout_ms`."""
        try:
            return bytes(self._device.read(self._endpoint, 4096, timeout_ms))
        except OSError as error:
            if type(error).__name__ == "USBTimeoutError" or getattr(error, "errno", None) == 110:
                return b""
            raise

    def stop(self) -> None:
        self._device.ctrl_transfer(self._VENDOR_OUT, self._STOP, 0, 0)
        self._device.ctrl_transfer(self._VENDOR_OUT, self._POWER, 0, 0)
