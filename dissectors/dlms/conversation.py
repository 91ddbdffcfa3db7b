"""DLMS in captures: packets in, messages out, with everything that only a whole conversation tells.

Strategy: a conversation is a pair of endpoints. Its carrier is chosen once, from the first octets that look
like one; TCP is put in order first; what belongs to one message (segments) is joined and read in one go with
the association of that pair of stations. What carries no DLMS is passed over without a word.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

from dissectors.dlms.association import MAX_ENTRIES, Association
from dissectors.dlms.carriers.extents import extent
from dissectors.dlms.carriers.hdlc import read_frame
from dissectors.dlms.carriers.mbus import Telegram, read_telegram
from dissectors.dlms.carriers.packets import read_packet
from dissectors.dlms.carriers.reassembly import TcpStream
from dissectors.dlms.conversation_state import ENOUGH, OPENINGS, Conversation, Pending, Side
from dissectors.dlms.counters import InvocationCounters
from dissectors.dlms.decoding.apdu_decoder import ApduDecoder
from dissectors.dlms.decoding.message_view import DlmsMessage
from dissectors.dlms.decoding.transports import READERS, read_hdlc
from dissectors.model.field import Issue
from dissectors.model.keyring import DlmsKeys
from dissectors.model.message import Message
from dissectors.model.origins import Origin, origins_within

__all__ = ["Conversations", "Found"]

Found = tuple[tuple[int, ...], Message]
MAX_WAIT = 0x10000 + 16
MOST_OCTETS = 32 * 1024 * 1024
"""Octets that wait for others, of all conversations."""

_SPEAKING = ("SNRM", "UA", "DISC", "DM", "FRMR")


@dataclass(slots=True)
class Conversations:
    """All conversations of one capture.

    Attributes:
        keys: keys that may open ciphered messages.
        counters: invocation counters over all conversations.
        size: octets that wait for others.
        forgotten: conversations that were let go, because there were too many or too much waited in them.
    """

    keys: Sequence[DlmsKeys] = ()
    counters: InvocationCounters = field(default_factory=InvocationCounters)
    size: int = 0
    forgotten: int = 0
    _all: OrderedDict[Hashable, Conversation] = field(default_factory=OrderedDict)

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
            offset=segment.offset,
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
        offset: int = 0,
    ) -> list[Found]:
        """Take the payload of a datagram, a TCP segment (with its sequence number), or a piece of a stream.

        Args:
            transport: what carries DLMS here, when it is known; else the first octets tell.
            stream: `octets` follow those fed before without a gap (a serial line).
            offset: where `octets` begin in the record of the frame.
        """
        key = frozenset((source, destination)), sequence is None
        conversation = self._all.get(key)
        if conversation is None:
            self._all[key] = conversation = Conversation()
        self._all.move_to_end(key)
        if transport != "auto":
            conversation.transport = transport
        side = conversation.side(source)
        if sequence is not None:
            side.stream.feed(sequence, octets, frame, syn, offset)
        elif stream:
            side.stream.feed(side.stream.next or 0, octets, frame, offset=offset)
        elif octets:
            whole = [Origin(frame, 0, len(octets), offset)]
            found = self._datagram(conversation, side, octets, whole, destination)
            self._weigh(conversation)
            return found
        found = self._drain(conversation, side, destination)
        self._weigh(conversation)
        return found

    def _weigh(self, conversation: Conversation) -> None:
        """Let go of the conversations that were silent for the longest while there is too much of them."""
        size = conversation.transfers + sum(side.size for side in conversation.sides.values())
        self.size += size - conversation.size
        conversation.size = size
        while len(self._all) > MAX_ENTRIES or (self.size > MOST_OCTETS and len(self._all) > 1):
            self.size -= self._all.popitem(last=False)[1].size
            self.forgotten += 1

    def waiting(self) -> set[int]:
        """Numbers of the frames that carried a part of a message which is not whole yet."""
        return set().union(*(conversation.waiting() for conversation in self._all.values()))

    def finish(self) -> list[Found]:
        """At the end of a capture: what was held behind a gap in a stream, and messages whose last segment did not
        come, read as far as they go."""
        out: list[Found] = []
        for conversation in self._all.values():
            for side in conversation.sides.values():
                side.stream.flush()
                out += self._drain(conversation, side, None)
                for key in list(side.pending):
                    pending, stations = side.release(key), frozenset(key) if isinstance(key, tuple) else ()
                    out.append(self._whole(conversation, side, conversation.transport, pending, stations))
        return out

    def _datagram(
        self,
        conversation: Conversation,
        side: Side,
        octets: bytes,
        origins: list[Origin],
        destination: Hashable,
    ) -> list[Found]:
        transport = conversation.choose(octets, destination)
        if not transport:
            return []
        if transport not in ("hdlc", "mbus"):
            return [self._message(conversation, side, transport, octets, origins, ())]
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
            here = origins_within(origins, at, length + len(closing))
            out += self._piece(conversation, side, octets[at:stop] + closing, here)
            at = stop
        return out

    def _drain(self, conversation: Conversation, side: Side, destination: Hashable) -> list[Found]:
        """Take whole pieces off the stream while there are any."""
        out: list[Found] = []
        stream = side.stream
        if stream.lost:
            text = f"{stream.lost} octets of the TCP stream are not in the capture"
            side.say(Issue("warning", "tcp", 0, text))
            stream.lost = 0
        if not conversation.transport and stream.ready:
            first = bytes(stream.ready[:MAX_WAIT])
            if len(first) < ENOUGH and first[:1] in OPENINGS:
                return out
            if not conversation.choose(first, destination):
                stream.take(len(stream.ready))
        while stream.ready and conversation.transport:
            length = extent(conversation.transport, bytes(stream.ready[:MAX_WAIT]), 0)
            if length == 0:
                break
            if length > 0:
                octets, origins = _take(stream, length, conversation.transport == "hdlc")
                out += self._piece(conversation, side, octets, origins)
                continue
            octets, _ = stream.take(-length)
            if octets.strip(b"\x7e\xe5"):
                carrier = conversation.transport
                text = f"{len(octets)} octets in the stream that are no {carrier} were passed over"
                side.say(Issue("warning", f"dlms.{carrier}", 0, text))
        return out

    def _piece(
        self, conversation: Conversation, side: Side, octets: bytes, origins: list[Origin]
    ) -> list[Found]:
        """One frame, telegram or PDU; segments wait for their last one."""
        if conversation.transport == "hdlc":
            return self._hdlc(conversation, side, octets, origins)
        if conversation.transport == "mbus":
            return self._mbus(conversation, side, octets, origins)
        stations: Hashable = ()
        if conversation.transport == "wrapper":
            stations = frozenset((octets[2:4], octets[4:6]))
        return [self._message(conversation, side, conversation.transport, octets, origins, stations)]

    def _hdlc(
        self, conversation: Conversation, side: Side, octets: bytes, origins: list[Origin]
    ) -> list[Found]:
        start = len(octets) - len(octets.lstrip(b"\x7e"))
        frame = read_frame(octets, start, len(octets))
        stations = frozenset((frame.destination, frame.source))
        if frame.type in _SPEAKING:
            if frame.type == "SNRM":
                side.segments.before.clear()
            return [self._message(conversation, side, "hdlc", octets, origins, stations)]
        if frame.type not in ("I", "UI") or frame.info[0] == frame.info[1]:
            return []
        key = (frame.destination, frame.source)
        unit = side.segments.feed(frame, octets)
        noted = side.segments.notes[:]
        side.segments.notes.clear()
        for _, text in noted:
            side.say(Issue("note", "dlms.hdlc", 0, text))
        pending = side.release(key)
        given_up = bool(pending.pieces) and key not in side.segments.open
        repeated = unit is None and bool(noted) and not given_up
        if not repeated:
            pending.add(octets, origins)
        if unit is None and not given_up:
            if pending.pieces:
                side.hold(key, pending)
            return []
        return [self._whole(conversation, side, "hdlc", pending, stations)]

    def _mbus(
        self, conversation: Conversation, side: Side, octets: bytes, origins: list[Origin]
    ) -> list[Found]:
        telegram: Telegram = read_telegram(octets, 0, len(octets))
        if telegram.ports is None:
            return []
        unit = side.telegrams.feed(telegram, octets)
        for _, text in side.telegrams.notes:
            side.say(Issue("note", "dlms.mbus", 0, text))
        side.telegrams.notes.clear()
        pending = side.release(telegram.ports)
        if telegram.segment == 0:
            pending = Pending()
        pending.add(octets, origins)
        if unit is None and telegram.ports in side.telegrams.open:
            side.hold(telegram.ports, pending)
            return []
        return [self._whole(conversation, side, "mbus", pending, frozenset(telegram.ports))]

    def _whole(
        self, conversation: Conversation, side: Side, transport: str, pending: Pending, stations: Hashable
    ) -> Found:
        octets = b"".join(pending.pieces)
        return self._message(conversation, side, transport, octets, pending.origins, stations)

    def _message(
        self,
        conversation: Conversation,
        side: Side,
        transport: str,
        octets: bytes,
        origins: list[Origin],
        stations: Hashable,
    ) -> Found:
        association = conversation.associations.get(stations)
        if association is None:
            association = Association.with_keys(self.keys)
            association.counters = self.counters
            conversation.associations[stations] = association
        decoder = ApduDecoder(association, side.direction)
        decoder.issues += side.said()
        conversation.transfers -= association.waiting
        if transport == "hdlc":
            fields, error = read_hdlc(decoder, octets, strict=False)
        else:
            fields, error = READERS[transport](decoder, octets)
        conversation.transfers += association.waiting
        side.direction = decoder.direction or side.direction
        message = DlmsMessage(octets, transport, decoder, fields, error)
        if side.direction:
            message.facts["direction"] = side.direction
        message.origins = tuple(origins)
        return tuple(dict.fromkeys(one.frame for one in origins)), message


def _take(stream: TcpStream, length: int, flags: bool) -> tuple[bytes, list[Origin]]:
    """A whole piece, and who brought it; an HDLC frame gets both flags, which it may share with its neighbours."""
    if not flags:
        return stream.take(length)
    head = bytes(stream.ready[:length])
    fill = len(head) - len(head.lstrip(b"\x7e"))
    stream.take(fill)
    octets, origins = stream.take(length - fill)
    closing = bytes(stream.ready[:1] if stream.ready[:1] == b"\x7e" else b"")
    return b"\x7e" + octets + closing, origins_within(origins, 0, len(octets), 1)
