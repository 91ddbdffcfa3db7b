"""What a conversation remembers of each of its sides, and which carrier it was found to have."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field

from dissectors.dlms.apdu.layouts import APDU_NAMES, is_whole_apdu
from dissectors.dlms.association import MAX_ENTRIES, Association, Bounded
from dissectors.dlms.carriers.hdlc import read_frame
from dissectors.dlms.carriers.reassembly import HdlcSegments, MbusSegments, TcpStream
from dissectors.dlms.decoding.transports import LLC_DIRECTIONS
from dissectors.dlms.message import find_transport
from dissectors.model.errors import DissectionError, Truncated
from dissectors.model.field import Issue
from dissectors.model.origins import Origin, origins_within

__all__ = ["ENOUGH", "OPENINGS", "Conversation", "Pending", "Side"]

DLMS_PORT = 4059
ENOUGH = 9
"""Octets that tell the carrier; with fewer, a stream that opens like one is waited for."""
OPENINGS = (b"\x7e", b"\0", b"\x68", b"\xe5", b"\x10")
TRIES = 64
"""Payloads that may pass before a conversation is taken to carry no DLMS: a capture may begin in mid-message."""
MOST_ISSUES = 32
"""Troubles that are kept for the next message; further ones are counted."""


@dataclass(slots=True)
class Pending:
    """Pieces of a message that is not whole yet: their octets, and which frames carried them."""

    pieces: list[bytes] = field(default_factory=list)
    origins: list[Origin] = field(default_factory=list)
    size: int = 0

    def add(self, octets: bytes, origins: list[Origin]) -> None:
        self.pieces.append(octets)
        self.origins += origins_within(origins, 0, len(octets), self.size)
        self.size += len(octets)


@dataclass(slots=True)
class Side:
    """What one endpoint sends: the stream, and the frames of a message that is not whole yet."""

    stream: TcpStream = field(default_factory=TcpStream)
    segments: HdlcSegments = field(default_factory=HdlcSegments)
    telegrams: MbusSegments = field(default_factory=MbusSegments)
    pending: OrderedDict[Hashable, Pending] = field(default_factory=OrderedDict)
    pending_octets: int = 0
    issues: list[Issue] = field(default_factory=list)
    unsaid: int = 0
    direction: str = ""

    def say(self, issue: Issue) -> None:
        """Keep an issue for the next message; further ones of too many are counted."""
        if len(self.issues) < MOST_ISSUES:
            self.issues.append(issue)
        else:
            self.unsaid += 1

    def said(self) -> list[Issue]:
        """The issues that were kept, which then are kept no more."""
        found, self.issues = self.issues, []
        if self.unsaid:
            found.append(
                Issue("warning", "dlms", 0, f"{self.unsaid:,} more such troubles before this message")
            )
            self.unsaid = 0
        return found

    @property
    def size(self) -> int:
        """Octets that wait for others."""
        return self.stream.size + self.pending_octets

    def hold(self, key: Hashable, pending: Pending) -> None:
        """Keep what waits for more; of too many the oldest is let go."""
        self.pending[key] = pending
        self.pending_octets += pending.size
        while len(self.pending) > MAX_ENTRIES:
            self.pending_octets -= self.pending.popitem(last=False)[1].size

    def release(self, key: Hashable) -> Pending:
        """What waited under `key`; nothing where nothing did."""
        found = self.pending.pop(key, None) or Pending()
        self.pending_octets -= found.size
        return found


@dataclass(slots=True)
class Conversation:
    transport: str = ""
    tried: int = 0
    sides: dict[Hashable, Side] = field(default_factory=dict)
    associations: Bounded[Hashable, Association] = field(default_factory=Bounded)
    transfers: int = 0
    size: int = 0

    def side(self, source: Hashable) -> Side:
        return self.sides.setdefault(source, Side())

    def waiting(self) -> set[int]:
        """Frames of which octets wait for more to come."""
        if self.tried >= TRIES and not self.transport:
            return set()
        out: set[int] = set()
        for side in self.sides.values():
            out.update(one.frame for one in side.stream.origins)
            out.update(frame for _, frame, _ in side.stream.held.values())
            for one in side.pending.values():
                out.update(origin.frame for origin in one.origins)
        return out

    def choose(self, octets: bytes, destination: Hashable) -> str:
        """The carrier, once chosen for good; after some payloads that show none, ``""`` for good."""
        if not self.transport and self.tried < TRIES:
            self.tried += 1
            self.transport = choose_carrier(octets, destination)
        return self.transport


def choose_carrier(octets: bytes, destination: Hashable) -> str:
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
    return "apdu" if known and is_whole_apdu(octets) else ""
