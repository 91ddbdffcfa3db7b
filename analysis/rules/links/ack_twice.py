from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from analysis.features.judging import mask, plural
from analysis.rules.declare import CHANNEL, Evidence, Frame, View, all_packets, broken, c, kept, rule
from analysis.tables.lazy import numbers_of

# IEEE 802.15.4 6.7, 10.1 (2.4 GHz: 250 kbit/s) and the sub-GHz pages of GBCS (100 kbit/s), in seconds and octets
SHORTEST, PREAMBLE, ACK_OCTETS, FIRST_SUB_GHZ_PAGE = 12, 6, 5, 28
OCTET, SUB_GHZ_OCTET, TURNAROUND = 32e-6, 80e-6, 192e-6


@rule(
    "ack-twice",
    "Frames are acknowledged twice",
    finds="""A second acknowledgement with the number of the one before, and no copy of the frame between. Where there was
    time for a copy that the sniffer did not hear, it may be the answer to that. Not judged where the capture has other
    frames twice too (two sniffers).""",
    matters="A frame that arrives is acknowledged once: somebody answers in the receiver's name.",
    example="channel: 40 frames acknowledged twice",
    source="IEEE 802.15.4 6.7.4; atusb-attacks 03, 04",
    advice="Two receivers answer for one address: compare the signal strength of the two acknowledgements",
    family="anomaly", area="links", severity="warning", confidence="derived", cause="forged command",
    covers=("attacks:A12",), requires="acknowledgements right behind each other",
    reads=[all_packets[c.frame, c.seconds, c.mac_type, c.mac_seq, c.length, c.page]],
    broken_by="planted: every frame of a device is acknowledged twice", kept_by="ordinary-day --seconds 1500",
)  # fmt: skip
def ack_twice(
    view: View, frames: Frame, *, seconds: float = 0.004, times: int = 4, share: float = 0.02
) -> Iterator[Evidence]:
    """Each frame beside the one before it."""
    acks, data = mask(frames["mac_type"] == "ack"), mask(frames["mac_type"] == "data")
    if not acks.any():
        return
    same = mask(frames["mac_seq"] == frames["mac_seq"].shift(1))
    near = mask(frames["seconds"].diff() < seconds) & same
    twice = near & acks & np.r_[False, acks[:-1]] & ~_copy_between(frames)
    as_long = mask(frames["length"] == frames["length"].shift(1))
    doubled = near & data & np.r_[False, data[:-1]] & as_long
    if twice.sum() >= times and doubled.sum() < share * max(int(data.sum()), 1):
        both = twice | np.r_[twice[1:], False]
        yield broken(
            CHANNEL, f"{plural(int(twice.sum()), 'frame')} acknowledged twice", frames["frame"][both]
        )
    else:
        acked = plural(int(acks.sum()), "frame")
        yield kept(CHANNEL, f"{acked} with acknowledgements, {int(twice.sum())} twice")


def _copy_between(frames: Frame) -> npt.NDArray[np.bool_]:
    """Whether between a row and the one before there was time for another copy of the frame before these two, and its
    acknowledgement."""
    length, _ = numbers_of(frames["length"].shift(2))
    same = mask(frames["mac_seq"].shift(2) == frames["mac_seq"])
    octets = np.where(same, length, SHORTEST).astype(float) + PREAMBLE
    octet = np.where(mask(frames["page"] >= FIRST_SUB_GHZ_PAGE), SUB_GHZ_OCTET, OCTET)
    needed = (octets + ACK_OCTETS + PREAMBLE) * octet + TURNAROUND
    return np.asarray(frames["seconds"].diff().to_numpy(dtype=float) >= needed)
