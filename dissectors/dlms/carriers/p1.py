"""P1 telegrams: lines of OBIS code and values in brackets, which some meters put inside a ciphered APDU.

Sources: DSMR 5.0.2 clause 6 (identification ``/XXX5``, data lines, ``!`` and CRC); IEC 62056-21 clause 6.6 (data
sets ``address(value*unit)``). The CRC is CRC-16/ARC over everything from ``/`` to ``!``.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from dissectors.crypto.crc import crc16_arc
from dissectors.dlms.association import Scaler
from dissectors.dlms.cosem.data import Node
from dissectors.dlms.cosem.obis import object_name
from dissectors.model.field import Field, Issue

__all__ = ["Line", "is_telegram", "line_pairs", "read_telegram", "telegram_field"]

LAYER = "dlms.p1"
_HEAD = re.compile(rb"\s*/[A-Za-z]{3}[ -~]{0,48}[\r\n]")
_DATA = re.compile(
    rb"(?:(\d{1,3})-(\d{1,3}):)?(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?:[.*](\d{1,3}))?((?:\([^()\r\n]*\))+)"
)
_VALUE = re.compile(r"\(([^()]*)\)")
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")
_TIME = re.compile(r"\d{12}[SW]?")
_DOUBLE, _TEXT = 24, 10


class Line(NamedTuple):
    """One line: its place, its text, and for a data line the OBIS octets and the values in brackets."""

    start: int
    end: int
    text: str
    obis: bytes | None = None
    values: tuple[str, ...] = ()


def is_telegram(octets: bytes) -> bool:
    """Whether octets are a P1 telegram: an identification line, text all through, and a data line at least.

    >>> is_telegram(b"/ABC5meter\\r\\n\\r\\n1-0:1.8.0(000123.4*kWh)\\r\\n!\\r\\n")
    True
    """
    if not _HEAD.match(octets) or not all(32 <= o < 127 or o in b"\r\n\t\0" for o in octets):
        return False
    return _DATA.search(octets) is not None


def read_telegram(data: bytes, start: int, end: int) -> tuple[list[Line], list[Issue]]:
    """The lines of a telegram; whatever is no data line is kept as text."""
    lines: list[Line] = []
    for match in re.finditer(rb"[^\r\n]*[\r\n]*", data[start:end]):
        if match.start() == match.end():
            continue
        at, stop = start + match.start(), start + match.end()
        text = match[0].rstrip(b"\r\n\0").decode("latin-1")
        found = _DATA.fullmatch(text.encode("latin-1"))
        if found is None:
            lines.append(Line(at, stop, text))
            continue
        groups = [int(g or d) for g, d in zip(found.groups()[:6], (1, 0, 0, 0, 0, 255), strict=True)]
        values = tuple(_VALUE.findall(found[7].decode("latin-1")))
        lines.append(Line(at, stop, text, bytes(min(g, 255) for g in groups), values))
    return lines, _check(data, start, lines)


def _check(data: bytes, start: int, lines: list[Line]) -> list[Issue]:
    last = next((line for line in reversed(lines) if line.text.startswith("!")), None)
    if last is None:
        return [Issue("note", LAYER, lines[-1].end if lines else start, "no end of the telegram (!)")]
    said = last.text[1:5]
    if len(said) < 4:
        return []
    first = data.find(b"/", start)
    crc = crc16_arc(data[first : last.start + 1])
    if said.upper() == f"{crc:04X}":
        return []
    return [Issue("warning", LAYER, last.start, f"the CRC says {said}, the octets make {crc:04X}")]


def line_pairs(lines: list[Line]) -> list[tuple[bytes, Node, Scaler | None]]:
    """(OBIS octets, value, unit) of each data line."""
    out = []
    for line in lines:
        if line.obis is None:
            continue
        node, scaler = _value(line)
        out.append((line.obis, node, scaler))
    return out


def _value(line: Line) -> tuple[Node, Scaler | None]:
    """The value of a line: a number where the last bracket has a unit or is the only one, else text."""
    raw, _, unit = line.values[-1].partition("*")
    if _NUMBER.fullmatch(raw) and unit:
        return (_DOUBLE, float(raw), line.start, line.end), Scaler(0, unit)
    text = _readable(raw) if len(line.values) == 1 else " ".join(line.values)
    return (_TEXT, text, line.start, line.end), None


def _readable(raw: str) -> str:
    """A time stamp as a date, digits that spell ASCII as the words, everything else as it is."""
    if _TIME.fullmatch(raw):
        season = {"S": " summer time", "W": " winter time"}.get(raw[12:], "")
        return f"20{raw[:2]}-{raw[2:4]}-{raw[4:6]} {raw[6:8]}:{raw[8:10]}:{raw[10:12]}{season}"
    if len(raw) >= 8 and len(raw) % 2 == 0 and re.fullmatch(r"[0-9A-Fa-f]+", raw):
        words = bytes.fromhex(raw)
        if all(0x20 <= o < 0x7F for o in words):
            return words.decode("ascii")
    return raw


def telegram_field(lines: list[Line], start: int, end: int, buffer: str) -> Field:
    """The telegram as a tree: a leaf a line, named by its object."""
    out = Field("p1_telegram", None, f"{len(lines)} lines", start, end - start, buffer)
    for line in lines:
        name = "data" if line.obis else "identification" if line.text.startswith("/") else "text"
        meaning = object_name(line.obis)[0] if line.obis else "end and CRC" if line.text[:1] == "!" else ""
        out.children += [Field(name, line.text, meaning, line.start, line.end - line.start, buffer)]
    return out
