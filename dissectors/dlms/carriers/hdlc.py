"""HDLC frames as DLMS uses them: flags, format type 3, addresses of 1 to 4 octets, HCS and FCS, no stuffing.

Strategy: the length in the format field is the only safe delimiter (7E may stand inside a frame). Wrong check
sequences are reported by the frame and never stop the reading; what is no frame is handed out as junk.

Source: IEC 62056-46 (Green Book), clauses on the MAC sublayer frame and on parameter negotiation.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from dissectors.crypto.crc import crc16_x25
from dissectors.model.errors import DissectionError, Malformed, Truncated
from dissectors.model.field import Field

__all__ = ["HdlcFrame", "build_frame", "frame_field", "next_frame", "read_frame", "read_frames"]

LAYER = "dlms.hdlc"
FLAG = 0x7E
HEADERS = range(5, 12)
"""Octets before the header check sequence: format, two addresses of 1 to 4 octets, control."""
SHORT = 13
"""Frames up to so many octets may carry nothing, and then have no header check sequence."""
_UNNUMBERED = {0x83: "SNRM", 0x43: "DISC", 0x63: "UA", 0x0F: "DM", 0x87: "FRMR", 0x03: "UI"}
_PARAMETERS = {
    5: "maximum information field, transmit",
    6: "maximum information field, receive",
    7: "window, transmit",
    8: "window, receive",
}


class HdlcFrame(NamedTuple):
    """One frame; positions are absolute in the buffer.

    Attributes:
        start, end: from the format field to the octet after the FCS; flags excluded.
        destination, source: address octets as they stand.
        type: I, RR, RNR, SNRM, DISC, UA, DM, FRMR, UI or ``unknown 0x..``.
        header_ok: None when the frame has no HCS (no information field).
        info: first and last-plus-one octet of the information field.
    """

    start: int
    end: int
    segmented: bool
    destination: bytes
    source: bytes
    control: int
    type: str
    header_ok: bool | None
    frame_ok: bool
    info: tuple[int, int]

    @property
    def send_number(self) -> int | None:
        """N(S) of an I frame."""
        return self.control >> 1 & 7 if self.type == "I" else None

    @property
    def receive_number(self) -> int | None:
        """N(R) of an I, RR or RNR frame."""
        return self.control >> 5 if self.type in ("I", "RR", "RNR") else None

    @property
    def poll_final(self) -> bool:
        """The poll/final bit."""
        return bool(self.control & 0x10)


def control_type(control: int) -> str:
    """The frame type that a control octet says."""
    if not control & 1:
        return "I"
    masked = control & 0xEF
    if masked & 0x0F in (1, 5) and masked not in _UNNUMBERED:
        return "RR" if masked & 0x0F == 1 else "RNR"
    return _UNNUMBERED.get(masked) or f"unknown 0x{control:02x}"


def address_text(octets: bytes) -> str:
    """An address in words: one or two parts of 7 or 14 bits, with the reserved ones named."""
    if len(octets) == 4:
        upper, lower = (octets[i] >> 1 << 7 | octets[i + 1] >> 1 for i in (0, 2))
        return f"upper {_reserved(upper, True)}, lower {lower}"
    if len(octets) == 2:
        return f"upper {_reserved(octets[0] >> 1)}, lower {octets[1] >> 1}"
    if len(octets) == 1:
        return _reserved(octets[0] >> 1)
    return f"{len(octets)} octets: not 1, 2 or 4"


def upper_address(octets: bytes) -> int | None:
    """The upper part of an address: the client, or the logical device of a server; None for a length that is none."""
    if len(octets) == 4:
        return octets[0] >> 1 << 7 | octets[1] >> 1
    return octets[0] >> 1 if len(octets) in (1, 2) else None


def _reserved(address: int, wide: bool = False) -> str:
    names = {0: "no station", 1: "management", 16: "public client"}
    names |= {0x3FFF: "all stations", 0x3FFE: "calling device"} if wide else {0x7F: "all stations"}
    return f"{address} ({names[address]})" if address in names else str(address)


def _read_address(data: bytes, pos: int, end: int) -> tuple[bytes, int]:
    for stop in range(pos + 1, min(pos + 4, end) + 1):
        if data[stop - 1] & 1:
            return data[pos:stop], stop
    if end - pos < 4:
        raise Truncated(1, 0, layer=LAYER, offset=end)
    raise Malformed("address longer than 4 octets", layer=LAYER, offset=pos)


def read_frame(data: bytes, pos: int, end: int) -> HdlcFrame:
    """The frame whose format field is at `pos` (after the flag).

    Raises:
        Truncated, Malformed: no format type 3, a length that cannot be, an address without an end.
    """
    if pos + 2 > end:
        raise Truncated(2, end - pos, layer=LAYER, offset=pos)
    word = data[pos] << 8 | data[pos + 1]
    if word >> 12 != 0xA:
        raise Malformed(f"frame format 0x{word:04x} is not type 3", layer=LAYER, offset=pos)
    length = word & 0x7FF
    stop = pos + length
    if length < 7:
        raise Malformed(f"frame length {length} is too short", layer=LAYER, offset=pos)
    if stop > end:
        raise Truncated(length, end - pos, layer=LAYER, offset=pos)
    destination, at = _read_address(data, pos + 2, stop - 3)
    source, at = _read_address(data, at, stop - 3)
    control, body = data[at], at + 1
    if stop - body not in (2,) and stop - body < 4:
        raise Malformed(f"frame length {length} does not fit its addresses", layer=LAYER, offset=pos)
    header_ok, info = None, (stop - 2, stop - 2)
    if stop - body >= 4:
        header_ok = crc16_x25(data[pos:body]) == int.from_bytes(data[body : body + 2], "little")
        info = (body + 2, stop - 2)
    frame_ok = crc16_x25(data[pos : stop - 2]) == int.from_bytes(data[stop - 2 : stop], "little")
    segmented = bool(word & 0x800)
    kind = control_type(control)
    return HdlcFrame(pos, stop, segmented, destination, source, control, kind, header_ok, frame_ok, info)


def read_frames(data: bytes, pos: int, end: int) -> Iterator[HdlcFrame | tuple[int, int, DissectionError]]:
    """Frames from `pos` on; what is no frame comes as (start, end, why).

    After junk the reading takes up again at the next frame whose check holds, or else at the next flag.
    """
    ahead = _Ahead(data, end)
    while pos < end:
        if data[pos] == FLAG:
            pos += 1
            continue
        if pos and data[pos - 1] != FLAG:
            stop = ahead.flag(pos, data.find(b"\x7e", pos, end))
            yield pos, stop, Malformed("octets outside any frame", layer=LAYER, offset=pos)
            pos = stop
            continue
        try:
            frame = read_frame(data, pos, end)
        except DissectionError as error:
            stop = data.find(b"\x7e", pos, end)
            stop = -1 if isinstance(error, Truncated) and stop == end - 1 else stop
            stop = ahead.flag(pos, stop)
            yield pos, stop, error.kept()
            pos = stop
            continue
        inside = None if frame.frame_ok else next_frame(data, pos + 1, frame.end)
        if inside is not None:
            text = "no frame: its check sequence is wrong, and another frame begins before its end"
            yield pos, inside - 1, Malformed(text, layer=LAYER, offset=pos)
            pos = inside - 1
            continue
        yield frame
        pos = frame.end


def next_frame(data: bytes, pos: int, end: int) -> int | None:
    """Where the next frame begins (behind its flag) whose check sequences hold; None when none does."""
    at = data.find(b"\x7e", pos, end)
    while 0 <= at < end - 1:
        if _is_sound(data, at + 1, end):
            return at + 1
        at = data.find(b"\x7e", at + 1, end)
    return None


def _is_sound(data: bytes, pos: int, end: int) -> bool:
    """Whether a frame with right check sequences begins here; the header's is looked at first, as it is short."""
    if data[pos] >> 4 != 0xA:
        return False
    length = int.from_bytes(data[pos : pos + 2], "big") & 0x7FF
    if length < 7 or pos + length > end:
        return False
    if length > SHORT and not any(
        crc16_x25(data[pos : pos + at]) == int.from_bytes(data[pos + at : pos + at + 2], "little")
        for at in HEADERS
    ):
        return False
    try:
        frame = read_frame(data, pos, end)
    except DissectionError:
        return False
    return frame.frame_ok and frame.header_ok is not False


class _Ahead:
    """The next sound frame of a buffer, looked for once: positions only grow."""

    def __init__(self, data: bytes, end: int) -> None:
        self._data, self._end = data, end
        self._next: int | None = -1

    def flag(self, pos: int, otherwise: int) -> int:
        """Where to read on after junk: at the flag of the next sound frame, else at a flag, else at the end."""
        if self._next is not None and self._next - 1 < pos:
            self._next = next_frame(self._data, pos, self._end)
        if self._next is not None:
            return self._next - 1
        return self._end if otherwise < 0 else otherwise


def build_frame(
    destination: bytes, source: bytes, control: int, information: bytes = b"", segmented: bool = False
) -> bytes:
    """A frame with both flags and check sequences.

    >>> build_frame(b"\\x03", b"\\x21", 0x93).hex()
    '7ea0070321930f017e'
    """
    length = 2 + len(destination) + len(source) + 1 + 2 + (2 + len(information) if information else 0)
    word = 0xA000 | (0x800 if segmented else 0) | length
    octets = word.to_bytes(2, "big") + destination + source + bytes((control,))
    if information:
        octets += crc16_x25(octets).to_bytes(2, "little") + information
    return b"\x7e" + octets + crc16_x25(octets).to_bytes(2, "little") + b"\x7e"


def frame_field(frame: HdlcFrame, data: bytes, buffer: str, information: list[Field]) -> Field:
    """The frame as fields; `information` stands for its information field where not empty."""
    at = frame.start
    out = Field("hdlc", None, _summary(frame), at, frame.end - at, buffer)
    word = int.from_bytes(data[at : at + 2], "big")
    text = f"type 3, length {word & 0x7FF}{', segmented' if frame.segmented else ''}"
    children: list[Field] = []
    add = children.append
    add(Field("format", word, text, at, 2, buffer))
    at += 2
    for name, octets in (("destination", frame.destination), ("source", frame.source)):
        add(Field(name, octets, address_text(octets), at, len(octets), buffer))
        at += len(octets)
    add(Field("control", frame.control, _summary(frame), at, 1, buffer))
    if frame.header_ok is not None:
        header = int.from_bytes(data[at + 1 : at + 3], "little")
        add(Field("header_check_sequence", header, _verdict(frame.header_ok), at + 1, 2, buffer))
    start, end = frame.info
    if end > start:
        children += information or _parameters(frame, data, buffer)
    check = int.from_bytes(data[frame.end - 2 : frame.end], "little")
    add(Field("frame_check_sequence", check, _verdict(frame.frame_ok), frame.end - 2, 2, buffer))
    out.children = children
    return out


def _verdict(good: bool) -> str:
    return "correct" if good else "wrong"


def _summary(frame: HdlcFrame) -> str:
    numbers = [
        f"{name}={value}"
        for name, value in (("N(S)", frame.send_number), ("N(R)", frame.receive_number))
        if value is not None
    ]
    return ", ".join([frame.type, *numbers, "P/F" if frame.poll_final else "no P/F"])


def _parameters(frame: HdlcFrame, data: bytes, buffer: str) -> list[Field]:
    """The information field of SNRM and UA: 81 80 length, then id, length, value; else octets."""
    start, end = frame.info
    whole = [Field("information", data[start:end], f"{end - start} octets", start, end - start, buffer)]
    head = data[start : start + 3]
    if frame.type not in ("SNRM", "UA") or head[:2] != b"\x81\x80" or start + 3 + head[2] != end:
        return whole
    out = [Field("negotiation_header", head, "format 81, group 80, length", start, 3, buffer)]
    at = start + 3
    while at < end:
        stop = at + 2 + data[at + 1] if at + 1 < end else end + 1
        if stop > end:
            return whole
        name = _PARAMETERS.get(data[at])
        value = int.from_bytes(data[at + 2 : stop], "big")
        out.append(Field(f"parameter_{data[at]:02x}", value, name, at, stop - at, buffer))
        at = stop
    return out
