"""What of a dissected frame is replaced: addresses, PAN IDs, keys, readings, texts, certificates, messages.

Strategy: every replacement is as long as what it replaces, so that nothing moves. The tree of fields says where
things lie. Below the application, numbers stay unless they are addresses; octets that no layer reads go. Of
ZCL frames identifiers, types, statuses, enumerations, bit maps and times stay, so that the frame keeps its
protocol and summary; numbers of the metering and measuring clusters, all texts and all octet strings go.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from analysis.redaction.pseudonyms import Pseudonyms
from dissectors import Dissection, Field
from dissectors.zcl import catalogue

__all__ = ["Buffers", "blanked"]

Buffers = dict[str, bytearray]

PAN = re.compile(r"(^|_)pan(_id)?(\[\d+\])?$")
ADDRESS = re.compile(r"eui|ieee|address|blind_node|device$|target|extended_pan")
PRIVATE = re.compile(r"identity|certificate|signature|ephemeral|public_key|install_code|top_up_code|(^|_)pin")
KEPT = re.compile(
    r"time|date|event_id|interval|duration|counter|options|control|flags|map|mask|version|offset|size"
    r"|status|multiplier|divisor|formatting|unit|digit",
    re.IGNORECASE,
)
SMALL = 2
"""Numbers of commands up to so many octets are counts, types and identifiers."""
TUNNELING = 0x0704
GENERAL_CIPHERING = bytes.fromhex("dd000000000000")
GROUPING_HEADER = 31
"""Octets from the tag to the end of the key information: DF, lengths, counter, titles, message code."""


def is_measuring(cluster: int | None) -> bool:
    """Whether numbers of `cluster` are readings, prices or money (ZCL chapter 4, ZSE annex D)."""
    return cluster is None or cluster >> 8 in (0x04, 0x07, 0x0B) or cluster >= 0xFC00


def blanked(found: Dissection, names: Pseudonyms, trailer: int) -> Buffers:
    """The buffers of a dissection with everything private replaced, frame check sequence aside.

    Args:
        trailer: octets at the end of the frame that are none of it.
    """
    work = Blanking(found, names, trailer)
    for field in found.fields:
        if field.name == "zcl":
            work.zcl(field)
        else:
            for leaf in field.leaves():
                work.leaf(leaf)
    return work.out


class Blanking:
    """One frame's buffers while they are changed."""

    def __init__(self, found: Dissection, names: Pseudonyms, trailer: int) -> None:
        self.names = names
        self.out: Buffers = {name: bytearray(octets) for name, octets in found.buffers.items()}
        self.cluster: int | None = found.columns.get("aps_cluster")
        self.frame_end = len(self.out.get("frame", b"")) - trailer

    def put(self, field: Field, octets: bytes) -> None:
        """Write over the octets of `field`; the frame's trailer stays."""
        end = min(field.end, self.frame_end) if field.buffer == "frame" else field.end
        if end > field.offset and field.buffer in self.out:
            self.out[field.buffer][field.offset : end] = octets[: end - field.offset]

    def zero(self, field: Field) -> None:
        self.put(field, bytes(field.length))

    def address(self, field: Field) -> None:
        """Another EUI-64, in the byte order that the value shows."""
        old = bytes(self.out[field.buffer][field.offset : field.end])
        big = isinstance(field.value, int) and old == field.value.to_bytes(8, "big")
        order = "big" if big and old != old[::-1] else "little"
        value = int.from_bytes(old, "big" if order == "big" else "little")
        new = self.names.eui64(value)
        self.put(field, new.to_bytes(8, "big" if order == "big" else "little"))

    def pan(self, field: Field) -> None:
        old = int.from_bytes(self.out[field.buffer][field.offset : field.end], "little")
        self.put(field, self.names.pan(old).to_bytes(2, "little"))

    def leaf(self, field: Field) -> None:
        """A leaf of any layer below the ZCL."""
        if field.bits is not None or not field.length:
            return
        if field.secret:
            self.zero(field)
        elif isinstance(field.value, bytes):
            self.unread(field)
        elif isinstance(field.value, str):
            self.put(field, b"x" * field.length)
        elif field.length == 8:
            self.address(field)
        elif field.length == 2 and PAN.search(field.name):
            self.pan(field)

    def unread(self, field: Field) -> None:
        """Octets without a meaning: ciphertext becomes other ciphertext, the same for the same; the rest zero."""
        if field.name in ("ciphertext", "mic"):
            self.put(field, self.names.octets(field.name, bytes(field.value), field.length))
        else:
            self.zero(field)

    def zcl(self, branch: Field) -> None:
        """A ZCL frame: header, then records or the fields of a command."""
        for field in branch.children:
            if field.name == "record":
                self.record(field)
            elif field.name not in ("frame_control", "manufacturer_code", "sequence_number", "command"):
                self.command_field(field)

    def record(self, record: Field) -> None:
        """An attribute record: only its value can say anything."""
        type_id: int | None = None
        for field in record.children:
            if field.name in ("type", "data_type"):
                type_id = field.value
            elif field.name in ("value", "reportable_change"):
                self.value(field, type_id, record.meaning or "")

    def value(self, field: Field, type_id: int | None, name: str) -> None:
        """A value of a ZCL data type (ZCL table 2-10)."""
        kind = catalogue.data_type(type_id) if type_id is not None else None
        if kind is None:
            self.zero(field)
        elif kind.kind == "list":
            for element in field.children[2:]:
                self.value(element, field.children[0].value, name)
        elif kind.kind == "structure":
            parts = field.children[1:]
            for told, element in zip(parts[::2], parts[1::2], strict=False):
                self.value(element, told.value, name)
        elif kind.kind in KINDS:
            KINDS[kind.kind](self, field, name)

    def number(self, field: Field, name: str) -> None:
        """A number: a reading in a measuring cluster, unless its name says that it scales or times one."""
        if is_measuring(self.cluster) and not KEPT.search(name):
            self.zero(field)

    def text(self, field: Field, name: str) -> None:
        """A string: as long as before, saying nothing."""
        for part in field.children:
            if part.name == "text":
                self.put(part, b"x" * part.length)
            elif part.name != "length":
                self.zero(part)

    def command_field(self, field: Field) -> None:
        """A field of a cluster command, or of what stands in its place."""
        if PRIVATE.search(field.name):
            for leaf in field.leaves():
                if leaf.name != "length":
                    self.zero(leaf)
        elif [part.name for part in field.children[:1]] == ["length"]:
            self.text(field, field.name)
        elif isinstance(field.value, bytes):
            self.octets(field)
        elif field.children and all(part.offset == field.offset for part in field.children):
            self.scalar(field)  # the children are its bits
        elif field.children:
            for part in field.children:
                self.command_field(part)
        else:
            self.scalar(field)

    def scalar(self, field: Field) -> None:
        name = field.name
        if field.bits is not None or isinstance(field.value, bool):
            return
        if field.secret or isinstance(field.value, float | str):
            self.zero(field)
        elif field.length == 8:
            (self.address if ADDRESS.search(name) or not is_measuring(self.cluster) else self.zero)(field)
        elif field.length == 2 and PAN.search(name):
            self.pan(field)
        elif field.length > SMALL and is_measuring(self.cluster) and not KEPT.search(name):
            self.zero(field)

    def octets(self, field: Field) -> None:
        """Octets of a command: of tunnelled GBCS messages the header stays, with other entities."""
        kept = b""
        if self.cluster == TUNNELING and field.name == "data":
            kept = b"".join(_message_header(bytes(field.value), self.names))
        self.put(field, kept.ljust(field.length, b"\0"))


KINDS: dict[str, Callable[[Blanking, Field, str], None]] = {
    "uint": Blanking.number,
    "int": Blanking.number,
    "float": Blanking.number,
    "text": Blanking.text,
    "octets": Blanking.text,
    "eui64": lambda work, field, name: work.address(field),
    "key": lambda work, field, name: work.zero(field),
    "data": lambda work, field, name: work.zero(field),
}
"""What is done to a value, by kind of data type; what is not named stays."""


def _message_header(octets: bytes, names: Pseudonyms) -> Iterator[bytes]:
    """The header of a GBCS message that begins in `octets`, its entities replaced; nothing without one.

    Source: GBCS 7.2.4 (MAC header), 7.2.7 (grouping header), 10.3 (tunnel header of battery devices).
    """
    start = {1: 1, 2: 2, 3: 1}.get(octets[0], 0) if octets else 0
    at = start
    if octets[at : at + 7] == GENERAL_CIPHERING:
        length = octets[at + 7] if len(octets) > at + 7 else 0
        at += 8 + (length & 0x7F if length & 0x80 else 0) + 5
    head = octets[at : at + GROUPING_HEADER + 3]
    fixed = (head[0:2], head[11:12], head[20:21], head[29:31])
    if fixed != (b"\xdf\x09", b"\x08", b"\x08", b"\x00\x02") or len(head) < GROUPING_HEADER + 3:
        yield octets[:start] if octets[start : start + 1] in (b"\xdd", b"\xdf") else b""
        return
    yield octets[:at] + head[:12]
    yield names.eui64(int.from_bytes(head[12:20], "big")).to_bytes(8, "big") + head[20:21]
    yield names.eui64(int.from_bytes(head[21:29], "big")).to_bytes(8, "big") + head[29:]
