"""The columns of a batch of packets that exchanges are told from, as arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.tables.arrow import codes_of, numpy_of, truths_of

__all__ = ["BROADCAST", "FrameArrays"]

BROADCAST = 0xFFF8
"""From here on a NWK short address is that of many."""
Mask = npt.NDArray[np.bool_]


class FrameArrays:
    """Rows of `packets` that count: heard whole, and once.

    Attributes:
        rows: their places in the batch.
        time: nanoseconds since 1970; of a frame that has none that of the frame before.
        sent_by, sent_to: ``pan << 16 | short address`` of the NWK layer; 0 where there is none.
        hop_from, hop_to: MAC addresses, short ones below 2**16.
    """

    def __init__(self, packets: Any, last_time: int) -> None:
        self._packets = packets
        wrong, judged = truths_of(packets.column("fcs_ok"))
        _, double = numpy_of(packets.column("double_of"))
        usable = ~(judged & ~wrong) & ~double
        self._all = bool(usable.all())
        self.rows = np.flatnonzero(usable)
        self.count = len(self.rows)
        self.frame = self.numbers("frame").astype(np.uint64)
        self.time = self._times(last_time)
        self.mac_seq = self.numbers("mac_seq")
        self.ack_wanted = self._truths("mac_ack_request")
        self.pending = self._truths("mac_pending")
        self.is_mac_ack = self.words("mac_type", "ack")
        self.mac_command = self.numbers("mac_command")
        self.channel = self.numbers("channel")
        self.hop_from = self.numbers("mac_src", 0).view(np.uint64)
        self.hop_to = self.numbers("mac_dst", 0).view(np.uint64)
        to, fro = self.numbers("mac_dst_pan"), self.numbers("mac_src_pan")
        self.pan = np.where(to >= 0, to, np.maximum(fro, 0))
        self.nwk_src, self.nwk_dst = self.numbers("nwk_src"), self.numbers("nwk_dst")
        self.sent_by = np.where(self.nwk_src >= 0, self.pan << 16 | self.nwk_src, 0)
        self.sent_to = np.where(self.nwk_dst >= 0, self.pan << 16 | self.nwk_dst, 0)
        self.is_data = self.words("aps_type", "data")
        self.is_aps_ack = self.words("aps_type", "ack")
        self.aps_counter = self.numbers("aps_counter")
        self.cluster = self.numbers("aps_cluster")
        self.profile = self.numbers("aps_profile")
        self.zcl_command = self.numbers("zcl_command")

    def numbers(self, name: str, nothing: int = -1) -> npt.NDArray[np.int64]:
        """A column of whole numbers (of EUI-64s the bits), `nothing` where it has none."""
        values, valid = numpy_of(self._packets.column(name))
        wide = values.view(np.int64) if values.dtype == np.uint64 else values.astype(np.int64)
        found = wide if valid.all() else np.where(valid, wide, nothing)
        return found if self._all else found[self.rows]

    def words(self, name: str, *words: str) -> Mask:
        """Where a column of text has one of `words`."""
        found: Mask = codes_of(self._packets.column(name), words)
        return found if self._all else found[self.rows]

    def _truths(self, name: str) -> Mask:
        values, valid = truths_of(self._packets.column(name))
        found: Mask = values & valid
        return found if self._all else found[self.rows]

    def _times(self, last_time: int) -> npt.NDArray[np.int64]:
        values, valid = numpy_of(self._packets.column("time"))
        if not valid.all():
            place = np.maximum.accumulate(np.where(valid, np.arange(len(values)), -1))
            values = np.where(place >= 0, values[np.maximum(place, 0)], last_time)
        return values if self._all else values[self.rows]

    def initiators(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
        """Who sent the NWK frames: EUI-64s where they are known, else short addresses."""
        return self._stations("nwk_src_eui64", self.nwk_src, rows)

    def responders(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
        """Whom the NWK frames are for; as `initiators`."""
        return self._stations("nwk_dst_eui64", self.nwk_dst, rows)

    def _stations(
        self, name: str, short: npt.NDArray[np.int64], rows: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.uint64]:
        values, valid = numpy_of(self._packets.column(name))
        places = self.rows[rows]
        return np.where(valid[places], values[places], np.maximum(short[rows], 0).astype(np.uint64))
