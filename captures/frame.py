"""One frame with all that is known of it besides its octets: what sniffers, writers and readers of few frames share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from captures.block import PADDING, FcsState, FrameBlock, Kind, TrailerKind

__all__ = ["CapturedFrame", "block_of", "captured_frames"]


@dataclass(frozen=True, slots=True)
class CapturedFrame:
    """One frame as a file, a sniffer or the simulated network has it.

    Attributes:
        octets: the PSDU, with its trailer when there is one.
        time_ns: nanoseconds since 1970; of a sniffer's frame 0 until it is settled (`captures.sniffers.source.timed`).
        trailer, fcs: what the last octets are, and whether the check sequence was right.
        channel, page, rssi, lqi: None when unknown; RSSI in dBm.
        comment: kept with the frame in pcapng.
        link_type: set for a record that is no radio frame; `octets` are the record then.
        record: the record as captured, with its encapsulation, when there was one.
        interface: which interface of a capture with several it came through.
        host_ns: when the host received it; 0 when it comes from no sniffer.
        device_ns: the sniffer's clock, unwrapped, nanoseconds since an arbitrary start; None without one.
        frequency_khz: centre frequency, where the channel number does not say it all (sub-GHz).
        dropped: frames that the sniffer or the host lost since the frame before.
    """

    octets: bytes
    time_ns: int = 0
    trailer: TrailerKind = TrailerKind.ABSENT
    fcs: FcsState = FcsState.UNKNOWN
    channel: int | None = None
    page: int | None = None
    rssi: int | None = None
    lqi: int | None = None
    comment: str = ""
    link_type: int | None = None
    record: bytes = b""
    interface: int = 0
    host_ns: int = 0
    device_ns: int | None = None
    frequency_khz: float | None = None
    dropped: int = 0


def captured_frames(block: FrameBlock) -> Iterator[CapturedFrame]:
    """The rows of a block, one after the other; rows without a frame too."""
    for row in range(len(block)):
        radio = block.kind[row] == Kind.RADIO
        record = block.record(row)
        yield CapturedFrame(
            octets=block.octets(row) if radio else record,
            time_ns=int(block.time_ns[row]),
            trailer=TrailerKind(int(block.trailer[row])),
            fcs=FcsState(int(block.fcs[row])),
            channel=int(block.channel[row]) if block.channel[row] != 255 else None,
            page=int(block.page[row]) if block.page[row] != 255 else None,
            rssi=int(block.rssi[row]) if block.rssi[row] != -128 else None,
            lqi=int(block.lqi[row]) if block.has_lqi[row] else None,
            comment=block.comments.get(int(block.number[row]), ""),
            link_type=None if radio else int(block.link_type[row]),
            record=record,
            interface=int(block.interface[row]),
        )


def block_of(frames: Sequence[CapturedFrame], number: int, link_types: Sequence[int]) -> FrameBlock:
    """Frames, at most `captures.block.BLOCK_FRAMES`, as a block: the first has record number `number`.

    A frame is its own record; the encapsulation that it was captured in is left out.
    """
    count = len(frames)
    length = np.array([len(frame.octets) for frame in frames], np.int32)
    offset = (PADDING + np.concatenate(([0], np.cumsum(length[:-1], dtype=np.int64)))).astype(np.int64)
    data = bytes(PADDING) + b"".join(frame.octets for frame in frames) + bytes(PADDING)

    def column(
        name: str, null: int, kind: type[np.integer[Any]], low: int = 0, high: int = 255
    ) -> npt.NDArray[Any]:
        values = [getattr(frame, name) for frame in frames]
        return np.array([null if value is None else min(max(value, low), high) for value in values], kind)

    return FrameBlock(
        data=np.frombuffer(data, np.uint8),
        offset=offset,
        length=length,
        record_offset=offset,
        record_length=length,
        number=np.arange(number, number + count, dtype=np.int64),
        time_ns=np.array([frame.time_ns for frame in frames], np.int64),
        link_type=np.array(link_types, np.uint16),
        kind=np.array([Kind.RADIO if one.link_type is None else Kind.PACKET for one in frames], np.uint8),
        trailer=column("trailer", 0, np.uint8),
        fcs=column("fcs", 0, np.uint8),
        channel=column("channel", 255, np.uint8),
        page=column("page", 255, np.uint8),
        rssi=column("rssi", -128, np.int8, -127, 127),
        lqi=column("lqi", 255, np.uint8),
        has_lqi=np.array([frame.lqi is not None for frame in frames], np.bool_),
        interface=column("interface", 0, np.uint16, high=0xFFFF),
        comments={number + row: frame.comment for row, frame in enumerate(frames) if frame.comment},
        wire_length=length.copy(),
    )
