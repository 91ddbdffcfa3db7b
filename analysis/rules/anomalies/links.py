"""Links: missing acknowledgements, retries, copies, weak signals."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from analysis.features.judging import count, judge, mask, plural
from analysis.features.repeats import repeats
from analysis.features.view import Frame, View
from analysis.findings.model import Evidence, broken, kept
from analysis.findings.subject import CHANNEL, Subject
from analysis.rules.registry import rules_of
from analysis.tables.lazy import numbers_of

rule = rules_of("anomaly", "links")

# IEEE 802.15.4 6.7, 10.1 (2.4 GHz: 250 kbit/s) and the sub-GHz pages of GBCS (100 kbit/s), in seconds and octets
SHORTEST, PREAMBLE, ACK_OCTETS, FIRST_SUB_GHZ_PAGE = 12, 6, 5, 28
OCTET, SUB_GHZ_OCTET, TURNAROUND = 32e-6, 80e-6, 192e-6
ACKED = "frames that ask for an acknowledgement, and acknowledgements"


@rule(
    "missing-acknowledgements",
    "Frames stay unacknowledged",
    severity="warning",
    source="IEEE 802.15.4 6.7.4; KillerBee zbjammer",
    confidence="secondary",
    merges=("attacks:A10",),
    cause="weak link",
    unseen=ACKED,
    advice=(
        "Retries with no acknowledgement: the receiver does not hear the sender, or the sniffer not "
        "the receiver"
    ),
)
def missing_acknowledgements(
    view: View, *, share: float = 0.3, least: int = 20, several: int = 4
) -> Iterator[Evidence]:
    """A frame that asks for an acknowledgement and gets none is sent again, up to three times. Counted are
    frames that were retried and in the end not acknowledged; without a retry the sniffer simply did not
    hear the acknowledgement. Each is sent up to four times, so `several` different ones must be lost."""
    rows = repeats(view)
    rows = rows[~rows["heard"]]
    if rows.empty or not rows["acked"].any():
        return
    acked = mask(rows["acked"])
    lost_ones = mask(rows["retry"]) & ~acked
    first_retry = lost_ones & (rows["copies"].to_numpy() == 2)
    frames = numbers_of(rows["frame"])[0]
    for (sender, receiver), places in rows.groupby(["sender", "receiver"], sort=False).places():
        if len(places) < least:
            continue
        lost = places[lost_ones[places]]
        subject = Subject.pair(sender, receiver)
        every = plural(len(places), "frame")
        if len(lost) > share * len(places) and first_retry[places].sum() >= several:
            text = f"{len(lost)} of {every} are retries without an acknowledgement"
            yield broken(subject, text, frames[lost])
        else:
            yield kept(subject, f"{acked[places].mean():.0%} of {every} acknowledged")


@rule(
    "retries",
    "Many retries on a link",
    severity="info",
    source="IEEE 802.15.4 6.7.4.3",
    confidence="secondary",
    merges=("rules:N21",),
    cause="weak link",
    unseen=ACKED,
    advice="Look at the signal strength of both ends; a router between them may help",
)
def retries(view: View, *, share: float = 0.15, least: int = 30) -> Iterator[Evidence]:
    """The share of transmissions that are repeats of the frame before. Up to a few percent is normal."""
    rows = repeats(view)
    rows = rows[~rows["heard"]]
    for sender, part in rows.groupby("sender", sort=False):
        if len(part) < least:
            continue
        again = part[part["retry"]]
        if len(again) > share * len(part):
            text = f"{len(again)} of {len(part):,} transmissions are retries ({len(again) / len(part):.0%})"
            yield broken(Subject.device(sender), text, again["frame"])
        else:
            yield kept(
                Subject.device(sender),
                f"{len(again) / len(part):.1%} of {len(part):,} transmissions are retries",
            )


@rule(
    "retry-copies",
    "More copies of a frame than the MAC allows",
    severity="warning",
    source="IEEE 802.15.4 macMaxFrameRetries; ZigBee PRO defaults",
    confidence="recalled",
    merges=("rules:N21", "attacks:A41"),
    cause="interference",
    unseen="frames that ask for an acknowledgement",
    advice="A stuck transmitter, or somebody who injects copies: compare the signal strength of the copies",
)
def retry_copies(view: View, *, copies: int = 8) -> Iterator[Evidence]:
    """The MAC sends a frame at most four times (some stacks let the NWK layer start over once). More copies
    in a row are a fault or an injection."""
    rows = repeats(view)
    rows = rows[~rows["heard"] & (mask(rows["nwk_type"].notna()) | mask(rows["mac_type"] == "command"))]
    many = mask(rows["copies"] > copies)
    text = f"{{bad}} beyond the {copies}th copy"
    yield from judge(view, rows, many, text, good=f"sent at most {copies} times")


@rule(
    "weak-signal",
    "A device is received at the edge",
    severity="info",
    source="IEEE 802.15.4 receiver sensitivity (-85 dBm at 2.4 GHz)",
    confidence="secondary",
    merges=(),
    cause="weak link",
    unseen="frames with a signal strength",
    advice="The sniffer stands far from this device; its neighbours may hear it better",
)
def weak_signal(view: View, *, dbm: float = -90.0, least: int = 10) -> Iterator[Evidence]:
    """The median signal strength of a device where the sniffer stands. Below the limit the sniffer misses
    many of its frames: then silence and missing answers in this capture say little about the device itself."""
    packets = view.good
    rows = packets[mask(packets["rssi"].notna()) & mask(packets["mac_type"] != "ack")]
    for sender, part in rows.groupby("sender", sort=False):
        median = float(part["rssi"].median())
        if len(part) >= least and median < dbm:
            yield broken(
                Subject.device(sender), f"median {median:.0f} dBm over {count(part)}", part["frame"][:20]
            )
        elif len(part) >= least:
            yield kept(Subject.device(sender), f"median {median:.0f} dBm over {count(part)}")


@rule(
    "ack-twice",
    "Frames are acknowledged twice",
    severity="warning",
    source="IEEE 802.15.4 6.7.4; atusb-attacks 03, 04",
    confidence="derived",
    merges=("attacks:A12",),
    cause="forged command",
    unseen="acknowledgements right behind each other",
    advice="Two receivers answer for one address: compare the signal strength of the two acknowledgements",
)
def ack_twice(
    view: View, *, seconds: float = 0.004, times: int = 4, share: float = 0.02
) -> Iterator[Evidence]:
    """A frame that arrives is acknowledged once. A second acknowledgement with its number, and no copy of
    the frame between, comes from somebody who answers in the receiver's name. Where there was time for a copy that the
    sniffer did not hear, it may be the answer to that. Not judged where the capture has other frames twice too (two
    sniffers)."""
    packets = view.packets
    numbers, kinds = packets["mac_seq"], packets["mac_type"]
    near = mask(packets["seconds"].diff() < seconds) & mask(numbers == numbers.shift(1))
    acks = mask(kinds == "ack")
    after_ack = np.r_[False, acks[:-1]]
    twice = near & acks & after_ack & ~_copy_between(packets)
    data = mask(kinds == "data")
    doubled = near & data & np.r_[False, data[:-1]] & mask(packets["length"] == packets["length"].shift(1))
    if not acks.any():
        return
    if twice.sum() >= times and doubled.sum() < share * max(data.sum(), 1):
        both = twice | np.r_[twice[1:], False]
        yield broken(CHANNEL, f"{count(packets[twice])} acknowledged twice", packets["frame"][both])
    else:
        yield kept(CHANNEL, f"{count(packets[acks])} with acknowledgements, {int(twice.sum())} twice")


def _copy_between(packets: Frame) -> npt.NDArray[np.bool_]:
    """Whether between a row and the one before there was time for another copy of the frame before these two, and its
    acknowledgement."""
    length, _ = numbers_of(packets["length"].shift(2))
    same = mask(packets["mac_seq"].shift(2) == packets["mac_seq"])
    octets = np.where(same, length, SHORTEST).astype(float) + PREAMBLE
    octet = np.where(mask(packets["page"] >= FIRST_SUB_GHZ_PAGE), SUB_GHZ_OCTET, OCTET)
    needed = (octets + ACK_OCTETS + PREAMBLE) * octet + TURNAROUND
    return np.asarray(packets["seconds"].diff().to_numpy(dtype=float) >= needed)
