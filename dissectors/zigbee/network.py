"""Reads the ZigBee NWK layer of one frame: header, security, commands, inter-PAN stubs.

Sources: ZigBee 05-3474 R22 clauses 3.3, 3.4, 4.3; Smart Energy 07-5356 annex H.
"""

from __future__ import annotations

from zlib import crc32

from dissectors.counters import REPLAYED, CounterUse, FrameCounters
from dissectors.cursor import Cursor
from dissectors.errors import Truncated
from dissectors.field import Field
from dissectors.ieee802154.zigbee_beacon import ZigbeeBeacon
from dissectors.keyring import Key
from dissectors.layout import Layer
from dissectors.reading import Ciphertext, Mic, Reading, command_rows
from dissectors.zigbee.application import read_aps, read_inter_pan_aps
from dissectors.zigbee.keys import KeyProofs, OpenedFrame, open_sealed
from dissectors.zigbee.learn import assume_addresses, learn_addresses, learn_announced, learn_pan_change
from dissectors.zigbee.nwk import COMMAND, NWK_TYPES, AuxHeader, InterPanHeader, NwkHeader
from dissectors.zigbee.nwk_commands import NWK_COMMAND_NAMES, NWK_COMMANDS, NwkCommandId
from dissectors.zigbee.proofs import CODE_DOES_NOT_MATCH, UNKNOWN_HOP, network_reason

__all__ = ["read_beacon_payload", "read_inter_pan", "read_nwk"]

LAYER = "zigbee.nwk"
NAME = "ZigBee NWK"
REJOIN_RESPONSE, NETWORK_UPDATE = 0x07, 0x0A
MIC_OCTETS = 4


def read_nwk(reading: Reading, cursor: Cursor, buffer: str) -> None:
    """Read a NWK frame from its first octet to the end of the cursor, and what it carries."""
    cursor.layer = LAYER
    header = NwkHeader.read(cursor)
    secured = header.error is None and bool(header.bit("security"))
    if header.error is not None:
        header.keep_undissected(cursor)
    branch = reading.put(header, buffer)
    put_columns(reading, header)
    kind = NWK_TYPES[header.bit("frame_type")]
    reading.set_summary(NAME, f"NWK {kind}" if header.error is None else "Truncated frame")
    if header.error is not None:
        return
    if not secured:
        assume_addresses(reading, header, None)
        read_payload(reading, header, cursor, buffer, branch)
        return
    aux = AuxHeader.read(cursor)
    if aux.error is None and cursor.remaining < MIC_OCTETS:
        aux.error = Truncated(MIC_OCTETS, cursor.remaining, layer=LAYER, offset=cursor.offset)
    if aux.error is not None:
        aux.keep_undissected(cursor)
        reading.out.columns["nwk_security"] = "no_key"
        reading.set_not_opened("nwk", "the NWK security header or the integrity code is cut off")
    reading.put(aux, buffer, branch)
    if aux.error is None:
        open_nwk(reading, header, aux, cursor, buffer, branch)


def put_columns(reading: Reading, header: NwkHeader) -> None:
    """What the NWK header says, as columns; EUI-64s from the address map where the header has none."""
    columns, get, addresses = reading.out.columns, header.get, reading.context.addresses
    columns.update(header.column_values())
    columns["nwk_security"] = "none"
    source, destination = get("src_eui64"), get("dst_eui64")
    if source is None:
        source = addresses.eui64(reading.pan, get("src"))
    if destination is None:
        destination = addresses.eui64(reading.pan, get("dst"))
    reading.source, reading.destination = source, destination
    reading.nwk_src, reading.nwk_dst, reading.nwk_seq = get("src"), get("dst"), get("sequence")
    values = {"nwk_src_eui64": source, "nwk_dst_eui64": destination}
    columns.update({name: value for name, value in values.items() if value is not None})


def open_nwk(
    reading: Reading, header: NwkHeader, aux: AuxHeader, cursor: Cursor, buffer: str, branch: Field
) -> None:
    """Check and decrypt the NWK payload; go on in it when a key fits."""
    columns, sequence = reading.out.columns, aux.get("key_sequence")
    columns.update(aux.column_values())
    columns["nwk_digest"] = int.from_bytes(cursor.data[cursor.end - 4 : cursor.end], "little")
    source = aux.get("source")
    if source is None:
        source = reading.sender_eui64 or reading.context.addresses.eui64(reading.pan, reading.sender_short)
    if source is not None:
        columns["nwk_sender"] = source
    opened = None
    if source is None:
        columns["nwk_security"] = "no_key"
        reading.set_not_opened("nwk", UNKNOWN_HOP)
    else:
        keys = ((k, k.value) for k in reading.context.keyring.network_keys(reading.pan, sequence))
        opened, tried = open_sealed(keys, source, aux, header.start, cursor.data, cursor.end)
        if opened is None:
            record_failure(reading, tried, sequence)
    mic = (0, 4, 8, 16)[opened.level & 3] if opened is not None else MIC_OCTETS
    reading.put_octets(cursor, buffer, branch, Ciphertext, cursor.remaining - mic)
    reading.put_octets(cursor, buffer, branch, Mic)
    if opened is None or source is None:
        assume_addresses(reading, header, aux)
        reading.set_summary(NAME, f"NWK {NWK_TYPES[header.bit('frame_type')]}, encrypted")
        return
    record_opened(reading, opened, source, aux)
    if reading.out.columns["nwk_security"] == "ok":
        learn_addresses(reading, header, aux)
    inner = reading.open_buffer(opened.clear)
    read_payload(reading, header, reading.cursor(inner, LAYER), inner, branch)


def record_failure(reading: Reading, tried: list[Key], sequence: int | None) -> None:
    """No key fits: the frame is at fault where a key of this very network is held, else one is missing."""
    proofs, pan = reading.context.state(KeyProofs), reading.pan
    own = [k for k in tried if k.pan == pan or ((pan, sequence), k.value) in proofs.proven]
    own = [k for k in own if k.sequence in (None, sequence)]
    reading.out.columns["nwk_security"] = "bad_mic" if own else "no_key"
    if own:
        reading.issue("warning", LAYER, 0, CODE_DOES_NOT_MATCH)
    reading.set_not_opened("nwk", network_reason(pan, sequence, len(tried), bool(own)))


def record_opened(reading: Reading, opened: OpenedFrame, source: int, aux: AuxHeader) -> None:
    """Remember what opened the frame; whether its counter is new."""
    columns = reading.out.columns
    reading.out.opened.append(("nwk", opened.key))
    columns["nwk_key"] = opened.key.origin
    columns["nwk_security"] = "ok"
    if not reading.trusted:
        return
    sequence = aux.get("key_sequence")
    reading.context.state(KeyProofs).proven.add(((reading.pan, sequence), opened.key.value))
    again = crc32(columns["nwk_digest"].to_bytes(4, "little"), reading.retransmission_mark())
    use = CounterUse(reading.raw.number, aux.frame_counter, reading.raw.time_ns, again)
    if reading.context.state(FrameCounters).replayed("nwk", source, opened.key.value, use):
        columns["nwk_security"] = "replay"
        reading.set_security_reason("nwk", REPLAYED)
        reading.issue("warning", LAYER, aux.start + 1, REPLAYED)


def read_payload(reading: Reading, header: NwkHeader, cursor: Cursor, buffer: str, branch: Field) -> None:
    """A NWK payload in clear: a command, or APS."""
    if header.bit("frame_type") != COMMAND:
        read_aps(reading, cursor, buffer)
        return
    cursor.layer = LAYER
    into = branch if buffer == "frame" else None
    identifier = NwkCommandId.read(cursor)
    branch = reading.put(identifier, buffer, into)
    command = identifier.get("command")
    if command is None:
        reading.set_summary(NAME, "Truncated frame")
        return
    reading.out.columns["nwk_command"] = command
    name = NWK_COMMAND_NAMES.get(command)
    reading.set_summary(NAME, name or "Unknown NWK command")
    kind = NWK_COMMANDS.get(command)
    if kind is None:
        reading.put_unread(cursor, buffer, branch, "NWK command without a table")
        return
    layer = kind.read(cursor)
    layer.reject_trailing(cursor)
    reading.put(layer, buffer, branch)
    reading.out.commands.extend(command_rows(reading, "nwk", command, name or "", layer))
    if layer.error is None and reading.out.columns["nwk_security"] == "ok":
        learn_from(reading, header, command, layer)


def learn_from(reading: Reading, header: NwkHeader, command: int, layer: Layer) -> None:
    """What is learnt from a verified command: new PAN IDs, the address of a device that rejoined."""
    if command == NETWORK_UPDATE:
        for pan in layer.get("pans") or ():
            learn_pan_change(reading, pan)
    elif command == REJOIN_RESPONSE and layer.status == 0 and header.get("dst_eui64") is not None:
        learn_announced(reading, layer.short_address, header.dst_eui64)


def read_inter_pan(reading: Reading, cursor: Cursor, buffer: str) -> None:
    """An inter-PAN frame: a NWK stub, and an APS header without endpoints."""
    cursor.layer = LAYER
    header = InterPanHeader.read(cursor)
    reading.put(header, buffer)
    reading.out.columns["nwk_type"] = "inter-pan"
    reading.out.columns["nwk_security"] = "none"
    reading.source, reading.destination = reading.sender_eui64, reading.receiver_eui64
    reading.set_summary(NAME, "Inter-PAN frame")
    read_inter_pan_aps(reading, cursor, buffer)


def read_beacon_payload(reading: Reading, cursor: Cursor, buffer: str) -> None:
    """The payload of a ZigBee beacon."""
    cursor.layer = "zigbee.beacon"
    layer = ZigbeeBeacon.read(cursor)
    layer.reject_trailing(cursor)
    reading.put(layer, buffer)
    epid = layer.get("extended_pan_id")
    if epid is not None:
        reading.out.columns["beacon_epid"] = epid
    reading.set_summary("Beacon", "ZigBee beacon")
