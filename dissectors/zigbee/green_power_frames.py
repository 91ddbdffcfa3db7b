"""Reads a Green Power frame: header, security, command.

Sources: ZigBee Green Power 14-0563 clauses A.1.4 (frames), A.1.5 (security), A.4.2 (commands).
"""

from __future__ import annotations

from zlib import crc32

from dissectors.counters import REPLAYED, CounterUse, FrameCounters
from dissectors.cursor import Cursor
from dissectors.field import Field
from dissectors.keyring import Key
from dissectors.reading import Ciphertext, Mic, Reading, command_rows
from dissectors.zigbee.green_power import (
    ENCRYPTED,
    WITHDRAWN_LEVEL,
    GreenPowerCommandId,
    GreenPowerHeader,
    command_name,
    green_power_keys,
    open_green_power,
)

__all__ = ["read_green_power"]

NAME, LAYER = "Green Power", "green power"


def read_green_power(reading: Reading, cursor: Cursor, buffer: str) -> None:
    """Read a Green Power frame from its first octet to the end of the cursor."""
    cursor.layer = LAYER
    header = GreenPowerHeader.read(cursor)
    if header.error is not None:
        header.keep_undissected(cursor)
    branch = reading.put(header, buffer)
    reading.out.columns["nwk_type"] = "green-power"
    reading.set_summary(NAME, "Green Power maintenance" if header.bit("frame_type") else "Green Power data")
    level = header.bit("security_level")
    reading.out.columns["nwk_security"] = "no_key" if level else "none"
    end = max(cursor.offset, cursor.end - header.mic_octets)
    text = Cursor(cursor.data, cursor.offset, end, layer=LAYER)
    clear = open_frame(reading, header, cursor, end) if level else None
    if level != ENCRYPTED:
        read_command(reading, text, buffer, branch)
    else:
        reading.put_octets(text, buffer, branch, Ciphertext)
        if clear is not None:
            name = reading.open_buffer(clear)
            read_command(reading, reading.cursor(name, LAYER), name, None)
    cursor.offset = end
    reading.put_octets(cursor, buffer, branch, Mic)


def open_frame(reading: Reading, header: GreenPowerHeader, cursor: Cursor, end: int) -> bytes | None:
    """Check and decrypt what stands between the cursor and `end`; None when no key fits."""
    columns = reading.out.columns
    columns["nwk_counter"] = header.get("frame_counter", 0)
    if header.bit("security_level") == WITHDRAWN_LEVEL or header.error is not None:
        reading.set_not_opened("nwk", "security level 1 of Green Power is withdrawn and not opened")
        return None
    source_id = header.get("src_id")
    eui64 = reading.receiver_eui64 if header.bit("direction") else reading.sender_eui64
    octets, payload = cursor.data[header.start : cursor.offset], cursor.data[cursor.offset : end]
    mic, tried = cursor.data[end : cursor.end], 0
    for key, value in green_power_keys(reading.context.keyring, source_id):
        tried += 1
        clear = open_green_power(header, value, eui64, octets, payload, mic)
        if clear is not None:
            record_opened(reading, key, header, eui64 if source_id is None else source_id, mic)
            return clear
    whose = f"SrcID 0x{source_id:08x}" if source_id is not None else "this device"
    held = f"none of the {tried} keys that are held opens it" if tried else "none is held"
    reading.set_not_opened("nwk", f"the Green Power key of {whose} is missing ([[green_power_key]]): {held}")
    return None


def record_opened(
    reading: Reading, key: Key, header: GreenPowerHeader, device: int | None, mic: bytes
) -> None:
    """Remember what opened the frame; whether its counter is new."""
    columns = reading.out.columns
    reading.out.opened.append(("nwk", key))
    columns["nwk_key"], columns["nwk_security"] = key.origin, "ok"
    if not reading.trusted or header.bit("direction"):
        return
    use = CounterUse(
        reading.raw.number, header.frame_counter, reading.raw.time_ns, crc32(mic, reading.mac_seq or 0)
    )
    if reading.context.state(FrameCounters).replayed(LAYER, device or 0, key.value, use):
        columns["nwk_security"] = "replay"
        reading.set_security_reason("nwk", REPLAYED)
        reading.issue("warning", LAYER, header.start, REPLAYED)


def read_command(reading: Reading, cursor: Cursor, buffer: str, branch: Field | None) -> None:
    """A command in clear: its identifier, and its fields as octets."""
    if not cursor.remaining:
        return
    identifier = GreenPowerCommandId.read(cursor)
    into = reading.put(identifier, buffer, branch)
    name = command_name(identifier.command)
    reading.set_summary(NAME, f"Green Power {name}" if name else "Unknown Green Power command")
    reading.out.commands.extend(command_rows(reading, "nwk", identifier.command, name, identifier))
    reading.put_octets(cursor, buffer, into, meaning="fields of the command, not read further")
