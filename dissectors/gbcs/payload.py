"""What a payload is and where its parts lie: DLMS access APDUs, GBZ components, or DER. Light, no trees.

Strategy: Data are stepped over, not read; their nodes are made when somebody asks for `Payload.data`. A payload
in which an octet does not fit is read node by node at once, for the exact place of the error.

Source: GBCS 4.x section 7.2.8 (DLMS COSEM payloads), 7.2.9 (GBZ), 7.2.10 (ASN.1), 8.4 (encrypted parts).
"""

from __future__ import annotations

from typing import NamedTuple

from dissectors.dlms.data import Node, read_node
from dissectors.dlms.scalars import FIXED
from dissectors.errors import DissectionError, Malformed, Truncated
from dissectors.field import Issue
from dissectors.layout.lengths import read_length

__all__ = ["Component", "Payload", "Specification", "read_payload"]

LAYER = "gbcs.payload"
SECURITY_HEADER = b"\x31\x00\x00\x00\x00"
KINDS = {0xD9: "dlms-access-request", 0xDA: "dlms-access-response", 0x0F: "dlms-data-notification"}
LAST, ENCRYPTED, FROM_DATE_TIME = 0x01, 0x02, 0x10


class Specification(NamedTuple):
    """One access request specification: 1 get, 2 set, 3 action, 4 get with selection."""

    offset: int
    end: int
    choice: int
    class_id: int
    obis: bytes
    number: int
    selector: int | None
    parameters: Node | None


class Component(NamedTuple):
    """One GBZ component (GBCS 7.2.9.3), all offsets absolute.

    Attributes:
        from_date_time: offset of the four octets, or None.
        encryption: offset of additional header control and frame counter, or None.
        frame: offset of the ZCL frame control; None when the body has no ZCL header.
        content: span of the ZCL payload, or of ciphertext and tag when encrypted.
    """

    offset: int
    end: int
    control: int
    cluster: int
    body: int
    from_date_time: int | None
    encryption: int | None
    frame: int | None
    content: tuple[int, int]


class Payload:
    """The parts of one payload; which are filled depends on `kind`.

    Attributes:
        kind: dlms-access-request, dlms-access-response, dlms-data-notification, gbz, der, empty.
        spans: where each Data lies.
        sealed: spans of ciphertext and tag, in order of appearance.
        lists: offsets of the list counts of a DLMS APDU: specifications, data, results.
        reached: first octet that was not read.
    """

    __slots__ = (
        "_data",
        "alert_code",
        "components",
        "end",
        "issues",
        "kind",
        "lists",
        "octets",
        "reached",
        "results",
        "sealed",
        "spans",
        "specifications",
        "start",
        "tail",
    )

    def __init__(self, kind: str, octets: bytes, start: int, end: int) -> None:
        self.kind = kind
        self.octets = octets
        self.start = start
        self.end = end
        self.reached = start
        self.specifications: list[Specification] = []
        self.spans: list[tuple[int, int]] = []
        self._data: list[Node] | None = None
        self.results: list[tuple[int, int, int]] = []
        self.components: list[Component] = []
        self.sealed: list[tuple[int, int]] = []
        self.lists: list[int] = []
        self.alert_code: int | None = None
        self.tail: int | None = None
        self.issues: list[Issue] = []

    @property
    def data(self) -> list[Node]:
        """The Data as nodes; one that is nested too deeply is left out, with an issue."""
        if self._data is None:
            self._data = []
            for start, end in self.spans:
                try:
                    self._data.append(read_node(self.octets, start, end)[0])
                except DissectionError as error:
                    self.issues.append(Issue.of(error))
                    break
        return self._data


def read_payload(octets: bytes, start: int, end: int, cra: int) -> Payload:
    """The payload between `start` and `end`; never raises, what is wrong is in its issues."""
    first = octets[start] if start < end else -1
    kind = KINDS.get(first)
    if kind is None:
        gbz = first == 1 and start + 1 < end and octets[start + 1] == 9
        kind = "gbz" if gbz else "der" if first >= 0 else "empty"
    payload = Payload(kind, octets, start, end)
    try:
        _READERS[kind](payload, octets, cra)
    except DissectionError as error:
        payload.issues.append(Issue.of(error))
    if payload.reached < end and all(issue.severity != "error" for issue in payload.issues):
        text = f"{end - payload.reached} octets left over in the payload"
        payload.issues.append(Issue("error", LAYER, payload.reached, text))
    return payload


def _request(payload: Payload, octets: bytes, _: int) -> None:
    offset, end = payload.start, payload.end
    offset = _apdu_header(payload, octets)
    count, after = _count(payload, octets, offset)
    payload.lists.append(offset)
    payload.reached = offset = after
    for _i in range(count):
        if offset + 10 > end:
            raise Truncated(10, end - offset, layer=LAYER, offset=offset)
        choice = octets[offset]
        if not 1 <= choice <= 4:
            raise Malformed(f"access request choice {choice}", layer=LAYER, offset=offset)
        class_id = octets[offset + 1] << 8 | octets[offset + 2]
        stop, selector, parameters = offset + 10, None, None
        if choice == 4:
            if stop >= end:
                raise Truncated(1, 0, layer=LAYER, offset=stop)
            selector = octets[stop]
            parameters, stop = read_node(octets, stop + 1, end)
        found = octets[offset + 3 : offset + 9]
        payload.specifications.append(
            Specification(offset, stop, choice, class_id, found, octets[offset + 9], selector, parameters)
        )
        payload.reached = offset = stop
    _data_list(payload, octets, offset)


def _count(payload: Payload, octets: bytes, offset: int) -> tuple[int, int]:
    """The number of elements at `offset`, and the offset behind; an issue when it is longer than it need be.

    A-XDR writes a number below 128 in one octet (IEC 61334-6 clause 6.9)."""
    count, after = read_length(octets, offset, payload.end, LAYER)
    size = after - offset
    if size > 1 and (count < 0x80 or count < 1 << 8 * (size - 2)):
        text = f"the number {count} in {size} octets, fewer would do"
        payload.issues.append(Issue("warning", LAYER, offset, text))
    return count, after


def _apdu_header(payload: Payload, octets: bytes) -> int:
    """Tag, long-invoke-id-and-priority and an empty date-time: the offset behind."""
    offset, end = payload.start, payload.end
    if offset + 6 > end:
        raise Truncated(6, end - offset, layer=LAYER, offset=offset)
    dated = octets[offset + 5]
    if dated not in (0, 12):
        raise Malformed(f"date-time of {dated} octets", layer=LAYER, offset=offset + 5)
    if offset + 6 + dated > end:
        raise Truncated(dated, end - offset - 6, layer=LAYER, offset=offset + 6)
    payload.reached = offset + 6 + dated
    return payload.reached


def _data_list(payload: Payload, octets: bytes, offset: int) -> int:
    count, after = _count(payload, octets, offset)
    payload.lists.append(offset)
    payload.reached = offset = after
    for _ in range(count):
        stop = skip_data(octets, offset, payload.end)
        payload.spans.append((offset, stop))
        payload.reached = stop
        if octets.find(SECURITY_HEADER, offset, stop) > 0:
            node = read_node(octets, offset, stop)[0]
            if node[0] == 2:
                _find_sealed(payload, node[1])
        offset = stop
    return offset


# octets that a type takes with its tag; 0 for those of variable size
_SIZES = [fixed[0] + 1 if fixed is not None else 0 for fixed in FIXED]
_SIZES[0x00] = _SIZES[0xFF] = 1
_STRINGS = frozenset([0x09, 0x0A, 0x0C])


def skip_data(octets: bytes, offset: int, end: int) -> int:
    """The offset behind one Data.

    Raises:
        Truncated, Malformed: as `dissectors.dlms.data.read_node`.
    """
    start, left = offset, 1
    sizes = _SIZES
    while left and offset < end:
        tag = octets[offset]
        size = sizes[tag]
        if size:
            offset += size
            left -= 1
            continue
        length = octets[offset + 1] if offset + 1 < end else 0x80
        if length < 0x80 and tag in _STRINGS:
            offset += 2 + length
            left -= 1
        elif length < 0x80 and tag in (1, 2):
            offset += 2
            left += length - 1
        else:
            offset = read_node(octets, offset, end)[1]
            left -= 1
    if left or offset > end:
        return read_node(octets, start, end)[1]
    return offset


def _find_sealed(payload: Payload, nodes: list[Node]) -> None:
    """Protection parameters (an array) followed by an octet string that begins with ``31 00000000``."""
    before = -1
    for tag, value, _, end in nodes:
        if tag == 9 and before == 1 and len(value) >= 17 and value.startswith(SECURITY_HEADER):
            payload.sealed.append((end - len(value) + 5, end))
        before = tag


def _response(payload: Payload, octets: bytes, _: int) -> None:
    end = payload.end
    offset = _apdu_header(payload, octets)
    count, after = _count(payload, octets, offset)
    payload.lists.append(offset)
    offset = after
    if count:
        raise Malformed("a response that repeats its specifications", layer=LAYER, offset=offset - 1)
    payload.reached = offset
    offset = _data_list(payload, octets, offset)
    count, after = _count(payload, octets, offset)
    payload.lists.append(offset)
    payload.reached = offset = after
    for _i in range(count):
        if offset + 2 > end:
            raise Truncated(2, end - offset, layer=LAYER, offset=offset)
        payload.results.append((octets[offset], octets[offset + 1], offset))
        payload.reached = offset = offset + 2


def _notification(payload: Payload, octets: bytes, _: int) -> None:
    offset = _apdu_header(payload, octets)
    payload.reached = skip_data(octets, offset, payload.end)
    payload.spans.append((offset, payload.reached))
    if octets[offset] == 2 and octets[offset + 2 : offset + 3] == b"\x12":
        payload.alert_code = octets[offset + 3] << 8 | octets[offset + 4]
        if octets.find(SECURITY_HEADER, offset, payload.reached) > 0:
            _find_sealed(payload, read_node(octets, offset, payload.reached)[0][1])


def _gbz(payload: Payload, octets: bytes, cra: int) -> None:
    offset, end = payload.start + 2, payload.end
    payload.reached = offset
    if offset >= end:
        raise Truncated(1, 0, layer=LAYER, offset=offset)
    count = octets[offset]
    payload.reached = offset = offset + 1
    if cra == 3:
        if offset + 6 > end:
            raise Truncated(6, end - offset, layer=LAYER, offset=offset)
        payload.alert_code = octets[offset] << 8 | octets[offset + 1]
        payload.reached = offset = offset + 6
        # the count is 1 in most alerts although what follows is no component (report section 6.2)
        if payload.alert_code != 0x8F0A or not _holds_component(octets, offset, end):
            payload.tail = offset
            payload.reached = end
            return
    for _ in range(count):
        component = _component(octets, offset, end)
        if component.encryption is not None:
            _check_security(payload, octets, component.content[0] - len(SECURITY_HEADER))
        payload.components.append(component)
        if component.encryption is not None:
            payload.sealed.append(component.content)
        payload.reached = offset = component.end


def _check_security(payload: Payload, octets: bytes, offset: int) -> None:
    """The security header of an encrypted part is always the same (GBCS 8.4): nothing opens under another."""
    found = octets[offset : offset + len(SECURITY_HEADER)]
    if found != SECURITY_HEADER:
        text = f"security header {found.hex()} of an encrypted part, {SECURITY_HEADER.hex()} expected"
        payload.issues.append(Issue("warning", LAYER, offset, text))


def _holds_component(octets: bytes, offset: int, end: int) -> bool:
    if offset + 5 > end:
        return False
    return offset + 5 + int.from_bytes(octets[offset + 3 : offset + 5], "big") == end


def _component(octets: bytes, offset: int, end: int) -> Component:
    if offset + 5 > end:
        raise Truncated(5, end - offset, layer=LAYER, offset=offset)
    control = octets[offset]
    cluster = octets[offset + 1] << 8 | octets[offset + 2]
    body = offset + 5
    stop = body + (octets[offset + 3] << 8 | octets[offset + 4])
    if stop > end:
        raise Truncated(stop - body, end - body, layer=LAYER, offset=body)
    place, dated, sealed = body, None, None
    if control & FROM_DATE_TIME:
        dated, place = place, place + 4
    if control & ENCRYPTED:
        sealed, place = place, place + 2
    if place + 3 > stop:
        raise Truncated(place + 3 - body, stop - body, layer=LAYER, offset=body)
    content = (place + 3, stop)
    if sealed is not None:
        content = _ciphered(octets, place + 3, stop)
    return Component(offset, stop, control, cluster, body, dated, sealed, place, content)


def _ciphered(octets: bytes, offset: int, stop: int) -> tuple[int, int]:
    """Ciphered information length (two octets), security header, ciphertext and tag."""
    if offset + 7 + 12 > stop:
        raise Truncated(19, stop - offset, layer=LAYER, offset=offset)
    length = octets[offset] << 8 | octets[offset + 1]
    if offset + 2 + length != stop:
        text = f"ciphered information of {length} octets, {stop - offset - 2} are there"
        raise Malformed(text, layer=LAYER, offset=offset)
    return offset + 7, stop


def _der(payload: Payload, octets: bytes, cra: int) -> None:
    """The outermost tag and length must take the whole payload; the rest is read by its shape."""
    length, start = read_length(octets, payload.start + 1, payload.end, LAYER)
    if start + length > payload.end:
        raise Truncated(length, payload.end - start, layer=LAYER, offset=start)
    payload.reached = start + length
    if cra == 3 and length > 5 and octets[start : start + 2] == b"\x02\x03":
        payload.alert_code = octets[start + 3] << 8 | octets[start + 4]


def _empty(payload: Payload, _octets: bytes, _: int) -> None:
    raise Malformed("a payload of no octets", layer=LAYER, offset=payload.start)


_READERS = {
    "dlms-access-request": _request,
    "dlms-access-response": _response,
    "dlms-data-notification": _notification,
    "gbz": _gbz,
    "der": _der,
    "empty": _empty,
}
