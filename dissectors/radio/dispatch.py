"""One frame in, one dissection out: the MAC, then whatever protocol the payload shows itself to be."""

from __future__ import annotations

from dissectors.ieee802154.fcs import ends_in_fcs
from dissectors.ieee802154.headers import MULTIPURPOSE
from dissectors.ieee802154.payload_protocol import beacon_of, protocol_of
from dissectors.ieee802154.read import (
    ACK,
    BEACON,
    COMMAND,
    DATA,
    MacFrame,
    put_ends,
    read_mac,
    read_trailer,
)
from dissectors.layout.reading import Reading
from dissectors.model.context import HanContext
from dissectors.model.field import Issue
from dissectors.model.frame import Dissection, RawFrame
from dissectors.radio.other_protocols import read_lowpan, read_rf4ce, read_thread_beacon
from dissectors.zigbee.green_power.read import read_green_power
from dissectors.zigbee.nwk.read import read_beacon_payload, read_inter_pan, read_nwk

__all__ = ["dissect_frame"]

READERS = {
    "zigbee": read_nwk,
    "inter-pan": read_inter_pan,
    "green-power": read_green_power,
    "6lowpan": read_lowpan,
    "rf4ce": read_rf4ce,
}
BEACON_READERS = {"zigbee": read_beacon_payload, "thread": read_thread_beacon}
LAYER = "802.15.4"


def dissect_frame(
    raw: RawFrame, context: HanContext, *, rows_only: bool = False, unwanted: frozenset[str] = frozenset()
) -> Dissection:
    """Dissect one radio frame as far as keys and octets allow. Never raises, whatever the octets.

    With `rows_only` the dissection has columns, rows, issues and payloads only: neither a tree of fields nor
    layers, which are most of the work. Rows of `unwanted` tables may stay away.

    The context learns from the frame (keys, addresses, counters, fragments) unless its check sequence is bad.
    The same frame may be given again, say when a key has been learnt since: what is learnt from it is learnt once.
    """
    out = dissect_as(raw, context, rows_only, unwanted)
    if raw.trailer == "absent" and (out.issues or out.shut_reason) and ends_in_fcs(raw.octets):
        out = dissect_as(raw._replace(trailer="fcs16"), context, rows_only, unwanted)
        text = "the capture has no FCS, but the last two octets are this frame's"
        out.issues.append(Issue("note", LAYER, len(raw.octets) - 2, text))
        out.columns["issue"] = out.issues[0].text
    return out


def dissect_as(raw: RawFrame, context: HanContext, rows_only: bool, unwanted: frozenset[str]) -> Dissection:
    """Dissect a frame whose trailer is what `raw` says."""
    out = Dissection(buffers={"frame": raw.octets}, unwanted=unwanted)
    reading = Reading(raw, context, out, rows_only=rows_only)
    end = read_trailer(reading)
    frame = read_mac(reading, end)
    if frame.readable:
        read_content(reading, frame)
    if frame.mic_at is not None and frame.buffer == "frame" and frame.cursor.remaining:
        reading.put_octets(frame.cursor, "frame", frame.branch)
    put_ends(reading, frame, end)
    if out.issues:
        out.columns["issue"] = out.issues[0].text
    return out


def read_content(reading: Reading, frame: MacFrame) -> None:
    """What the MAC carries."""
    kind, cursor, buffer = frame.frame_type, frame.cursor, frame.buffer
    if kind == BEACON:
        read_beacon(reading, frame)
    elif kind == ACK:
        reading.set_summary(LAYER, "Ack")
        reading.put_unread(cursor, buffer, frame.branch, "an acknowledgement carries nothing")
    elif kind == DATA:
        read_data(reading, frame)
    elif kind == MULTIPURPOSE:
        reading.set_summary(LAYER, "Multipurpose frame")
        reading.put_unread(cursor, buffer, frame.branch, "payload of an unknown protocol")
    elif kind != COMMAND:
        reading.set_summary(LAYER, "Frame of a type that is not read")
        reading.put_unread(cursor, buffer, frame.branch, "frame type that is not read")


def read_beacon(reading: Reading, frame: MacFrame) -> None:
    """A beacon's payload."""
    reading.set_summary("Beacon", "Beacon" if frame.header.bit("version") < 2 else "Enhanced beacon")
    enhanced = next((f for b in reading.out.fields if (f := b.find("beacon_payload"))), None)
    network = enhanced.find("extended_pan_id") if enhanced is not None else None
    if network is not None:
        reading.out.columns["beacon_epid"] = network.value
        reading.set_summary("Beacon", "ZigBee enhanced beacon")
    rest = frame.cursor.peek(frame.cursor.remaining)
    reader = BEACON_READERS.get(beacon_of(rest))
    if reader is not None:
        reader(reading, frame.cursor, frame.buffer)
    else:
        reading.put_unread(frame.cursor, frame.buffer, frame.branch, "beacon payload of an unknown protocol")


def read_data(reading: Reading, frame: MacFrame) -> None:
    """A data frame's payload, by the protocol that it shows."""
    cursor = frame.cursor
    if not cursor.remaining:
        reading.set_summary(LAYER, "Empty data frame")
        return
    addressed = reading.sender_short is not None or reading.sender_eui64 is not None
    payload, short = cursor.peek(cursor.remaining), reading.sender_short is not None
    protocol = protocol_of(payload, addressed=addressed, short_sender=short)
    reader = READERS.get(protocol)
    if reader is not None:
        reader(reading, cursor, frame.buffer)
        return
    reading.set_summary(LAYER, "Data of an unknown protocol")
    reading.put_unread(cursor, frame.buffer, frame.branch, "payload of an unknown protocol")
