"""Frames in text: hex dumps as text2pcap takes them, event logs of Silicon Labs' (Ember's) Network Analyzer, log lines.

Forms, told from the lines themselves:
* ISD: ``[time duration type Packet sequence] [device] [octets]``, microseconds; the octets are PHR, frame with check
  sequence, and what the radio appended; EFR radios put F8 (received) or FC (sent) before it. An .isd file is a ZIP
  archive with such lines in its event.log.
* Ubiqua: ``[time] name octets`` with dashes between the octets, then ``Frame Information:`` and what Ubiqua made of the
  frame, which is read for channel and strength only. It writes FF-FF where the check sequence was.
* dumps: an offset in hexadecimal and octets a line, a frame begins at offset 0; a time of day or date may stand before.
  ``tshark -x`` prints several dumps of a packet, each under its name: the packet, the frame of IEEE 802.15.4 in it, and
  what was decrypted, which is no frame.
* JSON of tshark (`captures.files.tshark_json`).
* lines that hold a frame each, as one run of hexadecimal octets; time, channel, LQI and dBm are taken where named so.

Strategy: what is text says nothing of its link type, so such a file is a capture only if its octets prove to be frames:
by their check sequences, or, in three frames or more, by their beginnings.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from captures.block import BLOCK_FRAMES, NO_TIME, PADDING, Lost
from captures.fcs import fcs16
from captures.files.batch import Batch
from captures.files.records import Facts, Interface, Records
from captures.files.source import Source
from captures.files.tshark_json import PacketsReader, read_packets
from captures.plausible import plausible_starts

__all__ = ["ARCHIVE", "TextReader", "read_text"]

ARCHIVE = b"PK\x03\x04"
PROVING = 128
"""Lines at the beginning that must prove to be frames, where the form alone does not."""
LARGEST = 64 * 1024 * 1024
"""Octets of text that are read: it is held in memory."""
LONGEST, SHORTEST = 2048, 5
LONGEST_LINE = 8192
ENDINGS = 4
"""Octets that a radio may have appended to a frame."""
START_RX, START_TX = 0xF8, 0xFC
ISD = re.compile(r"\[(\d+)\s+(-?\d+)\s+(\d+)\s+Packet\s+\S*\]\s*\[([^]]*)\]\s*\[([0-9A-Fa-f\s]+)\]")
UBIQUA = re.compile(
    r"\[(?P<time>\d\d:\d\d:\d\d\.\d+)\][^\[\]]*?\s(?P<octets>(?:[0-9A-F]{2}-)+[0-9A-F]{2})\s+Frame Information:"
)
SAID_BY_UBIQUA = {
    "channel": re.compile(r"\bChannel:\s*(\d{1,2})\b"),
    "rssi": re.compile(r"\bLink Quality:\s*(-\d{1,3})\s*dBm"),
    "lqi": re.compile(r"\bLink Quality:\s*(\d{1,3})\b"),
}
NO_CHECK = b"\xff\xff"
WITH_CHECK, WITHOUT_CHECK, WITH_TAP = 195, 230, 283
"""Link types."""
DUMP = re.compile(r"^\s*(?:0x)?([0-9A-Fa-f]{3,8}):?\s+((?:[0-9A-Fa-f]{2,4}(?:\s|$))+)")
SOURCE = re.compile(r"^(\S.{0,80}?) \((\d+) bytes?\):?$")
"""What a dump is of, where a packet has several."""
EPOCH = re.compile(r"^\s*Epoch (?:Arrival )?Time: (\d{1,10})\.(\d{1,9}) seconds")
PACKET, INSIDE = "Frame", "IEEE 802.15.4"
TOKEN = re.compile(r"[0-9A-Za-z]+")
HEXADECIMAL = re.compile(r"(?:0x)?(?:[0-9A-Fa-f]{2})+")
CLOCK = re.compile(
    r"(?<![0-9A-Fa-f:])(?:(\d{4}-\d\d-\d\d)[ T])?(\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?Z?(?![0-9A-Fa-f:])"
)
NAMED = {
    "channel": re.compile(r"\bch(?:annel)?\b[\s=:]*(\d{1,2})\b", re.IGNORECASE),
    "lqi": re.compile(r"\blqi\b[\s=:]*(\d{1,3})\b", re.IGNORECASE),
    "rssi": re.compile(r"(?:\b(?:rssi|power)\b[\s=:]*(-\d{1,3})\b|(-\d{1,3})\s*dBm)", re.IGNORECASE),
    "time": re.compile(r"\btime\b[\s=:]*(\d+)\b", re.IGNORECASE),
}


@dataclass(slots=True)
class Entry:
    """One frame of a text; unknown time None, channel and LQI 255, RSSI -128. `before` is what stands before it in its
    packet."""

    octets: bytes
    time_ns: int | None = None
    channel: int = 255
    rssi: int = -128
    lqi: int = -1
    before: bytes = b""


class TextReader:
    """Gives the frames of a text that was read."""

    def __init__(self, entries: list[Entry], facts: Facts) -> None:
        self.entries = entries
        self.facts = facts

    def __iter__(self) -> Iterator[Records]:
        for start in range(0, len(self.entries), BLOCK_FRAMES):
            batch = Batch()
            for one in self.entries[start : start + BLOCK_FRAMES]:
                batch.octets.append(one.octets)
                batch.size += len(one.octets)
                batch.time_ns.append(NO_TIME if one.time_ns is None else one.time_ns)
                batch.channel.append(one.channel)
                batch.rssi.append(one.rssi)
                batch.lqi.append(one.lqi)
            yield batch.taken()


def read_text(source: Source) -> tuple[str, TextReader | PacketsReader] | None:
    """The name of the form, and a reader; None when it is no text with frames in it."""
    facts = Facts()
    octets = source.read_all(LARGEST)
    if octets.startswith(ARCHIVE):
        octets = _event_log(octets, facts)
    if not octets or b"\0" in octets[:4096]:
        return None
    packets = read_packets(octets, facts)
    if packets is not None:
        return "json", packets
    lines = [line[:LONGEST_LINE] for line in octets.decode("utf-8", "replace").splitlines()]
    for name, parse, sure in (
        ("isd", _isd, True), ("ubiqua text", _ubiqua, True), ("hex dump", _dump, False), ("log", _lines, False),
    ):  # fmt: skip
        if not sure and not _proven(parse(lines[:PROVING])):
            continue
        entries = parse(lines)
        if entries:
            facts.interfaces.append(Interface(_link_type(entries, parse is _ubiqua), name))
            return name, TextReader(entries, facts)
    return None


def _link_type(entries: list[Entry], ubiqua: bool) -> int:
    """The link type of entries; those that all have a TAP header before them take it in."""
    if all(
        one.before[:2] == b"\0\0" and one.before[2:4] == len(one.before).to_bytes(2, "little")
        for one in entries
    ):
        for one in entries:
            one.octets = one.before + one.octets
        return WITH_TAP
    unchecked = ubiqua and not any(_checks(one.octets, 0) for one in entries)
    return WITHOUT_CHECK if unchecked else WITH_CHECK


def _event_log(octets: bytes, facts: Facts) -> bytes:
    """The event log inside an .isd archive; nothing when there is none."""
    try:
        with zipfile.ZipFile(io.BytesIO(octets)) as archive:
            names = [one for one in archive.namelist() if one.endswith("event.log")]
            if not names:
                return b""
            with archive.open(names[0]) as file:
                return file.read(LARGEST)
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, EOFError, ValueError) as error:
        facts.lost.append(Lost(0, f"damaged archive: {error}"))
        return b""


def _isd(lines: list[str]) -> list[Entry]:
    out = []
    for line in lines:
        found = ISD.search(line)
        if found is None:
            continue
        octets = bytes.fromhex("".join(found[5].split())) if len("".join(found[5].split())) % 2 == 0 else b""
        if octets[:1] and octets[0] in (START_RX, START_TX) and len(octets) > 1:
            octets = octets[1:]
        frame = octets[1 : 1 + octets[0]] if octets else b""
        if frame:
            out.append(Entry(frame, int(found[1]) * 1000 if len(found[1]) < 16 else None))
    return out


def _ubiqua(lines: list[str]) -> list[Entry]:
    text = "\n".join(lines)
    found = list(UBIQUA.finditer(text))
    ends = [*(one.start() for one in found[1:]), len(text)][: len(found)]
    out = []
    for one, end in zip(found, ends, strict=True):
        told = text[one.end() : min(end, one.end() + LONGEST_LINE)]
        said = {name: int(hit[1]) for name, wanted in SAID_BY_UBIQUA.items() if (hit := wanted.search(told))}
        octets = bytes.fromhex(one["octets"].replace("-", " "))
        out.append(
            Entry(
                octets,
                _time(one["time"]),
                said.get("channel", 255),
                said.get("rssi", -128),
                said.get("lqi", -1),
            )
        )
    if all(entry.octets.endswith(NO_CHECK) for entry in out) and not any(
        _checks(entry.octets, 0) for entry in out
    ):
        for entry in out:
            entry.octets = entry.octets[: -len(NO_CHECK)]
    return out


def _dump(lines: list[str]) -> list[Entry]:
    out: list[tuple[str, Entry]] = []
    time: int | None = None
    stamp: int | None = None
    named = ""
    for line in lines:
        heading = SOURCE.match(line)
        if heading is not None or not line.strip():
            named = heading[1] if heading else ""
            continue
        found = DUMP.match(line)
        if found is None:
            time = _time(line)
            stamp = _epoch(line) or stamp
            clock = CLOCK.search(line[:64])
            found = DUMP.match(line[clock.end() :]) if clock else None
            if found is None:
                continue
        offset, digits = int(found[1], 16), "".join(found[2].split())
        if len(digits) % 2:
            continue
        octets = bytes.fromhex(digits)
        if offset == 0:
            out.append((named, Entry(octets, stamp or time)))
            time = stamp = None
        elif out and offset == len(out[-1][1].octets) <= LONGEST:
            out[-1][1].octets += octets
        else:
            return []
    return _innermost(out)


def _innermost(dumps: list[tuple[str, Entry]]) -> list[Entry]:
    """A frame for each packet: the packet itself, or the frame of IEEE 802.15.4 that a dump of its own shows."""
    out: list[Entry] = []
    for named, entry in dumps:
        if named in ("", PACKET) or not out:
            out.append(entry)
        elif named.startswith(INSIDE) and (whole := out[-1].octets).endswith(entry.octets):
            out[-1].before, out[-1].octets = whole[: len(whole) - len(entry.octets)], entry.octets
    return out


def _lines(lines: list[str]) -> list[Entry]:
    out = []
    for line in lines:
        octets = _longest_run(CLOCK.sub(" | ", line))
        if len(octets) < SHORTEST:
            continue
        said = {name: found for name, wanted in NAMED.items() if (found := wanted.search(line))}
        time = int(said["time"][1]) * 1000 if "time" in said and len(said["time"][1]) < 16 else _time(line)
        rssi = int(said["rssi"][1] or said["rssi"][2]) if "rssi" in said else -128
        channel = int(said["channel"][1]) if "channel" in said else 255
        lqi = int(said["lqi"][1]) if "lqi" in said else -1
        out.append(Entry(octets, time, channel, rssi, lqi))
    return out


def _longest_run(line: str) -> bytes:
    """The longest run of octets in a line: pairs of digits with one separator between them, or digits in one word."""
    best = run = ""
    end = 0
    for token in TOKEN.finditer(line):
        word = token[0]
        if HEXADECIMAL.fullmatch(word) is None:
            run = ""
            continue
        digits = word.removeprefix("0x")
        joined = (
            len(digits) == 2 and len(run) > 0 and line[end : token.start()].strip() in ("", ":", ",", "-")
        )
        run = run + digits if joined else digits
        end = token.end()
        best = max(best, run, key=len)
    return bytes.fromhex(best)


def _time(line: str) -> int | None:
    """Nanoseconds of the date and time, or of the time of day, in a line."""
    found = CLOCK.search(line)
    if found is None:
        return None
    try:
        day = datetime.fromisoformat(found[1] or "1970-01-01").replace(tzinfo=UTC)
    except ValueError:
        return None
    seconds = int(day.timestamp()) + int(found[2]) * 3600 + int(found[3]) * 60 + int(found[4])
    return seconds * 10**9 + int((found[5] or "").ljust(9, "0") or 0)


def _epoch(line: str) -> int | None:
    """Nanoseconds since 1970 in a line of ``tshark -V``, behind whose other times stand those that packets speak of."""
    found = EPOCH.search(line)
    return int(found[1]) * 10**9 + int(found[2].ljust(9, "0")) if found else None


def _proven(entries: list[Entry]) -> bool:
    """Whether the octets of a text prove to be frames of IEEE 802.15.4."""
    some = [one.octets for one in entries[:256]]
    if not some:
        return False
    checked = sum(any(_checks(one, behind) for behind in range(ENDINGS)) for one in some)
    if checked >= 0.5 * len(some):
        return True
    data = np.frombuffer(b"".join([bytes(PADDING), *some, bytes(PADDING)]), np.uint8)
    length = np.array([len(one) for one in some], np.int32)
    offset = PADDING + np.cumsum(length, dtype=np.int64) - length
    plausible = int(plausible_starts(data, offset, length).sum())
    return len(some) >= 3 and plausible >= 0.9 * len(some)


def _checks(octets: bytes, behind: int) -> bool:
    """Whether the frame, which may have its length before it and `behind` octets behind it, passes its check."""
    octets = octets[: len(octets) - behind]
    starts = (octets, octets[1:]) if octets[:1] and octets[0] == len(octets) - 1 else (octets,)
    return any(len(one) >= 5 and any(one[-2:]) and fcs16(one[:-2]) == one[-2:] for one in starts)
