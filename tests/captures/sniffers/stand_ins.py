"""Byte-exact stand-ins for sniffer firmware, behind pseudo-terminals and USB calls."""

import os
import pty
import select
import struct
import threading
import tty
from collections.abc import Callable

from captures.sniffers import ti_smartrf

DATA = bytes.fromhex("61885c341200000100" + "48220000010000001e05")
"""A MAC data frame without FCS."""


class Firmware:
    """A device at the far end of a pseudo-terminal: collects what the host says, answers by `reply`."""

    def __init__(self, reply: Callable[[bytes], list[bytes]]) -> None:
        self.said = b""
        self._reply = reply

    def __enter__(self) -> "Firmware":
        self.host, device = pty.openpty()
        tty.setraw(self.host)
        tty.setraw(device)
        self.name = os.ttyname(device)
        self._device = device
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def _run(self) -> None:
        while not self._stop.is_set():
            ready, _, _ = select.select([self.host], [], [], 0.05)
            if ready:
                self.said += os.read(self.host, 4096)
                for answer in self._reply(self.said):
                    os.write(self.host, answer)

    def send(self, octets: bytes) -> None:
        os.write(self.host, octets)

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()  # before its descriptor is closed, and given to somebody else
        os.close(self._device)
        os.close(self.host)


def nrf_line(psdu: bytes, power: int = -61, lqi: int = 188, time_us: int = 1) -> bytes:
    return f"received: {psdu.hex()}0000 power: {power} lqi: {lqi} time: {time_us}\r\n".encode()


def zephyr_line(psdu: bytes, power: int = -70, lqi: int = 90, time_us: int = 5_000_000_000) -> bytes:
    return f"psdu: {psdu.hex()} power: {power} lqi: {lqi} time: {time_us}\r\n".encode()


def cc2531_record(psdu: bytes, ticks: int, rssi: int = 20, status: int = 0xEB) -> bytes:
    whole = psdu + bytes([rssi & 0xFF, status])
    body = struct.pack("<IB", ticks, len(whole)) + whole
    return struct.pack("<BH", 0, len(body)) + body


def smartrf_data(psdu: bytes, micros: int, *, sub_ghz: bool, rssi: int = -55, status: int = 0x80) -> bytes:
    mirror = bytes(int(f"{o:08b}"[::-1], 2) for o in range(256))
    frame = (
        struct.pack(">H", len(psdu) + 2) + psdu.translate(mirror)
        if sub_ghz
        else bytes([len(psdu) + 2]) + psdu
    )
    payload = micros.to_bytes(6, "little") + frame + bytes([rssi & 0xFF, status])
    return ti_smartrf.START + b"\xc0" + len(payload).to_bytes(2, "little") + payload + ti_smartrf.END
