"""What a payload is: a DLMS APDU, GBZ components, or DER; it is read when somebody asks for what is in it.

Strategy: APDUs are read by `dissectors.dlms.apdu.layouts`, GBZ components are layers, DER has its own reader. A verdict
needs the encrypted parts only, so a payload that can have none is not read for it.

Source: GBCS 4.x section 7.2.8 (DLMS COSEM payloads), 7.2.9 (GBZ), 7.2.10 (ASN.1), 8.4 (encrypted parts).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from dissectors.dlms.apdu.layouts import Apdu, read_apdu
from dissectors.dlms.cosem.data import Node
from dissectors.dlms.cosem.obis import Target, target
from dissectors.gbcs.payloads.gbz import Component, read_component
from dissectors.gbcs.trust.protection import SECURITY_HEADER
from dissectors.layout.axdr import ReadPart, Sequence
from dissectors.layout.lengths import build_length, read_length
from dissectors.model.cursor import Cursor
from dissectors.model.errors import DissectionError, Malformed, Truncated
from dissectors.model.field import Issue
from dissectors.modules.lazy_names import lazy

__all__ = ["SECURITY_HEADER", "Payload", "Specification"]

LAYER = "gbcs.payload"
KINDS = {0xD9: "dlms-access-request", 0xDA: "dlms-access-response", 0x0F: "dlms-data-notification"}
GBZ = b"\x01\x09"
ALERT_CODES = {
    "dlms-data-notification": re.compile(rb".{5}(?:\x00|\x0c.{12})\x02.\x12(..)", re.DOTALL),
    "gbz": re.compile(rb".{3}(..).{4}", re.DOTALL),
    "der": re.compile(rb".(?:[\x00-\x7f]|\x81.|\x82..)\x02\x03.(..)", re.DOTALL),
}
"""Where the code of an alert stands: in a structure, behind the count of components, as the first INTEGER."""
ALERT = 3
ACTION = 3
ARRAY, STRUCTURE, OCTET_STRING = 1, 2, 9
WITH_COMPONENT = 0x8F0A
"""The GBZ alert that holds a component; in the others something else follows the time (report section 6.2)."""


class Specification(NamedTuple):
    """One access request specification: 1 get, 2 set, 3 action, 4 get and 5 set with selection."""

    offset: int
    end: int
    choice: int
    target: Target
    selector: int | None = None
    parameters: Node | None = None


class _Read(NamedTuple):
    """What reading gave: the APDU or the components, the first octet that was not read, what is wrong."""

    apdu: Apdu | None
    components: list[Component]
    reached: int
    issues: list[Issue]


class Payload:
    """The octets of a message from `start` to `end`; never raises, what is wrong is in its issues.

    Attributes:
        kind: dlms-access-request, dlms-access-response, dlms-data-notification, gbz, der, empty.
        alert_code: of an alert.
        tail: where what is no component begins in a GBZ alert.
    """

    def __init__(self, octets: bytes, start: int, end: int, cra: int) -> None:
        self.octets, self.start, self.end, self.cra = octets, start, end, cra
        first = octets[start] if start < end else -1
        other = "gbz" if octets.startswith(GBZ, start, end) else "der" if first >= 0 else "empty"
        self.kind = KINDS.get(first, other)
        self.alert_code = self._alert_code() if cra == ALERT or first == 0x0F else None
        self.tail: int | None = None
        if self.kind == "gbz" and self.alert_code is not None and not self._holds_component(start + 9):
            self.tail = start + 9

    def _alert_code(self) -> int | None:
        found = (
            ALERT_CODES[self.kind].match(self.octets, self.start, self.end)
            if self.kind in ALERT_CODES
            else None
        )
        return int.from_bytes(found[1], "big") if found is not None else None

    def _holds_component(self, at: int) -> bool:
        """Does one component fill the octets behind the time of an alert?"""
        length = int.from_bytes(self.octets[at + 3 : at + 5], "big")
        return self.alert_code == WITH_COMPONENT and at + 5 + length == self.end

    @lazy
    def _read(self) -> _Read:
        reader = _READERS.get(self.kind, _read_apdu)
        read = reader(self)
        if read.reached < self.end and all(issue.severity != "error" for issue in read.issues):
            text = f"{self.end - read.reached} octets left over in the payload"
            read.issues.append(Issue("error", LAYER, read.reached, text))
        return read

    @property
    def apdu(self) -> Apdu | None:
        """The APDU of a DLMS payload, as far as it can be read."""
        return self._read.apdu

    @property
    def components(self) -> list[Component]:
        """The components of a GBZ payload."""
        return self._read.components

    @property
    def reached(self) -> int:
        """The first octet that was not read."""
        return self._read.reached

    @property
    def issues(self) -> list[Issue]:
        """What is wrong with the payload."""
        return self._read.issues

    def part(self, name: str) -> ReadPart | None:
        """The part of the APDU called `name`; None where it has none, or was not read so far."""
        return self.apdu.part(name) if self.apdu is not None else None

    @lazy
    def data(self) -> list[Node]:
        """The Data of a DLMS payload."""
        values, lone = self.part("values"), self.part("data")
        return (
            [part[1] for part in values[1]] if values is not None else [lone[1]] if lone is not None else []
        )

    @lazy
    def specifications(self) -> list[Specification]:
        """What an access request asks for."""
        part = self.part("specifications")
        found = part[1] if part is not None and isinstance(part[0], Sequence) else []
        out = []
        for _, (choice, group), start, end in found:
            if group:
                selection = [one[1] for one in group[1][1]] if len(group) > 1 else []
                where = target(group[0][1], choice == ACTION)
                out.append(Specification(start, end, choice, where, *selection))
        return out

    @lazy
    def results(self) -> list[tuple[int, int, int]]:
        """Choice, result and place of each answer of an access response."""
        part = self.part("responses")
        found = part[1] if part is not None else []
        return [(choice, group[0][1], start) for _, (choice, group), start, _ in found if group]

    @lazy
    def sealed(self) -> list[tuple[int, int]]:
        """Spans of ciphertext and tag, in order of appearance."""
        if self.kind == "gbz":
            return [one.content for one in self.components if one.encrypted]
        if not self.kind.startswith("dlms") or self.octets.find(SECURITY_HEADER, self.start, self.end) < 0:
            return []
        return [span for node in self.data if node[0] == STRUCTURE for span in _sealed(node[1])]


def _sealed(nodes: list[Node]) -> Iterator[tuple[int, int]]:
    """Protection parameters (an array) followed by an octet string that begins with ``31 00000000``."""
    for before, (tag, value, _, end) in pairwise(nodes):
        if (
            (before[0], tag) == (ARRAY, OCTET_STRING)
            and len(value) >= 17
            and value.startswith(SECURITY_HEADER)
        ):
            yield end - len(value) + len(SECURITY_HEADER), end


def _read_apdu(payload: Payload) -> _Read:
    octets, start, end = payload.octets, payload.start, payload.end
    issues: list[Issue] = []
    apdu: Apdu | None
    try:
        apdu = read_apdu(octets, start, end)
    except DissectionError as error:
        issues.append(Issue.of(error.kept()))
        apdu = error.partial
    for element, _, at, _ in apdu.parts if apdu is not None else ():
        if isinstance(element, Sequence):
            issues += _long_count(octets, at, end)
    return _Read(apdu, [], apdu.end if apdu is not None else start, issues)


def _long_count(octets: bytes, at: int, end: int) -> Iterator[Issue]:
    """A-XDR writes a number of elements in as few octets as will do (IEC 61334-6 clause 6.9)."""
    count, after = read_length(octets, at, end, LAYER)
    if after - at > len(build_length(count)):
        text = f"the number {count} in {after - at} octets, fewer would do"
        yield Issue("warning", LAYER, at, text)


def _read_components(payload: Payload) -> _Read:
    cursor = Cursor(payload.octets, payload.start + 2, payload.end, layer=LAYER)
    components: list[Component] = []
    issues: list[Issue] = []
    try:
        count = cursor.u8()
        cursor.skip(6 if payload.cra == ALERT else 0)
        for _ in range(count if payload.tail is None else 0):
            components.append(read_component(cursor))
            issues += components[-1].unusual_security()
    except DissectionError as error:
        issues.append(Issue.of(error))
        cursor.offset = components[-1].stop if components else cursor.offset
    return _Read(None, components, payload.end if payload.tail is not None else cursor.offset, issues)


def _read_der(payload: Payload) -> _Read:
    """The outermost tag and length must take the whole payload; the rest is read by its shape."""
    try:
        length, start = read_length(payload.octets, payload.start + 1, payload.end, LAYER)
        if start + length > payload.end:
            raise Truncated(length, payload.end - start, layer=LAYER, offset=start)
    except DissectionError as error:
        return _Read(None, [], payload.start, [Issue.of(error)])
    return _Read(None, [], start + length, [])


def _read_nothing(payload: Payload) -> _Read:
    error = Malformed("a payload of no octets", layer=LAYER, offset=payload.start)
    return _Read(None, [], payload.start, [Issue.of(error)])


_READERS = {"gbz": _read_components, "der": _read_der, "empty": _read_nothing}
