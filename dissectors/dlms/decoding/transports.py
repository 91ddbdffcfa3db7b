"""Carriers of one message: each finds its service data units, has them unwrapped, and covers every octet.

A carrier's reader gives its fields and the error that refuses the message, if any. What is wrong with an APDU
inside a frame whose carrier is whole (HDLC, M-Bus) is an issue: a lone middle segment looks just like that.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from dissectors.dlms.apdu.general import Ciphered, Protected, read_ciphered
from dissectors.dlms.apdu.layouts import APDU_NAMES
from dissectors.dlms.carriers.hdlc import HdlcFrame, frame_field, read_frames, upper_address
from dissectors.dlms.carriers.mbus import Telegram, read_telegrams, telegram_field
from dissectors.dlms.carriers.p1 import is_telegram
from dissectors.dlms.carriers.reassembly import HdlcSegments, MbusSegments, Piece, Unit
from dissectors.dlms.carriers.wrapper import HEADER_LENGTH, WrapperHeader, header_fields, read_header
from dissectors.dlms.cosem.data import read_node
from dissectors.dlms.cosem.data_fields import data_field
from dissectors.dlms.decoding.apdu_decoder import ApduDecoder
from dissectors.dlms.decoding.plaintext import bare_data, text_telegram
from dissectors.dlms.decoding.tree import LazyField, Tree, make_fields
from dissectors.dlms.security.ciphering import open_payload
from dissectors.model.errors import DissectionError, Malformed, Truncated
from dissectors.model.field import Field
from dissectors.model.origins import Part

__all__ = ["LLC_DIRECTIONS", "READERS", "apdu_direction", "read_hdlc", "read_unit"]

Result = tuple[list[Tree], DissectionError | None]
LLC_DIRECTIONS = {b"\xe6\xe6\x00": "to-server", b"\xe6\xe7\x00": "to-client"}
_LLC = 3


def apdu_direction(tag: int) -> str:
    """Who usually sends an APDU with this tag (table ``apdu_tags``); ``""`` for those of both."""
    return _DIRECTIONS.get(tag, "")


def _directions() -> dict[int, str]:
    from dissectors.layout.tables import table

    words = {"C": "to-server", "S": "to-client"}
    return {int(row["tag"]): words.get(row["sender"], "") for row in table("dlms", "apdu_tags")}


_DIRECTIONS = _directions()


def read_apdu_only(decoder: ApduDecoder, data: bytes) -> Result:
    """An APDU and nothing around it."""
    decoder.direction = decoder.direction or apdu_direction(data[0] if data else -1)
    return decoder.unwrap(data, 0, len(data))


def read_llc(decoder: ApduDecoder, data: bytes) -> Result:
    """The three LLC octets and an APDU."""
    if data[:_LLC] not in LLC_DIRECTIONS:
        wrong = Malformed("no LLC header (E6 E6 00 or E6 E7 00)", layer="dlms.llc", offset=0)
        return [Field("unread", data, None, 0, len(data), "message")], wrong
    decoder.direction = LLC_DIRECTIONS[data[:_LLC]]
    fields, error = decoder.unwrap(data, _LLC, len(data))
    return [llc_field(data, 0, "message"), *fields], error


def llc_field(data: bytes, start: int, buffer: str) -> Field:
    """The LLC header as a field."""
    octets = data[start : start + _LLC]
    return Field("llc", octets, LLC_DIRECTIONS.get(octets), start, _LLC, buffer)


def read_iec61334(decoder: ApduDecoder, data: bytes) -> Result:
    """IEC 61334-4-32 (S-FSK PLC): 90, destination and source LSAP, APDU."""
    if len(data) < _LLC or data[0] != 0x90:
        wrong = Malformed("no IEC 61334-4-32 header (90 ..)", layer="dlms.iec61334", offset=0)
        return [Field("unread", data, None, 0, len(data), "message")], wrong
    header = Field("iec61334_4_32", None, "LLC header", 0, _LLC, "message")
    header.children = [
        Field("control", data[0], "data", 0, 1, "message"),
        Field("destination_lsap", data[1], "", 1, 1, "message"),
        Field("source_lsap", data[2], "", 2, 1, "message"),
    ]
    decoder.direction = apdu_direction(data[3] if len(data) > _LLC else -1) or decoder.direction
    decoder.saps = data[2], data[1]
    fields, error = decoder.unwrap(data, _LLC, len(data))
    return [header, *fields], error


def read_data_only(decoder: ApduDecoder, data: bytes) -> Result:
    """One A-XDR Data and nothing around it."""
    if not data:
        return [], Truncated(1, 0, layer="dlms.data", offset=0)
    return bare_data(decoder, data, 0, len(data))


def read_p1(decoder: ApduDecoder, data: bytes) -> Result:
    """A P1 telegram as it comes out of a customer port: text and nothing around it."""
    if not is_telegram(data):
        wrong = Malformed(
            "no P1 telegram (/ABC5..., lines of OBIS code and values)", layer="dlms.p1", offset=0
        )
        return [Field("unread", data, None, 0, len(data), "message")], wrong
    decoder.direction = "to-client"
    return text_telegram(decoder, data, 0, len(data), "message"), None


def read_wrapper(decoder: ApduDecoder, data: bytes) -> Result:
    """One PDU or several, each with its wrapper header."""
    return _wrapped(decoder, data, stream=False)


def read_wrapper_stream(decoder: ApduDecoder, data: bytes) -> Result:
    """A stream of PDUs; the last may be cut off, which is a note."""
    return _wrapped(decoder, data, stream=True)


def _wrapped(decoder: ApduDecoder, data: bytes, stream: bool) -> Result:
    out: list[Tree] = []
    at, end, failure = 0, len(data), None
    while at < end or not out:
        try:
            header = read_header(data, at, end)
            stop = at + HEADER_LENGTH + header.length
            if stop > end:
                left = end - at - HEADER_LENGTH
                raise Truncated(header.length, left, layer="dlms.wrapper", offset=at + HEADER_LENGTH)
        except DissectionError as error:
            out.append(Field("unread", data[at:], None, at, end - at, "message"))
            if not (stream and at and isinstance(error, Truncated)):
                return out, failure or error.kept()
            decoder.issue("note", error.layer, error.offset, f"the stream ends here: {error.text}")
            return out, failure
        if header.length:
            decoder.direction = apdu_direction(data[at + HEADER_LENGTH]) or decoder.direction
        decoder.saps = header.source, header.destination
        branch = LazyField(partial(_wrapper_field, header, at, stop))
        branch.below, wrong = decoder.unwrap(data, at + HEADER_LENGTH, stop)
        out.append(branch)
        failure = failure or wrong
        at = stop
    return out, failure


def _wrapper_field(header: WrapperHeader, at: int, stop: int) -> Field:
    out = Field("wrapper", None, "", at, stop - at, "message")
    out.children = header_fields(header, at, "message")
    return out


def read_hdlc(decoder: ApduDecoder, data: bytes, strict: bool = True) -> Result:
    """Frames with their flags; everything is read, and a wrong check sequence refuses the message.

    Unless `strict`, it is a warning: captures of anonymised meters are full of them.
    """
    segments = HdlcSegments()
    decoder.keep_names = not strict
    out: list[Tree] = []
    failure: DissectionError | None = None
    error: DissectionError | None
    at, any_frame, sound = 0, False, False
    passed_over: list[tuple[bool, DissectionError]] = []
    for found in read_frames(data, 0, len(data)):
        if isinstance(found, HdlcFrame):
            out += _flags(data, at, found.start)
            branch: Tree
            branch, error = _frame(decoder, found, data, segments)
            if error is not None and not strict:
                decoder.issue("warning", error.layer, error.offset, error.text)
                error = None
            any_frame, at = True, found.end
            sound = sound or (found.frame_ok and found.header_ok is not False)
        else:
            start, stop, error = found
            out += _flags(data, at, start)
            at = stop
            branch = Field("unread", data[start:at], None, start, at - start, "message")
            if any_frame and at == len(data) and isinstance(error, Truncated):
                decoder.issue("note", error.layer, error.offset, f"the frames end here: {error.text}")
            else:
                passed_over.append((sound, error))
            error = None
        out.append(branch)
        failure = failure or error
    failure = _pass_over(decoder, passed_over, sound, failure)
    out += _flags(data, at, len(data))
    if not any_frame and failure is None:
        failure = Malformed("no HDLC frame", layer="dlms.hdlc", offset=0)
    _put_ends(decoder, segments)
    return out, failure


def _put_ends(decoder: ApduDecoder, segments: HdlcSegments) -> None:
    """What is left of segments, and what was noted of them."""
    _remains(decoder, segments.unfinished, "dlms.hdlc")
    for offset, text in segments.notes:
        decoder.issue("note", "dlms.hdlc", offset, text)


def _pass_over(
    decoder: ApduDecoder,
    junk: list[tuple[bool, DissectionError]],
    sound: bool,
    failure: DissectionError | None,
) -> DissectionError | None:
    """Octets that are no frame: those before the first sound frame are passed over with a note (a recording begins
    where it begins), others refuse the input. `junk`: (whether a sound frame came before, what is wrong)."""
    for inside, error in junk:
        if sound and not inside:
            text = f"passed over to the first frame whose check holds: {error.text}"
            decoder.issue("note", error.layer, error.offset, text)
        else:
            failure = failure or error
    return failure


def _flags(data: bytes, start: int, end: int) -> list[Tree]:
    if end <= start:
        return []
    return [Field("flags", data[start:end], f"{end - start} flags", start, end - start, "message")]


def _frame(
    decoder: ApduDecoder, frame: HdlcFrame, data: bytes, segments: HdlcSegments
) -> tuple[Tree, DissectionError | None]:
    information: list[Tree] = []
    start, end = frame.info
    if frame.type in ("I", "UI") and end > start:
        unit = segments.feed(frame, data)
        decoder.saps = upper_address(frame.source), upper_address(frame.destination)
        if unit is not None:
            information = read_unit(decoder, unit, data, frame.info)
    branch = LazyField(lambda: frame_field(frame, data, "message", make_fields(information)))
    if frame.header_ok is False:
        error = Malformed("header check sequence is wrong", layer="dlms.hdlc", offset=start - 2)
        return branch, error
    if not frame.frame_ok:
        return branch, Malformed("frame check sequence is wrong", layer="dlms.hdlc", offset=frame.end - 2)
    return branch, None


def read_unit(
    decoder: ApduDecoder, unit: Unit, data: bytes, place: tuple[int, int], llc: bool = True
) -> list[Tree]:
    """Unwrap a unit; its tree stands at `place` (of the piece that came last), or in a buffer when joined."""
    if len(unit.pieces) == 1:
        piece = unit.pieces[0]
        return _inside(decoder, data, piece.offset, piece.offset + len(piece.octets), "message", llc)
    whole = unit.octets
    name = decoder.add_buffer("reassembled", whole, *unit.parts("message"))
    start, end = place
    own = Field("segment", data[start:end], "last of the whole", start, end - start, "message")
    text = f"{len(unit.pieces)} segments joined"
    joined = LazyField(lambda: Field("reassembled", None, text, 0, len(whole), name))
    joined.below = _inside(decoder, whole, 0, len(whole), name, llc)
    return [own, joined]


def _inside(decoder: ApduDecoder, data: bytes, start: int, end: int, buffer: str, llc: bool) -> list[Tree]:
    out: list[Tree] = []
    head = data[start : start + _LLC]
    if llc and head in LLC_DIRECTIONS and start + _LLC <= end:
        decoder.direction = LLC_DIRECTIONS[head]
        out.append(llc_field(data, start, buffer))
        start += _LLC
        if start == end:
            return out
    named = len(decoder.apdus)
    before = decoder.state
    fields, error = decoder.unwrap(data, start, end, buffer)
    if error is None:
        return out + fields
    if out and not decoder.keep_names:
        del decoder.apdus[named:], decoder.read[named:]
    elif not out:
        # Without an LLC header this may be a middle segment, whose first octet only looks like a tag.
        decoder.restore(before)
        fields = [Field("unread", data[start:end], None, start, end - start, buffer)]
    decoder.issue("error", error.layer, error.offset, error.text)
    return out + fields


def _remains(decoder: ApduDecoder, open_units: list[list[Piece]], layer: str) -> None:
    for pieces in open_units:
        octets = sum(len(piece.octets) for piece in pieces)
        text = f"{octets} octets of a message whose last segment is not here"
        decoder.issue("note", layer, pieces[0].offset, text)


def read_mbus(decoder: ApduDecoder, data: bytes) -> Result:
    """Telegrams back to back; a wrong checksum refuses the message, other faults are warnings."""
    segments = MbusSegments()
    out: list[Tree] = []
    failure: DissectionError | None = None
    passed_over: list[tuple[bool, DissectionError]] = []
    whole = sound = False
    for found in read_telegrams(data, 0, len(data)):
        if not isinstance(found, Telegram):
            start, end, error = found
            name = "unread" if error else "short_frame"
            text = None if error else "acknowledgement" if end - start == 1 else "link control"
            out.append(Field(name, data[start:end], text, start, end - start, "message"))
            passed_over += [(sound, error)] if error else []
            continue
        whole = True
        sound = sound or found.checksum_ok
        body: list[Tree] = []
        if found.ports is not None:
            decoder.saps = found.ports
            unit = segments.feed(found, data)
            if unit is not None:
                body = read_unit(decoder, unit, data, found.body, llc=False)
        out.append(LazyField(partial(_telegram, found, data, body)))
        for offset, text in found.issues:
            decoder.issue("warning", "dlms.mbus", offset, text)
        if not found.checksum_ok and failure is None:
            failure = Malformed("the checksum is wrong", layer="dlms.mbus", offset=found.end - 2)
    failure = _pass_over(decoder, passed_over, sound, failure)
    if not whole and failure is None:
        failure = Malformed("no long frame (68 L L 68)", layer="dlms.mbus", offset=0)
    _remains(decoder, segments.unfinished, "dlms.mbus")
    for offset, text in segments.notes:
        decoder.issue("note", "dlms.mbus", offset, text)
    return out, failure


def _telegram(telegram: Telegram, data: bytes, body: list[Tree]) -> Field:
    return telegram_field(telegram, data, "message", make_fields(body))


def read_gbcs_protected(decoder: ApduDecoder, data: bytes) -> Result:
    """What a GBCS protected attribute holds: SC, counter, cipher text, tag; inside is one Data.

    Additional data is the security control alone (GBCS section 8.4); the title is the originator's.
    """
    try:
        ciphered = read_ciphered(data, 0, len(data))
    except DissectionError as error:
        return [Field("unread", data, None, 0, len(data), "message")], error.kept()
    field = Protected("protected").field(ciphered, 0, len(data), "message")
    field.children = [child for child in field.children if child.name != "length"]
    plaintext = _open_protected(decoder, ciphered)
    if plaintext is None:
        held = any(entry.encryption_key for entry in decoder.association.keys)
        text = "the tag does not match the key that is held" if held else "no key is held for it"
        decoder.security.append("bad_tag" if held else "no_key")
        decoder.issue("warning" if held else "note", "dlms.security", 0, text)
        return [field], None
    decoder.security.append("ok")
    at = len(data) - len(ciphered.tag) - len(ciphered.payload)
    name = decoder.add_buffer("decrypted", plaintext, Part(0, len(plaintext), "message", at, True))
    try:
        node, stop = read_node(plaintext, 0, len(plaintext))
    except DissectionError as error:
        return [field], error.kept()
    decoder.nodes.append(node)
    field.children += [data_field(node, "data", name)]
    if stop != len(plaintext):
        return [field], Malformed("octets left over after the data", layer="dlms.data", offset=stop)
    return [field], None


def _open_protected(decoder: ApduDecoder, ciphered: Ciphered) -> bytes | None:
    counter = ciphered.counter.to_bytes(4, "big")
    for entry in decoder.association.keys:
        if entry.encryption_key is None or entry.system_title is None or not ciphered.tag:
            continue
        iv = entry.system_title + counter
        for authentication_key in {entry.authentication_key or b"", b""}:
            plaintext = open_payload(
                entry.encryption_key, authentication_key, iv, ciphered.control, ciphered.payload,
                ciphered.tag, b"",
            )  # fmt: skip
            if plaintext is not None:
                decoder.system_title = entry.system_title
                return plaintext
    return None


READERS: dict[str, Callable[[ApduDecoder, bytes], Result]] = {
    "apdu": read_apdu_only,
    "llc": read_llc,
    "hdlc": read_hdlc,
    "wrapper": read_wrapper,
    "wrapper-stream": read_wrapper_stream,
    "mbus": read_mbus,
    "axdr-data": read_data_only,
    "iec61334": read_iec61334,
    "p1": read_p1,
    "gbcs-protected": read_gbcs_protected,
}
KNOWN_TAGS = frozenset(APDU_NAMES)
