"""Where the parts of one GBCS message lie: MAC header, grouping header, payload, signature, MAC.

Strategy: one pass over the octets with a few struct reads; spans only, no trees. The tree of fields
(`dissectors.gbcs.headers`) and the checks (`dissectors.gbcs.protection`) are made from these spans, so a
message can be verified without paying for its description.

Source: GBCS 4.x section 7.2 (message structure); DLMS Green Book general-ciphering and general-signing.
"""

from __future__ import annotations

from struct import Struct

from dissectors.dlms.lengths import read_length
from dissectors.errors import DissectionError, Malformed, Truncated
from dissectors.field import Issue

__all__ = ["GENERAL_CIPHERING", "GENERAL_SIGNING", "LAYER", "Layout", "read_layout"]

LAYER = "gbcs"
GENERAL_CIPHERING = 0xDD
GENERAL_SIGNING = 0xDF
MAC_OCTETS = 12
_EMPTY_HEADER = b"\xdd\x00\x00\x00\x00\x00\x00"
_GROUPING = Struct(">BBBQB8sB8sB")  # tag, 09, CRA, counter, 08, originator, 08, recipient, date-time length


class Layout:
    """Spans (offset, end) of one message. What could not be read stays None.

    Attributes:
        start: offset of the general-signing tag ``DF``; None when there is none.
        ciphering: offset of the security control octet of the MAC header; None without a MAC header.
        cra: 1 command, 2 response, 3 alert.
        information: the whole other-information.
        certificate: key agreement certificate of an Unknown Remote Party, within other-information.
        signature: offset of the signature's length octet; None when it is left out (pre-commands).
        mac: offset of the 12 octets of MAC; None without.
        reached: first octet that no part covers; the length of the message when all was read.
    """

    __slots__ = (
        "certificate",
        "ciphering",
        "counter",
        "cra",
        "date_time",
        "information",
        "issues",
        "mac",
        "message_code",
        "octets",
        "originator",
        "payload",
        "reached",
        "recipient",
        "signature",
        "signature_length",
        "start",
        "supplementary_counter",
        "supplementary_originator_counter",
        "supplementary_party",
    )

    def __init__(self, octets: bytes) -> None:
        self.octets = octets
        self.start: int | None = None
        self.ciphering: int | None = None
        self.cra = 0
        self.counter = 0
        self.originator = b""
        self.recipient = b""
        self.date_time: tuple[int, int] | None = None
        self.information: tuple[int, int] | None = None
        self.message_code: int | None = None
        self.supplementary_party: bytes | None = None
        self.supplementary_counter: int | None = None
        self.supplementary_originator_counter: int | None = None
        self.certificate: tuple[int, int] | None = None
        self.payload: tuple[int, int] | None = None
        self.signature: int | None = None
        self.signature_length = 0
        self.mac: int | None = None
        self.reached = 0
        self.issues: list[Issue] = []

    @property
    def signed_octets(self) -> bytes:
        """What the signature is over: after ``DF`` to the end of the payload (its length octet excluded)."""
        if self.start is None or self.payload is None:
            return b""
        return self.octets[self.start + 1 : self.payload[1]]

    @property
    def raw_signature(self) -> bytes:
        """r||s, 64 octets; empty without a signature."""
        if self.signature is None:
            return b""
        return self.octets[self.signature + 1 : self.signature + 1 + self.signature_length]

    @property
    def pre_command(self) -> bool:
        """A command before the Access Control Broker has put its MAC on, and unsigned."""
        return self.cra == 1 and self.ciphering is None and self.signature_length == 0


def read_layout(octets: bytes) -> Layout:
    """The spans of `octets`; what is wrong is in `issues`, and everything before it is still there."""
    layout = Layout(octets)
    try:
        start, end = 0, len(octets)
        if octets[:1] == b"\xdd":
            start, end = _mac_header(layout)
        _grouping(layout, start, end)
    except DissectionError as error:
        layout.issues.append(Issue.of(error))
    if layout.reached < len(octets) and all(issue.severity != "error" for issue in layout.issues):
        text = f"{len(octets) - layout.reached} octets left over behind the message"
        layout.issues.append(Issue("error", LAYER, layout.reached, text))
    return layout


def _mac_header(layout: Layout) -> tuple[int, int]:
    """General-ciphering with an empty header (GBCS 7.2.4): offset of the inner APDU, and its end."""
    octets = layout.octets
    size = len(octets)
    if not octets.startswith(_EMPTY_HEADER):
        for index in range(1, 7):
            if index >= size:
                raise Truncated(7, size, layer=LAYER, offset=size)
            if octets[index]:
                text = f"header field {index} of the MAC header is not empty"
                raise Malformed(text, layer=LAYER, offset=index)
    layout.reached = min(size, 7)
    length, body = read_length(octets, 7, size, LAYER)
    layout.reached = body
    if body + length > size:
        layout.issues.append(Issue.of(Truncated(length, size - body, layer=LAYER, offset=body)))
    elif length < 5 + MAC_OCTETS:
        raise Malformed(f"{length} octets cannot hold a message and its MAC", layer=LAYER, offset=body)
    if body + 5 > size:
        raise Truncated(5, size - body, layer=LAYER, offset=body)
    layout.ciphering = body
    layout.reached = body + 5
    end = min(body + length - MAC_OCTETS, size)
    if not layout.issues:
        layout.mac = end
    return body + 5, end


def _grouping(layout: Layout, start: int, end: int) -> None:
    """General-signing (GBCS 7.2.5) from `start`; all that belongs to it lies before `end`."""
    octets = layout.octets
    if end - start < 30:
        _short_grouping(layout, start, end)
        raise Truncated(30, max(0, end - start), layer=LAYER, offset=start)
    tag, l1, cra, counter, l2, originator, l3, recipient, dated = _GROUPING.unpack_from(octets, start)
    if tag != GENERAL_SIGNING or l1 != 9 or l2 != 8 or l3 != 8:
        _refuse_grouping(octets, start)
    layout.start, layout.cra, layout.counter = start, cra, counter
    layout.originator, layout.recipient = originator, recipient
    layout.reached = start + 30
    if dated:
        if dated != 12:
            raise Malformed(f"date-time of {dated} octets", layer=LAYER, offset=start + 29)
        if start + 42 > end:
            raise Truncated(12, end - start - 30, layer=LAYER, offset=start + 30)
        layout.date_time = (start + 30, start + 42)
        layout.reached = start + 42
    length, offset = read_length(octets, layout.reached, end, LAYER)
    layout.reached = offset
    _information(layout, offset, length, end)
    length, offset = read_length(octets, offset + length, end, LAYER)
    layout.reached = offset
    if offset + length > end:
        layout.payload = (offset, end)
        raise Truncated(length, end - offset, layer=LAYER, offset=offset)
    layout.payload = (offset, offset + length)
    layout.reached = offset + length
    _signature(layout, offset + length, end)


def _short_grouping(layout: Layout, start: int, end: int) -> None:
    """As much of a truncated grouping header as says who speaks: at least the tag must fit."""
    octets = layout.octets
    if end > start and octets[start] == GENERAL_SIGNING:
        layout.start = start


def _refuse_grouping(octets: bytes, start: int) -> None:
    """Raise for the first octet of the grouping header that is not what it must be."""
    expected = (
        (0, GENERAL_SIGNING, "tag"),
        (1, 9, "transaction-id length"),
        (11, 8, "originator length"),
        (20, 8, "recipient length"),
    )
    for place, value, name in expected:
        got = octets[start + place]
        if got != value:
            text = f"{name} of the grouping header is {got:02x}, {value:02x} expected"
            raise Malformed(text, layer=LAYER, offset=start + place)


def _information(layout: Layout, offset: int, length: int, end: int) -> None:
    """Other-information (GBCS 7.2.6): its length says what is in it."""
    octets = layout.octets
    if offset + length > end:
        raise Truncated(length, end - offset, layer=LAYER, offset=offset)
    layout.information = (offset, offset + length)
    layout.reached = offset + length
    if length < 2:
        text = f"other-information of {length} octets has no message code"
        raise Malformed(text, layer=LAYER, offset=offset)
    layout.message_code = octets[offset] << 8 | octets[offset + 1]
    if length == 2:
        return
    if length >= 10:
        layout.supplementary_party = octets[offset + 2 : offset + 10]
    if length >= 18:
        layout.supplementary_counter = int.from_bytes(octets[offset + 10 : offset + 18], "big")
    if length == 26:
        layout.supplementary_originator_counter = int.from_bytes(octets[offset + 18 : offset + 26], "big")
    elif length > 26:
        layout.certificate = (offset + 18, offset + length)
    elif length not in (10, 18):
        text = f"other-information of {length} octets is none of 2, 10, 18, 26 or with a certificate"
        layout.issues.append(Issue("warning", LAYER, offset, text))


def _signature(layout: Layout, offset: int, end: int) -> None:
    """The signature octet string: empty, 64 octets, or left out at the end of a pre-command."""
    octets = layout.octets
    if offset >= end:
        if layout.cra == 1 and layout.ciphering is None:
            return
        raise Truncated(1, 0, layer=LAYER, offset=offset)
    length = octets[offset]
    if length not in (0, 64):
        raise Malformed(f"signature of {length} octets, 0 or 64 expected", layer=LAYER, offset=offset)
    if offset + 1 + length > end:
        raise Truncated(length, end - offset - 1, layer=LAYER, offset=offset + 1)
    layout.signature = offset
    layout.signature_length = length
    layout.reached = offset + 1 + length
    if layout.mac is not None:
        if layout.reached != layout.mac:
            text = f"{layout.mac - layout.reached} octets between signature and MAC"
            raise Malformed(text, layer=LAYER, offset=layout.reached)
        layout.reached = layout.mac + MAC_OCTETS
