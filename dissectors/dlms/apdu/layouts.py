"""One APDU: which layout its tag asks for, reading it to parts, values or fields, and building it.

Source: IEC 62056-5-3 (Green Book), list of xDLMS APDUs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dissectors.dlms.apdu.access import ACCESS_SERVICES
from dissectors.dlms.apdu.acse import ACSE
from dissectors.dlms.apdu.general import GENERAL
from dissectors.dlms.apdu.initiate import INITIATE_AND_ERRORS
from dissectors.dlms.apdu.notification import NOTIFICATIONS
from dissectors.dlms.apdu.services_ln import LN_SERVICES
from dissectors.dlms.apdu.services_sn import SN_SERVICES
from dissectors.layout.axdr import LAYER, AxdrPart, ReadPart, build_group, plain_group, read_group
from dissectors.layout.tables import table
from dissectors.model.errors import DissectionError, Malformed, Truncated
from dissectors.model.field import Field

__all__ = [
    "APDU_NAMES",
    "APDU_TAGS",
    "Apdu",
    "build",
    "build_apdu",
    "is_whole_apdu",
    "read_apdu",
    "read_whole_apdu",
]

APDU_NAMES: dict[int, str] = {int(row["tag"]): row["name"] for row in table("dlms", "apdu_tags")}
APDU_TAGS: dict[str, int] = {name: tag for tag, name in APDU_NAMES.items()}

Options = dict[int, tuple[str, tuple[AxdrPart, ...]]]
FLAT: dict[int, tuple[AxdrPart, ...]] = {
    **ACSE, **GENERAL, **INITIATE_AND_ERRORS, **SN_SERVICES, **ACCESS_SERVICES, **NOTIFICATIONS,
}  # fmt: skip
CHOSEN: dict[int, Options] = {}
for _tag, _layout in LN_SERVICES.items():
    if isinstance(_layout, dict):
        CHOSEN[_tag] = _layout
    else:
        FLAT[_tag] = _layout


class Apdu:
    """One APDU as it stands in a buffer.

    Attributes:
        tag, name: its tag and standard name (``"get-response"``).
        type: the choice of services that have one (``"with-list"``), else ``""``.
        parts: its elements as read; `values` and `field` make more of them.
        start, end: span in `data`.
        whole: it was read to its end; False for as much of one as could be read.
    """

    __slots__ = ("_named", "data", "end", "name", "parts", "start", "tag", "type", "whole")

    def __init__(
        self,
        tag: int,
        name: str,
        type_: str,
        parts: list[ReadPart],
        data: bytes,
        start: int,
        end: int,
        whole: bool = True,
    ) -> None:
        self.tag, self.name, self.type, self.parts = tag, name, type_, parts
        self.data, self.start, self.end, self.whole = data, start, end, whole
        self._named: dict[str, ReadPart] | None = None

    @property
    def values(self) -> dict[str, Any]:
        """The elements by name, as plain values that `build_apdu` takes."""
        return plain_group(self.parts)

    @property
    def octets(self) -> bytes:
        """The octets that it was read from."""
        return self.data[self.start : self.end]

    def part(self, name: str) -> ReadPart | None:
        """The top-level part called `name`."""
        if self._named is None:
            self._named = {part[0].name: part for part in self.parts}
        return self._named.get(name)

    def field(self, buffer: str = "message") -> Field:
        """The APDU as a tree of fields, every octet in a leaf."""
        title = f"{self.name} {self.type}".strip()
        out = Field(self.name, None, title, self.start, self.end - self.start, buffer)
        out.children += [Field("tag", self.tag, self.name, self.start, 1, buffer)]
        if self.tag in CHOSEN:
            code = self.data[self.start + 1]
            out.children += [Field("type", code, self.type, self.start + 1, 1, buffer)]
        out.children += [part[0].field(*part[1:], buffer) for part in self.parts]
        return out


def read_apdu(data: bytes, pos: int = 0, end: int | None = None) -> Apdu:
    """The APDU at `pos`; octets may follow it.

    Raises:
        Truncated, Malformed: with layer and absolute offset; `partial` is the APDU as far as it could be read, None where
            not even its tag and choice are known.
    """
    end = len(data) if end is None else end
    if pos >= end:
        raise Truncated(1, 0, layer=LAYER, offset=pos)
    tag = data[pos]
    name, layout, at = "", FLAT.get(tag), pos + 1
    options = CHOSEN.get(tag)
    if options is not None:
        if at >= end:
            raise Truncated(1, 0, layer=LAYER, offset=at)
        if data[at] not in options:
            raise Malformed(f"{APDU_NAMES[tag]}: unknown choice {data[at]}", layer=LAYER, offset=at)
        name, layout = options[data[at]]
        at += 1
    if layout is None:
        raise Malformed(f"unknown APDU tag 0x{tag:02x}", layer=LAYER, offset=pos)
    try:
        parts, stop = read_group(layout, data, at, end)
    except DissectionError as error:
        parts, stop = error.partial or ([], at)
        error.partial = Apdu(tag, APDU_NAMES[tag], name, parts, data, pos, stop, whole=False)
        raise
    return Apdu(tag, APDU_NAMES[tag], name, parts, data, pos, stop)


def read_whole_apdu(data: bytes, pos: int = 0, end: int | None = None) -> Apdu:
    """The APDU that fills the octets from `pos` to `end`; `Malformed` when some are left over."""
    end = len(data) if end is None else end
    apdu = read_apdu(data, pos, end)
    if apdu.end != end:
        text = f"{end - apdu.end} octets left over after {apdu.name}"
        error = Malformed(text, layer=LAYER, offset=apdu.end)
        apdu.whole, error.partial = False, apdu
        raise error
    return apdu


def is_whole_apdu(data: bytes) -> bool:
    """Whether the octets are one APDU and nothing else."""
    try:
        return read_apdu(data).end == len(data)
    except DissectionError as error:
        error.kept()
        return False


def build_apdu(name: str, values: Mapping[str, Any], type_: str = "") -> bytes:
    """The octets of an APDU from its name, its plain values and (where it has one) its choice.

    >>> build_apdu("get-request", {"invoke_id_and_priority": 0xC1,
    ...     "attribute": (8, "0-0:1.0.0.255", 2), "selection": None}, "normal").hex()
    'c001c100080000010000ff0200'

    Raises:
        KeyError: a name, choice or element that is not known or not given; ValueError: a value does not fit.
    """
    tag = APDU_TAGS[name]
    if tag not in CHOSEN:
        return bytes((tag,)) + build_group(FLAT[tag], values)
    code, layout = next((c, layout) for c, (option, layout) in CHOSEN[tag].items() if option == type_)
    return bytes((tag, code)) + build_group(layout, values)


def build(apdu: Apdu) -> bytes:
    """The octets of an APDU that was read: equal to those read wherever the encoding is canonical.

    `dissectors.dlms.apdu.canonical.noncanonical_apdu` says where it is not.

    Raises:
        Malformed: the APDU was not read to its end.
    """
    if not apdu.whole:
        text = f"{apdu.name} was not read to its end and cannot be built"
        raise Malformed(text, layer=LAYER, offset=apdu.end)
    return build_apdu(apdu.name, apdu.values, apdu.type)
