"""What the last octets of the frames of one interface are: judged from the frames, not from the label.

Link type 195 promises a frame check sequence. Sniffers with TI CC24xx and CC25xx chips write their receive
metadata in its place (RSSI, then CRC-OK in bit 7 over the correlation), and nearly every capture made with
them is labelled 195 all the same. Strategy: count over the first frames how many pass the check, how many
would be good TI metadata, and how many have the fixed length of an acknowledgement with and without a
trailer. One frame in 65,536 passes the check by chance, one in two has the CRC-OK bit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from captures.block import TrailerKind

__all__ = ["TI_RSSI_OFFSET", "Judgement"]

ENOUGH = 64
"""Frames after which the judgement is kept."""
TI_RSSI_OFFSET = -73
"""dB from the RSSI octet to dBm: CC2530 and CC2531 data sheet (SWRS081, typical)."""
FAINTEST = -90
"""dBm: a median below is nearer to the sensitivity (-97) than sniffers are: such octets are dBm already."""


@dataclass(slots=True, eq=False, repr=False)
class Judgement:
    """The trailer of one interface's frames, and the counts that say so.

    `declared` is what the label says; it decides when the frames do not.
    """

    declared: TrailerKind = TrailerKind.FCS16
    frames: int = 0
    good: int = 0
    metadata: int = 0
    blank: int = 0
    ack_with: int = 0
    ack_without: int = 0
    rssi_offset: int | None = None
    kept: TrailerKind | None = None

    def observe(
        self,
        first: npt.NDArray[np.uint8],
        length: npt.NDArray[np.int32],
        last: npt.NDArray[np.uint16],
        remainder: npt.NDArray[np.uint16],
    ) -> None:
        """Count whole frames: frame control low octet, length, last two octets, CRC remainder."""
        quality, good_bit = (last >> 8) & 0x7F, (last & 0x8000) != 0
        blank = (last == 0xFFFF) | (last == 0)
        self.frames += len(first)
        self.good += int(np.count_nonzero((remainder == 0) & ~blank))
        self.blank += int(np.count_nonzero(blank))
        self.metadata += int(np.count_nonzero(good_bit & ~blank & (quality >= 32)))
        ack = (first & 0x4F) == 0x02
        self.ack_with += int(np.count_nonzero(ack & (length == 5)))
        self.ack_without += int(np.count_nonzero(ack & (length == 3)))
        if self.rssi_offset is None and len(last):
            median = float(np.median((last & 0xFF).astype(np.uint8).view(np.int8)))
            self.rssi_offset = TI_RSSI_OFFSET if median + TI_RSSI_OFFSET >= FAINTEST else 0

    @property
    def settled(self) -> bool:
        return self.frames >= ENOUGH

    @property
    def kind(self) -> TrailerKind:
        """What the trailer is, by what was counted so far."""
        if self.declared is TrailerKind.ABSENT:
            sure = self.frames >= 4 and self.good >= 0.9 * self.frames
            return TrailerKind.FCS16 if sure else TrailerKind.ABSENT
        if self.declared is not TrailerKind.FCS16 or not self.frames:
            return self.declared
        checked = self.frames - self.blank
        if self.good >= max(1, 0.02 * checked):
            return TrailerKind.FCS16
        if self.ack_without > self.ack_with:
            return TrailerKind.ABSENT
        likely = 0.6 if checked >= 16 else 0.99
        enough = checked >= 4 or (checked >= 2 and self.metadata == checked)
        if enough and self.metadata >= likely * checked:
            return TrailerKind.TI
        return TrailerKind.FCS16

    @property
    def placeholder(self) -> bool:
        """The trailer is there but holds no check: nearly always zeros or ones."""
        return self.frames > 0 and self.good == 0 and self.blank >= 0.9 * self.frames

    def text(self) -> str:
        """The judgement in words, with its counts."""
        what = {
            TrailerKind.ABSENT: "no trailer",
            TrailerKind.FCS16: "a frame check sequence of 2 octets",
            TrailerKind.FCS32: "a frame check sequence of 4 octets",
            TrailerKind.TI: "TI CC24xx metadata (RSSI, CRC-OK, correlation) in place of the check sequence",
        }[self.kind]
        if self.placeholder and self.kind is TrailerKind.FCS16:
            what = "a placeholder of 2 octets in place of the check sequence"
        return (
            f"{what}: of {self.frames} frames {self.good} pass the check, {self.metadata} look like metadata"
        )
