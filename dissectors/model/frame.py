"""One frame in, one dissection out: the data classes that the layers share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from dissectors.model.field import Field, Issue
from dissectors.model.keyring import Key
from dissectors.model.origins import Origin, Part, origins_within

__all__ = ["Carried", "Dissection", "Envelope", "Followed", "Piece", "RawFrame", "Trailer"]

Trailer = Literal["absent", "fcs16", "fcs32", "ti"]


class RawFrame(NamedTuple):
    """A radio frame as it was captured.

    Attributes:
        octets: the PSDU, with its trailer when there is one.
        trailer: what the last octets are: nothing, a 2- or 4-octet FCS, or TI CC24xx metadata (2 octets).
        number: 1-based number of the record in its capture.
        time_ns: nanoseconds since 1970-01-01 UTC.
    """

    octets: bytes
    trailer: Trailer = "absent"
    number: int = 0
    time_ns: int = 0


class Piece(NamedTuple):
    """A piece of a message that a frame carried, where the frame did not complete the message.

    Attributes:
        kind: of the message, as in `Dissection.payload`.
        head: its first octets; empty where these have not come.
        place: 1-based place of the piece in the message.
        total: how many pieces there are; None while nothing says it.
        repeats: number of an earlier frame that carried the same piece of a message that was complete then; None for a
            piece that is new.
    """

    kind: str
    head: bytes = b""
    place: int = 1
    total: int | None = None
    repeats: int | None = None


class Carried(NamedTuple):
    """A message, or what there is of one, and which frames carried which octets of it (empty where that is not known)."""

    kind: str
    octets: bytes
    origins: tuple[Origin, ...] = ()


class Followed(NamedTuple):
    """What a frame says that was followed, not laid out: a fragment, or a transfer through a tunnel.

    Attributes:
        said: values for the `packets` table that all frames of its kind have; one object for all of them.
        sequence: ZCL sequence number; None where it has none.
        issue: the first thing that is to be said of it.
        commands: as in `Dissection`.
        carried: messages that it completed, or that were given up because of it.
        piece: what it carried of a message that it did not complete.
    """

    said: Mapping[str, Any]
    sequence: int | None = None
    issue: str | None = None
    commands: Sequence[Mapping[str, Any]] = ()
    carried: Sequence[Carried] = ()
    piece: Piece | None = None


@dataclass(slots=True, eq=False, repr=False)
class Dissection:
    """What one frame says.

    Attributes:
        fields: one branch per protocol layer, outermost first; every octet of every buffer is in a leaf.
        buffers: ``"frame"`` and the opened ones (``"decrypted-0"`` ...), by the name that fields carry.
        columns: values for the `packets` table (see ``analysis/tables/schema.py``); absent key means null.
        attributes, commands: rows for the tables of those names, without ``frame``.
        issues: in the order in which they were met.
        payload: what a tunnel or a fragment set carried upwards, once complete: (kind, octets), kind being
            ``"gbcs"``, ``"dlms"`` or ``"unknown"``.
        payload_origins: which frames carried which octets of each payload, beside `payload`.
        parents: where the octets of an opened buffer lie sealed.
        origins: which frames carried which octets of a buffer that was put together.
        carried: where the APS payload, or this frame's part of it, begins in clear: (buffer, offset).
        piece: what the frame carried of a message that it did not complete.
        opened: which key opened which layer (``"mac"``, ``"nwk"``, ``"aps"``), outermost first.
        learnt: keys that this frame carries, whether or not they were held already.
        shut_reason: why a layer stayed shut, in a sentence; None when none did.
        layers: the layers, each with the buffer that it is in; the layers of one buffer, in order, are
            all of its octets (`octets_of`).
        unwanted: tables that nobody asks for: their rows may stay away.
    """

    fields: list[Field] = field(default_factory=list)
    buffers: dict[str, bytes] = field(default_factory=dict)
    columns: dict[str, Any] = field(default_factory=dict)
    attributes: list[Mapping[str, Any]] = field(default_factory=list)
    commands: list[Mapping[str, Any]] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)
    payload: list[tuple[str, bytes]] = field(default_factory=list)
    payload_origins: list[tuple[Origin, ...]] = field(default_factory=list)
    parents: dict[str, tuple[Part, ...]] = field(default_factory=dict)
    origins: dict[str, tuple[Origin, ...]] = field(default_factory=dict)
    carried: tuple[str, int] | None = None
    piece: Piece | None = None
    opened: list[tuple[str, Key]] = field(default_factory=list)
    learnt: list[Key] = field(default_factory=list)
    shut_reason: str | None = None
    layers: list[tuple[str, Any]] = field(default_factory=list)
    unwanted: frozenset[str] = frozenset()

    @property
    def messages(self) -> list[Carried]:
        """Each payload with its origins."""
        if len(self.payload_origins) != len(self.payload):
            return [Carried(kind, octets) for kind, octets in self.payload]
        pairs = zip(self.payload, self.payload_origins, strict=True)
        return [Carried(kind, octets, origins) for (kind, octets), origins in pairs]

    @property
    def payload_frames(self) -> list[tuple[int, ...]]:
        """Numbers of the frames that carried each payload, beside `payload`."""
        return [tuple(one.frame for one in origins) for origins in self.payload_origins]

    @property
    def payload_places(self) -> list[tuple[int, ...]]:
        """Of each of these frames, which piece of the payload it carried, counted from 1."""
        return [tuple(one.place for one in origins) for origins in self.payload_origins]

    def octets_of(self, buffer: str = "frame") -> bytes:
        """The octets of `buffer`, built again from its layers."""
        return b"".join(bytes(layer) for name, layer in self.layers if name == buffer)


class Envelope(NamedTuple):
    """What the layers below an application frame know of it.

    Attributes:
        source, destination: EUI-64 where known, else None.
        source_short, destination_short: NWK addresses, None in inter-PAN frames without them.
        origins: where it came in fragments, which frames carried which octets of the payload.
    """

    frame: int = 0
    time_ns: int = 0
    pan: int | None = None
    source: int | None = None
    destination: int | None = None
    source_short: int | None = None
    destination_short: int | None = None
    profile: int | None = None
    cluster: int | None = None
    source_endpoint: int | None = None
    destination_endpoint: int | None = None
    origins: tuple[Origin, ...] = ()

    def origins_of(self, begin: int, length: int) -> list[Origin]:
        """The origins of `length` octets from `begin` on in the payload."""
        whole = self.origins or (Origin(self.frame, 0, begin + length, 0),)
        return origins_within(whole, begin, length)
