"""Octets in the forms in which people paste them: hex of every kind, number lists, dumps, literals, log lines.

Strategy: every form is told by its own marks, and only text that is that form from end to end is taken for it. Text
of hex digits is never base64; an odd number of digits is said to be one.
"""

from __future__ import annotations

import ast
import base64
import binascii
import json
import re
from collections.abc import Iterator
from typing import Any

from dissectors.model.errors import Malformed

__all__ = ["FORMS", "from_dump", "from_json", "from_line", "from_log_line"]

LAYER = "input"
FORMS = "hex, base64, a C array, a decimal list, hexdump -C, xxd, Python bytes, JSON, log lines, GFI lines, DUIS XML"
Found = tuple[bytes, str]
"""Octets, and the form that they had."""

_HEX = re.compile(r"[0-9A-Fa-f\s:,;.-]+")
_SEPARATORS = re.compile(r"[\s:,;.-]")
_PREFIXED = re.compile(r"(?:0[xX][0-9A-Fa-f]+[\s,;]*)+")
_NUMBERS = re.compile(r"-?\w+(?:[\s,;]+-?\w+)*[\s,;]*")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{8,}={0,2}")
_ESCAPES = re.compile(r"(?:\s*\\x[0-9A-Fa-f]{2})+\s*")
_FROM_HEX = re.compile(r"(?:fromhex|unhexlify|hexToBytes|decodeHex)\(\s*b?[\"']([^\"']*)[\"']\s*\)")
_LITERAL = re.compile(r"b?(\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')", re.DOTALL)
_BRACES = re.compile(r"[{\[(]([^{}\[\]()]*)[}\])]")
_DUMP = re.compile(r"\s*(?:0[xX])?([0-9A-Fa-f]{4,16})(:?)(?:[ \t]+(\S.*))?")
_CLOCK = re.compile(r"\d{4}-\d\d-\d\d[T ]?|\d\d:\d\d:\d\d(?:[.,]\d+)?Z?|\[\s*\d+\.\d+\]")
_RUN = re.compile(
    r"(?<![0-9A-Za-z])((?:0[xX])?[0-9A-Fa-f]{2}(?:[ \t:,;-]*(?:0[xX])?[0-9A-Fa-f]{2})*)[\])}'\",;.\s]*$"
)
_INSIDE = re.compile(r"(?<![0-9A-Za-z])(?:0[xX])?((?:[0-9A-Fa-f]{2}){12,})(?![0-9A-Za-z])")
"""Hex inside a line, longer than an EUI-64 or another name in hex would be."""
_NAMES = (
    "hex",
    "payload",
    "data",
    "frame",
    "telegram",
    "apdu",
    "message",
    "raw",
    "bytes",
    "octets",
    "content",
)


def from_line(words: str) -> Found | None:
    """The octets of text in one form from end to end; None when it is none.

    >>> from_line("{0x7e, 0xa0}"), from_line("126, 160"), from_line("please decode")
    ((b'~\\xa0', 'c-array'), (b'~\\xa0', 'decimal'), None)

    Raises:
        Malformed: hex with an odd number of digits.
    """
    declared = re.fullmatch(r"[\w\s*\[\].:]+=(?!=*$)\s*(.*)", words.strip(), re.DOTALL)
    bare = (declared[1] if declared else words).strip(" \t\r\n,;")
    for reader in (_hex, _prefixed, _numbers, _literal, _array, _base64):
        found = reader(bare)
        if found is not None:
            return found
    return None


def _hex(text: str) -> Found | None:
    if not _HEX.fullmatch(text):
        return None
    if _is_decimal(text):
        return None
    digits = _SEPARATORS.sub("", text)
    if len(digits) % 2:
        where = f"{len(digits)} hex digits: an odd number, so one is missing or too many"
        raise Malformed(where, layer=LAYER, offset=len(digits) // 2)
    return (bytes.fromhex(digits), "hex") if digits else None


def _is_decimal(text: str) -> bool:
    """Numbers with commas between them of which some have one digit or three: octets in decimal."""
    tokens = [t for t in re.split(r"[\s,;]+", text) if t]
    if len(tokens) < 2 or "," not in text or not all(re.fullmatch(r"-?\d{1,3}", t) for t in tokens):
        return False
    return any(len(t.lstrip("-")) != 2 for t in tokens) and all(-128 <= int(t) <= 255 for t in tokens)


def _prefixed(text: str) -> Found | None:
    """``0x7EA02A...`` and ``0x7EA0 0x2A41``: each word as it is written, most significant octet first."""
    if not _PREFIXED.fullmatch(text):
        return None
    tokens = re.findall(r"0[xX]([0-9A-Fa-f]+)", text)
    if len(tokens) > 1:
        tokens = [t.zfill(2) if len(t) == 1 else t for t in tokens]
    digits = "".join(tokens)
    if len(digits) % 2:
        text = f"{len(digits)} hex digits behind 0x: an odd number, so one is missing or too many"
        raise Malformed(text, layer=LAYER, offset=len(digits) // 2)
    return bytes.fromhex(digits), "hex"


def _numbers(text: str) -> Found | None:
    """Numbers of one octet each, with separators: decimal, or 0x and decimal mixed as C allows."""
    tokens = [t for t in re.split(r"[\s,;]+", text) if t]
    if len(tokens) < 2 or not _NUMBERS.fullmatch(text):
        return None
    values = []
    for token in tokens:
        if re.fullmatch(r"0[xX][0-9A-Fa-f]{1,2}[uU]?", token):
            values.append(int(token.rstrip("uU"), 16))
        elif re.fullmatch(r"-?\d{1,3}", token) and -128 <= int(token) <= 255:
            values.append(int(token) & 0xFF)
        else:
            return None
    form = "c-array" if "x" in text.lower() else "decimal"
    return bytes(values), form


def _literal(text: str) -> Found | None:
    """Python and C literals: ``b'\\x7e'``, ``"\\x7e\\xa0"``, ``bytes.fromhex("7ea0")``, bare escapes."""
    if _ESCAPES.fullmatch(text):
        return bytes.fromhex(re.sub(r"[\\x\s]", "", text)), "escapes"
    given = _FROM_HEX.search(text)
    if given is not None:
        return _hex(given[1])
    wrapped = re.fullmatch(
        r"(?:[\w ]+=\s*)?(?:bytes|bytearray|memoryview)?\(?\s*(.*?)\s*\)?;?", text, re.DOTALL
    )
    body = wrapped[1] if wrapped else text
    found = _LITERAL.fullmatch(body)
    if found is None:
        return None
    if "\\x" not in found[1]:
        inner = found[1][1:-1]
        return from_line(inner) if inner.strip() and not _LITERAL.fullmatch(inner) else None
    try:
        value = ast.literal_eval("b" + found[1])
    except (ValueError, SyntaxError):
        return None
    return (value, "python-bytes") if isinstance(value, bytes) else None


def _array(text: str) -> Found | None:
    """``{0x7e, 0xa0}``, ``uint8_t a[] = {...};``, ``[126, 160]``, ``bytes([126, 160])``."""
    inner = [part for part in _BRACES.findall(text) if part.strip()]
    if len(inner) != 1 or not re.fullmatch(r"[\w\s*\[\]=().&:]*[{\[(][^{}\[\]()]*[}\])][\s;)\]]*", text):
        return None
    found = _numbers(inner[0].strip(" \t\r\n,"))
    return found or from_line(inner[0])


def _base64(text: str) -> Found | None:
    packed = re.sub(r"\s*\n\s*", "", text)
    if not _BASE64.fullmatch(packed) or len(packed.rstrip("=")) % 4 == 1:
        return None
    if packed.isalpha() and (packed.islower() or packed.istitle() or packed.isupper()):
        return None
    plain = packed.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True), "base64"
    except (binascii.Error, ValueError):
        return None


# --- several lines


def from_dump(lines: list[str]) -> list[bytes] | None:
    """The messages of a dump with offsets (hexdump -C, xxd, tcpdump -X, text2pcap); None when it is none.

    An offset of 0 begins another message.
    """
    rows = [found for line in lines if line.strip() for found in [_DUMP.fullmatch(line.rstrip())]]
    if not rows or any(row is None for row in rows):
        return None
    out: list[bytearray] = []
    given = [row for row in rows if row is not None]
    for at, row in enumerate(given):
        offset = int(row[1], 16)
        following = int(given[at + 1][1], 16) if at + 1 < len(given) else 0
        if offset == 0 or not out:
            out.append(bytearray())
        first = 0 if not out[-1] else len(out[-1])
        if out[-1] and offset != first:
            return None
        octets = _dump_octets(row[3] or "", following - offset if following > offset else 0, bool(row[2]))
        if octets is None:
            if at + 1 == len(given) and offset == first:
                continue  # the end offset that hexdump prints
            return None
        out[-1] += octets
    dumped = [bytes(part) for part in out if part]
    return dumped if dumped and (len(given) > 1 or int(given[0][1], 16) == 0) else None


def _dump_octets(body: str, count: int, colon: bool) -> bytes | None:
    """The octets of a line of a dump: so many as the next offset asks for, else up to the text column."""
    hexadecimal = re.split(r"[|>]", body)[0]
    if not count:
        hexadecimal = re.split(r"\s{2,}" if colon else r"\s{3,}", hexadecimal.strip())[0]
    digits = ""
    for token in hexadecimal.split():
        if not re.fullmatch(r"(?:[0-9A-Fa-f]{2}){1,8}", token) or (count and len(digits) >= 2 * count):
            break
        digits += token
    if not digits or (count and len(digits) != 2 * count):
        return None
    return bytes.fromhex(digits)


def from_log_line(line: str) -> bytes | None:
    """The octets that end a line of a log, or its only long hex; None when there are none.

    >>> from_log_line("2024-01-05 10:00:00 DEBUG rx: 7E A0 2A 41").hex()
    '7ea02a41'
    >>> from_log_line("INFO sent c001c100080000010000ff0200 to the meter").hex()
    'c001c100080000010000ff0200'
    """
    text = _CLOCK.sub(" ", line).strip()
    for mark in (": ", "= ", "] ", ") ", "> ", "<- ", "-> ", "\t"):
        _, found, rest = text.rpartition(mark)
        if found and rest.strip():
            try:
                octets = from_line(rest)
            except Malformed:
                continue
            if octets is not None and octets[1] != "base64":
                return octets[0]
    run = _RUN.search(text)
    digits = re.sub(r"0[xX]|[^0-9A-Fa-f]", "", run[1]) if run else ""
    if len(digits) >= 8 and len(digits) % 2 == 0:
        return bytes.fromhex(digits)
    inside = _INSIDE.findall(text)
    return bytes.fromhex(inside[0]) if len(inside) == 1 else None


# --- JSON


def from_json(words: str) -> list[Found] | None:
    """The messages in a JSON document: numbers of octets, or text in another form; None when it is no JSON.

    Raises:
        Malformed: JSON in which no octets are found.
    """
    try:
        document = json.loads(words)
    except (ValueError, RecursionError):
        document = _python_list(words)
    if not isinstance(document, list | dict):
        return None
    found = list(_in_json(document, 0))
    if not found:
        text = f"JSON without octets in it (looked for under {', '.join(_NAMES[:6])} ...)"
        raise Malformed(text, layer=LAYER)
    return found


def _python_list(words: str) -> Any:
    """A list as Python prints it, with single quotes; None when it is none."""
    if not re.fullmatch(r"\[(?:\s*'[0-9A-Fa-fxX ]*'\s*,?)+\]", words.strip()):
        return None
    return re.findall(r"'([^']*)'", words)


def _in_json(value: Any, depth: int) -> Iterator[Found]:
    if depth > 6:
        return
    if isinstance(value, str):
        octets = from_line(value)
        if octets is not None:
            yield octets[0], "json"
    elif isinstance(value, list):
        if value and all(isinstance(v, int) and not isinstance(v, bool) and -128 <= v <= 255 for v in value):
            yield bytes(v & 0xFF for v in value), "decimal"
        elif value and all(
            isinstance(v, str) and re.fullmatch(r"(?:0[xX])?[0-9A-Fa-f]{2}", v) for v in value
        ):
            yield bytes(int(v, 16) for v in value), "json"
        else:
            for one in value:
                yield from _in_json(one, depth + 1)
    elif isinstance(value, dict):
        named = [value[name] for name in _NAMES if name in value]
        for one in named or [v for v in value.values() if isinstance(v, list | dict)]:
            found = list(_in_json(one, depth + 1))
            yield from found
            if found and named:
                return
