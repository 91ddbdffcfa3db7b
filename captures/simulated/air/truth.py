"""What is true of a simulated home: what each frame means, and what happened besides, as rows of the truth file.

A frame carries its `FrameTruth` through the air; every other fact is a `Note`, written down in the order in which things
happen. `Note.row` is the row as it stands in the file.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Literal, TypedDict

__all__ = [
    "CbkeKey", "FaultNote", "FrameTruth", "ImageNote", "LinkKey", "MacKind", "MessageNote", "NetworkKey", "Note",
    "PartyNote", "Reading", "TimedNote",
]  # fmt: skip

MacKind = Literal["data", "command", "beacon", "ack", "forged"]

FrameTruth = TypedDict(
    "FrameTruth",
    {
        "mac": MacKind,
        "sender": str,
        "attempt": int,
        "for": str,
        "epid": str,
        "neighbour": bool,
        "mac_type": str,
        "mac_command": int,
        "mac_seq": int,
        "nwk": Literal["command"],
        "nwk_command": int,
        "nwk_src": int,
        "nwk_dst": int,
        "nwk_counter": int | None,
        "aps": Literal["command", "ack"],
        "aps_command": int,
        "aps_cluster": int,
        "aps_profile": int,
        "aps_counter": int,
        "key": Literal["network", "link"],
        "fragment": int,
        "fragments": int,
        "zdp": int | str,
        "zcl_command": int,
        "zcl_seq": int,
        "zcl_type": Literal["general", "cluster"],
        "zcl_direction": Literal["to-client", "to-server"],
        "attributes": dict[str, int | str],
        "flags": int,
        "price": int,
        "credit": int,
        "top_up": str,
        "message_text": str,
        "message": int,
        "use_case": str,
        "hrgp": str,
        "exchange": int,
        "answer": bool,
    },
    total=False,
)
"""What a frame means: only what it has. EUI-64s and extended PAN IDs are 16 hex digits."""


@dataclass(slots=True)
class Note:
    """A fact of the home's life."""

    kind: ClassVar[str] = ""

    def row(self) -> dict[str, Any]:
        """Its row in the truth file; what is None is not known and left out."""
        found = {one.name: getattr(self, one.name) for one in fields(self)}
        return {"kind": self.kind, **{name: value for name, value in found.items() if value is not None}}


@dataclass(slots=True)
class TimedNote(Note):
    """A fact of one moment: `time_ns` since 1970 UTC is set when it is noted, unless it is known."""

    time_ns: int = field(default=-1, kw_only=True)

    def row(self) -> dict[str, Any]:
        row = Note.row(self)
        return {"kind": row.pop("kind"), "time_ns": row.pop("time_ns"), **row}


@dataclass(slots=True)
class NetworkKey(Note):
    """A network key, its PAN and sequence number."""

    kind: ClassVar[str] = "key"
    key: bytes = field(repr=False)
    pan: int
    sequence: int

    def row(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "type": "network",
            "key": self.key.hex(),
            "pan": self.pan,
            "sequence": self.sequence,
        }


@dataclass(slots=True)
class LinkKey(Note):
    """A link key of two devices, by their EUI-64s, and where it comes from."""

    kind: ClassVar[str] = "key"
    key: bytes = field(repr=False)
    devices: tuple[int, int]
    origin: str

    def row(self) -> dict[str, Any]:
        devices = [f"{eui64:016x}" for eui64 in self.devices]
        return {
            "kind": self.kind,
            "type": "link",
            "key": self.key.hex(),
            "devices": devices,
            "origin": self.origin,
        }


@dataclass(slots=True)
class CbkeKey(Note):
    """The private scalars of one side of a key establishment, and the link key that came of them."""

    kind: ClassVar[str] = "key"
    key: bytes = field(repr=False)
    device: int
    static_private: bytes = field(repr=False)
    ephemeral_private: bytes = field(repr=False)

    def row(self) -> dict[str, Any]:
        return {
            "kind": self.kind, "type": "cbke", "key": self.key.hex(), "device": f"{self.device:016x}",
            "static_private": self.static_private.hex(), "ephemeral_private": self.ephemeral_private.hex(),
        }  # fmt: skip


@dataclass(slots=True)
class PartyNote(TimedNote):
    """A key pair of a remote party or device: its private scalar, what it is for, and the cell it is held in."""

    kind: ClassVar[str] = "party"
    entity: str
    name: str
    role: str
    usage: str
    cell: str
    scalar: str = field(repr=False)


@dataclass(slots=True)
class MessageNote(TimedNote):
    """A GBCS message that was sent: who to whom, under which counter, and whether it was delivered."""

    kind: ClassVar[str] = "message"
    message: int
    use_case: str | None
    message_code: int | None
    cra: str | None
    originator: str
    recipient: str
    counter: int
    signature: str | None
    mac: str | None
    on_air: bool
    delivered: bool
    octets: str = field(repr=False)

    def row(self) -> dict[str, Any]:
        nothing = dict.fromkeys(one.name for one in fields(self) if one.name != "time_ns")
        return {"kind": self.kind, "time_ns": self.time_ns, **nothing, **TimedNote.row(self)}


@dataclass(slots=True)
class Reading(TimedNote):
    """A meter reading that went over the air: the raw number, and the value in its unit."""

    kind: ClassVar[str] = "reading"
    device: str
    what: str
    raw: int
    unit: str
    value: float


@dataclass(slots=True)
class ImageNote(TimedNote):
    """A firmware image that is offered to a device."""

    kind: ClassVar[str] = "image"
    device: str
    version: int
    size: int
    sha256: str


@dataclass(slots=True)
class FaultNote(TimedNote):
    """A fault that was injected; what it knows of its victim is added while it plays."""

    kind: ClassVar[str] = "fault"
    name: str
    fault_kind: str
    attack: str
    summary: str
    device: str | None = None
    detail: str | None = None
    end_ns: int | None = None
