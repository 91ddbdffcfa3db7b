"""Reads a Green Power frame: header, security, command.

Sources: ZigBee Green Power 14-0563 clauses A.1.4 (frames), A.1.5 (security), A.4.2 (commands).
"""

from __future__ import annotations

from zlib import crc32

from dissectors.layout.reading import Ciphertext, Mic, Reading, command_rows
from dissectors.model.cursor import Cursor
from dissectors.model.field import Field
from dissectors.security.candidates import Openings, open_one
from dissectors.security.recording import SecuredLayer, record_counter, record_failure, record_opened
from dissectors.zigbee.green_power.headers import (
    ENCRYPTED,
    LAYER,
    WITHDRAWN,
    WITHDRAWN_LEVEL,
    GreenPowerCommandId,
    GreenPowerHeader,
    command_name,
    green_power_candidates,
    open_green_power,
)

__all__ = ["read_green_power"]

NAME = "Green Power"
GREEN_POWER = SecuredLayer("nwk", LAYER, LAYER)


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
    start = cursor.offset
    text = Cursor(cursor.data, cursor.offset, end, layer=LAYER)
    clear = open_frame(reading, header, cursor, end) if level else None
    if level != ENCRYPTED:
        read_command(reading, text, buffer, branch)
    else:
        reading.put_octets(text, buffer, branch, Ciphertext)
        if clear is not None:
            name = reading.open_buffer(clear, buffer, start)
            read_command(reading, reading.cursor(name, LAYER), name, None)
    cursor.offset = end
    reading.put_octets(cursor, buffer, branch, Mic)


def open_frame(reading: Reading, header: GreenPowerHeader, cursor: Cursor, end: int) -> bytes | None:
    """Check and decrypt what stands between the cursor and `end`; None when no key fits."""
    reading.out.columns["nwk_counter"] = header.get("frame_counter", 0)
    source_id = header.get("src_id")
    candidates = green_power_candidates(reading.context.keyring, source_id)
    if header.bit("security_level") == WITHDRAWN_LEVEL or header.error is not None:
        candidates = WITHDRAWN
    eui64 = reading.receiver_eui64 if header.bit("direction") else reading.sender_eui64
    octets, payload = cursor.data[header.start : cursor.offset], cursor.data[cursor.offset : end]
    mic = cursor.data[end : cursor.end]
    found = open_one(
        candidates,
        lambda key: open_green_power(header, key, eui64, octets, payload, mic),
        reading.context.state(Openings),
    )
    if found is None:
        record_failure(reading, GREEN_POWER, candidates)
        return None
    key, clear = found
    record_opened(reading, GREEN_POWER, key)
    if reading.trusted and not header.bit("direction"):
        device = (eui64 if source_id is None else source_id) or 0
        again = crc32(mic, reading.mac_seq or 0)
        record_counter(reading, GREEN_POWER, device, key.value, header.frame_counter, again, header.start)
    return clear


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
