"""Reads the ZigBee NWK layer of one frame: header, security, commands, inter-PAN stubs.

Sources: ZigBee 05-3474 R22 clauses 3.3, 3.4, 4.3; Smart Energy 07-5356 annex H.
"""

from __future__ import annotations

from dissectors.ieee802154.zigbee_beacon import ZigbeeBeacon
from dissectors.layout import Layer
from dissectors.layout.reading import CommandSet, Reading, read_command
from dissectors.model.cursor import Cursor
from dissectors.model.field import Field
from dissectors.security.candidates import Candidates
from dissectors.security.recording import record_failure
from dissectors.zigbee.aps.read import read_aps, read_inter_pan_aps
from dissectors.zigbee.learning import learn_addresses, learn_announced, learn_pan_change
from dissectors.zigbee.nwk.commands import NWK_COMMAND_NAMES, NWK_COMMANDS, NwkCommandId
from dissectors.zigbee.nwk.headers import COMMAND, NWK_TYPES, InterPanHeader, NwkHeader
from dissectors.zigbee.security.candidates import UNKNOWN_HOP, KnownCandidates
from dissectors.zigbee.security.opening import NWK, SecuredFrame, read_auxiliary

__all__ = ["read_beacon_payload", "read_inter_pan", "read_nwk"]

LAYER = NWK.name
NAME = "ZigBee NWK"
REJOIN_RESPONSE, NETWORK_UPDATE = 0x07, 0x0A
COMMANDS = CommandSet("nwk", NAME, NwkCommandId, NWK_COMMAND_NAMES, NWK_COMMANDS)


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
        learn_addresses(reading, header, None, verified=False)
        read_payload(reading, header, cursor, buffer, branch)
        return
    aux = read_auxiliary(reading, NWK, cursor, buffer, branch)
    if aux is not None:
        open_nwk(reading, header, SecuredFrame(NWK, header.start, aux, cursor), buffer, branch)


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


def open_nwk(reading: Reading, header: NwkHeader, frame: SecuredFrame, buffer: str, branch: Field) -> None:
    """Check and decrypt the NWK payload; go on in it when a key fits."""
    columns, context, aux = reading.out.columns, reading.context, frame.aux
    columns.update(aux.column_values())
    columns["nwk_digest"] = frame.digest
    sender = aux.get("source")
    if sender is None:
        sender = reading.sender_eui64 or context.addresses.eui64(reading.pan, reading.sender_short)
    candidates: Candidates = UNKNOWN_HOP
    if sender is not None:
        columns["nwk_sender"] = sender
        known = context.state(KnownCandidates)
        candidates = known.network(context, reading.pan, aux.get("key_sequence"))
    opened = frame.open(context, candidates, sender or 0)
    if opened is None:
        record_failure(reading, NWK, candidates)
    frame.put(reading, buffer, branch, opened)
    if opened is None:
        learn_addresses(reading, header, aux, verified=False)
        reading.set_summary(NAME, f"NWK {NWK_TYPES[header.bit('frame_type')]}, encrypted")
        return
    frame.record(reading, candidates, opened, sender or 0, opened.key.value, reading.retransmission_mark())
    if reading.out.columns["nwk_security"] == "ok":
        learn_addresses(reading, header, aux, verified=True)
    inner = reading.open_buffer(opened.clear, buffer, aux.end)
    read_payload(reading, header, reading.cursor(inner, LAYER), inner, branch)


def read_payload(reading: Reading, header: NwkHeader, cursor: Cursor, buffer: str, branch: Field) -> None:
    """A NWK payload in clear: a command, or APS."""
    if header.bit("frame_type") != COMMAND:
        read_aps(reading, cursor, buffer)
        return
    cursor.layer = LAYER
    found = read_command(reading, COMMANDS, cursor, buffer, branch if buffer == "frame" else None)
    if found is None:
        return
    command, layer, _ = found
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
