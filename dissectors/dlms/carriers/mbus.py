"""Wired M-Bus telegrams that carry DLMS: long frames with a segment number in CI, short frames, E5.

Source: EN 13757-2 (link layer), EN 13757-3 (CI 00..1F: DLMS segments; bit 4 last, bits 3-0 number).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from dissectors.model.errors import DissectionError, Malformed, Truncated
from dissectors.model.field import Field

__all__ = ["Telegram", "build_telegram", "next_telegram", "read_telegrams", "telegram_field"]

LAYER = "dlms.mbus"
_ADDRESSES = 2
STOP = 0x16
LOST_COUNTS = (256, 512)
"""What is missing from a length that was counted modulo 256."""


class Telegram(NamedTuple):
    """One long frame; positions are absolute.

    Attributes:
        start, end: from 68 to the octet after the stop octet.
        ports: STSAP and DTSAP, or None when CI is not a DLMS segment.
        body: span of the APDU part.
        issues: what is wrong with length, checksum or stop octet: (offset, text).
    """

    start: int
    end: int
    control: int
    address: int
    information: int
    ports: tuple[int, int] | None
    body: tuple[int, int]
    checksum_ok: bool
    issues: tuple[tuple[int, str], ...]

    @property
    def segment(self) -> int:
        """Segment number, from 0."""
        return self.information & 15

    @property
    def last(self) -> bool:
        """Whether it is the last segment."""
        return bool(self.information & 16)


def read_telegram(data: bytes, pos: int, end: int) -> Telegram:
    """The long frame at `pos`; a wrong length, checksum or stop octet becomes an issue where it can be read.

    Raises:
        Truncated, Malformed: not a long frame, or cut off.
    """
    if pos + 4 > end:
        raise Truncated(4, end - pos, layer=LAYER, offset=pos)
    if data[pos] != 0x68 or data[pos + 3] != 0x68:
        raise Malformed("no long frame (68 L L 68)", layer=LAYER, offset=pos)
    issues: list[tuple[int, str]] = []
    stop = _end(data, pos, end, issues)
    checksum_ok = sum(data[pos + 4 : stop - 2]) & 0xFF == data[stop - 2]
    if not checksum_ok:
        issues.append((stop - 2, "the checksum is wrong"))
    if data[stop - 1] != 0x16:
        issues.append((stop - 1, f"stop octet 0x{data[stop - 1]:02x}, not 16"))
    control, address, information = data[pos + 4 : pos + 7]
    body, ports = pos + 7, None
    if information < 0x20 and stop - 2 >= body + _ADDRESSES:
        ports, body = (data[body], data[body + 1]), body + _ADDRESSES
    return Telegram(
        pos, stop, control, address, information, ports, (body, stop - 2), checksum_ok, tuple(issues)
    )


def _end(data: bytes, pos: int, end: int, issues: list[tuple[int, str]]) -> int:
    """The octet behind the stop octet; what is wrong with the length is added to `issues`.

    Raises:
        Truncated, Malformed: the telegram is cut off, or its length leaves no room.
    """
    length = data[pos + 1]
    if data[pos + 2] != length:
        issues.append((pos + 1, f"the two lengths differ: {length} and {data[pos + 2]}"))
        longer = max(length, data[pos + 2])
        length = longer if pos + longer + 6 <= end else min(length, data[pos + 2])
    said = pos + 4 + length + 2
    if length >= 3 and _checks(data, pos, said, end):
        return said
    for more in LOST_COUNTS:
        if _checks(data, pos, said + more, end):
            text = (
                f"length {length} stands for {length + more}: counted modulo 256, checksum and stop octet fit"
            )
            issues.append((pos + 1, text))
            return said + more
    if length < 3:
        if end - pos < 256 + 9:
            raise Truncated(said + 256 - pos, end - pos, layer=LAYER, offset=pos)
        raise Malformed(f"length {length} leaves no room for C, A and CI", layer=LAYER, offset=pos + 1)
    if said > end:
        # The last telegram of some meters claims more than it has; its checksum and stop octet tell.
        if not (end - pos >= 9 and _checks(data, pos, end, end)):
            raise Truncated(said - pos, end - pos, layer=LAYER, offset=pos)
        issues.append((pos + 1, f"length {length}, but {end - pos - 6} octets are there"))
        return end
    return said


def _checks(data: bytes, pos: int, stop: int, end: int) -> bool:
    """Whether a telegram from `pos` to `stop` has its stop octet and its checksum there."""
    return stop <= end and data[stop - 1] == STOP and sum(data[pos + 4 : stop - 2]) & 0xFF == data[stop - 2]


def read_telegrams(
    data: bytes, pos: int, end: int
) -> Iterator[Telegram | tuple[int, int, DissectionError | None]]:
    """Long frames from `pos` on; short frames and E5 come as (start, end, None), junk with why."""
    sound: int | None = -1
    while pos < end:
        if data[pos] == 0xE5:
            yield pos, pos + 1, None
            pos += 1
        elif data[pos] == 0x10 and pos + 5 <= end and data[pos + 4] == 0x16:
            yield pos, pos + 5, None
            pos += 5
        else:
            try:
                telegram = read_telegram(data, pos, end)
            except DissectionError as error:
                if sound is not None and sound <= pos:
                    sound = next_telegram(data, pos + 1, end)
                stop = data.find(b"\x68", pos + 1, end)
                stop = end if stop < 0 or isinstance(error, Truncated) else stop
                stop = stop if sound is None else sound
                yield pos, stop, error.kept()
                pos = stop
                continue
            yield telegram
            pos = telegram.end


def next_telegram(data: bytes, pos: int, end: int) -> int | None:
    """Where the next long frame begins whose checksum and stop octet hold; None when none does."""
    at = data.find(b"\x68", pos, end)
    while 0 <= at < end - 9:
        if data[at + 3] == 0x68 and data[at + 1] == data[at + 2]:
            try:
                telegram = read_telegram(data, at, end)
            except DissectionError:
                pass
            else:
                if telegram.checksum_ok and data[telegram.end - 1] == STOP:
                    return at
        at = data.find(b"\x68", at + 1, end)
    return None


def build_telegram(
    payload: bytes, segment: int = 0, last: bool = True, ports: tuple[int, int] = (1, 0x67)
) -> bytes:
    """One SND_UD long frame with a part of an APDU (at most 250 octets).

    >>> build_telegram(bytes.fromhex("d80101")).hex()
    '6808086853ff100167d80101a416'
    """
    content = bytes((0x53, 0xFF, segment | (0x10 if last else 0), *ports)) + payload
    if len(content) > 255:
        raise ValueError("a telegram holds 250 octets of an APDU at most")
    head = bytes((0x68, len(content), len(content), 0x68))
    return head + content + bytes((sum(content) & 0xFF, 0x16))


def telegram_field(telegram: Telegram, data: bytes, buffer: str, body: list[Field]) -> Field:
    """The telegram as fields; `body` stands for its APDU part."""
    start, end = telegram.start, telegram.end
    text = f"segment {telegram.segment}{', last' if telegram.last else ''}" if telegram.ports else None
    out = Field("mbus", None, text, start, end - start, buffer)
    children: list[Field] = []
    add = children.append
    add(Field("start_and_length", data[start : start + 4], f"{data[start + 1]} octets", start, 4, buffer))
    add(
        Field("control", telegram.control, "SND_UD" if telegram.control == 0x53 else "", start + 4, 1, buffer)
    )
    add(
        Field(
            "address", telegram.address, "broadcast" if telegram.address == 0xFF else "", start + 5, 1, buffer
        )
    )
    add(Field("control_information", telegram.information, text, start + 6, 1, buffer))
    if telegram.ports is not None:
        add(Field("source_sap", telegram.ports[0], "", start + 7, 1, buffer))
        add(Field("destination_sap", telegram.ports[1], "", start + 8, 1, buffer))
    first, last = telegram.body
    rest = [Field("payload", data[first:last], f"{last - first} octets", first, last - first, buffer)]
    children += body or (rest if last > first else [])
    verdict = "correct" if telegram.checksum_ok else "wrong"
    add(Field("checksum", data[end - 2], verdict, end - 2, 1, buffer))
    add(Field("stop", data[end - 1], "", end - 1, 1, buffer))
    out.children = children
    return out
