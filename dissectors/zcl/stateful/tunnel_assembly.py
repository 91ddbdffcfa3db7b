"""Messages that pass through tunnels, put together from the transfers of one direction.

Strategy: each direction of a tunnel keeps what it has of a message; the message itself says how long it is
(`dissectors.zcl.stateful.envelopes`), so it may take several TransferData. Octets towards and from a GSME begin with
a GET, GET-RESPONSE or PUT header (GBCS 10.3). Used by both paths: nothing here knows of trees or columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from dissectors.model.field import Severity
from dissectors.model.frame import Carried, Dissection, Piece
from dissectors.model.origins import Origin, origins_within
from dissectors.zcl.stateful.envelopes import kind_of, message_length

__all__ = [
    "HEAD", "HEADERS", "Assembly", "TransferResult", "Tunnel", "Tunnels", "abandon",
    "add_transfer", "tunnel_header",
]  # fmt: skip

GET, GET_RESPONSE, PUT = 1, 2, 3
HEADERS = {GET: "GET", GET_RESPONSE: "GET-RESPONSE", PUT: "PUT"}
# The greatest message that is waited for; GBCS sends longer ones as blocks (general block transfer).
LONGEST = 1 << 16
WORDS = {"gbcs": "GBCS", "dlms": "DLMS"}
"""What people call a message, by its kind."""
REPEATS = 1024
"""Frames of an unfinished message up to which those that repeat a transfer are counted among them."""
HEAD = 128
"""First octets of an unfinished message that are told: its routing header lies within them."""


@dataclass(slots=True, eq=False, repr=False)
class Assembly:
    """A message on its way in one direction.

    Attributes:
        origins: which frames carried which octets of it.
        last: sequence number and octets of the last transfer; `carrier`: the frame that completed it.
    """

    octets: bytes = b""
    total: int = 0
    origins: list[Origin] = field(default_factory=list)
    last: tuple[int, bytes] | None = None
    carrier: int = 0

    def extend(self, chunk: bytes, origins: Sequence[Origin]) -> None:
        """Take in the next octets, and the frames that carried them."""
        if not self.octets and not self.origins:
            self.octets, self.origins = chunk, list(origins)
            return
        before, start = max((one.place for one in self.origins), default=0), len(self.octets)
        self.octets += chunk
        self.origins += [
            Origin(one.frame, start + one.start, one.length, one.offset, before + one.place)
            for one in origins
        ]

    def clear(self) -> None:
        """Begin anew."""
        self.octets, self.total, self.origins = b"", 0, []


@dataclass(slots=True, eq=False, repr=False)
class Tunnel:
    """One tunnel: `protocol` is None while the request that opened it has not been seen."""

    id: int
    protocol: int | None = None
    opened: int | None = None
    closed: int | None = None
    assemblies: dict[str, Assembly] = field(default_factory=dict)


@dataclass(slots=True, eq=False, repr=False)
class Tunnels:
    """Tunnels of a capture by (pair of devices, tunnel identifier), and requests that wait for an answer."""

    open: dict[tuple[frozenset[Any], int], Tunnel] = field(default_factory=dict)
    requested: dict[tuple[frozenset[Any], int], int] = field(default_factory=dict)

    def unfinished(self) -> Iterator[int]:
        """Numbers of the frames that carried a piece of a message which is not complete."""
        for tunnel in self.open.values():
            for assembly in tunnel.assemblies.values():
                yield from (one.frame for one in assembly.origins)


@dataclass(slots=True, eq=False, repr=False)
class TransferResult:
    """What became of one transfer.

    Attributes:
        header: octets of its GET, GET-RESPONSE or PUT header.
        kind: of the message that the rest of it belongs to; empty when there is none.
        span: where the rest lies in that message: its first octet, one past its last, and how long the message is (0
            while nothing says it).
        whole: the rest is a whole message.
        repeated: it is the transfer before it once more, and was not taken in.
        piece: what it carried of a message that it did not complete, or that was complete before.
        notes: severity and text of what is to be said.
        carried: messages that it completed, or that were given up because of it.
    """

    header: int = 0
    kind: str = ""
    span: tuple[int, int, int] = (0, 0, 0)
    whole: bool = False
    repeated: bool = False
    notes: tuple[tuple[Severity, str], ...] = ()
    carried: tuple[Carried, ...] = ()
    piece: Piece | None = None

    @property
    def text(self) -> str:
        """What the rest of it is; empty when there is none."""
        if self.repeated or not self.kind:
            return "repeated" if self.repeated else ""
        what = WORDS.get(self.kind, "tunnelled")
        start, end, total = self.span
        if self.whole:
            return f"{what} message, {end} octets"
        return f"octets {start} to {end - 1} of {total or '?'} of a {what} message"

    def tell(self, out: Dissection) -> None:
        """Hand on what it carried."""
        for kind, octets, origins in self.carried:
            out.payload.append((kind, octets))
            out.payload_origins.append(origins)
        out.piece = self.piece


def add_transfer(
    tunnel: Tunnel, direction: str, sequence: int, origins: Sequence[Origin], octets: bytes
) -> TransferResult:
    """Take in one TransferData; `sequence` is that of its ZCL header, `origins` tell which frames carried `octets`."""
    taken = TransferResult()
    assembly = tunnel.assemblies.get(direction)
    if assembly is None:
        assembly = tunnel.assemblies[direction] = Assembly()
    marker = (sequence, octets)
    if assembly.last == marker:
        taken.notes = (("note", "repeats the transfer before it"),)
        taken.repeated = True
        _repeat(tunnel, assembly, origins, taken)
        return taken
    assembly.last, assembly.carrier = marker, origins[-1].frame if origins else 0
    if assembly.octets and not _begins_anew(octets):
        _continue(tunnel, assembly, octets, origins, taken)
        return taken
    if assembly.octets:
        abandon(assembly, "another message began", taken)
    taken.header = tunnel_header(octets, tunnel.protocol)
    if octets and not taken.header:
        _continue(tunnel, assembly, octets, origins, taken)
    elif len(octets) > taken.header:
        rest = octets[taken.header :]
        _continue(tunnel, assembly, rest, origins_within(origins, taken.header, len(rest)), taken)
    return taken


def _repeat(tunnel: Tunnel, assembly: Assembly, origins: Sequence[Origin], taken: TransferResult) -> None:
    """Note the frames of a transfer that came once more: the message of the first one is theirs too."""
    if assembly.octets:
        if len(assembly.origins) < REPEATS:
            last = assembly.origins[-1]
            assembly.origins += [last._replace(frame=one.frame) for one in origins]
        taken.piece = _piece(tunnel, assembly)
    else:
        place = origins[-1].place if origins else 1
        taken.piece = Piece("unknown", place=place, repeats=assembly.carrier)


def _piece(tunnel: Tunnel, assembly: Assembly) -> Piece:
    return Piece(
        kind_of(assembly.octets, tunnel.protocol), assembly.octets[:HEAD], assembly.origins[-1].place
    )


def abandon(assembly: Assembly, why: str, taken: TransferResult) -> None:
    """Hand on what there is of a message that will not be complete: nothing readable is lost."""
    if assembly.octets:
        text = f"{why}: {len(assembly.octets)} of {assembly.total} octets of a message had come"
        taken.notes += (("warning", text),)
        taken.carried += (Carried("unknown", assembly.octets, tuple(assembly.origins)),)
    assembly.clear()


def tunnel_header(octets: bytes, protocol: int | None) -> int:
    """Octets of the GET, GET-RESPONSE or PUT header; 0 when there is none (a mains-powered device)."""
    if protocol not in (None, 6) or not octets or octets[0] not in HEADERS:
        return 0
    length = 2 if octets[0] == GET_RESPONSE else 1
    rest = octets[length:]
    if len(octets) < length or (octets[0] == GET and rest):
        return 0
    sure = protocol == 6 or not rest or rest[0] in (0xDD, 0xDF, 0xE0)
    return length if sure else 0


_FIRST = frozenset((GET, GET_RESPONSE, PUT, 0xDD, 0xDF))


def _begins_anew(octets: bytes) -> bool:
    """Whether a chunk is a whole message on its own, so that the unfinished one before it was dropped."""
    if not octets or octets[0] not in _FIRST:
        return False
    for skip in (0, 1, 2):
        header_fits = skip == 0 or (octets[:1] == bytes((PUT if skip == 1 else GET_RESPONSE,)))
        body = octets[skip:]
        if header_fits and body and body[0] in (0xDD, 0xDF) and message_length(body) == len(body):
            return True
    return octets == bytes((GET,))


def _continue(
    tunnel: Tunnel, assembly: Assembly, chunk: bytes, origins: Sequence[Origin], taken: TransferResult
) -> None:
    start, octets = len(assembly.octets), assembly.octets + chunk
    total = message_length(octets) or 0
    complete = _is_complete(octets, total)
    kind = kind_of(octets, tunnel.protocol)
    taken.kind, taken.span, taken.whole = kind, (start, len(octets), total), complete and not start
    if taken.whole:  # most are, and nothing of them waits
        taken.carried += (Carried(kind, octets, tuple(origins)),)
        return
    assembly.extend(chunk, origins)
    assembly.total = total
    if complete:
        taken.carried += (Carried(kind, octets, tuple(assembly.origins)),)
        assembly.clear()
    else:
        taken.piece = _piece(tunnel, assembly)


def _is_complete(octets: bytes, total: int) -> bool:
    """A message that does not say its length is as long as its transfer; one that grows too long ends."""
    if len(octets) >= LONGEST or total > LONGEST:
        return True
    if total:
        return len(octets) >= total
    return not _may_grow(octets)


def _may_grow(octets: bytes) -> bool:
    """Whether the first octets begin a message whose length is still to come."""
    return octets[:1] in (b"\xdd", b"\xdf", b"\xe0") and len(octets) < 64
