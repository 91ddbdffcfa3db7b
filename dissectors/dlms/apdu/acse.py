"""Opening and closing an association: AARQ, AARE, RLRQ, RLRE, in BER.

Strategy: the body is a row of tag-length-value triples whose octets are kept as they are; the table
says what each tag is called in each APDU (the same tag differs between AARQ and AARE) and how to show it.

Source: IEC 62056-5-3 (Green Book), ACSE APDUs; ISO/IEC 8650-1, ITU-T X.690 for BER.
"""

from __future__ import annotations

from typing import Any

from dissectors.dlms.cosem.codes import codes
from dissectors.layout.axdr import AxdrPart
from dissectors.layout.tables import table
from dissectors.model.errors import DissectionError, Malformed, Truncated
from dissectors.model.field import Field

__all__ = ["ACSE", "MECHANISMS", "ber_content", "context_name", "mechanism_name", "read_tlv"]

LAYER = "dlms.acse"
_COMMON = {0xA1: "application_context_name", 0xBD: "implementation_information", 0xBE: "user_information"}
_RELEASE = {0x80: "reason", 0xBE: "user_information"}
NAMES: dict[int, dict[int, str]] = {
    0x60: _COMMON
    | {
        0x80: "protocol_version",
        0xA2: "called_ap_title",
        0xA3: "called_ae_qualifier",
        0xA4: "called_ap_invocation_id",
        0xA5: "called_ae_invocation_id",
        0xA6: "calling_ap_title",
        0xA7: "calling_ae_qualifier",
        0xA8: "calling_ap_invocation_id",
        0xA9: "calling_ae_invocation_id",
        0x8A: "sender_acse_requirements",
        0x8B: "mechanism_name",
        0xAC: "calling_authentication_value",
    },
    0x61: _COMMON
    | {
        0x80: "protocol_version",
        0xA2: "result",
        0xA3: "result_source_diagnostic",
        0xA4: "responding_ap_title",
        0xA5: "responding_ae_qualifier",
        0xA6: "responding_ap_invocation_id",
        0xA7: "responding_ae_invocation_id",
        0x88: "responder_acse_requirements",
        0x89: "mechanism_name",
        0xAA: "responding_authentication_value",
    },
    0x62: _RELEASE,
    0x63: _RELEASE,
}
_OID = bytes.fromhex("60857405 08")
_CONTEXT_SHORT = {1: "LN", 2: "SN", 3: "LN-ciphered", 4: "SN-ciphered"}
MECHANISMS = {
    0: "none",
    1: "LLS",
    2: "HLS-manufacturer",
    3: "HLS-MD5",
    4: "HLS-SHA1",
    5: "HLS-GMAC",
    6: "HLS-SHA256",
    7: "HLS-ECDSA",
}


def read_tlv(data: bytes, pos: int, end: int) -> tuple[int, int, int]:
    """(tag, first content octet, octet after the content) of the BER element at `pos`.

    Raises:
        Truncated, Malformed: an indefinite length, a length of more than 4 octets, or too few octets.
    """
    if pos + 2 > end:
        raise Truncated(2, end - pos, layer=LAYER, offset=pos)
    length, start = data[pos + 1], pos + 2
    if length >= 0x80:
        size = length - 0x80
        if not 1 <= size <= 4:
            raise Malformed(f"BER length octet 0x{length:02x} is not valid", layer=LAYER, offset=pos + 1)
        if start + size > end:
            raise Truncated(size, end - start, layer=LAYER, offset=start)
        length, start = int.from_bytes(data[start : start + size], "big"), start + size
    if start + length > end:
        raise Truncated(length, end - start, layer=LAYER, offset=start)
    return data[pos], start, start + length


def build_tlv(tag: int, value: bytes) -> bytes:
    """A BER element with the shortest length."""
    if len(value) < 0x80:
        return bytes((tag, len(value))) + value
    size = (len(value).bit_length() + 7) // 8
    return bytes((tag, 0x80 + size)) + len(value).to_bytes(size, "big") + value


def ber_content(octets: bytes) -> bytes:
    """The content of the one element that `octets` are; `octets` themselves when they are not one."""
    try:
        _, start, stop = read_tlv(octets, 0, len(octets))
    except DissectionError:
        return octets
    return octets[start:stop] if stop == len(octets) else octets


def _registered(octets: bytes, arc: int) -> int | None:
    if len(octets) == 7 and octets[:5] == _OID and octets[5] == arc:
        return octets[6]
    return None


def context_name(value: bytes) -> str:
    """The short name of an application context (the octets of tag A1), or the octets in hex."""
    number = _registered(value[2:], 1) if value[:2] == b"\x06\x07" else None
    return _CONTEXT_SHORT.get(number or 0) or value.hex()


def mechanism_name(value: bytes) -> str:
    """The short name of an authentication mechanism (the octets of tag 8B or 89), or the octets in hex."""
    number = _registered(value, 2)
    return MECHANISMS.get(-1 if number is None else number) or value.hex()


def _long_name(kind: str, number: int | None) -> str | None:
    rows = table("dlms", "object_identifiers")
    return next((r["name"] for r in rows if r["kind"] == kind and r["number"] == str(number)), None)


class Body(AxdrPart):
    """The elements of one ACSE APDU: reads to a list of (tag, octets, start, content start, end)."""

    __slots__ = ("labels", "tag")

    def __init__(self, tag: int) -> None:
        super().__init__("body")
        self.tag, self.labels = tag, NAMES[tag]

    def read(self, data: bytes, pos: int, end: int) -> tuple[list[Any], int]:
        _, start, stop = read_tlv(data, pos - 1, end)
        out = []
        pos = start
        while pos < stop:
            tag, content, after = read_tlv(data, pos, stop)
            out.append((tag, data[content:after], pos, content, after))
            pos = after
        return out, stop

    def plain(self, value: Any) -> list[tuple[str, bytes]]:
        return [(self.labels.get(item[0], f"tag_{item[0]:02x}"), item[1]) for item in value]

    def build(self, value: Any) -> bytes:
        tags = {name: tag for tag, name in self.labels.items()}
        pairs = value.items() if isinstance(value, dict) else value
        parts = [
            build_tlv(tags[name] if name in tags else int(name.removeprefix("tag_"), 16), octets)
            for name, octets in pairs
        ]
        return build_tlv(self.tag, b"".join(parts))[1:]

    def field(self, value: Any, start: int, end: int, buffer: str) -> Field:
        out = Field(self.name, None, f"{len(value)} elements", start, end - start, buffer)
        first = value[0][2] if value else end
        out.children = [Field("length", end - first, "", start, first - start, buffer)]
        out.children += [self._element(item, buffer) for item in value]
        return out

    def _element(self, item: tuple[int, bytes, int, int, int], buffer: str) -> Field:
        tag, octets, start, content, end = item
        name = self.labels.get(tag)
        meaning = _MEANINGS.get(name or "", _octet_count)(octets, self.tag) if name else None
        out = Field(name or f"tag_{tag:02x}", None, meaning, start, end - start, buffer)
        shown: Any = octets
        if name and "authentication_value" in name and self.tag == 0x60:
            shown = ber_content(octets)
        out.children = [
            Field("tag_and_length", tag, "", start, content - start, buffer),
            Field("content", shown, meaning, content, end - content, buffer),
        ]
        return out


def _octet_count(octets: bytes, apdu: int) -> str | None:
    return f"{len(octets)} octets"


def _context(octets: bytes, apdu: int) -> str | None:
    number = _registered(octets[2:], 1)
    return _long_name("application-context", number) if number is not None else None


def _mechanism(octets: bytes, apdu: int) -> str | None:
    number = _registered(octets, 2)
    return _long_name("mechanism", number) if number is not None else None


def _result(octets: bytes, apdu: int) -> str | None:
    return codes("aare.result").get(int.from_bytes(ber_content(octets), "big"))


def _diagnostic(octets: bytes, apdu: int) -> str | None:
    source = "user" if octets[:1] == b"\xa1" else "provider"
    code = int.from_bytes(ber_content(ber_content(octets)), "big")
    name = codes(f"aare.diagnostic.{source}").get(code)
    return f"{source}: {name}" if name else None


def _reason(octets: bytes, apdu: int) -> str | None:
    name = "rlrq.reason" if apdu == 0x62 else "rlre.reason"
    return codes(name).get(int.from_bytes(octets, "big"))


def _title(octets: bytes, apdu: int) -> str:
    title = ber_content(octets)
    maker = title[:3].decode("latin-1") if title[:3].isalpha() else ""
    return f"system title {title.hex()}" + (f" ({maker})" if maker else "")


def _requirements(octets: bytes, apdu: int) -> str:
    return "authentication" if octets[-1:] == b"\x80" else "none"


_MEANINGS = {
    "application_context_name": _context,
    "mechanism_name": _mechanism,
    "result": _result,
    "result_source_diagnostic": _diagnostic,
    "reason": _reason,
    "calling_ap_title": _title,
    "responding_ap_title": _title,
    "sender_acse_requirements": _requirements,
    "responder_acse_requirements": _requirements,
}

ACSE: dict[int, tuple[AxdrPart, ...]] = {tag: (Body(tag),) for tag in NAMES}
