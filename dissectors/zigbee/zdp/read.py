"""ZigBee Device Profile commands: one layer for each row group of ``tables/zdp.csv``.

Source: ZigBee 05-3474 R22 clauses 2.4.3 (requests) and 2.4.4 (responses). A response whose status is not
success may end behind its status, and many devices let it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, ClassVar

from dissectors.ieee802154.channels import channel_mask_text
from dissectors.layout import Inline, Layer, ListOf, Nested, Octets, Part, Records, UInt, Word, eui64_text
from dissectors.layout.reading import Payload, Reading, command_rows
from dissectors.layout.tables import names, table
from dissectors.model.cursor import Cursor
from dissectors.zigbee.aps.headers import cluster_text, profile_text
from dissectors.zigbee.learning import learn_announced
from dissectors.zigbee.nwk.headers import PACKAGE, short_text
from dissectors.zigbee.zdp.records import BIT_FIELDS, RECORDS

__all__ = ["ZdpHeader", "ZdpLayer", "read_zdp", "zdp_layer", "zdp_names"]

LAYER, NAME = "zigbee.zdp", "ZDP"
DEVICE_ANNOUNCE, NWK_ADDR_RESPONSE, IEEE_ADDR_RESPONSE = 0x0013, 0x8000, 0x8001
STATUS = names(PACKAGE, "zdp_status")


class ZdpHeader(Layer):
    name = NAME
    title = "zdp"
    parts = [UInt("sequence", 0, 1)]


class ZdpLayer(Layer):
    """A ZDP command behind its sequence number."""

    optional: ClassVar[Mapping[str, Callable[[Any], bool] | None]] = {}
    """Fields that may be missing at the end, each with the condition under which (None: always)."""

    def may_end(self, part: Any) -> bool:
        if part.name in self.optional:
            missing = self.optional[part.name]
            return missing is None or missing(self) or bool(self.fields.get("status"))
        return bool(self.fields.get("status"))


def octets_text(value: bytes) -> str:
    """Octets as text, when they are."""
    return "".join(chr(o) if 32 <= o < 127 else "." for o in value)


SCALARS: dict[str, tuple[int, Any]] = {
    "u8": (1, None),
    "u16": (2, None),
    "eui64": (8, eui64_text),
    "short": (2, short_text),
    "cluster": (2, cluster_text),
    "profile": (2, profile_text),
    "channels": (4, channel_mask_text),
    "status": (1, STATUS),
}


def condition(text: str) -> Callable[[Any], bool] | None:
    """``field=low-high`` as a condition on the layer."""
    if not text:
        return None
    field, _, span = text.partition("=")
    low, _, high = span.partition("-")
    first, last = int(low), int(high or low)
    return lambda h: h.get(field) is not None and first <= h.get(field) <= last


def size_of(field: str) -> Callable[[Any], int]:
    return lambda h: int(h.value(field) or 0)


def scalar(name: str, kind: str, when: Any = None) -> UInt:
    size, meaning = SCALARS[kind]
    return UInt(name, 0, size, when=when, names=meaning)


def part_of(name: str, kind: str, when: Any) -> Part:
    """The field of one table row."""
    head, _, rest = kind.partition(":")
    first, _, second = rest.partition(":")
    counted = size_of(second) if second else None
    makers: dict[str, Callable[[], Part]] = {
        "enum": lambda: UInt(name, 0, 1, when=when, names=optional_names(first)),
        "bits": lambda: Word(name, 0, BIT_FIELDS[first][0], BIT_FIELDS[first][1], when=when),
        "count": lambda: UInt(name, None, 1, when=when, count_of=first),
        "count16": lambda: UInt(name, None, 2, when=when, count_of=first),
        "size": lambda: UInt(name, None, 1, when=when, count_of=first),
        "list": lambda: ListOf(name, scalar(name, first), count=counted, when=when),
        "records": lambda: Records(name, RECORDS[first], count=size_of(second), when=when),
        "struct": lambda: Inline(name, RECORDS[first], when=when),
        "window": lambda: Nested(name, lambda h: RECORDS[first], size_of(second), when=when),
        "octets": lambda: Octets(name, size_of(first), when=when),
        "text": lambda: Octets(name, size_of(first), when=when, names=octets_text),
        "rest": lambda: Octets(name, when=when),
    }
    maker = makers.get(head)
    return maker() if maker is not None else scalar(name, kind, when)


def optional_names(field: str) -> Any:
    """Names of some values; the others are plain numbers."""
    known = names(PACKAGE, field)
    return lambda value: known.get(value, "")


@cache
def zdp_names() -> dict[int, str]:
    """Command names by cluster, as the standard spells them."""
    return {int(row["cluster"], 16): row["name"] for row in table(PACKAGE, "zdp")}


@cache
def zdp_layer(cluster: int) -> type[ZdpLayer] | None:
    """The layer of a ZDP command; None for one that is not in the table."""
    rows = [row for row in table(PACKAGE, "zdp") if int(row["cluster"], 16) == cluster]
    if not rows:
        return None
    name = rows[0]["name"]
    parts = [part_of(row["field"], row["type"], condition(row["when"])) for row in rows]
    optional = {
        row["field"]: condition("" if row["optional"] == "yes" else row["optional"])
        for row in rows
        if row["optional"]
    }
    body = {"name": name, "title": "zdp_command", "parts": parts, "optional": optional}
    made: type[ZdpLayer] = type(name, (ZdpLayer,), body)
    return made


def read_zdp(reading: Reading, cluster: int, cursor: Cursor, buffer: str) -> None:
    """Read one ZDP frame."""
    cursor.layer = LAYER
    header = ZdpHeader.read(cursor)
    branch = reading.put(header, buffer)
    name = zdp_names().get(cluster)
    reading.set_summary(NAME, name.replace("_", " ") if name else "Unknown ZDP command")
    kind = zdp_layer(cluster)
    if header.error is not None:
        return
    if kind is None:
        reading.issue("note", LAYER, cursor.offset, f"ZDP cluster 0x{cluster:04x} has no table")
        reading.put_octets(cursor, buffer, branch, Payload)
        return
    layer = kind.read(cursor)
    layer.reject_trailing(cursor)
    reading.put(layer, buffer, branch, meaning=name)
    rows = command_rows(reading, "zdp", cluster & 0xFF, name or "", layer, cluster=cluster)
    reading.out.commands.extend(rows)
    learn(reading, cluster, layer)


def learn(reading: Reading, cluster: int, layer: ZdpLayer) -> None:
    """Announced and looked-up addresses."""
    if cluster not in (DEVICE_ANNOUNCE, NWK_ADDR_RESPONSE, IEEE_ADDR_RESPONSE) or layer.get("status"):
        return
    short, eui64 = layer.get("nwk_address"), layer.get("ieee_address")
    if short is not None and eui64 is not None and reading.out.columns.get("nwk_security") == "ok":
        learn_announced(reading, short, eui64)
