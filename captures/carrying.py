"""Frames that carry a GBCS message through a tunnel, between the hub of a home and a device: for messages that come
without a capture.

The frames are not secured; what is too long for one comes in fragments. Source: ZSE D.6 (Tunneling), GBCS 10.2;
ZigBee PRO 05-3474 clause 2.2.8.4.5.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from captures.frame import CapturedFrame
from dissectors.zigbee import assemble

__all__ = ["frame_of", "tunnel_frames"]

PAN, HUB, DEVICE = 0x1A62, 0x0000, 0x0001
CLUSTER, PROFILE, ENDPOINT, TUNNEL = 0x0704, 0x0109, 1, 1
TO_SERVER, TO_CLIENT = (0x11, 0x02), (0x19, 0x01)
"""Frame control and identifier of TransferData, of the hub (the client) and of the device."""
ROOM = 64
"""Octets of the APS payload of one frame."""
APART_NS = 20_000_000


def tunnel_frames(
    message: bytes, device: int, *, to_device: bool, time_ns: int, number: int = 0
) -> Iterator[CapturedFrame]:
    """The frames of one message.

    Args:
        message: its octets, at most 16 kB (256 fragments).
        device: EUI-64 of the device.
        to_device: it comes from the hub; else it goes there.
        time_ns: when the first frame is sent.
        number: how many messages were before it, for the counters.
    """
    control, command = TO_SERVER if to_device else TO_CLIENT
    payload = struct.pack("<BBBH", control, number & 0xFF, command, TUNNEL) + message
    parts = [payload[at : at + ROOM] for at in range(0, len(payload), ROOM)]
    source, target = (HUB, DEVICE) if to_device else (DEVICE, HUB)
    ends = (device, None) if to_device else (None, device)
    for index, part in enumerate(parts):
        fragment = (index, len(parts)) if len(parts) > 1 else None
        aps = assemble.aps_data(CLUSTER, PROFILE, ENDPOINT, ENDPOINT, number, ack=True, fragment=fragment)
        sequence = number * len(parts) + index
        nwk = assemble.nwk_header(
            target, source, sequence, secured=False, dst_eui64=ends[0], src_eui64=ends[1]
        )
        octets = assemble.mac_data(sequence, PAN, target, source, nwk + aps + part, ack=True)
        yield frame_of(octets, time_ns + index * APART_NS)


def frame_of(octets: bytes, time_ns: int) -> CapturedFrame:
    """A frame without its check sequence, as captured at a time."""
    return CapturedFrame(octets, time_ns)
