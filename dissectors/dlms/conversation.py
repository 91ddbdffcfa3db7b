"""DLMS in captures: packets in, messages out, with everything that only a whole conversation tells.

Strategy: a conversation is a pair of endpoints. Its carrier is chosen once, from the first octets that look
like one; TCP is put in order first; what belongs to one message (segments) is joined and read in one go with
the association of that pair of stations. What carries no DLMS is passed over without a word.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

from dissectors.dlms.apdu import APDU_NAMES, read_whole_apdu
from dissectors.dlms.apdu_decoder import ApduDecoder
from dissectors.dlms.association import Association, Bounded
from dissectors.dlms.counters import InvocationCounters
from dissectors.dlms.extents import extent
from dissectors.dlms.hdlc import read_frame
from dissectors.dlms.mbus import Telegram, read_telegram
from dissectors.dlms.message import find_transport
from dissectors.dlms.message_view import DlmsMessage
from dissectors.dlms.packets import read_packet
from dissectors.dlms.reassembly import HdlcSegments, MbusSegments, TcpStream
from dissectors.dlms.transports import LLC_DIRECTIONS, READERS, read_hdlc
from dissectors.errors import DissectionError, Truncated
from dissectors.field import Issue
from dissectors.keyring import DlmsKeys
from dissectors.message import Message

__all__ = ["Conversations", "Found"]

Found = tuple[tuple[int, ...], Message]
DLMS_PORT = 4059
MAX_WAIT = 0x10000 + 16
ENOUGH = 9
"""Octets that tell the carrier; with fewer, a stream that opens like one is waited for."""

TRIES = 64
"""Payloads that may pass before a conversation is taken to carry no DLMS: a capture may begin in mid-message."""

_OPENINGS = (b"\x7e", b"\0", b"\x68", b"\xe5", b"\x10")
_SPEAKING = ("SNRM", "UA", "DISC", "DM", "FRMR")


@dataclass(slots=True)
class _Side:
    """What one endpoint sends: the stream, and the frames of a message that is not whole yet."""

    stream: TcpStream = field(default_factory=TcpStream)
    segments: HdlcSegments = field(default_factory=HdlcSegments)
    telegrams: MbusSegments = field(default_factory=MbusSegments)
    pending: dict[Hashable, tuple[bytes, list[int]]] = field(default_factory=dict)
    issues: list[Issue] = field(default_factory=list)
    direction: str = ""


@dataclass(slots=True)
class _Conversation:
    transport: str = ""
    tried: int = 0
    sides: dict[Hashable, _Side] = field(default_factory=dict)
    associations: Bounded[Hashable, Association] = field(default_factory=Bounded)

    def side(self, source: Hashable) -> _Side:
        return self.sides.setdefault(source, _Side())

    def waiting(self) -> set[int]:
        """Frames of which octets wait for more to come."""
        if self.tried >= TRIES and not self.transport:
            return set()
        out: set[int] = set()
        for side in self.sides.values():
            out.update(frame for _, frame in side.stream.frames)
            out.update(frame for _, frame in side.stream.held.values())
            for _, frames in side.pending.values():
                out.update(frames)
        return out

    def choose(self, octets: bytes, destination: Hashable) -> str:
        """The carrier, once chosen for good; after some payloads that show none, ``""`` for good."""
        if not self.transport and self.tried < TRIES:
            self.tried += 1
            self.transport = _choose(octets, destination)
        return self.transport


@dataclass(slots=True)
class Conversations:
    """All conversations of one capture.

    Attributes:
        keys: keys that may open ciphered messages.
        counters: invocation counters over all conversations.
    """

    keys: Sequence[DlmsKeys] = ()
    counters: InvocationCounters = field(default_factory=InvocationCounters)
    _all: Bounded[Hashable, _Conversation] = field(default_factory=Bounded)

    def feed_packet(self, record: bytes, link_type: int, time_ns: int, frame: int) -> list[Found]:
        """Take a captured packet; the messages that it completes, each with the numbers of its frames.

        Args:
            record: the octets of the record, link layer included.
            link_type: as in the capture file (1 Ethernet, 113 cooked, 101 raw IP ...); of another kind the
                record itself may be DLMS (serial captures).
        """
        segment = read_packet(record, link_type)
        if segment is None:
            user = link_type >= 147 and link_type not in (195, 215, 230, 283)
            return self.feed(("link", link_type), "peer", record, frame=frame) if user else []
        source: Hashable = segment.source
        return self.feed(
            source,
            segment.destination,
            segment.payload,
            frame=frame,
            sequence=segment.sequence,
            syn=segment.syn,
        )

    def feed(
        self,
        source: Hashable,
        destination: Hashable,
        octets: bytes,
        *,
        frame: int = 0,
        sequence: int | None = None,
        syn: bool = False,
        transport: str = "auto",
        stream: bool = False,
    ) -> list[Found]:
        """Take the payload of a datagram, a TCP segment (with its sequence number), or a piece of a stream.

        Args:
            transport: what carries DLMS here, when it is known; else the first octets tell.
            stream: `octets` follow those fed before without a gap (a serial line).
        """
        key = frozenset((source, destination)), sequence is None
        conversation = self._all.get(key)
        if conversation is None:
            self._all[key] = conversation = _Conversation()
        self._all.move_to_end(key)
        if transport != "auto":
            conversation.transport = transport
        side = conversation.side(source)
        if sequence is not None:
            side.stream.feed(sequence, octets, frame, syn)
        elif stream:
            side.stream.feed(side.stream.next or 0, octets, frame)
        elif octets:
            return self._datagram(conversation, side, octets, frame, destination)
        return self._drain(conversation, side, destination)

    def waiting(self) -> set[int]:
        """Numbers of the frames that carried a part of a message which is not whole yet."""
        return set().union(*(conversation.waiting() for conversation in self._all.values()))

    def finish(self) -> list[Found]:
        """At the end of a capture: what was held behind a gap in a stream, read as far as it goes."""
        out: list[Found] = []
        for conversation in self._all.values():
            for side in conversation.sides.values():
                side.stream.flush()
                out += self._drain(conversation, side, None)
        return out

    def _datagram(
        self, conversation: _Conversation, side: _Side, octets: bytes, frame: int, destination: Hashable
    ) -> list[Found]:
        transport = conversation.choose(octets, destination)
        if not transport:
            return []
        if transport not in ("hdlc", "mbus"):
            return [self._message(conversation, side, transport, octets, [frame], ())]
        out: list[Found] = []
        at = 0
        while at < len(octets):
            length = extent(transport, octets, at)
            if length <= 0:
                at += -length or len(octets)
                continue
            stop = at + length
            closing = (
                octets[stop : stop + 1] if transport == "hdlc" and octets[stop : stop + 1] == b"\x7e" else b""
            )
            out += self._piece(conversation, side, octets[at:stop] + closing, [frame])
            at = stop
        return out

    def _drain(self, conversation: _Conversation, side: _Side, destination: Hashable) -> list[Found]:
        """Take whole pieces off the stream while there are any."""
        out: list[Found] = []
        stream = side.stream
        if stream.lost:
            text = f"{stream.lost} octets of the TCP stream are not in the capture"
            side.issues.append(Issue("warning", "tcp", 0, text))
            stream.lost = 0
        if not conversation.transport and stream.ready:
            first = bytes(stream.ready[:MAX_WAIT])
            if len(first) < ENOUGH and first[:1] in _OPENINGS:
                return out
            if not conversation.choose(first, destination):
                stream.take(len(stream.ready))
        while stream.ready and conversation.transport:
            length = extent(conversation.transport, bytes(stream.ready[:MAX_WAIT]), 0)
            if length == 0:
                break
            if length > 0:
                octets, frames = _take(stream, length, conversation.transport == "hdlc")
                out += self._piece(conversation, side, octets, frames)
                continue
            octets, _ = stream.take(-length)
            if octets.strip(b"\x7e\xe5"):
                carrier = conversation.transport
                text = f"{len(octets)} octets in the stream that are no {carrier} were passed over"
                side.issues.append(Issue("warning", f"dlms.{carrier}", 0, text))
        return out

    def _piece(
        self, conversation: _Conversation, side: _Side, octets: bytes, frames: list[int]
    ) -> list[Found]:
        """One frame, telegram or PDU; segments wait for their last one."""
        if conversation.transport == "hdlc":
            return self._hdlc(conversation, side, octets, frames)
        if conversation.transport == "mbus":
            return self._mbus(conversation, side, octets, frames)
        stations: Hashable = ()
        if conversation.transport == "wrapper":
            stations = frozenset((octets[2:4], octets[4:6]))
        return [self._message(conversation, side, conversation.transport, octets, frames, stations)]

    def _hdlc(
        self, conversation: _Conversation, side: _Side, octets: bytes, frames: list[int]
    ) -> list[Found]:
        start = len(octets) - len(octets.lstrip(b"\x7e"))
        frame = read_frame(octets, start, len(octets))
        stations = frozenset((frame.destination, frame.source))
        if frame.type in _SPEAKING:
            if frame.type == "SNRM":
                side.segments.before.clear()
            return [self._message(conversation, side, "hdlc", octets, frames, stations)]
        if frame.type not in ("I", "UI") or frame.info[0] == frame.info[1]:
            return []
        notes = len(side.segments.notes)
        unit = side.segments.feed(frame, octets)
        key = (frame.destination, frame.source)
        if len(side.segments.notes) > notes:
            side.issues += [Issue("note", "dlms.hdlc", 0, text) for _, text in side.segments.notes[notes:]]
            del side.segments.notes[:]
            if unit is None:
                return []
        before, numbers = side.pending.pop(key, (b"", []))
        joined = before + octets, numbers + [n for n in frames if n not in numbers]
        if unit is None:
            side.pending[key] = joined
            return []
        return [self._message(conversation, side, "hdlc", *joined, stations)]

    def _mbus(
        self, conversation: _Conversation, side: _Side, octets: bytes, frames: list[int]
    ) -> list[Found]:
        telegram: Telegram = read_telegram(octets, 0, len(octets))
        if telegram.ports is None:
            return []
        unit = side.telegrams.feed(telegram, octets)
        side.telegrams.notes.clear()
        before, numbers = side.pending.pop(telegram.ports, (b"", []))
        if telegram.segment == 0:
            before, numbers = b"", []
        joined = before + octets, numbers + [n for n in frames if n not in numbers]
        if unit is None:
            side.pending[telegram.ports] = joined
            return []
        return [self._message(conversation, side, "mbus", *joined, frozenset(telegram.ports))]

    def _message(
        self,
        conversation: _Conversation,
        side: _Side,
        transport: str,
        octets: bytes,
        frames: list[int],
        stations: Hashable,
    ) -> Found:
        association = conversation.associations.get(stations)
        if association is None:
            association = Association.with_keys(self.keys)
            association.counters = self.counters
            conversation.associations[stations] = association
        decoder = ApduDecoder(association, side.direction)
        decoder.issues += side.issues
        side.issues = []
        if transport == "hdlc":
            fields, error = read_hdlc(decoder, octets, strict=False)
        else:
            fields, error = READERS[transport](decoder, octets)
        side.direction = decoder.direction or side.direction
        message = DlmsMessage(octets, transport, decoder, fields, error)
        if side.direction:
            message.facts["direction"] = side.direction
        return tuple(frames), message


def _take(stream: TcpStream, length: int, flags: bool) -> tuple[bytes, list[int]]:
    """A whole piece and its frames; an HDLC frame gets both flags, which it may share with its neighbours."""
    if not flags:
        return stream.take(length)
    head = bytes(stream.ready[:length])
    fill = len(head) - len(head.lstrip(b"\x7e"))
    stream.take(fill)
    octets, frames = stream.take(length - fill)
    return b"\x7e" + octets + bytes(stream.ready[:1] if stream.ready[:1] == b"\x7e" else b""), frames


def _choose(octets: bytes, destination: Hashable) -> str:
    """The carrier that the first octets of a conversation show for certain enough; ``""`` when none."""
    transport = find_transport(octets)
    if transport == "hdlc":
        start = len(octets) - len(octets.lstrip(b"\x7e"))
        try:
            frame = read_frame(octets, start, len(octets))
        except Truncated:
            return "hdlc" if len(octets) - start < 0x800 else ""
        except DissectionError:
            return ""
        return (
            "hdlc"
            if frame.frame_ok or frame.header_ok or octets[frame.end : frame.end + 1] == b"\x7e"
            else ""
        )
    if transport in ("wrapper", "wrapper-stream"):
        return "wrapper" if len(octets) > 8 and octets[8] in APDU_NAMES else ""
    if transport in ("mbus", "iec61334"):
        return transport
    if octets[:3] in LLC_DIRECTIONS:
        return "llc"
    port = destination[1] if isinstance(destination, tuple) and len(destination) == 2 else None
    known = isinstance(destination, str) or port == DLMS_PORT
    return "apdu" if known and _reads(octets) else ""


def _reads(octets: bytes) -> bool:
    try:
        read_whole_apdu(octets)
    except DissectionError:
        return False
    return True
