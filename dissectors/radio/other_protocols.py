"""Protocols that share the radio with ZigBee: named and laid out as far as their headers, not further.

Sources: RFC 4944, RFC 6282 (6LoWPAN); RFC 768 with UDP port 19788 (Thread MLE, draft-kelsey-intarea-
mesh-link-establishment); ZigBee RF4CE 094945 clause 3.3 (RF4CE NWK frame).
"""

from __future__ import annotations

from dissectors.layout import Bits, Layer, Octets, UInt, Word
from dissectors.layout.reading import Reading
from dissectors.model.cursor import Cursor
from dissectors.model.errors import Truncated

__all__ = ["read_lowpan", "read_rf4ce", "read_thread_beacon"]

MLE_PORT = 19788
DISPATCHES = (
    (0xFF, 0x41, "uncompressed IPv6"),
    (0xFF, 0x42, "HC1 compressed IPv6"),
    (0xFF, 0x43, "destination-first forwarding"),
    (0xFF, 0x50, "broadcast header"),
    (0xE0, 0x60, "IPHC compressed IPv6"),
    (0xF8, 0xC0, "first fragment"),
    (0xF8, 0xE0, "later fragment"),
    (0xC0, 0x80, "mesh header"),
)


def dispatch_text(value: int) -> str:
    """What a 6LoWPAN dispatch octet announces."""
    return next((text for mask, code, text in DISPATCHES if value & mask == code), "unknown dispatch")


def not_read(value: bytes) -> str:
    """What another protocol carries is shown, and left at that."""
    return "not read further"


class Lowpan(Layer):
    name = "6LoWPAN"
    title = "6lowpan"
    parts = [UInt("dispatch", 0x41, 1, names=dispatch_text), Octets("content", names=not_read)]


RF4CE_TYPES = {0: "reserved", 1: "data", 2: "command", 3: "vendor specific data"}
RF4CE_PROFILES = {0: "GDP", 1: "ZRC 1.1", 2: "ZID", 3: "ZRC 2.0"}
RF4CE_COMMANDS = {
    1: "Discovery Request",
    2: "Discovery Response",
    3: "Pair Request",
    4: "Pair Response",
    5: "Unpair Request",
    6: "Key Seed",
    7: "Ping Request",
    8: "Ping Response",
}


class Rf4ce(Layer):
    name = "RF4CE"
    title = "rf4ce"
    parts = [
        Word(
            "frame_control",
            0x29,
            1,
            (
                Bits("frame_type", 0, 2, RF4CE_TYPES),
                Bits("security", 2, 1),
                Bits("version", 3, 2),
                Bits("reserved", 5, 1),
                Bits("channel_designator", 6, 2, {0: "none", 1: "15", 2: "20", 3: "25"}),
            ),
        ),
        UInt("frame_counter", 0, 4),
        UInt("profile", 0, 1, when=lambda h: h.bit("frame_type") & 1, names=RF4CE_PROFILES),
        UInt("vendor", 0, 2, when=lambda h: h.bit("frame_type") == 3, names=lambda v: f"0x{v:04x}"),
        UInt(
            "command",
            1,
            1,
            when=lambda h: h.bit("frame_type") == 2 and not h.bit("security"),
            names=RF4CE_COMMANDS,
        ),
        Octets("content", names=not_read),
    ]


class ThreadBeacon(Layer):
    name = "Thread beacon"
    title = "thread_beacon"
    parts = [UInt("protocol_id", 3, 1, names={3: "Thread"}), Octets("content", names=not_read)]


def read_lowpan(reading: Reading, cursor: Cursor, buffer: str) -> None:
    """Name a 6LoWPAN frame; Thread's mesh link establishment is told by its UDP port."""
    mle = carries_mle(Cursor(cursor.data, cursor.offset, cursor.end, layer="6LoWPAN"))
    layer = Lowpan.read(cursor)
    name = dispatch_text(layer.dispatch)
    reading.put(layer, buffer, meaning=name)
    if mle:
        reading.set_summary("Thread MLE", "Thread mesh link establishment")
    else:
        reading.set_summary("6LoWPAN", f"6LoWPAN {name}")


def read_rf4ce(reading: Reading, cursor: Cursor, buffer: str) -> None:
    """Name an RF4CE frame and lay out its header."""
    layer = Rf4ce.read(cursor)
    layer.reject_trailing(cursor)
    reading.put(layer, buffer)
    command = layer.get("command")
    kind = RF4CE_TYPES[layer.bit("frame_type")]
    known = RF4CE_COMMANDS.get(command, "command") if command is not None else kind
    reading.set_summary("RF4CE", f"RF4CE {known}")


def read_thread_beacon(reading: Reading, cursor: Cursor, buffer: str) -> None:
    """Name a Thread beacon."""
    reading.put(ThreadBeacon.read(cursor), buffer)
    reading.set_summary("Beacon", "Thread beacon")


TRAFFIC_OCTETS = (4, 3, 1, 0)
ADDRESS_OCTETS = (16, 8, 2, 0)
MULTICAST_OCTETS = (16, 6, 4, 1)


def carries_mle(cursor: Cursor) -> bool:
    """Whether an IPHC packet carries UDP from or to the MLE port, with compressed or plain UDP header."""
    try:
        return udp_ports(cursor) & {MLE_PORT} != set()
    except Truncated:
        return False


def udp_ports(cursor: Cursor) -> set[int]:
    """The UDP ports of an IPHC packet (RFC 6282 clauses 3.1 and 4.3); empty when there are none."""
    first, second = cursor.u8(), cursor.u8()
    if first & 0xE0 != 0x60:
        return set()
    next_header = None
    cursor.skip((second >> 7 & 1) + TRAFFIC_OCTETS[first >> 3 & 3])
    if not first & 4:
        next_header = cursor.u8()
    cursor.skip(0 if first & 3 else 1)
    source = ADDRESS_OCTETS[second >> 4 & 3]
    cursor.skip(0 if second & 0x70 == 0x40 else source)
    multicast = second & 8
    if multicast and second & 4:
        cursor.skip(6)
    else:
        cursor.skip(MULTICAST_OCTETS[second & 3] if multicast else ADDRESS_OCTETS[second & 3])
    if next_header is not None:
        return {cursor.u16be(), cursor.u16be()} if next_header == 17 else set()
    nhc = cursor.u8()
    if nhc & 0xF8 != 0xF0:
        return set()
    short = {0: (2, 2), 1: (2, 1), 2: (1, 2)}.get(nhc & 3)
    if short is None:
        return set()
    bases = {1: 0xF000, 2: 0}
    return {bases[n] + cursor.uint_be(n) for n in short}
