"""The forms in which people hold messages: octets, hex, base64, GFI lines, DUIS XML. Text in, octets out.

Strategy: the form is told from the content. XML is parsed with the standard parser, and a document with a
DOCTYPE or an entity is refused before it gets there (no external or exploding entities).

Source: GFI test interface lines (``GBCS:DATA#n:length:hex``); DCC User Interface Specification (GBCSPayload,
PreCommand and signed pre-commands in base64, with their service reference).
"""

from __future__ import annotations

import base64
import binascii
import re
import xml.etree.ElementTree as ElementTree
from typing import NamedTuple

from dissectors.errors import Malformed, Unsupported
from dissectors.gbcs.detection import identify

__all__ = ["Input", "read_inputs"]

LAYER = "input"
_GFI = re.compile(r"^\s*GBCS:DATA#(\d+):(\d+):([0-9A-Fa-f]*)\s*$")
_HEX = re.compile(r"^[0-9A-Fa-f\s:,-]+$")
_BASE64 = re.compile(r"^[A-Za-z0-9+/=\s_-]+$")
_XML_REFUSED = re.compile(r"<!(DOCTYPE|ENTITY|ELEMENT|ATTLIST|NOTATION)", re.IGNORECASE)
_REFERENCES = ("ServiceReferenceVariant", "ServiceReference")


class Input(NamedTuple):
    """One message found in an input.

    Attributes:
        form: octets, hex, base64, gfi, duis.
        place: where in the input: ``line 3``, ``GBCSPayload 1``; empty when it is all of it.
        service_reference: service reference variant of a DUIS document; empty elsewhere.
        document: what a DUIS document is: ``Request``, ``Response``, ``PreCommand`` ...
    """

    octets: bytes
    form: str
    place: str = ""
    service_reference: str = ""
    document: str = ""


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
    whole = _decode(stripped)
    if whole is not None and "\n" not in stripped:
        return [Input(whole[0], whole[1])]
    return _lines(stripped, whole)


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


def _lines(words: str, whole: tuple[bytes, str] | None) -> list[Input]:
    """Text of several lines: each a message by itself, or all of them one (wrapped hex or base64)."""
    lines = [line.strip() for line in words.splitlines()]
    wanted = [(n, line) for n, line in enumerate(lines, 1) if line and not line.startswith("#")]
    decoded = [(n, _gfi(line, n) or _decode(line)) for n, line in wanted]
    messages = [d for _, d in decoded if d is not None and identify(d[0]) != "unknown"]
    if whole is not None and (len(messages) <= 1 or len(messages) < len(wanted)):
        return [Input(whole[0], whole[1])]
    out = []
    for number, found in decoded:
        if found is None:
            raise Malformed(f"line {number} is neither hex, base64 nor a GFI line", layer=LAYER, offset=0)
        place = f"line {number}" if len(decoded) > 1 else ""
        out.append(Input(found[0], found[1], place))
    return out


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


def _decode(words: str) -> tuple[bytes, str] | None:
    """Octets of hex or base64 text; None when it is neither."""
    if _HEX.match(words):
        digits = re.sub(r"[\s:,-]", "", words)
        if len(digits) % 2 == 0:
            return bytes.fromhex(digits), "hex"
    if _BASE64.match(words):
        packed = "".join(words.split()).replace("-", "+").replace("_", "/")
        try:
            return base64.b64decode(packed + "=" * (-len(packed) % 4), validate=True), "base64"
        except (binascii.Error, ValueError):
            return None
    return None


# --- DUIS


def _xml(words: str) -> list[Input]:
    if _XML_REFUSED.search(words):
        raise Unsupported("XML with a DOCTYPE or entities is not read", layer=LAYER)
    declared = re.sub(r"^<\?xml[^>]*\?>", "", words)
    try:
        root = ElementTree.fromstring(declared)
    except ElementTree.ParseError as error:
        line, column = error.position
        raise Malformed(f"XML, line {line}, column {column}: {error}", layer=LAYER) from error
    reference = ""
    for name in _REFERENCES:
        found = next((e for e in root.iter() if _local(e) == name and e.text), None)
        if found is not None and found.text:
            reference = found.text.strip()
            break
    document = _document(root)
    out: list[Input] = []
    for element in root.iter():
        octets = _payload(element)
        if octets is not None:
            place = f"{_local(element)} {len(out) + 1}"
            out.append(Input(octets, "duis", place, reference, document))
    return out


def _local(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


_DOCUMENTS = ("PreCommand", "SignedPreCommand", "DeviceAlertMessage", "DCCAlertMessage", "ResponseMessage")


def _document(root: ElementTree.Element) -> str:
    held = {_local(e) for e in root.iter()}
    return next((name for name in _DOCUMENTS if name in held), _local(root))


def _payload(element: ElementTree.Element) -> bytes | None:
    """The GBCS message in the text of an element: base64 or hex that begins as a message does."""
    words = (element.text or "").strip()
    if len(words) < 40 or len(element):
        return None
    decoded = _decode(words)
    if decoded is None:
        return None
    known = _local(element) in ("GBCSPayload", "PreCommand", "SignedPreCommand", "GBCSCommand")
    return decoded[0] if known or identify(decoded[0]) in ("mac", "signed", "gbt") else None
