"""Linux monitor interfaces of the ieee802154 subsystem: a raw packet socket.

``ip link set wpan0 down; iw phy`` is the owner's business; the channel can be set here through ``iwpan``.
The kernel hands over the PSDU, with FCS on monitor devices (ARPHRD_IEEE802154_MONITOR, 805).
"""

from __future__ import annotations

import shutil
import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from captures.block import TrailerKind
from captures.errors import CaptureError
from captures.frame import CapturedFrame

__all__ = ["WpanSniffer"]

ETH_P_ALL = 0x0003
ARPHRD_IEEE802154, ARPHRD_IEEE802154_MONITOR = 804, 805
_SOL_PACKET, _PACKET_STATISTICS = 263, 6


class WpanSniffer:
    """Frames of one wpan interface."""

    def __init__(self, interface: str, channel: int | None = None, page: int = 0) -> None:
        self.name = interface
        self._channel, self._page = channel, page
        kind = _hardware_type(interface)
        self._trailer = TrailerKind.FCS16 if kind == ARPHRD_IEEE802154_MONITOR else TrailerKind.ABSENT
        if channel is not None:
            _set_channel(interface, page, channel)
        try:
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            self._socket.bind((interface, ETH_P_ALL))
        except PermissionError:
            raise CaptureError(
                interface, None, "no permission to listen", hint="run as root, or grant CAP_NET_RAW"
            ) from None
        except OSError as error:
            raise CaptureError(interface, None, f"cannot listen: {error.strerror}") from None
        self._socket.settimeout(0.2)

    def frames(self) -> Iterator[CapturedFrame | None]:
        while True:
            try:
                octets = self._socket.recv(4096)
            except TimeoutError:
                yield None
                continue
            except OSError:
                return  # the interface went away
            now = time.time_ns()
            yield CapturedFrame(
                octets,
                host_ns=now,
                time_ns=now,
                trailer=self._trailer,
                channel=self._channel,
                page=self._page,
                dropped=self._drops(),
            )

    def _drops(self) -> int:
        """Frames that the kernel dropped since it was last asked."""
        packed = self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
        _, drops = struct.unpack("II", packed)
        return int(drops)

    def close(self) -> None:
        self._socket.close()


def _hardware_type(interface: str) -> int:
    path = Path("/sys/class/net") / interface / "type"
    try:
        kind = int(path.read_text())
    except (OSError, ValueError):
        raise CaptureError(
            interface,
            None,
            "no such network interface",
            hint="needs Linux with CONFIG_IEEE802154",
        ) from None
    if kind not in (ARPHRD_IEEE802154, ARPHRD_IEEE802154_MONITOR):
        raise CaptureError(interface, None, f"not an IEEE 802.15.4 interface (hardware type {kind})")
    return kind


def _set_channel(interface: str, page: int, channel: int) -> None:
    tool = shutil.which("iwpan")
    if tool is None:
        raise CaptureError(
            interface, None, "iwpan, which sets the channel, is missing", hint="install wpan-tools"
        )
    phy = (Path("/sys/class/net") / interface / "phy80215" / "name").read_text().strip()
    done = subprocess.run(
        [tool, "phy", phy, "set", "channel", str(page), str(channel)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise CaptureError(interface, None, f"iwpan: {done.stderr.strip() or 'failed'}")
