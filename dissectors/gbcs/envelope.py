"""What lies around the payload of a message: MAC header, grouping header, signature, MAC; and of a block its header.

Strategy: each header is a layer, from which come its fields and its octets. `Envelope` holds those of one message and
what verdicts need of them; trees are made when somebody asks.

Source: GBCS 4.x sections 7.2.4 to 7.2.7, 7.2.11; DLMS Green Book general-ciphering, general-signing and
general-block-transfer, of which GBCS fills in the lengths.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from dissectors.dlms.apdu.general import HEADER
from dissectors.dlms.cosem.datetimes import read_date_time
from dissectors.gbcs.catalogue.names import CRA, code_words, eui64
from dissectors.layout import Layer, Length, Octets, Part, UInt
from dissectors.model.cursor import Cursor
from dissectors.model.errors import DissectionError, Malformed, Truncated
from dissectors.model.field import Field, Issue

__all__ = [
    "ID_OCTETS",
    "MAC_OCTETS",
    "Envelope",
    "GroupingHeader",
    "MessageMacHeader",
    "RoutingHeader",
    "SignatureBlock",
    "read_envelope",
]

LAYER = "gbcs"
GENERAL_CIPHERING = 0xDD
GENERAL_SIGNING = 0xDF
MAC_OCTETS = 12
ID_OCTETS = 8
"""Of the identifiers of originator and recipient: keys are derived from them."""
BUFFER = "message"


class Entity(Octets):
    """An entity identifier, whose value is shown in hex."""

    __slots__ = ()

    def __init__(self, name: str, when: Callable[[Any], bool] | None = None) -> None:
        super().__init__(name, 8, when=when, names=eui64)

    def tree(self, layer: Any, value: Any, offset: int, end: int, buffer: str) -> Field:
        return Field(self.name, value.hex(), eui64(value), offset, end - offset, buffer)


def size_words(count: int) -> str:
    return f"{count} octets"


def size_or_empty(count: int) -> str:
    return f"{count} octets" if count else "empty"


def counter_words(value: int) -> str:
    return f"counter {value}"


def _control_words(value: int) -> str:
    known = {0x11: "authenticated only, suite 1", 0x31: "authenticated and encrypted, suite 1"}
    return known.get(value, f"security control {value:02x}")


class MessageMacHeader(Layer):
    """General-ciphering without header strings and key information, up to the invocation counter (GBCS 7.2.4)."""

    name = "MAC header"
    title = "mac_header"
    parts = (
        UInt("tag", None, 1, only=GENERAL_CIPHERING, names={GENERAL_CIPHERING: "general-ciphering"}),
        *(UInt(f"{one.name}_length", None, 1, only=0, names=size_or_empty) for one in HEADER),
        UInt("key_info_length", None, 1, only=0, names=size_or_empty),
        Length("length", names=lambda v: f"{v} octets follow"),
        UInt("security_control", 0x11, 1, names=_control_words),
        UInt(
            "invocation_counter",
            0,
            4,
            order="big",
            names=lambda v: f"{v}, zero expected" if v else "always zero",
        ),
    )


PARTIES: tuple[Part, ...] = (
    UInt("transaction_id_length", None, 1, only=9, names=size_words),
    UInt("cra_flag", 1, 1, names=lambda v: CRA.get(v, f"unknown CRA flag {v}")),
    UInt("originator_counter", 0, 8, order="big", names=counter_words),
    UInt("originator_length", None, 1, only=8, names=size_words),
    Entity("originator"),
    UInt("recipient_length", None, 1, only=8, names=size_words),
    Entity("recipient"),
)
"""Transaction id, originator and recipient, as messages and blocks of messages have them."""

INFORMATION = (
    "message_code",
    "supplementary_remote_party",
    "supplementary_remote_party_counter",
    "supplementary_originator_counter",
    "certificate",
    "rest",
)


def _held(name: str, fits: Callable[[int], bool]) -> Callable[[Any], bool]:
    """Whether other-information has a part: by its length when it was read, else because the part was set."""

    def when(header: Any) -> bool:
        length = header.fields.get("other_information_length")
        return name in header.fields if length is None else fits(length)

    return when


def _date_time_size(header: Any) -> int:
    size: int = header.date_time_length
    if size != 12:
        raise Malformed(f"date-time of {size} octets", layer=LAYER, offset=header.start + 29)
    return size


class GroupingHeader(Layer):
    """General-signing up to its content; other-information says by its length what is in it (GBCS 7.2.5, 7.2.6)."""

    name = "grouping header"
    title = "grouping_header"
    parts = (
        UInt("tag", None, 1, only=GENERAL_SIGNING, names={GENERAL_SIGNING: "general-signing"}),
        *PARTIES,
        UInt("date_time_length", None, 1, count_of="date_time", names=lambda v: size_words(v) if v else "no date-time"),
        Octets(
            "date_time",
            _date_time_size,
            when=lambda h: h.get("date_time_length") or h.get("date_time"),
            names=lambda v: str(read_date_time(v)),
        ),
        Length("other_information_length", INFORMATION, names=size_words),
        UInt("message_code", 0, 2, order="big", when=_held("message_code", lambda n: n >= 2), names=code_words),
        Entity("supplementary_remote_party", _held("supplementary_remote_party", lambda n: n >= 10)),
        UInt(
            "supplementary_remote_party_counter", 0, 8, order="big", names=counter_words,
            when=_held("supplementary_remote_party_counter", lambda n: n >= 18),
        ),
        UInt(
            "supplementary_originator_counter", 0, 8, order="big", names=counter_words,
            when=_held("supplementary_originator_counter", lambda n: n == 26),
        ),
        Octets(
            "certificate", lambda h: h.other_information_length - 18, when=_held("certificate", lambda n: n > 26)
        ),
        Octets(
            "rest",
            lambda h: (h.other_information_length - 2) % 8,
            when=_held("rest", lambda n: n < 26 and n not in (2, 10, 18)),
            names=lambda v: f"{len(v)} octets of no known meaning",
        ),
        Length("content_length", names=lambda v: f"{v} octets of payload"),
    )  # fmt: skip


class SignatureBlock(Layer):
    """The signature as an octet string: empty, or r and s of 32 octets each (GBCS 7.2.7)."""

    name = "signature"
    parts = (
        UInt(
            "signature_length",
            None,
            1,
            count_of="signature",
            names=lambda v: size_words(v) if v else "no signature",
        ),
        Octets("signature", lambda h: h.signature_length),
    )


def _sized(name: str, label: str, words: Callable[[bytes], str]) -> tuple[Part, Part]:
    """A string of a block's header behind its length of one octet."""
    length = f"{name}_length"
    return (
        UInt(length, None, 1, count_of=label, names=size_or_empty),
        Octets(label, lambda h: h.value(length), names=words),
    )


class RoutingHeader(Layer):
    """General-ciphering around one block of a message, up to its security header (GBCS 7.2.11, 10.2.3)."""

    name = "message routing header"
    title = "message_routing_header"
    parts = (
        UInt("tag", None, 1, only=GENERAL_CIPHERING, names={GENERAL_CIPHERING: "general-ciphering"}),
        *PARTIES,
        *_sized("date_time", "date_time", bytes.hex),
        *_sized("other_information", "message_code", lambda v: code_words(int.from_bytes(v, "big"))),
        *_sized("key_info", "key_info", bytes.hex),
        Length("length", names=lambda v: f"{v} octets follow"),
        Octets("security_header", 5, names=lambda v: "security header"),
    )


class Envelope:
    """The headers of one message, and what they say. What could not be read stays None, zero or empty.

    Attributes:
        mac_header, grouping, signed: layers, as far as they were read.
        start: offset of the general-signing tag ``DF``; None when there is none.
        ciphering: offset of the security control octet of the MAC header; None without a MAC header.
        cra: 1 command, 2 response, 3 alert.
        payload: its span.
        signature: offset of the signature's length octet; None when it is left out (pre-commands).
        mac: offset of the 12 octets of MAC; None without.
        reached: first octet that no part covers; the length of the message when all was read.
    """

    mac_header: MessageMacHeader | None = None
    grouping: GroupingHeader | None = None
    signed: SignatureBlock | None = None
    start: int | None = None
    ciphering: int | None = None
    cra = 0
    counter = 0
    originator = b""
    recipient = b""
    message_code: int | None = None
    supplementary_party: bytes | None = None
    supplementary_counter: int | None = None
    supplementary_originator_counter: int | None = None
    payload: tuple[int, int] | None = None
    signature: int | None = None
    raw_signature = b""
    mac: int | None = None
    reached = 0

    def __init__(self, octets: bytes) -> None:
        self.octets = octets
        self.issues: list[Issue] = []

    def _take(self, fields: dict[str, Any]) -> None:
        """What the fields of a grouping header say."""
        get = fields.get
        self.cra, self.counter = get("cra_flag", 0), get("originator_counter", 0)
        self.originator, self.recipient = get("originator", b""), get("recipient", b"")
        self.message_code = get("message_code")
        if fields.get("other_information_length", 0) > 2:
            self.supplementary_party = get("supplementary_remote_party")
            self.supplementary_counter = get("supplementary_remote_party_counter")
            self.supplementary_originator_counter = get("supplementary_originator_counter")

    @property
    def signature_length(self) -> int:
        """Octets of the signature; 0 without."""
        return len(self.raw_signature)

    @property
    def signed_octets(self) -> bytes:
        """What the signature is over: after ``DF`` to the end of the payload (its length octet excluded)."""
        if self.start is None or self.payload is None:
            return b""
        return self.octets[self.start + 1 : self.payload[1]]

    @property
    def pre_command(self) -> bool:
        """A command before the Access Control Broker has put its MAC on, and unsigned."""
        unsealed = self.ciphering is None and not self.raw_signature
        return self.cra == 1 and unsealed and self.payload is not None

    @property
    def information(self) -> tuple[int, int] | None:
        """Span of other-information; None when it was not read."""
        spans = self._spans()
        if "message_code" not in spans or self.grouping is None:
            return None
        start = spans["message_code"][0]
        return start, start + int(self.grouping.fields["other_information_length"])

    @property
    def certificate(self) -> tuple[int, int] | None:
        """Span of the key agreement certificate of an Unknown Remote Party, within other-information."""
        return self._spans().get("certificate")

    def _spans(self) -> dict[str, tuple[int, int]]:
        return {part.name: (a, b) for part, a, b in self.grouping.spans} if self.grouping is not None else {}

    def header_fields(self) -> list[Field]:
        """MAC header and grouping header."""
        out = []
        if self.mac_header is not None:
            out.append(self.mac_header.tree(BUFFER, meaning="MAC header (general-ciphering)"))
        if self.start is not None and self.grouping is not None:
            out.append(self.grouping.tree(BUFFER, meaning="grouping header (general-signing)"))
        return out

    def tail_fields(self, signature: str, mac: str) -> list[Field]:
        """Signature and MAC, with the verdicts on them."""
        out = self.signed.tree(BUFFER).children if self.signed is not None else []
        if len(out) > 1:
            out[1].meaning = f"ECDSA signature: {signature}"
        if self.mac is not None and self.mac + MAC_OCTETS <= len(self.octets):
            raw = self.octets[self.mac : self.mac + MAC_OCTETS]
            out.append(Field("mac", raw, f"GMAC tag: {mac}", self.mac, MAC_OCTETS, BUFFER))
        return out


def read_envelope(octets: bytes) -> Envelope:
    """The envelope of `octets`; what is wrong is in `issues`, and everything before it is still there."""
    envelope = Envelope(octets)
    cursor = Cursor(octets, layer=LAYER)
    try:
        if octets[:1] == b"\xdd":
            _mac_header(envelope, cursor)
        _grouping(envelope, cursor)
    except DissectionError as error:
        envelope.issues.append(Issue.of(error.kept()))
    if envelope.reached < len(octets) and all(issue.severity != "error" for issue in envelope.issues):
        text = f"{len(octets) - envelope.reached} octets left over behind the message"
        envelope.issues.append(Issue("error", LAYER, envelope.reached, text))
    return envelope


def _mac_header(envelope: Envelope, cursor: Cursor) -> None:
    """General-ciphering with an empty header (GBCS 7.2.4); the cursor's end is set before the MAC."""
    header = envelope.mac_header = MessageMacHeader.read(cursor)
    envelope.reached = cursor.offset
    if header.error is not None:
        raise header.error
    length, body = header.fields["length"], cursor.offset - 5
    if body + length > cursor.end:
        error = Truncated(length, cursor.end - body, layer=LAYER, offset=body)
        envelope.issues.append(Issue.of(error))
    elif length < 5 + MAC_OCTETS:
        raise Malformed(f"{length} octets cannot hold a message and its MAC", layer=LAYER, offset=body)
    envelope.ciphering = body
    cursor.end = max(cursor.offset, min(body + length - MAC_OCTETS, cursor.end))
    if not envelope.issues:
        envelope.mac = cursor.end


def _grouping(envelope: Envelope, cursor: Cursor) -> None:
    """General-signing (GBCS 7.2.5); all that belongs to it lies before the end of the cursor."""
    header = envelope.grouping = GroupingHeader.read(cursor)
    fields = header.fields
    if header.error is not None:
        _broken_grouping(envelope, header)
    envelope.start = header.start
    envelope._take(fields)
    start, length, end = cursor.offset, fields["content_length"], cursor.end
    cursor.offset = stop = min(start + length, end)
    envelope.payload, envelope.reached = (start, stop), start
    if "rest" in fields or "message_code" not in fields:
        _unusual_information(envelope, fields["other_information_length"])
    if start + length > end:
        raise Truncated(length, end - start, layer=LAYER, offset=start)
    envelope.reached = stop
    if stop == end and envelope.cra == 1 and envelope.ciphering is None:
        return  # a pre-command, whose signature is left out
    signed = envelope.signed = SignatureBlock.read(cursor)
    size = signed.fields.get("signature_length", 0)
    if size not in (0, 64):
        raise Malformed(f"signature of {size} octets, 0 or 64 expected", layer=LAYER, offset=stop)
    if signed.error is not None:
        raise signed.error
    envelope.signature, envelope.raw_signature = stop, signed.fields["signature"]
    envelope.reached = cursor.offset
    if envelope.mac is not None:
        if envelope.reached != end:
            text = f"{end - envelope.reached} octets between signature and MAC"
            raise Malformed(text, layer=LAYER, offset=envelope.reached)
        envelope.reached += MAC_OCTETS


def _broken_grouping(envelope: Envelope, header: GroupingHeader) -> NoReturn:
    """Keep what can be believed of a header that is not whole."""
    assert header.error is not None
    if isinstance(header.error, Truncated) or "date_time_length" in header.fields:
        envelope.start = header.start if header.fields else None
        envelope.reached = header.end
        envelope._take(header.fields)
    raise header.error


def _unusual_information(envelope: Envelope, length: int) -> None:
    at = (envelope.information or (envelope.reached, 0))[0]
    if length < 2:
        text = f"other-information of {length} octets has no message code"
        raise Malformed(text, layer=LAYER, offset=at)
    text = f"other-information of {length} octets is none of 2, 10, 18, 26 or with a certificate"
    envelope.issues.append(Issue("warning", LAYER, at, text))
