"""The octets around a frame as a field tree, for people: which header says what, and where.

Strategy: each header is one construct declaration of `captures.structures`; a step reads it leaf by leaf,
and says which step comes next. Whatever cannot be read becomes one leaf of octets, so that every octet of
the encapsulation lies in a leaf.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from construct import ConstructError

from captures import structures as layout
from captures.encapsulations.internet import EXTENSIONS, IPV4, IPV6, RADIO_TYPES, TAGS, UDP
from captures.encapsulations.ti_radio import PORT as TI_PORT
from captures.encapsulations.zep import PORT, ntp_nanoseconds
from dissectors.field import Field

__all__ = ["encapsulation_fields"]

BUFFER = "record"
PHR = "phy_header"
USER = range(147, 163)
WORDS: dict[tuple[str, str], dict[int, str]] = {
    ("zep", "mode"): {0: "LQI: the frame ends in TI metadata", 1: "CRC: the frame ends in its FCS"},
    ("zep", "type"): {1: "data", 2: "acknowledgement", 255: "hello"},
    ("ethernet", "ether_type"): {IPV4: "IPv4", IPV6: "IPv6", 0x00F6: "IEEE 802.15.4"},
    ("ipv4", "protocol"): {UDP: "UDP"},
    ("ipv6", "next_header"): {UDP: "UDP"},
    ("udp", "destination_port"): {PORT: "ZEP"},
    ("udp", "source_port"): {PORT: "ZEP"},
}
Step = Callable[["Walk"], "Step | None"]


class Walk:
    """Where the walk through a record is, and what it has found."""

    def __init__(self, record: bytes) -> None:
        self.record = record
        self.at = 0
        self.end = len(record)
        self.found: list[Field] = []

    def header(self, name: str, declared: Any) -> dict[str, Any]:
        """Read one declared header into a branch; empty when it does not fit."""
        branch = Field(name, None, "", self.at, 0, BUFFER)
        values = _leaves(declared, self.record[self.at : self.end], self.at, branch)
        self.found.append(branch)
        self.at += branch.length
        if len(values) < len([part for part in declared.subcons if part.name]):
            self.rest("octets_that_do_not_fit")
            return {}
        return values

    def rest(self, name: str) -> None:
        """Everything that is left, as one leaf."""
        if self.at < self.end:
            octets = self.record[self.at : self.end]
            self.found.append(Field(name, octets, None, self.at, len(octets), BUFFER))
            self.at = self.end


def encapsulation_fields(record: bytes, link_type: int, frame: tuple[int, int] | None = None) -> list[Field]:
    """One branch per header before the radio frame of a record, outermost first, with named leaves.

    Offsets count from the start of the record (buffer ``"record"``). A record without a radio frame is
    covered to its end; else the last branch ends where the frame begins. Never raises.

    Args:
        record: its octets.
        link_type: of the record.
        frame: start and end of the radio frame that was found in it, where that is known: what a sniffer left around
            it (PHR, octets behind) and user link types are told from it.
    """
    if link_type in USER:
        step, link_type = _user(record, frame[0]) if frame is not None else (None, link_type)
        found = _walked(record, link_type, step)
    else:
        found = _walked(record, link_type, STEPS.get(link_type))
    if frame is None:
        return found
    at, (start, end) = found[-1].end if found else 0, frame
    if at < start:
        name = PHR if start - at <= 2 else "sniffer_header"
        found.append(Field(name, record[at:start], None, at, start - at, BUFFER))
    if end < len(record) and at <= start:
        found.append(Field("octets_behind_the_frame", record[end:], None, end, len(record) - end, BUFFER))
    return found


def _user(record: bytes, start: int) -> tuple[Step | None, int]:
    """The first step, and the link type whose headers a record of a user link type has before the frame at `start`."""
    if start == layout.NORDIC.sizeof():
        return _nordic, 230
    if record[:2] == b"EX":
        return _zep, 283
    return (_tap, 283) if record[:2] == bytes(2) and start >= 8 else (None, 195)


def _walked(record: bytes, link_type: int, step: Step | None) -> list[Field]:
    walk = Walk(record)
    if step is None and link_type not in (195, 230):
        walk.rest("packet")
    if link_type == 195 and record.startswith(b"ZBOSS") and len(record) >= 11:
        step = _zboss
    while step is not None:
        step = step(walk)
    return walk.found


def _leaves(declared: Any, octets: bytes, base: int, branch: Field) -> dict[str, Any]:
    """Add a leaf to `branch` for each part of a declared structure, as far as the octets go."""
    stream = io.BytesIO(octets)
    values: dict[str, Any] = {}
    for part in declared.subcons:
        start = stream.tell()
        try:
            value = part.parse_stream(stream, **values)
        except ConstructError:
            break
        length = stream.tell() - start
        name = part.name or "padding"
        if length:
            shown = value if value is not None else octets[start : start + length]
            meaning = WORDS.get((branch.name, name), {}).get(shown if isinstance(shown, int) else -1, "")
            branch.children.append(Field(name, shown, meaning, base + start, length, BUFFER))
        if part.name:
            values[name] = value
    branch.length = branch.children[-1].end - base if branch.children else 0
    return values


def _tap(walk: Walk) -> Step | None:
    head = walk.header("tap", layout.TAP_HEADER)
    if not head:
        return None
    branch, frame = walk.found[-1], head["length"]
    if frame < 4 or frame > len(walk.record) or head["version"]:
        branch.meaning = "damaged header"
        walk.rest("octets_that_do_not_fit")
        return None
    walk.end = frame
    while walk.at + 4 <= walk.end:
        entry = Field("entry", None, "", walk.at, 0, BUFFER)
        values = _leaves(layout.TAP_ENTRY, walk.record[walk.at : walk.end], walk.at, entry)
        if "value" not in values:
            break
        _tap_value(entry, values)
        branch.children.append(entry)
        walk.at = entry.end
    if walk.at < walk.end:
        octets = walk.record[walk.at : walk.end]
        branch.children.append(Field("octets", octets, None, walk.at, len(octets), BUFFER))
        walk.at = walk.end
    branch.length = walk.at
    return None


def _tap_value(entry: Field, values: dict[str, Any]) -> None:
    """Name the entry, and read its value in place of the octets when its kind is known."""
    known = layout.TAP_VALUES.get(values["type"])
    if known is None:
        entry.meaning = None
        return
    entry.name = known.name
    at = next((i for i, leaf in enumerate(entry.children) if leaf.name == "value"), None)
    if at is None:
        return
    octets, start = entry.children[at].value, entry.children[at].offset
    inner = Field(known.name, None, "", start, 0, BUFFER)
    read = _leaves(known.layout, octets, start, inner)
    if len(read) < len(known.layout.subcons):
        return
    if inner.end < start + len(octets):
        rest = octets[inner.end - start :]
        inner.children.append(Field("octets", rest, None, inner.end, len(rest), BUFFER))
    if len(read) == 1:
        leaf = inner.children[0]
        leaf.meaning = (
            known.words.get(leaf.value, known.unit) if not isinstance(leaf.value, float) else known.unit
        )
    entry.children[at : at + 1] = inner.children


def _phy(walk: Walk) -> Step | None:
    walk.header("phy", layout.PHY)
    return None


def _nordic(walk: Walk) -> Step | None:
    walk.header("nrf_sniffer", layout.NORDIC)
    return None


def _ppi(walk: Walk) -> Step | None:
    head = walk.header("ppi", layout.PPI)
    if not head:
        return None
    walk.end, whole = min(walk.end, max(head["length"], walk.at)), walk.end
    walk.rest("ppi_fields")
    walk.end = whole
    inner = head["link_type"]
    if inner == 195 and walk.record[walk.at : walk.at + 5] == b"ZBOSS":
        return _zboss
    if inner not in (195, 230) and inner not in STEPS:
        walk.rest("packet")
    return None if inner == 192 else STEPS.get(inner)


def _zboss(walk: Walk) -> Step | None:
    walk.header("zboss", layout.ZBOSS)
    return None


def _ethernet(walk: Walk) -> Step | None:
    return _network(walk, walk.header("ethernet", layout.ETHERNET).get("ether_type"))


def _sll(walk: Walk) -> Step | None:
    head = walk.header("sll", layout.SLL)
    return None if head.get("hardware_type") in (804, 805) else _network(walk, head.get("protocol"))


def _sll2(walk: Walk) -> Step | None:
    head = walk.header("sll2", layout.SLL2)
    return None if head.get("hardware_type") in (804, 805) else _network(walk, head.get("protocol"))


def _network(walk: Walk, kind: int | None) -> Step | None:
    """The step for an EtherType."""
    for _ in range(4):
        if kind not in TAGS:
            break
        kind = walk.header("vlan", layout.VLAN).get("ether_type")
    if kind in RADIO_TYPES:
        return None
    if kind in (IPV4, IPV6):
        return _ip
    walk.rest("payload")
    return None


def _null(walk: Walk) -> Step | None:
    return _ip if walk.header("loopback", layout.NULL) else None


def _ip(walk: Walk) -> Step | None:
    version = walk.record[walk.at] >> 4 if walk.at < walk.end else 0
    if version == 4:
        start = walk.at
        head = walk.header("ipv4", layout.IPV4)
        total = head.get("total_length", 0)
        if total >= 28:
            walk.end = min(walk.end, start + total)
        if head.get("protocol") == UDP and not head["flags_fragment"] & 0x3FFF:
            return _udp
    elif version == 6:
        head = walk.header("ipv6", layout.IPV6)
        if head.get("payload_length"):
            walk.end = min(walk.end, walk.at + head["payload_length"])
        following = head.get("next_header")
        for _ in range(8):
            if following not in EXTENSIONS:
                break
            following = walk.header("ipv6_extension", layout.EXTENSION).get("next_header")
        if following == UDP:
            return _udp
    walk.end = len(walk.record)
    walk.rest("payload")
    return None


def _udp(walk: Walk) -> Step | None:
    start = walk.at
    head = walk.header("udp", layout.UDP)
    if head.get("length", 0) >= 8:
        walk.end = min(walk.end, start + head["length"])
    ports = head.get("source_port"), head.get("destination_port")
    if PORT in ports or walk.record[walk.at : walk.at + 2] == b"EX":
        return _zep
    if TI_PORT in ports and walk.end - walk.at > layout.TI_RADIO.sizeof() + 3:
        walk.header("ti_radio", layout.TI_RADIO)
        return None
    walk.end = len(walk.record)
    walk.rest("payload")
    return None


def _zep(walk: Walk) -> Step | None:
    head = walk.record[walk.at : walk.at + 4]
    declared: Any = None
    if walk.end - walk.at >= 8 and head[:2] == b"EX":
        data = layout.ZEP2 if head[3] == 1 else layout.ZEP_ACK
        declared = {1: layout.ZEP1, 2: data, 3: data}.get(head[2])
    if declared is None:
        walk.end = len(walk.record)
        walk.rest("payload")
        return None
    values = walk.header("zep", declared)
    leaf = walk.found[-1].find("ntp_time")
    if leaf is not None:
        leaf.meaning = f"{ntp_nanoseconds(leaf.value) / 1e9:.6f} s since 1970"
    if declared is layout.ZEP_ACK or not values:
        walk.end = len(walk.record)
        walk.rest("payload")
    return None


STEPS: dict[int, Step] = {
    192: _ppi,
    283: _tap,
    215: _phy,
    1: _ethernet,
    113: _sll,
    276: _sll2,
    0: _null,
    108: _null,
    12: _ip,
    14: _ip,
    101: _ip,
    228: _ip,
    229: _ip,
}
