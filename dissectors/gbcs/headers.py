"""The headers of a message as fields: MAC header, grouping header, other-information, signature, MAC.

Source: GBCS 4.x section 7.2.4 to 7.2.7.
"""

from __future__ import annotations

from dissectors.dlms.datetimes import read_date_time
from dissectors.field import Field, Issue
from dissectors.gbcs.alerts import code_words
from dissectors.gbcs.der import Reader
from dissectors.gbcs.layout import MAC_OCTETS, Layout
from dissectors.gbcs.names import CRA, eui64
from dissectors.gbcs.x509 import CERTIFICATE

__all__ = ["grouping_header", "mac_field", "mac_header", "signature_fields"]

_HEADER_NAMES = (
    "transaction_id",
    "originator_system_title",
    "recipient_system_title",
    "date_time",
    "other_information",
    "key_info",
)
BUFFER = "message"


def _leaf(name: str, value: object, meaning: str | None, offset: int, length: int) -> Field:
    return Field(name, value, meaning, offset, length, BUFFER)


def mac_header(layout: Layout) -> Field | None:
    """General-ciphering header in front of the message; None without one."""
    octets = layout.octets
    if octets[:1] != b"\xdd":
        return None
    end = layout.ciphering if layout.ciphering is not None else min(layout.reached, len(octets))
    out = Field("mac_header", None, "MAC header (general-ciphering)", 0, end, BUFFER)
    out.children.append(_leaf("tag", octets[0], "general-ciphering", 0, 1))
    for index, name in enumerate(_HEADER_NAMES, 1):
        if index < end:
            words = "empty" if not octets[index] else f"{octets[index]} octets"
            out.children.append(_leaf(f"{name}_length", octets[index], words, index, 1))
    if layout.ciphering is None:
        return out
    length = int.from_bytes(octets[8:end], "big") if end > 8 else octets[7]
    out.children.append(_leaf("length", length, f"{length} octets follow", 7, end - 7))
    out.length = end + 5
    out.children.append(_leaf("security_control", octets[end], _control(octets[end]), end, 1))
    counter = int.from_bytes(octets[end + 1 : end + 5], "big")
    words = f"{counter}, zero expected" if counter else "always zero"
    out.children.append(_leaf("invocation_counter", counter, words, end + 1, 4))
    return out


def _control(value: int) -> str:
    known = {0x11: "authenticated only, suite 1", 0x31: "authenticated and encrypted, suite 1"}
    return known.get(value, f"security control {value:02x}")


def grouping_header(layout: Layout, issues: list[Issue]) -> Field | None:
    """General-signing header; None when there is none."""
    start = layout.start
    if start is None:
        return None
    end = layout.payload[0] if layout.payload else layout.reached
    out = Field("grouping_header", None, "grouping header (general-signing)", start, end - start, BUFFER)
    out.children.append(_leaf("tag", layout.octets[start], "general-signing", start, 1))
    if layout.reached < start + 30:
        return out
    cra = CRA.get(layout.cra, f"unknown CRA flag {layout.cra}")
    if layout.cra not in CRA:
        issues.append(Issue("warning", "gbcs", start + 2, cra))
    out.children += [
        _leaf("transaction_id_length", 9, "9 octets", start + 1, 1),
        _leaf("cra_flag", layout.cra, cra, start + 2, 1),
        _leaf("originator_counter", layout.counter, f"counter {layout.counter}", start + 3, 8),
        _leaf("originator_length", 8, "8 octets", start + 11, 1),
        _leaf("originator", layout.originator.hex(), eui64(layout.originator), start + 12, 8),
        _leaf("recipient_length", 8, "8 octets", start + 20, 1),
        _leaf("recipient", layout.recipient.hex(), eui64(layout.recipient), start + 21, 8),
    ]
    dated = layout.octets[start + 29]
    out.children.append(
        _leaf("date_time_length", dated, f"{dated} octets" if dated else "no date-time", start + 29, 1)
    )
    if layout.date_time is not None:
        at, stop = layout.date_time
        raw = layout.octets[at:stop]
        out.children.append(_leaf("date_time", raw, str(read_date_time(raw)), at, 12))
    out.children += _information(layout, issues)
    return out


def _information(layout: Layout, issues: list[Issue]) -> list[Field]:
    """Other-information: message code and, by its length, ids, counters and a certificate."""
    if layout.information is None:
        return []
    start, end = layout.information
    octets = layout.octets
    before = layout.date_time[1] if layout.date_time else (layout.start or 0) + 30
    fields = [_leaf("other_information_length", end - start, f"{end - start} octets", before, start - before)]
    offset = start
    code = layout.message_code
    if code is not None:
        fields.append(_leaf("message_code", code, code_words(code), start, 2))
        offset += 2
    parts = (
        ("supplementary_remote_party", layout.supplementary_party),
        ("supplementary_remote_party_counter", layout.supplementary_counter),
        ("supplementary_originator_counter", layout.supplementary_originator_counter),
    )
    for name, value in parts:
        if value is None:
            continue
        words = eui64(value) if isinstance(value, bytes) else f"counter {value}"
        shown = value.hex() if isinstance(value, bytes) else value
        fields.append(_leaf(name, shown, words, offset, 8))
        offset += 8
    if layout.certificate is not None:
        reader = Reader(octets)
        fields += reader.read(CERTIFICATE, *layout.certificate)
        issues += reader.issues
        offset = layout.certificate[1]
    if offset < end:
        rest = octets[offset:end]
        fields.append(_leaf("rest", rest, f"{len(rest)} octets of no known meaning", offset, len(rest)))
    if layout.payload is not None:
        length = layout.payload[1] - layout.payload[0]
        fields.append(
            _leaf("content_length", length, f"{length} octets of payload", end, layout.payload[0] - end)
        )
    return fields


def signature_fields(layout: Layout, verdict: str) -> list[Field]:
    """Signature length and signature."""
    if layout.signature is None:
        return []
    at, length = layout.signature, layout.signature_length
    words = f"{length} octets" if length else "no signature"
    fields = [_leaf("signature_length", length, words, at, 1)]
    if length:
        fields.append(_leaf("signature", layout.raw_signature, f"ECDSA signature: {verdict}", at + 1, length))
    return fields


def mac_field(layout: Layout, verdict: str) -> list[Field]:
    """The MAC at the end."""
    if layout.mac is None or layout.mac + MAC_OCTETS > len(layout.octets):
        return []
    raw = layout.octets[layout.mac : layout.mac + MAC_OCTETS]
    return [_leaf("mac", raw, f"GMAC tag: {verdict}", layout.mac, MAC_OCTETS)]
