"""Counts over a capture, gathered block by block: hierarchy, conversations, endpoints, rates, channels."""

from __future__ import annotations

from collections import Counter
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from analysis.pipeline.passes import DecodedBlock, DecodePass
from analysis.pipeline.sinks import Sink
from analysis.tables.addresses import address_text, row_with_addresses
from analysis.tables.arrow import numpy_of, truths_of
from analysis.tables.python_values import rows_of
from dissectors.vectors import distinct_rows

__all__ = ["Statistics", "StatisticsSink"]

BROADCAST = {
    0xFFFF: "all devices",
    0xFFFD: "all awake",
    0xFFFC: "all routers",
    0xFFFB: "low-power routers",
}


@dataclass(slots=True)
class Statistics:
    """What `hanscope stats` prints: what was on the air, each transmission once.

    Attributes:
        doubles: records of transmissions that another interface recorded too, and that count there.
        protocols: (frames, octets) by protocol.
        layers: frames by layer that could be read.
        conversations: (frames, octets) by pair of NWK addresses, in the direction sent, with PAN.
        endpoints: frames by profile, cluster and endpoints.
        channels: frames by channel.
    """

    frames: int = 0
    doubles: int = 0
    octets: int = 0
    first_ns: int | None = None
    last_ns: int | None = None
    fcs: Counter[str] = field(default_factory=Counter)
    layers: Counter[str] = field(default_factory=Counter)
    channels: Counter[int] = field(default_factory=Counter)
    protocols: Counter[str] = field(default_factory=Counter)
    protocol_octets: Counter[str] = field(default_factory=Counter)
    conversations: Counter[tuple[int, int, int]] = field(default_factory=Counter)
    conversation_octets: Counter[tuple[int, int, int]] = field(default_factory=Counter)
    endpoints: Counter[tuple[int, int, int, int]] = field(default_factory=Counter)
    security: Counter[tuple[str, str]] = field(default_factory=Counter)

    def count(self, packets: Any) -> None:
        """Take in a batch of `packets`."""
        double = numpy_of(packets.column("double_of"))[1]
        if double.any():
            self.doubles += int(double.sum())
            packets = packets.take(pa.array(np.flatnonzero(~double)))
        lengths, _ = numpy_of(packets.column("length"))
        self.frames += len(packets)
        self.octets += int(lengths.sum())
        self._times(packets)
        good, known = truths_of(packets.column("fcs_ok"))
        self.fcs.update(good=int((good & known).sum()), bad=int((~good & known).sum()))
        self.fcs.update(unknown=int((~known).sum()))
        for layer, column in (
            ("mac", "mac_type"),
            ("nwk", "nwk_type"),
            ("aps", "aps_type"),
            ("zcl", "zcl_type"),
        ):
            self.layers[layer] += int(numpy_of(packets.column(column))[1].sum())
        self._words(packets, lengths)
        for channel, frames in _tally(packets, ("channel",)):
            self.channels[channel[0]] += frames
        for pair, frames, octets in _tally_octets(packets, ("mac_dst_pan", "nwk_src", "nwk_dst"), lengths):
            self.conversations[pair] += frames
            self.conversation_octets[pair] += octets
        names = ("aps_profile", "aps_cluster", "aps_src_endpoint", "aps_dst_endpoint")
        for quad, frames in _tally(packets, names):
            self.endpoints[quad] += frames

    def _times(self, packets: Any) -> None:
        times, valid = numpy_of(packets.column("time"))
        if valid.any():
            low, high = int(times[valid].min()), int(times[valid].max())
            self.first_ns = low if self.first_ns is None else min(self.first_ns, low)
            self.last_ns = high if self.last_ns is None else max(self.last_ns, high)

    def _words(self, packets: Any, lengths: Any) -> None:
        array = packets.column("protocol")
        codes, valid = numpy_of(array)
        words = array.dictionary.to_pylist()
        frames = np.bincount(codes[valid], minlength=len(words))
        octets = np.bincount(codes[valid], weights=lengths[valid], minlength=len(words))
        for word, count, size in zip(words, frames.tolist(), octets.tolist(), strict=True):
            self.protocols[word] += count
            self.protocol_octets[word] += int(size)
        for layer in ("mac", "nwk", "aps"):
            array = packets.column(f"{layer}_security")
            codes, valid = numpy_of(array)
            words = array.dictionary.to_pylist()
            counts = np.bincount(codes[valid], minlength=len(words)).tolist()
            for word, count in zip(words, counts, strict=True):
                if count:
                    self.security[layer, word] += count

    @property
    def seconds(self) -> float:
        """From the first frame to the last."""
        if self.first_ns is None or self.last_ns is None:
            return 0.0
        return (self.last_ns - self.first_ns) / 1e9

    def to_json(self) -> dict[str, Any]:
        rate = self.frames / self.seconds if self.seconds else None
        return {
            "frames": self.frames,
            "recorded": self.frames + self.doubles,
            "doubles": self.doubles,
            "octets": self.octets,
            "seconds": self.seconds,
            "frames_per_second": rate,
            "fcs": dict(self.fcs),
            "layers": dict(self.layers),
            "channels": {str(k): v for k, v in sorted(self.channels.items())},
            "security": {f"{layer}_{word}": n for (layer, word), n in sorted(self.security.items())},
            "protocols": [
                {"protocol": p, "frames": n, "octets": self.protocol_octets[p]}
                for p, n in self.protocols.most_common()
                if n
            ],
            "conversations": [
                {
                    "pan": k[0],
                    "source": address_text(k[1], 4),
                    "destination": address_text(k[2], 4),
                    "frames": n,
                    "octets": self.conversation_octets[k],
                }
                for k, n in self.conversations.most_common()
            ],
            "endpoints": [
                dict(zip(("profile", "cluster", "source_endpoint", "destination_endpoint"), k, strict=True))
                | {"frames": n}
                for k, n in self.endpoints.most_common()
            ],
        }


class StatisticsSink(Sink):
    """Counts what is decoded.

    Attributes:
        counts: so far.
        devices: rows of that table, addresses as text; known at the end.
    """

    tables = ("packets", "devices")

    def restart(self, decode_pass: DecodePass) -> None:
        self.counts = Statistics()
        self.devices: list[dict[str, Any]] = []

    def take(self, block: DecodedBlock) -> None:
        if "packets" in block.batches:
            self.counts.count(block.batches["packets"])
        if "devices" in block.batches:
            self.devices = [row_with_addresses("devices", row) for row in rows_of(block.batches["devices"])]

    def snapshot(self) -> Any:
        return deepcopy(self.counts)

    def rewind(self, decode_pass: DecodePass, saved: Any) -> None:
        self.counts = deepcopy(saved)


def _rows(packets: Any, names: tuple[str, ...]) -> tuple[list[tuple[int, ...]], Any, Any]:
    """The distinct rows of `names`, ascending, where all are known; which of them each row is; which rows these are."""
    columns = [numpy_of(packets.column(name)) for name in names]
    valid = np.logical_and.reduce([has for _, has in columns])
    keys, which = distinct_rows([values[valid] for values, _ in columns])
    return list(zip(*(key.tolist() for key in keys), strict=True)), which, valid


def _tally(packets: Any, names: tuple[str, ...]) -> list[tuple[Any, int]]:
    rows, which, _ = _rows(packets, names)
    return list(zip(rows, np.bincount(which).tolist(), strict=True))


def _tally_octets(packets: Any, names: tuple[str, ...], lengths: Any) -> list[tuple[Any, int, int]]:
    rows, which, valid = _rows(packets, names)
    octets = np.bincount(which, weights=lengths[valid]).astype(np.int64)
    return list(zip(rows, np.bincount(which).tolist(), octets.tolist(), strict=True))


def short_text(address: int) -> str:
    """A NWK address for people.

    >>> short_text(0xFFFC), short_text(0)
    ('all routers', '0x0000')
    """
    return BROADCAST.get(address, f"0x{address:04x}")
