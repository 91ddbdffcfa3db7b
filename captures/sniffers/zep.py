"""ZEP datagrams on a UDP port: Sewio Open Sniffer, ZShark, RIOT's dispatcher, gr-ieee802-15-4."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from dataclasses import replace

from captures.block import TrailerKind
from captures.encapsulations.zep import DATA, HEADERS, PORT, ntp_nanoseconds
from captures.errors import CaptureError
from captures.frame import CapturedFrame
from captures.sniffers.event import SnifferTrouble

__all__ = ["PORT", "ZepSniffer", "zep_frame"]

_SANE_NS = 86_400 * 10**9
_FCS_IN_FRAME = 1


class ZepSniffer:
    """Frames that arrive on one UDP address; port 0 asks the system for a free one."""

    def __init__(self, host: str, port: int, trouble: SnifferTrouble) -> None:
        self._trouble = trouble
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        try:
            self._socket.bind((host, port))
        except OSError as error:
            self._socket.close()
            raise CaptureError(f"{host}:{port}", None, f"cannot listen: {error.strerror or error}") from None
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self._socket.settimeout(0.2)
        self._sequence: dict[tuple[str, int], int] = {}
        self.port = int(self._socket.getsockname()[1])
        self.name = f"ZEP on {host}:{self.port}"

    def frames(self) -> Iterator[CapturedFrame | None]:
        while True:
            try:
                octets, sender = self._socket.recvfrom(65_535)
            except TimeoutError:
                yield None
                continue
            except OSError:
                return
            try:
                frame, sequence = zep_frame(octets, time.time_ns())
            except ValueError as error:
                self._trouble(f"datagram from {sender[0]} skipped: {error}")
                continue
            if frame is not None:
                yield self._numbered(frame, sequence, (str(sender[0]), int(sender[1])))

    def _numbered(self, frame: CapturedFrame, sequence: int | None, sender: tuple[str, int]) -> CapturedFrame:
        """Count what the sequence numbers say was lost on the way."""
        if sequence is None:
            return frame
        last = self._sequence.get(sender)
        self._sequence[sender] = sequence
        lost = 0 if last is None else (sequence - last - 1) % 2**32
        return frame if not 0 < lost < 10_000 else replace(frame, dropped=lost)

    def close(self) -> None:
        self._socket.close()


def zep_frame(octets: bytes, host_ns: int) -> tuple[CapturedFrame | None, int | None]:
    """The frame of a ZEP datagram and its sequence number; (None, None) for acknowledgements and greetings.

    The sender's NTP time is taken when it lies within a day of the host's, else the host's.

    Raises:
        ValueError: it is not ZEP, or is cut.
    """
    from captures.encapsulations.zep import ZEP1, ZEP2

    if octets[:2] != b"EX" or len(octets) < 4:
        raise ValueError("not ZEP")
    version = octets[2]
    if version not in HEADERS:
        raise ValueError(f"ZEP version {version}")
    if version > 1 and octets[3] != DATA:
        return None, None
    if len(octets) < HEADERS[version]:
        raise ValueError(f"{len(octets)} octets, a header has {HEADERS[version]}")
    header = (ZEP1 if version == 1 else ZEP2).parse(octets)
    body = octets[HEADERS[version] :][: header.frame_length & 0x7F]
    when = ntp_nanoseconds(header.ntp_time) if version > 1 else 0
    frame = CapturedFrame(
        body,
        host_ns=host_ns,
        time_ns=when if abs(when - host_ns) < _SANE_NS else host_ns,
        trailer=TrailerKind.FCS16 if header.mode == _FCS_IN_FRAME else TrailerKind.TI,
        channel=header.channel,
        page=0,
        lqi=header.lqi,
    )
    return frame, header.sequence if version > 1 else None
