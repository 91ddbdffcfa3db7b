"""The forms in which people hold messages: octets, pasted text, GFI lines, DUIS XML. Text in, octets out.

Strategy: the form is told from the content. XML is parsed with the standard parser, and a document with a
DOCTYPE or an entity is refused before it gets there (no external or exploding entities).

Source: GFI test interface lines (``GBCS:DATA#n:length:hex``); DCC User Interface Specification (GBCSPayload,
PreCommand and signed pre-commands in base64, with their service reference).
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from typing import Any, NamedTuple

from dissectors.dlms.carriers.p1 import is_telegram
from dissectors.gbcs.detection import identify
from dissectors.model.errors import DissectionError, Malformed, Unsupported
from dissectors.text.pasted import FORMS, from_dump, from_json, from_line, from_log_line

__all__ = ["Input", "read_inputs"]

LAYER = "input"
_GFI = re.compile(r"^\s*GBCS:DATA#(\d+):(\d+):([0-9A-Fa-f]*)\s*$")
_XML_REFUSED = re.compile(r"<!(DOCTYPE|ENTITY|ELEMENT|ATTLIST|NOTATION)", re.IGNORECASE)
_REFERENCES = ("ServiceReferenceVariant", "ServiceReference")


class Input(NamedTuple):
    """One message found in an input.

    Attributes:
        form: octets, hex, base64, gfi, duis, p1, dump, log and the other forms of `dissectors.text.pasted`.
        place: where in the input: ``line 3``, ``GBCSPayload 1``; empty when it is all of it.
        service_reference: service reference variant of a DUIS document; empty elsewhere.
        document: what a DUIS document is: ``Request``, ``Response``, ``PreCommand`` ...
        response_code: that of a DUIS response; empty elsewhere.
        error: why this line could not be turned into octets, when others could.
    """

    octets: bytes
    form: str
    place: str = ""
    service_reference: str = ""
    document: str = ""
    response_code: str = ""
    error: DissectionError | None = None


def read_inputs(data: bytes | str) -> list[Input]:
    """The messages in `data`, in order.

    Raises:
        Malformed: text that is none of the forms, or a line that breaks its form's rules.
        Unsupported: XML with a DOCTYPE or entities.
    """
    if isinstance(data, bytes):
        words = _as_text(data)
        if words is None:
            return [Input(data, "octets")]
    else:
        words = data
    stripped = words.strip().lstrip("\ufeff")
    if not stripped:
        return []
    if stripped.startswith("<"):
        return _xml(stripped)
    return _text(stripped)


def _text(words: str) -> list[Input]:
    """Text that is no XML: a P1 telegram, JSON, a dump, one message, or several lines."""
    octets = words.encode("utf-8", "replace")
    if is_telegram(octets):
        return [Input(octets, "p1")]
    if words[0] in "[{":
        listed = from_json(words)
        if listed is not None:
            return _numbered([Input(*found) for found in listed], "message")
    lines = words.splitlines()
    dumped = from_dump(lines)
    if dumped is not None:
        return _numbered([Input(found, "dump") for found in dumped], "dump")
    if len(lines) > 1:
        return _lines(words)
    found = _gfi(words, 1) or from_line(words)
    if found is not None:
        return [Input(*found)]
    logged = from_log_line(words)
    if logged is not None:
        return [Input(logged, "log")]
    raise Malformed(
        f"no message: the text is none of the forms that are read ({FORMS})", layer=LAYER, offset=0
    )


def _numbered(found: list[Input], what: str) -> list[Input]:
    if len(found) == 1:
        return found
    return [one._replace(place=f"{what} {number}") for number, one in enumerate(found, 1)]


def _as_text(data: bytes) -> str | None:
    """`data` as text when it looks like text; None when it is octets."""
    if identify(data) != "unknown" and not data[:1].isascii():
        return None
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    try:
        words = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return words if all(c.isprintable() or c in "\r\n\t\f\ufeff" for c in words) else None


def _lines(words: str) -> list[Input]:
    """Text of several lines: each a message by itself, or all of them one (wrapped hex or base64, a C array)."""
    lines = [line.strip() for line in words.splitlines()]
    wanted = [(n, line) for n, line in enumerate(lines, 1) if line and not line.startswith("#")]
    decoded = [(n, *_line(line, n)) for n, line in wanted]
    read = [(n, found) for n, found, _ in decoded if found is not None]
    whole = _as_one([line for _, line in wanted])
    if whole is not None and not (len(read) == len(wanted) and _each_begins(read)):
        return [Input(*whole)]
    if not read:
        return _logged(wanted)
    return [
        Input(*(found or (b"", "text")), f"line {n}" if len(decoded) > 1 else "", error=error)
        for n, found, error in decoded
    ]


def _line(line: str, number: int) -> tuple[tuple[bytes, str] | None, DissectionError | None]:
    """The octets of a line, or what is wrong with it."""
    try:
        found = _gfi(line, number) or from_line(line)
    except Malformed as error:
        if _GFI.match(line):
            raise
        return None, error
    if found is None:
        text = f"line {number} is neither hex, base64 nor another form that is read"
        return None, Malformed(text, layer=LAYER, offset=0)
    return found, None


def _as_one(lines: list[str]) -> tuple[bytes, str] | None:
    """All lines as one text in one form."""
    try:
        return from_line("\n".join(lines))
    except Malformed:
        return None


def _each_begins(read: list[tuple[int, tuple[bytes, str]]]) -> bool:
    """Whether every line begins a message of its own: all but those whose first octets only look like one."""
    return len(read) > 1 and all(_begins(found[0]) for _, found in read)


def _begins(octets: bytes) -> bool:
    """Whether octets begin as a message does: a GBCS header, or a carrier or APDU of DLMS that is whole."""
    from dissectors.dlms.message import is_whole

    return identify(octets) != "unknown" or is_whole(octets)


def _logged(wanted: list[tuple[int, str]]) -> list[Input]:
    """Lines of a log: what they end in, each a message, or all of them one."""
    held = [(n, octets) for n, line in wanted if (octets := from_log_line(line)) is not None]
    if not held:
        number = wanted[0][0] if wanted else 1
        text = f"line {number} is none of the forms that are read ({FORMS})"
        raise Malformed(text, layer=LAYER, offset=0)
    if len(held) > 1 and not all(_begins(octets) for _, octets in held):
        return [Input(b"".join(octets for _, octets in held), "log", f"lines {held[0][0]} to {held[-1][0]}")]
    return [Input(octets, "log", f"line {n}" if len(held) > 1 else "") for n, octets in held]


def _gfi(line: str, number: int) -> tuple[bytes, str] | None:
    """A GFI line; None when it is not one."""
    match = _GFI.match(line)
    if match is None:
        return None
    digits = match[3]
    octets = bytes.fromhex(digits) if len(digits) % 2 == 0 else b""
    if len(octets) != int(match[2]):
        text = f"line {number}: GFI says {match[2]} octets, {len(digits) / 2:g} are there"
        raise Malformed(text, layer=LAYER)
    return octets, "gfi"


# --- DUIS


def _xml(words: str) -> list[Input]:
    """The messages in a document, or in a part that was cut out of one; what stands before a damage is read.

    Raises:
        Malformed: XML that breaks off before its first message.
        Unsupported: XML with a DOCTYPE or entities.
    """
    if _XML_REFUSED.search(words):
        raise Unsupported("XML with a DOCTYPE or entities is not read", layer=LAYER)
    elements, error = _elements(re.sub(r"^<\?xml[^>]*\?>", "", words))
    reference = next((text for name in _REFERENCES if (text := _text_of(elements, name))), "")
    document, code = _document(elements), _text_of(elements, "ResponseCode")
    out: list[Input] = []
    for element in elements:
        octets = _payload(element)
        if octets is not None:
            place = f"{_local(element)} {len(out) + 1}"
            out.append(Input(octets, "duis", place, reference, document, code))
    if error is not None and not out:
        raise error
    if error is not None or (not out and (reference or code)):
        out.append(Input(b"", "duis", "", reference, document, code, error))
    return out


def _elements(words: str) -> tuple[list[ElementTree.Element], Malformed | None]:
    """The elements of a document in order, and what ends it early.

    A part of a document has lost the declarations of its prefixes, or has several roots: it gets both from us."""
    elements, error = _parsed("", words, "")
    if error is None:
        return elements, None
    prefixes = sorted(set(re.findall(r"[<\s]/?([A-Za-z_][\w.-]*):[A-Za-z_]", words)) - {"xml", "xmlns"})
    declared = "".join(f' xmlns:{prefix}="{prefix}"' for prefix in prefixes)
    inside, other = _parsed(f"<part{declared}>\n", words, "\n</part>")
    if other is not None and len(inside) - 1 <= len(elements):
        return elements, error
    return inside[1:], other


def _parsed(head: str, words: str, tail: str) -> tuple[list[ElementTree.Element], Malformed | None]:
    """The elements of `words`, and what is wrong with it; `head` and `tail` are ours."""
    parser: ElementTree.XMLPullParser[Any] = ElementTree.XMLPullParser(("start",))
    parser.feed(head + words)
    elements: list[Any] = []
    try:
        elements += (element for _, element in _events(parser))
    except ElementTree.ParseError as error:
        line, column = error.position
        why = f"XML, line {line - head.count(chr(10))}, column {column}: {str(error).partition(':')[0]}"
        return elements, Malformed(why, layer=LAYER)
    try:
        parser.feed(tail)
        parser.close()
        elements += (element for _, element in _events(parser))
    except ElementTree.ParseError:
        why = f"XML, line {words.count(chr(10)) + 1}: it ends before its elements do"
        return elements, Malformed(why, layer=LAYER)
    return elements, None


def _events(parser: ElementTree.XMLPullParser[Any]) -> Iterator[Any]:
    return parser.read_events()


def _text_of(elements: list[ElementTree.Element], name: str) -> str:
    """The text of the first element of a name that has any; empty when there is none."""
    return next((e.text.strip() for e in elements if _local(e) == name and e.text), "")


def _local(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


_DOCUMENTS = ("PreCommand", "SignedPreCommand", "DeviceAlertMessage", "DCCAlertMessage", "ResponseMessage")


def _document(elements: list[ElementTree.Element]) -> str:
    held = [_local(e) for e in elements]
    return next((name for name in _DOCUMENTS if name in held), held[0] if held else "")


def _payload(element: ElementTree.Element) -> bytes | None:
    """The GBCS message in the text of an element: base64 or hex that begins as a message does."""
    words = (element.text or "").strip()
    if len(words) < 40 or len(element):
        return None
    try:
        decoded = from_line(words)
    except Malformed:
        return None
    if decoded is None:
        return None
    known = _local(element) in ("GBCSPayload", "PreCommand", "SignedPreCommand", "GBCSCommand")
    return decoded[0] if known or identify(decoded[0]) in ("mac", "signed", "gbt") else None
