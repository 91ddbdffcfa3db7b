"""What the last octets of the frames of one interface are: judged from the frames, not from the label.

Link type 195 promises a frame check sequence. Sniffers with TI CC24xx and CC25xx chips write their receive
metadata in its place (RSSI, then CRC-OK in bit 7 over the correlation), and nearly every capture made with
them is labelled 195 all the same. Strategy: count over the first frames how many pass the check, how many
would be good TI metadata, how many have the fixed length of an acknowledgement with and without a trailer, and
how many end as an earlier frame of other octets did. One frame in 65,536 passes the check by chance or ends like a
given other one, three in eight look like metadata. So a few frames are enough where they agree.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from captures.block import TrailerKind

__all__ = ["TI_RSSI_OFFSET", "Judgement", "RssiScale"]

ENOUGH = 64
"""Frames after which the judgement is kept."""
TI_RSSI_OFFSET = -73
"""dB from the RSSI octet to dBm: CC2530 and CC2531 data sheet (SWRS081, typical)."""
FAINTEST = -90
"""dBm: a median below is nearer to the sensitivity (-97) than sniffers are: such octets are dBm already."""

FEW = 16
"""Frames from which on a share is enough."""
CHANCE = 96 / 256
"""Share of frames with a check sequence whose last octets look like metadata."""
LIKELY, SURE = 0.6, 0.95
"""Share of frames with metadata that look so: at least (noise), and at most."""
NONE_GOOD = 2.0
"""How much less likely each frame that fails the check makes it that there is one; as to `NONE_GOOD_FRAMES` of them."""
NONE_GOOD_FRAMES = 3
ODDS = 16.0
"""How many times likelier metadata must be than damaged check sequences, for few frames to be judged."""


@dataclass(slots=True, eq=False, repr=False)
class RssiScale:
    """What the RSSI octets of one sender's metadata count: dBm, or dBm with the chip's offset."""

    values: list[int] = field(default_factory=list)
    offset: int = TI_RSSI_OFFSET

    def observe(self, octets: npt.NDArray[np.int8]) -> None:
        """Look at some more, until there are enough."""
        if len(self.values) >= ENOUGH or not len(octets):
            return
        self.values += octets[: ENOUGH - len(self.values)].tolist()
        self.offset = TI_RSSI_OFFSET if float(np.median(self.values)) + TI_RSSI_OFFSET >= FAINTEST else 0


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
    repeated: int = 0
    endings: dict[int, int] = field(
        default_factory=dict
    )  # last two octets of a few frames, with their remainder

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
        for ending, rest in zip(last[~blank][:FEW].tolist(), remainder[~blank][:FEW].tolist(), strict=True):
            if len(self.endings) < FEW and self.endings.setdefault(ending, rest) != rest:
                self.repeated += 1

    def forget(self) -> None:
        """Begin anew: the frames have changed."""
        self.frames = self.good = self.metadata = self.blank = self.ack_with = self.ack_without = 0
        self.repeated = 0
        self.endings.clear()

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
        return TrailerKind.TI if self._looks_like_metadata(checked) else TrailerKind.FCS16

    def _looks_like_metadata(self, checked: int) -> bool:
        """Whether frames none of which passes the check end in metadata: by their share, or few by their odds."""
        if not checked:
            return False
        share = self.metadata / checked
        if checked >= FEW:
            return share >= LIKELY
        if share >= 0.5 and self.repeated:
            return True
        share = min(max(share, LIKELY), SURE)
        rest = checked - self.metadata
        odds: float = (share / CHANCE) ** self.metadata * ((1 - share) / (1 - CHANCE)) ** rest
        return odds * NONE_GOOD ** min(checked, NONE_GOOD_FRAMES) >= ODDS

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
