"""Frames and messages as stacks of Scapy layers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any, ClassVar

from scapy.config import conf
from scapy.packet import Packet, Raw

from dissectors.layout import Layer, Octets, UInt
from dissectors.model.context import HanContext
from dissectors.model.cursor import Cursor
from dissectors.model.field import Field
from dissectors.model.frame import Dissection, RawFrame, Trailer
from dissectors.model.keyring import Key, Keyring
from dissectors.model.message import Message
from dissectors.scapy.branches import branch_packet
from dissectors.scapy.layers import to_scapy

__all__ = ["Opened", "Sniffed", "TapHeader", "dissect", "message_packets", "stack"]


class Opened(Packet):
    """Stands between sealed octets and the layers of what they say; on the air it takes no octets."""

    name = "Opened"
    fields_desc: ClassVar[list[Any]] = []
    buffer: str = ""
    key: Key | None = None

    def __setattr__(self, attr: str, val: Any) -> None:
        if attr in ("buffer", "key"):
            self.__dict__[attr] = val
        else:
            super().__setattr__(attr, val)

    def copy(self) -> Opened:
        clone: Opened = super().copy()
        clone.buffer, clone.key = self.buffer, self.key
        return clone

    def mysummary(self) -> str:
        return f"opened ({self.buffer})"

    def do_build(self) -> bytes:
        return b""

    def clear(self) -> bytes:
        """The octets of the opened layers, as they stand now."""
        return bytes(self.payload)


def stack(found: Dissection, buffer: str | None = None) -> Packet:
    """The layers of a dissection as one Scapy packet, or those of one `buffer` only."""
    out: list[Packet] = []
    keys = [key for _, key in found.opened]
    for name in found.buffers if buffer is None else [buffer]:
        layers = [_packet(layer, name, found) for in_, layer in found.layers if in_ == name]
        if buffer is None and name.startswith("decrypted"):
            out.append(_opened(name, keys.pop(0) if keys else None))
        elif buffer is None and name != "frame" and layers:
            out.append(_opened(name))
        out += layers
    for below, above in pairwise(out):
        below.add_payload(above)
    return out[0] if out else Raw(b"")


def _opened(buffer: str, key: Key | None = None) -> Opened:
    made = Opened()
    made.buffer, made.key = buffer, key
    return made


def _packet(layer: Layer, buffer: str, found: Dissection) -> Packet:
    tree = next((f for f in found.fields if f.name == "zcl" and f.buffer == buffer), None)
    if tree is not None and layer.name == "Payload" and layer.start == tree.offset:
        return branch_packet(tree.children, bytes(layer), "ZCL", tree.offset)
    packet = to_scapy(type(layer))()
    packet.take(layer)
    return packet


class TapHeader(Layer):
    """What stands before a frame of link type 283 (IEEE 802.15.4 TAP): a length, and facts of the radio."""

    name = "802.15.4 TAP"
    title = "tap"
    parts = (
        UInt("version", 0, 1),
        UInt("reserved", 0, 1),
        UInt("length", 4, 2),
        Octets("tlvs", lambda h: max(0, h.length - 4)),
    )

    def trailer(self) -> Trailer:
        """What the first type-length-value says of the check sequence (type 0: none, 16 or 32 bits)."""
        tlvs = bytes(self.tlvs)
        known: tuple[Trailer, ...] = ("absent", "fcs16", "fcs32")
        kind = tlvs[4] if tlvs[:4] == b"\x00\x00\x01\x00" and len(tlvs) > 4 else 0
        return known[kind] if kind < len(known) else "absent"


conf.l2types.register(283, to_scapy(TapHeader))


def frame_of(packet: Packet) -> tuple[bytes, Trailer]:
    """The radio frame in a packet that Scapy read, and what its last octets are.

    Known are Scapy's own 802.15.4 layers (link types 195 and 230) and TAP (283, read once this module is imported);
    of everything else the octets are taken as they are.
    """
    for kind, trailer in (("Dot15d4FCS", "fcs16"), ("Dot15d4", "absent")):
        inner = packet.getlayer(kind)
        if inner is not None:
            return inner.original or bytes(inner), trailer  # type: ignore[return-value]
    octets = packet.original or bytes(packet)
    if packet.haslayer(to_scapy(TapHeader)):
        cursor = Cursor(octets, layer="tap")
        tap = TapHeader.read(cursor)
        if tap.error is None:
            return cursor.rest(), tap.trailer()
    return octets, "absent"


class Sniffed:
    """Dissects frames one after the other, as Scapy packets; remembers keys, addresses, tunnels and fragments.

    Attributes:
        context: what was learnt from the frames so far; its keyring is the one given.
        found: the dissection of the last frame.
    """

    def __init__(self, keyring: Keyring | None = None) -> None:
        self.context = HanContext(keyring or Keyring())
        self.found = Dissection()
        self.frames = 0

    def dissect(self, frame: bytes | Packet, *, trailer: Trailer = "absent", time_ns: int = 0) -> Packet:
        """The stack of one frame; the GBCS or DLMS message that it completes stands at the end.

        Args:
            frame: octets of the frame, or a packet of Scapy whose octets they are.
            trailer: what the last octets are (of a Scapy packet its link type says so).
            time_ns: when it was heard, nanoseconds since 1970-01-01 UTC; taken from a Scapy packet.
        """
        from dissectors.radio.dispatch import dissect_frame

        if isinstance(frame, Packet):
            time_ns = time_ns or int(frame.time * 1_000_000_000)
            octets, trailer = frame_of(frame)
        else:
            octets = frame
        self.frames += 1
        found = self.found = dissect_frame(RawFrame(octets, trailer, self.frames, time_ns), self.context)
        out = stack(found)
        for kind, carried in found.payload:
            for message in self.message(kind, carried):
                out.lastlayer().add_payload(message)
        return out

    def message(self, kind: str, octets: bytes) -> list[Packet]:
        """A message as Scapy layers, by the GBCS or DLMS dissector; empty for octets of another kind."""
        found: Message
        if kind == "gbcs":
            from dissectors import gbcs

            found = gbcs.dissect_message(octets, self.context.keyring.gbcs)
        elif kind == "dlms":
            from dissectors import dlms

            found = dlms.dissect_message(octets, keys=self.context.keyring.dlms)
        else:
            return []
        return message_packets(found)


def message_packets(message: Message) -> list[Packet]:
    """The layers of a dissected message, each behind the `Opened` of its buffer."""
    out: list[Packet] = []
    for buffer, octets in {"message": message.octets, **message.buffers}.items():
        branches = [field for field in _branches(message.fields, buffer) if field.length]
        if branches:
            out += [_opened(buffer), branch_packet(branches, octets, message.kind.upper())]
    return out


def _branches(fields: Iterable[Field], buffer: str) -> Iterator[Field]:
    """The outermost branches that lie in `buffer`, wherever in the tree they hang."""
    for field in fields:
        if field.buffer == buffer:
            yield field
        else:
            yield from _branches(field.children, buffer)


def dissect(packets: Iterable[bytes | Packet], keyring: Keyring | None = None) -> Iterator[Packet]:
    """The stack of each of `packets`, in order: octets, or what Scapy's ``rdpcap`` gives."""
    sniffed = Sniffed(keyring)
    for packet in packets:
        yield sniffed.dissect(packet)
