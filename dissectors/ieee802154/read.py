"""Reads one IEEE 802.15.4 frame: trailer, header, security, information elements, beacons, commands.

What a data frame carries is left to `dissectors.radio.dispatch`. Source: IEEE 802.15.4-2015 clauses 7.2 to 7.5, 9.
"""

from __future__ import annotations

from dataclasses import dataclass
from zlib import crc32

from dissectors.crypto.crc import crc16
from dissectors.ieee802154.beacon import BeaconInfo
from dissectors.ieee802154.commands import COMMAND_NAMES, COMMANDS, WITHOUT_FIELDS, CommandId
from dissectors.ieee802154.fcs import TRAILER_OCTETS, fcs32
from dissectors.ieee802154.headers import (
    FRAME_TYPES,
    MULTIPURPOSE,
    AuxSecurity,
    AuxSecurity2006,
    MacHeader,
    MultipurposeHeader,
    Security2003,
)
from dissectors.ieee802154.information_elements import HeaderIEs, PayloadIEs
from dissectors.ieee802154.security import UNKNOWN_SENDER, UNKNOWN_SLOT, mac_candidates, open_mac
from dissectors.ieee802154.trailers import trailer_layer
from dissectors.layout import Layer
from dissectors.layout.reading import Ciphertext, Mic, Reading, command_rows
from dissectors.model.cursor import Cursor
from dissectors.model.errors import Truncated
from dissectors.model.field import Field
from dissectors.security.candidates import Candidates, Openings, open_one
from dissectors.security.recording import (
    SecuredLayer,
    record_counter,
    record_failure,
    record_opened,
    record_proof,
)

__all__ = ["MacFrame", "put_ends", "read_mac", "read_trailer"]

BEACON, DATA, ACK, COMMAND = range(4)
ASSOCIATION_RESPONSE, REALIGNMENT = 2, 8
LAYER = "802.15.4"
MAC = SecuredLayer("mac", LAYER, "mac")


@dataclass(slots=True)
class MacFrame:
    """Where the MAC ends: what is left for the layer above lies at `cursor` in `buffer`."""

    header: MacHeader | MultipurposeHeader
    branch: Field
    cursor: Cursor
    buffer: str
    readable: bool = True
    mic_at: int | None = None

    @property
    def frame_type(self) -> int:
        return self.header.bit("frame_type")


def read_trailer(reading: Reading) -> int:
    """Judge the trailer: sets ``fcs_ok`` and `trusted`. Returns where the frame proper ends."""
    raw, out = reading.raw, reading.out
    size = TRAILER_OCTETS[raw.trailer]
    end = len(raw.octets) - size
    kind = trailer_layer(raw.trailer)
    if kind is None:
        return len(raw.octets)
    if end < 0:
        error = Truncated(size, len(raw.octets), layer=LAYER, offset=0)
        reading.issue("error", LAYER, 0, error.text)
        reading.trusted = False
        return len(raw.octets)
    body = raw.octets[:end]
    if raw.trailer == "ti":
        good = bool(raw.octets[-1] & 0x80)
    elif raw.trailer == "fcs16":
        good = crc16(body) == int.from_bytes(raw.octets[end:], "little")
    else:
        good = fcs32(body) == int.from_bytes(raw.octets[end:], "little")
    out.columns["fcs_ok"] = good
    if not good:
        reading.trusted = False
        text = "the radio says that the check sequence is wrong" if raw.trailer == "ti" else "bad FCS"
        reading.issue("warning", LAYER, end, text)
    return end


def put_ends(reading: Reading, frame: MacFrame, end: int) -> None:
    """Show what stands behind everything else: the integrity code and the trailer."""
    if frame.mic_at is not None:
        cursor = Cursor(reading.raw.octets, frame.mic_at, end, layer=LAYER)
        if frame.branch.end == frame.mic_at:
            reading.put_octets(cursor, "frame", frame.branch, Mic)
        else:
            reading.put(Mic.read(cursor), "frame", name="mac_integrity")
    kind = trailer_layer(reading.raw.trailer)
    cursor = Cursor(reading.raw.octets, end, layer=LAYER)
    if kind is not None and cursor.remaining:
        verdict = "good" if reading.out.columns.get("fcs_ok") else "bad"
        reading.put(kind.read(cursor), "frame", meaning=verdict)


def read_mac(reading: Reading, end: int) -> MacFrame:
    """Read the frame up to `end`: all of the MAC, opened where a key is held."""
    cursor = Cursor(reading.raw.octets, 0, end, layer=LAYER)
    first = cursor.peek(1)
    kind = MultipurposeHeader if first and first[0] & 7 == MULTIPURPOSE else MacHeader
    header = kind.read(cursor)
    if header.error is not None:
        header.keep_undissected(cursor)
    if header.bit("frame_type") == BEACON and header.bit("version") > 1:
        reading.rows_only = False  # what an enhanced beacon announces is looked for in its tree
    branch = reading.put(header, "frame")
    put_columns(reading, header)
    frame = MacFrame(header, branch, cursor, "frame", readable=header.error is None)
    if not frame.readable:
        reading.set_summary(LAYER, "Truncated frame")
        return frame
    aux = read_security_header(reading, frame)
    ies = read_header_ies(reading, frame) if frame.readable and header.has_ies() else None
    if frame.readable:
        read_open_part(reading, frame)
    if frame.readable and header.bit("security_enabled") and header.bit("version") == 0:
        keep_shut_2003(reading, frame)
    if aux is not None:
        open_frame(reading, frame, aux)
    if frame.readable and ies is not None and ies.payload_ies_follow():
        read_payload_ies(reading, frame)
    if frame.readable and frame.frame_type == COMMAND:
        read_command(reading, frame)
    return frame


def put_columns(reading: Reading, header: MacHeader | MultipurposeHeader) -> None:
    """What the header says, as columns; compressed PAN IDs filled in."""
    columns, get = reading.out.columns, header.get
    columns["mac_type"] = FRAME_TYPES[header.bit("frame_type")]
    columns["mac_security"] = "none"
    if get("frame_control") is None:
        return
    columns.update(header.column_values())
    reading.mac_version = header.bit("version")
    reading.mac_seq = get("sequence")
    reading.sender_short, reading.sender_eui64 = get("src_short"), get("src_eui64")
    reading.receiver_short, reading.receiver_eui64 = get("dst_short"), get("dst_eui64")
    dst_pan, src_pan = get("dst_pan"), get("src_pan")
    reading.pan = dst_pan if dst_pan not in (None, 0xFFFF) else src_pan
    if reading.pan is None:
        reading.pan = dst_pan


def read_security_header(reading: Reading, frame: MacFrame) -> AuxSecurity | None:
    """The auxiliary security header, when there is one; its integrity code leaves the cursor's window."""
    header, cursor = frame.header, frame.cursor
    if not header.secured():
        return None
    kind = AuxSecurity2006 if header.bit("version") == 1 and isinstance(header, MacHeader) else AuxSecurity
    aux = kind.read(cursor)
    if aux.error is None and cursor.remaining < aux.mic_octets:
        aux.error = Truncated(aux.mic_octets, cursor.remaining, layer=LAYER, offset=cursor.offset)
    if aux.error is not None:
        aux.keep_undissected(cursor)
        frame.readable = False
        reading.out.columns["mac_security"] = "no_key"
        reading.set_not_opened("mac", "the security header or the integrity code is cut off")
        reading.set_summary(LAYER, "Truncated frame")
    elif aux.mic_octets:
        frame.mic_at = cursor.end = cursor.end - aux.mic_octets
    reading.put(aux, "frame", frame.branch)
    return aux if frame.readable else None


def keep_shut_2003(reading: Reading, frame: MacFrame) -> None:
    """A secured frame of version 0, whose cipher suites were withdrawn: counters, then octets."""
    frame.readable = False
    reading.out.columns["mac_security"] = "no_key"
    reading.set_not_opened("mac", "the security of IEEE 802.15.4-2003 frames is withdrawn and not opened")
    if "mac_command" not in reading.out.columns and frame.frame_type != BEACON:
        reading.set_summary(LAYER, "Encrypted MAC frame")
    layer = Security2003.read(frame.cursor)
    if layer.error is not None:
        layer.keep_undissected(frame.cursor)
    reading.put(layer, "frame", frame.branch)
    reading.put_octets(frame.cursor, "frame", frame.branch, Ciphertext)


def read_header_ies(reading: Reading, frame: MacFrame) -> HeaderIEs:
    """Header IEs up to their termination, or up to the end."""
    ies = HeaderIEs.read(frame.cursor)
    if ies.error is not None:
        ies.keep_undissected(frame.cursor)
        frame.readable = False
        reading.set_summary(LAYER, "Malformed information elements")
    reading.put(ies, "frame", frame.branch)
    return ies


def read_payload_ies(reading: Reading, frame: MacFrame) -> None:
    """Payload IEs up to their termination, or up to the end."""
    if not frame.cursor.remaining:
        return
    ies = PayloadIEs.read(frame.cursor)
    if ies.error is not None:
        ies.keep_undissected(frame.cursor)
    reading.put(ies, frame.buffer, frame.branch if frame.buffer == "frame" else None)


def read_open_part(reading: Reading, frame: MacFrame) -> None:
    """What versions 0 and 1 never encipher: beacon fields, command (9.3.2, table 9-3)."""
    if frame.header.bit("version") > 1:
        return
    if frame.frame_type == BEACON:
        info = BeaconInfo.read(frame.cursor)
        if info.error is not None:
            info.keep_undissected(frame.cursor)
            frame.readable = False
        reading.put(info, frame.buffer, frame.branch)
        reading.set_summary("Beacon", "Beacon")
        if info.get("superframe") is not None:
            reading.out.columns["beacon_permit"] = bool(info.bit("association_permit"))
    elif frame.frame_type == COMMAND:
        read_command_id(reading, frame)


def read_command_id(reading: Reading, frame: MacFrame) -> None:
    """The command identifier."""
    layer = CommandId.read(frame.cursor)
    reading.put(layer, frame.buffer, frame.branch if frame.buffer == "frame" else None)
    command = layer.get("command")
    if command is None:
        frame.readable = False
        reading.set_summary(LAYER, "Truncated frame")
        return
    reading.out.columns["mac_command"] = command
    reading.set_summary(LAYER, COMMAND_NAMES.get(command, "Unknown MAC command"))


def read_command(reading: Reading, frame: MacFrame) -> None:
    """The command's fields, behind an identifier that may be read already."""
    if "mac_command" not in reading.out.columns:
        read_command_id(reading, frame)
    command = reading.out.columns.get("mac_command")
    if command is None:
        return
    inside = frame.buffer == "frame" or reading.rows_only
    cursor, into = frame.cursor, frame.branch if inside else reading.out.fields[-1]
    kind = COMMANDS.get(command)
    if kind is None:
        text = "no fields belong to this command" if command in WITHOUT_FIELDS else "command without a table"
        reading.put_unread(cursor, frame.buffer, into, text)
        return
    layer = kind.read(cursor)
    layer.reject_trailing(cursor)
    reading.put(layer, frame.buffer, into)
    name = COMMAND_NAMES.get(command, "")
    reading.out.commands.extend(command_rows(reading, "mac", command, name, layer))
    if layer.error is None:
        learn_association(reading, command, layer)


def learn_association(reading: Reading, command: int, layer: Layer) -> None:
    """A response to an association or an orphan gives a short address to the device that it is sent to."""
    pan, device = reading.pan, reading.receiver_eui64
    if command == REALIGNMENT:
        pan = layer.pan
    elif command != ASSOCIATION_RESPONSE or layer.status != 0:
        return
    if reading.trusted and pan is not None and device is not None:
        reading.context.addresses.learn(pan, layer.short_address, device)


def open_frame(reading: Reading, frame: MacFrame, aux: AuxSecurity) -> None:
    """Check and decrypt the private payload; on success the cursor goes on in clear octets."""
    cursor, level = frame.cursor, aux.bit("level")
    reading.out.columns["mac_security"] = "none"
    clear = open_private(reading, frame, aux) if level else None
    if level < 4 or not frame.readable:
        return  # integrity only: readable whatever the verdict
    start = cursor.offset
    reading.put_octets(cursor, "frame", frame.branch, Ciphertext)
    if clear is None:
        frame.readable = False
        if "mac_command" not in reading.out.columns and frame.frame_type != BEACON:
            reading.set_summary(LAYER, "Encrypted MAC frame")
        return
    frame.buffer = reading.open_buffer(clear, "frame", start)
    frame.cursor = reading.cursor(frame.buffer, LAYER)


def open_private(reading: Reading, frame: MacFrame, aux: AuxSecurity) -> bytes | None:
    """The private payload of a secured frame in clear; None where no key fits.

    At level 4 nothing proves a key: the octets are opened with the first MAC key, and an issue says so.
    """
    cursor, level = frame.cursor, aux.bit("level")
    eui64, counter = reading.sender_eui64, aux.get("frame_counter")
    if eui64 is None:
        eui64 = reading.context.addresses.eui64(reading.pan, reading.sender_short)
    candidates: Candidates = mac_candidates(reading.context.keyring, aux.get("key_index"), reading.pan, eui64)
    if candidates.keys and (eui64 is None or counter is None):
        candidates = UNKNOWN_SENDER if eui64 is None else UNKNOWN_SLOT
    header, payload = cursor.data[: cursor.offset], cursor.data[cursor.offset : cursor.end]
    mic = cursor.data[cursor.end : cursor.end + aux.mic_octets]
    openings = reading.context.state(Openings) if mic else None
    sender, used = eui64 or 0, counter or 0
    found = open_one(
        candidates, lambda key: open_mac(key, sender, used, level, header, payload, mic), openings
    )
    if found is None:
        record_failure(reading, MAC, candidates)
        return None
    key, clear = found
    record_opened(reading, MAC, key)
    if not mic:
        reading.issue("warning", LAYER, 0, "opened without an integrity code: nothing proves the key")
    elif reading.trusted:
        record_proof(reading, candidates, key)
        # Sent again, a frame keeps its sequence number, but information elements that name times may have changed.
        again = crc32(mic) if reading.mac_seq is None else reading.mac_seq
        record_counter(reading, MAC, sender, key.value, used, again, aux.start + 1)
    return clear
