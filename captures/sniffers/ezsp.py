"""EmberZNet sticks through zigpy-cli: one JSON object a line (``packet-capture --interleave``).

``{"timestamp": <seconds or ISO 8601>, "rssi": <dBm>, "lqi": <n>, "channel": <n>, "data": "<hex PSDU>"}``
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from captures.frame import CapturedFrame
from captures.sniffers.event import SnifferTrouble

__all__ = ["EzspDecoder"]

_LONGEST_LINE = 8192


class EzspDecoder:
    """Octets of the stream in, frames out. The tool that writes the stream chooses the channel."""

    def __init__(self, trouble: SnifferTrouble) -> None:
        self._trouble = trouble
        self._pending = b""

    def start(self) -> list[bytes]:
        return []

    def stop(self) -> list[bytes]:
        return []

    def feed(self, octets: bytes, host_ns: int) -> Iterator[CapturedFrame]:
        """Frames that are complete with `octets`."""
        lines = (self._pending + octets).split(b"\n")
        self._pending = lines.pop()[-_LONGEST_LINE:]
        for line in lines:
            if not line.strip():
                continue
            try:
                yield _frame(json.loads(line), host_ns)
            except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
                self._trouble(f"line that is no frame skipped ({type(error).__name__}: {error})")


def _frame(entry: dict[str, Any], host_ns: int) -> CapturedFrame:
    stamp = entry.get("timestamp")
    if isinstance(stamp, str):
        moment = datetime.fromisoformat(stamp)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        when = int(moment.timestamp() * 1_000_000) * 1000
    else:
        when = host_ns if stamp is None else int(float(stamp) * 1_000_000) * 1000
    rssi, lqi, channel = entry.get("rssi"), entry.get("lqi"), entry.get("channel")
    return CapturedFrame(
        bytes.fromhex(entry["data"]),
        host_ns=host_ns,
        time_ns=when,
        channel=None if channel is None else int(channel),
        page=0,
        rssi=None if rssi is None else max(-127, min(127, int(rssi))),
        lqi=None if lqi is None else max(0, min(255, int(lqi))),
    )
